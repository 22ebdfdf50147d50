"""A block through any dialect, seen through every dialect: each of five writers by each of five readers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from tests.dialects.clients import DialectClients
from tests.support import Tenant, new_key

from carillon.audience.audiences import AudienceKind, CreateAudience, create_audience
from carillon.db.database import Database
from carillon.tenancy.credentials import create_credential
from carillon.tenancy.secrets import SecretBox

PHONE, NATIONAL, MAIL = "972541110001", "0541110001", "ana@mail.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """All clients on an audience with one contact, and an inwise key that works in a stop list."""

    clients: DialectClients
    stop_key: str


@pytest.fixture
async def scene(clients: DialectClients, db: Database, account: Tenant, tmp_path: Any) -> Scene:
    await clients.inforu("CreateOrUpdateContacts", {"List": [{"PhoneNumber": NATIONAL, "Email": MAIL}]})
    stop = await db.run(create_audience, account.actor, CreateAudience(name="Stop", kind=AudienceKind.STOPLIST))
    command = new_key("inwise", audience_id=stop.audience_id, calls_per_second=0)
    made = await db.run(create_credential, account.actor, command, SecretBox(tmp_path / "secret.key"))
    return Scene(clients=clients, stop_key=made.parts["key"])


async def blocked_by_inforu(scene: Scene) -> None:
    keys = [{"Type": "Phone", "Value": NATIONAL}, {"Type": "Email", "Value": MAIL}]
    asked = {"UnsubscribeReason": "asked", "UnsubscribeName": "CRM", "List": keys}
    await scene.clients.inforu("Unsubscribe", asked)


async def blocked_by_nrs(scene: Scene) -> None:
    for kind, recipient in (("sms", PHONE), ("mailing", MAIL)):
        reply = await scene.clients.nrs("PUT", f"/v2/blacklist/{kind}", {"recipient": recipient})
        assert reply.status_code == 200


async def blocked_by_apifon(scene: Scene) -> None:
    for destination in (PHONE, MAIL):
        block = {"destination": destination, "reason": "sub_requested"}
        assert (await scene.clients.apifon("POST", "/bounce/subscriber/block", block)).status_code == 201


async def blocked_by_nrs_and_apifon(scene: Scene) -> None:
    await blocked_by_nrs(scene)
    await blocked_by_apifon(scene)


async def blocked_by_devino(scene: Scene) -> None:
    stop = await scene.clients.devino("POST", "/contact-groups", {"name": "No more", "type": "STOPLIST"})
    contacts = [{"phone": PHONE}, {"email": MAIL}]
    await scene.clients.devino("POST", "/contacts/batch", {"contactGroupId": stop, "contacts": contacts})


async def blocked_by_inwise(scene: Scene) -> None:
    body = {"mobile_number": PHONE, "email": MAIL}
    client = scene.clients.client
    reply = await client.post("/rest/v1/contacts", json=body, headers={"X-API-Key": scene.stop_key})
    assert reply.status_code == 200


async def seen_by_inforu(scene: Scene) -> tuple[bool, bool]:
    found = await scene.clients.inforu("GetContact", {"Type": "Phone", "Value": NATIONAL})
    (shown,) = found["Contacts"]["List"]
    return shown["PhoneStatusId"] == -2, shown["EmailStatusId"] == -2


async def seen_by_nrs(scene: Scene) -> tuple[bool, bool]:
    async def listed(kind: str, recipient: str) -> bool:
        blacklist = (await scene.clients.nrs("GET", f"/v2/blacklist/{kind}")).json()["data"]
        return [one["recipient"] for one in blacklist] == [recipient]

    return await listed("sms", PHONE), await listed("mailing", MAIL)


async def seen_by_apifon(scene: Scene) -> tuple[bool, bool]:
    blocks = [(await scene.clients.apifon("GET", f"/bounce/subscriber/{one}")).status_code for one in (PHONE, MAIL)]
    lists = (await scene.clients.apifon("GET", "/list")).json()["results"]
    (shown,) = (await scene.clients.apifon("GET", f"/list/{lists[0]['id']}/subscriber")).json()["results"]
    statuses = [shown["status"], shown["email_status"]]
    sms, email = ((block, word) == (200, "UNSUBSCRIBED") for block, word in zip(blocks, statuses, strict=True))
    return sms, email


async def seen_by_devino(scene: Scene) -> tuple[bool, bool]:
    lists = await scene.clients.devino("GET", "/contact-groups")
    query = f"contactGroupId={lists[0]['contactGroupId']}&subscriptionState=UNSUBSCRIBED"
    seen = []
    for channel, data in (("SMS", PHONE), ("EMAIL", MAIL)):
        shown = await scene.clients.devino("GET", f"/contacts/http/range?{query}&subscriptionChannel={channel}")
        seen.append(data in [one["data"] for contact in shown for one in contact["unsubscribedData"]])
    return seen[0], seen[1]


async def seen_by_inwise(scene: Scene) -> tuple[bool, bool]:
    """inwise's replies have no word for it: whom its client writes anew stays blocked."""
    body = {"mobile_number": PHONE, "email": MAIL, "fields": [{"name": "field1", "content": "Ana"}]}
    assert (await scene.clients.inwise("POST", "/contacts", body)).status_code == 200
    return await seen_by_inforu(scene)


