"""Suppressing one address, or lifting its suppression, for a caller that hears what is wrong with it."""

from dataclasses import dataclass

from carillon.audience.suppression_queries import PageSuppressions, Suppression, page_suppressions
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, read_addresses, suppress
from carillon.db.database import Tx
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.page import NumberedPage


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressAddress:
    """Suppress one address, which has to be an address of its channel."""

    address: Address
    reason: str
    actor_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReactivateAddress:
    """Lift the suppression of one address, which has to be suppressed."""

    address: Address
    reason: str
    actor_name: str | None = None


async def suppress_address(tx: Tx, actor: Actor, command: SuppressAddress) -> Suppression:
    """Suppress one address as `suppress` does, and return its suppression, which may have been there before.

    Raises InvalidInputError for `address` where it can't be one on its channel, and what `suppress` raises.
    """
    address = command.address
    many = Suppress(addresses=[address], reason=command.reason, actor_name=command.actor_name)
    if (await suppress(tx, actor, many)).failed:
        raise _unusable(address)
    query = PageSuppressions(
        channels=[address.channel], page=NumberedPage(size=1), address=address.value, phone_form=address.phone_form
    )
    return (await page_suppressions(tx, actor, query)).items[0]


async def reactivate_address(tx: Tx, actor: Actor, command: ReactivateAddress) -> None:
    """Lift the suppression of one address.

    Raises InvalidInputError for `address` where it can't be one on its channel, NotFoundError for `suppression` where
    there is none.
    """
    many = Reactivate(addresses=[command.address], reason=command.reason, actor_name=command.actor_name)
    if (await reactivate(tx, actor, many)).failed:
        (key,) = await read_addresses(tx, actor, [command.address])
        raise _unusable(command.address) if key is None else NotFoundError("suppression")


def _unusable(address: Address) -> InvalidInputError:
    kind = "an e-mail address" if address.channel is Channel.EMAIL else "a phone number"
    return InvalidInputError("address", f"This is not {kind}.")
