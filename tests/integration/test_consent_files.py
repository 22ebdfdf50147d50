"""A file takes reachability away, and never gives it to whom it was taken."""

import asyncio
import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.support import Tenant

from carillon.audience.consents import ConsentChange
from carillon.audience.contacts.batch_write import WriteRows, write_rows
from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.contacts.unsubscribe import Unsubscribe, unsubscribe_contacts
from carillon.audience.field_types import Kind
from carillon.audience.fields import CreateField, create_field
from carillon.audience.imports import source
from carillon.audience.imports.dry_run import dry_run
from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.audience.suppression_ledger import ListSuppressionEntries, list_suppression_entries
from carillon.audience.suppression_queries import ListSuppressions, list_suppressions
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError
from carillon.kit.clock import FixedClock

FILLING = [f"f{number},05422{number:05d},f{number}@mail.example" for number in range(60)]
"""So many rows are matched by columns, and not one by one."""


def write(path: Path, lines: Sequence[str]) -> Path:
    path.write_text("\n".join([*lines, ""]), "utf-8")
    return path


async def bring(db: Database, account: Tenant, path: Path, lines: Sequence[str], **options: Any) -> ImportSummary:
    command = FileImport(path=write(path, lines), **options)
    return await import_file(db, account.actor, command, lambda _progress: None)


async def statuses(db: Database, account: Tenant) -> dict[str | None, tuple[str, str]]:
    page = await db.read(query_contacts, account.actor, ContactQuery())
    return {one.phone or one.email: (one.sms_status.name.lower(), one.email_status.name.lower()) for one in page.items}


async def blocks(db: Database, account: Tenant) -> list[tuple[str, str, str]]:
    page = await db.read(list_suppressions, account.actor, ListSuppressions(channels=list(Channel)))
    return [(one.channel.value, one.address, one.reason) for one in page.items]


