"""A client of the InforU dialect, as a vendor's customer would write it, over the real application."""

from dataclasses import dataclass
from typing import Any

import httpx
from tests.background import process_uploads
from tests.support import Tenant

from carillon.dialects.inforu.operations import OPERATIONS
from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime

PATHS = {one.name: one.paths[0] for one in OPERATIONS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The application with one account's credential."""

    client: httpx.AsyncClient
    runtime: Runtime
    clock: FixedClock
    account: Tenant
    username: str
    token: str

    async def post(self, function: str, data: object = None, **request: Any) -> httpx.Response:
        """Call a function with the header's credential; `request` overrides any argument of httpx."""
        given = {"auth": (self.username, self.token), **request}
        if not given.keys() & {"json", "content"}:
            given["json"] = {"Data": {} if data is None else data}
        return await self.client.post(PATHS[function], **given)

    async def data(self, function: str, data: object = None, **request: Any) -> Any:
        """Call a function that succeeds, and give its Data."""
        reply = await self.post(function, data, **request)
        body = reply.json()
        assert (reply.status_code, body["StatusId"]) == (200, 1), body
        return body["Data"]

    async def refusal(self, function: str, data: object = None, **request: Any) -> tuple[int, int, str]:
        """Call a function that is refused, and give HTTP status, StatusId and DetailedDescription."""
        reply = await self.post(function, data, **request)
        body = reply.json()
        assert body["Data"] is None, body
        return reply.status_code, body["StatusId"], body["DetailedDescription"]

    async def add(self, *rows: dict[str, Any]) -> Any:
        """Write a few contacts and give the statistics."""
        return await self.data("CreateOrUpdateContacts", {"List": list(rows)})

    async def get(self, value: str, kind: str = "Phone") -> Any:
        """Return the one contact that a key names."""
        found = await self.data("GetContact", {"Type": kind, "Value": value, "Configuration": "WithGroups"})
        assert found["Contacts"]["Count"] == 1, found
        return found["Contacts"]["List"][0]

    async def count(self, value: str, kind: str = "Phone") -> int:
        """Count the contacts that a key names."""
        found = await self.data("GetContact", {"Type": kind, "Value": value})
        return int(found["Contacts"]["Count"])

    async def group(self, name: str) -> Any:
        """Return the one group of a name."""
        found = await self.data("GetGroup", {"GetGroupBy": "GroupName", "Value": name})
        assert found["Count"] == 1, found
        return found["List"][0]

    async def process_upload(self) -> int:
        """Do what the background worker does for the account, and give the number of uploads that it finished."""
        return await process_uploads(self.runtime.db, self.account.account_id)
