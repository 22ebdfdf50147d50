"""Workers, API, SMSC and database are killed at random while messages of all classes are under way.

Then everything is let run to its end, and counted at the SMSC's own book, in the ledger and in the callbacks: nobody is
lost, and nobody is written to twice but by otp and transactional messages whose outcome was uncertain and is reported
as such.

CARILLON_CHAOS_SECONDS says for how long things are killed, CARILLON_CHAOS_SEED in which order.
"""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from tests.journeys.sending import (
    CallbackReceiver,
    Requests,
    Sender,
    Smsc,
    apifon_sender,
    command_sender,
    stop,
)
from tests.journeys.serving import CARILLON, Home, Process, home, until

from carillon.db.embedded import running_dsn
from carillon.db.embedded_state import postmaster
from carillon.kit.traffic import TrafficClass

CHAOS_SECONDS = float(os.environ.get("CARILLON_CHAOS_SECONDS", "40"))
SETTLE_SECONDS = 90
KILLS = ("worker", "worker", "worker", "worker", "api", "api", "smsc", "smsc", "smsc", "backend", "backend", "database")
TOLD = {"submitted": "accepted_smsc", "delivered": "delivered"}
FINAL = {"delivered", "undelivered", "expired", "rejected", "cancelled", "unknown", "excluded"}

MESSAGES = """
SELECT m.message_id::text, m.address, m.state, m.money, s.traffic_class, s.endpoint_id
FROM message m JOIN sending s ON s.shard_key = m.shard_key AND s.sending_id = m.sending_id
WHERE m.shard_key = $1"""
EVENTS = "SELECT message_id::text, kind, data FROM event WHERE shard_key = $1 ORDER BY sequence"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass(kw_only=True)
class Installation:
    """Processes of Carillon, its database and an SMSC; what was killed is started again a little later."""

    at: Home
    smsc: Smsc
    rng: random.Random
    api_port: int
    running: dict[str, Process] = field(default_factory=dict)
    down: dict[str, float] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)
    ended: list[str] = field(default_factory=list)

    def start(self, name: str) -> None:
        if name == "smsc":
            self.smsc.start()
        elif name == "api":
            self.running[name] = self.at.spawn("--role", "api", "--port", self.api_port)
        else:
            self.running[name] = self.at.spawn("--role", "worker")

    def kill(self, what: str) -> None:
        """Kill one at random of a kind."""
        self.kills[what] += 1
        if what == "smsc":
            self.smsc.kill()
        elif what == "backend":
            self._kill_backend()
            return
        elif what == "database":
            if postmaster(self.at.cluster) is not None:
                self.at.kill_postgres()
            return
        else:
            what = what if what == "api" else self.rng.choice(["worker 1", "worker 2"])
            process = self.running[what].popen
            process.kill()
            process.wait()
        self.down.setdefault(what, time.monotonic() + self.rng.uniform(0.0, 2.5))

    def _kill_backend(self) -> None:
        first = postmaster(self.at.cluster)
        try:
            children = Path("/proc", str(first), "task", str(first), "children").read_text().split()
            serving = [pid for pid in children if b"[local]" in Path("/proc", pid, "cmdline").read_bytes()]
            if serving:
                os.kill(int(self.rng.choice(serving)), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError):
            pass  # it is being started

    def revive(self, *, at_once: bool = False) -> None:
        """Start again what has been down for long enough, and what ended by itself, as an init system would."""
        for name, process in self.running.items():
            if process.popen.poll() is not None and name not in self.down:
                self.ended.append(f"{name} ended by itself: {process.log[-2000:]}")
                self.down[name] = time.monotonic()
        for name, moment in list(self.down.items()):
            if at_once or moment <= time.monotonic():
                del self.down[name]
                self.start(name)

    def chaos(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        following = time.monotonic() + 1.0
        while time.monotonic() < deadline:
            if time.monotonic() >= following:
                self.kill(self.rng.choice(KILLS))
                following = time.monotonic() + self.rng.uniform(0.3, 2.5)
            self.revive()
            time.sleep(0.05)
        self.revive(at_once=True)
        self.smsc.kill()
        self.smsc.start(well=True)
        for name in ("api", "worker 1", "worker 2"):
            until(lambda name=name: self.running[name].greets, name)  # type: ignore[misc]

    def stop(self) -> None:
        for process in self.running.values():
            assert process.end() == 0, process.log[-3000:]
        self.smsc.kill()


def open_account(at: Home, smsc: Smsc) -> tuple[int, dict[str, str]]:
    """Make an account with a carrier, a route, prices and credit; give its id and a key of Apifon's API."""
    account_id = at.command("account", "create", "Chaos", "--country", "IL")["account_id"]
    options = ("--option", "binds=2", "--option", "answer_seconds=5", "--option", "receipt_ids=as_is")
    at.command("carrier", "create", "main", "--kind", "smpp", "--url", f"smpp://carillon@127.0.0.1:{smsc.port}", *options)
    at.command("route", "add", "--channel", "sms", "--carrier", "main")
    at.command("price", "set", "--channel", "sms", "0.05", "--vat", "17")
    at.command("balance", "add", "100000", "--account", account_id)
    return account_id, at.command(
        "credential", "create", "--account", account_id, "--dialect", "apifon", "--rate", 0
    )


def token_of(url: str, key: dict[str, str]) -> str:
    reply = httpx.post(f"{url}/oauth2/token", auth=(key["client_id"], key["client_secret"]), timeout=30)
    return str(reply.json()["access_token"])


async def rows(at: Home, statement: str, *arguments: object) -> list[Any]:
    dsn = running_dsn(at.data_dir)
    assert dsn is not None
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement, *arguments)
    finally:
        await connection.close()


