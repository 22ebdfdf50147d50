"""What an audience itself has said of an address stands again when the account's suppression is lifted."""

from dataclasses import replace

import pytest
from tests.background import parse, process_uploads
from tests.support import Tenant

from carillon.audience.audiences import CreateAudience, create_audience
from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.uploads.accept import AcceptUpload, accept_upload
from carillon.audience.uploads.queue import claim_uploads
from carillon.audience.uploads.work import process_upload
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.kit.actor import Actor

PHONE, MAIL = "0541110001", "ana@mail.example"
BOTH = [Address(channel=Channel.SMS, value=PHONE), Address(channel=Channel.EMAIL, value=MAIL)]
NONE, SUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED = SubscriptionStatus


async def save(db: Database, actor: Actor, phone: str = PHONE, email: str = MAIL) -> int:
    row = ContactRow(phone=phone, email=email)
    return (await db.run(save_contact, actor, SaveContact(row=row))).contact_id


async def say(
    db: Database, actor: Actor, contact_id: int, sms: SubscriptionStatus | None, email: SubscriptionStatus | None = None
) -> None:
    change = SubscriptionChange(contact_id=contact_id, sms=sms, email=email)
    await db.run(change_subscriptions, actor, ChangeSubscriptions(changes=[change]))


async def statuses(db: Database, actor: Actor, contact_id: int) -> tuple[SubscriptionStatus, SubscriptionStatus]:
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(contact_id))
    (found,) = await db.read(find_contacts, actor, FindContacts(key=key))
    return found.sms_status, found.email_status


async def block(db: Database, tenant: Tenant) -> None:
    await db.run(suppress, tenant.actor, Suppress(addresses=BOTH, reason="asked"))


async def lift(db: Database, tenant: Tenant) -> None:
    await db.run(reactivate, tenant.actor, Reactivate(addresses=BOTH, reason="asked again"))


@pytest.mark.parametrize("sms", [SUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED])
@pytest.mark.parametrize("email", [SUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED])
async def test_what_was_said_before_stands_again(
    db: Database, account: Tenant, sms: SubscriptionStatus, email: SubscriptionStatus
) -> None:
    contact_id = await save(db, account.actor)
    await say(db, account.actor, contact_id, sms, email)
    for _ in range(2):
        await block(db, account)
        await block(db, account)
        assert await statuses(db, account.actor, contact_id) == (UNSUBSCRIBED, UNSUBSCRIBED)
        await lift(db, account)
        assert await statuses(db, account.actor, contact_id) == (sms, email)


@pytest.mark.parametrize("is_suppressed", [False, True])
@pytest.mark.parametrize("sms", [SUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED])
async def test_a_suppression_that_unsubscribes_is_lifted_and_contacts_stay_unsubscribed(
    db: Database, account: Tenant, sms: SubscriptionStatus, *, is_suppressed: bool
) -> None:
    contact_id = await save(db, account.actor)
    await say(db, account.actor, contact_id, sms, SUBSCRIBED)
    if is_suppressed:
        await block(db, account)
    phones = [one for one in BOTH if one.channel is Channel.SMS]
    await db.run(suppress, account.actor, Suppress(addresses=phones, reason="asked", unsubscribe_contacts=True))
    await lift(db, account)
    assert await statuses(db, account.actor, contact_id) == (UNSUBSCRIBED, SUBSCRIBED)
    await say(db, account.actor, contact_id, SUBSCRIBED)
    assert await statuses(db, account.actor, contact_id) == (SUBSCRIBED, SUBSCRIBED)


async def upload(db: Database, actor: Actor, *more: ContactRow) -> None:
    await db.run(accept_upload, actor, AcceptUpload(rows=[ContactRow(phone=PHONE, email=MAIL), *more]))


async def uploaded(db: Database, actor: Actor) -> tuple[SubscriptionStatus, SubscriptionStatus]:
    """The statuses of the contact that an upload has made."""
    (found,) = await db.read(find_contacts, actor, FindContacts(key=ContactKey(kind=KeyKind.PHONE, value=PHONE)))
    return found.sms_status, found.email_status


@pytest.mark.parametrize("is_lifted", [False, True])
@pytest.mark.parametrize("is_suppressed", [False, True])
@pytest.mark.parametrize("is_there", [False, True])
async def test_a_queued_upload_comes_before_a_suppression_that_unsubscribes(
    db: Database, account: Tenant, *, is_lifted: bool, is_suppressed: bool, is_there: bool
) -> None:
    made = await db.run(create_audience, account.actor, CreateAudience(name="Other"))
    other = replace(account.actor, audience_id=made.audience_id)
    if is_there:
        await db.run(save_contact, account.actor, SaveContact(row=ContactRow(email=MAIL)))
    if is_suppressed:
        await block(db, account)
    many = [ContactRow(phone=f"054222{number:04}") for number in range(100)]
    for actor in (account.actor, other):
        await upload(db, actor, *many)
    phones = [one for one in BOTH if one.channel is Channel.SMS]
    strangers = [Address(channel=Channel.SMS, value="0541110009"), Address(channel=Channel.VOICE, value=PHONE)]
    for addresses in (phones, strangers):
        await db.run(suppress, account.actor, Suppress(addresses=addresses, reason="asked", unsubscribe_contacts=True))
    if is_lifted:
        await lift(db, account)
    assert await process_uploads(db) == 2
    if not is_lifted:
        await lift(db, account)
    assert await uploaded(db, account.actor) == (UNSUBSCRIBED, SUBSCRIBED)
    assert await uploaded(db, other) == (UNSUBSCRIBED, SUBSCRIBED)
    first = await db.read(find_contacts, other, FindContacts(key=ContactKey(kind=KeyKind.PHONE, value="0542220000")))
    assert [one.sms_status for one in first] == [SUBSCRIBED]
    async with db.transaction() as tx:
        noted = "SELECT DISTINCT options FROM contact_import WHERE account_id = $1"
        assert [row["options"] for row in await tx.fetch(noted, account.account_id)] == ["{}"]


