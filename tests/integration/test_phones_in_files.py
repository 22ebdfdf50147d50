"""Phones of files: what a spreadsheet made of them, whose country's they are, and which never take another's place."""

import asyncio
import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support import Tenant

from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.tabular.formulas import restored

MANY = 300  # more than are read or matched one by one
VALID, POSSIBLE = "972545550001", "972521234567"


async def bring(db: Database, account: Tenant, path: Path, lines: Sequence[str], **options: Any) -> ImportSummary:
    await asyncio.to_thread(path.write_text, "\n".join([*lines, ""]), "utf-8")
    return await import_file(db, account.actor, FileImport(path=path, **options), lambda _progress: None)


async def phones(db: Database, account: Tenant) -> list[str | None]:
    async with db.transaction() as tx:
        return [one.phone for one in (await query_contacts(tx, account.actor, ContactQuery(limit=10_000))).items]


def rejected(summary: ImportSummary) -> list[tuple[str, str]]:
    assert summary.rejects is not None
    with summary.rejects.open(encoding="utf-8-sig", newline="") as file:
        return [(restored(row["_value"]), row["_reason"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize("count", [1, MANY])
async def test_a_column_that_a_spreadsheet_made_decimals_of_is_the_numbers_that_it_was(
    db: Database, account: Tenant, tmp_path: Path, count: int
) -> None:
    numbers = [f"54555{place:04d}" for place in range(3 * count)]
    forms = [f"{number}.0" for number in numbers[:count]]
    forms += [f"972{number}.00" for number in numbers[count : 2 * count]]
    forms += [f"{number[0]}.{number[1:]}E8" for number in numbers[2 * count :]]
    summary = await bring(db, account, tmp_path / "pandas.csv", ["phone,first name", *(f"{one},Ana" for one in forms)])
    assert (summary.new, summary.error_count) == (3 * count, 0)
    assert await phones(db, account) == [f"972{number}" for number in numbers]


@pytest.mark.parametrize("count", [1, MANY])
async def test_grouped_numbers_that_a_spreadsheet_made_decimals_of_are_the_numbers_that_they_were(
    db: Database, account: Tenant, tmp_path: Path, count: int
) -> None:
    numbers = [f"54555{place:04d}" for place in range(3 * count)]
    groups = [(one[:2], one[2:5], one[5:]) for one in numbers]
    forms = ["0{} {} {}.0".format(*one) for one in groups[:count]]
    forms += ["(0{})-{}/{},00".format(*one) for one in groups[count : 2 * count]]
    forms += [f"{int(one):,}.00" for one in numbers[2 * count :]]
    doubled = [f"{one}.0.0" for one in numbers[:count]]
    lines = ["phone;first name", *(f"{one};Ana" for one in [*forms, *doubled])]
    summary = await bring(db, account, tmp_path / "excel.csv", lines)
    assert (summary.new, summary.failed) == (3 * count, count)
    assert await phones(db, account) == [f"972{number}" for number in numbers]
    assert [value for value, _ in rejected(summary)] == doubled
    assert all("it has a fraction" in reason for _, reason in rejected(summary))


@pytest.mark.parametrize("count", [1, MANY])
async def test_decimals_with_something_around_them_become_nobody_elses_number(
    db: Database, account: Tenant, tmp_path: Path, count: int
) -> None:
    around = ["[{}]", "\u202a{}\u202c", "'{}'", "{},", "({})", "{};", "{}.", "{}:", "{}-", "{}/", "{}*", "~{}", ">{}"]
    numbers = [f"54555{place:04d}" for place in range(len(around) * count)]
    forms = [(around[place % len(around)], one) for place, one in enumerate(numbers)]
    whole, spoilt = ([form.format(one + end) for form, one in forms] for end in (".0", ".5"))
    summary = await bring(
        db, account, tmp_path / "excel.csv", ["phone\tName", *(f"{one}\tAna" for one in whole + spoilt)]
    )
    assert (summary.new, summary.failed) == (len(whole), len(spoilt))
    assert await phones(db, account) == [f"972{number}" for number in numbers]
    assert [value for value, _ in rejected(summary)] == spoilt
    assert all("it has a fraction" in reason for _, reason in rejected(summary))


@pytest.mark.parametrize("separator", ["\u202f", "\u2009", "\u2007", "\u2019", "'"])
@pytest.mark.parametrize("count", [1, MANY])
async def test_numbers_that_a_spreadsheet_parted_as_its_locale_does_are_the_numbers_that_they_were(
    db: Database, account: Tenant, tmp_path: Path, count: int, separator: str
) -> None:
    numbers = [972545550000 + place for place in range(2 * count)]
    forms = [f"{one:,}".replace(",", separator) for one in numbers]
    forms[count:] = [f"{one},00" for one in forms[count:]]
    fractions = [f"{one},50" for one in forms[:count]]
    lines = ["phone;first name", *(f"{one};Ana" for one in [*forms, *fractions])]
    summary = await bring(db, account, tmp_path / "libreoffice.csv", lines)
    assert (summary.new, summary.failed) == (2 * count, count)
    assert await phones(db, account) == [str(one) for one in numbers]
    assert [value for value, _ in rejected(summary)] == fractions
    assert all("it has a fraction" in reason for _, reason in rejected(summary))


@pytest.mark.parametrize("count", [1, MANY])
async def test_numbers_that_a_spreadsheet_rounded_are_rejects_that_name_the_cause(
    db: Database, account: Tenant, tmp_path: Path, count: int
) -> None:
    given = [f"9.{72541 + place}E+11" for place in range(count)]
    summary = await bring(db, account, tmp_path / "excel.csv", ["phone,first name", *(f"{one},Ana" for one in given)])
    assert (summary.new, summary.failed) == (0, count)
    assert [value for value, _ in rejected(summary)] == given
    assert {reason.partition(",")[0] for _, reason in rejected(summary)} == {"A spreadsheet rounded this number"}


@pytest.mark.parametrize("count", [1, MANY])
async def test_numbers_with_a_fraction_are_rejects_that_name_the_cause(
    db: Database, account: Tenant, tmp_path: Path, count: int
) -> None:
    given = [f"{972501230000 + place}.7" for place in range(count)]
    summary = await bring(db, account, tmp_path / "excel.csv", ["phone,first name", *(f"{one},Ana" for one in given)])
    assert (summary.new, summary.failed) == (0, count)
    assert [value for value, _ in rejected(summary)] == given
    assert all("it has a fraction" in reason for _, reason in rejected(summary))


@pytest.mark.parametrize("filler", [0, MANY])
async def test_digits_that_are_valid_internationally_alone_are_international(
    db: Database, account: Tenant, tmp_path: Path, filler: int
) -> None:
    usual = [f"61234{place:04d}" for place in range(filler)]
    given = ["447911123456", "44 7911 123457", "612345678", "3466666666", "99000000000", *usual]
    await bring(db, account, tmp_path / "mixed.csv", ["phone", *given], country="ES")
    expected = ["447911123456", "447911123457", "34612345678", "3466666666", "99000000000"]
    assert await phones(db, account) == expected + [f"34{one}" for one in usual]


@pytest.mark.parametrize("filler", [0, MANY])
async def test_a_number_that_begins_with_an_area_code_in_brackets_is_no_foreigners(
    db: Database, account: Tenant, tmp_path: Path, filler: int
) -> None:
    usual = [f"61234{place:04d}" for place in range(filler)]
    foreign = ["(201) 555-0123", "(212) 555-0199", "(305) 555-0188"]
    await bring(db, account, tmp_path / "us.csv", ["phone", *foreign], country="US")
    assert await phones(db, account) == ["12015550123", "12125550199", "13055550188"]
    given = [*foreign, "(91) 234 56 78", "1 (201) 555-0124", *usual]
    summary = await bring(db, account, tmp_path / "es.csv", ["phone", *given], country="ES")
    assert [value for value, _ in rejected(summary)] == foreign
    assert all("no number with such an area code" in reason for _, reason in rejected(summary))
    assert (await phones(db, account))[3:] == ["34912345678", "12015550124", *(f"34{one}" for one in usual)]


@pytest.mark.parametrize("is_suppressed", [True, False])
@pytest.mark.parametrize("filler", [0, MANY])
async def test_what_may_be_either_is_the_number_that_is_known(
    db: Database, account: Tenant, tmp_path: Path, filler: int, *, is_suppressed: bool
) -> None:
    for number in ("+3466666667", "+9723466666668"):  # both ways, no valid number of Israel
        if is_suppressed:
            address = Address(channel=Channel.SMS, value=number)
            await db.run(suppress, account.actor, Suppress(addresses=[address], reason="asked"))
        else:
            await db.run(save_contact, account.actor, SaveContact(row=ContactRow(phone=number)))
    usual = [f"054555{place:04d}" for place in range(filler)]
    given = ["3466666667", "3466666668", "3466666669", *usual]
    lines = ["phone,sms_status", *(f"{one},unsubscribed" for one in given)]
    await bring(db, account, tmp_path / "ambiguous.csv", lines)
    expected = ["3466666667", "9723466666668", "9723466666669", *(f"972{one[1:]}" for one in usual)]
    assert await phones(db, account) == expected


@pytest.mark.parametrize("count", [1, MANY])
@pytest.mark.parametrize("twice", [False, True])
async def test_a_phone_that_is_not_valid_replaces_no_valid_one(
    db: Database, account: Tenant, tmp_path: Path, count: int, *, twice: bool
) -> None:
    known = [f"u{place}@mail.example,054555{place:04d}" for place in range(count)]
    await bring(db, account, tmp_path / "known.csv", ["email,phone", *known])
    given = [f"u{place}@mail.example,0521234{place:03d},Ana" for place in range(count)]
    lines = ["email,phone,first name", *given, *(given if twice else ())]
    summary = await bring(db, account, tmp_path / "typed.csv", lines)
    assert (summary.updated, summary.unchanged) == (count, count if twice else 0)
    assert await phones(db, account) == [f"97254555{place:04d}" for place in range(count)]
    reason = "The contact keeps +972545550000, a valid number: +972521234000 is none."
    assert rejected(summary)[0] == ("+972521234000", reason)
    assert len(rejected(summary)) == summary.error_count == (2 if twice else 1) * count


async def test_a_valid_phone_replaces_any_and_one_that_is_not_valid_another_such(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    for phone in ("0521234567", "0521234568", "0545550001", "0545550002", ""):
        lines = ["email,phone", f"ana@mail.example,{phone}"]
        summary = await bring(db, account, tmp_path / f"{phone}.csv", lines)
        assert summary.error_count == 0
    assert await phones(db, account) == ["972545550002"]


async def test_an_earlier_row_of_the_same_file_keeps_its_valid_phone_too(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = ["email,phone", f"ana@mail.example,+{VALID}", f"ana@mail.example,+{POSSIBLE}"]
    summary = await bring(db, account, tmp_path / "people.csv", lines)
    assert (summary.new, summary.unchanged, summary.error_count) == (1, 1, 1)
    assert await phones(db, account) == [VALID]


async def test_calls_of_an_api_replace_a_valid_phone(db: Database, account: Tenant) -> None:
    for phone in (VALID, POSSIBLE):
        row = ContactRow(email="ana@mail.example", phone=f"+{phone}")
        await db.run(save_contact, account.actor, SaveContact(row=row))
    assert await phones(db, account) == [POSSIBLE]


async def test_short_and_repeated_digits_are_rejects(db: Database, account: Tenant, tmp_path: Path) -> None:
    given = ["1234", "123456", "1111111111", "0000000000", "0555555555", "+1111111111"]
    summary = await bring(db, account, tmp_path / "typed.csv", ["phone", *given])
    assert (summary.failed, summary.new) == (len(given), 0)
    assert rejected(summary) == [(value, "This is not a phone number.") for value in given]
