"""The operation on the account."""

from carillon.billing.balances import get_balance
from carillon.billing.money import UNIT
from carillon.dialects.nrs import replies
from carillon.dialects.nrs.mapping import show_moment
from carillon.dialects.rest import Answer, Call
from carillon.tenancy.accounts import get_account

_LANGUAGE = "en"


async def show(call: Call) -> Answer:
    """Show the account of the credential; its balance is what can be spent without the credit limit."""
    account = await call.db.read(get_account, call.actor)
    balance = await call.db.read(get_balance, call.actor)
    return Answer(
        data=replies.Account(
            username=call.actor.name,
            email=None,
            timezone=account.time_zone,
            language=_LANGUAGE,
            balance=balance.available / UNIT,
            created_at=show_moment(account.created_at),
            country=account.country,
            currency=account.currency,
        )
    )
