"""As whom an account's messages are worked on, and the account's clock, read in the transaction that goes by it."""

from datetime import timedelta

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId

SQL = load_statements("carillon.messaging", "account_clock.sql")


def worker_actor(account_id: AccountId, clock_offset: timedelta = timedelta()) -> Actor:
    """Return the actor as whom an account's messages are worked on; its clock is taken later where it is not known."""
    return Actor(
        account_id=account_id,
        audience_id=AudienceId(0),
        name="messages",
        source="worker",
        country="",
        clock_offset=clock_offset,
    )


async def take_account_clock(tx: Tx, account_id: AccountId) -> bool:
    """Take an account's clock in a transaction that began without it, or with one that is seconds old.

    Return whether there is such an account: it may have been deleted.
    """
    offset: timedelta | None = await tx.fetchval(SQL["clock_of"], account_id)
    tx.adopt_clock(offset or timedelta())
    return offset is not None
