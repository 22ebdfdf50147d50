"""`carillon link` and `carillon page`, as a person or a script calls them."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from click.testing import CliRunner, Result
from tests.integration.receiving import make_sending
from tests.support import MOMENT, Tenant

from carillon.cli import main
from carillon.db.database import Database, Tx
from carillon.events.log import NewEvent, append_events

PHONE = "306900000001"


@pytest.fixture(autouse=True)
def _on_database(own_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARILLON_DATABASE_URL", own_dsn)
    monkeypatch.setenv("CARILLON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CARILLON_LINK_URL", "https://s.example")
    monkeypatch.setenv("COLUMNS", "200")


async def run(*arguments: object) -> Result:
    """Call a command in a thread: it runs a loop of its own."""
    given = [str(argument) for argument in arguments]
    return await asyncio.to_thread(CliRunner().invoke, main, given, prog_name="carillon")


async def answer(*arguments: object) -> Any:
    result = await run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


async def test_urls_are_shortened_and_what_is_none_is_said(db: Database, account: Tenant) -> None:
    given = ("link", "shorten", "--account", account.account_id, "https://shop.example", "javascript:x")
    right, wrong = await answer(*given, "--expires-in", "30d")
    assert right["short_url"].startswith("https://s.example/")
    assert wrong == {"url": "javascript:x", "short_url": None}
    kept = await db.read(
        Tx.fetch, "SELECT url, expires_at - $2 AS left FROM link WHERE shard_key = $1", 1, db.clock.now()
    )
    assert [row["url"] for row in kept] == ["https://shop.example"]
    assert kept[0]["left"] > timedelta(days=29)
    assert "no link leads there" in (await run(*given)).stdout


async def test_clicks_of_a_sending_are_counted(db: Database, account: Tenant) -> None:
    sending_id, (message_id,) = await make_sending(db, account, addresses=[PHONE])
    new = [
        NewEvent(
            kind="clicked", at=MOMENT, sending_id=sending_id, message_id=message_id, data={"class": one, "name": "a"}
        )
        for one in ("human", "human", "machine")
    ]
    await db.run(append_events, account.account_id, new)
    of = ("link", "report", "--account", account.account_id)
    counted = {"name": "a", "human": 2, "human_unique": 1, "machine": 1, "machine_unique": 1}
    assert await answer(*of, sending_id) == [counted]
    assert (await run(*of, UUID(int=7))).stdout == "Nobody has opened a link of it.\n"


async def test_callbacks_tell_clicks_of_people_alone_or_all(db: Database, account: Tenant) -> None:
    read = "SELECT human_clicks_only FROM account WHERE account_id = $1"
    for which, only in (("human", True), ("all", False)):
        await answer("link", "callbacks", which, "--account", account.account_id)
        assert await db.read(Tx.fetchval, read, account.account_id) is only


async def test_a_domain_is_added_listed_and_removed(account: Tenant) -> None:
    of = ("--account", account.account_id)
    added = await answer("link", "domain", "add", "https://Go.shop.example", *of)
    assert (added["host"], added["verified_at"]) == ("go.shop.example", None)
    printed = (await run("link", "domain", "add", "https://go.shop.example", *of)).stdout
    assert added["token"] in printed
    assert [one["host"] for one in await answer("link", "domain", "list", *of)] == ["go.shop.example"]
    refused = await run("link", "domain", "check", "nobody.invalid", *of)
    assert (refused.exit_code, refused.stdout) == (1, "")
    await answer("link", "domain", "remove", "go.shop.example", *of)
    assert await answer("link", "domain", "list", *of) == []


async def test_pages_are_saved_shown_listed_and_removed(account: Tenant, tmp_path: Path) -> None:
    of = ("--account", account.account_id)
    page = tmp_path / "spring.html"
    await asyncio.to_thread(page.write_text, "<p>{{ name }}</p>")
    assert await answer("page", "save", "spring", page, *of) == {"key": "spring"}
    assert (await run("page", "show", "spring", *of)).stdout == "<p>{{ name }}</p>\n"
    assert [(one["key"], one["characters"]) for one in await answer("page", "list", *of)] == [("spring", 17)]
    await answer("page", "remove", "spring", *of)
    assert (await run("page", "show", "spring", *of)).exit_code == 1
    for broken in (b"{{", b"\xff"):
        await asyncio.to_thread(page.write_bytes, broken)
        refused = await run("page", "save", "spring", page, *of)
        assert (refused.exit_code, "template" in refused.stderr) == (1, True)
