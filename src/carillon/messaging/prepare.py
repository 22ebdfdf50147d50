"""What is done of a request before its transaction: numbers read, texts rendered and measured, duplicates found."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast
from uuid import UUID

import polars as pl

from carillon.addresses.normalise import ambiguous_phones, normalise_phones
from carillon.addresses.phones import PhoneForm
from carillon.carriers.content import Content
from carillon.carriers.failures import Failure
from carillon.errors import InvalidInputError, MissingInputError
from carillon.messaging import instant
from carillon.messaging.options import PlannedFallback, write_planned
from carillon.messaging.sendings import MAX_REFERENCE_CHARACTERS, MAX_TEXT_CHARACTERS, Fallback, Recipients, Send
from carillon.text.encodings import Encoding
from carillon.text.placeholders import PlaceholderStyle, Template
from carillon.text.segments import count_units, measure_many
from carillon.text.typography import replace_typographic

_E164 = re.compile(r"[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSend:
    """A request that is ready for its transaction. `texts` are None where the sending's own text is sent as it is.

    `text` is what is stored, `shown` what arrives: they differ where values are sealed, which `seal` does for a sending
    (`sealed.py`). `fallback` is the request's, with its text as it is stored; `fallbacks` are what each recipient gets
    of it, as messages keep it, and are empty where there is none.
    """

    command: Send
    text: str = field(repr=False)
    shown: str = field(repr=False)
    seal: Callable[[UUID], bytes] | None = None
    encoding: Encoding | None
    numbers: Sequence[str | None] = field(repr=False)
    texts: Sequence[str | None] = field(repr=False)
    encodings: Sequence[Encoding | None]
    parts: Sequence[int]
    failures: Sequence[Failure | None]
    fallback: Fallback | None = None
    fallbacks: Sequence[str | None] = field(default=(), repr=False)


def prepare_send(command: Send, country: str, sealed: Mapping[str, str] | None = None) -> PreparedSend:
    """Prepare a request whose national numbers are those of a country. It is pure, and safe in threads.

    `sealed` are values of placeholders that are measured and not stored; such a text is the same for all.

    Raises InvalidInputError and MissingInputError for `text`, `reference`, and what `check_instant` does: what is wrong
    for all.
    """
    text = _checked_text(command)
    fallback = _checked_fallback(command)
    numbers = read_numbers(command.recipients, country)
    failures: list[Failure | None] = [None if number else Failure.ADDRESS_INVALID for number in numbers]
    shown = _with_values(text, sealed)
    texts, encodings, parts, encoding = _texts(command, shown, len(numbers))
    if not command.allows_duplicates:
        _exclude_duplicates(numbers, texts if command.same_text_only else [None] * len(numbers), failures)
    _exclude_unsendable(command, texts, encodings, parts, failures)
    return PreparedSend(
        command=command,
        text=text,
        shown=shown,
        encoding=encoding,
        numbers=numbers,
        texts=texts,
        encodings=encodings,
        parts=parts,
        failures=failures,
        fallback=fallback,
        fallbacks=_fallbacks(command, _shown_fallback(fallback, sealed), len(numbers)) if fallback else (),
    )


def _with_values(text: str, sealed: Mapping[str, str] | None) -> str:
    """Put values that are sealed into a text."""
    return Template.parse(text, PlaceholderStyle.BRACES).render(sealed) if sealed else text


def _shown_fallback(fallback: Fallback, sealed: Mapping[str, str] | None) -> Fallback:
    return replace(fallback, text=_with_values(fallback.text, sealed)) if sealed else fallback


def _checked_text(command: Send) -> str:
    text = replace_typographic(command.text) if command.replaces_typographic else command.text
    if command.channel == "im":
        instant.check_instant(command.sender, text, command.content or Content())
    elif not text:
        raise MissingInputError("text")
    if len(text) > MAX_TEXT_CHARACTERS or "\0" in text:
        raise InvalidInputError("text", f"A text has {MAX_TEXT_CHARACTERS} characters at most, and no null.")
    reference = command.reference
    if reference is not None and (len(reference) > MAX_REFERENCE_CHARACTERS or "\0" in reference):
        raise InvalidInputError("reference", f"A reference has {MAX_REFERENCE_CHARACTERS} characters at most.")
    return text


def _checked_fallback(command: Send) -> Fallback | None:
    fallback = command.fallback
    if fallback is None:
        return None
    if command.channel != "im":
        raise InvalidInputError("fallback", "Only an instant message has something that is sent where it fails.")
    text = replace_typographic(fallback.text) if fallback.replaces_typographic else fallback.text
    if not text:
        raise MissingInputError("fallback.text")
    if len(text) > MAX_TEXT_CHARACTERS or "\0" in text:
        raise InvalidInputError("fallback.text", f"A text has {MAX_TEXT_CHARACTERS} characters at most, and no null.")
    return replace(fallback, text=text)


def read_numbers(recipients: Recipients, country: str) -> list[str | None]:
    """Read the addresses of a request as E.164 digits."""
    if recipients.are_digits:
        return [one if _E164.fullmatch(one) else None for one in recipients.addresses]
    texts = pl.Series(recipients.addresses, dtype=pl.String)
    if recipients.phone_form is PhoneForm.NATIONAL:
        return normalise_phones(texts, country)["digits"].to_list()
    return [_digits(one) for one in ambiguous_phones(texts, country)["likely"].to_list()]


def _digits(likely: str | None) -> str | None:
    digits = (likely or "").removeprefix("+")
    return digits if _E164.fullmatch(digits) else None


def _exclude_duplicates(
    numbers: Sequence[str | None], texts: Sequence[str | None], failures: list[Failure | None]
) -> None:
    seen: set[tuple[str, str | None]] = set()
    for row, number in enumerate(numbers):
        if number is None:
            continue
        if (number, texts[row]) in seen:
            failures[row] = Failure.DUPLICATE
        seen.add((number, texts[row]))


def _exclude_unsendable(
    command: Send,
    texts: Sequence[str | None],
    encodings: Sequence[Encoding | None],
    parts: Sequence[int],
    failures: list[Failure | None],
) -> None:
    """Exclude what can't be written, or has too many parts or characters; all of a request whose button is broken."""
    if command.channel == "im":
        button = command.content.button if command.content else None
        is_broken = button is not None and not instant.is_link(button.url)
        for row, text in enumerate(texts):
            if is_broken:
                failures[row] = failures[row] or Failure.URL_INVALID
            elif text is not None and not 0 < len(text) <= instant.MAX_TEXT_CHARACTERS:
                failures[row] = failures[row] or Failure.TEXT_INVALID
        return
    for row, found in enumerate(encodings):
        too_long = command.max_parts is not None and parts[row] > command.max_parts
        if (found is None or too_long or texts[row] == "") and failures[row] is None:
            failures[row] = Failure.TEXT_INVALID


