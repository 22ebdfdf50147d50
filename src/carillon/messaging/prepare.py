"""What is done of a request before its transaction: numbers read, texts rendered and measured, duplicates found."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast
from urllib.parse import quote
from uuid import UUID

import polars as pl

from carillon.addresses.normalise import ambiguous_phones, normalise_phones
from carillon.addresses.phone_readings import PhoneForm
from carillon.carriers.content import Content
from carillon.carriers.failures import Failure
from carillon.errors import InvalidInputError, MissingInputError
from carillon.links.shorten import MadeLinks
from carillon.messaging import instant
from carillon.messaging.options import PlannedFallback, write_planned
from carillon.messaging.sendings import MAX_REFERENCE_CHARACTERS, MAX_TEXT_CHARACTERS, Fallback, Recipients, Send
from carillon.text.encodings import Encoding
from carillon.text.placeholders import PlaceholderStyle, Template
from carillon.text.segments import count_units, measure_many
from carillon.text.typography import replace_typographic

_IN_URLS = "".join(map(chr, range(ord("!"), ord("~") + 1)))
_E164 = re.compile(r"[1-9][0-9]{6,14}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSend:
    """A request that is ready for its transaction.

    `text` is what is stored, `shown` what arrives: they differ where values are sealed, which `seal` does for a sending
    (`sealed.py`). `texts` are None where the sending's own text is sent as it is, or is rendered later; `length` is of
    all where it is the same. `fallback` is the request's, with its text as it is stored; `fallbacks` are what each
    recipient gets of it, as messages keep it, and are empty where there is none. `button_urls`, where recipients'
    buttons lead, are empty where that is the same for all. `links` of recipients, and `shared_links` of all, have their
    codes, and no rows yet.
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
    length: int | None = None
    links: MadeLinks | None = None
    shared_links: MadeLinks | None = None
    fallback: Fallback | None = None
    fallbacks: Sequence[str | None] = field(default=(), repr=False)
    button_urls: Sequence[str | None] = field(default=(), repr=False)


def prepare_send(  # noqa: PLR0913 - what was made for it before
    command: Send,
    country: str,
    sealed: Mapping[str, str] | None = None,
    *,
    links: MadeLinks | None = None,
    shared_links: MadeLinks | None = None,
    renders: bool = True,
) -> PreparedSend:
    """Prepare a request whose national numbers are those of a country. It is pure, and safe in threads.

    `sealed` are values of placeholders that are measured and not stored; such a text is the same for all. Without
    `renders` texts that differ in the codes of links alone are measured, and rendered by whoever writes them.

    Raises InvalidInputError and MissingInputError for `text`, `reference`, and what `check_instant` does: what is wrong
    for all.
    """
    text = _checked_text(command)
    fallback = _checked_fallback(command)
    numbers = read_numbers(command.recipients, country)
    failures: list[Failure | None] = [None if number else Failure.ADDRESS_INVALID for number in numbers]
    shown = _with_values(text, sealed)
    texts, encodings, parts, encoding, length = _texts(command, shown, len(numbers), links, renders=renders)
    if not command.allows_duplicates and len(set(numbers)) < len(numbers):
        compared = _compared(texts, links) if links else texts
        _exclude_duplicates(numbers, compared if command.same_text_only else [None] * len(numbers), failures)
    button_urls = _button_urls(command, len(numbers), links)
    if command.channel == "im":
        _exclude_unsendable_instant(command, texts, button_urls, failures)
    else:
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
        fallbacks=_fallbacks(command, _shown_fallback(fallback, sealed), len(numbers), links) if fallback else (),
        button_urls=button_urls,
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
    """Exclude what can't be written, or has too many parts."""
    for row, found in enumerate(encodings):
        too_long = command.max_parts is not None and parts[row] > command.max_parts
        if (found is None or too_long or texts[row] == "") and failures[row] is None:
            failures[row] = Failure.TEXT_INVALID


def _exclude_unsendable_instant(
    command: Send, texts: Sequence[str | None], button_urls: Sequence[str | None], failures: list[Failure | None]
) -> None:
    """Exclude texts without characters or with too many, and buttons that lead nowhere."""
    button = command.content.button if command.content else None
    is_broken = button is not None and not button_urls and not instant.is_link(button.url)
    for row, text in enumerate(texts):
        if is_broken or (button_urls and not instant.is_link(button_urls[row] or "")):
            failures[row] = failures[row] or Failure.URL_INVALID
        elif text is not None and not 0 < len(text) <= instant.MAX_TEXT_CHARACTERS:
            failures[row] = failures[row] or Failure.TEXT_INVALID


