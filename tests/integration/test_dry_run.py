"""A dry run tells what an import would do, and leaves nothing behind."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import MOMENT, OPERATOR, Tenant

from carillon.audience.audiences import AudienceKind, CreateAudience, create_audience
from carillon.audience.consents import MAX_PURPOSES, CreatePurpose, create_purpose
from carillon.audience.export_columns import DEFINITION_COLUMNS
from carillon.audience.field_types import Kind
from carillon.audience.fields import MAX_FIELDS, CreateFields, DeleteFields, NewField, create_fields, delete_fields
from carillon.audience.groups import SaveGroup, save_group
from carillon.audience.imports import dry_run as dry_run_module
from carillon.audience.imports import source as source_module
from carillon.audience.imports.dry_run import Difference, DryRun, dry_run
from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.audience.suppression_ledger import ListSuppressionEntries, list_suppression_entries
from carillon.audience.suppressions import Channel
from carillon.db.database import Database
from carillon.db.tables import TABLES
from carillon.errors import InvalidInputError
from carillon.kit.clock import FixedClock
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return path


async def try_out(db: Database, account: Tenant, command: FileImport) -> DryRun:
    return await dry_run(db, account.actor, command, lambda _rows: None)


async def bring(db: Database, account: Tenant, command: FileImport) -> ImportSummary:
    return await import_file(db, account.actor, command, lambda _progress: None)


async def everything(dsn: str) -> dict[str, str]:
    """A digest of each table."""
    connection = await asyncpg.connect(dsn)
    digest = "SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text), '')) FROM {} t"
    found = {table: await connection.fetchval(digest.format(table)) for table in TABLES}
    await connection.close()
    return found


@asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Database]:
    db = await Database.connect(dsn, clock=FixedClock(MOMENT), size=4)
    yield db
    await db.close()


def files_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


async def another(db: Database) -> Tenant:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="IL"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    return Tenant(account_id=made.account.account_id, audience_id=made.audience_id, actor=actor)


def examples(difference: Difference, kind: str) -> list[tuple[int | None, str]]:
    return [(one.row, one.contact) for one in difference.examples if one.kind == kind]


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_module, "CHUNK_ROWS", 2)


PEOPLE = [
    "phone,email,first name,status",
    "0549001001,ana@mail.example,Ana,subscribed",
    "0549001002,ben@mail.example,Ben,unsubscribed",
    "0549001003,cid@mail.example,Cid,blocked",
    "12,,Dan,subscribed",
    "0549001001,,Anna,subscribed",
    "0549001002,ben@mail.example,Ben,subscribed",
    "0549001005,eva@mail,Eva,subscribed",
    "0549001005,ben@mail.example,Eva,subscribed",
]


@pytest.mark.usefixtures("small_chunks")
async def test_the_difference_is_that_of_the_whole_file(db: Database, account: Tenant, tmp_path: Path) -> None:
    found = (await try_out(db, account, FileImport(path=write(tmp_path / "people.csv", PEOPLE)))).difference
    counts = (found.rows, found.new, found.updated, found.unchanged, found.failed, found.conflicts, found.problems)
    assert counts == (8, 4, 1, 2, 1, 1, 1)
    assert (found.suppressed, found.resubscribed, found.unsubscribed) == (2, 0, {"sms": 2, "email": 2})
    assert examples(found, "new") == [(2, "+972549001001"), (3, "+972549001002"), (4, "+972549001003")]
    assert examples(found, "updated") == [(6, "+972549001001")]
    assert examples(found, "unchanged") == [(7, "+972549001002"), (9, "+972549001005")]
    assert examples(found, "failed") == [(5, "12")]
    assert examples(found, "conflict") == [(9, "ben@mail.example")]
    assert examples(found, "problem") == [(8, "eva@mail")]
    assert examples(found, "suppressed") == [(None, "972549001003"), (None, "cid@mail.example")]
    (conflict,) = (one.reason for one in found.examples if one.kind == "conflict")
    assert conflict == "email: The value belongs to another contact of this file and stays there."


async def test_an_update_is_shown_with_what_was_and_what_becomes(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = ["phone,email,first name,city", "0549001001,ana@mail.example,Ana,Haifa"]
    await bring(db, account, FileImport(path=write(tmp_path / "one.csv", lines)))
    lines = ["phone,email,first name,city", "0549001009,ana@mail.example,Anna,Haifa"]
    found = (await try_out(db, account, FileImport(path=write(tmp_path / "two.csv", lines)))).difference
    (update,) = found.examples
    assert (update.kind, update.row, update.contact) == ("updated", 2, "+972549001009")
    assert update.changes == {"phone": ("972549001001", "972549001009"), "first_name": ("Ana", "Anna")}


async def test_an_example_is_named_by_what_its_contact_has(db: Database, account: Tenant, tmp_path: Path) -> None:
    """A phone that is only possible doesn't replace a valid one, and names nobody."""
    lines = ["phone,email,first name", "0549001001,ana@mail.example,Ana", "0549001002,ben@mail.example,Ben"]
    await bring(db, account, FileImport(path=write(tmp_path / "one.csv", lines)))
    lines = ["phone,email,first name", "0521234567,ana@mail.example,Anna", "0521234568,ben@mail.example,Ben"]
    found = (await try_out(db, account, FileImport(path=write(tmp_path / "two.csv", lines)))).difference
    assert examples(found, "updated") == [(2, "ana@mail.example")]
    assert examples(found, "unchanged") == [(3, "ben@mail.example")]
    assert examples(found, "conflict") == [(2, "972521234567"), (3, "972521234568")]


