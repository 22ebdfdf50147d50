"""Stop lists: whoever is added to one is suppressed, whatever way the contact is written."""

import asyncio
from dataclasses import replace

import pytest
from tests.support import Tenant

from carillon.audience.audiences import AudienceKind, CreateAudience, create_audience
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.suppression_ledger import ListSuppressionEntries, list_suppression_entries
from carillon.audience.suppression_queries import PageSuppressions, page_suppressions
from carillon.audience.suppressions import Address, Channel, Reactivate, reactivate
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.kit.actor import Actor
from carillon.kit.page import NumberedPage

PHONE, OTHER, MAIL = "0541110001", "0541110002", "ana@mail.example"


@pytest.fixture
async def inside(db: Database, account: Tenant) -> Actor:
    command = CreateAudience(name="Stop", kind=AudienceKind.STOPLIST)
    made = await db.run(create_audience, account.actor, command)
    return replace(account.actor, audience_id=made.audience_id)


async def is_suppressed(db: Database, account: Tenant, channel: Channel, address: str) -> bool:
    query = PageSuppressions(channels=[channel], page=NumberedPage(), address=address)
    return bool((await db.read(page_suppressions, account.actor, query)).items)


async def suppressed(db: Database, account: Tenant, phone: str = PHONE) -> list[bool]:
    return [await is_suppressed(db, account, channel, phone) for channel in (Channel.SMS, Channel.VOICE)]


async def write(db: Database, actor: Actor, *rows: ContactRow) -> None:
    await db.run(upsert, actor, read_rows(rows, "IL"))


@pytest.mark.parametrize("others", [0, 60])
async def test_who_is_added_is_suppressed_on_every_channel(
    db: Database, account: Tenant, inside: Actor, others: int
) -> None:
    rows = [ContactRow(phone=f"05422200{number:02d}") for number in range(others)]
    await write(db, inside, *rows, ContactRow(phone=PHONE, email=MAIL))
    assert await suppressed(db, account) == [True, True]
    assert await is_suppressed(db, account, Channel.EMAIL, MAIL)
    entries = await db.read(list_suppression_entries, account.actor, ListSuppressionEntries(channels=[Channel.EMAIL]))
    assert [one.reason for one in entries.items] == ["STOPLIST Stop"]


async def test_a_new_address_is_suppressed_and_the_old_one_stays_so(
    db: Database, account: Tenant, inside: Actor
) -> None:
    saved = await db.run(save_contact, inside, SaveContact(row=ContactRow(phone=PHONE)))
    change = SaveContact(row=ContactRow(phone=OTHER), contact_id=saved.contact_id)
    await db.run(save_contact, inside, change)
    assert (await suppressed(db, account), await suppressed(db, account, OTHER)) == ([True] * 2, [True] * 2)


async def test_who_was_reactivated_is_suppressed_again_when_the_list_is_given_it_again(
    db: Database, account: Tenant, inside: Actor
) -> None:
    await write(db, inside, ContactRow(phone=PHONE))
    lifted = [Address(channel=channel, value=PHONE) for channel in (Channel.SMS, Channel.VOICE)]
    await db.run(reactivate, account.actor, Reactivate(addresses=lifted, reason="asked"))
    assert await suppressed(db, account) == [False, False]
    await write(db, inside, ContactRow(phone=PHONE))
    assert await suppressed(db, account) == [True, True]


async def test_other_audiences_suppress_nobody(db: Database, account: Tenant) -> None:
    await write(db, account.actor, ContactRow(phone=PHONE, email=MAIL))
    assert await suppressed(db, account) == [False, False]


async def test_writers_of_stop_lists_and_of_other_audiences_wait_for_each_other(
    db: Database, account: Tenant, inside: Actor
) -> None:
    """Locks are taken in one order, so that nobody waits for ever."""
    writes = [
        write(db, actor, ContactRow(phone=f"054111{number:04d}"))
        for number in range(12)
        for actor in (inside, account.actor)
    ]
    await asyncio.gather(*writes)
    assert await suppressed(db, account, "0541110011") == [True, True]
