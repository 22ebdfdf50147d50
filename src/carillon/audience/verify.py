"""Verifying audiences: groups' counters, statuses against suppressions, and what is kept of removed contacts."""

from asyncpg import Record

from carillon.audience.counters import COUNTERS
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.books import MAX_SHOWN, BookDifference

SQL = load_statements("carillon.audience", "verify.sql")


async def verify_audiences(tx: Tx, actor: Actor) -> list[BookDifference]:
    """Compare the rows of all audiences of an account; an empty list is what is right.

    Each comparison is one statement, and so of one moment: it holds while others write. Contacts are named by their
    ids, never by their addresses.
    """
    await tx.execute(SQL["take_your_time"])
    groups = await tx.fetch(SQL["compare_groups"], actor.account_id, MAX_SHOWN)
    statuses = await tx.fetch(SQL["compare_statuses"], actor.account_id, MAX_SHOWN)
    unsubscriptions = await tx.fetch(SQL["compare_unsubscriptions"], actor.account_id, MAX_SHOWN)
    removed = await tx.fetch(SQL["find_unread_digests"], actor.account_id, MAX_SHOWN)
    return [
        *(_counters(row) for row in groups),
        *(_status(row) for row in statuses),
        *(_unsubscription(row) for row in unsubscriptions),
        *(
            BookDifference(
                check="removed",
                subject=f"audience {row['audience_id']}",
                difference=f"keeps what removed contacts refused ({row['channel']}), and its row doesn't say so",
            )
            for row in removed
        ),
    ]


def _counters(row: Record) -> BookDifference:
    texts = [
        f"{name} {found} in the rows, {counter} in the counter"
        for name, counter, found in zip(COUNTERS, row["counters"], row["found"], strict=True)
        if counter != found
    ]
    return BookDifference(check="counters", subject=f"group {row['group_id']}", difference="; ".join(texts))


def _status(row: Record) -> BookDifference:
    difference = "is suppressed, and its status isn't" if row["suppressed"] else "has the status of a suppressed one"
    return BookDifference(
        check="statuses", subject=f"contact {row['contact_id']}", difference=f"{difference} ({row['channel']})"
    )


def _unsubscription(row: Record) -> BookDifference:
    difference = (
        "is unsubscribed, and nothing tells since when" if row["is_missing"] else "has unsubscribed, and isn't so"
    )
    return BookDifference(
        check="unsubscriptions", subject=f"contact {row['contact_id']}", difference=f"{difference} ({row['channel']})"
    )
