"""An account's own clock, and the three sources that a test can freeze: time, ids and randomness."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from tests.support import MOMENT, OPERATOR, Cluster, Tenant, new_key

from carillon.audience.audiences import CreateAudience, create_audience
from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.contacts.retention import sweep_audiences
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.uploads.accept import AcceptUpload, accept_upload, upload_now
from carillon.audience.uploads.queue import claim_uploads, fail_upload
from carillon.audience.uploads.report import delete_reports, failed_uploads, upload_report
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database, Tx
from carillon.errors import BadCredentialsError, InvalidInputError, JobNotFoundError
from carillon.kit.actor import Actor
from carillon.kit.clock import FixedClock
from carillon.kit.ids import first_uuid_of
from carillon.tenancy.accounts import (
    AdvanceClock,
    CreateAccount,
    OpenAccount,
    advance_clock,
    create_account,
    open_account,
)
from carillon.tenancy.audit import ListAudit, list_audit
from carillon.tenancy.authentication import Authenticator, Login, TokenLogin, authenticate, authenticate_token
from carillon.tenancy.credentials import (
    ListCredentials,
    RevokeCredential,
    create_credential,
    list_credentials,
    revoke_credential,
)
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import SecretBox
from carillon.tenancy.tokens import IssueToken, issue_token

TWO_HOURS = timedelta(hours=2)
DAY = timedelta(days=1)
MONTH = timedelta(days=30)


async def moments_of(tx: Tx, _actor: Actor) -> tuple[object, object]:
    return tx.now, tx.real_now


async def set_forward(db: Database, account: Tenant, by: timedelta) -> Actor:
    """Set the account's clock forward, and return an actor that has its time."""
    await db.run(advance_clock, account.actor, AdvanceClock(by=by))
    return await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id))


async def test_an_accounts_clock_runs_ahead_and_the_real_time_stays(db: Database, account: Tenant) -> None:
    assert await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS)) == TWO_HOURS
    assert await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS)) == 2 * TWO_HOURS
    ahead = await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id))
    assert await db.run(moments_of, ahead) == (MOMENT + 2 * TWO_HOURS, MOMENT)
    assert await db.read(moments_of, ahead) == (MOMENT + 2 * TWO_HOURS, MOMENT)


async def test_what_is_written_has_the_accounts_time(db: Database, account: Tenant) -> None:
    await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS))
    ahead = await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id))
    await db.run(save_contact, ahead, SaveContact(row=ContactRow(phone="0521234567")))
    query = FindContacts(key=ContactKey(kind=KeyKind.PHONE, value="0521234567"))
    (contact,) = await db.read(find_contacts, ahead, query)
    assert contact.created_at == MOMENT + TWO_HOURS
    await db.run(advance_clock, ahead, AdvanceClock(by=TWO_HOURS))
    newest = (await db.read(list_audit, ahead, ListAudit(limit=1)))[0]
    assert (newest.action, newest.at) == ("account.clock", MOMENT + TWO_HOURS)
    assert newest.entry_id > first_uuid_of(MOMENT + TWO_HOURS)


async def test_a_wait_for_a_lock_moves_the_accounts_time_too(db: Database, account: Tenant, clock: FixedClock) -> None:
    await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS))
    ahead = await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id))
    async with db.transaction(ahead) as tx:
        clock.moment = MOMENT + timedelta(seconds=5)
        tx.read_clock()
        assert tx.now == MOMENT + TWO_HOURS + timedelta(seconds=5)


async def test_contacts_are_swept_that_are_idle_by_the_accounts_clock(db: Database, account: Tenant) -> None:
    made = await db.run(create_audience, account.actor, CreateAudience(name="List", idle_days=2))
    inside = replace(account.actor, audience_id=made.audience_id)
    await db.run(save_contact, inside, SaveContact(row=ContactRow(phone="0521234567")))
    ahead = await set_forward(db, account, MONTH)
    inside = replace(ahead, audience_id=made.audience_id)
    await db.run(save_contact, inside, SaveContact(row=ContactRow(phone="0521234568")))
    await sweep_audiences(db)
    assert [one.phone for one in (await db.read(query_contacts, inside, ContactQuery())).items] == ["972521234568"]
    newest = (await db.read(list_audit, ahead, ListAudit(limit=1)))[0]
    assert (newest.action, newest.at) == ("contact.delete", MOMENT + MONTH)


