"""A write or a delete comes after the uploads that were accepted before it, whichever API either came through.

An upload of more than ten rows is queued. What is called then waits until the worker has written it, outside of any
transaction, and only then takes effect (docs/adr/0022). An unsubscription does not wait.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.background import process_uploads
from tests.dialects.clients import DialectClients
from tests.support import Tenant, shorten_wait

from carillon.db.database import Database

FIRST = "972541000000"
DIGEST = hashlib.md5(FIRST.encode(), usedforsecurity=False).hexdigest()
ROWS = [{"PhoneNumber": f"05410000{number:02d}", "AddToGroupName": "Food"} for number in range(12)]

Call = Callable[[DialectClients, Tenant], Awaitable[Any]]


async def queue_by_inforu(clients: DialectClients, _account: Tenant) -> None:
    assert "RequestToken" in await clients.inforu("CreateOrUpdateContacts", {"List": ROWS})


async def queue_by_apifon(clients: DialectClients, account: Tenant) -> None:
    rows = [{"destination": f"+97254{number:07d}"} for number in range(12)]
    rows[0] = {"destination": f"+{FIRST}"}
    reply = await clients.apifon("POST", f"/list/{account.audience_id}/subscriber/bulk", {"subscribers": rows})
    assert reply.status_code == 200


async def inforu_delete(clients: DialectClients, _account: Tenant) -> int:
    data = {"List": [{"Type": "Phone", "Value": FIRST}]}
    return int((await clients.inforu("DeleteContacts", data))["DeletedCount"])


async def inforu_delete_group(clients: DialectClients, _account: Tenant) -> int:
    data = {"DeleteGroupBy": "GroupName", "Value": "Food", "Configuration": "WithDeleteContacts"}
    await clients.inforu("DeleteGroup", data)
    return 1


async def nrs_update(clients: DialectClients, _account: Tenant) -> int:
    reply = await clients.nrs(
        "POST", "/contacts", {"phone": "0541000000", "countryIso": "IL", "groupsNames": ["Club"], "name": "Ana"}
    )
    return reply.status_code // 200


async def inwise_save(clients: DialectClients, _account: Tenant) -> int:
    fields = [{"name": "field1", "content": "Ana"}]
    reply = await clients.inwise("POST", "/contacts", {"mobile_number": FIRST, "fields": fields})
    return reply.status_code // 200


async def apifon_delete(clients: DialectClients, account: Tenant) -> int:
    reply = await clients.apifon("DELETE", f"/list/{account.audience_id}/subscriber/{DIGEST}?permanent=true")
    return reply.status_code // 200


async def devino_batch(clients: DialectClients, account: Tenant) -> int:
    contact = {"phone": FIRST, "fields": [{"name": "name", "value": "Ana"}]}
    batch = {"contactGroupId": str(account.audience_id), "contacts": [contact], "duplicateCheckField": "phone"}
    (result,) = await clients.devino("POST", "/contacts/batch", batch)
    return int(result["code"] == "REJECTED")  # the contact was there


DELETIONS = [inforu_delete, inforu_delete_group, apifon_delete]
WRITES = [nrs_update, inwise_save, devino_batch]


async def count(db: Database, account: Tenant) -> int:
    async with db.transaction() as tx:
        found = "SELECT count(*) FROM contact WHERE account_id = $1 AND phone = $2"
        return int(await tx.fetchval(found, account.account_id, FIRST))


@pytest.mark.parametrize("queue", [queue_by_inforu, queue_by_apifon])
@pytest.mark.parametrize("call", [*DELETIONS, *WRITES])
async def test_a_call_comes_after_an_earlier_upload(
    clients: DialectClients, db: Database, account: Tenant, queue: Call, call: Call
) -> None:
    if queue is queue_by_apifon and call is inforu_delete_group:
        await clients.inforu("CreateOrUpdateGroup", {"GroupName": "Food", "GroupId": 0})
    await queue(clients, account)
    calling = asyncio.ensure_future(call(clients, account))
    await asyncio.sleep(0.05)
    assert not calling.done()
    await process_uploads(db)
    assert await calling == 1
    left = 1 if call in WRITES or (queue is queue_by_apifon and call is inforu_delete_group) else 0
    assert await count(db, account) == left


async def test_an_unsubscription_takes_effect_at_once_and_holds_for_what_comes(
    clients: DialectClients, db: Database, account: Tenant
) -> None:
    await queue_by_inforu(clients, account)
    data = {"UnsubscribeReason": "asked", "List": [{"Type": "Phone", "Value": FIRST}]}
    assert (await clients.inforu("Unsubscribe", data))["Success"]["Count"] == 1
    await process_uploads(db)
    found = await clients.inforu("GetContact", {"Type": "Phone", "Value": FIRST})
    assert found["Contacts"]["List"][0]["PhoneStatusId"] == -2


async def test_a_call_that_would_wait_too_long_is_answered_that_it_can_be_tried_again(
    clients: DialectClients, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_wait(monkeypatch)
    await queue_by_inforu(clients, account)
    reply = await clients.call_inforu("DeleteContacts", {"List": [{"Type": "Phone", "Value": FIRST}]})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "5")
    assert await inforu_is_readable(clients)


async def inforu_is_readable(clients: DialectClients) -> bool:
    return bool((await clients.inforu("GetGroupList", {"FromDate": "", "ToDate": ""}))["Count"] == 0)
