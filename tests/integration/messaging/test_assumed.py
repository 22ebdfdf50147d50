"""What an account's settings were, and that nobody is suppressed, is assumed for a few: one statement accepts them."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from tests.integration.messaging.sandbox import Sandbox
from tests.support import Tenant

from carillon.db.database import Database, Tx
from carillon.db.sessions import AssumptionError
from carillon.errors import BadCredentialsError, InvalidInputError

INSERT = "INSERT INTO sent_text (shard_key, message_id, digest) SELECT $1, t.id, 1 FROM unnest($2::uuid[]) AS t (id)"
OTHERS = ("34600000001", "34600000002")
NUMBER = "34600000003"


class Statements:
    """The statements that are run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        run = Tx.fetch_early

        async def counted(tx: Tx, statement: str, *arguments: object) -> Any:
            self.count += 1
            return await run(tx, statement, *arguments)

        monkeypatch.setattr(Tx, "fetch_early", counted)


@pytest.fixture
async def known(sandbox: Sandbox) -> Sandbox:
    """A sandbox whose account has sent: what it reads then is known."""
    await sandbox.send(*OTHERS)
    return sandbox


async def test_a_few_are_accepted_by_one_statement(known: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    statements = Statements(monkeypatch)
    accepted = await known.send(NUMBER)
    assert accepted.failures == [None]
    assert statements.count == 1
    assert (await known.states())[NUMBER] == "waiting"


@pytest.mark.parametrize("numbers", [(NUMBER,), (*OTHERS, NUMBER)])
async def test_a_suppressed_number_is_excluded_all_the_same(known: Sandbox, numbers: tuple[str, ...]) -> None:
    await known.suppress(NUMBER)
    accepted = await known.send(*numbers)
    assert [str(one) for one in accepted.failures] == ["None"] * (len(numbers) - 1) + ["suppressed"]
    assert len(await known.messages()) == len(OTHERS) + len(numbers)
    assert (await known.states())[NUMBER] == "excluded"


async def test_who_ignores_suppressions_sends_to_it(known: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    await known.suppress(NUMBER)
    statements = Statements(monkeypatch)
    assert (await known.send(NUMBER, ignores_suppressions=True)).failures == [None]
    assert statements.count == 1


async def test_a_clock_that_another_process_has_moved_is_the_requests_own(known: Sandbox) -> None:
    now = known.db.clock.now()
    move = "UPDATE account SET clock_offset = $2 WHERE account_id = $1"
    await known.db.run(Tx.execute, move, known.actor.account_id, timedelta(days=400))
    at = now + timedelta(days=401)
    accepted = await known.send(NUMBER, scheduled_at=at)
    assert (accepted.created_at, accepted.due_at) == (now + timedelta(days=400), at)
    with pytest.raises(InvalidInputError, match="ahead at most"):
        await known.send(NUMBER, scheduled_at=now + timedelta(days=2_000))


async def test_texts_that_may_not_be_repeated_any_more_are_not(known: Sandbox) -> None:
    window = "UPDATE account SET spam_window = $2 WHERE account_id = $1"
    await known.db.run(Tx.execute, window, known.actor.account_id, timedelta(hours=1))
    assert (await known.send(NUMBER)).failures == [None]
    assert [str(one) for one in (await known.send(NUMBER)).failures] == ["repeated"]


async def test_an_account_that_is_gone_is_refused(known: Sandbox) -> None:
    delete = "DELETE FROM account WHERE account_id = $1"
    await known.db.run(Tx.execute, delete, known.actor.account_id)
    with pytest.raises(BadCredentialsError):
        await known.send(NUMBER)


async def test_many_at_once_meet_a_suppression_between_them(known: Sandbox) -> None:
    numbers = [f"346000001{place:02}" for place in range(40)]
    sends = [asyncio.create_task(known.send(number, NUMBER)) for number in numbers[:20]]
    await known.suppress(NUMBER)
    accepted = [await one for one in sends]
    accepted += await asyncio.gather(*(known.send(number, NUMBER) for number in numbers[20:]))
    assert all(one.failures[0] is None for one in accepted)
    assert {str(one.failures[1]) for one in accepted[20:]} == {"suppressed"}
    assert len(await known.messages()) == len(OTHERS) + 2 * len(numbers)


async def test_what_does_not_hold_writes_nothing_and_leaves_the_session_as_it_is(db: Database, account: Tenant) -> None:
    held = []

    async def assume(tx: Tx) -> None:
        held.append(await tx.fetch_early("SELECT pg_backend_pid() AS pid"))
        tx.assume("SELECT $1 = 1", 1)
        tx.assume("SELECT $1 = 1", 2)
        tx.defer(INSERT, account.actor.account_id, tx.new_uuids(2))

    with pytest.raises(AssumptionError):
        await db.run(assume)
    assert await db.read(Tx.fetch, "SELECT FROM sent_text WHERE shard_key = $1", account.actor.account_id) == []
    assert held[0] == await db.read(Tx.fetch, "SELECT pg_backend_pid() AS pid")
