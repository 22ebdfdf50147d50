"""Texts of others, on a terminal: on one line, and without what a terminal would act on."""

from collections.abc import Iterator


def visible(text: str) -> str:
    """Keep a text on one line, and its control characters from the terminal."""
    return "".join(_printable(text))


def _printable(text: str) -> Iterator[str]:
    for character in text:
        if character.isprintable():
            yield character
        else:
            yield {"\n": " ⏎ ", "\t": " "}.get(character, "�")
