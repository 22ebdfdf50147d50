"""A client of the inwise dialect, as a vendor's customer would write it, over the real application."""

from dataclasses import dataclass
from typing import Any

import httpx
from tests.support import Tenant

from carillon.audience.groups import SaveGroup, save_group
from carillon.kit.clock import FixedClock
from carillon.runtime import Runtime

BASE = "/rest/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The application with one account's credential."""

    client: httpx.AsyncClient
    runtime: Runtime
    clock: FixedClock
    account: Tenant
    key: str

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Call with the key; `request` overrides any argument of httpx."""
        given = {"headers": {"X-API-Key": self.key}, **request}
        return await self.client.request(method, f"{BASE}{path}", **given)

    async def save(self, **contact: Any) -> int:
        """Save a contact and give its id."""
        reply = await self.call("POST", "/contacts", json=contact)
        assert reply.status_code == 200, reply.text
        body = reply.json()
        assert body.keys() == {"id"}
        return int(body["id"])

    async def refusal(self, method: str, path: str, **request: Any) -> tuple[int, str]:
        """Call what is refused, and give the status and the message."""
        reply = await self.call(method, path, **request)
        body = reply.json()
        assert body.keys() == {"message", "code"}, body
        assert body["code"] == reply.status_code >= 400
        return reply.status_code, body["message"]

    async def refused(self, **contact: Any) -> tuple[int, str]:
        """Save a contact that is refused."""
        return await self.refusal("POST", "/contacts", json=contact)

    async def show(self, contact_id: int) -> Any:
        """Return a contact."""
        reply = await self.call("GET", f"/contacts/{contact_id}")
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def fields(self, contact_id: int) -> dict[str, str]:
        """Return a contact's personal fields."""
        return {field["name"]: field["content"] for field in (await self.show(contact_id))["fields"]}

    async def feed(self, key: str | None = None) -> list[Any]:
        """Read the feed."""
        reply = await self.call("GET", "/contacts", headers={"X-API-Key": key or self.key})
        assert reply.status_code == 200, reply.text
        contacts = reply.json()
        assert isinstance(contacts, list)
        return contacts

    async def insert(self, csv_file: str, mapping: dict[str, str], **options: Any) -> Any:
        """Insert a batch and give the counts."""
        reply = await self.call("POST", "/contacts/batchInsert", json=batch(csv_file, mapping, **options))
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def group(self, name: str) -> int:
        """Make a group, which this dialect can't, and give its id."""
        made = await self.runtime.db.run(save_group, self.account.actor, SaveGroup(name=name))
        return int(made.group_id)


def batch(csv_file: str, mapping: dict[str, str], **options: Any) -> dict[str, Any]:
    """Return the body of a batch; `mapping` leads from columns to fields."""
    mappings = [{"field_name": field, "file_column_name": column} for column, field in mapping.items()]
    return {"csv_file": csv_file, "fields_mapping": mappings, **options}
