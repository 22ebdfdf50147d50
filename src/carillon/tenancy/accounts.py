"""Accounts: the tenants, each with its own audiences, credentials and clock."""

import zoneinfo
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache

from asyncpg import Record

from carillon.addresses.phones import known_region
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.kit.names import checked_name
from carillon.kit.page import Page
from carillon.tenancy import audit
from carillon.tenancy.currencies import CURRENCIES

SQL = load_statements("carillon.tenancy", "accounts.sql")

DEFAULT_AUDIENCE_NAME = "Default"
MAX_NAME_CHARACTERS = 200

# What an account of these countries has when nothing else is said; any other has UTC and EUR.
_HOME: dict[str, tuple[str, str]] = {
    "ES": ("Europe/Madrid", "EUR"),
    "GR": ("Europe/Athens", "EUR"),
    "IL": ("Asia/Jerusalem", "ILS"),
    "RU": ("Europe/Moscow", "RUB"),
}


class AccountStatus(StrEnum):
    """Whether an account's callers are admitted; dialects answer the two closed states differently."""

    ACTIVE = "active"
    NOT_ACTIVE = "not_active"
    LOCKED = "locked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """Who runs the installation, and so stands above its accounts: `name` and `source` are for the audit trail."""

    name: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A tenant. `country` is ISO 3166 alpha-2, `time_zone` IANA, `currency` ISO 4217."""

    account_id: AccountId
    name: str
    country: str
    time_zone: str
    currency: str
    status: AccountStatus
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account just made, and its default audience."""

    account: Account
    audience_id: AudienceId


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateAccount:
    """Make an account; without a time zone or a currency it has its country's, where we know them, or UTC and EUR.

    A sandbox account's messages go to the simulated network only, and its clock can be moved. Within `spam_window` the
    same text to the same number is refused.
    """

    name: str
    country: str
    time_zone: str | None = None
    currency: str | None = None
    sandbox: bool = False
    spam_window: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAccounts:
    """Ask for the accounts after an id, in the order of their ids."""

    after_id: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAccountStatus:
    """Open or close an account."""

    status: AccountStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvanceClock:
    """Set the account's clock forward."""

    by: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAccount:
    """Enter an account as its operator, in one of its audiences or in the default one.

    `country` reads national numbers instead of the audience's.
    """

    account_id: int
    audience_id: int | None = None
    country: str | None = None


async def create_account(tx: Tx, operator: Operator, command: CreateAccount) -> NewAccount:
    """Make an active account and its default audience, which reads national numbers as the account's country does.

    Raises InvalidInputError for `name` (blank or over 200 characters), `country` (not an ISO 3166 code whose numbers
    can be read), `time_zone` (not an IANA zone) and `currency` (not an ISO 4217 code).
    """
    country = checked_country(command.country)
    home_zone, home_currency = _HOME.get(country, ("UTC", "EUR"))
    name = checked_name(command.name, MAX_NAME_CHARACTERS)
    time_zone = _time_zone(command.time_zone or home_zone)
    currency = _currency(command.currency or home_currency)
    account = Account(
        account_id=AccountId((await tx.ids.take("account"))[0]),
        name=name,
        country=country,
        time_zone=time_zone,
        currency=currency,
        status=AccountStatus.ACTIVE,
        created_at=tx.now,
    )
    audience_id = AudienceId((await tx.ids.take("audience"))[0])
    await tx.execute(
        SQL["create_account"],
        account.account_id,
        name,
        country,
        time_zone,
        currency,
        account.status,
        tx.now,
        command.sandbox,
        command.spam_window,
    )
    # Here and not through the audience's operations: those stand above tenancy, and an account is never without one.
    await tx.execute(
        SQL["create_default_audience"], account.account_id, audience_id, DEFAULT_AUDIENCE_NAME, country, tx.now
    )
    actor = Actor(
        account_id=account.account_id,
        audience_id=audience_id,
        name=operator.name,
        source=operator.source,
        country=country,
        time_zone=time_zone,
    )
    detail = {"country": country, "time_zone": time_zone, "currency": currency}
    await audit.record(tx, actor, "account.create", account.account_id, detail)
    return NewAccount(account=account, audience_id=audience_id)


async def list_accounts(tx: Tx, _operator: Operator, query: ListAccounts) -> Page[Account]:
    """List the accounts in the order of their ids."""
    rows = await tx.fetch(SQL["list_accounts"], query.after_id, query.limit)
    accounts = [_account(row) for row in rows]
    return Page(items=accounts, last_id=accounts[-1].account_id if accounts else query.after_id)


