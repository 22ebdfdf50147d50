"""Whether the next batch's rows are likely to be new: then asking who is there can be saved (`upsert`)."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from asyncpg import UniqueViolationError

from carillon.kit.actor import Actor

Written = TypeVar("Written")

_MAX_AUDIENCES = 10_000
_MAX_REQUIRED = 1_024


class NotNewError(Exception):
    """A row that was expected to be new isn't."""


class OptimisticInsert:
    """Decides whether the next batch is inserted without matching it first: when no recent batch matched a contact.

    Each time that this was wrong, twice as many batches, up to a limit, must match none before it is tried again.
    """

    def __init__(self) -> None:
        self._batches_without_match = 0
        self._needed = 1

    async def write(self, batch: Callable[..., Awaitable[Written]]) -> Written:
        """Write a batch in a transaction: optimistically with `expect_new`, and again without where that was wrong."""
        needed = self._needed
        if self._batches_without_match >= needed:
            try:
                return await batch(expect_new=True)
            except (NotNewError, UniqueViolationError):
                if self._needed == needed:  # batches that were wrong at the same time count as one
                    self._needed = min(2 * needed, _MAX_REQUIRED)
                self._batches_without_match = 0
        return await batch(expect_new=False)

    def record(self, *, matched_none: bool) -> None:
        """Count a batch that matched none; one that matched begins the count anew."""
        self._batches_without_match = self._batches_without_match + 1 if matched_none else 0


class OptimisticInserts:
    """One `OptimisticInsert` for each audience, in this process."""

    def __init__(self) -> None:
        self._of: dict[tuple[int, int], OptimisticInsert] = {}

    def of(self, actor: Actor) -> OptimisticInsert:
        """Return that of the actor's audience."""
        if len(self._of) > _MAX_AUDIENCES:
            self._of.clear()
        return self._of.setdefault((actor.account_id, actor.audience_id), OptimisticInsert())