async def until_found(what: str, is_so: Callable[[], Any]) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while found := await is_so():
        assert time.monotonic() < deadline, f"{what}: {found}"
        time.sleep(0.3)


async def settle(at: Home, smsc: Smsc, account_id: int) -> None:
    """Let everything come to its end: first what is under way, then, hours later, what is uncertain."""

    async def under_way() -> dict[str, int]:
        states = await rows(at, "SELECT state, count(*) AS n FROM message WHERE shard_key = $1 GROUP BY 1", account_id)
        found = {row["state"]: row["n"] for row in states if row["state"] in {"waiting", "submitted"}}
        parked = await rows(at, "SELECT count(*) AS n FROM parked_inbound")
        return {**found, **({"untold": smsc.untold()} if smsc.untold() else {}), **({"parked": n} if (n := parked[0]["n"]) else {})}

    async def open_ends() -> dict[str, int]:
        found = await rows(
            at,
            "SELECT (SELECT count(*) FROM message WHERE shard_key = $1 AND state IN ('waiting', 'submitted', 'uncertain')) "
            "AS open, (SELECT count(*) FROM chunk WHERE account_id = $1) AS chunks, "
            "(SELECT count(*) FROM callback WHERE shard_key = $1 AND state = 'waiting') AS callbacks",
            account_id,
        )
        return {name: count for name, count in found[0].items() if count}

    await until_found("under way", under_way)
    for step in ("2 minutes", "12 hours"):
        await rows(at, f"UPDATE account SET clock_offset = clock_offset + interval '{step}' WHERE account_id = $1", account_id)
        if step == "2 minutes":
            time.sleep(2)
            await until_found("under way again", under_way)
    await until_found("open", open_ends)