@pytest.mark.parametrize(
    "options",
    [{}, {"group": "Gold"}, {"resubscribe": "Signed the form"}, {"suppress": True}, {"again": True}],
    ids=["plain", "group", "resubscribe", "suppress", "again"],
)
@pytest.mark.usefixtures("small_chunks")
async def test_nothing_remains(
    db: Database, account: Tenant, tmp_path: Path, own_dsn: str, options: dict[str, Any]
) -> None:
    await bring(db, account, FileImport(path=write(tmp_path / "before.csv", PEOPLE[:4])))
    path = write(tmp_path / "people.csv", PEOPLE)
    files, before = files_in(tmp_path), await everything(own_dsn)
    await try_out(db, account, FileImport(path=path, **options))
    assert await everything(own_dsn) == before
    assert files_in(tmp_path) == files


async def test_who_writes_meanwhile_waits_for_nothing(
    db: Database, account: Tenant, tmp_path: Path, own_dsn: str
) -> None:
    """The same people are written, and blocked, by another process while the dry run has written them."""
    other = FileImport(path=write(tmp_path / "other.csv", PEOPLE[:4]), again=True)
    await bring(db, account, other)
    done = list[ImportSummary]()

    async def write_too() -> ImportSummary:
        async with connected(own_dsn) as others:
            return await bring(others, account, other)

    def meanwhile(_rows: int) -> None:
        with ThreadPoolExecutor(1) as thread:
            done.append(thread.submit(asyncio.run, write_too()).result(timeout=30))

    await dry_run(db, account.actor, FileImport(path=write(tmp_path / "people.csv", PEOPLE)), meanwhile)
    assert [one.rows for one in done] == [3]


async def test_what_comes_into_a_stop_list_is_newly_suppressed(db: Database, account: Tenant, tmp_path: Path) -> None:
    command = CreateAudience(name="Stop", kind=AudienceKind.STOPLIST)
    audience_id = (await db.run(create_audience, account.actor, command)).audience_id
    inside = Tenant(
        account_id=account.account_id, audience_id=audience_id, actor=replace(account.actor, audience_id=audience_id)
    )
    path = write(tmp_path / "stop.csv", ["phone,email", "0549001001,ana@mail.example", "0549001002,"])
    found = (await try_out(db, inside, FileImport(path=path))).difference
    assert (found.new, found.suppressed) == (2, 5)  # two phones for SMS and voice, and an e-mail


async def test_what_is_left_of_an_import_is_tried(db: Database, account: Tenant, tmp_path: Path) -> None:
    command = FileImport(path=write(tmp_path / "people.csv", PEOPLE))
    await bring(db, account, command)
    found = await try_out(db, account, command)
    assert (found.is_resumed, found.difference.rows) == (True, 0)
    again = await try_out(db, account, FileImport(path=command.path, again=True))
    assert (again.is_resumed, again.difference.rows, again.difference.new) == (False, 8, 0)


async def test_what_stops_an_import_stops_its_dry_run(db: Database, account: Tenant, tmp_path: Path) -> None:
    for name, lines in {"status.csv": ["phone,status", "0549001001,lead"], "keys.csv": ["colour", "red"]}.items():
        with pytest.raises(InvalidInputError) as refused:
            await try_out(db, account, FileImport(path=write(tmp_path / name, lines)))
        assert refused.value.field == "map"


DEFINING = ",".join([*DEFINITION_COLUMNS, "phone", "member"])
PHONE = {"phone": "phone"}
"""Of the definitions beside it nobody says who has unsubscribed."""


async def fill_up(db: Database, account: Tenant) -> None:
    """Give the audience all the fields and purposes that it can have, `member` and OFFERS among them, and a group."""
    fields = {"member": NewField(label="Member", kind=Kind.BOOLEAN)}
    fields |= {f"field_{number}": NewField(label="Field") for number in range(MAX_FIELDS - 1)}
    await db.run(create_fields, account.actor, CreateFields(fields=fields))
    for name in ["Offers", *(f"Purpose {number}" for number in range(MAX_PURPOSES - 1))]:
        await db.run(create_purpose, account.actor, CreatePurpose(name=name))
    await db.run(save_group, account.actor, SaveGroup(name="Gold"))


