"""Looking at passwords: when the next thing of them is due, and whether they agree with what was sent."""

from datetime import datetime, timedelta

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.books import MAX_SHOWN, BookDifference

SQL = load_statements("carillon.otp", "queries.sql")

# A worker may be behind for so long, or not have run.
_BEHIND = timedelta(hours=1)


async def next_otp_due(tx: Tx, actor: Actor) -> datetime | None:
    """Tell when the next thing of the account's passwords is due, in its time; None where nothing is."""
    due_at: datetime | None = await tx.fetchval(SQL["next_due"], actor.account_id)
    return due_at


async def verify_otps(tx: Tx, actor: Actor) -> list[BookDifference]:
    """Compare an account's passwords with what they were sent by; an empty list is what is right."""
    lost = await tx.fetch(SQL["find_lost"], actor.account_id, MAX_SHOWN)
    kept = await tx.fetch(SQL["find_kept"], actor.account_id, tx.now - _BEHIND, MAX_SHOWN)
    strays = await tx.fetch(SQL["find_strays"], actor.account_id, MAX_SHOWN)
    return [
        *(_difference("otp", row["otp_id"], f"is of sending {row['sending_id']}, which is not there") for row in lost),
        *(_difference("sending", row["sending_id"], "still has the code of a password that is over") for row in kept),
        *(_difference("sending", row["sending_id"], "has a sealed code, and no password") for row in strays),
    ]


def _difference(kind: str, subject: object, difference: str) -> BookDifference:
    return BookDifference(check="otp", subject=f"{kind} {subject}", difference=difference)
