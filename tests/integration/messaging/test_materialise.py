"""Sendings to groups and to many: kept when they are accepted, written in the background, whole whatever happens."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry
from tests import background
from tests.integration.messaging.sandbox import Sandbox

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.uploads.accept import AcceptUpload, upload_in_turn
from carillon.audience.upsert.rows import ContactRow
from carillon.billing.balances import AddCredit, add_credit
from carillon.billing.prices import SetPrice, set_price
from carillon.db.database import Tx
from carillon.errors import NotFoundError
from carillon.kit.clock import FixedClock
from carillon.messaging import accept_many, slices
from carillon.messaging.materialise import MaterialiseWorker
from carillon.messaging.queries import get_sending
from carillon.messaging.scheduling import CancelSendings, cancel_sendings
from carillon.messaging.sendings import AcceptedSending, Recipients
from carillon.messaging.verify import verify_account
from carillon.metrics import WorkMetrics
from carillon.tenancy.accounts import Operator
from carillon.text.placeholders import PlaceholderStyle
from carillon.workers.performer import Performer

SLICE = 5
NAMED = {"placeholders": PlaceholderStyle.FIELDS, "contact_fields": {"Name": "first_name", "Mail": "email"}}
WRITTEN = (
    "SELECT m.address, m.contact_id, m.state, m.reason, m.text, m.custom FROM message m WHERE m.shard_key = $1"
    " ORDER BY m.address, m.message_id"
)


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", SLICE)
    monkeypatch.setattr(accept_many, "MAX_RECIPIENTS_AT_ONCE", 10)


def number(place: int) -> str:
    return f"34600{place:06}"


async def add(sandbox: Sandbox, places: range, *groups: str, **fields: str) -> None:
    rows = [
        ContactRow(phone=f"+{number(one)}", fields={"first_name": f"N{one}", **fields}, add_to=list(groups))
        for one in places
    ]
    await upload_in_turn(sandbox.db, sandbox.actor, AcceptUpload(rows=rows))


async def group(sandbox: Sandbox, name: str) -> int:
    statement = "SELECT group_id FROM contact_group WHERE account_id = $1 AND name = $2"
    found = await sandbox.db.read(Tx.fetchval, statement, sandbox.actor.account_id, name)
    return int(found)


def performer(sandbox: Sandbox) -> Performer[Any, Any]:
    return Performer(sandbox.db, MaterialiseWorker(), WorkMetrics(CollectorRegistry()))


async def materialise_all(sandbox: Sandbox) -> None:
    await background.materialise_all(sandbox.db, sandbox.actor.account_id)


async def written(sandbox: Sandbox) -> list[Any]:
    return await sandbox.db.read(Tx.fetch, WRITTEN, sandbox.actor.account_id)


async def reasons(sandbox: Sandbox) -> Mapping[str | None, int]:
    return Counter(row["reason"] for row in await written(sandbox))


async def assert_books_agree(sandbox: Sandbox) -> None:
    assert await sandbox.db.read(verify_account, sandbox.actor, retention_days=30) == []


async def counters(sandbox: Sandbox, accepted: AcceptedSending) -> tuple[Any, ...]:
    row = await sandbox.sending(accepted.sending_id)
    return row["state"], row["recipients"], row["excluded"], row["waiting"], row["parts"]


async def test_the_members_of_groups_get_it_once_but_for_those_of_excluded_ones(sandbox: Sandbox) -> None:
    await add(sandbox, range(12), "Friends")
    await add(sandbox, range(8, 16), "Family")
    await add(sandbox, range(3), "Others")
    groups = [await group(sandbox, "Friends"), await group(sandbox, "Family")]
    accepted = await sandbox.send(
        number(15), number(99), groups=groups, excluded_groups=[await group(sandbox, "Others")], campaign="Party"
    )
    assert (accepted.state, accepted.members, len(accepted.numbers)) == ("materialising", 12, 2)
    assert await counters(sandbox, accepted) == ("materialising", 0, 0, 0, 0)
    await materialise_all(sandbox)
    assert await counters(sandbox, accepted) == ("active", 14, 0, 14, 14)
    rows = await written(sandbox)
    assert [row["address"] for row in rows] == [number(one) for one in (*range(3, 16), 99)]
    assert [row["contact_id"] is None for row in rows].count(True) == 2
    await assert_books_agree(sandbox)
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=1))
    assert (await counters(sandbox, accepted))[0] == "finished"
    await assert_books_agree(sandbox)


async def test_a_group_that_is_not_there_is_refused(sandbox: Sandbox) -> None:
    await add(sandbox, range(1), "Friends")
    for groups in ([await group(sandbox, "Friends"), 999], [999]):
        with pytest.raises(NotFoundError):
            await sandbox.send(groups=groups)
    with pytest.raises(NotFoundError):
        await sandbox.send(groups=[await group(sandbox, "Friends")], excluded_groups=[999])


async def test_a_sending_to_an_empty_group_is_over(sandbox: Sandbox) -> None:
    await add(sandbox, range(1), "Friends")
    friends = await group(sandbox, "Friends")
    accepted = await sandbox.send(groups=[friends], excluded_groups=[friends])
    await materialise_all(sandbox)
    assert await counters(sandbox, accepted) == ("finished", 0, 0, 0, 0)


async def test_each_member_gets_its_own_text(sandbox: Sandbox) -> None:
    await add(sandbox, range(7), "Friends")
    await sandbox.send(groups=[await group(sandbox, "Friends")], text="Hi [#Name#] [#Mail#][#Else#]", **NAMED)
    await materialise_all(sandbox)
    assert [row["text"] for row in await written(sandbox)] == [f"Hi N{one} [#Else#]" for one in range(7)]


@pytest.mark.parametrize("at_once", [0, 1_000])
async def test_what_contacts_are_when_it_is_accepted_counts(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(accept_many, "_MAX_MEMBERS_AT_ONCE", at_once)
    monkeypatch.setattr(slices, "_TURN_SLICES", 1)
    await add(sandbox, range(12), "Friends")
    await sandbox.send(groups=[await group(sandbox, "Friends")], text="Hi [#Name#]", **NAMED)
    await performer(sandbox).turn(sandbox.actor.account_id, asyncio.Event())
    await add(sandbox, range(6, 20), "Friends", first_name="Other")
    await materialise_all(sandbox)
    assert [row["text"] for row in await written(sandbox)] == [f"Hi N{one}" for one in range(12)]
    await assert_books_agree(sandbox)


async def test_many_recipients_are_answered_before_they_are_written(sandbox: Sandbox) -> None:
    numbers = [number(one % 20) for one in range(22)] + ["12"]
    recipients = Recipients(
        addresses=numbers,
        are_digits=True,
        values=[{"Name": f"V{one}"} for one in range(23)],
        custom=[{"mark": one} for one in range(23)],
    )
    accepted = await sandbox.send(
        recipients=recipients, text="[#Name#]", placeholders=PlaceholderStyle.FIELDS, numbered=True
    )
    assert Counter(accepted.failures) == {None: 20, "duplicate": 2, "address_invalid": 1}
    assert len({one for one in accepted.guids if one}) == 20
    await materialise_all(sandbox)
    assert await counters(sandbox, accepted) == ("active", 23, 3, 20, 20)
    found = {row["message_id"]: row for row in await sandbox.messages()}
    assert set(found) == set(accepted.message_ids)
    for row, message_id in enumerate(accepted.message_ids):
        assert (found[message_id]["reason"], found[message_id]["text"]) == (accepted.failures[row], f"V{row}")
    kept = await sandbox.db.read(
        Tx.fetch, "SELECT message_id, guid FROM message WHERE shard_key = $1", sandbox.actor.account_id
    )
    guids = {row["message_id"]: row["guid"] or 0 for row in kept}
    assert [guids[one] for one in accepted.message_ids] == list(accepted.guids)
    assert (await written(sandbox))[0]["custom"] is not None
    await assert_books_agree(sandbox)


async def test_nothing_is_written_of_many_who_are_no_numbers(sandbox: Sandbox) -> None:
    accepted = await sandbox.send(*["12"] * 11, only_if_any=True)
    assert not accepted.is_written
    await materialise_all(sandbox)
    assert await written(sandbox) == []


async def test_who_must_not_get_it_is_excluded_with_the_reason(sandbox: Sandbox) -> None:
    await add(sandbox, range(5), "Friends")
    friends = await group(sandbox, "Friends")
    account_id = sandbox.actor.account_id
    status = "UPDATE contact SET sms_status = $3 WHERE account_id = $1 AND phone = $2"
    await sandbox.db.run(Tx.execute, status, account_id, number(0), 3)
    await sandbox.db.run(Tx.execute, status, account_id, number(1), 2)
    archive = "UPDATE contact SET archived_at = created_at WHERE account_id = $1 AND phone = $2"
    await sandbox.db.run(Tx.execute, archive, account_id, number(2))
    await sandbox.send(groups=[friends])
    address = Address(channel=Channel.SMS, value=f"+{number(3)}")
    # It comes after the snapshot, and wins.
    await sandbox.db.run(suppress, sandbox.actor, Suppress(addresses=[address], reason="asked", actor_name="test"))
    await materialise_all(sandbox)
    assert await reasons(sandbox) == {"suppressed": 2, "consent_missing": 1, None: 1}
    await assert_books_agree(sandbox)


async def test_who_did_not_consent_to_a_purpose_is_excluded(sandbox: Sandbox) -> None:
    await add(sandbox, range(3), "Friends")
    consent = (
        "INSERT INTO consent (account_id, audience_id, contact_id, purpose, channel, granted, given_at, source, actor)"
        " SELECT account_id, audience_id, contact_id, 'OFFERS', 'sms', phone = $2, created_at, 'API', 'test'"
        " FROM contact WHERE account_id = $1 AND phone <> $3"
    )
    await sandbox.db.run(Tx.execute, consent, sandbox.actor.account_id, number(0), number(2))
    await sandbox.send(groups=[await group(sandbox, "Friends")], purpose="OFFERS")
    await materialise_all(sandbox)
    assert {row["address"]: row["reason"] for row in await written(sandbox)} == {
        number(0): None,
        number(1): "consent_missing",
        number(2): "consent_missing",
    }


class KilledError(Exception):
    """The process ends."""


@pytest.mark.parametrize("place", ["before", "after"])
async def test_a_process_that_dies_between_slices_leaves_the_rest_to_another(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    await add(sandbox, range(23), "Friends")
    accepted = await sandbox.send(number(50), groups=[await group(sandbox, "Friends")], campaign="Party")
    write = slices._write_slice

    async def dying(*given: Any) -> None:
        (ready,) = (one for one in given if isinstance(one, slices.Slice))
        is_third = ready.start == 10
        if is_third and place == "before":
            raise KilledError
        await write(*given)
        if is_third:
            raise KilledError

    monkeypatch.setattr(slices, "_write_slice", dying)
    worker = MaterialiseWorker()
    (work,) = await worker.claim(sandbox.db, sandbox.actor.account_id, 1)
    with pytest.raises(KilledError):
        await worker.perform(sandbox.db, work, await worker.prepare(sandbox.db, work))
    assert await counters(sandbox, accepted) == ("materialising", 10, 0, 10, 10)
    await assert_books_agree(sandbox)
    monkeypatch.setattr(slices, "_write_slice", write)
    assert await worker.claim(sandbox.db, sandbox.actor.account_id, 1) == []
    sandbox.db.clock = FixedClock(sandbox.db.clock.now() + timedelta(seconds=11))
    await materialise_all(sandbox)
    assert await counters(sandbox, accepted) == ("active", 24, 0, 24, 24)
    assert len({row["address"] for row in await written(sandbox)}) == 24
    # Whoever was thought dead and is not, writes nothing any more.
    assert await worker.perform(sandbox.db, work, await worker.prepare(sandbox.db, work)) is None
    await assert_books_agree(sandbox)


async def test_two_workers_write_everybody_once(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_TURN_SLICES", 2)
    await add(sandbox, range(43), "Friends")
    for _ in range(3):
        await sandbox.send(groups=[await group(sandbox, "Friends")], campaign="Party")
    await asyncio.gather(*[materialise_all(sandbox) for _ in range(4)])
    await materialise_all(sandbox)
    per_number = Counter(row["address"] for row in await written(sandbox))
    assert per_number == {number(one): 3 for one in range(43)}
    await assert_books_agree(sandbox)


async def test_what_is_cancelled_meanwhile_is_excluded_and_the_rest_is_not_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "_TURN_SLICES", 1)
    await add(sandbox, range(12), "Friends")
    accepted = await sandbox.send(groups=[await group(sandbox, "Friends")])
    await performer(sandbox).turn(sandbox.actor.account_id, asyncio.Event())
    command = CancelSendings(sending_ids=[accepted.sending_id])
    assert await sandbox.db.run(cancel_sendings, sandbox.actor, command) == 5
    await materialise_all(sandbox)
    row = await sandbox.sending(accepted.sending_id)
    assert (row["state"], row["recipients"], row["excluded"], row["cancelled"], row["waiting"]) == (
        "cancelled",
        12,
        7,
        5,
        0,
    )
    assert row["finished_at"] is not None
    assert await reasons(sandbox) == {"cancelled": 12}
    await assert_books_agree(sandbox)


async def test_the_dispatch_goes_on_while_it_is_materialised(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_TURN_SLICES", 1)
    await add(sandbox, range(12), "Friends")
    accepted = await sandbox.send(groups=[await group(sandbox, "Friends")])
    await performer(sandbox).turn(sandbox.actor.account_id, asyncio.Event())
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=1))
    row = await sandbox.sending(accepted.sending_id)
    assert (row["state"], row["recipients"], row["delivered"]) == ("materialising", 5, 5)
    shown = await sandbox.db.read(get_sending, sandbox.actor, accepted.sending_id)
    assert (shown.recipients, shown.expected) == (5, 12)
    await materialise_all(sandbox)
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=1))
    row = await sandbox.sending(accepted.sending_id)
    assert (row["state"], row["delivered"], row["sweep_at"]) == ("finished", 12, None)
    await assert_books_agree(sandbox)


async def test_the_worker_is_found_by_polling(sandbox: Sandbox) -> None:
    await add(sandbox, range(2), "Friends")
    worker = MaterialiseWorker()
    assert await sandbox.db.read(worker.due_accounts) == []
    await sandbox.send(groups=[await group(sandbox, "Friends")])
    assert await sandbox.db.read(worker.due_accounts) == [sandbox.actor.account_id]
    await materialise_all(sandbox)
    assert await sandbox.db.read(worker.due_accounts) == []
    assert isinstance((await sandbox.messages())[0]["message_id"], UUID)


async def test_what_costs_is_reserved_as_far_as_the_credit_goes(sandbox: Sandbox) -> None:
    operator = Operator(name="test", source="test")
    await sandbox.db.run(set_price, operator, SetPrice(channel="sms", prefix="34", amount=1_000))
    await sandbox.db.run(add_credit, sandbox.actor, AddCredit(amount=17_000))
    await add(sandbox, range(23), "Friends")
    accepted = await sandbox.send(groups=[await group(sandbox, "Friends")])
    await materialise_all(sandbox)
    assert await counters(sandbox, accepted) == ("active", 23, 6, 17, 17)
    assert await reasons(sandbox) == {None: 17, "no_credit": 6}
    assert (await sandbox.sending(accepted.sending_id))["reserved"] == 17_000
    await assert_books_agree(sandbox)


async def test_a_pace_goes_on_over_all_slices(sandbox: Sandbox) -> None:
    await add(sandbox, range(12), "Friends")
    await sandbox.send(groups=[await group(sandbox, "Friends")], per_second=1)
    await materialise_all(sandbox)
    statement = "SELECT due_at FROM chunk WHERE account_id = $1 ORDER BY due_at"
    due = [row["due_at"] for row in await sandbox.db.read(Tx.fetch, statement, sandbox.actor.account_id)]
    assert [(one - due[0]).total_seconds() for one in due] == list(range(12))
