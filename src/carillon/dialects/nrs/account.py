"""The operation on the account."""

from carillon.dialects.nrs import replies
from carillon.dialects.nrs.mapping import show_moment
from carillon.dialects.rest import Answer, Call
from carillon.tenancy.accounts import get_account

_LANGUAGE = "en"
_NO_BALANCE = 0.0


async def show(call: Call) -> Answer:
    """Show the account of the credential."""
    account = await call.db.read(get_account, call.actor)
    return Answer(
        data=replies.Account(
            username=call.actor.name,
            email=None,
            timezone=account.time_zone,
            language=_LANGUAGE,
            balance=_NO_BALANCE,
            created_at=show_moment(account.created_at),
            country=account.country,
            currency=account.currency,
        )
    )
