"""Callbacks: told in order, each endpoint by itself, again by the dialect's schedule, and then failed for good."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from structlog.testing import capture_logs
from tests.integration.receiving import (
    FORMAT,
    all_ended,
    append,
    due,
    endpoint,
    make_sending,
    receiving,
    sequences,
    states,
    telling,
    until,
)
from tests.support import MOMENT, Tenant

from carillon.db.database import Database, Tx
from carillon.events.format import CallbackFacts, CallbackRequest
from carillon.events.log import NewEvent, append_events
from carillon.kit.clock import FixedClock

NOTHING_DUE: list[tuple[datetime | None, int]] = [(None, 0)]


async def test_callbacks_come_in_order_over_one_connection(db: Database, account: Tenant) -> None:
    async with receiving() as receiver:
        url = await endpoint(db, account, receiver.url)
        await append(db, account, url, *["delivered"] * 150)
        await append(db, account, None, "untold to anybody")
        async with telling(db):
            await until(lambda: all_ended(db))
            await append(db, account, url, *["delivered"] * 150)
            await until(lambda: len(receiver.received) == 300)
            await until(lambda: all_ended(db))
    assert receiver.received == [[n] for n in range(1, 302) if n != 151]
    assert receiver.server is not None
    assert receiver.server.connections == 1
    assert {state[1:] for state in await states(db)} == {("delivered", 1, 200)}
    assert await due(db) == NOTHING_DUE


async def test_a_callback_that_fails_is_tried_by_the_schedule_of_its_account_and_then_fails_for_good(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    async with receiving(status=500) as receiver:
        await append(db, account, await endpoint(db, account, receiver.url), "delivered", "untold", "delivered")
        async with telling(db):
            for failures, minutes in ((1, 1), (2, 3), (3, 6)):
                await until(lambda: len(receiver.received) == failures)  # noqa: B023
                tried_again = MOMENT + timedelta(minutes=minutes)
                await until(lambda: found_due(db, tried_again, failures))  # noqa: B023
                clock.moment = tried_again - timedelta(seconds=1)
                await asyncio.sleep(0.15)
                assert len(receiver.received) == failures
                clock.moment = tried_again
            with capture_logs() as logs:
                await until(lambda: found_due(db, clock.moment + timedelta(seconds=4), 4))
    assert receiver.received == [[1]] * 4
    assert await states(db) == [(1, "failed", 4, 500), (2, "waiting", 0, None), (3, "waiting", 0, None)]
    assert [(entry["event"], entry["count"]) for entry in logs] == [("callbacks_failed", 1)]


async def found_due(db: Database, moment: datetime, failures: int) -> bool:
    return await due(db) == [(moment, failures)]


async def test_those_behind_one_that_was_failed_do_not_wait_their_whole_schedule_again(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    """When the first has failed for good the second has waited as long, the third for 4 minutes of its 6."""

    async def at(seconds: int, failures: int) -> None:
        clock.moment = MOMENT + timedelta(seconds=seconds)
        await until(lambda: failed(db, failures))

    async with receiving(status=503) as receiver:
        url = await endpoint(db, account, receiver.url)
        await append(db, account, url, "delivered", "delivered")
        async with telling(db):
            await at(0, 1)
            await at(60, 2)
            clock.moment = MOMENT + timedelta(seconds=120)
            await append(db, account, url, "delivered")
            await at(180, 3)
            await at(360, 4)
            assert await due(db) == [(MOMENT + timedelta(seconds=364), 4)]
            await at(364, 5)
            assert await due(db) == [(MOMENT + timedelta(seconds=369), 5)]
            await at(369, 6)
            assert await due(db) == [(MOMENT + timedelta(seconds=369 + 180), 6)]
    assert [one for (one,) in receiver.received] == [1, 1, 1, 1, 2, 3]
    assert await states(db) == [(1, "failed", 4, 503), (2, "failed", 4, 503), (3, "waiting", 3, 503)]


async def failed(db: Database, failures: int) -> bool:
    return (await due(db))[0][1] == failures


async def test_an_endpoint_that_answers_again_is_reported_all_that_waits_in_order(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    async with receiving(first=[500, 404, 301]) as receiver:
        await append(db, account, await endpoint(db, account, receiver.url), *["delivered"] * 5)
        async with telling(db):
            for minutes, failures in ((1, 1), (3, 2), (6, 3)):
                await until(lambda: failed(db, failures))  # noqa: B023
                clock.moment = MOMENT + timedelta(minutes=minutes)
            await until(lambda: all_ended(db))
    assert receiver.received == [[1], [1], [1], [1], [2], [3], [4], [5]]
    assert await states(db) == [(1, "delivered", 4, 200), *((n, "delivered", 1, 200) for n in (2, 3, 4, 5))]
    assert await due(db) == NOTHING_DUE


async def test_an_endpoint_that_fails_or_hangs_holds_back_only_itself(db: Database, account: Tenant) -> None:
    hanging = replace(FORMAT, timeout_seconds=3.0)
    async with receiving(delay=60) as dead, receiving(status=500) as failing, receiving() as well:
        for receiver in (dead, failing, well):
            await append(db, account, await endpoint(db, account, receiver.url), *["delivered"] * 20)
        async with telling(db, hanging):
            await until(lambda: len(well.received) == 20)
            late = await endpoint(db, account, f"{well.url}/late")
            for _ in range(5):
                await append(db, account, late, "delivered")
                count = len(well.received) + 1
                await until(lambda: len(well.received) >= count, seconds=1.5)  # noqa: B023
    assert len(dead.received) == 1
    assert len(failing.received) == 1


async def test_callbacks_of_one_sending_that_follow_each_other_come_in_one_call(db: Database, account: Tenant) -> None:
    (first, _), (second, _) = await make_sending(db, account), await make_sending(db, account)
    async with receiving() as receiver:
        url = await endpoint(db, account, receiver.url)
        await append(db, account, url, *["a"] * 5, sending=first)
        await append(db, account, url, "a", "untold", "a", sending=second)
        await append(db, account, url, "a", sending=first)
        await append(db, account, url, "a", "a")
        async with telling(db, replace(FORMAT, max_batch=3)):
            await until(lambda: all_ended(db))
    assert receiver.received == [[1, 2, 3], [4, 5], [6], [8], [9], [10], [11]]
    assert (await states(db))[6] == (7, "skipped", 0, None)


async def test_a_callback_says_all_of_its_event_message_and_sending(db: Database, account: Tenant) -> None:
    seen: list[CallbackFacts] = []

    def render(facts: Sequence[CallbackFacts]) -> CallbackRequest:
        seen.extend(facts)
        headers, query = (("X-Key", "k"),), [("a", "é&"), ("b", "2")]
        return CallbackRequest(content_type="text/plain", body=b"[1]", headers=headers, query=query)

    sending_id, (message_id,) = await make_sending(db, account, campaign_id=7, addresses=["306900000001"], text=None)
    async with receiving() as receiver:
        url = await endpoint(db, account, f"{receiver.url}?own=1#part", purpose="reply")
        new = NewEvent(
            kind="delivered",
            at=MOMENT,
            sending_id=sending_id,
            message_id=message_id,
            data={"network": "20210"},
            endpoint_id=url,
        )
        alone = NewEvent(kind="reply", at=MOMENT, data={"text": "hi"}, endpoint_id=url)
        await db.run(append_events, account.account_id, [new, alone])
        async with telling(db, replace(FORMAT, render=render)):
            await until(lambda: all_ended(db))
        assert receiver.server is not None
        head = receiver.server.heads[0].decode()
    assert head.startswith("POST /hook?own=1&a=%C3%A9%26&b=2 HTTP/1.1")
    assert "Content-Type: text/plain" in head
    assert "X-Key: k" in head
    first, second = seen
    assert (first.account_id, first.currency, first.time_zone) == (account.account_id, "ILS", "Asia/Jerusalem")
    assert (first.purpose, first.url) == ("reply", f"{receiver.url}?own=1#part")
    assert (first.event.kind, first.event.sequence, first.event.data) == ("delivered", 1, {"network": "20210"})
    message, sending = first.message, first.sending
    assert message is not None
    assert (message.message_id, message.address, message.text, message.custom) == (
        message_id,
        "306900000001",
        "Hello",
        "c-1",
    )
    assert (message.price, message.vat, message.parts, message.network) == (50000, 12000, 2, "20210")
    assert sending is not None
    assert (sending.sending_id, sending.sender, sending.reference, sending.options) == (
        sending_id,
        "Shop",
        "ref-1",
        {"flash": True},
    )
    assert (sending.campaign_id, sending.campaign_name) == (7, "Spring")
    assert (second.event.kind, second.message, second.sending) == ("reply", None, None)
    assert "306900000001" not in repr(seen)


async def test_an_address_that_is_refused_gives_its_callbacks_up_at_once(db: Database, account: Tenant) -> None:
    private = await endpoint(db, account, "http://10.0.0.1/hook")
    await append(db, account, private, "delivered", "delivered")
    async with telling(db):
        await until(lambda: all_ended(db))
    assert await states(db) == [(1, "failed", 1, None), (2, "failed", 1, None)]


async def test_a_callback_that_can_not_be_rendered_fails_for_good_and_the_next_one_comes(
    db: Database, account: Tenant
) -> None:
    def render(facts: Sequence[CallbackFacts]) -> CallbackRequest:
        if facts[0].event.kind == "odd":
            raise KeyError("306900000001")
        return sequences(facts)

    async with receiving() as receiver:
        await append(db, account, await endpoint(db, account, receiver.url), "odd", "delivered")
        with capture_logs() as logs:
            async with telling(db, replace(FORMAT, render=render)):
                await until(lambda: all_ended(db))
    assert receiver.received == [[2]]
    assert await states(db) == [(1, "failed", 1, None), (2, "delivered", 1, 200)]
    assert logs[0]["event"] == "callback_not_rendered"
    assert "306900000001" not in str(logs)


async def test_an_answer_whose_connection_breaks_in_the_body_has_been_received(db: Database, account: Tenant) -> None:
    async def script(_head: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nok")
        await writer.drain()
        writer.close()

    async with receiving() as receiver:
        assert receiver.server is not None
        receiver.server.script = script
        await append(db, account, await endpoint(db, account, receiver.url), "delivered")
        async with telling(db):
            await until(lambda: all_ended(db))
    assert await states(db) == [(1, "delivered", 1, 200)]


async def test_endpoints_of_a_dialect_without_a_format_wait(db: Database, account: Tenant) -> None:
    async with receiving() as receiver:
        await append(db, account, await endpoint(db, account, receiver.url, dialect="other"), "delivered")
        await append(db, account, await endpoint(db, account, receiver.url), "delivered")
        async with telling(db):
            await until(lambda: len(receiver.received) == 1)
            await asyncio.sleep(0.15)
    assert [state for _, state, *_ in await states(db)] == ["waiting", "delivered"]


async def test_the_schedule_runs_in_the_accounts_time(db: Database, account: Tenant) -> None:
    """Its clock is moved, as a sandbox's is: the real one stands still."""
    async with receiving(first=[500]) as receiver:
        await append(db, account, await endpoint(db, account, receiver.url), "delivered")
        async with telling(db):
            await until(lambda: failed(db, 1))
            move = "UPDATE account SET clock_offset = '1 minute' WHERE account_id = $1"
            await db.run(Tx.fetch, move, account.account_id)
            await until(lambda: all_ended(db))
    assert await states(db) == [(1, "delivered", 2, 200)]


