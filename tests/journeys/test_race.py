"""Twenty clients at once on the same few contacts: nothing fails, nothing doubles, nothing disagrees."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
from tests.journeys.serving import BASE, body, home
from tests.journeys.wholeness import all_processed, whats_wrong

from carillon.db.embedded import running_dsn

CLIENTS = 20
CALLS = 25
PEOPLE = 12
GROUPS = ("Readers", "Buyers", "Guests")
SUCCESS = 1


class Racer:
    """A client that makes random calls about everybody's contacts."""

    def __init__(self, seed: int, client: httpx.AsyncClient) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - sample calls
        self._client = client
        self.outcomes: Counter[tuple[str, int, int]] = Counter()
        self._calls: tuple[Callable[[], tuple[str, object]], ...] = (
            self._write,
            self._write,
            self._upload,
            self._unsubscribe,
            self._reactivate,
            self._delete,
            self._regroup,
            self._read,
        )

    async def run(self) -> None:
        """Make the calls, one after another."""
        for _ in range(CALLS):
            function, data = self._rng.choice(self._calls)()
            reply = await self._client.post(f"{BASE}{function}", json=body(data))
            envelope: dict[str, Any] = reply.json()
            self.outcomes[function, reply.status_code, envelope["StatusId"]] += 1

    def _row(self) -> dict[str, object]:
        """Return a row whose phone, e-mail and id may be three different people's."""
        row: dict[str, object] = {"FirstName": f"Name {self._rng.randrange(5)}", "PhoneNumber": self._phone()}
        if self._rng.random() < 0.6:
            row["Email"] = self._email()
        if self._rng.random() < 0.3:
            row |= {"ContactRefId": f"ref-{self._rng.randrange(PEOPLE)}"}
        if self._rng.random() < 0.3:
            row |= {
                "FirebaseToken": f"device {self._rng.randrange(PEOPLE)}",
                "Platform": self._rng.choice(("Android", "iOS")),
            }
        row[self._rng.choice(("AddToGroupName", "RemoveFromGroupName"))] = self._rng.choice(GROUPS)
        if self._rng.random() < 0.1:
            row["PhoneNumber" if "Email" in row else "FirstName"] = "delete"
        return row

    def _phone(self) -> str:
        return f"05250000{self._rng.randrange(PEOPLE):02d}"

    def _email(self) -> str:
        return f"person.{self._rng.randrange(PEOPLE)}@example.com"

    def _item(self) -> dict[str, str]:
        if self._rng.random() < 0.5:
            return {"Type": "Phone", "Value": self._phone()}
        return {"Type": "Email", "Value": self._email()}

    def _write(self) -> tuple[str, object]:
        return "CreateOrUpdateContacts", {"List": [self._row() for _ in range(self._rng.randint(1, 10))]}

    def _upload(self) -> tuple[str, object]:
        return "CreateOrUpdateContacts", {"List": [self._row() for _ in range(self._rng.randint(11, 60))]}

    def _unsubscribe(self) -> tuple[str, object]:
        return "Unsubscribe", {"UnsubscribeReason": "Asked", "List": [self._item() for _ in range(3)]}

    def _reactivate(self) -> tuple[str, object]:
        return "ReactivateUnsubscribe", {"ReactivationReason": "Asked", "List": [self._item() for _ in range(3)]}

    def _delete(self) -> tuple[str, object]:
        return "DeleteContacts", {"List": [self._item() for _ in range(2)]}

    def _regroup(self) -> tuple[str, object]:
        if self._rng.random() < 0.5:
            return "CreateOrUpdateGroup", {"GroupName": self._rng.choice(GROUPS)}
        how = self._rng.choice(("WithoutDeleteContacts", "WithDeleteContacts", "EmptyGroupOnly"))
        return "DeleteGroup", {"DeleteGroupBy": "GroupName", "Value": self._rng.choice(GROUPS), "Configuration": how}

    def _read(self) -> tuple[str, object]:
        if self._rng.random() < 0.5:
            return "GetContact", {**self._item(), "Configuration": "WithGroups"}
        return "GetGroup", {"GetGroupBy": "GroupName", "Value": self._rng.choice(GROUPS)}


async def test_twenty_clients_on_the_same_contacts_leave_a_whole_database() -> None:
    seed = random.randrange(10**6)  # noqa: S311 - sample calls
    print(f"seed {seed}")  # shown when the test fails
    with home() as place:
        process = place.serve()
        credential = place.unlimited()
        limits = httpx.Limits(max_connections=CLIENTS)
        async with httpx.AsyncClient(base_url=process.url, auth=credential, timeout=60, limits=limits) as client:
            racers = [Racer(seed + number, client) for number in range(CLIENTS)]
            await asyncio.gather(*(racer.run() for racer in racers))
        outcomes = sum((racer.outcomes for racer in racers), Counter[tuple[str, int, int]]())
        # -404 and -409: the group was gone, or had members.
        expected = {SUCCESS, -404, -409}
        assert [outcome for outcome in outcomes if outcome[1] != 200 or outcome[2] not in expected] == []
        assert outcomes.total() == CLIENTS * CALLS
        connection = await asyncpg.connect(running_dsn(place.data_dir))
        try:
            await all_processed(connection)
            assert await whats_wrong(connection) == {}
            assert 0 < await connection.fetchval("SELECT count(*) FROM contact WHERE account_id > 0") <= 3 * PEOPLE
        finally:
            await connection.close()
        assert process.end() == 0
        assert "Traceback" not in process.log
        assert '"exception"' not in process.log
