"""Replies: recorded as events of the message that they answer; STOP and START, in several languages, are obeyed."""

import re
from datetime import timedelta

from asyncpg import Record

from carillon.audience.suppressions import Address, Reactivate, Suppress, reactivate, suppress, suppressions_of
from carillon.carriers.contract import Reply
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.events.log import NewEvent, append_events
from carillon.kit.actor import Actor
from carillon.kit.ids import first_uuid_of
from carillon.messaging.campaigns import count_unsubscribed
from carillon.tenancy.accounts import OpenAccount, Operator, open_account

SQL = load_statements("carillon.messaging", "replies.sql")

# The later ones are looked through first: nearly all replies come soon, and every account's days are looked at.
_BACK = (timedelta(days=2), timedelta(days=14), timedelta(days=90))
_OPERATOR = Operator(name="reply", source="reply")
_NO_LETTERS = re.compile(r"[\W\d_]+")

# The usual words of the vendors' countries: English, Spanish, Greek, Hebrew, Russian, French, Portuguese.
STOP_WORDS = frozenset(
    {
        *("stop", "stopall", "unsubscribe", "cancel", "end", "quit", "optout", "remove"),
        *("baja", "alto", "cancelar", "parar", "fin"),
        *("στοπ", "διαγραφη", "διαγραφή", "τελοσ", "τέλος"),
        *("הסר", "הסרה", "הפסק", "עצור", "להסרה"),
        *("стоп", "отписка", "отписаться", "отмена"),
        *("arret", "arrêt", "desabonner", "désabonner"),
        *("sair", "remover", "pare"),
    }
)
START_WORDS = frozenset(
    {
        *("start", "unstop", "subscribe", "yes", "optin"),
        *("alta", "comenzar", "empezar", "iniciar"),
        *("εναρξη", "έναρξη", "εγγραφη", "εγγραφή"),
        *("הרשמה", "התחל", "הצטרף"),
        *("старт", "подписка", "подписаться"),
        *("debut", "début", "abonner", "voltar"),
    }
)


def keyword_of(text: str) -> str:
    """Return a reply's one word, folded; empty where it says more than a word."""
    words = _NO_LETTERS.sub(" ", text.casefold()).split()
    return "".join(words) if len(words) == 1 or "".join(words) in STOP_WORDS | START_WORDS else ""


async def take_reply(db: Database, reply: Reply) -> bool:
    """Record a reply with the latest message between the two numbers; False where there is none.

    A keyword suppresses or reactivates the number on the channel, by the audience's operations, in the transaction of
    the event.
    """
    found = await db.read(_find, reply)
    if found is None:
        return False
    actor = await db.read(open_account, _OPERATOR, OpenAccount(account_id=found["account_id"]))
    await db.run(_record, actor, found, reply)
    return True


async def _find(tx: Tx, reply: Reply) -> Record | None:
    for back in _BACK:
        since = first_uuid_of(tx.real_now - back)
        found = await tx.fetchrow(SQL["find_replied"], reply.address, reply.to, since, reply.account_id)
        if found is not None:
            return found
    return None


async def _record(tx: Tx, actor: Actor, found: Record, reply: Reply) -> None:
    keyword = keyword_of(reply.text)
    channel = found["channel"] or found["first_channel"]
    address = Address(channel=suppressions_of(channel), value=f"+{reply.address}")
    said = {"from": reply.address, "to": reply.to, "text": reply.text}
    # As of other events, the channel is named of second attempts only.
    more = {"channel": found["channel"], "media_url": reply.media_url, "media_name": reply.media_name}
    data = {**said, **{name: value for name, value in more.items() if value is not None}}
    events = [_event(tx, found, "reply", data, replies=True)]
    if keyword in STOP_WORDS:
        await suppress(tx, actor, Suppress(addresses=[address], reason="STOP", unsubscribe_contacts=False))
        await count_unsubscribed(tx, actor.account_id, found["sending_id"])
        events.append(_event(tx, found, "unsubscribed", {}))
    elif keyword in START_WORDS:
        await reactivate(tx, actor, Reactivate(addresses=[address], reason="START"))
    await append_events(tx, actor.account_id, events)


def _event(tx: Tx, found: Record, kind: str, data: dict[str, object], *, replies: bool = False) -> NewEvent:
    endpoint = found["reply_endpoint_id"] if replies else None
    return NewEvent(
        kind=kind,
        at=tx.now,
        sending_id=found["sending_id"],
        message_id=found["message_id"],
        data=data,
        endpoint_id=endpoint or found["endpoint_id"],
    )
