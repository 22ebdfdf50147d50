"""The account's balance."""

from datetime import UTC, datetime, timedelta

from carillon.billing.balances import get_balance
from carillon.billing.money import format_amount
from carillon.billing.subscriptions import Subscription, active_subscriptions
from carillon.dialects.rest import Answer, Call

_SECOND = timedelta(seconds=1)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


async def show(call: Call) -> Answer:
    """Show the balance: all that is in the account, what is reserved of it, and the credit that it may take."""
    balance = await call.db.read(get_balance, call.actor)
    subscriptions = await call.db.read(active_subscriptions, call.actor)
    return Answer(
        data={
            "balance": format_amount(balance.available + balance.reserved, decimals=1),
            "reserved": format_amount(balance.reserved, decimals=1),
            "plafon": format_amount(balance.credit_limit, decimals=1),
            "subscriptions": [_subscription(one) for one in subscriptions],
        }
    )


def _subscription(one: Subscription) -> dict[str, str]:
    return {
        "senderId": one.sender,
        "available": f"{0 if one.disabled else one.total - one.used}.0",
        "total": f"{one.total}.0",
        "endDate": _written(one.ends_at.astimezone(UTC) - _SECOND),
    }


def _written(moment: datetime) -> str:
    """Write a moment as the reference does, whatever this machine's language is: Jun 30, 2018 11:59:59 PM."""
    hour, half = moment.hour % 12 or 12, "AM" if moment.hour < 12 else "PM"  # noqa: PLR2004 - noon
    return f"{_MONTHS[moment.month - 1]} {moment.day}, {moment.year} {hour}:{moment:%M:%S} {half}"