WRITERS: Mapping[str, Callable[[Scene], Awaitable[None]]] = {
    "inforu": blocked_by_inforu,
    "nrs": blocked_by_nrs,
    "apifon": blocked_by_apifon,
    "devino": blocked_by_devino,
    "inwise": blocked_by_inwise,
}
READERS: Mapping[str, Callable[[Scene], Awaitable[tuple[bool, bool]]]] = {
    "inforu": seen_by_inforu,
    "nrs": seen_by_nrs,
    "apifon": seen_by_apifon,
    "devino": seen_by_devino,
    "inwise": seen_by_inwise,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("writer", WRITERS)
async def test_who_is_blocked_through_one_is_blocked_for_all(scene: Scene, writer: str, reader: str) -> None:
    assert await READERS[reader](scene) == (False, False)
    await WRITERS[writer](scene)
    assert await READERS[reader](scene) == (True, True)


async def stop_list(scene: Scene) -> str:
    lists = await scene.clients.devino("GET", "/contact-groups?type=STOPLIST")
    return str(lists[0]["contactGroupId"])


async def test_apifons_subscribers_of_a_stop_list_are_blocked(scene: Scene) -> None:
    place = f"/list/{await stop_list(scene)}/subscriber"
    added = await scene.clients.apifon("POST", place, {"destination": f"+{PHONE}", "email": MAIL})
    assert added.status_code == 201
    (shown,) = (await scene.clients.apifon("GET", place)).json()["results"]
    assert (shown["status"], shown["email_status"]) == ("UNSUBSCRIBED", "UNSUBSCRIBED")
    assert await seen_by_inforu(scene) == (True, True)


async def test_apifons_bulk_into_a_stop_list_blocks(scene: Scene) -> None:
    place = f"/list/{await stop_list(scene)}/subscriber/bulk"
    rows = [{"destination": f"+{PHONE}"}, {"email": MAIL}]
    assert (await scene.clients.apifon("POST", place, {"subscribers": rows})).status_code == 200
    assert await seen_by_inforu(scene) == (True, True)


async def unblocked_by_inforu(scene: Scene) -> None:
    keys = [{"Type": "Phone", "Value": NATIONAL}, {"Type": "Email", "Value": MAIL}]
    await scene.clients.inforu("ReactivateUnsubscribe", {"ReactivationReason": "asked", "List": keys})


async def unblocked_by_nrs(scene: Scene) -> None:
    for kind, recipient in (("sms", PHONE), ("mailing", MAIL)):
        assert (await scene.clients.nrs("DELETE", f"/v2/blacklist/{kind}", {"recipient": recipient})).status_code == 204


async def unblocked_by_apifon(scene: Scene) -> None:
    for destination in (PHONE, MAIL):
        lifted = await scene.clients.apifon("DELETE", f"/bounce/subscriber/unblock/{destination}")
        assert lifted.status_code == 204


@pytest.mark.parametrize("unblock", [unblocked_by_inforu, unblocked_by_nrs, unblocked_by_apifon])
@pytest.mark.parametrize(
    "own", [("SUBSCRIBED", "SUBSCRIBED"), ("UNSUBSCRIBED", "SUBSCRIBED"), ("SUBSCRIBED", "UNCONFIRMED")]
)
@pytest.mark.parametrize(
    ("block", "unsubscribes"),
    [
        (blocked_by_inforu, False),
        (blocked_by_nrs, False),
        (blocked_by_devino, False),
        (blocked_by_apifon, True),
        (blocked_by_nrs_and_apifon, True),
    ],
)
async def test_a_contact_whose_block_is_lifted_is_unsubscribed_where_apifon_blocked_it_or_else_as_before(
    scene: Scene,
    block: Callable[[Scene], Awaitable[None]],
    own: tuple[str, str],
    unblock: Callable[[Scene], Awaitable[None]],
    *,
    unsubscribes: bool,
) -> None:
    lists = (await scene.clients.apifon("GET", "/list")).json()["results"]
    place = f"/list/{lists[0]['id']}"
    both = {"title": "All", "prefix": "+972", "double_optin": {"mobile": True, "email": True}}
    assert (await scene.clients.apifon("PUT", place, both)).status_code == 204

    async def shown() -> tuple[str, str]:
        (one,) = (await scene.clients.apifon("GET", f"{place}/subscriber")).json()["results"]
        return one["status"], one["email_status"]

    (one,) = (await scene.clients.apifon("GET", f"{place}/subscriber")).json()["results"]
    named = f"{place}/subscriber/{one['destination_id']}"
    changed = await scene.clients.apifon("PUT", named, {"status": own[0], "email_status": own[1]})
    assert changed.status_code == 204, changed.text
    await block(scene)
    assert await shown() == ("UNSUBSCRIBED", "UNSUBSCRIBED")
    await unblock(scene)
    assert await shown() == (("UNSUBSCRIBED", "UNSUBSCRIBED") if unsubscribes else own)


async def test_who_unsubscribes_from_a_list_while_blocked_stays_so_when_unblocked(scene: Scene) -> None:
    lists = (await scene.clients.apifon("GET", "/list")).json()["results"]
    place = f"/list/{lists[0]['id']}/subscriber"
    (one,) = (await scene.clients.apifon("GET", place)).json()["results"]
    await blocked_by_nrs(scene)
    gone = await scene.clients.apifon("POST", f"{place}/{one['destination_id']}/unsubscribe")
    assert gone.status_code == 204
    await unblocked_by_nrs(scene)
    (one,) = (await scene.clients.apifon("GET", place)).json()["results"]
    assert one["status"] == "UNSUBSCRIBED"
