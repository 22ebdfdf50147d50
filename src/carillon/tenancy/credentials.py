"""Credentials: the keys with which a dialect's clients come in, made, listed and revoked here.

How one is checked is in `carillon.tenancy.authentication`. Its times are real ones, whatever the account's clock says.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.traffic import TrafficClass
from carillon.tenancy import audit
from carillon.tenancy.networks import read_network
from carillon.tenancy.scopes import Scope
from carillon.tenancy.secrets import SealedSecret, SecretBox, hash_secret, new_key_name, new_secret, seal_context

SQL = load_statements("carillon.tenancy", "credentials.sql")

MAX_SENDER_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialFormat:
    """Under which names a dialect's client is configured with its key.

    `name` is what it calls the public half, and `secret` the other one; without `name` the key is one text, whose first
    characters are the public half. A client that signs its calls has the public half under the first name of `signing`
    too, and a second secret, for signing, under its second name.
    """

    name: str | None = None
    secret: str = "key"  # noqa: S105 - the name of a field
    signing: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateCredential:
    """Make a credential: in the actor's audience, with the dialect's own rate, unless other ones are given.

    With an `audience_id` it reaches no other audience, whatever its dialect; without one a flat dialect works in the
    actor's audience, and a list dialect in all of the account.
    `dialect` is whose API it opens, and `key_format` is that dialect's.
    `traffic_class` is what its messages are for, where the dialect's calls don't say it. `im_sender` and `im_channel`
    are those of its instant messages that name none.
    `calls_per_second` 0 is no limit; `allowed_networks` are in CIDR notation, none of them: from anywhere.
    """

    dialect: str
    key_format: CredentialFormat
    audience_id: int | None = None
    scopes: Sequence[str] = ()
    allowed_networks: Sequence[str] = ()
    calls_per_second: float | None = None
    expires_at: datetime | None = None
    traffic_class: TrafficClass | None = None
    im_sender: str | None = None
    im_channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCredential:
    """A credential just made: `parts` are what its client is configured with, shown once and stored nowhere."""

    credential_id: int
    parts: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A credential as it may be shown: whether it is `confined` to its audience; `last_used_at` is true to a minute."""

    credential_id: int
    audience_id: int
    dialect: str
    key_name: str
    confined: bool
    traffic_class: str | None
    im_sender: str | None
    im_channel: str | None
    scopes: Sequence[str]
    allowed_networks: Sequence[str]
    calls_per_second: float | None
    expires_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListCredentials:
    """Ask for all credentials of the account, the revoked ones too, in the order of their making."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeCredential:
    """Take a credential back for good."""

    credential_id: int


async def create_credential(tx: Tx, actor: Actor, command: CreateCredential, box: SecretBox) -> NewCredential:
    """Make a credential with random secrets and store only what checking them needs.

    A secret that a client signs with must be recoverable, so it is sealed in `box`; all others are hashed. Raises
    InvalidInputError for `scopes`, `allowed_networks`, `calls_per_second`, `expires_at`, `im_sender` and
    `im_channel`, NotFoundError for `audience`.
    """
    networks = [read_network(network) for network in command.allowed_networks]
    _check(command, now=tx.real_now)
    audience_id = actor.audience_id if command.audience_id is None else command.audience_id
    if not await tx.fetchval(SQL["audience_exists"], actor.account_id, audience_id):
        raise NotFoundError("audience", f"There is no audience {audience_id} in account {actor.account_id}.")
    credential_id = (await tx.ids.take("credential"))[0]
    key_name, secret = new_key_name(tx.random), new_secret(tx.random)
    key_format, parts, sealed = command.key_format, {}, None
    if key_format.signing is not None:
        signing_secret = new_secret(tx.random)
        sealed = box.seal(signing_secret, context=seal_context(actor.account_id, credential_id))
        parts = dict(zip(key_format.signing, (key_name, signing_secret), strict=True))
    parts |= (
        {key_format.secret: key_name + secret}
        if key_format.name is None
        else {key_format.name: key_name, key_format.secret: secret}
    )
    await tx.execute(
        SQL["create_credential"],
        actor.account_id,
        credential_id,
        audience_id,
        command.dialect,
        key_name,
        hash_secret(secret),
        sealed,
        list(command.scopes),
        networks,
        command.calls_per_second,
        command.expires_at,
        tx.real_now,
        command.audience_id is not None,
        command.traffic_class,
        msgspec.json.encode(_sender_defaults(command)).decode(),
    )
    detail = {
        "dialect": command.dialect,
        "audience_id": audience_id,
        "confined": command.audience_id is not None,
        "scopes": command.scopes,
        "allowed_networks": [str(network) for network in networks],
        "calls_per_second": command.calls_per_second,
        "expires_at": command.expires_at,
        "traffic_class": command.traffic_class and command.traffic_class.name.lower(),
        **_sender_defaults(command),
    }
    await audit.record(tx, actor, "credential.create", credential_id, detail)
    return NewCredential(credential_id=credential_id, parts=parts)


async def list_credentials(tx: Tx, actor: Actor, _query: ListCredentials) -> list[Credential]:
    """List the account's credentials in the order of their making."""
    rows = await tx.fetch(SQL["list_credentials"], actor.account_id)
    return [
        Credential(
            **{
                **row,
                "allowed_networks": [str(network) for network in row["allowed_networks"]],
                "traffic_class": row["traffic_class"] and TrafficClass(row["traffic_class"]).name.lower(),
            }
        )
        for row in rows
    ]


async def sealed_secrets(tx: Tx, actor: Actor) -> list[SealedSecret]:
    """List the secrets of the account's credentials, but revoked ones, that only the secret key opens."""
    return [
        SealedSecret(sealed=row["sealed_secret"], context=seal_context(actor.account_id, row["credential_id"]))
        for row in await tx.fetch(SQL["sealed_secrets"], actor.account_id)
    ]


async def revoke_credential(tx: Tx, actor: Actor, command: RevokeCredential) -> None:
    """Take a credential back; every process refuses it within seconds (`authentication.CACHE_SECONDS`).

    Revoking twice changes nothing and leaves no entry. Raises NotFoundError for `credential`.
    """
    row = await tx.fetchrow(SQL["lock_credential"], actor.account_id, command.credential_id)
    if row is None:
        raise NotFoundError("credential", f"There is no credential {command.credential_id}.")
    if row["revoked_at"] is None:
        await tx.execute(SQL["revoke_credential"], actor.account_id, command.credential_id, tx.real_now)
        await audit.record(tx, actor, "credential.revoke", command.credential_id, {})


def _sender_defaults(command: CreateCredential) -> dict[str, str]:
    given = {"im_sender": command.im_sender, "im_channel": command.im_channel}
    return {name: text.strip() for name, text in given.items() if text is not None}


def _check(command: CreateCredential, *, now: datetime) -> None:
    for scope in command.scopes:
        if scope not in set(Scope):
            raise InvalidInputError("scopes", f"{scope!r} is not a scope; there are {', '.join(Scope)}.")
    rate = command.calls_per_second
    if rate is not None and not (math.isfinite(rate) and rate >= 0):
        raise InvalidInputError("calls_per_second", "The rate is a number of calls per second; 0 is no limit.")
    if command.expires_at is not None and command.expires_at <= now:
        raise InvalidInputError("expires_at", "The credential would have expired already.")
    for name, text in _sender_defaults(command).items():
        if not 0 < len(text) <= MAX_SENDER_CHARACTERS or "\0" in text:
            raise InvalidInputError(name, f"This has 1 to {MAX_SENDER_CHARACTERS} characters.")
