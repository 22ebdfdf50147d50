"""Workers, API, SMSC and database are killed at random while messages of all classes are under way.

Then everything is let run to its end, and counted at the SMSC's own book, in the ledger and in the callbacks: nobody is
lost, and nobody is written to twice but by otp and transactional messages whose outcome was uncertain and is reported
as such.

CARILLON_CHAOS_SECONDS says for how long things are killed, CARILLON_CHAOS_SEED in which order, CARILLON_CHAOS_KEEP
into which new folder the data and the logs of a failure are copied.
"""

import asyncio
import contextlib
import os
import random
import shutil
import subprocess
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from tests.journeys.installation import Installation, free_port
from tests.journeys.sending import (
    CallbackReceiver,
    Requests,
    Sender,
    Smsc,
    api_sender,
    apifon,
    apifon_im,
    command_sender,
    group_sender,
    nrs,
    stop,
)
from tests.journeys.serving import CARILLON, Home, home, until

from carillon.db.embedded import running_dsn
from carillon.kit.traffic import TrafficClass

CHAOS_SECONDS = float(os.environ.get("CARILLON_CHAOS_SECONDS", "35"))
SETTLE_SECONDS = 120
MEMBERS = 6_000
TOLD: Mapping[str, Mapping[str, str]] = {
    "apifon": {
        "im submitted": "sent",
        "im undelivered": "unknown_user",
        "im rejected": "unknown_user",
        "fallback": "accepted",
        "submitted": "accepted_smsc",
        "delivered": "delivered",
    },
    "nrs": {"submitted": "sent", "delivered": "delivered", "unknown": "undelivered"},
}

MESSAGES = """
SELECT m.message_id::text, m.address, m.state, m.money, s.traffic_class, s.dialect
FROM message m JOIN sending s ON s.shard_key = m.shard_key AND s.sending_id = m.sending_id
WHERE m.shard_key = $1"""
# Of an instant message's own attempt "im" stands before it.
EVENTS = """
SELECT e.message_id::text,
    CASE WHEN s.channel = 'im' AND NOT coalesce(e.data ? 'channel', false) THEN 'im ' ELSE '' END || e.kind AS kind
FROM event e JOIN sending s ON s.shard_key = e.shard_key AND s.sending_id = e.sending_id
WHERE e.shard_key = $1 ORDER BY e.sequence"""
# A receipt that came too late for its message, which is submitted again by then, stays parked.
UNDER_WAY = """
SELECT (SELECT count(*) FROM message WHERE shard_key = $1 AND state IN ('waiting', 'submitted')) AS messages,
    (SELECT count(*) FROM sending WHERE shard_key = $1 AND state = 'materialising') AS sendings,
    (SELECT count(*) FROM parked_inbound p
     JOIN message m ON m.shard_key = $1 AND m.address = p.content -> 'content' ->> 'address'
     WHERE m.state IN ('waiting', 'submitted', 'uncertain')) AS parked"""
OPEN = """
SELECT (SELECT count(*) FROM message
        WHERE shard_key = $1 AND state IN ('waiting', 'submitted', 'uncertain')) AS messages,
    (SELECT count(*) FROM chunk WHERE account_id = $1) AS chunks,
    (SELECT count(*) FROM callback WHERE shard_key = $1 AND state = 'waiting') AS callbacks"""
CALLBACKS = """
SELECT e.dialect, c.state, c.attempts, c.http_status, count(*)
FROM callback c JOIN callback_endpoint e ON e.account_id = c.shard_key AND e.endpoint_id = c.endpoint_id
WHERE c.shard_key = $1 GROUP BY 1, 2, 3, 4"""
ADVANCE = "UPDATE account SET clock_offset = clock_offset + $2 * interval '1 minute' WHERE account_id = $1"


