"""A subscriber that is unsubscribed from an Apifon list, and nothing suppresses, is so in every API."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.clients import DialectClients

from carillon.kit.clock import FixedClock

PHONE, NATIONAL, MAIL = "972541110001", "0541110001", "ana@mail.example"
Seen = tuple[bool, bool]
"""Whether the phone and the e-mail are shown as unsubscribed."""


async def place_of(clients: DialectClients) -> str:
    (shown,) = (await clients.apifon("GET", "/list")).json()["results"]
    return f"/list/{shown['id']}/subscriber"


async def seen_by_apifon(clients: DialectClients) -> Seen:
    (shown,) = (await clients.apifon("GET", await place_of(clients))).json()["results"]
    return shown["status"] == "UNSUBSCRIBED", shown["email_status"] == "UNSUBSCRIBED"


async def seen_by_inforu(clients: DialectClients) -> Seen:
    found = await clients.inforu("GetContact", {"Type": "Phone", "Value": NATIONAL})
    (shown,) = found["Contacts"]["List"]
    seen = shown["PhoneStatusId"] == -2, shown["EmailStatusId"] == -2
    phone, mail, contact = [
        {"Type": kind, "Value": value}
        for kind, value in (("Phone", NATIONAL), ("Email", MAIL), ("ContactId", str(shown["ContactId"])))
    ]
    checked = await clients.inforu("CheckIfUnsubscribe", {"List": [phone, mail, contact]})
    expected = [one for one, is_seen in ((phone, seen[0]), (mail, seen[1]), (contact, any(seen))) if is_seen]
    assert checked["Unsubscribe"] == {"Count": len(expected), "List": expected}
    return seen


async def seen_by_inwise(clients: DialectClients) -> Seen:
    found = await clients.inforu("GetContact", {"Type": "Phone", "Value": NATIONAL})
    contact_id = found["Contacts"]["List"][0]["ContactId"]
    unsubscribed = (await clients.inwise("GET", f"/contacts/{contact_id}")).json().get("unsubscribed", [])
    assert set(unsubscribed) <= {"mobile_number", "email"}
    return "mobile_number" in unsubscribed, "email" in unsubscribed


async def seen_by_nrs(clients: DialectClients) -> Seen:
    seen = []
    for kind, recipient in (("sms", PHONE), ("mailing", MAIL)):
        listed = (await clients.nrs("GET", f"/v2/blacklist/{kind}")).json()
        found = (await clients.nrs("GET", f"/v2/blacklist/{kind}?recipient={recipient}")).json()
        assert listed["data"] == found["data"]
        assert listed["meta"]["pagination"]["total"] == len(listed["data"])
        lines = [(one["recipient"], one["isDefinitive"]) for one in listed["data"]]
        assert lines in ([], [(recipient, True)])
        status = (await clients.nrs("DELETE", f"/v2/blacklist/{kind}", {"recipient": recipient})).status_code
        assert status == (422 if lines else 404)
        seen.append(bool(lines))
    return seen[0], seen[1]


async def range_of(clients: DialectClients, **query: str) -> list[dict[str, Any]]:
    (default,) = await clients.devino("GET", "/contact-groups")
    asked = "&".join(
        f"{name}={value}" for name, value in {"contactGroupId": default["contactGroupId"], **query}.items()
    )
    return list(await clients.devino("GET", f"/contacts/http/range?{asked}"))


async def seen_by_devino(clients: DialectClients) -> Seen:
    seen = []
    for channel in ("SMS", "EMAIL"):
        states = [
            bool(await range_of(clients, subscriptionChannel=channel, subscriptionState=state))
            for state in ("SUBSCRIBED", "UNSUBSCRIBED")
        ]
        assert states[0] != states[1]
        seen.append(states[1])
    (shown,) = await range_of(clients)
    data = [
        (one["dataType"], one["data"], [channel["channel"] for channel in one["channelList"]])
        for one in shown["unsubscribedData"]
    ]
    expected = [("PHONE", PHONE, ["SMS"]), ("EMAIL", MAIL, ["EMAIL"])]
    assert data == [line for line, is_seen in zip(expected, seen, strict=True) if is_seen]
    assert bool(await range_of(clients, subscriptionState="UNSUBSCRIBED")) == any(seen)
    return seen[0], seen[1]


READERS: Mapping[str, Callable[[DialectClients], Awaitable[Seen]]] = {
    "apifon": seen_by_apifon,
    "inforu": seen_by_inforu,
    "inwise": seen_by_inwise,
    "nrs": seen_by_nrs,
    "devino": seen_by_devino,
}


@pytest.mark.parametrize("reader", READERS)
async def test_a_subscriber_unsubscribed_from_a_list_is_so_in_every_api_until_it_subscribes_again(
    clients: DialectClients, reader: str
) -> None:
    place = await place_of(clients)
    subscriber = {"destination": PHONE, "email": MAIL}
    assert (await clients.apifon("POST", place, subscriber)).status_code == 201
    (shown,) = (await clients.apifon("GET", place)).json()["results"]
    named = f"{place}/{shown['destination_id']}"
    see = READERS[reader]
    assert await see(clients) == (False, False)
    for statuses, seen in (
        (("UNSUBSCRIBED", "SUBSCRIBED"), (True, False)),
        (("UNSUBSCRIBED", "UNSUBSCRIBED"), (True, True)),
        (("SUBSCRIBED", "UNSUBSCRIBED"), (False, True)),
        (("SUBSCRIBED", "SUBSCRIBED"), (False, False)),
    ):
        change = {"status": statuses[0], "email_status": statuses[1]}
        assert (await clients.apifon("PUT", named, change)).status_code == 204
        assert await see(clients) == seen


async def test_devino_shows_since_when_a_contact_is_unsubscribed(clients: DialectClients, clock: FixedClock) -> None:
    place = await place_of(clients)
    assert (await clients.apifon("POST", place, {"destination": PHONE})).status_code == 201
    (shown,) = (await clients.apifon("GET", place)).json()["results"]
    clock.moment += timedelta(hours=1)
    gone = await clients.apifon("POST", f"{place}/{shown['destination_id']}/unsubscribe")
    assert gone.status_code == 204
    ((line,),) = [one["unsubscribedData"] for one in await range_of(clients)]
    channel = {"channel": "SMS", "unsubscribedAt": "2025-03-09T11:30:00", "unsubscribedType": "SPAM"}
    assert (line["channelList"], line["updatedAt"]) == ([channel], "2025-03-09 11:30:00")
    clock.moment += timedelta(hours=1)
    assert (await clients.nrs("PUT", "/v2/blacklist/sms", {"recipient": PHONE})).status_code == 200
    ((line,),) = [one["unsubscribedData"] for one in await range_of(clients)]
    assert [one["unsubscribedAt"] for one in line["channelList"]] == ["2025-03-09T12:30:00"]


async def test_360nrs_lists_the_unsubscribed_behind_the_suppressed(clients: DialectClients) -> None:
    place = await place_of(clients)
    phones = [f"97254111000{number}" for number in range(1, 6)]
    for phone in phones:
        assert (await clients.apifon("POST", place, {"destination": phone})).status_code == 201
    by_phone = {one["destination"]: one["destination_id"] for one in await subscribers(clients, place)}
    for phone in phones[:3]:
        gone = await clients.apifon("POST", f"{place}/{by_phone[phone]}/unsubscribe")
        assert gone.status_code == 204
    for phone in phones[2:4]:
        assert (await clients.nrs("PUT", "/v2/blacklist/sms", {"recipient": phone})).status_code == 200
    shown = []
    for page in (1, 2, 3):
        reply = (await clients.nrs("GET", f"/v2/blacklist/sms?limit=2&page={page}")).json()
        shown.append([(one["recipient"], one["isDefinitive"]) for one in reply["data"]])
        assert reply["meta"]["pagination"]["total"] == 4
    assert shown == [[(phones[2], False), (phones[3], False)], [(phones[0], True), (phones[1], True)], []]


async def subscribers(clients: DialectClients, place: str) -> list[dict[str, Any]]:
    return list((await clients.apifon("GET", place)).json()["results"])
