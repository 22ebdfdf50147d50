"""One address suppressed and reactivated, what keys of contacts stand for, and the ledger."""

from datetime import timedelta

import pytest
from tests.support import Tenant

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.single_suppressions import (
    ReactivateAddress,
    SuppressAddress,
    reactivate_address,
    suppress_address,
)
from carillon.audience.suppressed_contacts import CheckKeysUnsubscribed, check_keys_unsubscribed
from carillon.audience.suppression_ledger import SuppressionHistory, suppression_history
from carillon.audience.suppressions import Address, Channel
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.clock import FixedClock

PHONE = Address(channel=Channel.SMS, value="0541110001")
EMAIL = Address(channel=Channel.EMAIL, value="Ana@mail.example")
KEYS = [
    ContactKey(kind=KeyKind.EXTERNAL_ID, value="7"),
    ContactKey(kind=KeyKind.PHONE, value="0541110001"),
    ContactKey(kind=KeyKind.EMAIL, value="ana@mail.example"),
    ContactKey(kind=KeyKind.EXTERNAL_ID, value="nobody"),
    ContactKey(kind=KeyKind.PHONE, value="no phone"),
]


async def block(db: Database, tenant: Tenant, address: Address) -> None:
    await db.run(suppress_address, tenant.actor, SuppressAddress(address=address, reason="asked"))


async def lift(db: Database, tenant: Tenant, address: Address) -> None:
    await db.run(reactivate_address, tenant.actor, ReactivateAddress(address=address, reason="asked again"))


async def test_a_suppression_is_returned_as_it_was_made_first(db: Database, account: Tenant, clock: FixedClock) -> None:
    command = SuppressAddress(address=PHONE, reason="asked", actor_name="CRM")
    first = await db.run(suppress_address, account.actor, command)
    assert (first.channel, first.address, first.reason, first.actor) == (Channel.SMS, "972541110001", "asked", "CRM")
    clock.moment += timedelta(days=1)
    again = SuppressAddress(address=PHONE, reason="once more")
    assert await db.run(suppress_address, account.actor, again) == first


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (Address(channel=Channel.SMS, value="x"), "a phone number"),
        (Address(channel=Channel.VOICE, value="ana@mail.example"), "a phone number"),
        (Address(channel=Channel.EMAIL, value="0541110001"), "an e-mail address"),
    ],
)
async def test_what_cannot_be_an_address_is_refused(
    db: Database, account: Tenant, address: Address, message: str
) -> None:
    for change in (block, lift):
        with pytest.raises(InvalidInputError, match=f"This is not {message}") as refused:
            await change(db, account, address)
        assert refused.value.field == "address"


async def test_what_is_not_suppressed_cannot_be_reactivated(db: Database, account: Tenant) -> None:
    with pytest.raises(NotFoundError) as refused:
        await lift(db, account, PHONE)
    assert refused.value.subject == "suppression"
    await block(db, account, PHONE)
    await lift(db, account, PHONE)
    with pytest.raises(NotFoundError):
        await lift(db, account, PHONE)


async def test_a_contact_is_suppressed_when_any_of_its_addresses_is(db: Database, account: Tenant) -> None:
    row = ContactRow(phone=PHONE.value, email=EMAIL.value, external_id="7")
    await db.run(save_contact, account.actor, SaveContact(row=row))

    async def verdicts() -> list[bool]:
        return await db.read(check_keys_unsubscribed, account.actor, CheckKeysUnsubscribed(keys=KEYS))

    assert await verdicts() == [False] * 5
    await block(db, account, Address(channel=Channel.VOICE, value=PHONE.value))
    assert await verdicts() == [False] * 5
    await block(db, account, EMAIL)
    assert await verdicts() == [True, False, True, False, False]
    await lift(db, account, EMAIL)
    await block(db, account, PHONE)
    assert await verdicts() == [True, True, False, False, False]


async def test_a_contacts_history_is_that_of_its_addresses_newest_first(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    row = ContactRow(phone=PHONE.value, email=EMAIL.value, external_id="7")
    await db.run(save_contact, account.actor, SaveContact(row=row))
    for change, address in ((block, PHONE), (block, EMAIL), (lift, PHONE)):
        await change(db, account, address)
        clock.moment += timedelta(seconds=1)

    async def history(key: ContactKey) -> list[tuple[str, str]]:
        entries = await db.read(suppression_history, account.actor, SuppressionHistory(key=key))
        return [(entry.action, entry.address) for entry in entries]

    phone = [("reactivate", "972541110001"), ("unsubscribe", "972541110001")]
    email = [("unsubscribe", "ana@mail.example")]
    assert [await history(key) for key in KEYS] == [phone[:1] + email + phone[1:], phone, email, [], []]
