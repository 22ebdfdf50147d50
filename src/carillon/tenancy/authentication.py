"""Letting callers in: a credential against its hash, its network, its account's status, its rate."""

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

import msgspec
from asyncpg import Record

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import (
    AccountLockedError,
    AccountNotActiveError,
    AddressNotAllowedError,
    BadCredentialsError,
)
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.kit.networks import Network, plain_network
from carillon.kit.traffic import TrafficClass
from carillon.tenancy.accounts import AccountStatus
from carillon.tenancy.networks import is_within
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import KEY_NAME_CHARACTERS, SecretBox, hash_secret, seal_context
from carillon.tenancy.signed_calls import remember_signed_call
from carillon.tenancy.tokens import account_of, hash_token

SQL = load_statements("carillon.tenancy", "authentication.sql")

CACHE_SECONDS = 3.0
"""How long a process believes what it has checked: as late does it see a revocation or a closed account."""
_CACHE_ENTRIES = 10_000
USE_SECONDS = 60.0
"""A process writes a credential's last use down at most so often."""

# What the secret of an unknown key is compared with, so that its answer takes as long as a wrong secret's.
_NOBODY = bytes(hashlib.sha256().digest_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a caller showed: the halves of its credential, and the network address it came from ("" if unknown).

    `calls_per_second` is the dialect's own rate, for credentials that have none of theirs; 0 is no limit.
    """

    dialect: str
    key_name: str
    secret: str = field(repr=False)
    remote_address: str
    calls_per_second: float = 0.0

    @classmethod
    def from_key(cls, dialect: str, key: str, *, remote_address: str, calls_per_second: float = 0.0) -> "Login":
        """Take apart the key of a dialect whose clients have a single one."""
        return cls(
            dialect=dialect,
            key_name=key[:KEY_NAME_CHARACTERS],
            secret=key[KEY_NAME_CHARACTERS:],
            remote_address=remote_address,
            calls_per_second=calls_per_second,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedLogin:
    """What a caller showed that signs its requests: HMAC-SHA256 of `message` with the secret, which it never sends.

    `remember_until` is for calls that change something: until then the signature would be accepted, and so long it is
    remembered. None for calls that only read.
    """

    dialect: str
    key_name: str
    message: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    remote_address: str
    calls_per_second: float = 0.0
    remember_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLogin:
    """What a caller showed that has been given a token for a while (`carillon.tenancy.tokens`)."""

    dialect: str
    token: str = field(repr=False)
    remote_address: str
    calls_per_second: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Authenticated:
    """A checked credential, and what has to be checked again at every call."""

    actor: Actor
    credential_id: int
    allowed_networks: Sequence[Network]
    calls_per_second: float | None
    expires_at: datetime | None


AnyLogin = Login | SignedLogin | TokenLogin
Remembered = TypeVar("Remembered", Login, TokenLogin)
CacheKey = TypeVar("CacheKey")
Cached = TypeVar("Cached")


async def authenticate(tx: Tx, login: Login) -> Authenticated:
    """Check a caller's credential, network and account.

    Raises BadCredentialsError (unknown, wrong, revoked or expired: a caller doesn't learn which),
    AddressNotAllowedError, AccountNotActiveError, AccountLockedError, in this order: who can't show the secret learns
    nothing about the account.
    """
    if not (login.key_name + login.secret).isascii() or "\0" in login.key_name:  # as none of ours is
        raise BadCredentialsError
    rows = await tx.fetch(SQL["find_by_key"], login.dialect, login.key_name)
    return await _authenticated(tx, login, _matching(rows, hash_secret(login.secret)))


async def find_signing_key(tx: Tx, dialect: str, key_name: str) -> Sequence[Sequence[Network]]:
    """Find the networks of each credential that signs under a name. Raises BadCredentialsError when there is none."""
    if not key_name.isascii() or "\0" in key_name:
        raise BadCredentialsError
    found = [
        [plain_network(network) for network in row["allowed_networks"]]
        for row in await tx.fetch(SQL["find_by_key"], dialect, key_name)
        if row["sealed_secret"] is not None
        and row["revoked_at"] is None
        and (row["expires_at"] is None or row["expires_at"] > tx.real_now)
    ]
    if not found:
        raise BadCredentialsError
    return found


async def authenticate_signed(tx: Tx, login: SignedLogin, box: SecretBox) -> Authenticated:
    """Check a signature with the credential's sealed secret. Raises what `authenticate` does, and SecretKeyError."""
    if not login.key_name.isascii() or "\0" in login.key_name:
        raise BadCredentialsError
    found = None
    for row in await tx.fetch(SQL["find_by_key"], login.dialect, login.key_name):
        if row["sealed_secret"] is not None:
            secret = box.open(row["sealed_secret"], context=seal_context(row["account_id"], row["credential_id"]))
            expected = hmac.digest(secret.encode(), login.message, "sha256")
            if hmac.compare_digest(expected, login.signature):
                found = row
    return await _authenticated(tx, login, found)


async def authenticate_token(tx: Tx, login: TokenLogin) -> Authenticated:
    """Check a token; its scopes are the caller's. Raises what `authenticate` does."""
    account_id = account_of(login.token)
    if account_id is None:
        raise BadCredentialsError
    found = await tx.fetchrow(SQL["find_by_token"], account_id, hash_token(login.token), login.dialect)
    if found is None or found["revoked_at"] is not None or found["token_expires_at"] <= tx.real_now:
        raise BadCredentialsError
    known = _admitted(login, found, found, now=tx.real_now)
    return replace(known, expires_at=min(known.expires_at or found["token_expires_at"], found["token_expires_at"]))


async def _authenticated(tx: Tx, login: AnyLogin, found: Record | None) -> Authenticated:
    """Check all but the secret, which was right where a credential was found."""
    if found is None or found["revoked_at"] is not None:
        raise BadCredentialsError
    account = await tx.fetchrow(SQL["account_status"], found["account_id"], found["audience_id"])
    if account is None:
        raise BadCredentialsError
    return _admitted(login, found, account, now=tx.real_now)


def _admitted(login: AnyLogin, found: Record, account: Record, *, now: datetime) -> Authenticated:
    audience_id = AudienceId(found["audience_id"])
    # Unknown of credentials that an earlier version made: whoever named another audience than the default one meant it.
    confined = not account["is_default"] if found["confined"] is None else found["confined"]
    authenticated = Authenticated(
        actor=Actor(
            account_id=AccountId(found["account_id"]),
            audience_id=audience_id,
            credential_id=found["credential_id"],
            name=found["key_name"],
            source="API",
            country=account["country"],
            time_zone=account["time_zone"],
            clock_offset=account["clock_offset"],
            scopes=frozenset(found["scopes"]),
            confined_to=audience_id if confined else None,
            traffic_class=None if found["traffic_class"] is None else TrafficClass(found["traffic_class"]),
            sender_defaults=msgspec.json.decode(found["sender_defaults"], type=dict[str, str]),
        ),
        credential_id=found["credential_id"],
        allowed_networks=[plain_network(network) for network in found["allowed_networks"]],
        calls_per_second=found["calls_per_second"],
        expires_at=found["expires_at"],
    )
    _admit(authenticated, login, now=now)
    _require_open(AccountStatus(account["status"]))
    return authenticated


class Authenticator:
    """Checks callers for a process: what was checked a moment ago needs no statement, and every call is counted.

    In memory are hashes of long random secrets, never the secrets.
    """

    def __init__(
        self, db: Database, limiter: RateLimiter, box: SecretBox, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = db
        self._box = box
        self._limiter = limiter
        self._monotonic = monotonic
        # Oldest first: an entry's place is the moment in which it was checked.
        self._checked: OrderedDict[bytes, tuple[float, Authenticated]] = OrderedDict()
        self._keys: OrderedDict[tuple[str, str], tuple[float, Sequence[Sequence[Network]]]] = OrderedDict()
        self._noted: dict[int, float] = {}

    async def authenticate(self, login: Login) -> Actor:
        """Admit a caller within its rate; raise as `authenticate` does; RateLimitedError when it calls too often."""
        return self._counted(login, await self._known(_cache_key(login), login, authenticate))

    async def require_key(self, dialect: str, key_name: str, remote_address: str) -> None:
        """Let a caller pass that names a key which signs, from its network: only then is what it signed worth reading.

        It authenticates nobody. Raises BadCredentialsError and AddressNotAllowedError; a key is cached for
        CACHE_SECONDS.
        """
        key = (dialect, key_name)
        checked_at, known = self._keys.get(key, (0.0, None))
        if known is None or self._monotonic() - checked_at >= CACHE_SECONDS:
            self._keys.pop(key, None)
            known = await self._db.read(find_signing_key, dialect, key_name)
            _keep(self._keys, key, (self._monotonic(), known))
        if not any(not networks or is_within(remote_address, networks) for networks in known):
            raise AddressNotAllowedError

    async def authenticate_signed(self, login: SignedLogin) -> Actor:
        """Admit a caller that signs; raise as `authenticate_signed` does; RateLimitedError as above.

        A call that changes something is admitted once: raises BadCredentialsError when it comes again later than a
        client's retry would (`remember_signed_call`).
        """
        known = await self._db.read(authenticate_signed, login, self._box)
        await self._note_use(known.actor.account_id, known.credential_id)
        actor = self._counted(login, known)
        if login.remember_until is not None:
            await self._db.run_at_once(remember_signed_call, actor, login.signature, login.remember_until)
        return actor

    async def authenticate_token(self, login: TokenLogin) -> Actor:
        """Admit a caller with a token; raise as `authenticate_token` does; RateLimitedError as above."""
        return self._counted(
            login, await self._known(_token_key(login.dialect, login.token), login, authenticate_token)
        )

    def forget_token(self, dialect: str, token: str) -> None:
        """Drop a revoked token from the cache; other processes refuse it within CACHE_SECONDS."""
        self._checked.pop(_token_key(dialect, token), None)

    def _counted(self, login: AnyLogin, known: Authenticated) -> Actor:
        rate = login.calls_per_second if known.calls_per_second is None else known.calls_per_second
        self._limiter.spend(known.credential_id, rate)
        return known.actor

    async def _known(
        self, key: bytes, login: Remembered, check: Callable[[Tx, Remembered], Awaitable[Authenticated]]
    ) -> Authenticated:
        """Return the result of `check` for a login, cached for CACHE_SECONDS."""
        checked_at, known = self._checked.get(key, (0.0, None))
        if known is not None and self._monotonic() - checked_at < CACHE_SECONDS:
            _admit(known, login, now=self._db.clock.now())
            return known
        self._checked.pop(key, None)
        known = await self._db.read(check, login)
        _keep(self._checked, key, (self._monotonic(), known))
        await self._note_use(known.actor.account_id, known.credential_id)
        return known

    async def _note_use(self, account_id: AccountId, credential_id: int) -> None:
        now = self._monotonic()
        noted_at = self._noted.get(credential_id)
        if noted_at is not None and now - noted_at < USE_SECONDS:
            return
        self._noted[credential_id] = now  # before the write, so that calls at once make one
        await self._db.run(_write_use, account_id, credential_id)


def _keep(cache: OrderedDict[CacheKey, Cached], key: CacheKey, value: Cached) -> None:
    cache[key] = value
    cache.move_to_end(key)
    while len(cache) > _CACHE_ENTRIES:
        cache.popitem(last=False)


async def _write_use(tx: Tx, account_id: AccountId, credential_id: int) -> None:
    await tx.execute(SQL["note_use"], account_id, credential_id, tx.real_now)


def _cache_key(login: Login) -> bytes:
    # Lengths first, so that no two logins have the same text.
    halves = f"{len(login.key_name)}:{login.key_name}{login.secret}"
    return f"{login.dialect}:".encode() + hashlib.blake2s(halves.encode(errors="surrogatepass")).digest()


def _token_key(dialect: str, token: str) -> bytes:
    return f"{dialect} token:".encode() + hash_token(token)


def _matching(rows: Sequence[Record], secret_hash: bytes) -> Record | None:
    found = None
    for row in rows:
        if hmac.compare_digest(row["secret_hash"], secret_hash):
            found = row
    if not rows:
        hmac.compare_digest(_NOBODY, secret_hash)
    return found


def _admit(known: Authenticated, login: AnyLogin, *, now: datetime) -> None:
    if known.expires_at is not None and known.expires_at <= now:
        raise BadCredentialsError
    if known.allowed_networks and not is_within(login.remote_address, known.allowed_networks):
        raise AddressNotAllowedError


def _require_open(status: AccountStatus) -> None:
    if status is AccountStatus.NOT_ACTIVE:
        raise AccountNotActiveError
    if status is AccountStatus.LOCKED:
        raise AccountLockedError
