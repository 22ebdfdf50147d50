"""Values as JSON, each in a text of its own, for many at once."""

from collections.abc import Iterable

import msgspec

_encode_lines = msgspec.json.Encoder().encode_lines


def json_texts(values: Iterable[object]) -> list[str]:
    """Write each value as JSON: several times quicker than one by one. Within a value a line's end is escaped."""
    return _encode_lines(list(values)).decode().split("\n")[:-1]
