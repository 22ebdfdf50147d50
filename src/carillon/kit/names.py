"""What may be a name that people give: to an account, an audience, a group, a purpose."""

from unicodedata import category

from carillon.errors import InvalidInputError

# Spaces and joiners of every kind belong to names beside what is seen; what turns the text around doesn't.
_NOT_IN_NAMES = {"Cc", "Cs", "Zl", "Zp"}
_OVERRIDES = {chr(code) for code in range(0x202A, 0x202F)}


def checked_name(given: str, limit: int) -> str:
    """Strip a name and check it.

    Raises InvalidInputError for `name`: too long, nothing that is seen, a control character or an override of the
    text's direction.
    """
    name = given.strip()
    kinds = {category(one) for one in name[: limit + 1]}
    is_seen = any(kind[0] not in "CZ" for kind in kinds)
    if len(name) > limit or not is_seen or kinds & _NOT_IN_NAMES or _OVERRIDES & set(name):
        raise InvalidInputError("name", f"A name has 1 to {limit} characters that can be seen.")
    return name


def changed_name(given: str, present: str | None, limit: int) -> str:
    """Check a name as `checked_name` does, but for the present one: what is called so already may stay so."""
    return present if present is not None and given.strip() == present else checked_name(given, limit)
