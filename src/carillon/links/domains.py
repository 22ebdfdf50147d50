"""Domains of accounts' own for short links: added by the account, and used once it has shown that they are its own.

It shows it by the token that it was given: in a file at the host's well-known place, or in a text (TXT) of a name below
the host in DNS.
"""

import asyncio
import hmac
from dataclasses import dataclass
from datetime import datetime

from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.links.addresses import LinkAddresses
from carillon.links.targets import host_of, read_domain
from carillon.outbound.client import HttpClient
from carillon.outbound.dns import texts_of
from carillon.outbound.exchange import HttpRequest, OutboundError
from carillon.tenancy.secrets import new_secret

SQL = load_statements("carillon.links", "domains.sql")

WELL_KNOWN = "/.well-known/carillon-domain.txt"
"""Where the owner of a host puts the token."""

PROOF_NAME = "_carillon-domain"
"""The name below the host whose text may be the token instead."""

_TIMEOUT_SECONDS = 10.0
_MOST_BYTES = 1_024
_FOUND = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkDomain:
    """A host that an account's links may have from `verified_at` on. `token` is what its owner publishes."""

    host: str
    token: str
    created_at: datetime
    verified_at: datetime | None


async def add_domain(tx: Tx, actor: Actor, domain: str) -> LinkDomain:
    """Add a domain, as `https://host`; one that is there keeps its token. Raises InvalidInputError for `domain`."""
    if not tx.process_state(LinkAddresses).is_chosen:
        raise InvalidInputError("domain", "Set link_url or public_url first: links need an address that is their own.")
    host = host_of(read_domain(domain))
    await tx.execute(SQL["add_domain"], actor.account_id, host, new_secret(tx.random), tx.real_now)
    return await get_domain(tx, actor, host)


async def get_domain(tx: Tx, actor: Actor, host: str) -> LinkDomain:
    """Return a domain by its host. Raises NotFoundError for `domain`."""
    row = await tx.fetchrow(SQL["get_domain"], actor.account_id, host)
    if row is None:
        raise NotFoundError("domain")
    return _domain(row)


async def list_domains(tx: Tx, actor: Actor) -> list[LinkDomain]:
    """List the account's domains."""
    return [_domain(row) for row in await tx.fetch(SQL["list_domains"], actor.account_id)]


async def remove_domain(tx: Tx, actor: Actor, host: str) -> None:
    """Remove a domain; its links lead on as long as it is pointed here. Raises NotFoundError for `domain`."""
    if await tx.fetchrow(SQL["remove_domain"], actor.account_id, host) is None:
        raise NotFoundError("domain")


def proof_name(host: str) -> str:
    """Return the name in DNS whose text may be the token of a host, whatever its port."""
    return f"{PROOF_NAME}.{host.partition(':')[0]}"


async def verify_domain(
    db: Database, actor: Actor, client: HttpClient, host: str, dns_server: str | None = None
) -> LinkDomain:
    """Read the token at the host, by https or http, or in DNS, and let links have the host.

    Raises NotFoundError and InvalidInputError for `domain`.
    """
    domain = await db.read(get_domain, actor, host)
    places = [f"{scheme}://{host}{WELL_KNOWN}" for scheme in ("https", "http")]
    texts, files = await asyncio.gather(
        texts_of(proof_name(host), dns_server), asyncio.gather(*(_published(client, place) for place in places))
    )
    if not any(hmac.compare_digest(one, domain.token.encode()) for one in (*texts, *files)):
        where = f"{host}{WELL_KNOWN}, nor a text (TXT) of {proof_name(host)}"
        raise InvalidInputError("domain", f"Neither {where}, has the token of the domain.")
    return await db.run(_verified, actor, domain)


async def _published(client: HttpClient, url: str) -> bytes:
    request = HttpRequest(method="GET", url=url, timeout_seconds=_TIMEOUT_SECONDS, max_reply_bytes=_MOST_BYTES)
    try:
        reply = await client.send(request)
    except OutboundError:
        return b""
    return reply.body.strip() if reply.status == _FOUND else b""


async def _verified(tx: Tx, actor: Actor, domain: LinkDomain) -> LinkDomain:
    if await tx.fetchrow(SQL["owner_of_host"], domain.host, actor.account_id) is not None:
        raise InvalidInputError("domain", "The host is another account's.")
    if await tx.fetchrow(SQL["verify_domain"], actor.account_id, domain.host, domain.token, tx.real_now) is None:
        raise NotFoundError("domain")
    return await get_domain(tx, actor, domain.host)


def _domain(row: Record) -> LinkDomain:
    return LinkDomain(
        host=row["host"], token=row["token"], created_at=row["created_at"], verified_at=row["verified_at"]
    )
