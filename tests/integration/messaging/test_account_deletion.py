"""What comes for an account that is deleted is dropped, and what others have stays."""

import pytest
from tests.integration.messaging.sandbox import EVENTS, Sandbox
from tests.support import OPERATOR

from carillon.carriers.contract import Receipt, ReceiptState
from carillon.carriers.contract import Reply as PhoneReply
from carillon.db.account_rows import tables_of_accounts
from carillon.db.database import Tx
from carillon.db.tables import PARTITIONED, TABLES
from carillon.errors import BadCredentialsError, InvalidInputError, NotFoundError
from carillon.messaging.account_deletion import account_contents, delete_account
from carillon.messaging.placement import channel_facts
from carillon.otp.limits import take_limits
from carillon.tenancy.accounts import AccountStatus, OpenAccount, SetAccountStatus, open_account, set_account_status

UNRECEIPTED, DELIVERED = "34600009908", "34600000001"


async def close(sandbox: Sandbox) -> None:
    command = SetAccountStatus(status=AccountStatus.NOT_ACTIVE)
    await sandbox.db.run(set_account_status, sandbox.actor, command)


async def test_an_account_that_is_active_or_has_unsent_messages_is_not_deleted(sandbox: Sandbox) -> None:
    with pytest.raises(InvalidInputError, match="It is active"):
        await sandbox.db.run(delete_account, sandbox.actor)
    await sandbox.send(DELIVERED, UNRECEIPTED)
    await close(sandbox)
    assert (await sandbox.db.read(account_contents, sandbox.actor)).unsent == 2
    with pytest.raises(InvalidInputError, match=r"not sent yet \(2\)"):
        await sandbox.db.run(delete_account, sandbox.actor)
    assert set((await sandbox.states()).values()) == {"waiting"}


async def test_receipts_and_replies_of_a_deleted_account_are_dropped(sandbox: Sandbox) -> None:
    await sandbox.send(UNRECEIPTED)
    await sandbox.work()
    before = await sandbox.messages()
    assert await sandbox.states() == {UNRECEIPTED: "submitted"}
    await close(sandbox)
    await sandbox.db.run(delete_account, sandbox.actor)
    account_id, message_id = sandbox.actor.account_id, before[0]["message_id"]
    events = await sandbox.events()
    named = Receipt(reference="", state=ReceiptState.DELIVERED, account_id=account_id, message_id=message_id)
    await sandbox.inbox.take(0, [named, PhoneReply(address=UNRECEIPTED, to="Blue", text="STOP")])
    assert await sandbox.messages() == before
    assert await sandbox.db.read(Tx.fetch, EVENTS, account_id) == events
    left = "SELECT count(*) FROM event_sequence WHERE account_id = $1"
    assert await sandbox.db.read(Tx.fetchval, left, account_id) == 0
    with pytest.raises(NotFoundError):
        await sandbox.db.read(open_account, OPERATOR, OpenAccount(account_id=account_id))
    with pytest.raises(NotFoundError):
        await sandbox.db.run(delete_account, sandbox.actor)


async def test_who_is_still_known_of_a_deleted_account_can_send_nothing(sandbox: Sandbox) -> None:
    await close(sandbox)
    await channel_facts(sandbox.db, sandbox.actor.account_id, ["sms"])
    await sandbox.db.run(delete_account, sandbox.actor)
    with pytest.raises((BadCredentialsError, NotFoundError)):  # as its routes are remembered yet, or not any more
        await sandbox.send(DELIVERED)
    with pytest.raises(BadCredentialsError):
        await sandbox.db.run(take_limits, sandbox.actor.account_id)
    assert await sandbox.messages() == []


def test_every_table_of_accounts_is_emptied_or_dropped_by_day_or_kept_on_purpose() -> None:
    by_day = {one.name for one in PARTITIONED}
    emptied = list(tables_of_accounts(kept={"audit_entry", "carrier"}))
    assert len(emptied) == len(set(emptied))
    control = {name for name, kind in TABLES.items() if kind == "control"}
    assert set(emptied) | by_day | control | {"audit_entry", "carrier"} == set(TABLES)
    assert emptied[-1] == "account"
