"""Twenty clients of all dialects on the same few contacts: nothing fails, nothing doubles, nothing disagrees."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import asyncpg
import httpx
from tests.dialects.keyboards import Keyboards
from tests.journeys.wholeness import all_worked_off, whats_wrong
from tests.support import Tenant

from carillon.audience.upload_worker import UploadWorker
from carillon.db.database import Database

CLIENTS = 20
CALLS = 25
PEOPLE = 12
GROUPS = ("Readers", "Buyers")


class Racer:
    """A client that makes random calls about everybody's contacts, through any dialect."""

    def __init__(self, seed: int, keyboards: Keyboards, audience_id: int, stop_list: str) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - sample calls
        self._keyboards = keyboards
        self._audience_id = audience_id
        self._stop_list = stop_list
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
            self._apifon_add,
            self._apifon_bulk,
            self._apifon_archive,
            self._apifon_read,
            self._devino_upload,
            self._devino_stop,
            self._devino_read,
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

    @property
    def _subscribers(self) -> str:
        return f"/list/{self._audience_id}/subscriber"

    async def _apifon_add(self) -> httpx.Response:
        strange = {"email": f"added.{self._rng.randrange(10**9)}@example.com"}
        known = {"destination": f"+{self._phone()}"}
        return await self._keyboards.apifon("POST", self._subscribers, self._rng.choice([strange, known]))

    async def _apifon_bulk(self) -> httpx.Response:
        rows = [{"destination": f"+{self._phone()}", "email": self._email(), "groupOptions": []} for _ in range(5)]
        body = {"subscribers": rows, "update_on_duplicate": self._rng.random() < 0.5}
        return await self._keyboards.apifon("POST", f"{self._subscribers}/bulk", body)

    async def _apifon_archive(self) -> httpx.Response:
        digest = hashlib.md5(self._phone().encode(), usedforsecurity=False).hexdigest()
        return await self._keyboards.apifon("DELETE", f"{self._subscribers}/{digest}")

    async def _apifon_read(self) -> httpx.Response:
        return await self._keyboards.apifon("GET", f"{self._subscribers}?fields=form_urls,groupOptions")

    async def _devino_upload(self) -> httpx.Response:
        contacts = [{"phone": self._phone(), "email": self._email()} for _ in range(3)]
        body = {"contactGroupId": self._audience_id, "contacts": contacts, "duplicateCheckField": "phone"}
        return await self._keyboards.call_devino("POST", "/contacts/batch", body)

    async def _devino_stop(self) -> httpx.Response:
        body = {"contactGroupId": self._stop_list, "contacts": [{"phone": self._phone(), "email": self._email()}]}
        return await self._keyboards.call_devino("POST", "/contacts/batch", body)

    async def _devino_read(self) -> httpx.Response:
        path = f"/contacts/http/range?contactGroupId={self._audience_id}&subscriptionState=UNSUBSCRIBED"
        return await self._keyboards.call_devino("GET", path)


async def test_twenty_clients_of_all_dialects_leave_a_whole_database(
    keyboards: Keyboards, db: Database, dsn: str, account: Tenant
) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - sample calls
    print(f"seed {seed}")  # shown when the test fails
    worker = UploadWorker(db, poll_seconds=0.05, report_days=30)
    working = asyncio.create_task(worker.run())
    stop_list = await keyboards.devino("POST", "/contact-groups", {"name": "Stop", "type": "STOPLIST"})
    racers = [Racer(seed + number, keyboards, account.audience_id, stop_list) for number in range(CLIENTS)]
    await asyncio.gather(*(racer.run() for racer in racers))
    connection = await asyncpg.connect(dsn)
    try:
        await all_worked_off(connection)
        worker.stop()
        await working
        statuses = sum((racer.statuses for racer in racers), Counter[tuple[str, int]]())
        print(sorted(statuses.items()))
        assert [outcome for outcome in statuses if outcome[1] >= HTTPStatus.INTERNAL_SERVER_ERROR] == []
        assert len({name for name, status in statuses if status < HTTPStatus.MULTIPLE_CHOICES}) == len(racers[0].calls)
        assert statuses.total() == CLIENTS * CALLS
        assert await whats_wrong(connection) == {}
        known = "SELECT count(*) FROM contact WHERE phone IS NOT NULL AND account_id > 0 AND audience_id = $1"
        assert 0 < await connection.fetchval(known, account.audience_id) <= PEOPLE
    finally:
        await connection.close()
