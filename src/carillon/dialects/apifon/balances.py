"""The account's balance."""

from carillon.billing.balances import get_balance
from carillon.billing.money import format_amount
from carillon.dialects.rest import Answer, Call


async def show(call: Call) -> Answer:
    """Show the balance: all that is in the account, what is reserved of it, and the credit that it may take."""
    balance = await call.db.read(get_balance, call.actor)
    return Answer(
        data={
            "balance": format_amount(balance.available + balance.reserved, decimals=1),
            "reserved": format_amount(balance.reserved, decimals=1),
            "plafon": format_amount(balance.credit_limit, decimals=1),
            "subscriptions": [],
        }
    )