async def refusal(work: Awaitable[object]) -> tuple[str, str]:
    with pytest.raises(InvalidInputError) as refused:
        await work
    return refused.value.field, refused.value.message


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["table,x,,,"], "Line 2 defines a table that can't be read."),
        (["field,Über,text,,"], "The field “Über” can't be made: A field's name is"),
        (["field,phone,text,,"], "The field “phone” can't be made: There is a field phone already."),
        (
            ["field,size,text,,", "field,size,number,,"],
            "The field “size” can't be made: There is a field size already.",
        ),
        (["purpose,A B,,,"], "The purpose “A B” can't be made"),
        (["group,,,,"], "The group “” can't be made"),
        (["group,Gold,,,", "group,G,,," + "x" * 5_000], "The group “G” can't be made"),
    ],
)
async def test_definitions_that_stop_an_import_stop_its_dry_run(
    db: Database, account: Tenant, tmp_path: Path, lines: list[str], message: str
) -> None:
    await db.run(save_group, account.actor, SaveGroup(name="Gold"))
    path = write(tmp_path / "all.csv", [DEFINING, *(f"{line},," for line in lines), ",,,,,0549001001,yes"])
    command = FileImport(path=path, mapping=PHONE)
    found = await refusal(try_out(db, account, command))
    assert found == await refusal(bring(db, account, command))
    assert found[0] == "file"
    assert found[1].startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("field,size,text,,", f"The field “size” can't be made: An audience has at most {MAX_FIELDS} custom fields."),
        ("purpose,NEWS,,,", f"The purpose “NEWS” can't be made: An audience has at most {MAX_PURPOSES} purposes."),
    ],
)
async def test_definitions_beyond_what_an_audience_can_have_stop_a_dry_run(
    db: Database, account: Tenant, tmp_path: Path, line: str, message: str
) -> None:
    await fill_up(db, account)
    command = FileImport(
        path=write(tmp_path / "all.csv", [DEFINING, f"{line},,", ",,,,,0549001001,yes"]), mapping=PHONE
    )
    found = await refusal(try_out(db, account, command))
    assert found == await refusal(bring(db, account, command)) == ("file", message)


@pytest.mark.usefixtures("small_chunks")
async def test_definitions_of_what_is_there_stop_nothing_whatever_they_say_of_it(
    db: Database, account: Tenant, tmp_path: Path, own_dsn: str
) -> None:
    await fill_up(db, account)
    lines = ["field,member,text,Theirs,", "purpose,OFFERS,,Theirs,", "group,gold,,,Theirs", "group,Silver,,,New"]
    rows = ["0549001001,yes", "0549001002,perhaps", "0549001001,no"]
    path = write(tmp_path / "all.csv", [DEFINING, *(f"{line},," for line in lines), *(f",,,,,{row}" for row in rows)])
    command, before = FileImport(path=path, mapping=PHONE), await everything(own_dsn)
    said = (await try_out(db, account, command)).difference
    assert await everything(own_dsn) == before
    done = await bring(db, account, command)
    assert (said.rows, said.new, said.updated) == (done.rows, done.new, done.updated) == (3, 2, 1)
    assert (said.unchanged, said.failed, said.problems) == (done.unchanged, done.failed, done.error_count) == (0, 0, 1)


