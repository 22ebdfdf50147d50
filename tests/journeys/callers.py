"""Clients of all dialects that never give up, and a ledger of what they have sent and what of it was acknowledged."""

import base64
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import httpx
from tests.journeys.serving import BASE, answer, body

GROUPS = ("Readers", "Buyers", "Guests")
MEMBERS = "Members"
"""The group of those that come through a dialect that names groups by their ids."""

_BATCH_COLUMNS = {"Mail": "[Email]", "Mobile": "[MobileNumber]", "First": "field1"}


@dataclass(slots=True)
class Sent:
    """A batch of new contacts: the numbers that tell them apart, the name that tells the batch, an upload's token."""

    dialect: str
    numbers: range
    group: str | None
    acknowledged: bool = False
    token: str | None = None
    new: int = 0

    @property
    def name(self) -> str:
        """The first name of all of its contacts."""
        return f"Batch {self.numbers[0]}"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Apis:
    """How the dialects let a caller in, and what they call the account's list and its group of members."""

    headers: Mapping[str, Mapping[str, str]]
    list_id: str
    option: str
    group_id: int


def open_apis(url: str, keys: Mapping[str, str], inforu: tuple[str, str]) -> Apis:
    """Take a token, and make the field and the group that callers use; `keys` are the demo account's."""
    headers = {
        "inforu": {"Authorization": _basic(*inforu)},
        "nrs": {"Authorization": _basic(keys["NRS_USERNAME"], keys["NRS_PASSWORD"])},
        "inwise": {"X-API-Key": keys["INWISE_KEY"]},
        "devino": {"Authorization": f"Key {keys['DEVINO_KEY']}"},
    }
    with httpx.Client(base_url=url, timeout=60) as client:
        client_of_apifon = (keys["APIFON_CLIENT_ID"], keys["APIFON_CLIENT_SECRET"])
        token = client.post("/oauth2/token", auth=client_of_apifon).json()["access_token"]
        headers["apifon"] = {"Authorization": f"Bearer {token}"}
        lists = client.get("/address-book-api/contact-groups", headers=headers["devino"]).json()["result"]
        place = f"/services/api/v1/list/{lists[0]['contactGroupId']}"

        def make(path: str, made: object) -> str:
            reply = client.post(f"{place}{path}", json=made, headers=headers["apifon"])
            assert reply.status_code == 201, reply.text
            return str(reply.headers["location"]).rpartition("/")[2]

        make("/field", {"name": "First Name", "type": "TEXT", "length": 50})
        option = make(f"/{make('/group', {'name': 'Kinds', 'type': 'GROUP'})}/option", {"name": MEMBERS})
    with httpx.Client(base_url=f"{url}{BASE}", auth=inforu, timeout=60) as client:
        found = answer(client, "GetGroup", {"GetGroupBy": "GroupName", "Value": MEMBERS})
    return Apis(
        headers=headers, list_id=lists[0]["contactGroupId"], option=option, group_id=found["List"][0]["GroupId"]
    )


def _basic(name: str, secret: str) -> str:
    return f"Basic {base64.b64encode(f'{name}:{secret}'.encode()).decode()}"


