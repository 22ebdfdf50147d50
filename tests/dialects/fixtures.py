"""Something of everything, so that every operation has something to work on."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from tests.dialects.clients import DialectClients
from tests.dialects.fuzzing import escaped
from tests.dialects.sent_texts import last_text
from tests.support import Tenant

PHONE, MAIL = "972541110001", "rita@mail.example"


async def make_fixtures(clients: DialectClients, account: Tenant, path: str) -> dict[str, str]:
    """Make something of everything, and return what the `{segments}` of a path may name."""
    row = {"PhoneNumber": "0541110001", "Email": MAIL, "AddToGroupName": "Food"}
    upload = await clients.inforu("CreateOrUpdateContacts", {"List": [row]})
    found = await clients.inforu("GetContact", {"Type": "Email", "Value": MAIL, "Configuration": "WithGroups"})
    (contact,) = found["Contacts"]["List"]
    place = f"/list/{account.audience_id}"
    await clients.apifon("POST", f"{place}/field", {"name": "Joined", "type": "DATE", "length": 20})
    await clients.apifon("POST", f"{place}/gdpr", {"name": "Offers"})
    await clients.apifon("POST", "/bounce/subscriber/block", {"destination": "306999888777", "reason": "other"})
    await clients.nrs("PUT", "/v2/blacklist/sms", {"recipient": "34612345678"})
    sms = {"to": "34612345677", "from": "Food", "message": "Soup", "scheduleDate": "20250310093000"}
    sent = (await clients.nrs("POST", "/sms", sms)).json()
    scheduled = (await clients.nrs("GET", "/scheduled")).json()["result"]
    code = await _password(clients, account) if "/otp/verify" in path else ""
    group_id = str(contact["Groups"][0]["GroupId"])
    return {
        "list_id": str(account.audience_id),
        "contactGroupId": str(account.audience_id),
        "ids": str(account.audience_id),
        "RequestToken": upload["UploadToken"],
        "lookup_md5": hashlib.md5(PHONE.encode(), usedforsecurity=False).hexdigest(),
        "destination": "306999888777",
        "field": "OFFERS" if "/gdpr" in path else "date_JOINED",
        "group_field": "GROUPS",
        "option_field": f"GROUP_{group_id}",
        "type": "sms",
        "guid": scheduled[0]["guid"],
        "reference_id": "login",
        "apifon_otp": code,
        "id": {
            "groups": group_id,
            "sms": sent["result"][0]["id"],
            "campaigns": str(sent["campaignId"]),
            "sendings": str(sent["sendingId"]),
        }.get(path.removeprefix("/api/rest/").partition("/")[0], str(contact["ContactId"])),
    }


async def _password(clients: DialectClients, account: Tenant) -> str:
    """Send a password for the reference login, and return it."""
    reply = await clients.apifon("POST", "/otp/create", {"reference_id": "login", "subscriber": PHONE})
    assert reply.status_code == HTTPStatus.OK, reply.text
    assert clients.runtime is not None
    return await last_text(clients.runtime, account.account_id)


def filled(path: str, values: Mapping[str, Any]) -> str:
    """Put values into a path's `{segments}`."""
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", escaped(str(value)))
    return path
