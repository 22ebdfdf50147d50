"""Clients of all dialects on one account."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from carillon.runtime import Runtime


def basic(user: str, secret: str) -> str:
    """Write an Authorization header of HTTP Basic."""
    return f"Basic {base64.b64encode(f'{user}:{secret}'.encode()).decode()}"


HEADERS: Mapping[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "inforu": lambda key: {"Authorization": basic(key["username"], key["token"])},
    "nrs": lambda key: {"Authorization": basic(key["username"], key["password"])},
    "inwise": lambda key: {"X-API-Key": key["key"]},
    "apifon": lambda key: {"Authorization": f"Bearer {key['access_token']}"},
    "devino": lambda key: {"Authorization": f"Key {key['key']}"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DialectClients:
    """A client of each dialect, all with credentials of one account."""

    client: httpx.AsyncClient
    keys: dict[str, dict[str, str]]
    runtime: Runtime | None = None

    async def headers(self, dialect: str) -> dict[str, str]:
        """Return the headers that authenticate a dialect's client."""
        key = self.keys[dialect]
        if dialect == "apifon":
            auth = (key["client_id"], key["client_secret"])
            key = (await self.client.post("/oauth2/token", auth=auth)).json()
        return HEADERS[dialect](key)

    async def inforu(self, function: str, data: dict[str, Any]) -> Any:
        """Call a function that succeeds, and give its Data."""
        reply = await self.call_inforu(function, data)
        assert reply.json()["StatusId"] == 1, reply.text
        return reply.json()["Data"]

    async def call_inforu(self, function: str, data: dict[str, Any]) -> httpx.Response:
        """Call a function."""
        key = self.keys["inforu"]
        auth = (key["username"], key["token"])
        return await self.client.post(f"/api/v2/Contact/{function}", json={"Data": data}, auth=auth)

    async def nrs(self, method: str, path: str, body: object = None) -> httpx.Response:
        key = self.keys["nrs"]
        auth = (key["username"], key["password"])
        return await self.client.request(method, f"/api/rest{path}", json=body, auth=auth)

    async def inwise(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"X-API-Key": self.keys["inwise"]["key"]}
        return await self.client.request(method, f"/rest/v1{path}", json=body, headers=headers)

    async def apifon(self, method: str, path: str, body: object = None) -> httpx.Response:
        key = self.keys["apifon"]
        auth = (key["client_id"], key["client_secret"])
        token = (await self.client.post("/oauth2/token", auth=auth)).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return await self.client.request(method, f"/services/api/v1{path}", json=body, headers=headers)

    async def devino(self, method: str, path: str, body: object = None) -> Any:
        """Call an operation that succeeds, and give its result."""
        reply = await self.call_devino(method, path, body)
        assert reply.status_code == 200, reply.text
        return reply.json()["result"]

    async def call_devino(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Call an operation."""
        headers = {"Authorization": f"Key {self.keys['devino']['key']}"}
        return await self.client.request(method, f"/address-book-api{path}", json=body, headers=headers)
