"""A database that the version before consents and group sets has filled answers as it did, after the upgrade.

`apifon_before_0020` holds what that version wrote through Apifon's API (`filled.sql`) and what it answered: `before` a
queued upload was written, and `after` where that changed it.
"""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.dialects.apifon.wire import Wire
from tests.support import MOMENT, OPERATOR, Tenant, new_key

from carillon.app import create_app
from carillon.audience.fields import ListFields, list_fields
from carillon.db.database import Database
from carillon.db.migrate import known_migrations, upgrade
from carillon.kit.clock import FixedClock
from carillon.kit.ids import AccountId, AudienceId
from carillon.outbound.client import HttpClient
from carillon.runtime import compose
from carillon.settings import Settings
from carillon.tenancy.accounts import OpenAccount, open_account
from carillon.tenancy.credentials import create_credential
from carillon.tenancy.secrets import SecretBox

FOLDER = Path(__file__).with_name("apifon_before_0020")
REPLIES = json.loads((FOLDER / "replies.json").read_text("utf-8"))
BEFORE: dict[str, Any] = REPLIES["before"]
AFTER: dict[str, Any] = BEFORE | REPLIES["after"]

GUESTS = "/services/api/v1/list/000000000000000000000002"


@pytest.fixture
async def filled_dsn(empty_dsn: str) -> str:
    """A database as the version before 0020 left it."""
    connection = await asyncpg.connect(empty_dsn)
    for migration in known_migrations():
        if migration.version < "0020":
            await connection.execute(migration.statements.replace(" CONCURRENTLY", ""))
            await connection.execute("INSERT INTO schema_migration VALUES ($1, $2)", migration.version, MOMENT)
    await connection.execute((FOLDER / "filled.sql").read_text("utf-8"))
    await connection.close()
    return empty_dsn


@pytest.fixture
async def filled_db(filled_dsn: str, clock: FixedClock) -> AsyncIterator[Database]:
    clock.moment = MOMENT + timedelta(minutes=3)
    database = await Database.connect(filled_dsn, clock=clock, size=4)
    yield database
    await database.close()


async def wire_of(db: Database, folder: Path) -> Wire:
    """Serve the database, and sign with a credential of its account."""
    box = SecretBox(folder / "secret.key")
    clock = db.clock
    assert isinstance(clock, FixedClock)
    runtime = compose(Settings(data_dir=folder), db, HttpClient())
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=1))
    made = await db.run(create_credential, actor, new_key("apifon"), box)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(create_app(runtime)), base_url="http://carillon.example")
    account = Tenant(account_id=AccountId(1), audience_id=AudienceId(1), actor=actor)
    return Wire(client=client, runtime=runtime, clock=clock, account=account, parts=made.parts)


async def answers(wire: Wire, asked: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for call in asked:
        method, path, *body = call.split(" ", 2)
        found[call] = (await wire.call(method, path, json.loads(body[0]) if body else None)).json()
    return found


async def test_every_reply_is_as_it_was_and_so_is_what_a_queued_upload_brings(
    filled_dsn: str, filled_db: Database, tmp_path: Path
) -> None:
    await upgrade(filled_dsn, now=MOMENT)
    wire = await wire_of(filled_db, tmp_path)
    assert await answers(wire, BEFORE) == BEFORE
    assert await wire.process_upload() == 1
    assert await answers(wire, AFTER) == AFTER


async def test_nothing_is_kept_twice(filled_dsn: str, filled_db: Database, tmp_path: Path) -> None:
    await upgrade(filled_dsn, now=MOMENT)
    wire = await wire_of(filled_db, tmp_path)
    fields = await filled_db.read(list_fields, wire.inside(GUESTS), ListFields())
    assert [one.name for one in fields] == ["joined", "offers_mobile_3"]
    async with filled_db.transaction() as tx:
        rows = await tx.fetch("SELECT DISTINCT jsonb_object_keys(fields) AS name FROM contact WHERE account_id = 1")
        assert {row["name"] for row in rows} == {"first_name", "offers_mobile_3"}
        kept = "SELECT DISTINCT jsonb_object_keys(attributes -> 'apifon') AS name FROM audience WHERE account_id = 1"
        names = {row["name"] for row in await tx.fetch(kept)}
    assert names == {"description", "prefix", "gdpr_properties", "double_optin", "fields"}


async def test_a_field_that_another_api_has_made_anew_is_no_consent(filled_dsn: str, filled_db: Database) -> None:
    async with filled_db.transaction() as tx:
        await tx.execute("UPDATE field SET kind = 'text' WHERE account_id = 1 AND name = 'offers_mobile'")
        await tx.execute('UPDATE contact SET fields = \'{"offers_mobile": "true"}\' WHERE account_id = 1')
    await upgrade(filled_dsn, now=MOMENT)
    async with filled_db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM consent WHERE account_id = 1") == 0
        kept = "SELECT count(*) FROM contact WHERE account_id = 1 AND fields ->> 'offers_mobile' = 'true'"
        assert await tx.fetchval(kept) == 6


async def test_both_versions_may_write_until_the_old_one_is_gone(
    filled_dsn: str, filled_db: Database, tmp_path: Path
) -> None:
    await upgrade(filled_dsn, now=MOMENT, phases=("pre",))
    wire = await wire_of(filled_db, tmp_path)
    assert await answers(wire, BEFORE) == BEFORE
    assert await wire.process_upload() == 1
    (second,) = (await wire.ok("GET", f"{GUESTS}/subscriber?sort=destination"))["results"][1:2]
    number = second["destination_id"]
    await wire.ok("PUT", f"{GUESTS}/subscriber/{number}", {"gdpr_fields": {"OFFERS_2": {"mobile": True}}}, 204)
    connection = await asyncpg.connect(filled_dsn)
    await connection.execute(OLD_VERSION_WRITES)
    await connection.close()
    await upgrade(filled_dsn, now=MOMENT)
    shown = {one.get("destination", "ben"): one for one in (await wire.ok("GET", f"{GUESTS}/subscriber"))["results"]}
    assert shown["306912345602"]["gdpr_fields"] == {"OFFERS_2": {"mobile": True}}
    assert shown["ben"]["gdpr_fields"] == {"NEWS": {"mobile": False, "email": True}}
    changed = f"GET {GUESTS}/subscriber"
    (first,) = [one for call, reply in AFTER.items() if call.startswith(changed) for one in reply["results"][:1]]
    assert shown["306912345601"]["gdpr_fields"] == first["gdpr_fields"]
    plain = await wire.ok("GET", GUESTS.replace("2", "3"))
    assert [one["field"] for one in plain["gdpr_fields"]] == ["SURVEYS"]
    assert plain["campaign_defaults"] == {"sender_id": "Late"}


OLD_VERSION_WRITES = """
UPDATE contact SET fields = fields || '{"news_mobile": false}'
WHERE account_id = 1 AND audience_id = 2 AND contact_id = 4;
UPDATE audience SET attributes = attributes || jsonb_build_object('apifon', (attributes -> 'apifon') || '{
    "campaign_defaults": {"sender_id": "Late"},
    "gdpr": [{
        "field": "SURVEYS", "name": "Surveys", "description": "", "mobile": "surveys_mobile", "email": "surveys_email"
    }]
}')
WHERE account_id = 1 AND audience_id = 3;
"""
