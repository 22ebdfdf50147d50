"""Accounts, audiences, credentials and the trail of who changed them."""

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.support import MOMENT, OPERATOR, Tenant, new_key

from carillon.audience.audiences import (
    CreateAudience,
    GetAudience,
    ListAudiences,
    create_audience,
    get_audience,
    list_audiences,
)
from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.clock import FixedClock
from carillon.tenancy.accounts import (
    AccountStatus,
    CreateAccount,
    ListAccounts,
    OpenAccount,
    SetAccountStatus,
    create_account,
    list_accounts,
    open_account,
    set_account_status,
)
from carillon.tenancy.audit import AuditEntry, ListAudit, list_audit
from carillon.tenancy.credentials import (
    ListCredentials,
    RevokeCredential,
    create_credential,
    list_credentials,
    revoke_credential,
)
from carillon.tenancy.secrets import SecretBox, seal_context


@pytest.fixture
def box(tmp_path: Path) -> SecretBox:
    return SecretBox(tmp_path / "secret.key")


async def trail(db: Database, tenant: Tenant) -> list[AuditEntry]:
    return await db.read(list_audit, tenant.actor, ListAudit())


async def rows_of(db: Database, statement: str) -> list[dict[str, Any]]:
    async def read(tx: Tx) -> list[dict[str, Any]]:
        return [dict(row) for row in await tx.fetch(statement)]

    return await db.read(read)


# --- accounts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (CreateAccount(name="A", country="IL"), ("IL", "Asia/Jerusalem", "ILS")),
        (CreateAccount(name="A", country="gr"), ("GR", "Europe/Athens", "EUR")),
        (CreateAccount(name="A", country="ES"), ("ES", "Europe/Madrid", "EUR")),
        (CreateAccount(name="A", country="RU"), ("RU", "Europe/Moscow", "RUB")),
        (CreateAccount(name="A", country="JP"), ("JP", "UTC", "EUR")),
        (
            CreateAccount(name="A", country="IL", time_zone="Asia/Tokyo", currency="jpy"),
            ("IL", "Asia/Tokyo", "JPY"),
        ),
    ],
)
async def test_an_account_has_its_country_s_zone_and_currency_unless_told_others(
    db: Database, command: CreateAccount, expected: tuple[str, str, str]
) -> None:
    account = (await db.run(create_account, OPERATOR, command)).account
    assert (account.country, account.time_zone, account.currency) == expected
    assert (account.status, account.created_at) == (AccountStatus.ACTIVE, MOMENT)


