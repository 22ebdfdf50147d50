"""The tolerant reading: a tree of JSON's values into a request, whatever the case of its keys and type of its leaves.

Vendors' clients send `"groupId": "3002356"`, `"value": 5` and names that we do not know, queries are all text, and so
is XML. A request is a Struct whose fields have a default each; `Meta` says of one whether it is required, what else it
is called (`aliases`), how many items a list or an object may have (`limit`), whether a list's items have objects in
them (`nested`), whether nothing but a list will do (`only_list`), and whether only JSON's own type of the value
will do (`typed`). A list that is none of these may be one item alone, or an object that wraps the items as XML does. An
object whose names are all numbers is always a list: so PHP writes one that has had items taken out, and {} for one that
was made an object.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from carillon.errors import InvalidInputError, MissingInputError, TooManyItemsError
from carillon.http.body import MAX_VALUES, count_any

Wanted = TypeVar("Wanted", bound=msgspec.Struct)

_FEW_BYTES = 1_000_000
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_YES, _NO = {"true", "1", "yes", "on"}, {"false", "0", "no", "off"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a request: its names (the wire's first), its type, and what is said of it."""

    attribute: str
    names: tuple[str, ...]
    type: inspect.Type
    required: bool
    description: str
    extra: Mapping[str, Any]


@cache
def parameters(request: type[msgspec.Struct]) -> tuple[Parameter, ...]:
    """List a request's parameters in their order."""
    described = inspect.type_info(request)
    if not isinstance(described, inspect.StructType):
        raise TypeError(f"{request} is no Struct")
    return tuple(_parameter(field) for field in described.fields)


def _parameter(field: inspect.Field) -> Parameter:
    kind, extra, schema = field.type, dict[str, Any](), dict[str, Any]()
    while isinstance(kind, inspect.Metadata):
        extra |= kind.extra or {}
        schema |= kind.extra_json_schema or {}
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        kind = next(one for one in kind.types if not isinstance(one, inspect.NoneType))
    return Parameter(
        attribute=field.name,
        names=(field.encode_name, *extra.get("aliases", ())),
        type=kind,
        required=bool(extra.get("required")),
        description=schema.get("description", ""),
        extra=extra,
    )


@cache
def _by_name(request: type[msgspec.Struct]) -> Mapping[str, tuple[Parameter, bool, bool, int]]:
    """Return parameters by their names as they are spelt and in lower case; whether one is an alias, and of a text.

    The number is how many members an object may have; 0 for what is none.
    """
    known = {
        name.lower(): (
            one,
            name.lower() != one.names[0].lower(),
            isinstance(one.type, inspect.StrType),
            one.extra["limit"] if isinstance(one.type, inspect.DictType) else 0,
        )
        for one in reversed(parameters(request))
        for name in one.names
    }
    return {**{name: known[name.lower()] for one in parameters(request) for name in one.names}, **known}


def require_few_values(text: bytes, path: str) -> None:
    """Refuse JSON of very many values before it is decoded: they take fifty times its size in memory.

    Commas in texts are counted, too: 5,000 contacts with all that a vendor has are two thirds of the limit. Raises
    InvalidInputError for `path`.
    """
    if len(text) > _FEW_BYTES and count_any(text, b",[{") > MAX_VALUES:
        raise InvalidInputError(path, f"It has more than {MAX_VALUES} values.")


def within(path: str, name: str) -> str:
    """Name a member of what is at a path, which is empty at the root."""
    return f"{path}.{name}" if path else name


def read_request(request: type[Wanted], tree: object, path: str = "") -> Wanted:
    """Read a tree as a request. Unknown names are ignored; null, and a blank where a number belongs, is absence.

    A parameter's own name wins over its aliases. Raises InvalidInputError with the place of what can't be read, and
    TooManyItemsError.
    """
    if tree is None or tree == "":
        return request()
    if not isinstance(tree, Mapping):
        raise InvalidInputError(path or "body", "An object belongs here.")
    known = _by_name(request)
    values: dict[str, Any] = {}
    for key, given in tree.items():
        found = known.get(key) or known.get(key.lower())
        if found is None or given is None:
            continue
        parameter, is_alias, is_text, members = found
        if is_alias and values.get(parameter.attribute) not in (None, ""):
            continue
        # Most are texts under their own names, or objects as they are, thousands of them in a call.
        is_plain = (is_text and given.__class__ is str and "\0" not in given) or (
            members > 0 and given.__class__ is dict and len(given) <= members
        )
        value = given if is_plain else _read(parameter, given, within(path, parameter.names[0]))
        if value is not None and not (is_alias and value == "" and parameter.attribute in values):
            values[parameter.attribute] = value
    return request(**values)


def _read(parameter: Parameter, given: object, path: str) -> Any:
    if parameter.extra.get("typed"):
        _require_type(parameter, given, path)
    match parameter.type:
        case inspect.StrType():
            return read_text(given, path)
        case inspect.IntType():
            return _whole(given, path)
        case inspect.BoolType():
            return read_flag(given, path)
        case inspect.ListType():
            return _read_items(given, parameter.extra, path)
        case inspect.DictType():
            return _read_members(given, parameter.extra["limit"], path)
    raise TypeError(f"no request has a parameter of {parameter.type}")