async def test_an_upload_that_a_worker_holds_already_comes_before_the_suppression_too(
    db: Database, account: Tenant
) -> None:
    await upload(db, account.actor)
    (held,) = await claim_uploads(db, account.account_id, 8)
    await db.run(suppress, account.actor, Suppress(addresses=BOTH[:1], reason="asked", unsubscribe_contacts=True))
    await db.run(suppress, account.actor, Suppress(addresses=BOTH[1:], reason="asked", unsubscribe_contacts=True))
    await db.run_at_once(process_upload, held.actor, held, parse(held))
    await lift(db, account)
    assert await uploaded(db, account.actor) == (UNSUBSCRIBED, UNSUBSCRIBED)


async def test_who_is_subscribed_after_a_suppression_that_uploads_came_before_stays_so(
    db: Database, account: Tenant
) -> None:
    await upload(db, account.actor)
    await db.run(suppress, account.actor, Suppress(addresses=BOTH, reason="asked", unsubscribe_contacts=True))
    await lift(db, account)
    await upload(db, account.actor)  # it says nothing of the status
    await process_uploads(db)
    assert await uploaded(db, account.actor) == (UNSUBSCRIBED, UNSUBSCRIBED)
    contact_id = await save(db, account.actor)
    await say(db, account.actor, contact_id, SUBSCRIBED, SUBSCRIBED)
    await upload(db, account.actor)
    await process_uploads(db)
    assert await uploaded(db, account.actor) == (SUBSCRIBED, SUBSCRIBED)


async def test_an_upload_that_is_accepted_after_a_suppression_is_the_later_write(db: Database, account: Tenant) -> None:
    await db.run(suppress, account.actor, Suppress(addresses=BOTH, reason="asked", unsubscribe_contacts=True))
    await upload(db, account.actor)
    await process_uploads(db)
    await lift(db, account)
    assert await uploaded(db, account.actor) == (SUBSCRIBED, SUBSCRIBED)


async def test_a_suppression_that_leaves_statuses_alone_does_so_for_queued_uploads(
    db: Database, account: Tenant
) -> None:
    await upload(db, account.actor)
    await block(db, account)
    await process_uploads(db)
    assert await uploaded(db, account.actor) == (UNSUBSCRIBED, UNSUBSCRIBED)
    await lift(db, account)
    assert await uploaded(db, account.actor) == (SUBSCRIBED, SUBSCRIBED)


@pytest.mark.parametrize("said", [SUBSCRIBED, UNCONFIRMED, UNSUBSCRIBED])
@pytest.mark.parametrize("before", [SUBSCRIBED, UNSUBSCRIBED])
async def test_what_is_said_meanwhile_stands_then(
    db: Database, account: Tenant, before: SubscriptionStatus, said: SubscriptionStatus
) -> None:
    contact_id = await save(db, account.actor)
    await say(db, account.actor, contact_id, before, before)
    await block(db, account)
    await say(db, account.actor, contact_id, said)
    assert await statuses(db, account.actor, contact_id) == (UNSUBSCRIBED, UNSUBSCRIBED)
    await lift(db, account)
    assert await statuses(db, account.actor, contact_id) == (said, before)


async def test_it_is_one_audiences_word_and_not_anothers(db: Database, account: Tenant) -> None:
    made = await db.run(create_audience, account.actor, CreateAudience(name="Other"))
    other = replace(account.actor, audience_id=made.audience_id)
    here, there = await save(db, account.actor), await save(db, other)
    await say(db, other, there, UNSUBSCRIBED)
    await block(db, account)
    await say(db, account.actor, here, None, UNCONFIRMED)
    await lift(db, account)
    assert await statuses(db, account.actor, here) == (SUBSCRIBED, UNCONFIRMED)
    assert await statuses(db, other, there) == (UNSUBSCRIBED, SUBSCRIBED)


async def test_an_address_that_arrives_suppressed_is_subscribed_then(db: Database, account: Tenant) -> None:
    await block(db, account)
    contact_id = await save(db, account.actor)
    await lift(db, account)
    assert await statuses(db, account.actor, contact_id) == (SUBSCRIBED, SUBSCRIBED)


