"""Stop lists: audiences whose contacts are suppressed when they are written, through whatever door."""

from collections.abc import Iterable

from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.writing import LockedAudience
from carillon.db.database import Tx
from carillon.kit.actor import Actor


async def silence(
    tx: Tx, actor: Actor, stoplist: LockedAudience, addresses: Iterable[tuple[str | None, str | None]]
) -> None:
    """Suppress phones (E.164 digits) and e-mails on every channel, with the list's name as reason."""
    silenced: list[Address] = []
    for phone, email in addresses:
        if phone:
            silenced += [Address(channel=one, value=f"+{phone}") for one in (Channel.SMS, Channel.VOICE)]
        if email:
            silenced.append(Address(channel=Channel.EMAIL, value=email))
    if silenced:
        command = Suppress(addresses=silenced, reason=f"STOPLIST {stoplist.name}", actor_name=actor.source)
        await suppress(tx, actor, command)
