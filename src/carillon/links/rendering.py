"""Rendering an account's landing pages: a template that it wrote, with a recipient's values, within fuel.

The engine is minijinja: it counts instructions and what texts and lists take, knows no Python object but the texts that
it is given, and reads no file (docs/adr/0050). What a page may do in a browser is said by its Content-Security-Policy.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from minijinja import Environment, TemplateError

from carillon.errors import InvalidInputError
from carillon.links.tags import refusal_of

MAX_TEMPLATE_CHARACTERS: Final = 100_000
FUEL: Final = 100_000
"""Instructions of the engine for one page."""

PAGE_POLICY: Final = (
    "default-src 'none'; img-src https: data:; style-src 'unsafe-inline' https:; font-src https: data:; "
    "media-src https:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
)
"""No script runs and no form is sent; the page has no origin, and so nothing of another page's."""

_NAME = "page.html"  # its ending has values escaped as HTML is
_ENCODINGS = 64


@lru_cache(maxsize=_ENCODINGS)
def _environment(template: str) -> Environment:
    refusal = refusal_of(template)
    if refusal is not None:
        raise InvalidInputError("template", refusal)
    environment = Environment(fuel=FUEL, undefined_behavior="chainable")
    # What is no page's: values that are not escaped, and the engine's own state.
    environment.remove_filter("safe")
    environment.remove_global("debug")
    environment.add_template(_NAME, template)
    return environment


def check_template(template: str) -> None:
    """Require a template that can be rendered. Raises InvalidInputError for `template`."""
    if len(template) > MAX_TEMPLATE_CHARACTERS or "\0" in template:
        raise InvalidInputError("template", f"A page has {MAX_TEMPLATE_CHARACTERS} characters at most, and no null.")
    render_page(template, {})


def render_page(template: str, values: Mapping[str, str]) -> str:
    """Render a page; a placeholder without a value is empty. Raises InvalidInputError for `template`."""
    try:
        return _environment(template).render_template(_NAME, **_without_nothing(values))
    except TemplateError as error:
        raise InvalidInputError("template", f"The page can't be rendered: {error.message}.") from None


def _without_nothing(values: Mapping[str, str]) -> dict[str, str]:
    return {str(key): str(value) for key, value in values.items()}