@dataclass(frozen=True, kw_only=True)
class Account:
    """The account of the journey and its keys."""

    at: Home
    account_id: int

    @classmethod
    def open(cls, at: Home, smsc_port: int) -> "Account":
        """Make it, with a carrier, a route, prices and credit."""
        url = f"smpp://carillon@127.0.0.1:{smsc_port}"
        options = [f"--option={one}" for one in ("binds=2", "answer_seconds=5", "receipt_ids=as_is")]
        made = at.command("account", "create", "Chaos", "--country", "IL")
        at.command("carrier", "create", "main", "--kind", "smpp", "--url", url, *options)
        at.command("route", "add", "--channel", "sms", "--carrier", "main")
        at.command("carrier", "create", "viber", "--kind", "simulator", "--channel", "im")
        at.command("price", "set", "--channel", "im", "0.01", "--vat", "17")
        at.command("price", "set", "--channel", "sms", "0.05", "--vat", "17")
        at.command("balance", "add", "100000", "--account", made["account_id"])
        return cls(at=at, account_id=made["account_id"])

    def key(self, dialect: str, *options: str) -> Mapping[str, str]:
        made: Mapping[str, str] = self.at.command(
            *("credential", "create", "--account", self.account_id, "--dialect", dialect, "--rate", 0), *options
        )
        return made

    def group(self, name: str, numbers: Sequence[str]) -> None:
        """Import contacts as the members of a group."""
        path = self.at.place / f"{name}.csv"
        path.write_text("phone\n" + "".join(f"+{one}\n" for one in numbers))
        self.at.command(
            "import", path, "--account", self.account_id, "--group", name, "--yes"
        )  # of numbers that no plan knows

    def rows(self, statement: str, *arguments: object) -> list[Any]:
        """Run a statement, whose first parameter is the account."""
        return asyncio.run(self._fetch(statement, self.account_id, *arguments))

    async def _fetch(self, statement: str, *arguments: object) -> list[Any]:
        connection = await asyncpg.connect(running_dsn(self.at.data_dir))
        try:
            found: list[Any] = await connection.fetch(statement, *arguments)
        finally:
            await connection.close()
        return found

    def counts(self, statement: str) -> dict[str, int]:
        """Return what isn't 0 of a statement's one row."""
        (row,) = self.rows(statement)
        return {name: count for name, count in row.items() if count}


def test_whatever_is_killed_nobody_is_lost_and_nobody_is_written_to_twice_unreported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed = int(os.environ.get("CARILLON_CHAOS_SEED", random.randrange(10**6)))  # noqa: S311 - moments of kills
    print(f"seed {seed}")  # shown when the test fails
    rng = random.Random(seed)  # noqa: S311 - the same
    monkeypatch.setenv("CARILLON_OUTBOUND_ALLOW", "127.0.0.0/8")
    monkeypatch.setenv("CARILLON_CARRIER_SECRET", "secret")
    requests, receiver = Requests(), CallbackReceiver()
    with contextlib.closing(receiver), home() as at, kept(at):
        smsc = Smsc(at.place, free_port(), rng)
        all_of_it = Installation(at=at, smsc=smsc, rng=rng)
        senders: list[Sender] = []
        try:
            all_of_it.start()
            account = Account.open(at, smsc.port)
            senders = senders_of(account, all_of_it.url, requests, receiver)
            for one in senders:
                one.start()
            all_of_it.kill_at_random(CHAOS_SECONDS)
            stop(senders)
            print("killed", dict(all_of_it.kills))
            settle(account, smsc)
            wrong = wrongs(account, smsc, requests, receiver)
            assert not wrong, f"{len(wrong)}: {wrong[:20]}"
            verify(at)
            all_of_it.stop()
            assert at.left() == []
        finally:
            stop(senders)
            smsc.kill()
            print(*all_of_it.ended, sep="\n")


@contextlib.contextmanager
def kept(at: Home) -> Iterator[None]:
    """Copy what a failure leaves behind, where the environment names a folder."""
    try:
        yield
    except BaseException:
        if folder := os.environ.get("CARILLON_CHAOS_KEEP"):
            at.clear()
            shutil.copytree(at.place, folder, ignore=shutil.ignore_patterns("run"))
        raise


def senders_of(account: Account, url: str, requests: Requests, receiver: CallbackReceiver) -> list[Sender]:
    """Make senders of all classes, who begin when they are started."""
    key = account.key("apifon")
    transactional = apifon(url, key, receiver.url("apifon"))
    refused, unknown = (apifon_im(url, key, receiver.url("apifon"), line) for line in ("9904", "9912"))
    otp = nrs(url, account.key("nrs", "--traffic", "otp"), receiver.url("nrs"))
    marketing = nrs(url, account.key("nrs", "--traffic", "marketing"), receiver.url("nrs"))
    members = [f"97255{place:07d}" for place in range(MEMBERS)]
    account.group("Members", members)
    return [
        api_sender(transactional, requests, TrafficClass.TRANSACTIONAL, [1, 5, 1, 40], pause=0.15),
        api_sender(refused, requests, TrafficClass.TRANSACTIONAL, [1, 20], pause=0.6),
        api_sender(unknown, requests, TrafficClass.TRANSACTIONAL, [3, 1], pause=0.4),
        api_sender(otp, requests, TrafficClass.OTP, [1], pause=0.05),
        api_sender(marketing, requests, TrafficClass.MARKETING, [150, 20, 500], pause=1.5),
        command_sender(account.at, account.account_id, requests, pause=2.0),
        group_sender(account.at, account.account_id, requests, "Members", members),
    ]


