"""Whose a carrier or a route is: an account's, or everybody's, which is the operator's and has account_id 0."""

from carillon.kit.actor import Actor
from carillon.kit.ids import AccountId, AudienceId
from carillon.tenancy.accounts import Operator

EVERYBODY = AccountId(0)
"""The account_id of what every account may use."""

Caller = Actor | Operator
"""An account's actor works with what is the account's, an operator with everybody's."""


def owner_of(caller: Caller) -> AccountId:
    """Return the account_id of what the caller makes."""
    return caller.account_id if isinstance(caller, Actor) else EVERYBODY


def audited_as(caller: Caller, account_id: AccountId) -> Actor:
    """Return the actor that an entry in an account's audit trail names; account 0 has one of its own."""
    if isinstance(caller, Actor):
        return caller
    return Actor(account_id=account_id, audience_id=AudienceId(0), name=caller.name, source=caller.source, country="")