async def test_whatever_is_killed_nobody_is_lost_and_nobody_is_written_to_twice_unreported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seed = int(os.environ.get("CARILLON_CHAOS_SEED", "0")) or random.randrange(10**6)  # noqa: S311 - moments of kills
    print(f"seed {seed}")  # shown when the test fails
    rng = random.Random(seed)  # noqa: S311 - the same
    monkeypatch.setenv("CARILLON_OUTBOUND_ALLOW", "127.0.0.0/8")
    monkeypatch.setenv("CARILLON_CARRIER_SECRET", "secret")
    requests, receiver = Requests(), CallbackReceiver()
    with contextlib.closing(receiver), home() as at:
        smsc = Smsc(at.place, free_port(), rng)
        all_of_it = Installation(at=at, smsc=smsc, rng=rng, api_port=free_port())
        senders: list[Sender] = []
        try:
            for name in ("smsc", "api", "worker 1", "worker 2"):
                all_of_it.start(name)
            for process in all_of_it.running.values():
                until(lambda process=process: process.greets, "the greeting")  # type: ignore[misc]
            account_id, key = open_account(at, smsc)
            url = f"http://127.0.0.1:{all_of_it.api_port}"
            token = token_of(url, key)
            senders += [apifon_sender(url, token, receiver.url, requests, random.Random(rng.random())) for _ in range(2)]  # noqa: S311
            senders.append(command_sender(at, account_id, TrafficClass.OTP, 5, requests, 0.5))
            senders.append(command_sender(at, account_id, TrafficClass.MARKETING, 120, requests, 1.0))
            for one in senders:
                one.start()
            all_of_it.chaos(CHAOS_SECONDS)
            stop(senders)
            senders = []
            print("killed", dict(all_of_it.kills))
            await settle(at, smsc, account_id)
            await prove(at, smsc, requests, receiver, account_id)
            books = subprocess.run([str(CARILLON), "verify", "--data-dir", str(at.data_dir)], capture_output=True, text=True, check=False)
            assert (books.returncode, books.stdout) == (0, books.stdout), books.stdout + books.stderr
            all_of_it.stop()
            assert at.left() == []
        except BaseException:
            keep = os.environ.get("CARILLON_CHAOS_KEEP")
            if keep:
                stop(senders)
                for process in at.processes:
                    if process.popen.poll() is None:
                        process.popen.kill()
                        process.popen.wait()
                shutil.copytree(at.place, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("postgres", "run"))
            raise
        finally:
            stop(senders)
            smsc.kill()
            print(*all_of_it.ended, sep="\n")


async def prove(at: Home, smsc: Smsc, requests: Requests, receiver: CallbackReceiver, account_id: int) -> None:
    found = await rows(at, MESSAGES, account_id)
    events: defaultdict[str, list[str]] = defaultdict(list)
    for row in await rows(at, EVENTS, account_id):
        events[row["message_id"]].append(row["kind"])
    taken = smsc.taken()
    by_number = {row["address"]: row for row in found}
    wrong: list[object] = list(requests.strange)
    for asked in requests.asked:
        there = [one in by_number for one in asked.numbers]
        if not (all(there) if asked.acknowledged else all(there) or not any(there)):
            wrong.append(("lost", asked))
    if len(by_number) != len(found):
        wrong.append(("accepted twice", len(found) - len(by_number)))
    counts: Counter[tuple[str, str, str]] = Counter()
    for row in found:
        told = events[row["message_id"]]
        times, uncertain = taken.get(row["address"], 0), told.count("uncertain")
        traffic_class = TrafficClass(row["traffic_class"])
        counts[traffic_class.name, row["state"], f"taken {times}"] += 1
        most = 1 + uncertain if traffic_class.is_repeated_when_lost else 1
        is_right = row["state"] == "delivered" and 1 <= times <= most
        if row["state"] == "unknown" and traffic_class is TrafficClass.MARKETING:
            is_right = times == 0 and uncertain > 0
        if not is_right or row["money"] != ("captured" if row["state"] == "delivered" else "released"):
            wrong.append((traffic_class.name, row["address"], row["state"], row["money"], times, told))
        if row["endpoint_id"] is not None:
            expected = [TOLD[kind] for kind in told if kind in TOLD]
            heard = list(dict.fromkeys(receiver.statuses[row["message_id"]]))
            if heard != expected:
                wrong.append(("told", row["address"], told, receiver.statuses[row["message_id"]]))
    unknown_to_us = taken.keys() - by_number.keys()
    if unknown_to_us:
        wrong.append(("sent for nobody", unknown_to_us))
    print(f"{len(requests.asked)} requests, {sum(one.acknowledged for one in requests.asked)} acknowledged, {len(found)} messages, {sum(taken.values())} taken, {receiver.calls} callbacks")
    for key in sorted(counts):
        print(*key, counts[key])
    assert not wrong, f"{len(wrong)} wrong: {wrong[:20]}"
