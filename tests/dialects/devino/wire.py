"""A client of the Devino dialect, as a vendor's customer would write it, over the real application."""

from dataclasses import dataclass
from typing import Any

import httpx
from tests.support import Tenant, new_key

from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.tenancy.credentials import create_credential

BASE = "/address-book-api"
LISTS, BATCH, RANGE = "/contact-groups", "/contacts/batch", "/contacts/http/range"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The application with one account's credential."""

    client: httpx.AsyncClient
    runtime: Runtime
    clock: FixedClock
    account: Tenant
    key: str

    async def send(self, method: str, path: str, body: object = None, **request: Any) -> httpx.Response:
        """Call the API with the credential; `request` overrides any argument of httpx."""
        given = {"headers": {"Authorization": f"Key {self.key}"}, **request}
        if body is not None:
            given["json"] = body
        return await self.client.request(method, f"{BASE}{path}", **given)

    async def result(self, method: str, path: str, body: object = None, **request: Any) -> Any:
        """Call what is answered, and give the result."""
        reply = await self.send(method, path, body, **request)
        assert reply.status_code == 200, reply.text
        assert reply.json().keys() == {"result"}
        return reply.json()["result"]

    async def refusal(self, method: str, path: str, body: object = None, **request: Any) -> tuple[int, str]:
        """Call what is refused, and give HTTP status and the reason's key."""
        reply = await self.send(method, path, body, **request)
        outcome = reply.json()
        assert outcome.keys() == {"code", "result", "reasons", "description"}, reply.text
        assert (outcome["code"], outcome["result"]) == ("REJECTED", None)
        (reason,) = outcome["reasons"]
        assert reason["key"].startswith(f"{reason['ref']}.")
        assert outcome["description"] == f"Key error: (parameter: {reason['ref']} -> {reason['defaultMessage']})"
        return reply.status_code, reason["key"]

    async def make(self, name: str = "Clients", **given: Any) -> str:
        """Make a list and give its id."""
        return str(await self.result("POST", LISTS, {"name": name, **given}))

    async def lists(self, **params: Any) -> list[Any]:
        """Show lists."""
        return list(await self.result("GET", LISTS, params=params))

    async def add(self, list_id: object, *contacts: Any, params: Any = None, **given: Any) -> list[Any]:
        """Upload contacts and give what became of them."""
        body = {"contactGroupId": list_id, "contacts": list(contacts), **given}
        return list(await self.result("POST", BATCH, body, params=params))

    async def contacts(self, list_id: str, **params: Any) -> list[Any]:
        """Show contacts."""
        return list(await self.result("GET", RANGE, params={"contactGroupId": list_id, **params}))

    async def credential(self, **given: Any) -> str:
        """Make another credential of the account."""
        command = new_key(**{"dialect": "devino", **given})
        made = await self.runtime.db.run(create_credential, self.account.actor, command, self.runtime.secret_box)
        return made.parts["key"]
