"""Callers that sign their requests, and callers with a token for a while."""

import asyncio
import hmac
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support import OPERATOR, Stopwatch, Tenant, new_key

from carillon.db.database import Database
from carillon.errors import (
    AccountLockedError,
    AddressNotAllowedError,
    BadCredentialsError,
    CallerError,
    RateLimitedError,
)
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock
from carillon.tenancy.accounts import (
    AccountStatus,
    CreateAccount,
    OpenAccount,
    SetAccountStatus,
    create_account,
    open_account,
    set_account_status,
)
from carillon.tenancy.authentication import CACHE_SECONDS, Authenticator, Login, SignedLogin, TokenLogin
from carillon.tenancy.credentials import (
    RevokeCredential,
    create_credential,
    revoke_credential,
)
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import SecretBox
from carillon.tenancy.signed_calls import remember_signed_call
from carillon.tenancy.tokens import IssueToken, issue_token, revoke_token

MESSAGE = 'POST\n/list/\n{"title":"Πελάτες"}\nWed, 12 Mar 2025 09:00:00 GMT'.encode()
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    authenticator: Authenticator
    db: Database
    tenant: Tenant
    box: SecretBox
    time: Stopwatch
    parts: dict[str, str]
    credential_id: int

    def signed(self, message: bytes = MESSAGE, **changes: Any) -> SignedLogin:
        login = SignedLogin(
            dialect="apifon",
            key_name=self.parts["token"],
            message=message,
            signature=hmac.digest(self.parts["secret"].encode(), message, "sha256"),
            remote_address="192.0.2.7",
        )
        return replace(login, **changes)

    async def actor(self) -> Actor:
        return await self.authenticator.authenticate(
            Login(
                dialect="apifon",
                key_name=self.parts["client_id"],
                secret=self.parts["client_secret"],
                remote_address="192.0.2.7",
            )
        )

    async def token(self, *scopes: str, lifetime: timedelta = HOUR) -> str:
        return await self.db.run(issue_token, await self.actor(), IssueToken(scopes=scopes, lifetime=lifetime))

    async def refusal(self, login: SignedLogin | TokenLogin) -> type[CallerError] | None:
        try:
            if isinstance(login, SignedLogin):
                await self.authenticator.authenticate_signed(login)
            else:
                await self.authenticator.authenticate_token(login)
        except CallerError as error:
            return type(error)
        return None


def bearer(token: str) -> TokenLogin:
    return TokenLogin(dialect="apifon", token=token, remote_address="192.0.2.7")


async def opened(db: Database, tenant: Tenant, tmp_path: Path, **options: Any) -> Admission:
    box = SecretBox(tmp_path / "secret.key")
    command = new_key("apifon", **options)
    made = await db.run(create_credential, tenant.actor, command, box)
    time = Stopwatch()
    authenticator = Authenticator(db, RateLimiter(), box, monotonic=time)
    return Admission(
        authenticator=authenticator,
        db=db,
        tenant=tenant,
        box=box,
        time=time,
        parts=made.parts,
        credential_id=made.credential_id,
    )


@pytest.fixture
async def admission(db: Database, account: Tenant, tmp_path: Path) -> Admission:
    return await opened(db, account, tmp_path)


async def test_a_signature_lets_in_the_credentials_owner(admission: Admission) -> None:
    actor = await admission.authenticator.authenticate_signed(admission.signed())
    assert (actor.account_id, actor.audience_id, actor.credential_id) == (
        admission.tenant.account_id,
        admission.tenant.audience_id,
        admission.credential_id,
    )


async def test_another_message_secret_name_or_dialect_is_refused(admission: Admission) -> None:
    signature = admission.signed().signature
    for login in (
        admission.signed(message=MESSAGE + b" ", signature=signature),
        admission.signed(signature=b""),
        admission.signed(signature=signature[:-1]),
        admission.signed(signature=hmac.digest(admission.parts["client_secret"].encode(), MESSAGE, "sha256")),
        admission.signed(key_name="nobody"),
        admission.signed(key_name="naïve"),
        admission.signed(key_name="a\0b"),
        admission.signed(dialect="inforu"),
    ):
        assert await admission.refusal(login) is BadCredentialsError


async def test_a_token_lets_in_until_it_expires(admission: Admission, clock: FixedClock) -> None:
    token = await admission.token("readList", "readSubscriber")
    actor = await admission.authenticator.authenticate_token(bearer(token))
    assert (actor.account_id, actor.credential_id) == (admission.tenant.account_id, admission.credential_id)
    assert actor.scopes == {"readList", "readSubscriber"}
    clock.moment += HOUR - timedelta(seconds=1)
    assert await admission.refusal(bearer(token)) is None
    clock.moment += timedelta(seconds=1)
    assert await admission.refusal(bearer(token)) is BadCredentialsError


async def test_an_earlier_token_stays_when_another_is_given(admission: Admission) -> None:
    first, second = await admission.token(), await admission.token()
    assert first != second
    assert [await admission.refusal(bearer(token)) for token in (first, second)] == [None, None]


