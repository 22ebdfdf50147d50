"""Twenty clients of all dialects on the same few contacts: nothing fails, nothing doubles, nothing disagrees."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import asyncpg
import httpx
from tests.dialects.keyboards import Keyboards
from tests.journeys.wholeness import all_worked_off, whats_wrong

from carillon.audience.upload_worker import UploadWorker
from carillon.db.database import Database

CLIENTS = 20
CALLS = 25
PEOPLE = 12
GROUPS = ("Readers", "Buyers")
# These are about one contact by its id, which the others may have deleted every time.
OF_ONE_CONTACT = {"nrs_change", "nrs_delete", "inwise_read"}


class Racer:
    """A client that makes random calls about everybody's contacts, through any dialect."""

    def __init__(self, seed: int, keyboards: Keyboards) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - sample calls
        self._keyboards = keyboards
        self.statuses: Counter[tuple[str, int]] = Counter()
        self.ids: set[int] = set()
        self.calls: tuple[Callable[[], Awaitable[httpx.Response]], ...] = (
            self._inforu_write,
            self._inforu_unsubscribe,
            self._inforu_delete,
            self._nrs_create,
            self._nrs_change,
            self._nrs_delete,
            self._nrs_block,
            self._inwise_write,
            self._inwise_batch,
            self._inwise_read,
            self._apifon_block,
            self._apifon_unblock,
        )

    async def run(self) -> None:
        """Make the calls, one after another."""
        for _ in range(CALLS):
            call = self._rng.choice(self.calls)
            reply = await call()
            self.statuses[call.__name__.strip("_"), reply.status_code] += 1

    def _phone(self) -> str:
        return f"97252500{self._rng.randrange(PEOPLE):04d}"

    def _email(self) -> str:
        return f"person.{self._rng.randrange(PEOPLE)}@example.com"

    def _id(self) -> int:
        return self._rng.choice(sorted(self.ids)[-3:]) if self.ids else 1

    def _know(self, reply: httpx.Response) -> httpx.Response:
        if reply.is_success and isinstance(found := reply.json().get("id"), int):
            self.ids.add(found)
        return reply

    async def _inforu_write(self) -> httpx.Response:
        row = {"PhoneNumber": f"+{self._phone()}", "Email": self._email(), "AddToGroupName": self._rng.choice(GROUPS)}
        rows = [dict(row, FirstName=f"Name {number}") for number in range(self._rng.randint(1, 14))]
        return await self._keyboards.call_inforu("CreateOrUpdateContacts", {"List": rows})

    async def _inforu_unsubscribe(self) -> httpx.Response:
        items = [{"Type": "Phone", "Value": f"+{self._phone()}"}, {"Type": "Email", "Value": self._email()}]
        return await self._keyboards.call_inforu("Unsubscribe", {"UnsubscribeReason": "Asked", "List": items})

    async def _inforu_delete(self) -> httpx.Response:
        items = [{"Type": "Email", "Value": self._email()}]
        return await self._keyboards.call_inforu("DeleteContacts", {"List": items})

    async def _nrs_create(self) -> httpx.Response:
        contact: dict[str, object] = {"phone": self._phone(), "countryIso": "IL"}
        contact["groupsNames"] = [self._rng.choice(GROUPS)]
        if self._rng.random() < 0.5:
            contact["email"] = self._email()
        return self._know(await self._keyboards.nrs("POST", "/contacts", contact))

    async def _nrs_change(self) -> httpx.Response:
        contact_id = self._id()
        contact = {"email": f"changed.{contact_id}@example.com", "groupsNames": [self._rng.choice(GROUPS)]}
        return await self._keyboards.nrs("PUT", f"/contacts/{contact_id}", contact)

    async def _nrs_delete(self) -> httpx.Response:
        return await self._keyboards.nrs("DELETE", f"/contacts/{self._id()}")

    async def _nrs_block(self) -> httpx.Response:
        return await self._keyboards.nrs("PUT", "/v2/blacklist/mailing", {"recipient": self._email()})

    async def _inwise_write(self) -> httpx.Response:
        contact = {"mobile_number": self._phone(), "email": self._email()}
        return self._know(await self._keyboards.inwise("POST", "/contacts", contact))

    async def _inwise_batch(self) -> httpx.Response:
        lines = [f"{self._email()},{self._phone()}" for _ in range(20)]
        mappings = [
            {"field_name": "[Email]", "file_column_name": "Mail"},
            {"field_name": "[MobileNumber]", "file_column_name": "Mobile"},
        ]
        batch = {"csv_file": "\n".join(["Mail,Mobile", *lines]), "fields_mapping": mappings}
        return await self._keyboards.inwise("POST", "/contacts/batchInsert", batch)

    async def _inwise_read(self) -> httpx.Response:
        return await self._keyboards.inwise("GET", f"/contacts/{self._id()}")

    async def _apifon_block(self) -> httpx.Response:
        block = {"destination": self._phone(), "reason": "sub_requested"}
        return await self._keyboards.apifon("POST", "/bounce/subscriber/block", block)

    async def _apifon_unblock(self) -> httpx.Response:
        return await self._keyboards.apifon("DELETE", f"/bounce/subscriber/unblock/{self._phone()}")


async def test_twenty_clients_of_all_dialects_leave_a_whole_database(
    keyboards: Keyboards, db: Database, dsn: str
) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - sample calls
    print(f"seed {seed}")  # shown when the test fails
    worker = UploadWorker(db, poll_seconds=0.05, report_days=30)
    working = asyncio.create_task(worker.run())
    racers = [Racer(seed + number, keyboards) for number in range(CLIENTS)]
    await asyncio.gather(*(racer.run() for racer in racers))
    connection = await asyncpg.connect(dsn)
    try:
        await all_worked_off(connection)
        worker.stop()
        await working
        statuses = sum((racer.statuses for racer in racers), Counter[tuple[str, int]]())
        print(sorted(statuses.items()))
        assert [outcome for outcome in statuses if outcome[1] >= HTTPStatus.INTERNAL_SERVER_ERROR] == []
        made = {call.__name__.strip("_") for call in racers[0].calls}
        done = {name for name, status in statuses if status < HTTPStatus.MULTIPLE_CHOICES}
        assert made - done <= OF_ONE_CONTACT
        assert statuses.total() == CLIENTS * CALLS
        assert await whats_wrong(connection) == {}
        known = "SELECT count(*) FROM contact WHERE phone IS NOT NULL AND account_id > 0"
        assert 0 < await connection.fetchval(known) <= PEOPLE
    finally:
        await connection.close()