async def test_a_new_account_has_a_default_audience_of_its_country(db: Database) -> None:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="  Red Shop ", country="GR"))
    assert made.account.name == "Red Shop"
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    audience = await db.read(get_audience, actor, GetAudience(audience_id=made.audience_id))
    assert (audience.is_default, audience.country, actor.audience_id) == (True, "GR", made.audience_id)
    assert (actor.country, actor.time_zone, actor.name, actor.source) == ("GR", "Europe/Athens", "tester", "test")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("name", {"name": "  "}),
        ("name", {"name": "n" * 201}),
        ("name", {"name": "two\nlines"}),
        ("country", {"country": ""}),
        ("country", {"country": "ISR"}),
        ("country", {"country": "ZZ"}),
        ("country", {"country": "001"}),
        ("time_zone", {"time_zone": "Asia/Nowhere"}),
        ("time_zone", {"time_zone": "../etc/passwd"}),
        ("time_zone", {"time_zone": "Asia"}),
        ("currency", {"currency": "XXX"}),
        ("currency", {"currency": "shekel"}),
    ],
)
async def test_an_account_of_nonsense_is_refused_and_takes_nothing(
    db: Database, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await db.run(create_account, OPERATOR, CreateAccount(**({"name": "A", "country": "IL"} | changes)))
    assert refused.value.field == field
    assert (await db.read(list_accounts, OPERATOR, ListAccounts())).items == []


async def test_accounts_are_listed_page_by_page(db: Database) -> None:
    for name in "ABCDE":
        await db.run(create_account, OPERATOR, CreateAccount(name=name, country="IL"))
    names: list[str] = []
    after_id = 0
    while (page := await db.read(list_accounts, OPERATOR, ListAccounts(after_id=after_id, limit=2))).items:
        names += [account.name for account in page.items]
        after_id = page.last_id
    assert names == list("ABCDE")
    assert page.last_id == after_id


@pytest.mark.parametrize("closed", [AccountStatus.NOT_ACTIVE, AccountStatus.LOCKED])
async def test_an_account_is_closed_and_opened_again(db: Database, account: Tenant, closed: AccountStatus) -> None:
    assert (await db.run(set_account_status, account.actor, SetAccountStatus(status=closed))).status is closed
    assert (await db.read(list_accounts, OPERATOR, ListAccounts())).items[0].status is closed
    opened = await db.run(set_account_status, account.actor, SetAccountStatus(status=AccountStatus.ACTIVE))
    assert opened.status is AccountStatus.ACTIVE
    assert [entry.detail for entry in (await trail(db, account))[:2]] == [
        {"from": closed, "to": "active"},
        {"from": "active", "to": closed},
    ]


async def test_a_closed_account_is_closed_the_other_way(db: Database, account: Tenant) -> None:
    for status in (AccountStatus.LOCKED, AccountStatus.NOT_ACTIVE, AccountStatus.LOCKED):
        changed = await db.run(set_account_status, account.actor, SetAccountStatus(status=status))
        assert changed.status is status
    assert [entry.detail for entry in (await trail(db, account))[:2]] == [
        {"from": "not_active", "to": "locked"},
        {"from": "locked", "to": "not_active"},
    ]


async def test_the_status_that_an_account_has_leaves_no_entry(db: Database, account: Tenant) -> None:
    await db.run(set_account_status, account.actor, SetAccountStatus(status=AccountStatus.ACTIVE))
    assert [entry.action for entry in await trail(db, account)] == ["account.create"]


async def test_closing_from_many_sides_at_once_leaves_one_entry(db: Database, account: Tenant) -> None:
    command = SetAccountStatus(status=AccountStatus.LOCKED)
    await asyncio.gather(*(db.run(set_account_status, account.actor, command) for _ in range(6)))
    assert [entry.action for entry in await trail(db, account)] == ["account.status", "account.create"]


async def test_what_is_not_there_cannot_be_opened(db: Database, account: Tenant) -> None:
    with pytest.raises(NotFoundError) as refused:
        await db.read(open_account, OPERATOR, OpenAccount(account_id=99))
    assert refused.value.subject == "account"
    with pytest.raises(NotFoundError) as refused:
        await db.read(open_account, OPERATOR, OpenAccount(account_id=account.account_id, audience_id=99))
    assert refused.value.subject == "audience"


# --- audiences --------------------------------------------------------------------------------------------------------


async def test_an_account_may_have_more_audiences_and_work_in_each(db: Database, account: Tenant) -> None:
    second = await db.run(create_audience, account.actor, CreateAudience(name="Athens", country="gr"))
    third = await db.run(create_audience, account.actor, CreateAudience(name="Haifa"))
    page = await db.read(list_audiences, account.actor, ListAudiences())
    assert [(one.name, one.country, one.is_default) for one in page.items] == [
        ("Default", "IL", True),
        ("Athens", "GR", False),
        ("Haifa", "IL", False),
    ]
    assert page.last_id == third.audience_id
    rest = await db.read(list_audiences, account.actor, ListAudiences(after_id=second.audience_id, limit=5))
    assert [one.name for one in rest.items] == ["Haifa"]
    inside = OpenAccount(account_id=account.account_id, audience_id=second.audience_id)
    actor = await db.read(open_account, OPERATOR, inside)
    assert (actor.audience_id, actor.country) == (second.audience_id, "GR")


async def test_another_account_s_audience_is_not_there(db: Database, account: Tenant) -> None:
    other = await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="IL"))
    with pytest.raises(NotFoundError):
        await db.read(get_audience, account.actor, GetAudience(audience_id=other.audience_id))
    inside = OpenAccount(account_id=account.account_id, audience_id=other.audience_id)
    with pytest.raises(NotFoundError):
        await db.read(open_account, OPERATOR, inside)
    assert len((await db.read(list_audiences, account.actor, ListAudiences())).items) == 1


