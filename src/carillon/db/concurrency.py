"""How much is done at once: in all, and for one account. Who has to wait does so in its account's queue."""

import asyncio
from collections import deque

from carillon.errors import OverloadedError
from carillon.kit.ids import AccountId

# A caller that is answered later has often hung up, and called again.
WAIT_SECONDS = 10.0
# Who isn't among so many accounts' last turns counts as one that has had none.
_REMEMBERED = 1_000


class ExpensiveReadError(Exception):
    """A read turns out to be expensive: it gives its connection back, and is run again in its account's turn."""


class AccountConcurrency:
    """Lets at most `size` of something go on at once, `share` of them for one account (None is what has no account).

    Of several accounts that wait the one that has fewest is next; of those that have as many, one that had no turn yet,
    and then the one whose last turn began longest ago. So accounts that keep all of it busy never keep another one
    waiting for more than one to end.
    """

    def __init__(self, size: int, share: int | None = None, *, wait_seconds: float = WAIT_SECONDS) -> None:
        self._free = size
        self._share = size if share is None else share
        self._wait_seconds = wait_seconds
        self._held: dict[AccountId | None, int] = {}
        # The number of each account's last turn, in the order of the numbers.
        self._last: dict[AccountId | None, int] = {}
        self._turns = 0
        # Nobody waits who could have one: whatever is given back is granted at once.
        self._waiting: dict[AccountId | None, deque[asyncio.Future[None]]] = {}

    def take_at_once(self, account_id: AccountId | None) -> bool:
        """Take one for an account if that needs no wait."""
        held = self._held.get(account_id, 0)
        if not self._free or held >= self._share:
            return False
        self._hold(account_id, held)
        return True

    async def take(self, account_id: AccountId | None) -> None:
        """Take one for an account, after a wait where that is necessary. Raises OverloadedError when it is too long."""
        if self.take_at_once(account_id):
            return
        granted = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account_id, deque()).append(granted)
        try:
            async with asyncio.timeout(self._wait_seconds):
                await granted
        except BaseException as error:
            if granted.done() and not granted.cancelled():  # in the moment in which the wait ended
                self.give_back(account_id)
            else:
                self._leave(account_id, granted)
            if isinstance(error, TimeoutError):
                raise OverloadedError from None
            raise

    def give_back(self, account_id: AccountId | None) -> None:
        """Give back what was taken for an account, to whoever is next."""
        held = self._held.pop(account_id) - 1
        if held:
            self._held[account_id] = held
        self._free += 1
        if self._waiting:
            self._grant()

    def turn(self, account_id: AccountId | None) -> "Turn":
        """Take one for a block. It may be entered again."""
        return Turn(self, account_id)

    def _grant(self) -> None:
        while self._free:
            may_have = [one for one in self._waiting if self._held.get(one, 0) < self._share]
            if not may_have:
                return
            account_id = min(may_have, key=lambda one: (self._held.get(one, 0), self._last.get(one, 0)))
            queue = self._waiting[account_id]
            granted = queue.popleft()
            if not queue:
                del self._waiting[account_id]
            if not granted.done():  # whose waiter has been cancelled
                self._hold(account_id, self._held.get(account_id, 0))
                granted.set_result(None)

    def _hold(self, account_id: AccountId | None, held: int) -> None:
        self._free -= 1
        self._held[account_id] = held + 1
        self._turns += 1
        self._last.pop(account_id, None)
        self._last[account_id] = self._turns
        if len(self._last) > _REMEMBERED:
            del self._last[next(iter(self._last))]

    def _leave(self, account_id: AccountId | None, granted: "asyncio.Future[None]") -> None:
        queue = self._waiting.get(account_id)
        if queue is None or granted not in queue:
            return
        queue.remove(granted)
        if not queue:
            del self._waiting[account_id]


class Turn:
    """A block's one of an `AccountConcurrency`."""

    __slots__ = ("_account_id", "_concurrency")

    def __init__(self, concurrency: AccountConcurrency, account_id: AccountId | None) -> None:
        self._concurrency = concurrency
        self._account_id = account_id

    async def __aenter__(self) -> None:
        await self._concurrency.take(self._account_id)

    async def __aexit__(self, *_: object) -> None:
        self._concurrency.give_back(self._account_id)
