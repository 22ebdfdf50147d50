"""A client of the 360NRS dialect, as a vendor's customer would write it, over the real application."""

from dataclasses import dataclass, replace
from typing import Any

import httpx
from tests.support import OPERATOR, Tenant, new_key

from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account
from carillon.tenancy.credentials import create_credential

BASE = "/api/rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The application with one account's credential."""

    client: httpx.AsyncClient
    runtime: Runtime
    clock: FixedClock
    account: Tenant
    username: str
    password: str

    async def send(self, method: str, path: str, body: object = None, **request: Any) -> httpx.Response:
        """Call the API with the credential; `request` overrides any argument of httpx."""
        given = {"auth": (self.username, self.password), **request}
        if body is not None:
            given["json"] = body
        return await self.client.request(method, f"{BASE}{path}", **given)

    async def get(self, path: str, **params: Any) -> Any:
        """Read what is there, and give the reply."""
        reply = await self.send("GET", path, params=params or None)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def refusal(self, method: str, path: str, body: object = None, **request: Any) -> tuple[int, int, str]:
        """Call what is refused, and give HTTP status, code and description."""
        reply = await self.send(method, path, body, **request)
        assert reply.json().keys() == {"error"}, reply.text
        error = reply.json()["error"]
        assert error.keys() == {"code", "description"}
        return reply.status_code, error["code"], error["description"]

    async def add(self, **contact: Any) -> Any:
        """Write a contact, in a group Everybody unless it names others, and give it."""
        reply = await self.send("POST", "/contacts", {"groupsNames": ["Everybody"], **contact})
        assert reply.status_code == 201, reply.text
        return reply.json()["data"]

    async def put(self, contact_id: int, **contact: Any) -> Any:
        """Change a contact, and give it."""
        reply = await self.send("PUT", f"/contacts/{contact_id}", {"groupsNames": ["Everybody"], **contact})
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    async def show(self, contact_id: int) -> Any:
        """Return a contact with all that belongs to it."""
        return (await self.get(f"/contacts/{contact_id}", include="customFields,groups"))["data"]

    async def custom(self, contact_id: int) -> dict[str, tuple[str, str]]:
        """Return the type and the value of a contact's custom fields by their keys."""
        data = (await self.show(contact_id))["customFields"]["data"]
        return {one["key"]: (one["type"], one["value"]) for one in data}

    async def group(self, name: str) -> int:
        """Make a group and give its id."""
        reply = await self.send("POST", "/groups", {"name": name})
        assert reply.status_code == 201, reply.text
        return int(reply.json()["data"]["id"])

    async def credential(self, **given: Any) -> tuple[str, str]:
        """Make another credential of the account."""
        command = new_key(**{"dialect": "nrs", **given})
        made = await self.runtime.db.run(create_credential, self.account.actor, command, self.runtime.secret_box)
        return tuple(made.parts.values())  # type: ignore[return-value] # a name and a secret

    async def other_account(self) -> "Wire":
        """Make another account with a client of its own."""
        db = self.runtime.db
        made = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="ES"))
        account_id = made.account.account_id
        actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=account_id))
        account = Tenant(account_id=account_id, audience_id=made.audience_id, actor=actor)
        wire = replace(self, account=account)
        username, password = await wire.credential(calls_per_second=0)
        return replace(wire, username=username, password=password)
