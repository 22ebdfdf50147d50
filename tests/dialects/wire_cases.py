"""Wire cases as data: what a client sends, what it is answered, and the rows that this leaves.

A case is a JSON file in `cases/<dialect>/`, an object with

* `about`: one sentence;
* `steps`, each either `{"call": "POST /path?query", "body": …, "headers": {…}, "reply": {"status": 200, "body": …,
  "headers": {…}}}`, sent with the dialect's credential unless `"anonymous": true`, where `body` may be a text that is
  sent as it is; or `{"do": "process uploads"}`, which is the worker's turn, or
  `{"do": "use the sandbox"}`, after which messages go to the simulated network, or `{"do": "write recipients"}`, which
  is the turn of the worker that writes those of groups;
* `rows`: SQL with the account as $1, and the rows that it returns.

In what is expected `"<int>"`, `"<text>"` and `"<any>"` stand for any value of that kind; any other `"<name>"` remembers
the value under its name, and wherever the name occurs again, in a path or a body too, the same value is meant.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import httpx
from structlog.testing import capture_logs
from tests.background import materialise_all, process_uploads
from tests.dialects.clients import DialectClients

from carillon.db.database import Tx
from carillon.kit.ids import AccountId
from carillon.runtime import Runtime

CASES = sorted((Path(__file__).parent / "cases").glob("*/*.json"))

_NAME = re.compile(r"<[a-z][a-z0-9 _]*>")
_KINDS: dict[str, type | tuple[type, ...]] = {"<int>": int, "<text>": str, "<any>": object}
_SANDBOX = "UPDATE account SET sandbox = true WHERE account_id = $1"
# An address: what has an @, or the digits of a phone.
_ADDRESS = re.compile(r"@|\d{7}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRunner:
    """Runs cases of one dialect against the application."""

    clients: DialectClients
    runtime: Runtime
    account_id: int
    dialect: str
    names: dict[str, Any] = field(default_factory=dict)
    in_paths: set[str] = field(default_factory=set)
    """The values that calls have had in their paths and queries."""

    async def run(self, case: dict[str, Any]) -> None:
        """Run a case; raise AssertionError where it goes otherwise, or where a log line shows a value of it."""
        with capture_logs() as lines:
            for number, step in enumerate(case["steps"], 1):
                await self._step(step, f"step {number}")
        logged = repr(lines)
        for value in {*_values(case["steps"]), *self.in_paths, *self.clients.keys[self.dialect].values()}:
            assert value not in logged, "a log line shows a value of the case"
        for check in case.get("rows", []):
            async with self.runtime.db.transaction() as tx:
                found = [list(row.values()) for row in await tx.fetch(check["sql"], self.account_id)]
            assert found == self._filled(check["rows"])

    async def _step(self, step: dict[str, Any], where: str) -> None:
        if step.get("do") == "process uploads":
            await process_uploads(self.runtime.db)
            return
        if step.get("do") == "write recipients":
            await materialise_all(self.runtime.db, AccountId(self.account_id))
            return
        if step.get("do") == "use the sandbox":
            await self.runtime.db.run(Tx.execute, _SANDBOX, self.account_id)
            return
        reply = await self._send(step)
        expected = step["reply"]
        assert reply.status_code == expected["status"], f"{where}: {reply.status_code} {reply.text}"
        for name, value in expected.get("headers", {}).items():
            assert reply.headers.get(name) == self._matched(value, reply.headers.get(name)), f"{where}: {name}"
        if "body" in expected:
            body = reply.json() if reply.content else None
            wanted = self._matched(expected["body"], body)
            assert body == wanted, where
            # The order of keys is part of the contract.
            assert json.dumps(body) == json.dumps(wanted), where

    async def _send(self, step: dict[str, Any]) -> httpx.Response:
        method, _, path = step["call"].partition(" ")
        headers = {} if step.get("anonymous") else await self.clients.headers(self.dialect)
        path = self._filled_text(path)
        self.in_paths.update(_path_values(path))
        body = self._filled(step.get("body"))
        content = None if body is None else body if isinstance(body, str) else json.dumps(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        return await self.clients.client.request(
            method, path, content=content, headers={**headers, **step.get("headers", {})}
        )

    def _filled_text(self, text: str) -> str:
        return _NAME.sub(lambda name: str(self.names[name[0]]) if name[0] in self.names else name[0], text)

    def _filled(self, value: Any) -> Any:
        """Put remembered values where their names are."""
        if isinstance(value, dict):
            return {key: self._filled(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._filled(one) for one in value]
        if isinstance(value, str):
            return self.names[value] if value in self.names else self._filled_text(value)
        return value

    def _matched(self, expected: Any, given: Any) -> Any:
        """Fill the open places of what is expected from what was given."""
        if isinstance(expected, dict) and isinstance(given, dict):
            return {key: self._matched(one, given.get(key)) for key, one in expected.items()}
        if isinstance(expected, list) and isinstance(given, list) and len(expected) == len(given):
            return [self._matched(one, other) for one, other in zip(expected, given, strict=True)]
        if not isinstance(expected, str):
            return expected
        if expected in _KINDS:
            return given if isinstance(given, _KINDS[expected]) and not isinstance(given, bool) else expected
        if _NAME.fullmatch(expected):
            return self.names.setdefault(expected, given)
        self._remember_parts(expected, given)
        return self._filled_text(expected)

    def _remember_parts(self, expected: str, given: Any) -> None:
        """Remember the values of names that stand inside a text, as in `…/contacts/<contact>`."""
        new = [name for name in _NAME.findall(expected) if name not in self.names]
        pattern = re.escape(self._filled_text(expected))
        for name in new:
            pattern = pattern.replace(re.escape(name), "([^/?]+)")
        if isinstance(given, str) and (found := re.fullmatch(pattern, given)):
            self.names.update(zip(new, found.groups(), strict=True))


def _values(tree: Any) -> Iterator[str]:
    """Yield the values of requests' bodies that must not be logged."""
    for step in tree:
        yield from _leaves(step.get("body"))


def _path_values(path: str) -> Iterator[str]:
    """Yield the values of a call's path and query that must not be logged, as they are sent and as they are read."""
    place, _, query = path.partition("?")
    for value in (*place.split("/"), *(pair.partition("=")[2] for pair in query.split("&"))):
        if _ADDRESS.search(unquote_plus(value)):
            yield from (value, unquote_plus(value))


def _leaves(tree: Any) -> Iterator[str]:
    if isinstance(tree, dict | list):
        for inner in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(inner)
    elif isinstance(tree, str) and _ADDRESS.search(tree):
        yield tree
