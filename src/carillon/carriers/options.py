"""Reading a carrier's options: texts by name, as an operator gives them with `--option NAME=VALUE`."""

from collections.abc import Collection, Mapping

from carillon.errors import InvalidInputError

FIELD = "option"
"""The field of an InvalidInputError about an option."""


def read_number(options: Mapping[str, str], name: str, default: int, *, at_least: int = 1, at_most: int) -> int:
    """Read a whole number. Raises InvalidInputError."""
    text = options.get(name)
    if text is None:
        return default
    is_short_number = text.isascii() and text.isdecimal() and len(text) <= len(str(at_most))
    if not (is_short_number and at_least <= int(text) <= at_most):
        raise invalid_option(name, f"is a whole number from {at_least} to {at_most}")
    return int(text)


def read_flag(options: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    """Read yes or no. Raises InvalidInputError."""
    return read_choice(options, name, ("yes", "no"), default="yes" if default else "no") == "yes"


def read_choice(options: Mapping[str, str], name: str, choices: Collection[str], *, default: str) -> str:
    """Read one of some texts. Raises InvalidInputError."""
    text = options.get(name, default)
    if text not in choices:
        raise invalid_option(name, f"is one of {', '.join(choices)}")
    return text


def require_known(options: Mapping[str, str], known: Collection[str]) -> None:
    """Require that each option is a known one; a known name that ends with `.` has others after it.

    Raises InvalidInputError.
    """
    families = tuple(name for name in known if name.endswith("."))
    for name in options:
        if name not in known and not any(name.startswith(one) and name != one for one in families):
            raise invalid_option(name, f"is unknown; there are: {', '.join(known) or 'none'}")


def invalid_option(name: str, what: str) -> InvalidInputError:
    """Make the error of an option; `what` continues a sentence that begins with its name."""
    return InvalidInputError(FIELD, f"The option {name} {what}.")