@pytest.mark.parametrize(("field", "changes"), [("name", {"name": ""}), ("country", {"country": "XX"})])
async def test_an_audience_of_nonsense_is_refused(
    db: Database, account: Tenant, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await db.run(create_audience, account.actor, CreateAudience(**({"name": "A"} | changes)))
    assert refused.value.field == field


@pytest.mark.parametrize("name", ["im_sender", "im_channel"])
@pytest.mark.parametrize("given", ["", " ", "x" * 101, "a\0"])
async def test_a_credential_with_a_sender_that_can_be_none_is_refused(
    db: Database, account: Tenant, box: SecretBox, name: str, given: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await db.run(create_credential, account.actor, new_key("apifon", **{name: given}), box)
    assert refused.value.field == name


# --- credentials ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dialect", "parts"),
    [
        ("apifon", {"token", "secret", "client_id", "client_secret"}),
        ("devino", {"key"}),
        ("inforu", {"username", "token"}),
        ("inwise", {"key"}),
        ("nrs", {"username", "password"}),
    ],
)
async def test_a_credential_has_the_parts_that_its_clients_know_and_the_database_none_of_them(
    db: Database, account: Tenant, box: SecretBox, dialect: str, parts: set[str]
) -> None:
    made = await db.run(create_credential, account.actor, new_key(dialect), box)
    assert set(made.parts) == parts
    (row,) = await rows_of(db, "SELECT * FROM credential")
    secrets = {part for part in made.parts.values() if part != row["key_name"]}
    stored = " ".join(map(str, [*row.values(), *await rows_of(db, "SELECT * FROM audit_entry")]))
    assert secrets
    assert all(len(secret) >= 32 and secret not in stored for secret in secrets)
    assert not any(secret in repr(made) for secret in secrets)


async def test_what_a_client_signs_with_is_sealed_and_what_it_shows_is_hashed(
    db: Database, account: Tenant, box: SecretBox
) -> None:
    made = await db.run(create_credential, account.actor, new_key("apifon"), box)
    (row,) = await rows_of(db, "SELECT key_name, secret_hash, sealed_secret FROM credential")
    context = seal_context(account.account_id, made.credential_id)
    assert box.open(row["sealed_secret"], context=context) == made.parts["secret"]
    assert row["secret_hash"] == hashlib.sha256(made.parts["client_secret"].encode()).digest()
    assert row["key_name"] == made.parts["token"] == made.parts["client_id"]


async def test_the_key_file_is_made_only_when_a_secret_must_be_sealed(
    db: Database, account: Tenant, tmp_path: Path
) -> None:
    path = tmp_path / "later.key"
    await db.run(create_credential, account.actor, new_key("inforu"), SecretBox(path))
    assert not path.exists()
    await db.run(create_credential, account.actor, new_key("apifon"), SecretBox(path))
    assert path.exists()


async def test_a_credential_is_shown_as_it_was_made(
    db: Database, account: Tenant, box: SecretBox, clock: FixedClock
) -> None:
    second = await db.run(create_audience, account.actor, CreateAudience(name="Athens", country="GR"))
    expires_at = MOMENT + timedelta(days=30)
    command = new_key(
        "nrs",
        audience_id=second.audience_id,
        scopes=["audience:read"],
        allowed_networks=["192.0.2.0/24", "2001:db8::1"],
        calls_per_second=2.5,
        expires_at=expires_at,
    )
    made = await db.run(create_credential, account.actor, command, box)
    plain = await db.run(create_credential, account.actor, new_key("devino"), box)
    clock.moment += timedelta(hours=1)
    await db.run(revoke_credential, account.actor, RevokeCredential(credential_id=plain.credential_id))
    first, last = await db.read(list_credentials, account.actor, ListCredentials())
    assert (first.credential_id, first.key_name) == (made.credential_id, made.parts["username"])
    assert (first.dialect, first.audience_id, first.scopes) == ("nrs", second.audience_id, ["audience:read"])
    assert first.allowed_networks == ["192.0.2.0/24", "2001:db8::1/128"]
    assert (first.calls_per_second, first.expires_at, first.created_at) == (2.5, expires_at, MOMENT)
    assert (first.revoked_at, first.last_used_at) == (None, None)
    assert (last.audience_id, last.scopes, last.allowed_networks) == (account.audience_id, [], [])
    assert (last.calls_per_second, last.revoked_at) == (None, MOMENT + timedelta(hours=1))
    assert made.parts["password"] not in repr((first, last))


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("scopes", {"scopes": ["audience:read", "everything"]}),
        ("allowed_networks", {"allowed_networks": ["10.0.0.1/8"]}),
        ("allowed_networks", {"allowed_networks": ["example.com"]}),
        ("allowed_networks", {"allowed_networks": [""]}),
        ("calls_per_second", {"calls_per_second": -1.0}),
        ("calls_per_second", {"calls_per_second": float("nan")}),
        ("calls_per_second", {"calls_per_second": float("inf")}),
        ("expires_at", {"expires_at": MOMENT}),
    ],
)
async def test_a_credential_of_nonsense_is_refused(
    db: Database, account: Tenant, box: SecretBox, field: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await db.run(create_credential, account.actor, new_key("nrs", **changes), box)
    assert refused.value.field == field


async def test_a_credential_is_not_bound_to_another_account_s_audience(
    db: Database, account: Tenant, box: SecretBox
) -> None:
    other = await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="IL"))
    command = new_key("nrs", audience_id=other.audience_id)
    with pytest.raises(NotFoundError) as refused:
        await db.run(create_credential, account.actor, command, box)
    assert refused.value.subject == "audience"


