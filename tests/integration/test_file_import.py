"""Importing files: what becomes of every row, twice, interrupted, and with all that can be wrong with a file."""

import asyncio
import csv
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support import Tenant, until_somebody_waits

from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, DeleteFields, create_field, delete_fields
from carillon.audience.groups import FindGroups, GroupKey, find_groups
from carillon.audience.imports.file_import import FileImport, ImportProgress, ImportSummary, import_file
from carillon.audience.imports.history import ListImports, list_imports
from carillon.audience.imports.records import BeginImport, Place, begin_import, hold_import
from carillon.audience.locks import lock_audience
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError
from carillon.tenancy.audit import ListAudit, list_audit

HEADER = "Phone,Email,First name"
# More rows than two chunks hold.
MANY = 45_000


def write(path: Path, lines: Sequence[str], header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines, ""]), "utf-8")
    return path


def many_lines(count: int = MANY) -> list[str]:
    return [f"05400{number:05d},u{number}@mail.example,Name {number}" for number in range(count)]


async def run(
    db: Database, account: Tenant, path: Path, progress: Callable[[ImportProgress], None] | None = None, **options: Any
) -> ImportSummary:
    return await import_file(db, account.actor, FileImport(path=path, **options), progress or (lambda _progress: None))


def counts(summary: ImportSummary) -> tuple[int, ...]:
    return summary.rows, summary.new, summary.updated, summary.unchanged, summary.failed, summary.error_count


async def stored(db: Database, account: Tenant) -> list[tuple[str | None, str | None, object]]:
    async with db.transaction() as tx:
        page = await query_contacts(tx, account.actor, ContactQuery(limit=100_000))
    return [(contact.phone, contact.email, contact.fields.get("first_name")) for contact in page.items]


async def count(db: Database, account: Tenant) -> int:
    async with db.transaction() as tx:
        return int(await tx.fetchval("SELECT count(*) FROM contact WHERE account_id = $1", account.account_id))


def rejected(summary: ImportSummary) -> list[dict[str, str]]:
    assert summary.rejects is not None
    with summary.rejects.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def after_one_chunk() -> Callable[[], bool]:
    return iter([False, True, True]).__next__


def nobody_may_stop() -> bool:
    return False


