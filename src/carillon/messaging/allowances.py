"""What subscriptions pay for among rows that are placed, before money does."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from carillon.billing import subscriptions
from carillon.billing.prices import Prices
from carillon.billing.subscriptions import Uncovered, lock_allowances, move_allowances
from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.kit.actor import Actor

if TYPE_CHECKING:
    from carillon.messaging.placement import Placement, Rows

_UNCOVERED = {
    Uncovered.OVER: Failure.NO_SUBSCRIPTION,
    Uncovered.CAP: Failure.SENDER_CAP,
    Uncovered.DISABLED: Failure.SENDER_DISABLED,
}


async def take_allowances(
    tx: Tx, actor: Actor, prices: Mapping[str, Prices], placements: "Sequence[Placement]", rows: "Rows"
) -> None:
    """Let subscriptions pay; what none pays for is left to prices that were set, and fails where there are none."""
    for channel in sorted({one.channel for one in placements} & set(subscriptions.CHANNELS)):
        senders = {one.sender for one in placements if one.channel == channel}
        allowances = await lock_allowances(tx, actor.account_id, channel, senders)
        for row in rows.open_rows():
            one = placements[rows.places[row]]
            if one.channel != channel:
                continue
            taken = allowances.take(one.sender, one.due_at)
            if isinstance(taken, int):
                rows.subscriptions[row] = taken
            elif taken is not Uncovered.UNKNOWN and not (taken is Uncovered.OVER and prices[channel].is_set):
                _fail(rows, row, _UNCOVERED[taken])
        await move_allowances(tx, actor.account_id, allowances.taken)


def _fail(rows: "Rows", row: int, failure: Failure) -> None:
    """Exclude a row, unless something else is sent where this fails."""
    if failure.falls_back and rows.fallbacks and rows.fallbacks[row] is not None:
        rows.failing[row] = failure
    else:
        rows.failures[row] = failure
