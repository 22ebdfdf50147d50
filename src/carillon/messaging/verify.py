"""Verifying the books: rows against counters, the law of conservation, money, events.

Everything is compared in single statements, each one snapshot, so that it holds on a live database.
"""

from collections.abc import Sequence
from datetime import timedelta

from asyncpg import Record

from carillon.billing.reconciliation import check_balances
from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.kit.books import MAX_SHOWN, BookDifference
from carillon.kit.ids import first_uuid_of

SQL = load_statements("carillon.messaging", "verify.sql")

# An event's number is taken no later after its id is made.
_LONGEST_TRANSACTION = timedelta(hours=1)

_COUNTERS = (
    *("recipients", "excluded", "waiting", "submitted", "uncertain", "delivered", "undelivered", "expired"),
    *("rejected", "cancelled", "unknown", "reserved", "captured"),
)


async def verify_account(tx: Tx, actor: Actor, *, retention_days: int) -> list[BookDifference]:
    """Compare an account's books; an empty list is what is right.

    Rows that are so old that some of their partitions may be gone are not compared.
    """
    await tx.execute(SQL["take_your_time"])
    account_id = actor.account_id
    since = tx.real_now - timedelta(days=retention_days - 1)
    oldest = first_uuid_of(since)
    found = [
        _counters("sending", row["sending_id"], row)
        for row in await tx.fetch(SQL["compare_sendings"], account_id, oldest, MAX_SHOWN)
    ]
    found += [
        BookDifference(check="law", subject=f"sending {row['sending_id']}", difference="the counters do not add up")
        for row in await tx.fetch(SQL["compare_laws"], account_id, MAX_SHOWN)
    ]
    found += [
        BookDifference(check="chunks", subject=f"message {row['message_id']}", difference="waits, and is in no chunk")
        for row in await tx.fetch(SQL["find_lost"], account_id, MAX_SHOWN)
    ]
    found += [
        _counters("campaign", row["campaign_id"], row)
        for row in await tx.fetch(SQL["compare_campaigns"], account_id, since, MAX_SHOWN)
    ]
    found += [
        BookDifference(
            check="events",
            subject=f"message {row['message_id']}",
            difference=f"is {row['state']}, and no event says so",
        )
        for row in await tx.fetch(SQL["find_untold"], account_id, oldest, MAX_SHOWN)
    ]
    found += [
        BookDifference(
            check="subscriptions",
            subject=f"subscription {row['subscription_id']}",
            difference=f"{row['taken']} in the rows, {row['used']} in the counter",
        )
        for row in await tx.fetch(SQL["compare_subscriptions"], account_id, since, MAX_SHOWN)
    ]
    found += _gap(await tx.fetchrow(SQL["find_gap"], account_id, first_uuid_of(since + _LONGEST_TRANSACTION)))
    found += [
        BookDifference(
            check="money",
            subject=one.subject if one.sending_id is None else f"{one.subject} {one.sending_id}",
            difference=f"{one.recorded} is recorded, {one.expected} is what it adds up to",
        )
        for one in await check_balances(tx, account_id)
    ]
    return found


def _counters(kind: str, subject: object, row: Record) -> BookDifference:
    counters: Sequence[int] = row["counters"]
    found: Sequence[int | None] = row["found"] or [0] * len(counters)
    names = [*_COUNTERS[:11], "cost"] if kind == "campaign" else _COUNTERS
    texts = [
        f"{name} {is_there or 0} in the rows, {counter} in the counter"
        for name, counter, is_there in zip(names, counters, found, strict=True)
        if counter != (is_there or 0)
    ]
    return BookDifference(check="counters", subject=f"{kind} {subject}", difference="; ".join(texts))


def _gap(row: Record | None) -> list[BookDifference]:
    if row is None or not row["events"] or row["last"] - row["first"] + 1 == row["events"]:
        return []
    missing = row["last"] - row["first"] + 1 - row["events"]
    return [BookDifference(check="events", subject="sequence", difference=f"{missing} numbers are missing")]