class Caller(threading.Thread):
    """A client that never gives up: it goes on to the next call whatever became of the last."""

    def __init__(self, number: int, seed: float, ledger: Ledger, apis: Apis) -> None:
        super().__init__(name=f"caller {number}")
        self._url = ""
        self._may_go_on = threading.Event()
        self._client = httpx.Client(timeout=30)
        self._numbers = count(number * 1_000_000)
        self._rng = random.Random(seed)  # noqa: S311 - sample calls
        self._ledger = ledger
        self._apis = apis
        self._calls: list[Callable[[], None]] = [
            self._inforu_few,
            self._inforu_many,
            self._inforu_many,
            self._inforu_unsubscribe,
            self._inforu_group,
            self._nrs_create,
            self._inwise_create,
            self._inwise_batch,
            self._devino_upload,
            self._apifon_add,
            self._apifon_bulk,
        ]
        self.stopping = threading.Event()

    def go_on_at(self, url: str) -> None:
        """Tell it where the server answers."""
        self._url = url
        self._may_go_on.set()

    def run(self) -> None:
        """Make all calls in ever new orders, until it is stopped."""
        with self._client:
            while not self.stopping.is_set():
                for call in self._rng.sample(self._calls, len(self._calls)):
                    if not self.stopping.is_set():
                        call()

    def _post(self, dialect: str, path: str, asked: object) -> httpx.Response | None:
        """Return a reply that acknowledges, or None where it can't be known what became of the call."""
        try:
            reply = self._client.post(f"{self._url}{path}", json=asked, headers=self._apis.headers[dialect])
        except httpx.TransportError:
            self._may_go_on.clear()
            self._may_go_on.wait(1)
            return None
        if reply.is_success:
            return reply
        # 360NRS has a 500 of its own for a database that can't be reached; what may be tried again says so.
        if reply.status_code != httpx.codes.SERVICE_UNAVAILABLE and "retry-after" not in reply.headers:
            self._ledger.strange.append((path, reply.status_code, reply.text))
        return None

    def _new(self, dialect: str, rows: int, group: str | None) -> Sent:
        """Write a batch of new contacts down before it is sent."""
        first = next(self._numbers)
        for _ in range(rows - 1):
            next(self._numbers)
        sent = Sent(dialect=dialect, numbers=range(first, first + rows), group=group)
        self._ledger.batches.append(sent)
        return sent

    def _some(self) -> int:
        return self._rng.randint(2, 200)

    def _inforu(self, function: str, data: object) -> Any:
        """Return the function's Data, or None where it can't be known what became of the call."""
        reply = self._post("inforu", f"{BASE}{function}", body(data))
        if reply is None:
            return None
        if reply.json()["StatusId"] != 1:
            self._ledger.strange.append(reply.json())
        return reply.json()["Data"]

    def _inforu_rows(self, rows: int) -> None:
        sent = self._new("inforu", rows, self._rng.choice(GROUPS))
        contacts = [
            {
                "PhoneNumber": f"0{phone(number)}",
                "Email": email(number),
                "FirstName": sent.name,
                "AddToGroupName": sent.group,
            }
            for number in sent.numbers
        ]
        replied = self._inforu("CreateOrUpdateContacts", {"List": contacts})
        if replied is not None:
            sent.token = replied.get("RequestToken")
            sent.new = replied.get("ContactsNew", 0)
            sent.acknowledged = True

    def _inforu_few(self) -> None:
        self._inforu_rows(self._rng.randint(1, 10))

    def _inforu_many(self) -> None:
        self._inforu_rows(self._rng.randint(200, 500))

    def _inforu_unsubscribe(self) -> None:
        number = next(self._numbers)
        item = {"Type": "Phone", "Value": f"0{phone(number)}"}
        if self._inforu("Unsubscribe", {"UnsubscribeReason": "Asked", "List": [item]}) is not None:
            self._ledger.unsubscribed.append(number)

    def _inforu_group(self) -> None:
        name = f"Group {next(self._numbers)}"
        self._ledger.groups_tried.append(name)
        if self._inforu("CreateOrUpdateGroup", {"GroupName": name}) is not None:
            self._ledger.groups.append(name)

    def _nrs_create(self) -> None:
        sent = self._new("nrs", 1, self._rng.choice(GROUPS))
        (number,) = sent.numbers
        contact = {"phone": phone(number), "countryIso": "IL", "email": email(number), "name": sent.name}
        if self._post("nrs", "/api/rest/contacts", {**contact, "groupsNames": [sent.group]}):
            sent.acknowledged, sent.new = True, 1

    def _inwise_create(self) -> None:
        sent = self._new("inwise", 1, MEMBERS)
        (number,) = sent.numbers
        contact = {
            "mobile_number": f"972{phone(number)}",
            "email": email(number),
            "fields": [{"name": "field1", "content": sent.name}],
            "add_to_groups_ids": [self._apis.group_id],
        }
        if self._post("inwise", "/rest/v1/contacts", contact):
            sent.acknowledged, sent.new = True, 1

    def _inwise_batch(self) -> None:
        sent = self._new("inwise", self._some(), MEMBERS)
        lines = [f"{email(number)},0{phone(number)},{sent.name}" for number in sent.numbers]
        batch = {
            "csv_file": "\n".join([",".join(_BATCH_COLUMNS), *lines]),
            "fields_mapping": [
                {"field_name": name, "file_column_name": column} for column, name in _BATCH_COLUMNS.items()
            ],
            "group_id": self._apis.group_id,
        }
        if reply := self._post("inwise", "/rest/v1/contacts/batchInsert", batch):
            sent.acknowledged, sent.new = True, reply.json()["created"]

    def _devino_upload(self) -> None:
        sent = self._new("devino", self._some(), None)
        contacts = [
            {
                "phone": f"972{phone(number)}",
                "email": email(number),
                "fields": [{"name": "name", "value": sent.name}],
            }
            for number in sent.numbers
        ]
        upload = {"contactGroupId": self._apis.list_id, "contacts": contacts}
        if reply := self._post("devino", "/address-book-api/contacts/batch", upload):
            sent.acknowledged, sent.new = True, sum(one["code"] == "OK" for one in reply.json()["result"])

    def _apifon_add(self) -> None:
        sent = self._new("apifon", 1, MEMBERS)
        if self._post("apifon", self._subscribers(), self._subscriber(sent, sent.numbers[0])):
            sent.acknowledged, sent.new = True, 1

    def _apifon_bulk(self) -> None:
        sent = self._new("apifon", self._some(), MEMBERS)
        rows = [self._subscriber(sent, number) for number in sent.numbers]
        if self._post("apifon", f"{self._subscribers()}/bulk", {"subscribers": rows}):
            sent.acknowledged, sent.new = True, len(sent.numbers)  # it doesn't tell what became of them

    def _subscribers(self) -> str:
        return f"/services/api/v1/list/{self._apis.list_id}/subscriber"

    def _subscriber(self, sent: Sent, number: int) -> dict[str, object]:
        return {
            "destination": f"972{phone(number)}",
            "email": email(number),
            "subscriber_fields": {"FIRST_NAME": sent.name},
            "groupOptions": [self._apis.option],
        }


def phone(number: int) -> str:
    """Return a caller's number as it is dialled in Israel, but for the zero."""
    return f"52{number:07d}"


def email(number: int) -> str:
    """Return the e-mail address that goes with a number."""
    return f"caller.{number}@example.com"
