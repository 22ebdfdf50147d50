"""What is done of a request before its transaction: numbers read, texts rendered and measured, duplicates found."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from carillon.addresses.normalise import ambiguous_phones, normalise_phones
from carillon.addresses.phones import PhoneForm
from carillon.carriers.failures import Failure
from carillon.errors import InvalidInputError, MissingInputError
from carillon.links.shorten import MadeLink
from carillon.messaging.sendings import MAX_REFERENCE_CHARACTERS, MAX_TEXT_CHARACTERS, Recipients, Send
from carillon.text.encodings import Encoding
from carillon.text.placeholders import Template
from carillon.text.segments import count_units, measure_many
from carillon.text.typography import replace_typographic

_E164 = re.compile(r"[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSend:
    """A request that is ready for its transaction.

    `texts` are None where the sending's own text is sent as it is. `compared` are those by which repeated ones are
    found: codes of links are not in them. `links` have their codes, and no rows yet.
    """

    command: Send
    text: str = field(repr=False)
    encoding: Encoding | None
    numbers: Sequence[str | None] = field(repr=False)
    texts: Sequence[str | None] = field(repr=False)
    compared: Sequence[str | None] = field(repr=False)
    encodings: Sequence[Encoding | None]
    parts: Sequence[int]
    failures: Sequence[Failure | None]
    links: Sequence[MadeLink] = ()


def prepare_send(command: Send, country: str, links: Sequence[MadeLink] = ()) -> PreparedSend:
    """Prepare a request whose national numbers are those of a country. It is pure, and safe in threads.

    Raises InvalidInputError and MissingInputError for `text`, `reference`: what is wrong for all.
    """
    text = _checked_text(command)
    numbers = read_numbers(command.recipients, country)
    failures: list[Failure | None] = [None if number else Failure.ADDRESS_INVALID for number in numbers]
    texts, encodings, parts, encoding = _texts(command, text, len(numbers))
    compared = _without_codes(texts, links)
    if not command.allows_duplicates:
        _exclude_duplicates(numbers, compared if command.same_text_only else [None] * len(numbers), failures)
    for row, found in enumerate(encodings):
        too_long = command.max_parts is not None and parts[row] > command.max_parts
        if (found is None or too_long or texts[row] == "") and failures[row] is None:
            failures[row] = Failure.TEXT_INVALID
    return PreparedSend(
        command=command,
        text=text,
        encoding=encoding,
        numbers=numbers,
        texts=texts,
        compared=compared,
        encodings=encodings,
        parts=parts,
        failures=failures,
        links=links,
    )


def _without_codes(texts: Sequence[str | None], links: Sequence[MadeLink]) -> Sequence[str | None]:
    """Return texts with the targets of their links in the places of their codes, by which none is like another."""
    if not links:
        return texts
    found = list(texts)
    for one in links:
        text = found[one.row] if one.row >= 0 else None
        if text is not None:
            found[one.row] = text.replace(one.code, f"{one.target.url} {one.target.page_key} {one.target.data}")
    return found


def _checked_text(command: Send) -> str:
    text = replace_typographic(command.text) if command.replaces_typographic else command.text
    if not text:
        raise MissingInputError("text")
    if len(text) > MAX_TEXT_CHARACTERS or "\0" in text:
        raise InvalidInputError("text", f"A text has {MAX_TEXT_CHARACTERS} characters at most, and no null.")
    reference = command.reference
    if reference is not None and (len(reference) > MAX_REFERENCE_CHARACTERS or "\0" in reference):
        raise InvalidInputError("reference", f"A reference has {MAX_REFERENCE_CHARACTERS} characters at most.")
    return text


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


def _texts(
    command: Send, text: str, count: int
) -> tuple[Sequence[str | None], Sequence[Encoding | None], Sequence[int], Encoding | None]:
    """Render and measure the text of each recipient; once for all where it has no placeholders."""
    template = Template.parse(text, command.placeholders) if command.placeholders else None
    values = command.recipients.values
    if template is None or not template.keys or values is None:
        (encoding,), (parts,) = measure_many([text], command.encodings)
        return [None] * count, [encoding] * count, [parts] * count, encoding
    rendered = [_rendered(template, one) for one in values]
    if command.replaces_typographic:
        rendered = [replace_typographic(one) for one in rendered]
    encodings, all_parts = measure_many(rendered, command.encodings)
    return rendered, encodings, all_parts, None


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
