"""Which failures of the database are transient, and how often work that failed so is tried again."""

import asyncio
from random import Random

import asyncpg

from carillon.errors import UnavailableError

# Told by SQLSTATE, never by a constraint's name (scale.md, Statements 8): lost connections, shutdowns, serialisation
# failures, deadlocks, no free slot. A statement that was prepared before a migration fails once.
_TRANSIENT = frozenset({"57P01", "57P02", "57P03", "40001", "40P01", "53300"})
# The last is what a statement meets on a connection that broke off between two of them.
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# Of those, what a COMMIT that fails with it has undone for certain.
ROLLED_BACK = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
MAX_ATTEMPTS = 5
_FIRST_PAUSE = 0.02


class Attempts:
    """Counts an operation's failures, and tells after each whether it is tried again."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._made = 0

    async def failed(self, error: Exception) -> None:
        """Wait a while before the next attempt. Raises the error that ends them."""
        if isinstance(error, asyncpg.QueryCanceledError):
            raise UnavailableError("A statement took longer than statement_timeout_seconds.") from error
        if not is_transient(error):
            raise error
        pause = _FIRST_PAUSE * 2**self._made * (1 + self._random.random())  # jitter
        await asyncio.sleep(pause)
        self._made += 1
        if self._made == MAX_ATTEMPTS:
            raise UnavailableError(f"The database failed {MAX_ATTEMPTS} times: {error}") from error


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed when it is tried again."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate or "")
        stale = isinstance(error, asyncpg.InvalidCachedStatementError)
        return stale or state.startswith("08") or state in _TRANSIENT
    return isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)