async def test_it_outlives_the_contact(db: Database, account: Tenant) -> None:
    await say(db, account.actor, await save(db, account.actor), UNSUBSCRIBED, UNSUBSCRIBED)
    await block(db, account)
    key = ContactKey(kind=KeyKind.EMAIL, value=MAIL)
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key]))
    again = await save(db, account.actor)
    await lift(db, account)
    assert await statuses(db, account.actor, again) == (UNSUBSCRIBED, UNSUBSCRIBED)


@pytest.mark.parametrize("said", [UNCONFIRMED, UNSUBSCRIBED])
@pytest.mark.parametrize("is_blocked", [False, True])
async def test_it_goes_with_the_contact_to_another_address(
    db: Database,
    account: Tenant,
    said: SubscriptionStatus,
    is_blocked: bool,  # noqa: FBT001 - one way or the other
) -> None:
    contact_id = await save(db, account.actor)
    await say(db, account.actor, contact_id, said, said)
    if is_blocked:
        await block(db, account)
    row = ContactRow(phone="0541110002", email="another@mail.example")
    await db.run(save_contact, account.actor, SaveContact(row=row, contact_id=contact_id))
    assert await statuses(db, account.actor, contact_id) == (said, said)
    await lift(db, account)
    assert await statuses(db, account.actor, contact_id) == (said, said)


async def test_a_block_is_the_addresss_and_not_the_next_ones(db: Database, account: Tenant) -> None:
    contact_id = await save(db, account.actor)
    await block(db, account)
    row = ContactRow(phone="0541110002")
    await db.run(save_contact, account.actor, SaveContact(row=row, contact_id=contact_id))
    assert await statuses(db, account.actor, contact_id) == (SUBSCRIBED, UNSUBSCRIBED)


@pytest.mark.parametrize("said", [UNCONFIRMED, UNSUBSCRIBED])
async def test_another_address_that_is_blocked_has_it_when_the_block_is_lifted(
    db: Database, account: Tenant, said: SubscriptionStatus
) -> None:
    contact_id = await save(db, account.actor, phone="0541110002", email="another@mail.example")
    await say(db, account.actor, contact_id, said, said)
    await block(db, account)
    row = ContactRow(phone=PHONE, email=MAIL)
    await db.run(save_contact, account.actor, SaveContact(row=row, contact_id=contact_id))
    assert await statuses(db, account.actor, contact_id) == (UNSUBSCRIBED, UNSUBSCRIBED)
    await lift(db, account)
    assert await statuses(db, account.actor, contact_id) == (said, said)


async def test_an_address_in_another_spelling_is_the_same(db: Database, account: Tenant) -> None:
    contact_id = await save(db, account.actor)
    await say(db, account.actor, contact_id, UNSUBSCRIBED, UNSUBSCRIBED)
    await save(db, account.actor, phone="+972 54 111 0001", email=MAIL.upper())
    assert await statuses(db, account.actor, contact_id) == (UNSUBSCRIBED, UNSUBSCRIBED)


@pytest.mark.parametrize("said", [UNCONFIRMED, UNSUBSCRIBED])
@pytest.mark.parametrize("is_said_before", [True, False])
async def test_it_is_kept_while_there_is_no_address(
    db: Database,
    account: Tenant,
    said: SubscriptionStatus,
    is_said_before: bool,  # noqa: FBT001 - or meanwhile
) -> None:
    contact_id = await save(db, account.actor)
    if is_said_before:
        await say(db, account.actor, contact_id, said, said)
    nothing = ContactRow(phone="", email="", external_id="x")
    await db.run(save_contact, account.actor, SaveContact(row=nothing, contact_id=contact_id))
    assert await statuses(db, account.actor, contact_id) == (NONE, NONE)
    if not is_said_before:
        await say(db, account.actor, contact_id, said, said)
        assert await statuses(db, account.actor, contact_id) == (NONE, NONE)
    await block(db, account)
    again = ContactRow(phone=PHONE, email=MAIL)
    await db.run(save_contact, account.actor, SaveContact(row=again, contact_id=contact_id))
    assert await statuses(db, account.actor, contact_id) == (UNSUBSCRIBED, UNSUBSCRIBED)
    await lift(db, account)
    assert await statuses(db, account.actor, contact_id) == (said, said)
    await db.run(save_contact, account.actor, SaveContact(row=nothing, contact_id=contact_id))
    await say(db, account.actor, contact_id, SUBSCRIBED, SUBSCRIBED)
    await db.run(save_contact, account.actor, SaveContact(row=again, contact_id=contact_id))
    # Whoever subscribes without an address says nothing of the one that was unsubscribed.
    assert await statuses(db, account.actor, contact_id) == (
        (UNSUBSCRIBED, UNSUBSCRIBED) if said is UNSUBSCRIBED else (SUBSCRIBED, SUBSCRIBED)
    )
    await say(db, account.actor, contact_id, SUBSCRIBED, SUBSCRIBED)
    assert await statuses(db, account.actor, contact_id) == (SUBSCRIBED, SUBSCRIBED)
