"""The routing of an account as it is now: read, and remembered for a moment."""

from dataclasses import dataclass
from functools import lru_cache

import msgspec

from carillon.db.database import Database, Tx
from carillon.db.remembered import Remembered
from carillon.db.sql import load_statements
from carillon.errors import NotFoundError
from carillon.kit.ids import AccountId
from carillon.routing.carriers import CARRIERS
from carillon.routing.choice import CandidateRoute, Routing, UsableCarrier
from carillon.routing.routes import ROUTES

SQL = load_statements("carillon.routing", "current.sql")

_MAX_REMEMBERED = 2_000


async def load_routing(tx: Tx, account_id: AccountId, channel: str) -> Routing:
    """Read the routes and carriers of an account on a channel. Raises NotFoundError for `account`."""
    text: str | None = await tx.fetchval(SQL["load_routing"], account_id, channel)
    if text is None:
        raise NotFoundError("account", f"There is no account {account_id}.")
    return _routing(account_id, channel, text)


async def current_routing(db: Database, account_id: AccountId, channel: str) -> Routing:
    """Return what `load_routing` does, or did a moment ago (`Remembered`). Raises what it and `db.read` do."""
    return await db.process_state(_Routings).of(db, account_id, channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    is_sandbox: bool
    carriers: list[UsableCarrier]
    routes: list[CandidateRoute]


_decode = msgspec.json.Decoder(_Content).decode


@lru_cache(maxsize=_MAX_REMEMBERED)
def _routing(account_id: AccountId, channel: str, text: str) -> Routing:
    """Make the value of what was read; of the same text it is the same one, with the choices that it remembers."""
    content = _decode(text)
    return Routing(
        account_id=account_id,
        channel=channel,
        is_sandbox=content.is_sandbox,
        carriers=content.carriers,
        routes=content.routes,
    )


class _Routings(Remembered[Routing]):
    def __init__(self) -> None:
        super().__init__((CARRIERS, ROUTES), load_routing)