async def test_every_row_has_its_outcome_and_problems_go_into_the_rejects(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = [
        "054-111-0001,ana@mail.example,Ana",
        "054-111-0002,broken@,Ben",
        "12,,Cy",
        ",,Dan",
        '0541110003,dora@mail.example,"Dora\nOr"',
        "0541110001,,Anna",
    ]
    summary = await run(db, account, write(tmp_path / "people.csv", lines))
    assert counts(summary) == (6, 3, 1, 0, 2, 3)
    assert await stored(db, account) == [
        ("972541110001", "ana@mail.example", "Anna"),
        ("972541110002", None, "Ben"),
        ("972541110003", "dora@mail.example", "Dora\nOr"),
    ]
    rows = [(row["_line"], row["_field"], row["_value"], row["First name"]) for row in rejected(summary)]
    assert rows == [("3", "Email", "broken@", "Ben"), ("4", "Phone", "12", "Cy"), ("5", "", "", "Dan")]
    assert summary.rejects == tmp_path / "people.csv.rejects.csv"


async def test_a_file_without_problems_leaves_no_rejects(db: Database, account: Tenant, tmp_path: Path) -> None:
    summary = await run(db, account, write(tmp_path / "people.csv", ["0541110001,ana@mail.example,Ana"]))
    assert summary.rejects is None
    assert not (tmp_path / "people.csv.rejects.csv").exists()


async def test_the_same_file_is_not_imported_twice_unless_asked(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", ["0541110001,ana@mail.example,Ana", "0541110002,,Ben"])
    first = await run(db, account, path)
    moved = path.rename(tmp_path / "moved.csv")
    second = await run(db, account, moved)
    assert (second.import_id, second.was_done_before, counts(second)) == (first.import_id, True, counts(first))
    again = await run(db, account, moved, again=True)
    assert (again.was_done_before, counts(again)) == (False, (2, 0, 0, 2, 0, 0))
    assert again.import_id != first.import_id


@pytest.mark.parametrize("options", [{"group": "Gold"}, {"country": "GR"}, {"mapping": {"First name": "last_name"}}])
async def test_with_another_outcome_the_same_file_is_another_import(
    db: Database, account: Tenant, tmp_path: Path, options: dict[str, Any]
) -> None:
    path = write(tmp_path / "people.csv", ["+972541110001,ana@mail.example,Ana"])
    await run(db, account, path)
    assert not (await run(db, account, path, **options)).was_done_before


async def test_an_empty_cell_leaves_a_field_alone(db: Database, account: Tenant, tmp_path: Path) -> None:
    await run(db, account, write(tmp_path / "one.csv", ["0541110001,ana@mail.example,Ana"]))
    await run(db, account, write(tmp_path / "two.csv", ["0541110001,,"]))
    assert await stored(db, account) == [("972541110001", "ana@mail.example", "Ana")]


async def test_national_numbers_are_read_with_the_country_asked_for(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await run(db, account, write(tmp_path / "greek.csv", ["6912345678,,Eleni"]), country="gr")
    assert await stored(db, account) == [("306912345678", None, "Eleni")]


async def test_mended_rejects_are_imported_like_any_file(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = ["12,,Ana", "0541110002,,=Ben", "13,,+Cy"]
    summary = await run(db, account, write(tmp_path / "people.csv", lines), mapping={"Phone": "phone"})
    assert summary.rejects is not None
    text = summary.rejects.read_text("utf-8-sig")
    assert "'+Cy" in text  # made safe for the spreadsheet in which it is mended
    summary.rejects.write_text(text.replace("12,,Ana", "0541110001,,Ana").replace("13,", "0541110003,"), "utf-8-sig")
    mended = await run(db, account, summary.rejects)
    assert (counts(mended), mended.unmapped_columns) == ((2, 2, 0, 0, 0, 0), ())
    assert [name for _, _, name in await stored(db, account)] == ["=Ben", "Ana", "+Cy"]


async def test_every_row_joins_the_group_and_its_counters_are_right(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await run(db, account, write(tmp_path / "old.csv", many_lines(300)))
    path = write(tmp_path / "people.csv", [*many_lines(600), ",only@mail.example,Mail", "0549999999,,Phone"])
    for _ in range(2):
        await run(db, account, path, group=" Gold ", again=True)
        (group,) = await db.read(find_groups, account.actor, FindGroups(by=GroupKey.NAME, value="gold"))
        assert (group.name, group.members, group.reachable) == ("Gold", 602, 602)
        assert (group.reachable_sms, group.reachable_email) == (601, 601)


async def test_an_import_stopped_between_chunks_goes_on_where_it_was(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = many_lines()
    lines[10] = "12,,Early"
    lines[30_000] = "13,,Late"
    path = write(tmp_path / "people.csv", lines)
    seen: list[ImportProgress] = []
    stopped = await import_file(
        db, account.actor, FileImport(path=path), seen.append, should_stop=lambda: len(seen) == 1
    )
    assert (stopped.is_done, stopped.rows, seen[0].rows) == (False, 20_000, 20_000)
    resumed = await run(db, account, path, seen.append)
    assert (resumed.is_done, resumed.is_resumed, resumed.import_id) == (True, True, stopped.import_id)
    assert counts(resumed) == (MANY, MANY - 2, 0, 0, 2, 2)
    assert await count(db, account) == MANY - 2
    assert [row["First name"] for row in rejected(resumed)] == ["Early", "Late"]
    assert seen[-1].rows == MANY
    assert seen[-1].bytes_done == seen[-1].bytes_total == path.stat().st_size


async def test_asked_to_again_an_interrupted_import_begins_from_the_start(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = write(tmp_path / "people.csv", many_lines())
    stopped = await import_file(
        db, account.actor, FileImport(path=path), lambda _progress: None, should_stop=after_one_chunk()
    )
    again = await run(db, account, path, again=True)
    assert again.import_id != stopped.import_id
    assert counts(again) == (MANY, MANY - 20_000, 0, 20_000, 0, 0)


async def test_a_row_that_repeats_one_of_an_earlier_chunk_merges_into_it(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = many_lines(70_000)
    lines[45_000] = f"{lines[30_000].partition(',')[0]},,Again"
    lines[69_999] = ",u5@mail.example,Again"
    summary = await run(db, account, write(tmp_path / "people.csv", lines))
    assert counts(summary) == (70_000, 69_998, 2, 0, 0, 0)
    again = [row for row in await stored(db, account) if row[2] == "Again"]
    assert again == [("972540000005", "u5@mail.example", "Again"), ("972540030000", "u30000@mail.example", "Again")]


async def test_rejects_that_were_lost_meanwhile_stop_the_resumption(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = write(tmp_path / "people.csv", ["12,,Early", *many_lines(), "13,,Late"])
    stopped = await import_file(
        db, account.actor, FileImport(path=path), lambda _progress: None, should_stop=after_one_chunk()
    )
    assert stopped.rejects is not None
    stopped.rejects.unlink()
    with pytest.raises(InvalidInputError, match="gone"):
        await run(db, account, path)


async def test_a_file_that_changes_under_the_import_is_reported(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", many_lines(50))

    def append(_progress: ImportProgress) -> None:
        with path.open("a") as file:
            file.write("0541110001,,Late\n")

    with pytest.raises(InvalidInputError, match="changed"):
        await run(db, account, path, append)
    assert (await run(db, account, path)).is_done


async def test_a_field_that_changes_under_the_import_stops_it(db: Database, account: Tenant, tmp_path: Path) -> None:
    await db.run(create_field, account.actor, CreateField(name="visits", kind=Kind.TEXT))
    path = write(tmp_path / "people.csv", ["0540000001,many", "0540000002,few"], header="Phone,visits")
    async with db.transaction() as tx:
        await lock_audience(tx, account.actor)
        importing = asyncio.create_task(run(db, account, path))
        await until_somebody_waits(tx)
        await delete_fields(tx, account.actor, DeleteFields(names=["visits"]))
        await create_field(tx, account.actor, CreateField(name="visits", kind=Kind.NUMBER))
    with pytest.raises(InvalidInputError, match="visits"):
        await importing
    assert await count(db, account) == 0
    assert (await run(db, account, path)).failed == 0  # the values, which are no numbers, are told as errors
    assert await count(db, account) == 2


async def test_two_imports_of_one_file_at_once_are_one_import(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", many_lines(500))
    outcomes = await asyncio.gather(run(db, account, path), run(db, account, path), return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    done = [outcome for outcome in outcomes if isinstance(outcome, ImportSummary)]
    assert all(isinstance(one, InvalidInputError) and "Another process" in one.message for one in refused)
    assert (len(refused), done[0].new, await count(db, account)) == (1, 500, 500)


async def test_a_run_whose_import_was_taken_over_can_go_no_further(db: Database, account: Tenant) -> None:
    start = Place(offset=10, line=2, rejects=0, seconds=0.0)
    command = BeginImport(file_hash="h", options={}, start=start, again=False)
    first, second = [await db.run(begin_import, account.actor, command) for _ in range(2)]
    assert [first.is_resumed, second.is_resumed] == [False, True]
    held, _ = await db.run(hold_import, account.actor, first.import_id, second.place.run)
    assert held.offset == start.offset
    with pytest.raises(InvalidInputError, match="Another process"):
        await db.run(hold_import, account.actor, first.import_id, first.place.run)


async def test_other_writers_of_the_same_contacts_neither_double_nor_lose_any(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = write(tmp_path / "people.csv", many_lines())

    async def write_as_an_api_does(start: int) -> None:
        for first in range(start, MANY, 9_000):
            rows = [
                ContactRow(phone=f"+97254{0:02d}{number:05d}", fields={"city": "Lod"})
                for number in range(first, first + 200)
            ]
            await db.run(upsert, account.actor, read_rows(rows, "IL"))

    writers = [asyncio.ensure_future(write_as_an_api_does(start)) for start in (0, 100, 4_000)]
    summary = await run(db, account, path)
    await asyncio.gather(*writers)
    assert (summary.rows, summary.failed, summary.error_count) == (MANY, 0, 0)
    async with db.transaction() as tx:
        totals = await tx.fetchrow(
            "SELECT count(*) AS contacts, count(DISTINCT phone) AS phones, count(email) AS emails, "
            "count(*) FILTER (WHERE fields ->> 'city' = 'Lod') AS of_lod "
            "FROM contact WHERE account_id = $1",
            account.account_id,
        )
    assert totals is not None
    assert dict(totals) == {"contacts": MANY, "phones": MANY, "emails": MANY, "of_lod": 2_500}


async def test_a_file_that_is_only_a_header_is_an_import_of_no_rows(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    summary = await run(db, account, write(tmp_path / "people.csv", []))
    assert (counts(summary), summary.is_done, summary.rejects) == ((0, 0, 0, 0, 0, 0), True, None)


@pytest.mark.parametrize("blanks", [500, 2 * MANY])
async def test_records_of_nothing_but_delimiters_are_passed_over(
    db: Database, account: Tenant, tmp_path: Path, blanks: int
) -> None:
    lines = ["054-111-0001;;Ana", *[";;"] * blanks, "12;;Cy", ";ben@mail.example;", *[";;"] * 20]
    path = write(tmp_path / "excel.csv", lines, HEADER.replace(",", ";"))
    summary = await run(db, account, path)
    assert (counts(summary), summary.is_done) == ((3, 2, 0, 0, 1, 1), True)
    assert [(row["_line"], row["_value"]) for row in rejected(summary)] == [(str(blanks + 3), "12")]


async def test_of_a_file_of_bad_rows_every_row_is_reported(db: Database, account: Tenant, tmp_path: Path) -> None:
    summary = await run(db, account, write(tmp_path / "people.csv", [f"{number},,X" for number in range(500)]))
    assert (counts(summary), summary.is_done) == ((500, 0, 0, 0, 500, 500), True)
    assert len(rejected(summary)) == 500


async def test_broken_records_cost_no_good_row(db: Database, account: Tenant, tmp_path: Path) -> None:
    huge = "x" * 50_000_000
    lines = [
        "0541110001,,Ana",
        "0541110002,,Nul\0l",
        f"0541110003,,{huge}",
        "0541110004,,Dan,too,many",
        "0541110005,,Eva",
        '0541110006,,"cut off in the mid',
    ]
    path = tmp_path / "people.csv"
    path.write_text(HEADER + "\n" + "\n".join(lines), "utf-8")
    summary = await run(db, account, path)
    assert counts(summary) == (6, 2, 0, 0, 4, 4)
    assert [name for _, _, name in await stored(db, account)] == ["Ana", "Eva"]
    rows = [(row["_line"], row["_field"]) for row in rejected(summary)]
    assert rows == [("3", "First name"), ("4", "First name"), ("5", "column 4"), ("7", "First name")]
    assert all(row["_reason"] for row in rejected(summary))


@pytest.fixture
def source(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "people.csv"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "options", "refusal"),
    [
        (b"", {}, ("file", "empty")),
        (b"PK\x03\x04 and so on", {}, ("file", "broken archive")),
        (b"0541110001,ana@mail.example\n", {}, ("file", "names of the columns")),
        (b"Shoe size\n41\n", {}, ("map", "--map")),
        (b"phone\n1\n", {"group": "  "}, ("group", "1 to 200")),
        (b"phone\n1\n", {"country": "XX"}, ("country", "XX")),
        (b"phone\n1\n", {"delimiter": "ab"}, ("file", "one character")),
        (b"phone\n1\n", {"encoding": "klingon"}, ("file", "klingon")),
    ],
)
async def test_what_cannot_be_imported_is_refused_before_anything_is_written(
    account: Tenant, db: Database, source: Path, options: dict[str, Any], refusal: tuple[str, str]
) -> None:
    with pytest.raises(InvalidInputError, match=refusal[1]) as refused:
        await run(db, account, source, **options)
    assert refused.value.field == refusal[0]
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM contact_import WHERE account_id = $1", account.account_id) == 0


async def test_a_file_that_is_not_there_is_reported(db: Database, account: Tenant, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"nowhere\.csv"):
        await run(db, account, tmp_path / "nowhere.csv")


async def test_the_rejects_never_overwrite_another_file(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", ["12,,Ana"])
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Ana, …")
    for rejects in (path, letter, tmp_path, Path("/dev/null")):
        with pytest.raises(InvalidInputError) as refused:
            await run(db, account, path, rejects=rejects)
        assert refused.value.field == "rejects"
    assert letter.read_text() == "Dear Ana, …"


async def test_rejects_without_a_folder_are_refused_before_the_import_begins(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = write(tmp_path / "people.csv", ["12,,Ana"])
    folder = tmp_path / "none"
    with pytest.raises(InvalidInputError, match=str(folder)) as refused:
        await run(db, account, path, rejects=folder / "mend-me.csv")
    assert refused.value.field == "rejects"
    assert await db.read(list_imports, account.actor, ListImports()) == []
    folder.mkdir()
    assert (await run(db, account, path, rejects=folder / "mend-me.csv")).is_resumed is False


@pytest.mark.parametrize("named", [None, "mend-me.csv"])
async def test_rejects_go_beside_earlier_ones_which_stay(
    db: Database, account: Tenant, tmp_path: Path, named: str | None
) -> None:
    path, rejects = tmp_path / "people.csv", None if named is None else tmp_path / named
    summaries = [await run(db, account, write(path, [f"12,,{name}"]), rejects=rejects) for name in ("Ana", "Ben", "Cy")]
    assert [row["First name"] for one in summaries for row in rejected(one)] == ["Ana", "Ben", "Cy"]
    names = [one.rejects.name for one in summaries if one.rejects]
    stem = "people.csv.rejects" if named is None else "mend-me"
    assert names == [f"{stem}.csv", f"{stem}-2.csv", f"{stem}-3.csv"]


async def test_an_import_without_rejects_leaves_those_of_an_earlier_one(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = write(tmp_path / "people.csv", ["12,,Ana"])
    first = await run(db, account, path)
    second = await run(db, account, write(path, ["0541110001,,Ben"]))
    assert second.rejects is None
    assert [row["First name"] for row in rejected(first)] == ["Ana"]
    assert sorted(await asyncio.to_thread(os.listdir, tmp_path)) == ["people.csv", "people.csv.rejects.csv"]


async def test_an_interrupted_import_goes_on_with_its_own_rejects(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = many_lines()
    lines[0], lines[-1] = "12,,Ana", "13,,Ben"
    path, rejects = write(tmp_path / "people.csv", lines), tmp_path / "mend-me.csv"
    stopped = await import_file(
        db, account.actor, FileImport(path=path, rejects=rejects), lambda _progress: None, should_stop=after_one_chunk()
    )
    other = await run(db, account, write(tmp_path / "others.csv", ["14,,Cy"]), rejects=rejects)
    resumed = await run(db, account, path)
    assert (stopped.is_done, resumed.is_resumed, resumed.rejects) == (False, True, rejects)
    assert [row["First name"] for row in rejected(resumed)] == ["Ana", "Ben"]
    assert other.rejects == tmp_path / "mend-me-2.csv"
    assert [row["First name"] for row in rejected(other)] == ["Cy"]
    assert (await run(db, account, path)).rejects == rejects


async def test_rejects_that_have_not_come_yet_have_their_file(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", [*many_lines(), "13,,Ben"])
    rejects = tmp_path / "mend-me.csv"
    stopped = await import_file(
        db, account.actor, FileImport(path=path, rejects=rejects), lambda _progress: None, should_stop=after_one_chunk()
    )
    other = await run(db, account, write(tmp_path / "others.csv", ["14,,Cy"]), rejects=rejects)
    resumed = await run(db, account, path)
    assert (stopped.rejects, resumed.rejects, other.rejects) == (None, rejects, tmp_path / "mend-me-2.csv")
    assert [row["First name"] for one in (resumed, other) for row in rejected(one)] == ["Ben", "Cy"]


async def test_an_import_leaves_its_beginning_and_end_in_the_audit_trail(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    summary = await run(db, account, write(tmp_path / "people.csv", ["0541110001,,Ana", "12,,Ben"]))
    end, beginning = (await db.read(list_audit, account.actor, ListAudit(limit=2)))[:2]
    assert (beginning.action, end.action) == ("import.start", "import.finish")
    assert beginning.subject == end.subject == str(summary.import_id)
    assert (beginning.detail["audience_id"], beginning.detail["columns"]) == (account.audience_id, 3)
    assert end.detail == {"rows": 2, "new": 1, "updated": 0, "unchanged": 0, "failed": 1}