async def test_an_upload_that_fails_has_its_end_after_its_beginning(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    ahead = await set_forward(db, account, MONTH)
    await db.run(accept_upload, ahead, AcceptUpload(rows=[ContactRow(phone="0521234567")]))
    (upload,) = await claim_uploads(db, account.account_id, 8)
    clock.moment += timedelta(seconds=5)
    await db.run(fail_upload, upload)
    (failed,) = await db.read(failed_uploads, ahead)
    assert (failed.created_at, failed.finished_at) == (MOMENT + MONTH, MOMENT + MONTH + timedelta(seconds=5))


async def test_reports_are_deleted_that_are_old_by_the_accounts_clock(
    db: Database, account: Tenant, clock: FixedClock
) -> None:
    ahead = await set_forward(db, account, MONTH)
    command = AcceptUpload(rows=[ContactRow(phone="0521234567")])
    import_id = (await db.run(upload_now, ahead, command)).import_id
    clock.moment += 29 * DAY
    await delete_reports(db, days=30)
    assert (await db.read(upload_report, ahead, import_id)).report.rows == 1
    clock.moment += 2 * DAY
    await delete_reports(db, days=30)
    with pytest.raises(JobNotFoundError):
        await db.read(upload_report, ahead, import_id)


@pytest.mark.parametrize("by", [timedelta(), -TWO_HOURS])
async def test_a_clock_is_never_set_back(db: Database, account: Tenant, by: timedelta) -> None:
    with pytest.raises(InvalidInputError):
        await db.run(advance_clock, account.actor, AdvanceClock(by=by))


async def test_an_api_caller_has_the_accounts_clock(db: Database, account: Tenant, tmp_path: Path) -> None:
    await db.run(advance_clock, account.actor, AdvanceClock(by=TWO_HOURS))
    box = SecretBox(tmp_path / "key")
    made = await db.run(create_credential, account.actor, new_key("inforu"), box)
    caller = await Authenticator(db, RateLimiter(), box).authenticate(
        Login(dialect="inforu", key_name=made.parts["username"], secret=made.parts["token"], remote_address="")
    )
    assert caller.clock_offset == TWO_HOURS


async def test_a_token_ends_by_the_real_time(db: Database, account: Tenant, clock: FixedClock, tmp_path: Path) -> None:
    ahead, box = await set_forward(db, account, MONTH), SecretBox(tmp_path / "key")
    made = await db.run(create_credential, ahead, new_key("apifon"), box)
    client = replace(ahead, credential_id=made.credential_id)
    token = await db.run(issue_token, client, IssueToken(scopes=[], lifetime=timedelta(hours=1)))
    login = TokenLogin(dialect="apifon", token=token, remote_address="")
    assert (await db.read(authenticate_token, login)).credential_id == made.credential_id
    clock.moment += TWO_HOURS
    with pytest.raises(BadCredentialsError):
        await db.read(authenticate_token, login)
    await db.run(issue_token, client, IssueToken(scopes=[], lifetime=timedelta(hours=1)))
    assert await db.read(Tx.fetchval, "SELECT count(*) FROM access_token") == 1  # the other one had expired


async def test_a_credential_ends_by_the_real_time(
    db: Database, account: Tenant, clock: FixedClock, tmp_path: Path
) -> None:
    ahead, box = await set_forward(db, account, MONTH), SecretBox(tmp_path / "key")
    made = await db.run(create_credential, ahead, new_key("inforu", expires_at=MOMENT + 7 * DAY), box)
    login = Login(dialect="inforu", key_name=made.parts["username"], secret=made.parts["token"], remote_address="")
    clock.moment += 6 * DAY
    assert (await db.read(authenticate, login)).credential_id == made.credential_id
    await db.run(revoke_credential, ahead, RevokeCredential(credential_id=made.credential_id))
    (shown,) = await db.read(list_credentials, ahead, ListCredentials())
    assert (shown.created_at, shown.revoked_at) == (MOMENT, MOMENT + 6 * DAY)
    with pytest.raises(InvalidInputError, match="expired"):
        await db.run(create_credential, ahead, new_key("inforu", expires_at=clock.moment), box)


async def test_frozen_sources_give_the_same_ids_and_secrets_twice(
    cluster: Cluster, template: str, tmp_path: Path
) -> None:
    async def outcomes() -> tuple[object, ...]:
        name = await cluster.create(template)
        db = await Database.connect(cluster.dsn(name), clock=FixedClock(MOMENT), random=Random(7), size=2)  # noqa: S311 - frozen on purpose
        try:
            made = await db.run(create_account, OPERATOR, CreateAccount(name="Testers", country="IL"))
            actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
            key = await db.run(create_credential, actor, new_key("nrs"), SecretBox(tmp_path / "key"))
            saved = await db.run(save_contact, actor, SaveContact(row=ContactRow(phone="0521234567")))
            trail = await db.read(list_audit, actor, ListAudit())
            return (dict(key.parts), saved, trail)
        finally:
            await db.close()
            await cluster.drop(name)

    assert await outcomes() == await outcomes()
