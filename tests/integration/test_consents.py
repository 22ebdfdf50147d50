"""Consents: purposes of an audience, and what its contacts say of them on each channel."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.background import process_uploads
from tests.support import Tenant

from carillon.audience.audiences import CreateAudience, create_audience, delete_audience
from carillon.audience.consents import (
    MAX_PURPOSES,
    ChangePurpose,
    ConsentChange,
    CreatePurpose,
    change_purpose,
    create_purpose,
    list_purposes,
)
from carillon.audience.contacts.batch_write import WriteBatch, WritePolicy, write_batch
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.row_changes import RowChange
from carillon.audience.contacts.save import SaveContact, SavedContact, save_contact
from carillon.audience.suppressions import Channel
from carillon.audience.uploads.accept import AcceptUpload, accept_upload
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.db.filters import Condition, Op, Order
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock

ROWS = 200  # more than are written by one statement
YES, NO, TAKEN_BACK = True, False, None


def sms(purpose: str, granted: bool | None) -> ConsentChange:  # noqa: FBT001 - it is what the test is about
    return ConsentChange(purpose, Channel.SMS, granted)


def email(purpose: str, granted: bool | None) -> ConsentChange:  # noqa: FBT001 - as above
    return ConsentChange(purpose, Channel.EMAIL, granted)


@pytest.fixture
async def actor(db: Database, account: Tenant) -> Actor:
    """An actor in an audience with two purposes."""
    made = await db.run(create_audience, account.actor, CreateAudience(name="List"))
    inside = replace(account.actor, audience_id=made.audience_id)
    for name in ("Offers", "News"):
        assert await db.run(create_purpose, inside, CreatePurpose(name=name)) == name.upper()
    return inside


async def save(db: Database, actor: Actor, *consents: ConsentChange, phone: str = "0541110000") -> SavedContact:
    row = ContactRow(phone=phone)
    return await db.run(save_contact, actor, SaveContact(row=row, consents=consents))


async def contacts(db: Database, actor: Actor, *conditions: Condition, **more: Any) -> Sequence[Contact]:
    query = ContactQuery(
        purposes=["OFFERS", "NEWS"], conditions=conditions, with_archived=True, with_consents=True, **more
    )
    return (await db.read(query_contacts, actor, query)).items


async def said(db: Database, actor: Actor) -> list[dict[str, bool]]:
    return [
        {f"{one.purpose}.{one.channel}": one.granted for one in contact.consents}
        for contact in await contacts(db, actor)
    ]


async def rows_of(db: Database, actor: Actor) -> list[tuple[Any, ...]]:
    statement = (
        "SELECT purpose, channel, granted, given_at, source, actor FROM consent"
        " WHERE account_id = $1 AND audience_id = $2 ORDER BY contact_id, purpose, channel"
    )
    async with db.transaction() as tx:
        return [tuple(row) for row in await tx.fetch(statement, actor.account_id, actor.audience_id)]


async def test_purposes_come_in_the_order_of_their_making_and_keep_their_keys(db: Database, actor: Actor) -> None:
    assert await db.run(create_purpose, actor, CreatePurpose(name="offers!", description="Sales")) == "OFFERS_2"
    assert await db.run(create_purpose, actor, CreatePurpose(name="  Ενημέρωση ")) == "ΕΝΗΜΈΡΩΣΗ"
    await db.run(change_purpose, actor, ChangePurpose(key="NEWS", name="Letters"))
    await db.run(change_purpose, actor, ChangePurpose(key="OFFERS_2", description=""))
    found = await db.read(list_purposes, actor)
    assert [(one.key, one.name, one.description) for one in found] == [
        ("OFFERS", "Offers", ""),
        ("NEWS", "Letters", ""),
        ("OFFERS_2", "offers!", ""),
        ("ΕΝΗΜΈΡΩΣΗ", "Ενημέρωση", ""),
    ]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\0b", "\u200b", "Offers\u202e"])
async def test_a_purpose_needs_a_name(db: Database, actor: Actor, name: str) -> None:
    for operation, command in (
        (create_purpose, CreatePurpose(name=name)),
        (change_purpose, ChangePurpose(key="NEWS", name=name)),
    ):
        with pytest.raises(InvalidInputError) as refused:
            await db.run(operation, actor, command)  # type: ignore[arg-type]
        assert refused.value.field == "name"


async def test_there_is_a_most_of_purposes_and_one_that_is_not_there_is_reported(db: Database, actor: Actor) -> None:
    with pytest.raises(NotFoundError, match="NONE"):
        await db.run(change_purpose, actor, ChangePurpose(key="NONE", name="x"))
    for number in range(MAX_PURPOSES - 2):
        await db.run(create_purpose, actor, CreatePurpose(name=f"P{number}"))
    with pytest.raises(InvalidInputError, match="purposes"):
        await db.run(create_purpose, actor, CreatePurpose(name="One more"))


async def test_a_consent_says_what_when_and_through_what(db: Database, actor: Actor, clock: FixedClock) -> None:
    await save(db, actor, sms("OFFERS", YES), email("OFFERS", NO))
    first = clock.now()
    clock.moment += timedelta(minutes=1)
    other = replace(actor, source="console", name="Ana")
    await save(db, other, sms("OFFERS", YES), email("OFFERS", YES), email("NEWS", NO))
    origin = (actor.source, actor.name)
    assert await rows_of(db, actor) == [
        ("NEWS", "email", False, clock.now(), "console", "Ana"),
        ("OFFERS", "email", True, clock.now(), "console", "Ana"),
        ("OFFERS", "sms", True, first, *origin),
    ]


async def test_a_consent_that_changes_changes_its_contact_and_one_that_does_not_leaves_it(
    db: Database, actor: Actor, clock: FixedClock
) -> None:
    await save(db, actor, sms("OFFERS", YES))
    for change, is_changed in ((YES, False), (NO, True), (NO, False), (TAKEN_BACK, True), (TAKEN_BACK, False)):
        (before,) = await contacts(db, actor)
        clock.moment += timedelta(minutes=1)
        await save(db, actor, sms("OFFERS", change))
        (after,) = await contacts(db, actor)
        assert (after.updated_at > before.updated_at) == is_changed, change
    assert await said(db, actor) == [{}]


async def test_a_purpose_that_is_not_there_is_refused_and_nothing_is_written(db: Database, actor: Actor) -> None:
    with pytest.raises(NotFoundError) as refused:
        await save(db, actor, sms("OFFERS", YES), sms("NONE", YES))
    assert refused.value.subject == "purpose"
    assert await contacts(db, actor) == []


async def test_what_rows_of_a_batch_say_is_written_with_them_and_the_last_write_wins(
    db: Database, actor: Actor
) -> None:
    await save(db, actor, sms("OFFERS", YES), email("OFFERS", YES))
    rows = [ContactRow(phone=f"05411100{number:02}") for number in (0, 1, 0, 1)]
    changes = {
        1: RowChange(consents=[sms("OFFERS", TAKEN_BACK), email("NEWS", YES)]),
        2: RowChange(consents=[sms("NEWS", YES), sms("NONE", YES)]),
        3: RowChange(consents=[email("NEWS", NO)]),
        4: RowChange(consents=[sms("NEWS", TAKEN_BACK), email("OFFERS", NO)]),
    }
    batch = read_rows(rows, "IL")
    await db.run(write_batch, actor, WriteBatch(batch=batch, policy=WritePolicy(changes=changes)))
    assert await said(db, actor) == [{"OFFERS.email": True, "NEWS.email": False}, {"OFFERS.email": False}]


@pytest.mark.parametrize("are_new", [True, False])
async def test_many_rows_say_theirs_at_once(db: Database, actor: Actor, *, are_new: bool) -> None:
    rows = [ContactRow(phone=f"0541{number:06}") for number in range(ROWS)]
    if not are_new:
        await db.run(write_batch, actor, WriteBatch(batch=read_rows(rows, "IL")))
    consents = [sms("OFFERS", YES), email("NEWS", NO), sms("NONE", YES)]
    changes = {number: RowChange(consents=consents) for number in range(1, ROWS + 1)}
    odd = replace(actor, name='A "quoted", name')
    command = WriteBatch(batch=read_rows(rows, "IL"), policy=WritePolicy(changes=changes))
    for _ in range(2):
        await db.run(write_batch, odd, command)
    written = await rows_of(db, actor)
    assert len(written) == 2 * ROWS
    assert {(purpose, channel, granted, name) for purpose, channel, granted, _, _, name in written} == {
        ("OFFERS", "sms", True, odd.name),
        ("NEWS", "email", False, odd.name),
    }


async def test_consents_go_with_their_contacts_and_purposes_with_their_audience(db: Database, actor: Actor) -> None:
    for number in range(2):
        await save(db, actor, sms("OFFERS", YES), phone=f"054111000{number}")
    key = ContactKey(kind=KeyKind.PHONE, value="0541110000")
    await db.run(delete_contacts, actor, DeleteContacts(keys=[key]))
    assert len(await rows_of(db, actor)) == 1
    await db.run(delete_audience, actor)
    assert await rows_of(db, actor) == []
    assert await db.read(list_purposes, actor) == []


async def test_contacts_are_asked_for_by_what_they_said(db: Database, actor: Actor) -> None:
    given = ((sms("OFFERS", YES), email("OFFERS", NO)), (sms("OFFERS", NO),), (email("NEWS", YES),))
    for number, consents in enumerate(given):
        await save(db, actor, *consents, phone=f"054111000{number}")
    for conditions, expected in (
        ([Condition("consents.OFFERS.sms", Op.EQ, True)], [0]),  # noqa: FBT003 - the value
        ([Condition("consents.OFFERS.sms", Op.EQ, False)], [1]),  # noqa: FBT003 - the value
        ([Condition("consents.OFFERS.sms", Op.NE, True)], [1, 2]),  # noqa: FBT003 - the value
        ([Condition("consents.OFFERS.sms", Op.EXISTS)], [0, 1]),
        ([Condition("consents.OFFERS.email", Op.NOT_EXISTS)], [1, 2]),
        ([Condition("consents.NEWS.email", Op.EXISTS)], [2]),
    ):
        found = await contacts(db, actor, *conditions)
        assert [int(str(one.phone)[-1]) for one in found] == expected, conditions
    ordered = await contacts(db, actor, order=Order("consents.OFFERS.sms"))
    assert [str(one.phone)[-1] for one in ordered] == ["1", "0", "2"]
    with pytest.raises(InvalidInputError):
        await contacts(db, actor, Condition("consents.NONE.sms", Op.EXISTS))


async def test_a_queued_upload_brings_consents(db: Database, actor: Actor) -> None:
    policy = WritePolicy(changes={1: RowChange(consents=[sms("OFFERS", YES), email("NEWS", NO)])})
    await db.run(accept_upload, actor, AcceptUpload(rows=[ContactRow(phone="0541110000")], policy=policy))
    assert await process_uploads(db, actor.account_id) == 1
    assert await said(db, actor) == [{"NEWS.email": False, "OFFERS.sms": True}]
