"""Twenty clients of all dialects on the same few contacts: nothing fails, nothing doubles, nothing disagrees."""

import asyncio
import hashlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import asyncpg
import httpx
import pytest
from tests.background import uploads_processed
from tests.dialects.clients import DialectClients
from tests.journeys.wholeness import UNSUBSCRIBED_BY_ITS_LIST, all_processed, whats_wrong

from carillon.db.database import Database

CLIENTS = 20
CALLS = 40
PEOPLE = 12
GROUPS = ("Readers", "Buyers")
# These are about one contact by its id, which the others may have deleted every time.
OF_ONE_CONTACT = {
    *("nrs_change", "nrs_delete", "inwise_read", "apifon_change", "apifon_unsubscribe", "apifon_remove"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the racers know: the default list, where all dialects meet, a stop list, and what comes and goes."""

    default: str
    stop: str
    lists: list[str] = field(default_factory=list)
    ids: list[int] = field(default_factory=list)


class Racer:
    """A client that makes random calls about everybody's contacts, through any dialect."""

    def __init__(self, seed: int, clients: DialectClients, known: Known) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - sample calls
        self._clients = clients
        self._known = known
        self.statuses: Counter[tuple[str, int]] = Counter()
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
            self._apifon_change,
            self._apifon_unsubscribe,
            self._apifon_remove,
            self._devino_upload,
            self._devino_upload,
            self._devino_stop,
            self._devino_make_list,
            self._devino_delete_list,
            self._devino_read,
        )

    async def run(self) -> None:
        """Make the calls, one after another."""
        for _ in range(CALLS):
            call = self._rng.choice(self.calls)
            reply = await call()
            self.statuses[call.__name__.strip("_"), reply.status_code] += 1

    def _phone(self, people: int = PEOPLE) -> str:
        return f"97252500{self._rng.randrange(people):04d}"

    def _email(self) -> str:
        return f"person.{self._rng.randrange(PEOPLE)}@example.com"

    def _id(self) -> int:
        return self._rng.choice(self._known.ids[-3:] or [1])

    def _know(self, reply: httpx.Response) -> httpx.Response:
        if reply.is_success and isinstance(found := reply.json().get("id"), int):
            self._known.ids.append(found)
        return reply

    async def _inforu_write(self) -> httpx.Response:
        row = {"PhoneNumber": f"+{self._phone()}", "Email": self._email(), "AddToGroupName": self._rng.choice(GROUPS)}
        rows = [dict(row, FirstName=f"Name {number}") for number in range(self._rng.randint(1, 14))]
        return await self._clients.call_inforu("CreateOrUpdateContacts", {"List": rows})

    async def _inforu_unsubscribe(self) -> httpx.Response:
        items = [{"Type": "Phone", "Value": f"+{self._phone()}"}, {"Type": "Email", "Value": self._email()}]
        return await self._clients.call_inforu("Unsubscribe", {"UnsubscribeReason": "Asked", "List": items})

    async def _inforu_delete(self) -> httpx.Response:
        items = [{"Type": "Email", "Value": self._email()}]
        return await self._clients.call_inforu("DeleteContacts", {"List": items})

    async def _nrs_create(self) -> httpx.Response:
        contact: dict[str, object] = {"phone": self._phone(), "countryIso": "IL"}
        contact["groupsNames"] = [self._rng.choice(GROUPS)]
        if self._rng.random() < 0.5:
            contact["email"] = self._email()
        return self._know(await self._clients.nrs("POST", "/contacts", contact))

    async def _nrs_change(self) -> httpx.Response:
        contact_id = self._id()
        contact = {"email": f"changed.{contact_id}@example.com", "groupsNames": [self._rng.choice(GROUPS)]}
        return await self._clients.nrs("PUT", f"/contacts/{contact_id}", contact)

    async def _nrs_delete(self) -> httpx.Response:
        return await self._clients.nrs("DELETE", f"/contacts/{self._id()}")

    async def _nrs_block(self) -> httpx.Response:
        return await self._clients.nrs("PUT", "/v2/blacklist/mailing", {"recipient": self._email()})

    async def _inwise_write(self) -> httpx.Response:
        contact = {"mobile_number": self._phone(), "email": self._email()}
        return self._know(await self._clients.inwise("POST", "/contacts", contact))

    async def _inwise_batch(self) -> httpx.Response:
        lines = [f"{self._email()},{self._phone()}" for _ in range(20)]
        mappings = [
            {"field_name": "[Email]", "file_column_name": "Mail"},
            {"field_name": "[MobileNumber]", "file_column_name": "Mobile"},
        ]
        batch = {"csv_file": "\n".join(["Mail,Mobile", *lines]), "fields_mapping": mappings}
        return await self._clients.inwise("POST", "/contacts/batchInsert", batch)

    async def _inwise_read(self) -> httpx.Response:
        return await self._clients.inwise("GET", f"/contacts/{self._id()}")

    async def _apifon_block(self) -> httpx.Response:
        block = {"destination": self._phone(), "reason": "sub_requested"}
        return await self._clients.apifon("POST", "/bounce/subscriber/block", block)

    async def _apifon_unblock(self) -> httpx.Response:
        return await self._clients.apifon("DELETE", f"/bounce/subscriber/unblock/{self._phone()}")

    def _subscriber(self, people: int = PEOPLE) -> dict[str, object]:
        """Return a subscriber whose phone and e-mail may be two different people's."""
        subscriber: dict[str, object] = {"destination": self._phone(people), "status": self._status()}
        if self._rng.random() < 0.5:
            subscriber |= {"email": self._email(), "email_status": self._status()}
        return subscriber

    def _status(self) -> str:
        return self._rng.choice(("UNSUBSCRIBED", "UNSUBSCRIBED", "SUBSCRIBED"))

    async def _subscribers(self, method: str, path: str, body: object = None) -> httpx.Response:
        return await self._clients.apifon(method, f"/list/{self._known.default}/subscriber{path}", body)

    def _digest(self) -> str:
        address = self._rng.choice((self._phone, self._email))()
        return hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()

    async def _apifon_add(self) -> httpx.Response:
        # Whoever is there already is refused: some of these are nobody else's.
        return await self._subscribers("POST", "", self._subscriber(PEOPLE + CLIENTS))

    async def _apifon_bulk(self) -> httpx.Response:
        rows = [self._subscriber() for _ in range(self._rng.randint(1, 14))]
        update = self._rng.random() < 0.5
        return await self._subscribers("POST", "/bulk", {"subscribers": rows, "update_on_duplicate": update})

    async def _apifon_change(self) -> httpx.Response:
        change = self._rng.choice(
            (self._subscriber(), {"email": f"changed.{self._phone()}@example.com"}, {"status": ""})
        )
        return await self._subscribers("PUT", f"/{self._digest()}", change)

    async def _apifon_unsubscribe(self) -> httpx.Response:
        return await self._subscribers("POST", f"/{self._digest()}/unsubscribe")

    async def _apifon_remove(self) -> httpx.Response:
        permanent = self._rng.choice(("true", "true", "false"))
        return await self._subscribers("DELETE", f"/{self._digest()}?permanent={permanent}")

    async def _devino_upload(self) -> httpx.Response:
        contacts = [{"phone": self._phone(), "email": self._email()} for _ in range(self._rng.randint(1, 6))]
        list_id = self._rng.choice([self._known.default, *self._known.lists[-1:]])
        unique = self._rng.choice(("phone", "email", ""))
        body = {"contactGroupId": list_id, "contacts": contacts, "duplicateCheckField": unique}
        return await self._clients.call_devino("POST", "/contacts/batch", body)

    async def _devino_stop(self) -> httpx.Response:
        contacts = [{"phone": self._phone()}, {"email": self._email()}]
        body = {"contactGroupId": self._known.stop, "contacts": contacts}
        return await self._clients.call_devino("POST", "/contacts/batch", body)

    async def _devino_make_list(self) -> httpx.Response:
        reply = await self._clients.call_devino("POST", "/contact-groups", {"name": "Guests", "type": "STANDARD"})
        self._known.lists.append(reply.json()["result"])
        return reply

    async def _devino_delete_list(self) -> httpx.Response:
        ids = self._known.lists.pop() if self._known.lists else "1"
        return await self._clients.call_devino("DELETE", f"/contact-groups?ids={ids}")

    async def _devino_read(self) -> httpx.Response:
        query = f"contactGroupId={self._known.default}&subscriptionState=UNSUBSCRIBED"
        return await self._clients.call_devino("GET", f"/contacts/http/range?{query}")


async def make_lists(clients: DialectClients) -> Known:
    (default,) = [one["contactGroupId"] for one in await clients.devino("GET", "/contact-groups")]
    stop = await clients.devino("POST", "/contact-groups", {"name": "Stop", "type": "STOPLIST"})
    return Known(default=default, stop=stop)


@pytest.fixture
def db(own_db: Database) -> Database:
    """The worker has nothing else to do, and all that is in it is looked at."""
    return own_db


async def test_twenty_clients_of_all_dialects_leave_a_whole_database(
    clients: DialectClients, db: Database, own_dsn: str
) -> None:
    seed = random.randrange(10**6)  # noqa: S311 - sample calls
    print(f"seed {seed}")  # shown when the test fails
    connection = await asyncpg.connect(own_dsn)
    try:
        async with uploads_processed(db):
            known = await make_lists(clients)
            racers = [Racer(seed + number, clients, known) for number in range(CLIENTS)]
            await asyncio.gather(*(racer.run() for racer in racers))
            await all_processed(connection)
        statuses = sum((racer.statuses for racer in racers), Counter[tuple[str, int]]())
        print(sorted(statuses.items()))
        assert [outcome for outcome in statuses if outcome[1] >= HTTPStatus.INTERNAL_SERVER_ERROR] == []
        made = {call.__name__.strip("_") for call in racers[0].calls}
        done = {name for name, status in statuses if status < HTTPStatus.MULTIPLE_CHOICES}
        assert made - done <= OF_ONE_CONTACT
        assert statuses.total() == CLIENTS * CALLS
        # Apifon's subscribers are unsubscribed from their list alone.
        assert await whats_wrong(connection, allowed=UNSUBSCRIBED_BY_ITS_LIST) == {}
        phones = "SELECT count(DISTINCT phone) FROM contact WHERE account_id > 0"
        assert 0 < await connection.fetchval(phones) <= PEOPLE + CLIENTS
    finally:
        await connection.close()