@pytest.mark.parametrize(("status", "state"), [(200, "delivered"), (202, "waiting"), (302, "waiting")])
async def test_what_counts_as_received_is_the_formats(db: Database, account: Tenant, status: int, state: str) -> None:
    async with receiving(status=status) as receiver:
        await append(db, account, await endpoint(db, account, receiver.url), "delivered")
        async with telling(db, replace(FORMAT, is_success=lambda status: status == 200)):
            await until(lambda: has_an_answer(db))
    assert await states(db) == [(1, state, 1, status)]


async def has_an_answer(db: Database) -> bool:
    return (await states(db))[0][3] is not None


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_a_receiver_answers_each_callback_ends_and_none_comes_out_of_order(
    db: Database, account: Tenant, clock: FixedClock, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - of a test
    answers = [chance.choice([200, 200, 200, 500, 404]) for _ in range(40)]
    kinds = [chance.choice(["delivered", "delivered", "untold"]) for _ in range(30)]
    async with receiving(first=answers) as receiver:
        url = await endpoint(db, account, receiver.url)
        await append(db, account, url, *kinds)
        async with telling(db):
            while not await all_ended(db):
                clock.moment += timedelta(seconds=chance.randint(0, 120))
                await asyncio.sleep(0.02)
    attempts: dict[int, list[int]] = {}
    for (number,), status in zip(receiver.received, receiver.answered, strict=True):
        attempts.setdefault(number, []).append(status)
    assert [number for (number,) in receiver.received] == sorted(number for (number,) in receiver.received)
    for number, state, made, last_status in await states(db):
        if kinds[number - 1] == "untold":
            assert (state, number in attempts) == ("skipped", False)
            continue
        assert all(status != 200 for status in attempts[number][:-1])
        assert state == ("delivered" if attempts[number][-1] == 200 else "failed")
        assert len(attempts[number]) <= made <= 4
        assert state == "delivered" or made == 4
        assert last_status == attempts[number][-1]
