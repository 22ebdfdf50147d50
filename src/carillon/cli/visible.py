"""What people read on a terminal: others' texts without what a terminal would act on, and phones with a plus."""

import re

# Controls, which begin a terminal's commands, ends of lines, surrogates, and what turns the order of letters around.
_ACTED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_ON_ONE_LINE = str.maketrans({"\n": " ⏎ ", "\t": " "})


def harmless(text: str) -> str:
    """Keep from the terminal what it would act on, but for lines and tabs."""
    return _ACTED_ON.sub("�", text)


def visible(text: str) -> str:
    """Keep a text on one line as well."""
    return harmless(text).translate(_ON_ONE_LINE)


def visible_address(address: str | None) -> str | None:
    """Show an address as people read it: E.164 digits with their plus, which no other number is read as."""
    from carillon.addresses.dialling import E164_DIGITS  # noqa: PLC0415 - `--help` needs none of it

    return f"+{address}" if address and E164_DIGITS.fullmatch(address) else address
