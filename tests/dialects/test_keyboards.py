"""One contact through every keyboard: what one dialect writes, all others read."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import Tenant

from carillon.app import create_app
from carillon.db.database import Database
from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.settings import Settings
from carillon.tenancy.authentication import Authenticator
from carillon.tenancy.credentials import CreateCredential, Dialect, create_credential
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import SecretBox

PHONE, NATIONAL, MAIL = "972541110001", "0541110001", "ana@mail.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyboards:
    """A client of each dialect, all with credentials of one account."""

    client: httpx.AsyncClient
    keys: dict[Dialect, dict[str, str]]

    async def inforu(self, function: str, data: dict[str, Any]) -> Any:
        key = self.keys[Dialect.INFORU]
        reply = await self.client.post(
            f"/api/v2/Contact/{function}", json={"Data": data}, auth=(key["username"], key["token"])
        )
        assert reply.json()["StatusId"] == 1, reply.text
        return reply.json()["Data"]

    async def nrs(self, method: str, path: str, body: object = None) -> httpx.Response:
        key = self.keys[Dialect.NRS]
        auth = (key["username"], key["password"])
        return await self.client.request(method, f"/api/rest{path}", json=body, auth=auth)

    async def inwise(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"X-API-Key": self.keys[Dialect.INWISE]["key"]}
        return await self.client.request(method, f"/rest/v1{path}", json=body, headers=headers)

    async def apifon(self, method: str, path: str, body: object = None) -> httpx.Response:
        key = self.keys[Dialect.APIFON]
        auth = (key["client_id"], key["client_secret"])
        token = (await self.client.post("/oauth2/token", auth=auth)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.request(method, f"/services/api/v1{path}", json=body, headers=headers)

    async def contact(self) -> dict[str, Any]:
        """Look at the contact through InforU."""
        found = await self.inforu("GetContact", {"Type": "Phone", "Value": NATIONAL, "Configuration": "WithGroups"})
        (shown,) = found["Contacts"]["List"]
        return dict(shown)


@pytest.fixture
async def keyboards(db: Database, clock: FixedClock, account: Tenant, tmp_path: Path) -> AsyncIterator[Keyboards]:
    box = SecretBox(tmp_path / "secret.key")
    runtime = Runtime(
        settings=Settings(data_dir=tmp_path),
        clock=clock,
        db=db,
        authenticator=Authenticator(db, RateLimiter(), box),
        secret_box=box,
    )
    keys = {}
    for dialect in (Dialect.INFORU, Dialect.NRS, Dialect.INWISE, Dialect.APIFON):
        command = CreateCredential(dialect=dialect, calls_per_second=0)
        keys[dialect] = (await db.run(create_credential, account.actor, command, box)).parts
    transport = httpx.ASGITransport(create_app(runtime))
    async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as client:
        yield Keyboards(client=client, keys=keys)


async def test_a_contact_made_by_one_is_grouped_blocked_and_deleted_by_others(keyboards: Keyboards) -> None:
    made = await keyboards.inwise(
        "POST", "/contacts", {"mobile_number": PHONE, "email": MAIL, "fields": [{"name": "field1", "content": "Ana"}]}
    )
    contact_id = made.json()["id"]
    shown = await keyboards.contact()
    assert (shown["ContactId"], shown["FirstName"], shown["PhoneStatusId"]) == (contact_id, "Ana", 1)
    listed = (await keyboards.nrs("GET", f"/contacts?phone={PHONE}")).json()["data"]
    assert [(one["id"], one["name"], one["email"]) for one in listed] == [(contact_id, "Ana", MAIL)]

    changed = {"email": MAIL, "phone": PHONE, "countryIso": "IL", "surname": "Levi", "groupsNames": ["Gold"]}
    assert (await keyboards.nrs("PUT", f"/contacts/{contact_id}", changed)).status_code == 200
    shown = await keyboards.contact()
    assert (shown["LastName"], [group["GroupName"] for group in shown["Groups"]]) == ("Levi", ["Gold"])
    there = (await keyboards.inwise("GET", f"/contacts/{contact_id}")).json()
    assert there["groups_ids"] == [shown["Groups"][0]["GroupId"]]
    assert {"name": "field2", "content": "Levi"} in there["fields"]

    block = {"destination": PHONE, "reason": "sub_requested"}
    assert (await keyboards.apifon("POST", "/bounce/subscriber/block", block)).status_code == 201
    assert (await keyboards.nrs("PUT", "/v2/blacklist/mailing", {"recipient": MAIL})).status_code == 200
    shown = await keyboards.contact()
    assert (shown["PhoneStatusId"], shown["EmailStatusId"]) == (-2, -2)
    blacklist = (await keyboards.nrs("GET", "/v2/blacklist/sms")).json()["data"]
    assert [one["recipient"] for one in blacklist] == [PHONE]
    assert (await keyboards.apifon("GET", f"/bounce/subscriber/{MAIL}")).json()["type"] == "EMAIL"
    # Written again through any of them, it stays blocked.
    await keyboards.inwise("POST", "/contacts", {"mobile_number": PHONE})
    await keyboards.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL, "FirstName": "Anat"}]})
    shown = await keyboards.contact()
    assert (shown["FirstName"], shown["PhoneStatusId"]) == ("Anat", -2)

    lifted = {"ReactivationReason": "asked", "ReactivationName": "CRM", "List": [{"Type": "Phone", "Value": NATIONAL}]}
    await keyboards.inforu("ReactivateUnsubscribe", lifted)
    assert (await keyboards.apifon("GET", f"/bounce/subscriber/{PHONE}")).status_code == 404
    assert (await keyboards.contact())["PhoneStatusId"] == 1

    assert (await keyboards.nrs("DELETE", f"/contacts/{contact_id}")).status_code == 204
    assert (await keyboards.inwise("GET", f"/contacts/{contact_id}")).status_code == 404
    found = await keyboards.inforu("GetContact", {"Type": "Email", "Value": MAIL})
    assert found["Contacts"]["Count"] == 0
    # The block belongs to the address, not to the contact.
    assert (await keyboards.apifon("GET", f"/bounce/subscriber/{MAIL}")).status_code == 200


async def test_calls_that_are_blocked_do_not_stop_texts(keyboards: Keyboards) -> None:
    await keyboards.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL}]})
    assert (await keyboards.nrs("PUT", "/v2/blacklist/voice", {"recipient": PHONE})).status_code == 200
    assert (await keyboards.contact())["PhoneStatusId"] == 1
    everything = {"Type": "All", "FromDate": "2000/01/01", "ToDate": "2999/01/01", "LastFetchedId": 0}
    history = await keyboards.inforu("GetUnsubscribeHistoryList", everything)
    assert history["Count"] == 0
    assert (await keyboards.apifon("GET", f"/bounce/subscriber/{PHONE}")).status_code == 404


async def test_a_subscriber_of_a_list_is_the_contact_of_all(keyboards: Keyboards) -> None:
    (shown_list,) = (await keyboards.apifon("GET", "/list")).json()["results"]
    place = f"/list/{shown_list['id']}"
    field = {"name": "First Name", "type": "TEXT", "length": 40}
    assert (await keyboards.apifon("POST", f"{place}/field", field)).status_code == 201
    group = (await keyboards.apifon("POST", f"{place}/group", {"name": "Food", "type": "GROUP"})).headers["location"]
    options = f"{place}/{group.rpartition('/')[2]}/option"
    option = (await keyboards.apifon("POST", options, {"name": "Fish"})).headers["location"].rpartition("/")[2]
    subscriber = {"destination": NATIONAL, "email": MAIL, "subscriber_fields": {"FIRST_NAME": "Ana"}}
    made = await keyboards.apifon("POST", f"{place}/subscriber", {**subscriber, "groupOptions": [option]})
    assert made.status_code == 201

    shown = await keyboards.contact()
    assert (shown["FirstName"], [one["GroupName"] for one in shown["Groups"]]) == ("Ana", ["Fish"])
    (listed,) = (await keyboards.nrs("GET", f"/contacts?phone={PHONE}")).json()["data"]
    await keyboards.inwise(
        "POST", "/contacts", {"mobile_number": PHONE, "fields": [{"name": "field1", "content": "Jo"}]}
    )
    assert (await keyboards.nrs("PUT", "/v2/blacklist/sms", {"recipient": PHONE})).status_code == 200

    asked = {"conditions": [{"name": "subscriber_fields.FIRST_NAME", "op": "eq", "vl": "Jo"}]}
    (found,) = (await keyboards.apifon("POST", f"{place}/subscriber/query", asked)).json()["results"]
    assert (found["id"], found["status"], found["email_status"]) == (str(listed["id"]), "UNSUBSCRIBED", "SUBSCRIBED")
    assert found["groupOptions"] == [option]
    removed = await keyboards.apifon("DELETE", f"{place}/subscriber/{found['email_id']}?permanent=true")
    assert removed.status_code == 204
    assert (await keyboards.nrs("GET", f"/contacts/{listed['id']}")).status_code == 404
