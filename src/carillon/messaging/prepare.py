"""What is done of a request before its transaction: numbers read, texts rendered and measured, duplicates found."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from carillon.addresses.normalise import ambiguous_phones, normalise_phones
from carillon.addresses.phones import PhoneForm
from carillon.carriers.failures import Failure
from carillon.errors import InvalidInputError, MissingInputError
from carillon.links.shorten import MadeLinks
from carillon.messaging.sendings import MAX_REFERENCE_CHARACTERS, MAX_TEXT_CHARACTERS, Recipients, Send
from carillon.text.encodings import Encoding
from carillon.text.placeholders import Template
from carillon.text.segments import count_units, measure_many
from carillon.text.typography import replace_typographic

_E164 = re.compile(r"[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSend:
    """A request that is ready for its transaction.

    `texts` are None where the sending's own text is sent as it is, or is rendered later; `length` is of all where it is
    the same. `links` of recipients, and `shared_links` of all, have their codes, and no rows yet.
    """

    command: Send
    text: str = field(repr=False)
    encoding: Encoding | None
    numbers: Sequence[str | None] = field(repr=False)
    texts: Sequence[str | None] = field(repr=False)
    encodings: Sequence[Encoding | None]
    parts: Sequence[int]
    failures: Sequence[Failure | None]
    length: int | None = None
    links: MadeLinks | None = None
    shared_links: MadeLinks | None = None


def prepare_send(
    command: Send,
    country: str,
    links: MadeLinks | None = None,
    shared_links: MadeLinks | None = None,
    *,
    renders: bool = True,
) -> PreparedSend:
    """Prepare a request whose national numbers are those of a country. It is pure, and safe in threads.

    Without `renders` texts that differ in the codes of links alone are measured, and rendered by whoever writes them.

    Raises InvalidInputError and MissingInputError for `text`, `reference`: what is wrong for all.
    """
    text = _checked_text(command)
    numbers = read_numbers(command.recipients, country)
    failures: list[Failure | None] = [None if number else Failure.ADDRESS_INVALID for number in numbers]
    texts, encodings, parts, encoding, length = _texts(command, text, len(numbers), links, renders=renders)
    if not command.allows_duplicates and len(set(numbers)) < len(numbers):
        compared = _compared(texts, links) if links else texts
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
        encodings=encodings,
        parts=parts,
        failures=failures,
        length=length,
        links=links,
        shared_links=shared_links,
    )


def _compared(texts: Sequence[str | None], links: MadeLinks) -> Sequence[str | None]:
    """Return texts by which repeated ones are found, also where they aren't rendered."""
    if None not in texts:
        return without_codes(texts, [(0, links)])
    targets = [zip(column.urls, column.ways, strict=True) for column in links.columns.values()]
    return [str(row) for row in zip(*targets, strict=True)]


def without_codes(texts: Sequence[str | None], links: Sequence[tuple[int, MadeLinks]]) -> list[str | None]:
    """Return texts with the targets of their links, from a place on, in the places of their codes.

    By a code no text would be like another.
    """
    found = list(texts)
    for start, made in links:
        for name, column in made.columns.items():
            rows = zip(made.short.codes[name], column.urls, column.ways, strict=True)
            for row, (code, url, way) in enumerate(rows, start):
                text = found[row]
                if text is not None:
                    found[row] = text.replace(code, f"{url} {way.page_key} {way.data}")
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
    command: Send, text: str, count: int, links: MadeLinks | None, *, renders: bool
) -> tuple[Sequence[str | None], Sequence[Encoding | None], Sequence[int], Encoding | None, int | None]:
    """Render and measure the text of each recipient; once for all where it has no placeholders."""
    template = Template.parse(text, command.placeholders) if command.placeholders else None
    values = command.recipients.values
    if template is None or not template.keys or (values is None and links is None):
        (encoding,), (parts,) = measure_many([text], command.encodings)
        return [None] * count, [encoding] * count, [parts] * count, encoding, length_of(text, encoding)
    is_alike = links is not None and values is None and len(links.rows) == count and _are_alike(links)
    if is_alike and links is not None and not renders:
        first = _rendered(template, {name: urls[0] for name, urls in links.short.urls.items()})
        (encoding,), (parts,) = measure_many([first], command.encodings)
        return [None if first else ""] * count, [encoding] * count, [parts] * count, None, length_of(first, encoding)
    rows = with_short_urls(values, links, count) if links is not None else values or ()
    rendered = [_rendered(template, one) for one in rows]
    if command.replaces_typographic:
        rendered = list(map(replace_typographic, rendered))
    if is_alike:
        (encoding,), (parts,) = measure_many(rendered[:1], command.encodings)
        return rendered, [encoding] * count, [parts] * count, None, length_of(rendered[0], encoding)
    encodings, all_parts = measure_many(rendered, command.encodings)
    return rendered, encodings, all_parts, None, None


def with_short_urls(
    values: Sequence[Mapping[str, str]] | None, links: MadeLinks, count: int
) -> list[Mapping[str, str]]:
    """Return recipients' values with the short URLs of their links; who stands behind those has none."""
    names = list(links.short.urls)
    short = [dict(zip(names, row, strict=True)) for row in zip(*links.short.urls.values(), strict=True)]
    short += [{}] * (count - len(short))
    return [{**own, **urls} for own, urls in zip(values, short, strict=True)] if values else list(short)


def _are_alike(links: MadeLinks) -> bool:
    """Tell whether texts that differ in links alone are of one length: codes have letters and digits of GSM."""
    return all(len(set(map(len, urls))) == 1 for urls in links.short.urls.values()) and all(
        len({way.domain for way in column.ways}) == 1 for column in links.columns.values()
    )


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
