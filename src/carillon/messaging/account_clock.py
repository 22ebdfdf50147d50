"""The clock of an account, read in the transaction that goes by it."""

from datetime import timedelta

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.ids import AccountId

SQL = load_statements("carillon.messaging", "account_clock.sql")


async def take_account_clock(tx: Tx, account_id: AccountId) -> None:
    """Take an account's clock in a transaction that began without it, or with one that is seconds old."""
    tx.adopt_clock(await tx.fetchval(SQL["clock_of"], account_id) or timedelta())