async def test_a_credential_is_revoked_once_and_only_by_its_account(
    db: Database, account: Tenant, box: SecretBox, clock: FixedClock
) -> None:
    made = await db.run(create_credential, account.actor, new_key("nrs"), box)
    other = await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="IL"))
    stranger = await db.read(open_account, OPERATOR, OpenAccount(account_id=other.account.account_id))
    command = RevokeCredential(credential_id=made.credential_id)
    with pytest.raises(NotFoundError):
        await db.run(revoke_credential, stranger, command)
    await db.run(revoke_credential, account.actor, command)
    clock.moment += timedelta(hours=1)
    await db.run(revoke_credential, account.actor, command)
    (credential,) = await db.read(list_credentials, account.actor, ListCredentials())
    assert credential.revoked_at == MOMENT
    assert [entry.action for entry in await trail(db, account)].count("credential.revoke") == 1


# --- the audit trail --------------------------------------------------------------------------------------------------


async def test_every_change_leaves_an_entry_of_who_what_and_when(
    db: Database, account: Tenant, box: SecretBox, clock: FixedClock
) -> None:
    clock.moment += timedelta(minutes=1)
    audience = await db.run(create_audience, account.actor, CreateAudience(name="Athens", country="GR"))
    command = new_key("inforu", expires_at=datetime(2031, 1, 1, tzinfo=UTC))
    made = await db.run(create_credential, account.actor, command, box)
    await db.run(revoke_credential, account.actor, RevokeCredential(credential_id=made.credential_id))
    entries = await trail(db, account)
    assert [(entry.action, entry.subject) for entry in entries] == [
        ("credential.revoke", str(made.credential_id)),
        ("credential.create", str(made.credential_id)),
        ("audience.create", str(audience.audience_id)),
        ("account.create", str(account.account_id)),
    ]
    assert {(entry.actor, entry.source) for entry in entries} == {("tester", "test")}
    assert [entry.at - MOMENT for entry in entries] == [timedelta(minutes=1)] * 3 + [timedelta(0)]
    assert entries[1].detail == {
        "dialect": "inforu",
        "audience_id": account.audience_id,
        "confined": False,
        "scopes": [],
        "traffic_class": None,
        "allowed_networks": [],
        "calls_per_second": None,
        "expires_at": "2031-01-01T00:00:00Z",
    }


async def test_the_trail_is_read_page_by_page_and_only_one_s_own(db: Database, account: Tenant) -> None:
    made = [
        (await db.run(create_audience, account.actor, CreateAudience(name=f"A{number}"))).audience_id
        for number in range(4)
    ]
    await db.run(create_account, OPERATOR, CreateAccount(name="Other", country="IL"))
    found: list[tuple[str, str]] = []
    query = ListAudit(limit=2)
    while entries := await db.read(list_audit, account.actor, query):
        found += [(entry.action, entry.subject) for entry in entries]
        query = ListAudit(limit=2, before=entries[-1].entry_id)
    assert found == [
        *(("audience.create", str(audience_id)) for audience_id in reversed(made)),
        ("account.create", str(account.account_id)),
    ]


async def test_a_change_that_is_rolled_back_leaves_no_entry(db: Database, account: Tenant) -> None:
    async def change_and_fail(tx: Tx) -> None:
        await create_audience(tx, account.actor, CreateAudience(name="Athens"))
        raise InvalidInputError("anything", "No.")

    with pytest.raises(InvalidInputError):
        await db.run(change_and_fail)
    assert [entry.action for entry in await trail(db, account)] == ["account.create"]