def _texts(
    command: Send, text: str, count: int
) -> tuple[Sequence[str | None], Sequence[Encoding | None], Sequence[int], Encoding | None]:
    """Render and measure the text of each recipient; once for all where it has no placeholders.

    An instant message has no encoding, and one part.
    """
    texts = _rendered_texts(text, command.placeholders, command.recipients.values, count)
    if command.channel == "im":
        return texts, [None] * count, [1] * count, None
    if not texts or texts[0] is None:
        (encoding,), (parts,) = measure_many([text], command.encodings)
        return texts, [encoding] * count, [parts] * count, encoding
    rendered = cast("Sequence[str]", texts)
    if command.replaces_typographic:
        rendered = [replace_typographic(one) for one in rendered]
    encodings, all_parts = measure_many(rendered, command.encodings)
    return rendered, encodings, all_parts, None


def _rendered_texts(
    text: str, style: PlaceholderStyle | None, values: Sequence[Mapping[str, str]] | None, count: int
) -> Sequence[str | None]:
    """Render the text of each recipient; None for all where it is the same."""
    template = Template.parse(text, style) if style else None
    if template is None or not template.keys or values is None:
        return [None] * count
    return [_rendered(template, one) for one in values]


def _fallbacks(command: Send, fallback: Fallback, count: int) -> Sequence[str | None]:
    """Return what each recipient's message keeps of the fallback; None where it can't be written."""
    second = replace(
        command,
        channel="sms",
        placeholders=command.placeholders if fallback.has_placeholders else None,
        encodings=fallback.encodings,
        replaces_typographic=fallback.replaces_typographic,
    )
    texts, encodings, parts, shared = _texts(second, fallback.text, count)
    if shared is not None and count:
        return [write_planned(PlannedFallback(encoding=shared, parts=parts[0]))] * count
    return [
        write_planned(PlannedFallback(text=text, encoding=encoding, parts=size)) if encoding and text else None
        for text, encoding, size in zip(texts, encodings, parts, strict=True)
    ]


def _rendered(template: Template, values: Mapping[str, str]) -> str:
    """Render a recipient's text; one that gets too long is empty, which excludes that recipient alone."""
    try:
        text = template.render(values)
    except InvalidInputError:
        return ""
    return text if len(text) <= MAX_TEXT_CHARACTERS else ""


def length_of(text: str, encoding: Encoding | None) -> int:
    """Count the units of a text: septets, octets or UTF-16 units."""
    return count_units(text, encoding) if encoding else len(text)