def _require_type(parameter: Parameter, given: object, path: str) -> None:
    match parameter.type:
        case inspect.StrType():
            read_typed_text(given, path)
        case inspect.ListType() if not (isinstance(given, list) or given == "" or is_numbered(given)):
            # What is shown may come back as it was: the items in an object, under a name of their own.
            members = list(given.values()) if isinstance(given, Mapping) and "item" in parameter.extra else []
            if not (len(members) == 1 and isinstance(members[0], list)):
                raise InvalidInputError(path, "A list belongs here.")


def is_numbered(given: object) -> bool:
    """Tell a list as PHP writes one that has had items taken out, or that was made an object."""
    return isinstance(given, Mapping) and all(name.isdigit() for name in given)


def _read_items(given: object, extra: Mapping[str, Any], path: str) -> list[Any]:
    limit: int = extra["limit"]
    # Counted before they are looked at: millions of items would hold the process up for seconds.
    if isinstance(given, list) and (extra.get("nested") or extra.get("typed") or len(given) > limit):
        items = given
    elif isinstance(given, Mapping) and is_numbered(given):
        items = list(given.values())
    elif extra.get("only_list") and not isinstance(given, list):
        raise InvalidInputError(path, f"A list{' of objects' if 'item' in extra else ''} belongs here.")
    elif given == "" or _wraps_nothing(given, extra.get("item")):
        items = []
    elif extra.get("nested"):
        raise InvalidInputError(path, "A list belongs here.")
    elif "item" in extra and not isinstance(given, list | Mapping):
        raise InvalidInputError(path, "A list of objects belongs here.")
    else:
        items = _listed(given)
    if len(items) > limit:
        raise TooManyItemsError(limit=limit, given=len(items), field=path)
    # What an item is, is the function's to say: one that can't be read costs only itself. XML has "" for an object.
    return [{} if one == "" else one for one in items] if "item" in extra else list(items)


def _read_members(given: object, limit: int, path: str) -> dict[str, Any]:
    """Take an object as it is: what its members are is the function's to say."""
    if given == "":
        return {}
    if not isinstance(given, dict):
        raise InvalidInputError(path, "An object belongs here.")
    if len(given) > limit:
        raise TooManyItemsError(limit=limit, given=len(given), field=path)
    return given


def _wraps_nothing(given: object, item: type[msgspec.Struct] | None) -> bool:
    """Tell an object that has an empty list only, under a name that no item's parameter has: a list without items."""
    if item is None or not isinstance(given, Mapping) or list(given.values()) != [[]]:
        return False
    (name,) = given
    return name.lower() not in _by_name(item)


def _may_wrap(given: object) -> bool:
    """Tell an object that can be a wrapping of items; a quick look, as there may be many thousands of objects."""
    return type(given) is dict and len(given) == 1 and type(next(iter(given.values()))) in {dict, list}


def _listed(given: object) -> list[Any]:
    """Return the items of a list in any of its spellings.

    A list; one item alone; or, as XML wraps items, an object whose only member is the item or the items. An item's own
    members are never objects, which tells the last two apart.
    """
    if isinstance(given, list):
        return [inner for one in given for inner in (_listed(one) if _may_wrap(one) else [one])]
    if given == "":
        return []
    if isinstance(given, Mapping) and len(given) == 1:
        (member,) = given.values()
        if isinstance(member, Mapping):
            return [member]
        if isinstance(member, list) and any(isinstance(one, Mapping) for one in member):
            return list(member)
    return [given]


def read_text(given: object, path: str) -> str:
    """Read a leaf as text: numbers and booleans as JSON spells them. Raises InvalidInputError for anything else."""
    if isinstance(given, str):
        if "\0" in given:
            raise InvalidInputError(path, "The text holds a NUL character.")
        return given
    if isinstance(given, bool):
        return "true" if given else "false"
    if isinstance(given, int):
        return str(given)
    if isinstance(given, float):
        return str(int(given)) if given.is_integer() else format(Decimal(repr(given)), "f")  # never 1e-06
    raise InvalidInputError(path, "A text belongs here.")


def read_typed_text(given: object, path: str) -> str:
    """Read a leaf that has to be a text in JSON, too. Raises InvalidInputError."""
    if not isinstance(given, str):
        raise InvalidInputError(path, "A text belongs here.")
    return read_text(given, path)


def as_json(value: object) -> str:
    """Write a value that isn't a text where it belongs, for the caller to find it again."""
    try:
        return msgspec.json.encode(value).decode()
    except RecursionError:  # near the depth at which decoding gives up
        return "…"


def _whole(given: object, path: str) -> int | None:
    if isinstance(given, float) and given.is_integer():
        given = int(given)
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if isinstance(given, str):
        text = given.strip()
        if not text:
            return None
        if _WHOLE.fullmatch(text):
            return int(text)
    raise InvalidInputError(path, "A whole number belongs here.")


def read_flag(given: object, path: str) -> bool | None:
    """Read a leaf as a boolean; a blank is None. Raises InvalidInputError."""
    text = read_text(given, path).strip().lower()
    if not text:
        return None
    if text in _YES | _NO:
        return text in _YES
    raise InvalidInputError(path, "true or false belongs here.")


def require(request: msgspec.Struct, path: str = "") -> None:
    """Raise MissingInputError for the first required parameter that is absent or blank."""
    for one in parameters(type(request)):
        value = getattr(request, one.attribute)
        if one.required and (not value or (isinstance(value, str) and value.isspace())):
            raise MissingInputError(within(path, one.names[0]))
