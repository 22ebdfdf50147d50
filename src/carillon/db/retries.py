"""Which failures of the database are transient, how long work is tried again, and when the database last failed."""

import asyncio
import time
from random import Random

import asyncpg

from carillon.errors import UnavailableError

# Told by SQLSTATE, never by a constraint's name (scale.md, Statements 8): lost connections, shutdowns, serialisation
# failures, deadlocks, no free slot. A statement that was prepared before a migration fails once.
_NO_FREE_SLOT = "53300"
_TRANSIENT = frozenset({"57P01", "57P02", "57P03", "40001", "40P01", _NO_FREE_SLOT})
# Insufficient resources (disk full, out of memory) and errors of the system (I/O).
_STORAGE_CLASSES = ("53", "58")
# The last is what a statement meets on a connection that broke off between two of them.
FAILURES = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
# Of those, what a COMMIT that fails with it has undone for certain.
ROLLED_BACK = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)

RETRY_SECONDS = 8.0
"""A server that recovers from the death of one of its processes is back within this, and callers often wait for 10."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


class Outages:
    """When the database of a process last failed for longer than operations are retried, in monotonic time."""

    def __init__(self) -> None:
        self._noted_at: float | None = None
        self._storage_failed_at: float | None = None

    def note(self) -> None:
        """Note that the database is unavailable now."""
        self._noted_at = time.monotonic()

    def begun(self, error: BaseException) -> UnavailableError:
        """Note a failure of the server's storage or memory, and return what a caller is told."""
        self.note()
        self._storage_failed_at = self._noted_at
        return UnavailableError(f"The database has no room or memory left, or its disk fails: {error}")

    def within(self, seconds: float) -> bool:
        """Tell whether the database was unavailable within the last so many seconds."""
        return _is_within(self._noted_at, seconds)

    def storage_failed_within(self, seconds: float) -> bool:
        """Tell whether its storage failed within the last so many seconds."""
        return _is_within(self._storage_failed_at, seconds)


def _is_within(moment: float | None, seconds: float) -> bool:
    return moment is not None and time.monotonic() - moment < seconds


class Attempts:
    """Follows an operation's failures, and tells after each whether it is tried again."""

    __slots__ = ("_deadline", "_made", "_outages", "_random")

    def __init__(self, random: Random, outages: Outages) -> None:
        self._random = random
        self._outages = outages
        self._made = 0
        self._deadline = 0.0

    async def failed(self, error: Exception) -> None:
        """Wait a while before the next attempt. Raises the error that ends them."""
        if isinstance(error, asyncpg.QueryCanceledError):
            raise UnavailableError("A statement took longer than statement_timeout_seconds.") from error
        if is_storage_failure(error):
            raise self._outages.begun(error) from error
        if not is_transient(error):
            raise error
        now = time.monotonic()
        self._deadline = self._deadline or now + RETRY_SECONDS
        if now >= self._deadline:
            self._outages.note()
            raise UnavailableError(f"The database has failed for {RETRY_SECONDS:.0f} seconds: {error}") from error
        pause = min(_FIRST_PAUSE * 2**self._made, _LONGEST_PAUSE) * (1 + self._random.random())  # jitter
        self._made += 1
        await asyncio.sleep(min(pause, self._deadline - now))


def is_storage_failure(error: BaseException) -> bool:
    """Tell whether the server lacks room or memory, or its disk fails: the same work fails until somebody mends it."""
    state = str(error.sqlstate or "") if isinstance(error, asyncpg.PostgresError) else ""
    return state.startswith(_STORAGE_CLASSES) and state != _NO_FREE_SLOT


def is_transient(error: BaseException) -> bool:
    """Tell whether the same work may succeed when it is tried again."""
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate or "")
        stale = isinstance(error, asyncpg.InvalidCachedStatementError)
        return stale or state.startswith("08") or state in _TRANSIENT
    return isinstance(error, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)
