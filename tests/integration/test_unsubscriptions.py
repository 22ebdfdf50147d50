"""Whoever is unsubscribed has a row that tells since when, through what, by whom and why, while the status is that."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.background import process_uploads
from tests.support import MOMENT, Tenant

from carillon.audience.audiences import CreateAudience, create_audience
from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import (
    ChangeSubscriptions,
    Confirm,
    SubscriptionChange,
    change_subscriptions,
    confirm,
)
from carillon.audience.contacts.unsubscribe import Unsubscribe, unsubscribe_contacts
from carillon.audience.imports.file_import import FileImport, import_file
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.unsubscriptions import record_unsubscriptions
from carillon.audience.uploads.accept import AcceptUpload, accept_upload
from carillon.audience.upsert.rows import ContactRow
from carillon.audience.verify import verify_audiences
from carillon.db.database import Database
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock

PHONE, MAIL = "0541110001", "ana@mail.example"
UNSUBSCRIBED, SUBSCRIBED, UNCONFIRMED = (
    SubscriptionStatus.UNSUBSCRIBED,
    SubscriptionStatus.SUBSCRIBED,
    SubscriptionStatus.UNCONFIRMED,
)

How = dict[str, tuple[datetime, str, str, str | None]]


async def save(db: Database, actor: Actor, **attributes: Any) -> int:
    command = SaveContact(row=ContactRow(**({"phone": PHONE, "email": MAIL} | attributes)))
    return (await db.run(save_contact, actor, command)).contact_id


async def change(db: Database, actor: Actor, contact_id: int, reason: str | None = None, **statuses: Any) -> None:
    changes = [SubscriptionChange(contact_id=contact_id, **statuses)]
    await db.run(change_subscriptions, actor, ChangeSubscriptions(changes=changes, reason=reason))


async def how(db: Database, actor: Actor) -> list[How]:
    """Return how the audience's contacts came to be unsubscribed; what is kept is right, too."""
    assert await db.read(verify_audiences, actor) == []
    page = await db.read(query_contacts, actor, ContactQuery(with_unsubscriptions=True, with_archived=True))
    return [
        {
            channel.value: (kept.unsubscribed_at, kept.source, kept.actor, kept.reason)
            for channel, kept in one.unsubscriptions.items()
        }
        for one in page.items
    ]


async def bring(db: Database, actor: Actor, path: Path, lines: Sequence[str], **options: Any) -> None:
    await asyncio.to_thread(path.write_text, "\n".join([*lines, ""]), "utf-8")
    await import_file(db, actor, FileImport(path=path, **options), lambda _progress: None)


def by(actor: Actor, at: datetime, reason: str | None) -> tuple[datetime, str, str, str | None]:
    return at, actor.source, actor.name, reason


