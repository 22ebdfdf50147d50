"""Wire cases as data: each file of cases/ is a story of requests, their replies, and the rows that it leaves.

A file is a JSON object: `about`, a sentence; `steps`, each with `function`, `data`, and the `reply`'s Data (or a
`status`, the StatusId, when it is refused); `rows`, SQL with the account as $1 and the rows that it gives. In what is
expected "<int>" stands for any whole number, and "<name>" remembers a value under its name: wherever the name occurs
again, the same value has to be, also in `data`.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.dialects.inforu.wire import Wire

FILES = sorted((Path(__file__).parent / "cases").glob("*.json"))
CASES: dict[str, Any] = {file.stem: json.loads(file.read_text("utf-8")) for file in FILES}


def is_name(value: object) -> bool:
    return isinstance(value, str) and value.startswith("<") and value.endswith(">")


def filled(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: filled(one, names) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, names) for one in value]
    return names[value] if is_name(value) else value


def matched(expected: Any, given: Any, names: dict[str, Any]) -> Any:
    """Give what is expected with its open places filled from what was given."""
    if isinstance(expected, dict) and isinstance(given, dict):
        return {key: matched(one, given.get(key), names) for key, one in expected.items()}
    if isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
        return [matched(one, other, names) for one, other in zip(expected, given, strict=True)]
    if expected == "<int>" and type(given) is int:
        return given
    return names.setdefault(expected, given) if is_name(expected) else expected


@pytest.mark.parametrize("name", CASES)
async def test_the_story_goes_as_it_is_written(wire: Wire, name: str) -> None:
    case = CASES[name]
    names: dict[str, Any] = {}
    for step in case["steps"]:
        if step["function"] == "(work off)":
            await wire.process_upload()
            continue
        reply = (await wire.post(step["function"], filled(step["data"], names))).json()
        assert reply["StatusId"] == step.get("status", 1), reply
        expected = matched(step.get("reply"), reply["Data"], names)
        assert reply["Data"] == expected
        # The order of keys is part of the contract.
        assert json.dumps(reply["Data"]) == json.dumps(expected)
    for check in case.get("rows", []):
        async with wire.runtime.db.transaction() as tx:
            found = [list(row.values()) for row in await tx.fetch(check["sql"], wire.account.account_id)]
        assert found == filled(check["rows"], names)
