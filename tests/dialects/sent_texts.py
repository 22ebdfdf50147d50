"""What a phone will get: texts with the values that are sealed, as nobody else reads them."""

from carillon.db.database import Tx
from carillon.kit.ids import AccountId
from carillon.messaging.sealed import open_text
from carillon.runtime import Runtime

_LAST = "SELECT sending_id, text, sealed FROM sending WHERE shard_key = $1 ORDER BY sending_id DESC LIMIT 1"


async def last_text(runtime: Runtime, account_id: AccountId) -> str:
    """The text of an account's last sending."""
    row = await runtime.db.read(Tx.fetchrow, _LAST, account_id)
    assert row is not None
    return open_text(runtime.secret_box, account_id, row["sending_id"], row["text"], row["sealed"])
