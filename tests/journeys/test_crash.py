"""Servers and their database are killed at random moments of a busy day: what was acknowledged is there, once."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from itertools import chain

import asyncpg
import httpx
from tests.journeys.callers import GROUPS, MEMBERS, Caller, Ledger, Sent, open_apis, phone
from tests.journeys.serving import Home, Process, client_of, home, report, until
from tests.journeys.wholeness import all_processed, whats_wrong

from carillon.db.embedded import running_dsn

ROUNDS = 5
CALLERS = 3
KILLS = ("server", "server", "server first", "database first", "database")
DIALECTS = {"inforu", "nrs", "inwise", "devino", "apifon"}


def kill(at: Home, process: Process, how: str) -> None:
    """Kill the server, its database, or both in one of the two orders."""
    if how == "database first":
        at.kill_postgres()
    if how == "database":
        # It answers as well as it can meanwhile, and dies itself while it starts the database anew.
        with at.nobody_starts_postgres():
            at.kill_postgres()
            until(lambda: httpx.get(f"{process.url}/readyz").status_code == 503, "an unready server")
    process.popen.kill()
    process.popen.wait()
    if how == "server first":
        at.kill_postgres()


async def test_whatever_is_killed_all_that_was_acknowledged_is_there_exactly_once() -> None:
    seed = random.randrange(10**6)  # noqa: S311 - moments of crashes
    print(f"seed {seed}")  # shown when the test fails
    rng = random.Random(seed)  # noqa: S311 - the same
    ledger = Ledger()
    with home() as place:
        process = place.serve()
        credential = place.unlimited()
        apis = open_apis(process.url, place.keys(), credential)
        seeds = [rng.random() for _ in range(CALLERS)]
        callers = [Caller(number, one, ledger, apis) for number, one in enumerate(seeds, 1)]
        for caller in callers:
            caller.go_on_at(process.url)
            caller.start()
        try:
            for _ in range(ROUNDS):
                enough = ledger.acknowledgements + rng.randint(15, 60)
                until(lambda enough=enough: ledger.acknowledgements >= enough, "acknowledgements")  # type: ignore[misc]
                kill(place, process, rng.choice(KILLS))
                process = place.serve()
                for caller in callers:
                    caller.go_on_at(process.url)
        finally:
            for caller in callers:
                caller.stopping.set()
            for caller in callers:
                caller.join()
            print(*failures(place), sep="\n")
        with client_of(process, credential) as client:
            ask_for_reports(client, ledger.batches)
        connection = await asyncpg.connect(running_dsn(place.data_dir))
        try:
            await prove(connection, ledger)
        finally:
            await connection.close()
        assert process.end() == 0
        assert place.left() == []


def failures(place: Home) -> Iterable[str]:
    """Return what the servers said of their own failures; shown when the test fails."""
    lines = (json.loads(line) for process in place.processes for line in process.log.splitlines() if line[0] == "{")
    return [line["exception"] for line in lines if "exception" in line and "UnavailableError" not in line["exception"]]


def ask_for_reports(client: httpx.Client, batches: Iterable[Sent]) -> None:
    for sent in batches:
        if sent.token:
            reported = report(client, sent.token)
            assert (reported["Rows"], reported["RowsFailed"]) == (len(sent.numbers), 0)
            sent.new = reported["ContactsNew"]


async def prove(connection: asyncpg.Connection, ledger: Ledger) -> None:
    """Hold the database against what was acknowledged, once nothing is left to do."""
    assert ledger.strange == []
    await all_processed(connection)
    assert await whats_wrong(connection) == {}
    people = await people_by_phone(connection)
    sizes = Counter(name for name, _ in chain.from_iterable(people.values()))
    for sent in ledger.batches:
        # A batch that nobody acknowledged is there as a whole or not at all.
        assert sizes[sent.name] in ({len(sent.numbers)} if sent.acknowledged else {0, len(sent.numbers)}), sent
        assert sent.new == (len(sent.numbers) if sent.acknowledged else 0), sent
        if sizes[sent.name]:
            once = [(sent.name, [sent.group] if sent.group else [])]
            assert all(people[f"972{phone(number)}"] == once for number in sent.numbers), sent
    assert sizes.total() == sum(sizes[sent.name] for sent in ledger.batches)
    assert {sent.dialect for sent in ledger.batches if sent.acknowledged} == DIALECTS
    unsubscribes = Counter(row["address"] for row in await connection.fetch("SELECT address FROM suppression_entry"))
    assert {f"972{phone(number)}" for number in ledger.unsubscribed} <= unsubscribes.keys()
    assert set(unsubscribes.values()) <= {1}
    names = Counter(row["name"] for row in await connection.fetch("SELECT name FROM contact_group"))
    assert set(ledger.groups) <= names.keys() <= {*ledger.groups_tried, *GROUPS, MEMBERS}
    assert set(names.values()) <= {1}


async def people_by_phone(connection: asyncpg.Connection) -> dict[str | None, list[tuple[str, list[str]]]]:
    """Return the first name and the groups of every contact, by its phone."""
    rows = await connection.fetch(
        "SELECT c.phone, c.fields ->> 'first_name' AS name, "
        "ARRAY(SELECT g.name FROM membership m JOIN contact_group g ON g.account_id = m.account_id "
        "AND g.group_id = m.group_id WHERE m.account_id = c.account_id AND m.contact_id = c.contact_id) AS groups "
        "FROM contact c WHERE c.account_id > 0"
    )
    people: dict[str | None, list[tuple[str, list[str]]]] = {}
    for row in rows:
        people.setdefault(row["phone"], []).append((row["name"], row["groups"]))
    return people
