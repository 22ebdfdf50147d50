"""Letting callers in: each reason to refuse one, and that a warm call asks the database nothing."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support import MOMENT, OPERATOR, Stopwatch, Tenant, new_key

from carillon.audience.audiences import CreateAudience, create_audience
from carillon.db.database import Database
from carillon.dialects.registry import CREDENTIAL_FORMAT
from carillon.errors import (
    AccountLockedError,
    AccountNotActiveError,
    AddressNotAllowedError,
    BadCredentialsError,
    CallerError,
    RateLimitedError,
    ScopeMissingError,
)
from carillon.kit.clock import FixedClock
from carillon.tenancy.accounts import AccountStatus, CreateAccount, SetAccountStatus, create_account, set_account_status
from carillon.tenancy.authentication import CACHE_SECONDS, USE_SECONDS, Authenticator, Login
from carillon.tenancy.credentials import (
    ListCredentials,
    RevokeCredential,
    create_credential,
    list_credentials,
    revoke_credential,
)
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.scopes import Scope, require_scope
from carillon.tenancy.secrets import SecretBox


@dataclass(kw_only=True)
class Admission:
    """An authenticator with a database and a time of its own, and the account whose clients knock."""

    authenticator: Authenticator
    own_db: Database
    time: Stopwatch
    db: Database
    tenant: Tenant
    box: SecretBox

    async def credential(self, dialect: str = "inforu", **options: Any) -> Login:
        command = new_key(dialect, **options)
        made = await self.db.run(create_credential, self.tenant.actor, command, self.box)
        words = CREDENTIAL_FORMAT[dialect]
        if words.name is None:
            return Login.from_key(dialect, made.parts[words.secret], remote_address="192.0.2.7")
        name, secret = made.parts[words.name], made.parts[words.secret]
        return Login(dialect=dialect, key_name=name, secret=secret, remote_address="192.0.2.7")

    async def revoke(self, login: Login) -> None:
        (credential_id,) = [one.credential_id for one in await self.credentials() if one.key_name == login.key_name]
        await self.db.run(revoke_credential, self.tenant.actor, RevokeCredential(credential_id=credential_id))

    async def credentials(self) -> list[Any]:
        return await self.db.read(list_credentials, self.tenant.actor, ListCredentials())

    async def refusal(self, login: Login) -> type[CallerError] | None:
        try:
            await self.authenticator.authenticate(login)
        except CallerError as error:
            return type(error)
        return None


@pytest.fixture
async def admission(
    dsn: str, db: Database, clock: FixedClock, account: Tenant, tmp_path: Path
) -> AsyncIterator[Admission]:
    own_db = await Database.connect(dsn, clock=clock, size=4)
    time, box = Stopwatch(), SecretBox(tmp_path / "secret.key")
    yield Admission(
        authenticator=Authenticator(own_db, RateLimiter(time), box, monotonic=time),
        own_db=own_db,
        time=time,
        db=db,
        tenant=account,
        box=box,
    )
    await own_db.close()


@pytest.mark.parametrize("dialect", list(CREDENTIAL_FORMAT))
async def test_a_client_of_every_dialect_comes_in_with_what_it_was_given(admission: Admission, dialect: str) -> None:
    second = await admission.db.run(
        create_audience, admission.tenant.actor, CreateAudience(name="Athens", country="GR")
    )
    login = await admission.credential(dialect, audience_id=second.audience_id, scopes=["audience:read"])
    actor = await admission.authenticator.authenticate(login)
    assert (actor.account_id, actor.audience_id) == (admission.tenant.account_id, second.audience_id)
    assert (actor.name, actor.source, actor.country, actor.time_zone) == (login.key_name, "API", "GR", "Asia/Jerusalem")
    (credential,) = await admission.credentials()
    assert actor.credential_id == credential.credential_id
    require_scope(actor, Scope.AUDIENCE_READ)
    with pytest.raises(ScopeMissingError):
        require_scope(actor, Scope.AUDIENCE_WRITE)


async def test_a_credential_without_scopes_may_do_everything(admission: Admission) -> None:
    actor = await admission.authenticator.authenticate(await admission.credential())
    for scope in Scope:
        require_scope(actor, scope)


@pytest.mark.parametrize(
    "change",
    [
        {"secret": ""},
        {"secret": "x" * 32},
        {"secret": "ключ"},
        {"secret": "\ud800"},
        {"key_name": ""},
        {"key_name": "nobody"},
        {"key_name": "no\0body"},
        {"key_name": "\ud800"},
        {"key_name": "n" * 100_000},
        {"dialect": "nrs"},
        {"dialect": "unheard of"},
    ],
)
async def test_whoever_does_not_know_both_halves_and_their_dialect_stays_out(
    admission: Admission, change: dict[str, Any]
) -> None:
    login = await admission.credential()
    assert await admission.refusal(replace(login, **change)) is BadCredentialsError
    assert await admission.refusal(login) is None
    assert await admission.refusal(replace(login, **change)) is BadCredentialsError


async def test_a_character_does_not_slip_from_the_one_half_into_the_other(admission: Admission) -> None:
    login = await admission.credential()
    assert await admission.refusal(login) is None
    slipped = replace(login, key_name=login.key_name + login.secret[0], secret=login.secret[1:])
    assert await admission.refusal(slipped) is BadCredentialsError


@pytest.mark.parametrize(
    ("network", "inside", "outside"),
    [
        ("192.0.2.0/24", ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.9"], ["192.0.3.1", "::1", "", "socket"]),
        ("2001:db8::/32", ["2001:db8::1"], ["2001:db9::1", "192.0.2.1"]),
        ("::ffff:192.0.2.0/120", ["192.0.2.0", "::ffff:192.0.2.255"], ["192.0.3.1", "::1", "::c000:201"]),
        ("::ffff:192.0.2.7", ["192.0.2.7", "::ffff:c000:207"], ["192.0.2.8", "::ffff:192.0.2.8"]),
        ("::ffff:0:0/96", ["192.0.2.7", "::ffff:10.0.0.1", "255.255.255.255"], ["::1", "2001:db8::1", ""]),
        ("::/0", ["::1", "2001:db8::1"], ["192.0.2.7", "::ffff:192.0.2.7"]),
    ],
)
async def test_a_credential_with_networks_opens_only_from_there_also_when_warm(
    admission: Admission, network: str, inside: list[str], outside: list[str]
) -> None:
    login = await admission.credential(allowed_networks=["198.51.100.1", network])
    for _ in range(2):
        for address in outside:
            assert await admission.refusal(replace(login, remote_address=address)) is AddressNotAllowedError
        for address in inside:
            assert await admission.refusal(replace(login, remote_address=address)) is None


async def test_a_mapped_network_that_an_earlier_version_has_stored_means_the_same(admission: Admission) -> None:
    login = await admission.credential(allowed_networks=["198.51.100.1"])
    async with admission.db.transaction() as tx:
        await tx.execute(
            "UPDATE credential SET allowed_networks = '{::ffff:192.0.2.0/120}' WHERE account_id = $1",
            admission.tenant.account_id,
        )
    assert await admission.refusal(login) is None
    assert await admission.refusal(replace(login, remote_address="192.0.3.1")) is AddressNotAllowedError


@pytest.mark.parametrize(
    ("status", "error"),
    [(AccountStatus.NOT_ACTIVE, AccountNotActiveError), (AccountStatus.LOCKED, AccountLockedError)],
)
async def test_a_closed_account_s_clients_are_told_so_and_others_are_not(
    admission: Admission, status: AccountStatus, error: type[CallerError]
) -> None:
    login = await admission.credential()
    await admission.db.run(set_account_status, admission.tenant.actor, SetAccountStatus(status=status))
    assert await admission.refusal(login) is error
    assert await admission.refusal(replace(login, secret="x")) is BadCredentialsError
    await admission.db.run(set_account_status, admission.tenant.actor, SetAccountStatus(status=AccountStatus.ACTIVE))
    assert await admission.refusal(login) is None


async def test_a_warm_call_needs_no_database(admission: Admission) -> None:
    login = await admission.credential()
    actor = await admission.authenticator.authenticate(login)
    await admission.own_db.close()
    assert await admission.authenticator.authenticate(login) == actor


async def test_a_revoked_credential_is_refused_as_soon_as_it_has_cooled_down(admission: Admission) -> None:
    login = await admission.credential()
    assert await admission.refusal(login) is None
    await admission.revoke(login)
    admission.time.seconds += CACHE_SECONDS - 0.01
    assert await admission.refusal(login) is None
    admission.time.seconds += 0.01
    assert await admission.refusal(login) is BadCredentialsError
    assert CACHE_SECONDS <= 5


async def test_a_warm_credential_stays_no_longer_for_being_used_all_the_time(admission: Admission) -> None:
    login = await admission.credential()
    assert await admission.refusal(login) is None
    await admission.revoke(login)
    refusals = []
    for _ in range(50):
        admission.time.seconds += CACHE_SECONDS / 25
        refusals.append(await admission.refusal(login))
    assert refusals[-1] is BadCredentialsError
    assert refusals.index(BadCredentialsError) <= 25


async def test_a_credential_expires_to_the_moment_even_when_warm(admission: Admission, clock: FixedClock) -> None:
    login = await admission.credential(expires_at=MOMENT + timedelta(seconds=1))
    assert await admission.refusal(login) is None
    clock.moment += timedelta(seconds=1)
    assert await admission.refusal(login) is BadCredentialsError
    admission.time.seconds += CACHE_SECONDS
    assert await admission.refusal(login) is BadCredentialsError


async def test_the_dialect_s_rate_holds_unless_the_credential_has_its_own(admission: Admission) -> None:
    plain = replace(await admission.credential(), calls_per_second=3.0)
    slow = replace(await admission.credential(calls_per_second=1.0), calls_per_second=3.0)
    free = replace(await admission.credential(calls_per_second=0.0), calls_per_second=3.0)
    for login, passing in ((plain, 3), (slow, 1), (free, 20)):
        refusals = [await admission.refusal(login) for _ in range(20)]
        assert refusals == [None] * passing + [RateLimitedError] * (20 - passing)
    admission.time.seconds += 1
    assert await admission.refusal(plain) is None


async def test_calls_that_are_refused_for_another_reason_are_not_counted(admission: Admission) -> None:
    login = replace(await admission.credential(allowed_networks=["192.0.2.0/24"]), calls_per_second=1.0)
    for _ in range(5):
        assert await admission.refusal(replace(login, remote_address="::1")) is AddressNotAllowedError
        assert await admission.refusal(replace(login, secret="x")) is BadCredentialsError
    assert await admission.refusal(login) is None


async def test_the_last_use_is_written_once_in_a_while_and_not_at_every_call(
    admission: Admission, clock: FixedClock
) -> None:
    login = await admission.credential()
    unused = await admission.credential()
    seen = []
    for _ in range(int(2 * USE_SECONDS / CACHE_SECONDS) + 1):
        await admission.authenticator.authenticate(login)
        used = {one.key_name: one.last_used_at for one in await admission.credentials()}
        seen.append(used[login.key_name])
        admission.time.seconds += CACHE_SECONDS
        clock.moment += timedelta(seconds=CACHE_SECONDS)
    assert used[unused.key_name] is None
    assert sorted(set(seen)) == [MOMENT + timedelta(seconds=USE_SECONDS * times) for times in range(3)]


async def test_an_older_use_never_goes_over_a_newer_one(admission: Admission, clock: FixedClock) -> None:
    login = await admission.credential()
    await admission.authenticator.authenticate(login)
    clock.moment -= timedelta(hours=1)
    late = Authenticator(admission.own_db, RateLimiter(), admission.box)
    await late.authenticate(login)
    assert [one.last_used_at for one in await admission.credentials()] == [MOMENT]


async def test_a_crowd_of_first_calls_all_come_in(admission: Admission) -> None:
    login = await admission.credential()
    actors = await asyncio.gather(*(admission.authenticator.authenticate(login) for _ in range(40)))
    assert len(set(actors)) == 1


async def test_the_memory_of_checked_credentials_is_bounded_and_the_oldest_goes(
    admission: Admission, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carillon.tenancy.authentication._CACHE_ENTRIES", 2)
    logins = [await admission.credential() for _ in range(3)]
    for login in logins:
        await admission.authenticator.authenticate(login)
    assert len(admission.authenticator._checked) == 2
    await admission.own_db.close()
    assert [await admission.refusal(login) for login in logins[1:]] == [None, None]


async def test_two_accounts_with_the_same_key_name_are_told_apart_by_their_secrets(admission: Admission) -> None:
    first = await admission.credential()
    other = await admission.db.run(create_account, OPERATOR, CreateAccount(name="Other", country="GR"))
    tenant = Tenant(
        account_id=other.account.account_id,
        audience_id=other.audience_id,
        actor=replace(admission.tenant.actor, account_id=other.account.account_id, audience_id=other.audience_id),
    )
    second = await replace(admission, tenant=tenant).credential()
    async with admission.db.transaction() as tx:
        await tx.execute("UPDATE credential SET key_name = $1", first.key_name)
    assert (await admission.authenticator.authenticate(first)).account_id == admission.tenant.account_id
    actor = await admission.authenticator.authenticate(replace(second, key_name=first.key_name))
    assert actor.account_id == other.account.account_id


def test_a_login_shows_its_secret_to_nobody() -> None:
    login = Login(dialect="inforu", key_name="name", secret="ding-dong", remote_address="")
    assert "ding-dong" not in repr(login)
