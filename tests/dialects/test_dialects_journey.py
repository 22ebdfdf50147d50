"""A contact's journey through all five dialects, looked at through all of them after every step."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

import pytest
from tests.dialects.clients import DialectClients
from tests.support import Tenant

PHONE, NATIONAL, MAIL = "972541110001", "0541110001", "ana@mail.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A contact as a dialect shows it; what the vendor has no word for is what all have."""

    contact_id: int
    first_name: str
    groups: tuple[int, ...] = ()
    sms_blocked: bool = False
    email_blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """The clients on one audience, whose list has a field for the first name."""

    clients: DialectClients
    audience_id: int

    async def by_inforu(self, expected: Picture) -> Picture | None:
        asked = {"Type": "Phone", "Value": NATIONAL, "Configuration": "WithGroups"}
        found = (await self.clients.inforu("GetContact", asked))["Contacts"]["List"]
        if not found:
            return None
        (shown,) = found
        return replace(
            expected,
            contact_id=shown["ContactId"],
            first_name=shown["FirstName"],
            groups=tuple(one["GroupId"] for one in shown["Groups"]),
            sms_blocked=shown["PhoneStatusId"] == -2,
            email_blocked=shown["EmailStatusId"] == -2,
        )

    async def by_nrs(self, expected: Picture) -> Picture | None:
        blocked = [
            bool((await self.clients.nrs("GET", f"/v2/blacklist/{kind}")).json()["data"]) for kind in ("sms", "mailing")
        ]
        found = (await self.clients.nrs("GET", f"/contacts?phone={PHONE}&include=groups")).json()["data"]
        if not found:
            return None
        (shown,) = found
        return replace(
            expected,
            contact_id=shown["id"],
            first_name=shown["name"],
            groups=tuple(one["id"] for one in shown["groups"]["data"]),
            sms_blocked=blocked[0],
            email_blocked=blocked[1],
        )

    async def by_inwise(self, expected: Picture) -> Picture | None:
        reply = await self.clients.inwise("GET", f"/contacts/{expected.contact_id}")
        if reply.status_code == 404:
            return None
        shown = reply.json()
        fields = {one["name"]: one["content"] for one in shown["fields"]}
        return replace(expected, contact_id=shown["id"], first_name=fields["field1"], groups=tuple(shown["groups_ids"]))

    async def by_apifon(self, expected: Picture) -> Picture | None:
        digest = hashlib.md5(PHONE.encode(), usedforsecurity=False).hexdigest()
        reply = await self.clients.apifon("GET", f"/list/{self.audience_id}/subscriber/{digest}")
        if reply.status_code == 404:
            return None
        shown = reply.json()
        return replace(
            expected,
            contact_id=int(shown["id"], 16),
            first_name=shown["subscriber_fields"]["FIRST_NAME"],
            groups=tuple(int(one.removeprefix("GROUP_")) for one in shown["groupOptions"]),
            sms_blocked=shown["status"] == "UNSUBSCRIBED",
            email_blocked=shown["email_status"] == "UNSUBSCRIBED",
        )

    async def by_devino(self, expected: Picture) -> Picture | None:
        path = f"/contacts/http/range?contactGroupId={self.audience_id}&queryName=phone&queryValue={PHONE}"
        found = await self.clients.devino("GET", path)
        if not found:
            return None
        (shown,) = found
        for group_id in expected.groups:
            assert await self.clients.devino("GET", f"{path}&segmentId={group_id}") == found
        blocked = {one["dataType"] for one in shown["unsubscribedData"]}
        return replace(
            expected,
            contact_id=int(shown["contactId"].partition("-")[2], 16),
            first_name=next(one["value"][0] for one in shown["fields"] if one["name"] == "name"),
            sms_blocked="PHONE" in blocked,
            email_blocked="EMAIL" in blocked,
        )

    async def all_show(self, expected: Picture) -> None:
        """Expect the contact in every dialect."""
        views: Mapping[str, Callable[[Picture], Awaitable[Picture | None]]] = self.views()
        assert {name: await view(expected) for name, view in views.items()} == dict.fromkeys(views, expected)

    async def none_shows(self, last: Picture) -> None:
        """Expect it in none."""
        assert [await view(last) for view in self.views().values()] == [None] * 5

    def views(self) -> Mapping[str, Callable[[Picture], Awaitable[Picture | None]]]:
        return {
            "inforu": self.by_inforu,
            "nrs": self.by_nrs,
            "inwise": self.by_inwise,
            "apifon": self.by_apifon,
            "devino": self.by_devino,
        }