async def every_account(db: Database, operator: Operator) -> AsyncIterator[AccountId]:
    """Yield the ids of all accounts, for jobs that see to each."""
    query = ListAccounts()
    while (page := await db.read(list_accounts, operator, query)).items:
        for account in page.items:
            yield account.account_id
        query = ListAccounts(after_id=page.last_id)


async def get_account(tx: Tx, actor: Actor) -> Account:
    """Tell what the actor's account is. Raises NotFoundError for `account`."""
    row = await tx.fetchrow(SQL["get_account"], actor.account_id)
    if row is None:
        raise NotFoundError("account")
    return _account(row)


async def set_account_status(tx: Tx, actor: Actor, command: SetAccountStatus) -> Account:
    """Open, close or lock the actor's account; its credentials follow within seconds (`authentication.CACHE_SECONDS`).

    Any status may follow any other. Setting the one that it has changes nothing and leaves no entry.
    """
    row = await tx.fetchrow(SQL["lock_account"], actor.account_id)
    if row is None:
        raise NotFoundError("account")
    account = _account(row)
    if account.status is command.status:
        return account
    await tx.execute(SQL["set_status"], actor.account_id, command.status)
    detail = {"from": account.status, "to": command.status}
    await audit.record(tx, actor, "account.status", actor.account_id, detail)
    return replace(account, status=command.status)


async def advance_clock(tx: Tx, actor: Actor, command: AdvanceClock) -> timedelta:
    """Set the clock of the actor's account forward and return how far it is ahead of the real time now.

    Leases, credentials and tokens keep the real time. Cached credentials follow within seconds
    (`authentication.CACHE_SECONDS`). A clock is never set back: ids and times of the account stay in order. Raises
    InvalidInputError for `by`, NotFoundError for `account`.
    """
    if command.by <= timedelta():
        raise InvalidInputError("by", "A clock is set forward only: give a positive span of time.")
    offset: timedelta | None = await tx.fetchval(SQL["advance_clock"], actor.account_id, command.by)
    if offset is None:
        raise NotFoundError("account")
    await audit.record(tx, actor, "account.clock", actor.account_id, {"ahead_seconds": offset.total_seconds()})
    return offset


async def open_account(tx: Tx, operator: Operator, query: OpenAccount) -> Actor:
    """Return the actor as whom the operator works inside an account, whatever its status.

    Raises NotFoundError for `account` (or, where an audience was asked for, `audience`), and InvalidInputError for
    `country`.
    """
    country = None if query.country is None else checked_country(query.country)
    row = await tx.fetchrow(SQL["open_account"], query.account_id, query.audience_id)
    if row is None:
        if query.audience_id is None:
            raise NotFoundError("account", f"There is no account {query.account_id}.")
        raise NotFoundError("audience", f"There is no audience {query.audience_id} in account {query.account_id}.")
    return Actor(
        account_id=AccountId(row["account_id"]),
        audience_id=AudienceId(row["audience_id"]),
        name=operator.name,
        source=operator.source,
        country=country or row["country"],
        time_zone=row["time_zone"],
        clock_offset=row["clock_offset"],
    )


def checked_country(country: str) -> str:
    """Return a country's code in capitals. Raises InvalidInputError for one whose national numbers can't be read.

    Of ISO 3166 those are the seven without a telephone network of their own (AQ, BV, GS, HM, PN, TF, UM).
    """
    region = known_region(country.strip())
    if region is None:
        raise InvalidInputError("country", f"{country!r} is not the ISO 3166 code of a country with phones: IL, GR …")
    return region


def _time_zone(name: str) -> str:
    if name not in _time_zones():
        raise InvalidInputError("time_zone", f"{name!r} is not an IANA time zone: Asia/Jerusalem, UTC …")
    return name


@cache
def _time_zones() -> frozenset[str]:
    """Return the names of all zones; reading them takes a few hundred files."""
    return frozenset(zoneinfo.available_timezones())


def _currency(code: str) -> str:
    if code.upper() not in CURRENCIES:
        raise InvalidInputError("currency", f"{code!r} is not an ISO 4217 code: ILS, EUR …")
    return code.upper()


def _account(row: Record) -> Account:
    return Account(**{**row, "status": AccountStatus(row["status"])})
