"""Stop lists: audiences whose contacts are suppressed when they are written, whatever writes them."""

from collections.abc import Iterable

from carillon.audience.locks import LockedAudience
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.db.database import Tx
from carillon.kit.actor import Actor


async def suppress_addresses(
    tx: Tx, actor: Actor, stoplist: LockedAudience, addresses: Iterable[tuple[str | None, str | None]]
) -> None:
    """Suppress phones (E.164 digits) and e-mails on every channel, with the list's name as reason."""
    suppressed_addresses: list[Address] = []
    for phone, email in addresses:
        if phone:
            suppressed_addresses += [Address(channel=one, value=f"+{phone}") for one in (Channel.SMS, Channel.VOICE)]
        if email:
            suppressed_addresses.append(Address(channel=Channel.EMAIL, value=email))
    if suppressed_addresses:
        command = Suppress(addresses=suppressed_addresses, reason=f"STOPLIST {stoplist.name}", actor_name=actor.source)
        await suppress(tx, actor, command)