def _texts(
    command: Send, text: str, count: int, links: MadeLinks | None, *, renders: bool = True
) -> tuple[Sequence[str | None], Sequence[Encoding | None], Sequence[int], Encoding | None, int | None]:
    """Render and measure the text of each recipient; once for all where it has no placeholders.

    An instant message has no encoding, and one part.
    """
    is_alike = links is not None and command.channel != "im" and _are_alike(command, links, count)
    if is_alike and links is not None and not renders and command.placeholders:
        first = _rendered(Template.parse(text, command.placeholders), links.sample)
        (encoding,), (parts,) = measure_many([first], command.encodings)
        return [None if first else ""] * count, [encoding] * count, [parts] * count, None, length_of(first, encoding)
    values = command.recipients.values if links is None else _with_short_urls(command.recipients.values, links, count)
    texts = _rendered_texts(text, command.placeholders, values, count)
    if command.channel == "im":
        return texts, [None] * count, [1] * count, None, None if texts and texts[0] is not None else len(text)
    if not texts or texts[0] is None:
        (encoding,), (parts,) = measure_many([text], command.encodings)
        return texts, [encoding] * count, [parts] * count, encoding, length_of(text, encoding)
    rendered = cast("Sequence[str]", texts)
    if command.replaces_typographic:
        rendered = [replace_typographic(one) for one in rendered]
    if is_alike:
        (encoding,), (parts,) = measure_many(rendered[:1], command.encodings)
        return rendered, [encoding] * count, [parts] * count, None, length_of(rendered[0], encoding)
    encodings, all_parts = measure_many(rendered, command.encodings)
    return rendered, encodings, all_parts, None, None


def _button_urls(command: Send, count: int, links: MadeLinks | None) -> Sequence[str | None]:
    """Return where each recipient's button leads, encoded; none where it leads all to the same place."""
    if command.content is None or command.content.button is None:
        return ()
    values = command.recipients.values if links is None else _with_short_urls(command.recipients.values, links, count)
    urls = _rendered_texts(command.content.button.url, command.placeholders, values, count)
    return [quote(url or "", safe=_IN_URLS) for url in urls] if urls and urls[0] is not None else ()


def _with_short_urls(
    values: Sequence[Mapping[str, str]] | None, links: MadeLinks, count: int
) -> Sequence[Mapping[str, str]]:
    """Return recipients' values with the short URLs of their links; who stands behind those has none."""
    names = list(links.short.urls)
    short: list[Mapping[str, str]] = [
        dict(zip(names, row, strict=True)) for row in zip(*links.short.urls.values(), strict=True)
    ]
    short += [{}] * (count - len(short))
    return [{**own, **urls} for own, urls in zip(values, short, strict=True)] if values else short


def _are_alike(command: Send, links: MadeLinks, count: int) -> bool:
    """Tell whether texts differ in links alone, of one length: their codes have letters and digits of GSM."""
    if command.recipients.values is not None or len(links.rows) != count:
        return False
    return all(len({way.domain for way in column.distinct_ways}) == 1 for column in links.columns.values())


def _rendered_texts(
    text: str, style: PlaceholderStyle | None, values: Sequence[Mapping[str, str]] | None, count: int
) -> Sequence[str | None]:
    """Render the text of each recipient; None for all where it is the same."""
    template = Template.parse(text, style) if style else None
    if template is None or not template.keys or values is None:
        return [None] * count
    return [_rendered(template, one) for one in values]


def _fallbacks(command: Send, fallback: Fallback, count: int, links: MadeLinks | None) -> Sequence[str | None]:
    """Return what each recipient's message keeps of the fallback; None where it can't be written."""
    second = replace(
        command,
        channel="sms",
        placeholders=command.placeholders if fallback.has_placeholders else None,
        encodings=fallback.encodings,
        replaces_typographic=fallback.replaces_typographic,
    )
    texts, encodings, parts, shared, _ = _texts(second, fallback.text, count, links if second.placeholders else None)
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
