"""JSON of very many values is refused before it is decoded."""

import pytest

from carillon.dialects.reading import require_few_values
from carillon.dialects.rest import read_json
from carillon.errors import InvalidInputError
from carillon.http.body import MAX_VALUES


@pytest.mark.parametrize("value", [b"10", b"[]", b'{"a":1}', b'"text"'])
def test_json_of_too_many_values_is_refused_by_the_place_of_the_body(value: bytes) -> None:
    content = b"[" + b",".join([value] * MAX_VALUES) + b",1]"
    with pytest.raises(InvalidInputError, match="600000") as refused:
        read_json(content)
    assert refused.value.field == "body"


def test_as_many_as_are_allowed_are_read() -> None:
    content = b"[" + b",".join([b"10"] * (MAX_VALUES - 1)) + b"]"
    require_few_values(content, "body")
    assert len(read_json(content)) == MAX_VALUES - 1  # type: ignore[arg-type] # it is a list