@pytest.fixture
async def journey(clients: DialectClients, account: Tenant) -> Journey:
    field = {"name": "First Name", "type": "TEXT", "length": 40}
    assert (await clients.apifon("POST", f"/list/{account.audience_id}/field", field)).status_code == 201
    return Journey(clients=clients, audience_id=account.audience_id)


async def test_made_by_inwise_grouped_by_nrs_blocked_by_apifon_queried_by_devino_and_deleted_by_inforu(
    journey: Journey,
) -> None:
    clients = journey.clients
    body = {"mobile_number": PHONE, "email": MAIL, "fields": [{"name": "field1", "content": "Ana"}]}
    contact = Picture(contact_id=(await clients.inwise("POST", "/contacts", body)).json()["id"], first_name="Ana")
    await journey.all_show(contact)

    grouped = {"email": MAIL, "phone": PHONE, "countryIso": "IL", "groupsNames": ["Gold"]}
    assert (await clients.nrs("PUT", f"/contacts/{contact.contact_id}", grouped)).status_code == 200
    (gold,) = (await clients.nrs("GET", "/groups")).json()["data"]
    contact = replace(contact, groups=(gold["id"],))
    await journey.all_show(contact)

    block = {"destination": PHONE, "reason": "sub_requested"}
    assert (await clients.apifon("POST", "/bounce/subscriber/block", block)).status_code == 201
    contact = replace(contact, sms_blocked=True)
    await journey.all_show(contact)

    silent = "subscriptionChannel=SMS&subscriptionState=UNSUBSCRIBED"
    (queried,) = await clients.devino("GET", f"/contacts/http/range?contactGroupId={journey.audience_id}&{silent}")
    assert int(queried["contactId"].partition("-")[2], 16) == contact.contact_id
    await journey.all_show(contact)

    gone = await clients.inforu("DeleteContacts", {"List": [{"Type": "Phone", "Value": NATIONAL}]})
    assert gone["DeletedCount"] == 1
    await journey.none_shows(contact)
    # The block is the address's.
    assert (await clients.apifon("GET", f"/bounce/subscriber/{PHONE}")).status_code == 200


async def test_made_by_devino_grouped_by_inforu_blocked_by_nrs_queried_by_apifon_and_deleted_by_nrs(
    journey: Journey,
) -> None:
    clients = journey.clients
    contact = {"phone": PHONE, "email": MAIL, "fields": [{"name": "name", "value": "Ana"}]}
    upload = {"contactGroupId": str(journey.audience_id), "contacts": [contact]}
    (made,) = await clients.devino("POST", "/contacts/batch", upload)
    picture = Picture(contact_id=int(made["result"]["contactId"].partition("-")[2], 16), first_name="Ana")
    await journey.all_show(picture)

    row = {"PhoneNumber": NATIONAL, "FirstName": "Anat", "AddToGroupName": ["Gold", "Silver"]}
    await clients.inforu("CreateOrUpdateContacts", {"List": [row]})
    groups = (await clients.nrs("GET", "/groups")).json()["data"]
    picture = replace(picture, first_name="Anat", groups=tuple(one["id"] for one in groups))
    await journey.all_show(picture)

    assert (await clients.nrs("PUT", "/v2/blacklist/mailing", {"recipient": MAIL})).status_code == 200
    picture = replace(picture, email_blocked=True)
    await journey.all_show(picture)

    asked = {"conditions": [
        {"name": "groupOptions", "op": "eq", "vl": f"GROUP_{picture.groups[1]}"},
        {"name": "email_status", "op": "eq", "vl": "UNSUBSCRIBED"},
        {"name": "subscriber_fields.FIRST_NAME", "op": "beginsWith", "vl": "An"},
    ]}  # fmt: skip
    place = f"/list/{journey.audience_id}/subscriber/query"
    (queried,) = (await clients.apifon("POST", place, asked)).json()["results"]
    assert int(queried["id"], 16) == picture.contact_id

    assert (await clients.nrs("DELETE", f"/contacts/{picture.contact_id}")).status_code == 204
    await journey.none_shows(picture)