async def test_the_first_time_and_its_reason_are_kept_by_channel(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    actor = account.actor
    contact_id = await save(db, actor)
    assert await how(db, actor) == [{}]
    first = clock.moment
    await change(db, actor, contact_id, "Asked by phone", sms=UNSUBSCRIBED)
    clock.moment += timedelta(days=1)
    await change(db, replace(actor, name="another"), contact_id, "Again", sms=UNSUBSCRIBED, email=UNSUBSCRIBED)
    assert await how(db, actor) == [
        {
            "sms": by(actor, first, "Asked by phone"),
            "email": by(replace(actor, name="another"), clock.moment, "Again"),
        }
    ]


@pytest.mark.parametrize("status", [SUBSCRIBED, UNCONFIRMED])
async def test_it_goes_with_the_status(db: Database, account: Tenant, status: SubscriptionStatus) -> None:
    contact_id = await save(db, account.actor)
    await change(db, account.actor, contact_id, sms=UNSUBSCRIBED, email=UNSUBSCRIBED)
    await change(db, account.actor, contact_id, email=status)
    assert [set(one) for one in await how(db, account.actor)] == [{"sms"}]


async def test_confirming_leaves_it(db: Database, account: Tenant) -> None:
    contact_id = await save(db, account.actor)
    await change(db, account.actor, contact_id, sms=UNSUBSCRIBED, email=UNCONFIRMED)
    await db.run(confirm, account.actor, Confirm(contact_id=contact_id, is_confirmed=True))
    assert [set(one) for one in await how(db, account.actor)] == [{"sms"}]


async def test_archiving_and_another_address_leave_it(db: Database, account: Tenant) -> None:
    actor = account.actor
    contact_id = await save(db, actor, external_id="a")
    await change(db, actor, contact_id, "Asked", sms=UNSUBSCRIBED, email=UNSUBSCRIBED)
    before = await how(db, actor)
    await change(db, actor, contact_id, archived=True)
    await save(db, actor, external_id="a", email="new@mail.example")
    await save(db, actor, external_id="a", phone="")
    assert await how(db, actor) == before


async def test_it_lies_under_a_suppression_and_stays(db: Database, account: Tenant) -> None:
    actor, addresses = account.actor, [Address(channel=Channel.EMAIL, value=MAIL)]
    contact_id = await save(db, actor)
    await db.run(suppress, actor, Suppress(addresses=addresses, reason="complained"))
    assert await how(db, actor) == [{}]
    await change(db, actor, contact_id, "Asked", email=UNSUBSCRIBED)
    before = await how(db, actor)
    await db.run(reactivate, actor, Reactivate(addresses=addresses, reason="asked again"))
    assert await how(db, actor) == before != [{}]


async def test_who_has_no_address_yet_has_it_too(db: Database, account: Tenant) -> None:
    actor = account.actor
    contact_id = await save(db, actor, email=None)
    await change(db, actor, contact_id, "Asked", email=UNSUBSCRIBED)
    before = await how(db, actor)
    await save(db, actor)
    assert await how(db, actor) == before != [{}]


async def test_a_block_that_unsubscribes_gives_its_reason_in_every_audience(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    other = await db.run(create_audience, account.actor, CreateAudience(name="Others"))
    inside = replace(account.actor, audience_id=other.audience_id)
    await save(db, account.actor)
    await save(db, inside)
    command = Suppress(
        addresses=[Address(channel=Channel.SMS, value=PHONE)], reason="Bounced", unsubscribe_contacts=True
    )
    await db.run(suppress, account.actor, command)
    expected: list[How] = [{"sms": by(account.actor, clock.moment, "Bounced")}]
    assert (await how(db, account.actor), await how(db, inside)) == (expected, expected)


async def test_an_upload_has_the_moment_when_it_is_written(db: Database, account: Tenant) -> None:
    await db.run(accept_upload, account.actor, AcceptUpload(rows=[ContactRow(phone=PHONE)]))
    blocked = Suppress(addresses=[Address(channel=Channel.SMS, value=PHONE)], reason="x", unsubscribe_contacts=True)
    await db.run(suppress, account.actor, blocked)
    await process_uploads(db)
    assert [set(one) for one in await how(db, account.actor)] == [{"sms"}]


async def test_one_audience_is_left_for_a_reason(db: Database, account: Tenant, clock: FixedClock) -> None:
    await save(db, account.actor)
    keys = [ContactKey(kind=KeyKind.PHONE, value=PHONE), ContactKey(kind=KeyKind.EMAIL, value=MAIL)]
    with pytest.raises(InvalidInputError, match="reason"):
        await db.run(unsubscribe_contacts, account.actor, Unsubscribe(keys=keys, reason=" "))
    await db.run(unsubscribe_contacts, account.actor, Unsubscribe(keys=keys, reason=" Asked in writing "))
    kept = by(account.actor, clock.moment, "Asked in writing")
    assert await how(db, account.actor) == [{"sms": kept, "email": kept}]


async def test_who_comes_back_has_the_moment_of_its_removal(db: Database, account: Tenant, clock: FixedClock) -> None:
    actor = account.actor
    contact_id = await save(db, actor)
    await change(db, actor, contact_id, "Asked", sms=UNSUBSCRIBED)
    removed = clock.moment = clock.moment + timedelta(days=1)
    keys = [ContactKey(kind=KeyKind.PHONE, value=PHONE)]
    await db.run(delete_contacts, actor, DeleteContacts(keys=keys))
    assert await how(db, actor) == []
    clock.moment += timedelta(days=1)
    await save(db, actor)
    assert await how(db, actor) == [{"sms": (removed, "removed", actor.name, None)}]


async def test_whoever_gets_an_address_that_was_left_has_the_moment_when_it_was_said(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    actor = account.actor
    contact_id = await save(db, actor)
    said = clock.moment = clock.moment + timedelta(days=1)
    await change(db, actor, contact_id, "Asked", email=UNSUBSCRIBED)
    clock.moment += timedelta(days=1)
    await save(db, actor, email="b@mail.example")
    clock.moment += timedelta(days=1)
    await save(db, actor, phone="0541110002")
    assert [one["email"][:2] for one in await how(db, actor)] == [(said, actor.source), (said, "removed")]


async def test_a_contact_that_is_given_the_address_has_it_too(db: Database, account: Tenant) -> None:
    actor = account.actor
    contact_id = await save(db, actor)
    await change(db, actor, contact_id, sms=UNSUBSCRIBED, email=UNSUBSCRIBED)
    await db.run(delete_contacts, actor, DeleteContacts(keys=[ContactKey(kind=KeyKind.PHONE, value=PHONE)]))
    await save(db, actor, phone="0541110002", email="b@mail.example")
    await save(db, actor, phone="0541110002", email=MAIL)
    assert [{channel: kept[1] for channel, kept in one.items()} for one in await how(db, actor)] == [
        {"email": "removed"}
    ]


async def test_a_files_unsubscribes_have_the_file_as_their_reason(
    db: Database, account: Tenant, tmp_path: Path, clock: FixedClock
) -> None:
    await save(db, account.actor)
    lines = ["phone,email,status", f"{PHONE},,unsubscribed", ",new@mail.example,unsubscribed"]
    await bring(db, account.actor, tmp_path / "crm.csv", lines)
    kept = by(account.actor, clock.moment, "FILE crm.csv")
    assert await how(db, account.actor) == [{"sms": kept, "email": kept}, {"sms": kept, "email": kept}]


HEADER = (
    "contact_id,phone,email,external_id,landline,sms_status,email_status,created_at,updated_at,"
    "sms_unsubscribed_at,sms_unsubscribed_source,sms_unsubscribed_by,sms_unsubscribed_reason"
)
ROW = "7,+972541110001,,,,unsubscribed,none,2024-01-01T00:00:00+00:00,2024-01-01T00:00:00+00:00,{}"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2024-05-01T10:00:00+02:00,API,shop,Too many", ("2024-05-01T08:00:00+00:00", "API", "shop", "Too many")),
        ("2024-05-01 08:00,API,shop,", ("2024-05-01T08:00:00+00:00", "API", "shop", None)),
        ("2999-05-01T08:00:00,API,shop,", (MOMENT.isoformat(), "API", "shop", None)),
        ("soon,API,shop,Too many", (MOMENT.isoformat(), None, None, "FILE e.csv")),
        (",,,", (MOMENT.isoformat(), None, None, "FILE e.csv")),
        (f"2024-05-01,API,{'x' * 900},y", ("2024-05-01T00:00:00+00:00", "API", "x" * 500, "y")),
    ],
)
async def test_an_exports_columns_are_read_back_where_they_can_be(  # noqa: PLR0913, PLR0917 - the cases' and fixtures
    db: Database,
    account: Tenant,
    tmp_path: Path,
    clock: FixedClock,
    said: str,
    kept: tuple[str, str | None, str | None, str | None],
) -> None:
    clock.moment = MOMENT
    await bring(db, account.actor, tmp_path / "e.csv", [HEADER, ROW.format(said)])
    at, source, name, reason = kept
    expected = (datetime.fromisoformat(at), source or account.actor.source, name or account.actor.name, reason)
    assert await how(db, account.actor) == [{"sms": expected}]


async def test_what_is_known_stays_when_a_file_says_otherwise(db: Database, account: Tenant, tmp_path: Path) -> None:
    contact_id = await save(db, account.actor)
    await change(db, account.actor, contact_id, "Asked", sms=UNSUBSCRIBED)
    before = await how(db, account.actor)
    await bring(db, account.actor, tmp_path / "e.csv", [HEADER, ROW.format("2024-05-01,API,shop,Other")])
    assert await how(db, account.actor) == before


async def test_a_file_that_subscribes_again_ends_it(db: Database, account: Tenant, tmp_path: Path) -> None:
    contact_id = await save(db, account.actor)
    await change(db, account.actor, contact_id, "Asked", sms=UNSUBSCRIBED, email=UNSUBSCRIBED)
    lines = ["phone,sms_status", f"{PHONE},subscribed"]
    await bring(db, account.actor, tmp_path / "again.csv", lines, resubscribe="Signed again")
    assert [set(one) for one in await how(db, account.actor)] == [{"email"}]


async def test_verify_finds_a_row_too_many_and_one_too_few(db: Database, account: Tenant) -> None:
    contact_id = await save(db, account.actor)
    await change(db, account.actor, contact_id, sms=UNSUBSCRIBED)
    async with db.transaction() as tx:
        await tx.execute(
            "UPDATE contact SET sms_status = 1, email_status = 3 WHERE account_id = $1", account.account_id
        )
    found = await db.read(verify_audiences, account.actor)
    assert sorted((one.check, one.difference) for one in found) == [
        ("unsubscriptions", "has unsubscribed, and isn't so (sms)"),
        ("unsubscriptions", "is unsubscribed, and nothing tells since when (email)"),
    ]
    async with db.transaction() as tx:
        await record_unsubscriptions(tx, account.actor, [contact_id])
    assert [set(one) for one in await how(db, account.actor)] == [{"email"}]
