"""What people read on a terminal: others' texts without what a terminal would act on, and phones with a plus."""

from collections.abc import Iterator


def visible(text: str) -> str:
    """Keep a text on one line, and its control characters from the terminal."""
    return "".join(_printable(text))


def visible_address(address: str | None) -> str | None:
    """Show an address as people read it: E.164 digits with their plus, which no other number is read as."""
    from carillon.addresses.dialling import E164_DIGITS  # noqa: PLC0415 - `--help` needs none of it

    return f"+{address}" if address and E164_DIGITS.fullmatch(address) else address


def _printable(text: str) -> Iterator[str]:
    for character in text:
        if character.isprintable():
            yield character
        else:
            yield {"\n": " ⏎ ", "\t": " "}.get(character, "�")
