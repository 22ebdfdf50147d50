"""A client of the Apifon dialect, as a vendor's customer would write it, over the real application."""

import base64
import hashlib
import hmac
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import Any
from uuid import UUID

import httpx
import msgspec
from tests.background import process_uploads
from tests.support import Tenant, new_key

from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.contacts.subscription import ChangeSubscriptions, SubscriptionChange, change_subscriptions
from carillon.audience.upsert.rows import ContactRow
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock
from carillon.kit.ids import AudienceId
from carillon.runtime import Runtime
from carillon.tenancy.credentials import create_credential

HOST = "http://carillon.example"
LISTS = "/services/api/v1/list"
BLOCKS = "/services/api/v1/bounce/subscriber"
JSON = {"Content-Type": "application/json; charset=utf-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """The application with one account's credential, which signs."""

    client: httpx.AsyncClient
    runtime: Runtime
    clock: FixedClock
    account: Tenant
    parts: dict[str, str]

    async def limited(self, **options: Any) -> "Wire":
        """Return the same with another credential."""
        command = new_key("apifon", **options)
        made = await self.runtime.db.run(create_credential, self.account.actor, command, self.runtime.secret_box)
        return replace(self, parts=made.parts)

    def signature(self, method: str, path: str, body: bytes, date: str) -> str:
        """Sign as the vendor's clients do."""
        message = b"\n".join([method.encode(), path.encode(), body, date.encode()])
        digest = hmac.new(self.parts["secret"].encode(), message, hashlib.sha256).digest()
        return base64.b64encode(digest).decode()

    async def call(
        self, method: str, path: str, data: object = None, *, headers: dict[str, str] | None = None, date: str = ""
    ) -> httpx.Response:
        """Send a signed request; `data` bytes are the body as it is."""
        body = b"" if data is None else data if isinstance(data, bytes) else msgspec.json.encode(data)
        date = date or format_datetime(self.clock.now(), usegmt=True)
        signed = self.signature(method, path.partition("?")[0], body, date)
        known = {"X-ApifonWS-Date": date, "Authorization": f"ApifonWS {self.parts['token']}:{signed}", **JSON}
        return await self.client.request(method, path, content=body, headers={**known, **(headers or {})})

    async def ok(self, method: str, path: str, data: object = None, status: int = 200) -> Any:
        """Send a request that succeeds, and give its body."""
        reply = await self.call(method, path, data)
        assert reply.status_code == status, reply.text
        return reply.json() if reply.content else None

    async def refusal(self, method: str, path: str, data: object = None, **options: Any) -> tuple[int, dict[str, str]]:
        """Send a request that is refused, and give its status and details."""
        reply = await self.call(method, path, data, **options)
        body = reply.json()
        assert set(body) == {"status", "title", "error_details", "error_report_code"}, body
        assert body["status"] == str(reply.status_code)
        assert body["error_report_code"] == reply.headers["x-request-id"] == str(UUID(body["error_report_code"]))
        return reply.status_code, body["error_details"]

    async def token(self, **asked: str) -> httpx.Response:
        """Ask for a token as the vendor's SDK does: all in the query."""
        known = {
            "grant_type": "client_credentials",
            "client_id": self.parts["client_id"],
            "client_secret": self.parts["client_secret"],
            "scope": "",
        }
        return await self.client.post("/oauth2/token", params={**known, **asked})

    async def block(self, destination: str, reason: str = "other", **more: str) -> None:
        """Block a destination."""
        await self.ok("POST", f"{BLOCKS}/block", {"destination": destination, "reason": reason, **more}, 201)

    async def made_list(self, **more: Any) -> str:
        """Make a list, and give its path."""
        asked = {"title": "Guests", "type": "ADVANCED", "prefix": "+30", **more}
        reply = await self.call("POST", LISTS, asked)
        assert reply.status_code == 201, reply.text
        return reply.headers["location"].removeprefix("http://carillon.example")

    async def bulk(self, place: str, *rows: object, **more: Any) -> None:
        """Fill a list with many subscribers."""
        reply = await self.call("POST", f"{place}/subscriber/bulk", {"subscribers": rows, **more})
        assert (reply.status_code, reply.content) == (200, b""), reply.text

    async def process_upload(self) -> int:
        """Do what the background worker does for the account, and give the number of uploads that it finished."""
        return await process_uploads(self.runtime.db, self.account.account_id)

    def inside(self, place: str) -> Actor:
        """Return an actor in a list."""
        return replace(self.account.actor, audience_id=AudienceId(int(place.rpartition("/")[2], 16)))

    async def contact(
        self,
        phone: str | None,
        email: str | None,
        *,
        actor: Actor | None = None,
        group: str | None = None,
        sms: SubscriptionStatus | None = None,
    ) -> int:
        """Let another API make a contact."""
        row = ContactRow(phone=phone, email=email, add_to=[group] if group else [])
        actor = actor or self.account.actor
        saved = await self.runtime.db.run(save_contact, actor, SaveContact(row=row))
        command = ChangeSubscriptions(changes=[SubscriptionChange(contact_id=saved.contact_id, sms=sms)])
        await self.runtime.db.run(change_subscriptions, actor, command)
        return saved.contact_id


def values_of(shown: dict[str, Any], *names: str) -> list[Any]:
    """Return some of what is shown."""
    return [shown[name] for name in names]
