"""An account's own clock, and the three sources that a test can freeze: time, ids and randomness."""

from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from tests.support import MOMENT, OPERATOR, Cluster, Tenant, new_key

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock
from carillon.kit.ids import first_uuid_of
from carillon.tenancy.accounts import (
    AdvanceClock,
    CreateAccount,
    OpenAccount,
    advance_clock,
    create_account,
    open_account,
)
from carillon.tenancy.audit import ListAudit, list_audit
from carillon.tenancy.authentication import Authenticator, Login
from carillon.tenancy.credentials import create_credential
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import SecretBox

TWO_HOURS = timedelta(hours=2)


async def moments_of(tx: Tx, _actor: Actor) -> tuple[object, object]:
    return tx.now, tx.real_now


async def test_an_accounts_clock_runs_ahead_and_the_real_time_stays(db: Database, account: Tenant) -> None:
    assert await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS)) == TWO_HOURS
    assert await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS)) == 2 * TWO_HOURS
    ahead = await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id))
    assert await db.run(moments_of, ahead) == (MOMENT + 2 * TWO_HOURS, MOMENT)
    assert await db.read(moments_of, ahead) == (MOMENT + 2 * TWO_HOURS, MOMENT)


async def test_what_is_written_has_the_accounts_time(db: Database, account: Tenant) -> None:
    await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS))
    ahead = await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id))
    await db.run(save_contact, ahead, SaveContact(row=ContactRow(phone="0521234567")))
    query = FindContacts(key=ContactKey(kind=KeyKind.PHONE, value="0521234567"))
    (contact,) = await db.read(find_contacts, ahead, query)
    assert contact.created_at == MOMENT + TWO_HOURS
    await db.run(advance_clock, ahead, AdvanceClock(by=TWO_HOURS))
    newest = (await db.read(list_audit, ahead, ListAudit(limit=1)))[0]
    assert (newest.action, newest.at) == ("account.clock", MOMENT + TWO_HOURS)
    assert newest.entry_id > first_uuid_of(MOMENT + TWO_HOURS)


async def test_a_wait_for_a_lock_moves_the_accounts_time_too(db: Database, account: Tenant, clock: FixedClock) -> None:
    await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS))
    ahead = await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id))
    async with db.transaction(ahead) as tx:
        clock.moment = MOMENT + timedelta(seconds=5)
        tx.read_clock()
        assert tx.now == MOMENT + TWO_HOURS + timedelta(seconds=5)


@pytest.mark.parametrize("by", [timedelta(), -TWO_HOURS])
async def test_a_clock_is_never_set_back(db: Database, account: Tenant, by: timedelta) -> None:
    with pytest.raises(InvalidInputError):
        await db.run(advance_clock, account.actor, AdvanceClock(by=by))


async def test_an_api_caller_has_the_accounts_clock(db: Database, account: Tenant, tmp_path: Path) -> None:
    await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS))
    box = SecretBox(tmp_path / "key")
    made = await db.run(create_credential, account.actor, new_key("inforu"), box)
    caller = await Authenticator(db, RateLimiter(), box).authenticate(
        Login(dialect="inforu", key_name=made.parts["username"], secret=made.parts["token"], remote_address="")
    )
    assert caller.clock_offset == TWO_HOURS


async def test_frozen_sources_give_the_same_ids_and_secrets_twice(
    cluster: Cluster, template: str, tmp_path: Path
) -> None:
    async def outcomes() -> tuple[object, ...]:
        name = await cluster.create(template)
        db = await Database.connect(cluster.dsn(name), clock=FixedClock(MOMENT), random=Random(7), size=2)  # noqa: S311 - frozen on purpose
        try:
            made = await db.run(create_account, OPERATOR, CreateAccount(name="Testers", country="IL"))
            actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
            key = await db.run(create_credential, actor, new_key("nrs"), SecretBox(tmp_path / "key"))
            saved = await db.run(save_contact, actor, SaveContact(row=ContactRow(phone="0521234567")))
            trail = await db.read(list_audit, actor, ListAudit())
            return (dict(key.parts), saved, trail)
        finally:
            await db.close()
            await cluster.drop(name)

    assert await outcomes() == await outcomes()