async def test_a_file_of_listmonk_unsubscribes_and_blocks(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = [
        "uuid,email,name,attributes,status,created_at,updated_at",
        'c1,on@mail.example,On,"{""city"": ""Porto""}",enabled,2024-01-01,2024-01-01',
        "c2,off@mail.example,Off,{},disabled,2024-01-01,2024-01-01",
        "c3,no@mail.example,No,{},blocklisted,2024-01-01,2024-01-01",
    ]
    summary = await bring(db, account, tmp_path / "subscribers.csv", lines)
    assert (summary.new, summary.error_count) == (3, 0)
    assert await statuses(db, account) == {
        "on@mail.example": ("none", "subscribed"),
        "off@mail.example": ("none", "unsubscribed"),
        "no@mail.example": ("none", "unsubscribed"),
    }
    assert await blocks(db, account) == [("email", "no@mail.example", "FILE subscribers.csv")]


async def test_a_file_of_brevo_blocks_by_channel(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = [
        "CONTACT ID;EMAIL;NOMBRE;SMS;EMAIL_BLACKLISTED;SMS_BLACKLISTED;DOUBLE_OPT-IN",
        "1;a@mail.example;Ana;+34612345678;false;true;1",
        "2;b@mail.example;Bea;+34612345679;true;false;1",
    ]
    await bring(db, account, tmp_path / "brevo.csv", lines)
    assert await statuses(db, account) == {
        "34612345678": ("unsubscribed", "subscribed"),
        "34612345679": ("subscribed", "unsubscribed"),
    }
    assert await blocks(db, account) == [
        ("sms", "34612345678", "FILE brevo.csv"),
        ("email", "b@mail.example", "FILE brevo.csv"),
    ]


@pytest.mark.parametrize("form", ["csv", "ndjson"])
async def test_a_file_of_inforu_unsubscribes_by_the_ids_of_its_statuses(
    db: Database, account: Tenant, tmp_path: Path, form: str
) -> None:
    header = "ContactId,Email,EmailStatusId,PhoneNumber,PhoneStatusId,FirstName"
    rows = [
        "1,a@mail.example,-2,0541110001,1,Dana",
        "2,b@mail.example,1,0541110002,-2,Noa",
        "3,c@mail.example,1,,0,Lea",
    ]
    lines = [header, *rows]
    if form == "ndjson":
        people = [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
        lines = [
            json.dumps({name: int(cell) if name.endswith("StatusId") else cell for name, cell in one.items()})
            for one in people
        ]
    await bring(db, account, tmp_path / f"contacts.{form}", lines)
    assert await statuses(db, account) == {
        "972541110001": ("subscribed", "unsubscribed"),
        "972541110002": ("unsubscribed", "subscribed"),
        "c@mail.example": ("none", "subscribed"),
    }


async def test_a_file_of_a_turkish_shop_unsubscribes_by_its_permissions(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = [
        "Ad;Soyad;Cep telefonu;E-posta;SMS İzni;E-posta İzni;Abonelikten Çıktı",  # noqa: RUF001 - Turkish
        "Ayşe;Yılmaz;+905321234567;a@mail.example;ONAY;RET;HAYIR",  # noqa: RUF001 - Turkish
        "Işık;Kaya;+905321234568;b@mail.example;Hayır;Evet;Hayır",  # noqa: RUF001 - Turkish
        "Can;Demir;+905321234569;c@mail.example;Var;Var;Evet",
        "Ece;Aksoy;+905321234570;d@mail.example;Evet;ONAY;",
    ]
    path = tmp_path / "musteriler.csv"
    path.write_bytes("\r\n".join([*lines, ""]).encode("cp1254"))
    command = FileImport(path=path, country="TR", encoding="cp1254")
    summary = await import_file(db, account.actor, command, lambda _progress: None)
    assert (summary.new, summary.error_count) == (4, 0)
    assert await statuses(db, account) == {
        "905321234567": ("subscribed", "unsubscribed"),
        "905321234568": ("unsubscribed", "subscribed"),
        "905321234569": ("unsubscribed", "unsubscribed"),
        "905321234570": ("subscribed", "subscribed"),
    }


@pytest.mark.parametrize("reason", ["NORMAL", "SPAM", "ABUSE"])
async def test_a_file_of_mailchimp_unsubscribes_by_its_time(
    db: Database, account: Tenant, tmp_path: Path, reason: str
) -> None:
    lines = [
        "Email Address,First Name,OPTIN_TIME,UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON",
        f"a@mail.example,Ana,2020-01-01 10:00:00,2021-01-01 10:00:00,Spring,{reason}",
    ]
    await bring(db, account, tmp_path / "unsubscribed.csv", lines)
    assert await statuses(db, account) == {"a@mail.example": ("none", "unsubscribed")}
    assert await blocks(db, account) == []


async def test_nothing_that_was_taken_comes_back_by_a_file(db: Database, account: Tenant, tmp_path: Path) -> None:
    taken = ["phone,sms_status", "0541110001,unsubscribed", "0541110002,unconfirmed", "0541110003,blocked"]
    await bring(db, account, tmp_path / "taken.csv", taken)
    before = await statuses(db, account)
    assert list(before.values()) == [("unsubscribed", "none"), ("unconfirmed", "none"), ("unsubscribed", "none")]
    given = ["phone,sms_status", *(f"054111000{number},subscribed" for number in (1, 2, 3, 3))]
    await bring(db, account, tmp_path / "given.csv", given)
    await bring(db, account, tmp_path / "unconfirmed.csv", ["phone,sms_status", "0541110001,unconfirmed"])
    assert await statuses(db, account) == before


async def test_numbers_among_the_truths_of_ndjson_say_the_same(db: Database, account: Tenant, tmp_path: Path) -> None:
    cells = ("true", "1.0", "1", "0.0", "false")
    lines = [f'{{"phone": "054111000{place}", "unsubscribed": {cell}}}' for place, cell in enumerate(cells)]
    summary = await bring(db, account, tmp_path / "people.ndjson", lines)
    assert (summary.new, summary.failed) == (5, 0)
    assert [sms for sms, _ in (await statuses(db, account)).values()] == ["unsubscribed"] * 3 + ["subscribed"] * 2


async def test_of_two_rows_for_one_contact_the_one_that_takes_away_counts(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = ["phone,sms_status", "0541110001,unsubscribed", "0541110001,subscribed"]
    await bring(db, account, tmp_path / "twice.csv", lines)
    assert await statuses(db, account) == {"972541110001": ("unsubscribed", "none")}


async def test_an_address_that_another_contact_has_is_unsubscribed_there(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "one.csv", ["phone,email", "0541110001,a@mail.example", "0541110002,"])
    lines = ["phone,email,email_status", "0541110002,a@mail.example,unsubscribed"]
    await bring(db, account, tmp_path / "two.csv", lines)
    assert (await statuses(db, account))["972541110001"] == ("subscribed", "unsubscribed")


async def test_what_is_not_understood_stops_before_the_first_row(db: Database, account: Tenant, tmp_path: Path) -> None:
    many = [f"05411{number:05d},subscribed" for number in range(30_000)]
    for lines in (
        ["phone,status", *many, "0541200000,lead"],
        ["phone,ok to consent", *many],
        ["phone,Verified", *(row.replace("subscribed", "yes") for row in many), "0541200000,no"],
        ["phone,List state", *many[:1_000], "0541200000,Removed", *many],
        ["phone,List state", *many, "0541200000,Removed"],
        ["phone,List state", *(row.partition(",")[0] for row in many), "0541200000,Removed"],
    ):
        with pytest.raises(InvalidInputError) as refused:
            await bring(db, account, tmp_path / "crm.csv", lines)
        assert refused.value.field == "map"
    assert await statuses(db, account) == {}


@pytest.mark.parametrize("name", ["SMS", "Cell", "WhatsApp"])
async def test_a_column_called_like_an_address_beside_another_is_none_where_its_cells_are_answers(
    db: Database, account: Tenant, tmp_path: Path, name: str
) -> None:
    lines = [f"Mobile,{name}", "0541100001,yes", "0541100002,no"]
    later = [f"Mobile,{name}", *(f"05411{number:05d}," for number in range(20_000)), "0541200000,no"]
    for rows in (lines, later):
        for mapping in ({}, {"Mobile": "phone"}):
            with pytest.raises(InvalidInputError) as refused:
                await bring(db, account, tmp_path / "crm.csv", rows, mapping=mapping)
            if mapping or rows is lines:
                assert f'--map "{name}=sms_subscribed"' in refused.value.message
    await bring(db, account, tmp_path / "crm.csv", lines, mapping={name: "sms_subscribed"})
    assert {phone: sms for phone, (sms, _) in (await statuses(db, account)).items()} == {
        "972541100001": "subscribed",
        "972541100002": "unsubscribed",
    }


async def test_the_only_column_called_like_an_address_is_none_where_its_cells_are_answers(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    for header, rows in (
        ("email,SMS", ["a@mail.example,yes", "b@mail.example,no"]),
        ("phone,Email", ["0541100001,TRUE", "0541100002,FALSE"]),
    ):
        with pytest.raises(InvalidInputError, match="_subscribed") as refused:
            await bring(db, account, tmp_path / "crm.csv", [header, *rows])
        assert refused.value.field == "map"
    placeholders = ["email,phone", "a@mail.example,0", "b@mail.example,no", "c@mail.example,"]
    await bring(db, account, tmp_path / "crm.csv", placeholders)


async def test_a_second_phone_stops_nothing_when_it_is_said_which_one_counts(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = ["Mobile,Phone,email", "0541100001,0541100002,a@mail.example", "0541100003,,b@mail.example"]
    with pytest.raises(InvalidInputError, match="would all be phone"):
        await bring(db, account, tmp_path / "crm.csv", lines)
    summary = await bring(db, account, tmp_path / "crm.csv", lines, mapping={"Mobile": "phone"})
    assert (summary.new, summary.unmapped_columns) == (2, ("Phone",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lists", [{"name": "Weekly", "subscription_status": "unsubscribed"}]),  # listmonk's API
        ("attributes", {"unsubscribed": True}),
        ("statuses", {"email": "unsubscribed"}),
        ("channels", {"email": {"status": "UNSUBSCRIBED"}}),
        ("state", {"name": "Opted out"}),
        ("extra", '{"unsubscribed": true}'),
    ],
)
@pytest.mark.parametrize("form", ["ndjson", "parquet"])
async def test_consent_within_objects_and_lists_stops_before_the_first_row(  # noqa: PLR0913, PLR0917 - fixtures
    db: Database, account: Tenant, tmp_path: Path, form: str, name: str, value: object
) -> None:
    path = tmp_path / f"all.{form}"
    frame = pl.DataFrame([{"email": f"a{number}@mail.example", name: None} for number in range(200)])
    frame = frame.with_columns(pl.Series(name, [None] * 199 + [value]))
    write_all = frame.write_ndjson if form == "ndjson" else frame.write_parquet
    await asyncio.to_thread(write_all, path)
    with pytest.raises(InvalidInputError, match="objects or lists") as refused:
        await import_file(db, account.actor, FileImport(path=path), lambda _progress: None)
    assert f'--map "{name}=-"' in refused.value.message
    assert await statuses(db, account) == {}
    left = FileImport(path=path, mapping={name: "-"})
    assert (await import_file(db, account.actor, left, lambda _progress: None)).new == 200


@pytest.mark.parametrize("field", ["status", "blacklisted", "opt_out"])
async def test_a_field_that_is_called_like_consent_swallows_none(
    db: Database, account: Tenant, tmp_path: Path, field: str
) -> None:
    await db.run(create_field, account.actor, CreateField(name=field, kind=Kind.TEXT))
    lines = ["email,status,blacklisted,opt out", "q1@mail.example,unsubscribed,yes,yes"]
    with pytest.raises(InvalidInputError, match=f"fields.{field}"):
        await bring(db, account, tmp_path / "crm.csv", lines)
    assert await statuses(db, account) == {}
    column = field.replace("_", " ")
    await bring(db, account, tmp_path / "crm.csv", lines, mapping={column: f"fields.{field}"})
    page = await db.read(query_contacts, account.actor, ContactQuery())
    assert [one.fields[field] for one in page.items] == ["unsubscribed" if field == "status" else "yes"]
    assert await statuses(db, account) == {"q1@mail.example": ("none", "unsubscribed")}


async def test_a_field_whose_cells_are_statuses_stops_until_it_is_said_to_be_one(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await db.run(create_field, account.actor, CreateField(name="state", kind=Kind.TEXT))
    lines = ["email,State", "q1@mail.example,Unsubscribed"]
    with pytest.raises(InvalidInputError, match=r"fields\.state"):
        await bring(db, account, tmp_path / "crm.csv", lines)
    assert await statuses(db, account) == {}
    await bring(db, account, tmp_path / "crm.csv", lines, mapping={"State": "fields.state"})
    assert await statuses(db, account) == {"q1@mail.example": ("none", "subscribed")}


async def test_a_column_is_what_the_mapping_says(db: Database, account: Tenant, tmp_path: Path) -> None:
    lines = ["phone,ok", "0541110001,0", "0541110002,1"]
    await bring(db, account, tmp_path / "ok.csv", lines, mapping={"ok": "sms_subscribed"})
    assert list((await statuses(db, account)).values()) == [("unsubscribed", "none"), ("subscribed", "none")]


async def test_who_was_unsubscribed_stays_so_after_the_contact_was_removed(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = [
        "phone,email,sms_status,email_status",
        "0541110001,a@mail.example,unsubscribed,subscribed",
        "0541110002,b@mail.example,subscribed,unsubscribed",
    ]
    await bring(db, account, tmp_path / "first.csv", lines)
    before = await statuses(db, account)
    keys = [ContactKey(kind=KeyKind.EMAIL, value=f"{name}@mail.example") for name in "ab"]
    assert await db.run(delete_contacts, account.actor, DeleteContacts(keys=keys)) == 2
    async with db.transaction() as tx:
        kept = await tx.fetch(
            "SELECT * FROM removed_unsubscribe WHERE account_id = $1 ORDER BY channel DESC", account.account_id
        )
    assert [(row["channel"], len(row["digest"])) for row in kept] == [("sms", 32), ("email", 32)]
    assert set(kept[0].keys()) == {"account_id", "audience_id", "channel", "digest", "removed_at", "purpose", "status"}
    bare = ["phone,email", "0541110001,a@mail.example", "0541110002,b@mail.example", "0541110003,c@mail.example"]
    await bring(db, account, tmp_path / "again.csv", bare)
    assert await statuses(db, account) == {**before, "972541110003": ("subscribed", "subscribed")}


@pytest.mark.parametrize(
    ("status", "after"),
    [(SubscriptionStatus.SUBSCRIBED, "subscribed"), (SubscriptionStatus.UNCONFIRMED, "unsubscribed")],
)
async def test_only_who_was_subscribed_again_before_it_was_removed_is_subscribed(
    db: Database, account: Tenant, tmp_path: Path, status: SubscriptionStatus, after: str
) -> None:
    key = ContactKey(kind=KeyKind.PHONE, value="0541110001")
    for number, said in enumerate((SubscriptionStatus.UNSUBSCRIBED, status)):
        await bring(db, account, tmp_path / f"{number}.csv", ["phone", "0541110001"], again=True)
        (contact,) = (await db.read(query_contacts, account.actor, ContactQuery())).items
        change = SubscriptionChange(contact_id=contact.contact_id, sms=said)
        await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[change]))
        await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    await bring(db, account, tmp_path / "last.csv", ["phone", "+972541110001"])
    assert await statuses(db, account) == {"972541110001": (after, "none")}


async def test_who_had_not_confirmed_is_unconfirmed_in_files_after_the_contact_was_removed_and_not_in_calls(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    key = ContactKey(kind=KeyKind.EMAIL, value="a@mail.example")
    lines = ["phone,email,sms_status,email_status", "0541110001,a@mail.example,unconfirmed,unconfirmed"]
    await bring(db, account, tmp_path / "first.csv", lines)
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    await bring(db, account, tmp_path / "again.csv", ["phone,email", "0541110001,a@mail.example"])
    assert await statuses(db, account) == {"972541110001": ("unconfirmed", "unconfirmed")}
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    row = ContactRow(phone="0541110001", email="a@mail.example")
    await db.run(save_contact, account.actor, SaveContact(row=row))
    assert await statuses(db, account) == {"972541110001": ("subscribed", "subscribed")}


@pytest.mark.parametrize("said", ["unsubscribed", "unconfirmed"])
@pytest.mark.parametrize("again", [["0541110001,a@mail.example"], [",a@mail.example", "0541110001,a@mail.example"]])
async def test_what_was_said_of_a_channel_without_an_address_outlives_the_contact(
    db: Database, account: Tenant, tmp_path: Path, said: str, again: list[str]
) -> None:
    lines = ["email,status,consents.NEWS.sms", f"a@mail.example,{said},no"]
    await bring(db, account, tmp_path / "first.csv", lines)
    key = ContactKey(kind=KeyKind.EMAIL, value="a@mail.example")
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    for number, line in enumerate(again):
        await bring(db, account, tmp_path / f"{number}.csv", ["phone,email,consents.NEWS.sms", f"{line},yes"])
    assert await statuses(db, account) == {"972541110001": (said, said)}
    assert await consents(db, account) == {("972541110001", "NEWS sms"): False}


async def test_a_contact_that_is_subscribed_again_on_all_its_channels_is_after_its_removal(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "first.csv", ["email,status", "a@mail.example,unsubscribed"])
    key = ContactKey(kind=KeyKind.EMAIL, value="a@mail.example")
    both = ["phone,email,sms_status,email_status", "0541110001,a@mail.example,subscribed,subscribed"]
    for number in range(2):
        await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
        await bring(db, account, tmp_path / f"{number}.csv", both, again=True, resubscribe="Signed")
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    await bring(db, account, tmp_path / "last.csv", ["phone,email", "0541110001,a@mail.example"])
    assert await statuses(db, account) == {"972541110001": ("subscribed", "subscribed")}


TWO_ROWS = [
    "email,phone,sms_status,consents.NEWS.sms",
    "q@mail.example,0541110001,unsubscribed,no",
    "q@mail.example,0541110002,,",
]


@pytest.mark.parametrize("is_known", [False, True], ids=["new", "known"])
@pytest.mark.parametrize("filling", [[], [f"{row.split(',')[2]},,," for row in FILLING]], ids=["few rows", "many rows"])
async def test_what_is_said_of_an_address_that_a_later_row_replaces_is_remembered(
    db: Database, account: Tenant, tmp_path: Path, filling: list[str], *, is_known: bool
) -> None:
    if is_known:
        await bring(db, account, tmp_path / "known.csv", ["email,phone", "q@mail.example,0541110001"])
    await bring(db, account, tmp_path / "rows.csv", [*TWO_ROWS, *filling])
    await bring(db, account, tmp_path / "again.csv", ["phone,consents.NEWS.sms", "0541110001,yes"])
    assert (await statuses(db, account))["972541110001"] == ("unsubscribed", "none")
    assert (await consents(db, account))["972541110001", "NEWS sms"] is False


async def test_what_is_said_of_a_phone_that_is_not_taken_is_remembered(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "rows.csv", ["email,phone", "q@mail.example,0531234567"])
    rows = ["email,phone,sms_status", "q@mail.example,0521234567,unsubscribed"]
    await bring(db, account, tmp_path / "worse.csv", rows)
    await bring(db, account, tmp_path / "again.csv", ["phone", "0521234567"])
    assert (await statuses(db, account))["972521234567"] == ("unsubscribed", "none")
    assert "972531234567" in await statuses(db, account)


async def test_an_address_that_comes_to_a_contact_brings_what_was_said_of_it(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "gone.csv", ["phone,sms_status", "0541110001,unsubscribed"])
    key = ContactKey(kind=KeyKind.PHONE, value="0541110001")
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    others = ["email,phone,sms_status", "s@mail.example,0541110002,", "u@mail.example,0541110003,unconfirmed"]
    await bring(db, account, tmp_path / "others.csv", others)
    for name in "su":
        await bring(db, account, tmp_path / f"{name}.csv", ["email,phone", f"{name}@mail.example,0541110001"])
        assert (await statuses(db, account))["972541110001"][0] == "unsubscribed"
        await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))


UNSUBSCRIBED_PAIR = [
    "external_id,phone,email,sms_status,email_status",
    "e1,0541110001,a@mail.example,subscribed,unsubscribed",
    "e2,0541110002,b@mail.example,unsubscribed,subscribed",
]


@pytest.mark.parametrize("filling", [[], FILLING], ids=["few rows", "many rows"])
@pytest.mark.parametrize(
    "replacing",
    [
        ["external_id,phone,email", "e1,,c@mail.example", "e2,0541110003,"],
        ["external_id,phone,email", "e1,,c@mail.example", "e2,0541110003,", "e9,,a@mail.example", "e8,0541110002,"],
    ],
    ids=["another address", "another contact takes it in the same file"],
)
async def test_who_was_unsubscribed_stays_so_after_the_contact_was_given_another_address(
    db: Database, account: Tenant, tmp_path: Path, replacing: list[str], filling: list[str]
) -> None:
    await bring(db, account, tmp_path / "first.csv", UNSUBSCRIBED_PAIR)
    await bring(db, account, tmp_path / "other.csv", [*replacing, *filling])
    await bring(db, account, tmp_path / "again.csv", ["phone,email", "0541110002,", ",a@mail.example"])
    after = await statuses(db, account)
    assert after["972541110002"] == ("unsubscribed", "none")
    assert after["a@mail.example"] == ("none", "unsubscribed")


@pytest.mark.parametrize("filling", [[], FILLING], ids=["few rows", "many rows"])
async def test_who_was_suppressed_is_unsubscribed_at_the_address_that_a_file_gives_it(
    db: Database, account: Tenant, tmp_path: Path, clock: FixedClock, filling: list[str]
) -> None:
    lines = ["external_id,phone,email", "e1,0541110001,a@mail.example", "e2,0541110002,b@mail.example"]
    await bring(db, account, tmp_path / "first.csv", lines)
    stopped = clock.moment = clock.moment + timedelta(days=1)
    addresses = [
        Address(channel=Channel.SMS, value="0541110001"),
        Address(channel=Channel.EMAIL, value="b@mail.example"),
    ]
    await db.run(suppress, account.actor, Suppress(addresses=addresses, reason="STOP"))
    clock.moment += timedelta(days=1)
    moved = ["external_id,phone,email", "e1,0541110011,", "e2,,b2@mail.example", *filling]
    tried = await dry_run(db, account.actor, FileImport(path=write(tmp_path / "m.csv", moved)), lambda _rows: None)
    assert tried.difference.unsubscribed == {"sms": 1, "email": 1}
    await bring(db, account, tmp_path / "moved.csv", moved)
    page = await db.read(query_contacts, account.actor, ContactQuery(with_unsubscriptions=True))
    after = {one.external_id: one for one in page.items}
    assert after["e1"].phone == "972541110011"
    assert (after["e1"].sms_status.name, after["e1"].email_status.name) == ("UNSUBSCRIBED", "SUBSCRIBED")
    assert (after["e2"].sms_status.name, after["e2"].email_status.name) == ("SUBSCRIBED", "UNSUBSCRIBED")
    kept = after["e1"].unsubscriptions[Channel.SMS]
    assert (kept.unsubscribed_at, kept.reason) == (stopped, "STOP")
    again = ["external_id,phone,sms_status", "e1,0541110011,subscribed"]
    await bring(db, account, tmp_path / "again.csv", again, resubscribe="Signed")
    assert (await statuses(db, account))["972541110011"] == ("subscribed", "subscribed")


@pytest.mark.parametrize("filling", [0, 60], ids=["few rows", "many rows"])
async def test_who_was_unsubscribed_stays_so_after_the_address_was_emptied(
    db: Database, account: Tenant, tmp_path: Path, filling: int
) -> None:
    await bring(db, account, tmp_path / "first.csv", UNSUBSCRIBED_PAIR)
    rows = [ContactRow(external_id="e1", email=""), ContactRow(external_id="e2", phone="")]
    rows += [ContactRow(external_id=f"f{number}") for number in range(filling)]
    await write_rows(db, account.actor, WriteRows(rows=rows, country="IL"))
    again = ["phone,email", "0541110002,", ",a@mail.example", "0541110001,", ",b@mail.example"]
    await bring(db, account, tmp_path / "again.csv", again)
    after = await statuses(db, account)
    assert after["972541110002"] == ("unsubscribed", "none")
    assert after["a@mail.example"] == ("none", "unsubscribed")
    assert after["972541110001"][0] == after["b@mail.example"][1] == "subscribed"


async def test_who_was_subscribed_again_before_the_address_was_replaced_is_subscribed(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "first.csv", UNSUBSCRIBED_PAIR)
    keys = [ContactKey(kind=KeyKind.EXTERNAL_ID, value=f"e{number}") for number in (1, 2)]
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=keys))
    lines = ["external_id,phone,email,sms_status,email_status", "e1,,a@mail.example,,subscribed"]
    await bring(db, account, tmp_path / "signed.csv", lines, resubscribe="Signed")
    await bring(db, account, tmp_path / "other.csv", ["external_id,email", "e1,c@mail.example"])
    await bring(db, account, tmp_path / "again.csv", ["email", "a@mail.example"])
    assert (await statuses(db, account))["a@mail.example"] == ("none", "subscribed")


async def ledger(db: Database, account: Tenant) -> list[tuple[str, str, str, str]]:
    query = ListSuppressionEntries(channels=list(Channel), action="reactivate")
    page = await db.read(list_suppression_entries, account.actor, query)
    return [(one.channel.value, one.address, one.action, one.reason) for one in page.items]


async def test_resubscribing_gives_back_what_was_taken_and_the_ledger_has_the_reason(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    taken = [
        "phone,sms_status",
        "0541110001,unsubscribed",
        "0541110002,blocked",
        "0541110003,unconfirmed",
        "0541110004,unsubscribed",
        "0541110005,subscribed",
    ]
    await bring(db, account, tmp_path / "taken.csv", taken)
    given = ["phone,sms_status", *(f"054111000{number},subscribed" for number in (1, 2, 3, 5)), "0541110004,"]
    reason = "Signed the form of 12 May"
    await bring(db, account, tmp_path / "given.csv", given, resubscribe=reason)
    assert await statuses(db, account) == {
        **{f"97254111000{number}": ("subscribed", "none") for number in (1, 2, 3, 5)},
        "972541110004": ("unsubscribed", "none"),
    }
    assert await blocks(db, account) == []
    assert sorted(await ledger(db, account)) == [
        ("sms", f"97254111000{number}", "reactivate", reason) for number in (1, 2, 3)
    ]


async def test_resubscribing_needs_a_reason_and_a_column(db: Database, account: Tenant, tmp_path: Path) -> None:
    for lines, reason, about in ((["phone,sms_status"], " ", "reason"), (["phone"], "Asked", "resubscribe")):
        with pytest.raises(InvalidInputError) as refused:
            await bring(db, account, tmp_path / "given.csv", [*lines, "0541110001,"], resubscribe=reason)
        assert refused.value.field == about


@pytest.mark.parametrize("takes_first", [True, False])
async def test_a_row_that_takes_away_wins_over_one_that_resubscribes_in_another_chunk(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, takes_first: bool
) -> None:
    monkeypatch.setattr(source, "CHUNK_ROWS", 2)
    await bring(db, account, tmp_path / "known.csv", ["phone", "0541110001", "0541110002"])
    columns = "phone,sms_status,consents.NEWS.sms"
    rows = ["0541110001,unsubscribed,no", "0541110002,blocked,no"]
    given = ["0541110001,subscribed,yes", "0541110002,subscribed,yes"]
    lines = [columns, *rows, *given] if takes_first else [columns, *given, *rows]
    await bring(db, account, tmp_path / "both.csv", lines, resubscribe="Signed")
    assert set((await statuses(db, account)).values()) == {("unsubscribed", "none")}
    assert [address for _, address, _ in await blocks(db, account)] == ["972541110002"]
    assert not any((await consents(db, account)).values())


async def test_a_row_without_an_address_blocks_those_of_its_contact(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    known = ["external_id,phone,email", "A,0541110001,a@mail.example", "B,0541110002,b@mail.example"]
    await bring(db, account, tmp_path / "known.csv", known)
    lines = ["external_id,email,blacklisted", "A,,yes", "B,b@mail.example,yes"]
    await bring(db, account, tmp_path / "blocked.csv", lines)
    found = {address for _, address, _ in await blocks(db, account)}
    assert found == {"972541110001", "a@mail.example", "b@mail.example"}
    assert set((await statuses(db, account)).values()) == {("unsubscribed", "unsubscribed")}


async def test_a_row_that_names_several_contacts_takes_from_all_of_them(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    known = ["external_id,phone", "A,0541110001", "B,0541110002", "C,0541110003"]
    await bring(db, account, tmp_path / "known.csv", known)
    summary = await bring(db, account, tmp_path / "both.csv", ["external_id,phone,status", "A,0541110002,unsubscribed"])
    assert summary.error_count == 1
    assert await statuses(db, account) == {
        "972541110001": ("unsubscribed", "none"),
        "972541110002": ("unsubscribed", "none"),
        "972541110003": ("subscribed", "none"),
    }


@pytest.mark.parametrize("takes_first", [True, False])
async def test_a_suppression_of_the_file_wins_over_a_row_that_resubscribes(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, takes_first: bool
) -> None:
    """A block of its own, and one that was there and is unsubscribed later in the file, aren't lifted."""
    monkeypatch.setattr(source, "CHUNK_ROWS", 2)
    await bring(db, account, tmp_path / "before.csv", ["email,status", "a@mail.example,", "b@mail.example,blocked"])
    takes = [",,b@mail.example,email", "a@mail.example,unsubscribed,,", "a@mail.example,unsubscribed,,"]
    gives = ["b@mail.example,subscribed,,", "a@mail.example,subscribed,,", "a@mail.example,subscribed,,"]
    lines = [*takes, *gives] if takes_first else [*gives, *takes]
    columns = "email,status,blocked_address,blocked_channel"
    path = write(tmp_path / "both.csv", [columns, *lines])
    planned = await dry_run(db, account.actor, FileImport(path=path, resubscribe="Signed"), lambda _rows: None)
    assert planned.difference.resubscribed == 0
    await bring(db, account, path, [columns, *lines], resubscribe="Signed")
    assert [address for _, address, _ in await blocks(db, account)] == ["b@mail.example"]
    assert not [one for one in (await statuses(db, account)).values() if "subscribed" in one]
    entries = (
        await db.read(list_suppression_entries, account.actor, ListSuppressionEntries(channels=list(Channel)))
    ).items
    assert [one.action for one in entries if one.action == "reactivate"] == []


async def test_a_row_that_takes_away_wins_over_one_that_resubscribes_after_an_interruption(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "CHUNK_ROWS", 2)
    await bring(
        db, account, tmp_path / "known.csv", ["phone,external_id", "0541110001,a", "0541110002,b", "0541110003,c"]
    )
    lines = [
        "phone,external_id,sms_status,archived_at,consents.NEWS.sms",
        "0541110001,,unsubscribed,,no",
        ",b,unsubscribed,,no",
        "0541110003,,,2026-01-02T03:04:05+00:00,",
        "0541110009,,subscribed,,yes",
        "0541110001,,subscribed,,yes",
        "0541110002,,subscribed,,yes",
        "0541110003,,subscribed,,",
    ]
    first = FileImport(path=write(tmp_path / "both.csv", lines), resubscribe="Signed")
    asked = iter([False, False, True])
    stopped = await import_file(db, account.actor, first, lambda _progress: None, should_stop=lambda: next(asked))
    assert not stopped.is_done
    summary = await import_file(db, account.actor, first, lambda _progress: None)
    assert (summary.is_resumed, summary.is_done) == (True, True)
    found = await statuses(db, account)
    assert {phone: sms for phone, (sms, _) in found.items()} == {
        "972541110001": "unsubscribed",
        "972541110002": "unsubscribed",
        "972541110009": "subscribed",
    }
    assert [granted for granted in (await consents(db, account)).values() if granted] == [True]


async def test_what_is_said_while_an_import_is_interrupted_wins_over_it(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    """Suppressed, unsubscribed, archived or refused since it began: all later than what the file says."""
    monkeypatch.setattr(source, "CHUNK_ROWS", 1)
    phones = [f"054111000{number}" for number in range(1, 7)]
    lines = ["phone,sms_status,consents.NEWS.sms", *(f"{phone},unsubscribed,no" for phone in phones)]
    await bring(db, account, tmp_path / "before.csv", lines)
    clock.moment += timedelta(days=1)
    given = [
        "phone,sms_status,consents.NEWS.sms",
        "0541110009,subscribed,",
        *(f"{one},subscribed,yes" for one in phones),
    ]
    command = FileImport(path=write(tmp_path / "signed.csv", given), resubscribe="Signed")
    asked = iter([False, True])
    await import_file(db, account.actor, command, lambda _progress: None, should_stop=lambda: next(asked))
    clock.moment += timedelta(days=1)
    contact_ids = {
        one.phone: one.contact_id for one in (await db.read(query_contacts, account.actor, ContactQuery())).items
    }
    address = Address(channel=Channel.SMS, value=phones[0])
    await db.run(suppress, account.actor, Suppress(addresses=[address], reason="STOP"))
    for sms in (SubscriptionStatus.SUBSCRIBED, SubscriptionStatus.UNSUBSCRIBED):
        change = SubscriptionChange(contact_id=contact_ids["972541110002"], sms=sms)
        await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[change]))
    archived = SubscriptionChange(contact_id=contact_ids["972541110003"], archived=True)
    await db.run(change_subscriptions, account.actor, ChangeSubscriptions(changes=[archived]))
    for granted in (True, False):
        said = [ConsentChange("NEWS", Channel.SMS, granted)]
        await db.run(save_contact, account.actor, SaveContact(row=ContactRow(phone=phones[3]), consents=said))
    planned = await dry_run(db, account.actor, command, lambda _rows: None)
    summary = await import_file(db, account.actor, command, lambda _progress: None)
    assert (summary.is_resumed, summary.is_done) == (True, True)
    assert (planned.difference.resubscribed, summary.resubscribed) == (3, 3)
    assert {phone: sms for phone, (sms, _) in (await statuses(db, account)).items() if phone != "972541110009"} == {
        "972541110001": "unsubscribed",
        "972541110002": "unsubscribed",
        "972541110004": "subscribed",
        "972541110005": "subscribed",
        "972541110006": "subscribed",
    }
    assert [address for _, address, _ in await blocks(db, account)] == ["972541110001"]
    query = ContactQuery(with_consents=True, with_archived=True)
    consents = {
        one.phone: one.consents[0].granted
        for one in (await db.read(query_contacts, account.actor, query)).items
        if one.consents
    }
    assert {phone for phone, granted in consents.items() if not granted} == {"972541110004"}


async def test_what_is_said_once_more_while_an_import_is_interrupted_wins_over_it(
    db: Database, account: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: FixedClock
) -> None:
    """Who was unsubscribed or suppressed already says so again, by a call, a command, a file or a status."""
    monkeypatch.setattr(source, "CHUNK_ROWS", 1)
    phones = [f"054111000{number}" for number in range(1, 7)]
    lines = [
        "phone,sms_status",
        *(f"{phone},{'blocked' if phone == phones[0] else 'unsubscribed'}" for phone in phones),
    ]
    await bring(db, account, tmp_path / "before.csv", lines)
    clock.moment += timedelta(days=1)
    given = ["phone,sms_status", "0541110009,subscribed", *(f"{one},subscribed" for one in phones)]
    command = FileImport(path=write(tmp_path / "signed.csv", given), resubscribe="Signed")
    asked = iter([False, True])
    await import_file(db, account.actor, command, lambda _progress: None, should_stop=lambda: next(asked))
    clock.moment += timedelta(days=1)
    address = Address(channel=Channel.SMS, value=phones[0])
    await db.run(suppress, account.actor, Suppress(addresses=[address], reason="STOP"))
    keys = [ContactKey(kind=KeyKind.PHONE, value=phones[1])]
    await db.run(unsubscribe_contacts, account.actor, Unsubscribe(keys=keys, reason="Again"))
    await bring(db, account, tmp_path / "again.csv", ["phone,unsubscribed", f"{phones[2]},yes"])
    gone = SaveContact(row=ContactRow(phone=phones[3]), sms=SubscriptionStatus.UNSUBSCRIBED)
    await db.run(save_contact, account.actor, gone)
    planned = await dry_run(db, account.actor, command, lambda _rows: None)
    summary = await import_file(db, account.actor, command, lambda _progress: None)
    assert (planned.difference.resubscribed, summary.resubscribed) == (2, 2)
    found = {phone: sms for phone, (sms, _) in (await statuses(db, account)).items()}
    assert {phone for phone, sms in found.items() if sms == "subscribed"} == {
        "972541110005",
        "972541110006",
        "972541110009",
    }


async def test_a_row_that_takes_away_wins_over_one_that_resubscribes(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "one.csv", ["phone,email", "0541110001,a@mail.example", "0541110002,"])
    lines = [
        "phone,email,sms_status,email_status",
        "0541110001,,unsubscribed,",
        "0541110001,,subscribed,",
        "0541110002,a@mail.example,,subscribed",
    ]
    await bring(db, account, tmp_path / "two.csv", lines, resubscribe="Asked")
    assert await statuses(db, account) == {
        "972541110001": ("unsubscribed", "subscribed"),
        "972541110002": ("subscribed", "none"),
    }


async def consents(db: Database, account: Tenant) -> dict[tuple[str | None, str], bool]:
    """Return who granted or refused what, by phone or e-mail."""
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "SELECT coalesce(c.phone, c.email) AS address, s.purpose || ' ' || s.channel AS about, s.granted "
            "FROM consent s JOIN contact c USING (account_id, audience_id, contact_id) WHERE account_id = $1",
            account.account_id,
        )
    return {(row["address"], row["about"]): row["granted"] for row in rows}


REFUSED = ["external_id,phone,email,consents.NEWS.sms,consents.NEWS.email", "e1,0541110001,a@mail.example,no,yes"]
GRANTED = ["external_id,phone,email,consents.NEWS.sms,consents.NEWS.email", "e9,0541110001,a@mail.example,yes,yes"]
REFUSED_BY_SMS = {("972541110001", "NEWS sms"): False, ("972541110001", "NEWS email"): True}


@pytest.mark.parametrize("filling", [[], FILLING], ids=["few rows", "many rows"])
async def test_a_purpose_that_was_refused_stays_so_after_the_contact_was_removed(
    db: Database, account: Tenant, tmp_path: Path, filling: list[str]
) -> None:
    key = ContactKey(kind=KeyKind.PHONE, value="0541110001")
    await bring(db, account, tmp_path / "first.csv", REFUSED)
    for name in ("again", "once more"):
        await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
        await bring(
            db, account, tmp_path / f"{name}.csv", [*GRANTED, *(f"{row},yes,yes" for row in filling)], again=True
        )
        after = await consents(db, account)
        assert {about: granted for about, granted in after.items() if about[0] == "972541110001"} == REFUSED_BY_SMS
        assert len(after) == 2 + 2 * len(filling)
        assert all(granted for (address, _), granted in after.items() if address != "972541110001")


async def test_a_purpose_that_was_refused_is_granted_when_resubscribing_and_then_for_good(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    key = ContactKey(kind=KeyKind.PHONE, value="0541110001")
    await bring(db, account, tmp_path / "first.csv", REFUSED)
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    lines = [f"{GRANTED[0]},sms_status", f"{GRANTED[1]},subscribed"]
    await bring(db, account, tmp_path / "signed.csv", lines, resubscribe="Signed")
    assert all((await consents(db, account)).values())
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    await bring(db, account, tmp_path / "again.csv", GRANTED)
    assert await consents(db, account) == dict.fromkeys(REFUSED_BY_SMS, True)


@pytest.mark.parametrize("filling", [[], FILLING], ids=["few rows", "many rows"])
async def test_a_purpose_that_was_refused_follows_the_address_to_another_contact(
    db: Database, account: Tenant, tmp_path: Path, filling: list[str]
) -> None:
    granted = ["external_id,phone,consents.NEWS.sms", "e2,0541110002,yes"]
    await bring(db, account, tmp_path / "first.csv", REFUSED)
    await bring(db, account, tmp_path / "second.csv", granted)
    await bring(db, account, tmp_path / "left.csv", ["external_id,phone,email", "e1,0541110003,", *filling])
    assert (await consents(db, account))["972541110002", "NEWS sms"]
    await bring(db, account, tmp_path / "came.csv", ["external_id,phone,email", "e2,0541110001,", *filling])
    after = await consents(db, account)
    assert after["972541110001", "NEWS sms"] is after["972541110003", "NEWS sms"] is False
    # What e2 had granted at the address that it left is granted there still.
    await bring(db, account, tmp_path / "third.csv", ["external_id,phone,consents.NEWS.sms", "e4,0541110002,yes"])
    assert (await consents(db, account))["972541110002", "NEWS sms"]


async def test_an_api_call_grants_a_purpose_that_a_removed_contact_had_refused(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    key = ContactKey(kind=KeyKind.PHONE, value="0541110001")
    await bring(db, account, tmp_path / "first.csv", REFUSED)
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    row = ContactRow(phone="0541110001", email="a@mail.example")
    await db.run(save_contact, account.actor, SaveContact(row=row))
    assert await consents(db, account) == {("972541110001", "NEWS sms"): False}
    change = ConsentChange("NEWS", Channel.SMS, granted=True)
    await db.run(save_contact, account.actor, SaveContact(row=row, consents=[change]))
    assert await consents(db, account) == {("972541110001", "NEWS sms"): True}


@pytest.mark.parametrize("filling", [[], [f"{row},," for row in FILLING]], ids=["few rows", "many rows"])
async def test_a_row_that_names_several_contacts_resubscribes_none(
    db: Database, account: Tenant, tmp_path: Path, filling: list[str]
) -> None:
    header = "external_id,phone,email,status,consents.NEWS.sms"
    known = [header, "c1,0541110001,a@mail.example,unsubscribed,no", "c2,0541110002,b@mail.example,unsubscribed,no"]
    await bring(db, account, tmp_path / "known.csv", known)
    given = [header, "c2,0541110001,,subscribed,yes", *filling, ",0541110002,a@mail.example,subscribed,yes"]
    summary = await bring(db, account, tmp_path / "given.csv", given, resubscribe="Signed")
    assert summary.error_count == 2
    after, said = await statuses(db, account), await consents(db, account)
    for phone in ("972541110001", "972541110002"):
        assert after[phone] == ("unsubscribed", "unsubscribed")
        assert said[phone, "NEWS sms"] is False


async def test_consents_are_given_by_a_file_to_new_contacts_or_when_resubscribing(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    async def granted() -> list[bool]:
        return list((await consents(db, account)).values())

    await bring(db, account, tmp_path / "new.csv", ["phone,consents.OFFERS.sms", "0541110001,true"])
    assert await granted() == [True]
    await bring(db, account, tmp_path / "back.csv", ["phone,consents.OFFERS.sms", "0541110001,no"])
    assert await granted() == [False]
    await bring(db, account, tmp_path / "yes.csv", ["phone,consents.OFFERS.sms", "0541110001,yes"])
    assert await granted() == [False]
    lines = ["phone,consents.OFFERS.sms", "0541110001,yes"]
    await bring(db, account, tmp_path / "signed.csv", lines, resubscribe="Signed")
    assert await granted() == [True]


async def test_a_purpose_is_the_same_whatever_its_case(db: Database, account: Tenant, tmp_path: Path) -> None:
    await bring(db, account, tmp_path / "new.csv", ["phone,consents.OFFERS.sms", "0541110001,yes", "0541110002,yes"])
    await bring(db, account, tmp_path / "no.csv", ["phone,consents.offers.sms", "0541110001,no", "0541110003,yes"])
    expected = {("972541110001", "OFFERS sms"): False, ("972541110002", "OFFERS sms"): True}
    assert await consents(db, account) == expected | {("972541110003", "OFFERS sms"): True}
    lines = ["phone,consents.Offers.sms,consents.OFFERS.sms", "0541110002,yes,no", "0541110003,no,yes"]
    await bring(db, account, tmp_path / "both.csv", lines)
    assert not any((await consents(db, account)).values())
    async with db.transaction() as tx:
        assert await tx.fetchval("SELECT count(*) FROM consent_purpose WHERE account_id = $1", account.account_id) == 1


async def test_two_names_of_a_new_purpose_that_differ_in_their_case_are_one(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    lines = ["phone,consents.News.sms,consents.NEWS.sms", "0541110001,yes,no", "0541110002,no,yes", "0541110003,yes,"]
    await bring(db, account, tmp_path / "both.csv", lines)
    assert await consents(db, account) == {
        ("972541110001", "News sms"): False,
        ("972541110002", "News sms"): False,
        ("972541110003", "News sms"): True,
    }


async def test_what_a_removed_contact_refused_is_refused_whatever_the_case_of_the_purpose(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "first.csv", REFUSED)
    key = ContactKey(kind=KeyKind.PHONE, value="0541110001")
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    lines = [GRANTED[0].replace("NEWS", "News"), GRANTED[1]]
    await bring(db, account, tmp_path / "again.csv", lines)
    assert await consents(db, account) == REFUSED_BY_SMS


async def test_a_definition_of_a_purpose_in_another_case_makes_none(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    await bring(db, account, tmp_path / "first.csv", REFUSED)
    header = "defined,defined_name,defined_kind,defined_label,defined_description,phone,sms_status,consents.news.sms"
    lines = [header, "purpose,news,,,,,,", "purpose,Offers,,,,,,", ",,,,,0541110001,subscribed,yes"]
    await bring(db, account, tmp_path / "defined.csv", lines)
    async with db.transaction() as tx:
        statement = "SELECT key FROM consent_purpose WHERE account_id = $1 ORDER BY key"
        assert [row["key"] for row in await tx.fetch(statement, account.account_id)] == ["NEWS", "Offers"]
    assert await consents(db, account) == REFUSED_BY_SMS


async def test_what_was_left_out_is_not_imported_before(db: Database, account: Tenant, tmp_path: Path) -> None:
    header = "contact_id,phone,sms_status,archived_at,consents.OFFERS.sms,blocked_address,blocked_channel"
    lines = [header, ",,,,,972541110009,sms", "1,0541110001,archived,2026-01-02T03:04:05+00:00,yes,,"]
    lines += ["2,0541110002,subscribed,,no,,"]
    left_out = ("consents.OFFERS.sms", "archived_at", "blocked_address", "blocked_channel")
    for columns in (left_out[:1], left_out[1:2], left_out[2:]):
        other = dict.fromkeys(columns, "-")
        first = await bring(db, account, tmp_path / "all.csv", lines, mapping=other)
        assert not first.was_done_before
    whole = await bring(db, account, tmp_path / "all.csv", lines)
    assert not whole.was_done_before
    assert (await consents(db, account))["972541110002", "OFFERS sms"] is False
    assert [address for _, address, _ in await blocks(db, account)] == ["972541110009"]
    async with db.transaction() as tx:
        statement = "SELECT phone FROM contact WHERE account_id = $1 AND archived_at IS NOT NULL"
        assert [row["phone"] for row in await tx.fetch(statement, account.account_id)] == ["972541110001"]
    assert (await bring(db, account, tmp_path / "all.csv", lines)).was_done_before