async def test_an_import_that_was_done_defines_nothing_again(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = [",".join([*DEFINITION_COLUMNS, "phone"]), "field,size,text,,,", ",,,,,0549001001"]
    command = FileImport(path=write(tmp_path / "all.csv", lines), mapping=PHONE)
    await bring(db, account, command)
    await db.run(delete_fields, account.actor, DeleteFields(names=["size"]))
    await fill_up(db, account)
    found = await try_out(db, account, command)
    assert (found.is_resumed, found.difference.rows) == (True, 0)
    assert (await bring(db, account, command)).was_done_before


PHONES = [f"054900100{number}" for number in range(4)]
EMAILS = [f"{name}@mail.example" for name in "abc"]
COLUMNS = ("phone", "email", "external id", "first name", "status")
ROWS = st.fixed_dictionaries(
    {
        "phone": st.sampled_from(["", *PHONES, "12"]),
        "email": st.sampled_from(["", *EMAILS, "no@mail"]),
        "external id": st.sampled_from(["", "1", "2"]),
        "first name": st.sampled_from(["", "Ana", "Ben"]),
        "status": st.sampled_from(["", "subscribed", "unsubscribed", "unconfirmed", "blocked"]),
    }
)


async def actions(db: Database, account: Tenant) -> Counter[str]:
    lines = await db.read(list_suppression_entries, account.actor, ListSuppressionEntries(channels=list(Channel)))
    return Counter(one.action for one in lines.items)


@pytest.mark.any_database
@given(before=st.lists(ROWS, max_size=6), rows=st.lists(ROWS, min_size=1, max_size=12), resubscribe=st.booleans())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@pytest.mark.usefixtures("small_chunks")
async def test_a_dry_run_counts_what_the_import_then_does(
    db: Database, tmp_path: Path, before: list[dict[str, str]], rows: list[dict[str, str]], *, resubscribe: bool
) -> None:
    account = await another(db)
    if before:
        await bring(db, account, FileImport(path=write(tmp_path / "before.csv", table(before))))
    command = FileImport(
        path=write(tmp_path / "rows.csv", table(rows)),
        resubscribe="Signed the form" if resubscribe else None,
        again=True,
    )
    ledger = await actions(db, account)
    said = (await try_out(db, account, command)).difference
    before_it = await unsubscribed(db, account)
    done = await bring(db, account, command)
    assert (said.rows, said.new, said.updated) == (done.rows, done.new, done.updated)
    assert (said.unchanged, said.failed) == (done.unchanged, done.failed)
    written = await actions(db, account) - ledger
    assert (said.suppressed, said.resubscribed) == (written["unsubscribe"], written["reactivate"])
    if not resubscribe:  # who is unsubscribed by one row and subscribed again by another counts as both
        newly = await unsubscribed(db, account) - before_it
        assert said.unsubscribed == {channel: sum(one == channel for one, _ in newly) for channel in ("sms", "email")}


async def unsubscribed(db: Database, account: Tenant) -> set[tuple[str, int]]:
    """The channels and contacts of those who unsubscribed: with an address, and without one (schema.sql)."""
    asked = "SELECT contact_id, sms_status, email_status FROM contact WHERE account_id = $1"
    async with db.transaction() as tx:
        rows = await tx.fetch(asked, account.account_id)
    return {
        (channel, row["contact_id"])
        for row in rows
        for channel in ("sms", "email")
        if row[f"{channel}_status"] in {3, 6}
    }


def table(rows: list[dict[str, str]]) -> list[str]:
    return [",".join(COLUMNS), *(",".join(row[column] for column in COLUMNS) for row in rows)]


async def test_a_copy_leaves_out_no_column(own_dsn: str) -> None:
    connection = await asyncpg.connect(own_dsn)
    for statement in dry_run_module.SQL.values():
        if made := re.search(r"INSERT INTO (\w+) \(([^)]*)\)\s+SELECT (.*?)\s+FROM", statement, re.DOTALL):
            asked = (
                "SELECT column_name FROM information_schema.columns WHERE table_name = $1 AND table_schema = 'public'"
            )
            columns = {row["column_name"] for row in await connection.fetch(asked, made[1])}
            named, selected = (re.split(r",\s+", part) for part in (made[2], made[3]))
            assert set(named) == columns, made[1]
            assert [one.removeprefix("s.") for one in selected] == ["$2", *named[1:]]
    await connection.close()


@pytest.mark.parametrize("filling", [0, 60], ids=["few rows", "many rows"])
async def test_an_address_that_another_contact_keeps_replaces_nothing_in_the_judgement_either(
    db: Database, account: Tenant, tmp_path: Path, filling: int
) -> None:
    people = [
        "phone,email",
        *(f"05490010{number:02d},p{number:02d}@mail.example" for number in range(10, 20 + filling)),
    ]
    await bring(db, account, FileImport(path=write(tmp_path / "people.csv", people)))
    taken = [f"05490010{number},p19@mail.example" for number in range(10, 14)]
    rows = ["phone,email", *taken, "0549001014,new@mail.example", *people[11:]]
    found = await try_out(db, account, FileImport(path=write(tmp_path / "taken.csv", rows)))
    known = found.judgement.known
    assert (known.emails_replaced, known.disputed) == (1, 4)
    assert not [one for one in found.judgement.striking if "known contacts" in one]
    assert (found.difference.updated, found.difference.conflicts) == (1, 4)


async def test_addresses_that_contacts_hand_on_to_each_other_are_replaced(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = [f"e{number},p{number}@mail.example" for number in range(5)]
    await bring(db, account, FileImport(path=write(tmp_path / "people.csv", ["external_id,email", *lines])))
    shifted = ["phone,external_id", *(f"054900100{number},e{number}" for number in range(5))]
    await bring(db, account, FileImport(path=write(tmp_path / "phones.csv", shifted)))
    rows = ["phone,email", "0549001000,new@mail.example"]
    rows += [f"054900100{number},p{number - 1}@mail.example" for number in range(1, 5)]
    found = await try_out(db, account, FileImport(path=write(tmp_path / "shifted.csv", rows)))
    assert found.judgement.known.emails_replaced == 5
    assert found.difference.updated == 5
