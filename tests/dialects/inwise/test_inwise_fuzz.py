"""Whatever is sent, nothing answers 500: a grammar of bodies of known words, hostile values, and bytes of any kind."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.dialects import fuzzing
from tests.dialects.inwise.wire import Wire, batch

from carillon.dialects.inwise.operations import OPERATIONS
from carillon.dialects.rest import Operation

pytestmark = pytest.mark.any_database

BOUNDED = fuzzing.bounded(60)
NAMES = {name for one in OPERATIONS for name in one.reference}
OWN = (
    *("0525550001", "+972525550001", "tal@example.com", "field1", "field21", "[Email]"),
    *("Email,Mobile\ntal@example.com,0525550001\n", 'Email\n"tal@example.com'),
)
HOSTILE = [*OWN, *fuzzing.HOSTILE]
CELLS = [one for one in HOSTILE if isinstance(one, str)]
ANY_OPERATION = st.sampled_from(OPERATIONS)


def path_of(operation: Operation, segment: str = "7") -> str:
    return operation.path.removeprefix("/rest/v1").replace("{id}", segment)


def assert_is_answered(reply: httpx.Response) -> None:
    assert reply.status_code in {200, 401, 404, 405, 413, 422}, reply.text
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    if reply.status_code != 200:
        assert reply.json()["code"] == reply.status_code


@BOUNDED
@given(operation=ANY_OPERATION, body=fuzzing.bodies(NAMES, OWN) | fuzzing.trees(NAMES, OWN))
async def test_trees_of_known_words_are_answered(wire: Wire, operation: Operation, body: object) -> None:
    assert_is_answered(await wire.call(operation.method, path_of(operation), content=json.dumps(body)))


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.title)
async def test_every_parameter_of_a_good_request_may_have_any_hostile_value(wire: Wire, operation: Operation) -> None:
    for name in operation.reference:
        for value in HOSTILE:
            body = json.loads(json.dumps(operation.sample or {}))
            places = [one for items in body.values() if isinstance(items, list) for one in items if name in one]
            (places[0] if places else body)[name] = value
            assert_is_answered(await wire.call(operation.method, path_of(operation), content=json.dumps(body)))
    await wire.feed()


@BOUNDED
@given(cells=st.lists(st.lists(st.sampled_from(CELLS) | st.text(max_size=8), max_size=5), max_size=6))
async def test_files_of_any_cells_are_answered(wire: Wire, cells: list[list[str]]) -> None:
    csv_file = "E,M,F,B\n" + "\n".join(",".join(row) for row in cells)
    mapping = {"E": "[Email]", "M": "[MobileNumber]", "F": "field5", "B": "21"}
    for update in (True, False):
        body = batch(csv_file, mapping, updateExistingContacts=update)
        assert_is_answered(await wire.call("POST", "/contacts/batchInsert", content=json.dumps(body)))
    await wire.feed()


@BOUNDED
@given(
    operation=ANY_OPERATION,
    content=st.binary(max_size=200),
    start=st.sampled_from([b"", b"{", b'{"email":', b'{"csv_file":"', b"\xef\xbb\xbf"]),
)
async def test_bytes_of_any_kind_are_answered(wire: Wire, operation: Operation, content: bytes, start: bytes) -> None:
    assert_is_answered(await wire.call(operation.method, path_of(operation), content=start + content))


@BOUNDED
@given(segment=st.text(min_size=1, max_size=30), query=st.text(max_size=40), key=st.binary(max_size=60))
async def test_segments_queries_and_keys_of_any_kind_are_answered(
    wire: Wire, segment: str, query: str, key: bytes
) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in segment.encode("utf-8", "replace"))
    assert_is_answered(await wire.call("GET", f"/contacts/{encoded}", params={"q": query}))
    key = bytes(byte for byte in key if byte >= 32)
    assert_is_answered(await wire.call("GET", "/contacts", headers={b"X-API-Key": key}))