async def test_a_token_that_was_revoked_is_refused_and_the_others_stay(admission: Admission) -> None:
    first, second = await admission.token(), await admission.token()
    await admission.db.run(revoke_token, await admission.actor(), first)
    await admission.db.run(revoke_token, await admission.actor(), "nonsense")
    assert [await admission.refusal(bearer(token)) for token in (first, second)] == [BadCredentialsError, None]


async def test_a_token_is_believed_for_a_moment_and_no_longer(admission: Admission) -> None:
    token = await admission.token()
    assert await admission.refusal(bearer(token)) is None
    await admission.db.run(revoke_token, await admission.actor(), token)  # by another process
    admission.time.seconds += CACHE_SECONDS - 0.1
    assert await admission.refusal(bearer(token)) is None
    admission.time.seconds += 0.1
    assert await admission.refusal(bearer(token)) is BadCredentialsError


async def test_a_token_that_this_process_forgets_is_refused_at_once(admission: Admission) -> None:
    token = await admission.token()
    assert await admission.refusal(bearer(token)) is None
    await admission.db.run(revoke_token, await admission.actor(), token)
    admission.authenticator.forget_token("apifon", token)
    assert await admission.refusal(bearer(token)) is BadCredentialsError


async def test_a_token_that_is_believed_expires_in_time(admission: Admission, clock: FixedClock) -> None:
    token = await admission.token()
    assert await admission.refusal(bearer(token)) is None
    clock.moment += HOUR
    assert await admission.refusal(bearer(token)) is BadCredentialsError


async def test_a_token_is_one_dialects(admission: Admission) -> None:
    token = await admission.token()
    assert await admission.refusal(bearer(token)) is None
    assert await admission.refusal(replace(bearer(token), dialect="nrs")) is BadCredentialsError


@pytest.mark.parametrize(
    "token", ["", "-", "1", "0-x", "zz-x", "1-" + "x" * 300, "1-naïve", "-1-x", "f" * 15 + "-x", " 1-x"]
)
async def test_what_is_no_token_is_refused(admission: Admission, token: str) -> None:
    assert await admission.refusal(bearer(token)) is BadCredentialsError


async def test_a_token_of_another_account_number_is_refused(admission: Admission) -> None:
    _, _, secret = (await admission.token()).partition("-")
    assert await admission.refusal(bearer(f"{admission.tenant.account_id + 1:x}-{secret}")) is BadCredentialsError


async def test_expired_tokens_are_deleted_when_new_ones_are_given(admission: Admission, clock: FixedClock) -> None:
    for _ in range(3):
        await admission.token()
    clock.moment += HOUR
    await admission.token()
    async with admission.db.transaction() as tx:
        assert (
            await tx.fetchval("SELECT count(*) FROM access_token WHERE account_id = $1", admission.tenant.account_id)
            == 1
        )


async def test_revocation_closing_networks_and_rates_count_for_both(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    admission = await opened(db, account, tmp_path, allowed_networks=["192.0.2.0/24"], calls_per_second=1.0)
    token = await admission.token()
    for login in (admission.signed(), bearer(token)):
        assert await admission.refusal(replace(login, remote_address="198.51.100.1")) is AddressNotAllowedError
    assert (
        await admission.refusal(admission.signed()) is RateLimitedError
    )  # the token's issue was the call of this second
    assert await admission.refusal(bearer(token)) is RateLimitedError
    await db.run(set_account_status, account.actor, SetAccountStatus(status=AccountStatus.LOCKED))
    admission.time.seconds += CACHE_SECONDS
    assert [await admission.refusal(one) for one in (admission.signed(), bearer(token))] == [AccountLockedError] * 2
    await db.run(set_account_status, account.actor, SetAccountStatus(status=AccountStatus.ACTIVE))
    await db.run(revoke_credential, account.actor, RevokeCredential(credential_id=admission.credential_id))
    admission.time.seconds += CACHE_SECONDS
    assert [await admission.refusal(one) for one in (admission.signed(), bearer(token))] == [BadCredentialsError] * 2


async def test_a_signature_that_one_process_has_accepted_is_refused_by_the_others_later(
    admission: Admission, dsn: str, clock: FixedClock
) -> None:
    other_db = await Database.connect(dsn, clock=clock, size=2)
    other = replace(admission, authenticator=Authenticator(other_db, RateLimiter(), admission.box))
    call = admission.signed(remember_until=clock.now() + timedelta(days=1))
    first = await asyncio.gather(*(one.refusal(call) for one in (admission, other) * 5))
    clock.moment += timedelta(seconds=61)
    later = [await one.refusal(call) for one in (admission, other)]
    await other_db.close()
    assert first == [None] * 10
    assert later == [BadCredentialsError] * 2
    assert await admission.refusal(admission.signed(remember_until=None)) is None  # what only reads


async def test_accounts_share_no_signatures(admission: Admission, db: Database, clock: FixedClock) -> None:
    until = clock.now() + timedelta(days=1)
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="IL"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    await db.run(remember_signed_call, actor, b"signature", until)
    clock.moment += timedelta(hours=1)
    await db.run(remember_signed_call, admission.tenant.actor, b"signature", until)
    with pytest.raises(BadCredentialsError):
        await db.run(remember_signed_call, actor, b"signature", until)
