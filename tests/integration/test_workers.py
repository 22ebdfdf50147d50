"""The host: turns, leases, retries, waking, draining, periodic jobs and services."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta

import pytest
from structlog.testing import capture_logs
from tests.integration.pieces import PieceWorker, make_pieces, states

from carillon.db.database import Database, Tx
from carillon.errors import UnavailableError
from carillon.kit.clock import SystemClock
from carillon.kit.ids import AccountId
from carillon.metrics import Metrics
from carillon.workers.host import run_background
from carillon.workers.shape import Background, Claimed, Job, Service

PHONE = "972541110001"
ONE = AccountId(1)


@pytest.fixture
async def db(own_dsn: str) -> AsyncIterator[Database]:
    """Leases end by the clock that runs."""
    database = await Database.connect(own_dsn, clock=SystemClock(), size=8)
    yield database
    await database.close()


@contextlib.asynccontextmanager
async def running(db: Database, background: Background, *, poll_seconds: float = 0.05) -> AsyncIterator[Metrics]:
    """Let a host run during the block, and drain it then."""
    metrics, stopping = Metrics(), asyncio.Event()
    host = asyncio.create_task(run_background(db, background, metrics.work, stopping, poll_seconds=poll_seconds))
    try:
        yield metrics
    finally:
        stopping.set()
        await asyncio.wait_for(host, timeout=20)


async def until(holds: Callable[[], bool] | Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def test_accounts_take_turns_and_one_with_much_work_holds_up_no_other(db: Database) -> None:
    await make_pieces(db, 1, 20)
    await make_pieces(db, 2, 3)
    worker = PieceWorker(turn=2)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 23)
    assert [one.account_id for one in worker.performed[:8]] == [1, 1, 2, 2, 1, 1, 2, 1]


async def test_as_many_accounts_as_the_worker_says_have_a_turn_at_once_and_each_one_turn(db: Database) -> None:
    at_once: list[list[int]] = []
    active: list[int] = []

    async def effect(piece: Claimed) -> None:
        active.append(piece.account_id)
        at_once.append(sorted(active))
        await asyncio.sleep(0.05)
        active.remove(piece.account_id)

    for account_id in (1, 2, 3):
        await make_pieces(db, account_id, 4)
    worker = PieceWorker(effect=effect, concurrency=2)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 12)
    assert max(map(len, at_once)) == 2
    assert all(len(set(accounts)) == len(accounts) for accounts in at_once)


async def test_a_wake_gives_an_account_its_turn_at_once(db: Database) -> None:
    worker = PieceWorker()
    await make_pieces(db, 1, 0)
    async with running(db, Background(workers=[worker]), poll_seconds=3600):
        await worker.listed.wait()
        await make_pieces(db, 1, 5)
        await until(lambda: len(worker.performed) == 5)


async def test_a_wake_whose_key_is_no_account_is_ignored(db: Database) -> None:
    worker = PieceWorker()
    await make_pieces(db, 1, 0)
    with capture_logs() as logs:
        async with running(db, Background(workers=[worker]), poll_seconds=3600):
            await worker.listed.wait()
            for key in ("abc", "", "-1", "1.5", "²", "1" * 40, "9" * 7_000, "{}"):
                db.topics.receive(worker.topic, key)
            await make_pieces(db, 1, 1)
            await until(lambda: len(worker.performed) == 1)
    assert logs == []


async def test_a_workers_loop_that_fails_is_started_again_and_ends_nothing_else(db: Database) -> None:
    class Failing(PieceWorker):
        async def due_accounts(self, tx: Tx) -> Sequence[AccountId]:
            if not failures:
                failures.append("a worker's mistake")
                return None  # type: ignore[return-value]
            return await super().due_accounts(tx)

    failures: list[str] = []
    ended: list[bool] = []

    async def serve(stopping: asyncio.Event) -> None:
        await stopping.wait()
        ended.append(True)

    worker = Failing()
    await make_pieces(db, 1, 1)
    background = Background(workers=[worker], services=[Service(name="bind", run=serve)])
    with capture_logs() as logs:
        async with running(db, background, poll_seconds=3600) as metrics:
            await until(lambda: len(worker.performed) == 1)
            assert not ended
    assert ended == [True]
    assert [(line["event"], line["error"], line["service"]) for line in logs] == [
        ("service_failed", "TypeError", "pieces"),
    ]
    assert 'carillon_service_failures_total{service="pieces"} 1.0' in metrics.exposition().decode()


async def test_work_without_a_wake_is_found_by_polling(db: Database, own_dsn: str) -> None:
    worker = PieceWorker()
    await make_pieces(db, 1, 0)
    other = await Database.connect(own_dsn, size=1)
    async with running(db, Background(workers=[worker])):
        await worker.listed.wait()
        await make_pieces(other, 1, 1)
        await until(lambda: len(worker.performed) == 1)
    await other.close()


async def test_pieces_are_prepared_ahead(db: Database) -> None:
    ids = await make_pieces(db, 1, 3)
    ahead: list[int] = []

    async def effect(_piece: Claimed) -> None:
        await until(lambda: len(worker.prepared) == 3)
        ahead.append(len(worker.prepared))

    worker = PieceWorker(effect=effect, turn=3)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 3)
    assert worker.prepared == ids
    assert ahead == [3, 3, 3]


async def test_leases_are_renewed_for_as_long_as_a_piece_takes(db: Database) -> None:
    async def effect(_piece: Claimed) -> None:
        await asyncio.sleep(1)

    lease = timedelta(seconds=0.4)
    first, second = PieceWorker(effect=effect, lease=lease), PieceWorker(lease=lease)
    ids = await make_pieces(db, 1, 2)
    async with running(db, Background(workers=[first]), poll_seconds=3600):
        await until(lambda: bool(first.prepared))
        async with running(db, Background(workers=[second])):
            await until(lambda: len(first.performed) == 2)
    assert second.performed == []
    assert await states(db) == dict.fromkeys(ids, ("done", 1))


async def test_work_of_a_process_that_died_is_taken_over_when_its_lease_ends(db: Database) -> None:
    lease = timedelta(seconds=0.4)
    (only,) = await make_pieces(db, 1, 1)
    worker = PieceWorker(lease=lease)
    (lost,) = await worker.claim(db, ONE, 5)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 1)
    assert await states(db) == {only: ("done", 2)}
    assert await worker.perform(db, lost, only) is None  # too late


async def test_what_fails_is_tried_again_and_has_failed_for_good_after_so_many_attempts(db: Database) -> None:
    async def effect(piece: Claimed) -> None:
        if piece.work_id == bad:
            raise ValueError(PHONE)

    async def ended() -> bool:
        return await states(db) == {bad: ("failed", 3), good: ("done", 1)}

    bad, good = await make_pieces(db, 1, 2)
    worker = PieceWorker(effect=effect)
    with capture_logs() as logs:
        async with running(db, Background(workers=[worker])) as metrics:
            await until(ended)
    shown = metrics.exposition().decode()
    assert 'carillon_work_retried_total{worker="pieces"} 2.0' in shown
    assert 'carillon_work_failed_total{worker="pieces"} 1.0' in shown
    assert 'carillon_work_units_total{worker="pieces"} 10.0' in shown
    interrupted = [line for line in logs if line["event"] == "work_interrupted"]
    assert [(line["attempt"], line["error"], line["work_id"]) for line in interrupted] == [
        (attempt, "ValueError", str(bad)) for attempt in (1, 2, 3)
    ]
    assert PHONE not in repr(logs)


async def test_a_failure_of_the_database_is_no_attempt(db: Database) -> None:
    left = [UnavailableError()] * 5

    async def effect(_piece: Claimed) -> None:
        if left:
            raise left.pop()

    (only,) = await make_pieces(db, 1, 1)
    worker = PieceWorker(effect=effect)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 1)
    assert await states(db) == {only: ("done", 1)}


async def test_attempts_that_an_outage_kept_from_being_given_back_do_not_fail_a_piece(db: Database) -> None:
    (only,) = await make_pieces(db, 1, 1)
    worker = PieceWorker(turn=1)
    for _ in range(2 * worker.max_attempts):
        await PieceWorker(lease=timedelta(milliseconds=1)).claim(db, ONE, 1)
        await asyncio.sleep(0.01)
    left = [ValueError(), ValueError()]

    async def effect(_piece: Claimed) -> None:
        if left:
            raise left.pop()

    worker.effect = effect
    db.outages.note()
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 1)
    assert await states(db) == {only: ("done", 9)}


async def test_a_piece_that_kills_its_processes_has_failed_without_another_attempt(db: Database) -> None:
    lease = timedelta(milliseconds=1)
    deadly, good = await make_pieces(db, 1, 2)
    worker = PieceWorker(turn=1)
    for _ in range(worker.max_attempts):
        await PieceWorker(lease=lease).claim(db, ONE, 1)
        await asyncio.sleep(0.01)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 1)
    assert await states(db) == {deadly: ("failed", 4), good: ("done", 1)}


@pytest.mark.parametrize("keeps_order", [True, False])
async def test_behind_a_failure_the_rest_waits_only_where_the_order_is_kept(
    db: Database,
    keeps_order: bool,  # noqa: FBT001 - parametrized
) -> None:
    failed = asyncio.Event()

    async def effect(piece: Claimed) -> None:
        if piece.work_id == ids[0] and not failed.is_set():
            failed.set()
            raise ValueError

    ids = await make_pieces(db, 1, 4)
    worker = PieceWorker(effect=effect, turn=4, keeps_order=keeps_order)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 4)
    first = ids[0] if keeps_order else ids[1]
    assert worker.performed[0].work_id == first
    assert await states(db) == {**dict.fromkeys(ids[1:], ("done", 1)), ids[0]: ("done", 2)}


async def test_a_host_that_is_stopped_ends_the_piece_in_hand_and_releases_the_others(db: Database) -> None:
    begun = asyncio.Event()

    async def effect(_piece: Claimed) -> None:
        begun.set()
        await asyncio.sleep(0.3)

    first, *others = await make_pieces(db, 1, 3)
    async with running(db, Background(workers=[PieceWorker(effect=effect, turn=3)])):
        await begun.wait()
    assert await states(db) == {first: ("done", 1), **dict.fromkeys(others, ("pending", 0))}
    worker = PieceWorker()
    assert len(await worker.claim(db, 1, 5)) == 2  # type: ignore[arg-type]


async def test_a_host_that_cannot_list_accounts_goes_on_with_those_that_it_knows(db: Database, own_dsn: str) -> None:
    worker = PieceWorker()
    await make_pieces(db, 1, 1)
    other = await Database.connect(own_dsn, size=1)  # whose wakes don't reach this process
    with capture_logs() as logs:
        async with running(db, Background(workers=[worker])):
            await until(lambda: len(worker.performed) == 1)
            worker.can_list = False
            await make_pieces(other, 1, 3)
            await make_pieces(db, 2, 1)  # which the process learns of by its wake
            await until(lambda: len(worker.performed) == 5)
            await make_pieces(other, 2, 1)
            await until(lambda: len(worker.performed) == 6)
    await other.close()
    failures = {(line["event"], line["error"]) for line in logs}
    assert failures == {("listing_failed", "UndefinedColumnError")}


async def test_an_account_that_is_out_of_reach_holds_up_no_other_and_is_served_when_it_is_back(db: Database) -> None:
    worker = PieceWorker(out_of_reach=1)
    await make_pieces(db, 1, 1)
    await make_pieces(db, 2, 6)
    async with running(db, Background(workers=[worker])):
        await until(lambda: len(worker.performed) == 6)
        worker.out_of_reach = 0
        await until(lambda: len(worker.performed) == 7)
    assert worker.performed[-1].account_id == 1


async def test_a_job_runs_at_the_start_and_every_interval_and_sooner_after_a_failure(db: Database) -> None:
    runs: dict[str, list[float]] = {"often": [], "failing": [], "seldom": []}

    def job(name: str, seconds: float) -> Job:
        async def run(_db: Database) -> None:
            runs[name].append(time.monotonic())
            if name == "failing":
                raise ValueError(PHONE)

        return Job(name=name, interval=timedelta(seconds=seconds), run=run)

    with capture_logs() as logs:
        async with running(
            db, Background(jobs=[job("often", 0.05), job("failing", 3600), job("seldom", 3600)])
        ) as metrics:
            await until(lambda: len(runs["failing"]) == 2)
    assert len(runs["seldom"]) == 1
    assert len(runs["often"]) > 5
    first, second = runs["failing"]
    assert 0.8 < second - first < 3
    assert 'carillon_job_runs_total{job="failing",outcome="failed"} 2.0' in metrics.exposition().decode()
    assert {(line["event"], line["job"], line["error"]) for line in logs} == {("job_failed", "failing", "ValueError")}
    assert PHONE not in repr(logs)


async def test_a_job_ends_when_the_host_is_stopped(db: Database) -> None:
    begun = asyncio.Event()

    async def run(_db: Database) -> None:
        begun.set()
        await asyncio.sleep(3600)

    async with running(db, Background(jobs=[Job(name="endless", interval=timedelta(hours=1), run=run)])):
        await begun.wait()


async def test_a_service_that_fails_or_ends_is_started_again_and_stops_after_the_workers(db: Database) -> None:
    starts: list[str] = []
    ended: list[str] = []

    async def serve(stopping: asyncio.Event) -> None:
        starts.append("start")
        if len(starts) == 1:
            raise ConnectionResetError(PHONE)
        if len(starts) == 2:
            return
        await stopping.wait()
        ended.append("service")

    async def effect(_piece: Claimed) -> None:
        await until(lambda: len(starts) == 3)
        begun.set()
        await asyncio.sleep(0.2)
        ended.append("piece")

    begun = asyncio.Event()
    await make_pieces(db, 1, 1)
    service, worker = Service(name="bind", run=serve), PieceWorker(effect=effect)
    with capture_logs() as logs:
        async with running(db, Background(services=[service], workers=[worker])) as metrics:
            await begun.wait()
    assert ended == ["piece", "service"]
    assert [line["error"] for line in logs if line["event"] == "service_failed"] == [
        *("ConnectionResetError", "EndedError"),
    ]
    assert PHONE not in repr(logs)
    assert 'carillon_service_failures_total{service="bind"} 2.0' in metrics.exposition().decode()
