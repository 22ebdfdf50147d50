"""Servers and their database are killed at random moments of a busy day: what was acknowledged is there, once."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
import httpx
from tests.journeys.serving import BASE, Home, Process, body, client_of, home, report, until
from tests.journeys.wholeness import all_worked_off, whats_wrong

from carillon.db.embedded import running_dsn

ROUNDS = 5
CALLERS = 3
GROUPS = ("Readers", "Buyers", "Guests")
KILLS = ("server", "server", "server first", "database first", "database")


@dataclass(slots=True)
class Sent:
    """A batch of new contacts: the numbers that tell them apart, the city that tells the batch, the upload's token."""

    city: str
    numbers: range
    group: str
    acknowledged: bool = False
    token: str | None = None
    new: int = 0


@dataclass(slots=True)
class Ledger:
    """What callers have sent, and what of it was acknowledged."""

    batches: list[Sent] = field(default_factory=list)
    unsubscribed: list[int] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    groups_tried: list[str] = field(default_factory=list)
    strange: list[object] = field(default_factory=list)

    @property
    def acknowledgements(self) -> int:
        return sum(batch.acknowledged for batch in self.batches) + len(self.unsubscribed) + len(self.groups)


class Caller(threading.Thread):
    """A client that never gives up: it goes on to the next call whatever became of the last."""

    def __init__(self, number: int, seed: float, ledger: Ledger, credential: tuple[str, str]) -> None:
        super().__init__(name=f"caller {number}")
        self._url = ""
        self._told_to_go_on = threading.Event()
        self._client = httpx.Client(auth=credential, timeout=30)
        self._numbers = count(number * 1_000_000)
        self._rng = random.Random(seed)  # noqa: S311 - sample calls
        self._ledger = ledger
        self.stopping = threading.Event()

    def go_on_at(self, url: str) -> None:
        """Tell it where the server answers."""
        self._url = url
        self._told_to_go_on.set()

    def run(self) -> None:
        with self._client:
            while not self.stopping.is_set():
                self._rng.choice((self._few, self._few, self._many, self._unsubscribe, self._group))()

    def _call(self, function: str, data: object) -> Any:
        """Give the function's Data, or None where it can't be known what became of the call."""
        try:
            reply = self._client.post(f"{self._url}{BASE}{function}", json=body(data))
        except httpx.TransportError:
            self._told_to_go_on.clear()
            self._told_to_go_on.wait(1)
            return None
        envelope = reply.json()
        if (reply.status_code, envelope["StatusId"]) == (200, 1):
            return envelope["Data"]
        if reply.status_code != 503:
            self._ledger.strange.append(envelope)
        return None

    def _send(self, rows: int) -> None:
        first = next(self._numbers)
        numbers = range(first, first + rows)
        for _ in range(rows - 1):
            next(self._numbers)
        sent = Sent(city=f"Town {first}", numbers=numbers, group=self._rng.choice(GROUPS))
        self._ledger.batches.append(sent)
        told = self._call("CreateOrUpdateContacts", {"List": [row(number, sent) for number in numbers]})
        if told is not None:
            sent.token = told.get("RequestToken")
            sent.new = told.get("ContactsNew", 0)
            sent.acknowledged = True

    def _few(self) -> None:
        self._send(self._rng.randint(1, 10))

    def _many(self) -> None:
        self._send(self._rng.randint(200, 500))

    def _unsubscribe(self) -> None:
        number = next(self._numbers)
        item = {"Type": "Phone", "Value": f"0{phone(number)}"}
        if self._call("Unsubscribe", {"UnsubscribeReason": "Asked", "List": [item]}) is not None:
            self._ledger.unsubscribed.append(number)

    def _group(self) -> None:
        name = f"Group {next(self._numbers)}"
        self._ledger.groups_tried.append(name)
        if self._call("CreateOrUpdateGroup", {"GroupName": name}) is not None:
            self._ledger.groups.append(name)


def phone(number: int) -> str:
    return f"52{number:07d}"


def row(number: int, sent: Sent) -> dict[str, object]:
    return {
        "PhoneNumber": f"0{phone(number)}",
        "Email": f"caller.{number}@example.com",
        "Text1": sent.city,
        "AddToGroupName": sent.group,
    }


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
        seeds = [rng.random() for _ in range(CALLERS)]
        callers = [Caller(number, one, ledger, credential) for number, one in enumerate(seeds, 1)]
        for caller in callers:
            caller.go_on_at(process.url)
            caller.start()
        try:
            for _ in range(ROUNDS):
                enough = ledger.acknowledgements + rng.randint(5, 60)
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
    """Give what the servers said of their own failures; shown when the test fails."""
    lines = (json.loads(line) for process in place.processes for line in process.log.splitlines() if line[0] == "{")
    return [line["exception"] for line in lines if "exception" in line and "UnavailableError" not in line["exception"]]


def ask_for_reports(client: httpx.Client, batches: Iterable[Sent]) -> None:
    for sent in batches:
        if sent.token:
            told = report(client, sent.token)
            assert (told["Rows"], told["RowsFailed"]) == (len(sent.numbers), 0)
            sent.new = told["ContactsNew"]


async def prove(connection: asyncpg.Connection, ledger: Ledger) -> None:
    """Hold the database against what was acknowledged, once nothing is left to do."""
    assert ledger.strange == []
    await all_worked_off(connection)
    assert await whats_wrong(connection) == {}
    towns = await towns_of_phones(connection)
    sizes = Counter(town for town, _ in towns.values())
    for sent in ledger.batches:
        # A batch that nobody acknowledged is there as a whole or not at all.
        assert sizes[sent.city] in ({len(sent.numbers)} if sent.acknowledged else {0, len(sent.numbers)}), sent
        assert sent.new == (len(sent.numbers) if sent.acknowledged else 0), sent
        if sizes[sent.city]:
            assert [towns[f"972{phone(number)}"] for number in sent.numbers] == [(sent.city, [sent.group])] * len(
                sent.numbers
            )
    assert sizes.total() == len(towns) == sum(sizes[sent.city] for sent in ledger.batches)
    unsubscribes = Counter(row["address"] for row in await connection.fetch("SELECT address FROM suppression_entry"))
    assert {f"972{phone(number)}" for number in ledger.unsubscribed} <= unsubscribes.keys()
    assert set(unsubscribes.values()) <= {1}
    names = Counter(row["name"] for row in await connection.fetch("SELECT name FROM contact_group"))
    assert set(ledger.groups) <= names.keys() <= {*ledger.groups_tried, *GROUPS}
    assert set(names.values()) <= {1}


async def towns_of_phones(connection: asyncpg.Connection) -> dict[str, tuple[str, list[str]]]:
    """Give each contact's city and groups by its phone."""
    rows = await connection.fetch(
        "SELECT c.phone, c.fields ->> 'text1' AS city, "
        "ARRAY(SELECT g.name FROM membership m JOIN contact_group g ON g.account_id = m.account_id "
        "AND g.group_id = m.group_id WHERE m.account_id = c.account_id AND m.contact_id = c.contact_id) AS groups "
        "FROM contact c WHERE c.account_id > 0"
    )
    return {row["phone"]: (row["city"], row["groups"]) for row in rows}