def settle(account: Account, smsc: Smsc) -> None:
    """Let everything come to its end: what is under way, then what was submitted again, days later the rest."""

    def nothing_under_way() -> bool:
        return not smsc.untold() and not account.counts(UNDER_WAY)

    def nothing_open() -> bool:
        return not account.counts(OPEN)

    try:
        until(nothing_under_way, "the end of what is under way", SETTLE_SECONDS)
        account.rows(ADVANCE, 120)
        time.sleep(2)  # until it is seen that they are due
        until(nothing_under_way, "the end of what is submitted again", SETTLE_SECONDS)
        account.rows(ADVANCE, 2 * 24 * 60)
        until(nothing_open, "the end of what is uncertain", SETTLE_SECONDS)
    except AssertionError:
        print(account.counts(UNDER_WAY), account.counts(OPEN), "untold", smsc.untold())
        raise


def verify(at: Home) -> None:
    command = [str(CARILLON), "verify", "--data-dir", str(at.data_dir)]
    books = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
    assert books.returncode == 0, books.stdout + books.stderr


def wrongs(account: Account, smsc: Smsc, requests: Requests, receiver: CallbackReceiver) -> list[object]:
    """Count everybody in the book, in the ledger and in the callbacks, and return what does not agree."""
    messages, taken = account.rows(MESSAGES), smsc.taken()
    events: defaultdict[str, list[str]] = defaultdict(list)
    for row in account.rows(EVENTS):
        events[row["message_id"]].append(row["kind"])
    counts: Counter[str] = Counter()
    wrong = [*requests.strange, *wrongly_accepted(requests, [row["address"] for row in messages])]
    for row in messages:
        kinds, times = events[row["message_id"]], taken.pop(row["address"], 0)
        traffic_class = TrafficClass(row["traffic_class"])
        counts[
            f"{traffic_class.name} {row['state']}, taken {times} times, uncertain {kinds.count('uncertain')} times"
        ] += 1
        is_right = is_accounted_for(traffic_class, row["state"], times, kinds.count("uncertain"))
        if not is_right or row["money"] != ("captured" if row["state"] == "delivered" else "released"):
            wrong.append((traffic_class.name, row["address"], row["state"], row["money"], times, kinds))
        names = TOLD.get(row["dialect"], {})
        # A worker that is killed before it has recorded what it has told tells it again.
        if list(dict.fromkeys(receiver.told[row["message_id"]])) != [names[kind] for kind in kinds if kind in names]:
            wrong.append(("told", row["dialect"], row["address"], kinds, receiver.told[row["message_id"]]))
    acknowledged = sum(one.acknowledged for one in requests.asked)
    print(f"{len(requests.asked)} requests, {acknowledged} acknowledged, {receiver.calls} callbacks, messages:")
    print(*(f"{name}: {count}" for name, count in sorted(counts.items())), sep="\n")
    print("callbacks:", *(dict(row) for row in account.rows(CALLBACKS)))
    return [*wrong, *(("taken, and asked for by nobody", number) for number in taken)]


def wrongly_accepted(requests: Requests, addresses: Sequence[str]) -> list[object]:
    """Return the requests that aren't there as they were answered; an unanswered one is there as a whole or not."""
    times = Counter(addresses)
    wrong: list[object] = []
    for asked in requests.asked:
        found = {times.pop(number, 0) for number in asked.numbers}
        if found not in ([{1}] if asked.acknowledged else [{1}, {0}]):
            wrong.append(("accepted", asked, found))
    return [*wrong, *times]


def is_accounted_for(traffic_class: TrafficClass, state: str, taken: int, uncertain: int) -> bool:
    """Tell whether a message's end agrees with the book: the SMSC delivers, and tells of, everything that it takes."""
    if state == "unknown":
        return traffic_class is TrafficClass.MARKETING and uncertain > 0 and not taken
    most = 1 + uncertain if traffic_class.is_repeated_when_lost else 1
    return state == "delivered" and 1 <= taken <= most
