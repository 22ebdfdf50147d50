"""`carillon account`."""

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from carillon.cli.deleting import confirm_deletion, yes_option
from carillon.cli.durations import Duration
from carillon.cli.options import Id, counted
from carillon.cli.session import Session, followed, open_actor, operator, table, with_session
from carillon.messaging.account_deletion import AccountContents, account_contents, delete_account, require_deletable
from carillon.tenancy.accounts import (
    Account,
    AccountStatus,
    CreateAccount,
    ListAccounts,
    SetAccountStatus,
    create_account,
    list_accounts,
    set_account_status,
)

if TYPE_CHECKING:
    from carillon.db.database import Database

_PAGE = 1000


@click.group
def group() -> None:
    """Create, list, open, close and delete accounts."""


@group.command
@click.argument("name")
@click.option(
    "--country", metavar="ISO2", default="IL", show_default=True, help="The country whose national numbers are read."
)
@click.option("--time-zone", metavar="ZONE", help="An IANA zone. [default: of IL, GR, ES, RU; elsewhere UTC]")
@click.option("--currency", metavar="ISO4217", help="A currency. [default: of IL, GR, ES, RU; elsewhere EUR]")
@click.option("--sandbox", is_flag=True, help="Its messages go to a simulated network, and its clock can be moved.")
@click.option(
    "--spam-window",
    type=Duration(),
    default="0s",
    show_default=True,
    help="So long the same text to the same number is refused: 10m.",
)
@with_session
def create(  # noqa: PLR0913 - its flags
    session: Session,
    *,
    name: str,
    country: str,
    time_zone: str | None,
    currency: str | None,
    sandbox: bool,
    spam_window: timedelta,
) -> None:
    """Create an account NAME and its default audience.

    For example:

        carillon account create "Blue Shop" --country GR

        carillon account create Trial --sandbox
    """
    command = CreateAccount(
        name=name,
        country=country,
        time_zone=time_zone,
        currency=currency,
        sandbox=sandbox,
        spam_window=spam_window,
    )
    made = session.run(lambda db: db.run(create_account, operator(), command))
    account = made.account
    home = f"{account.country}, {account.time_zone}, {account.currency}"
    session.answer(
        {"account_id": account.account_id, "audience_id": made.audience_id},
        [
            f"Account {account.account_id}: {account.name} ({home}).",
            f"Its default audience is {made.audience_id}.",
            f"Make a key for a client with: carillon credential create --account {account.account_id} --dialect …",
        ],
    )


@group.command("list")
@with_session
def list_(session: Session) -> None:
    """List all accounts.

    For example:

        carillon account list --json
    """
    accounts = session.run(_all_accounts)
    session.answer(accounts, table([asdict(account) for account in accounts], "There is no account yet."))


async def _all_accounts(db: "Database") -> list[Account]:
    accounts: list[Account] = []
    after_id = 0
    while True:
        page = await db.read(list_accounts, operator(), ListAccounts(after_id=after_id, limit=_PAGE))
        accounts += page.items
        if len(page.items) < _PAGE:
            return accounts
        after_id = page.last_id


@group.command
@click.argument("account_id", type=Id())
@click.argument("status", type=click.Choice([status.value for status in AccountStatus]))
@with_session
def status(session: Session, *, account_id: int, status: str) -> None:
    """Open the account ACCOUNT_ID (active) or close it (not_active, locked).

    A closed account's clients are refused within seconds; nothing of its audience is lost.

    For example:

        carillon account status 1 locked
    """

    async def change(db: "Database") -> Account:
        actor = await open_actor(db, account_id)
        return await db.run(set_account_status, actor, SetAccountStatus(status=AccountStatus(status)))

    account = session.run(change)
    session.answer(account, f"Account {account.account_id}, {account.name}, is {account.status}.")


@group.command
@click.argument("account_id", type=Id())
@yes_option()
@with_session
def delete(session: Session, *, account_id: int, yes: bool) -> None:
    """Delete the account ACCOUNT_ID, which must be closed and have no unsent messages.

    Its audiences, contacts, suppressions, credentials, routes and money go at once, with their histories. Its messages
    and events are kept by day, and go when their days do (the setting retention_days). The audit trail stays. There is
    no way back but a backup. For example:

        carillon account status 2 not_active

        carillon account delete 2
    """

    async def look(db: "Database") -> AccountContents:
        actor = await open_actor(db, account_id)
        await db.read(require_deletable, actor)
        return await db.read(account_contents, actor)

    found = session.run(look)
    confirm_deletion(_what_goes(session, account_id, found), yes=yes)

    async def work(db: "Database") -> None:
        await followed()  # it may have been closed just now
        await db.run(delete_account, await open_actor(db, account_id))

    session.run(work)
    session.answer({"account_id": account_id, **asdict(found)}, f"Account {account_id} is deleted.")


def _what_goes(session: Session, account_id: int, found: AccountContents) -> list[str]:
    days = counted(session.settings.retention_days, "day")
    held = ", ".join(
        counted(getattr(found, f"{noun}s"), noun) for noun in ("audience", "contact", "suppression", "credential")
    )
    return [
        f"Account {account_id} goes, with {held}, its routes, prices and money.",
        f"Its {counted(found.sendings, 'sending')}, with messages and events, go with their days, {days} after them.",
    ]
