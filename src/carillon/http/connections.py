"""How many connections a process keeps, and how long each may take: one caller cannot hold the others' places.

Reading a head, waiting for a request, a body's pace and the taking of a reply each have a limit of their own. They are
looked at once a second for all connections together, which costs a call nothing.
"""

import math
import resource
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from typing import Protocol

from carillon.kit.networks import plain_address

# Files of the process that are no connections of callers: the database's, the log, the data folder.
_OTHER_FILES = 100
_FEWEST_CONNECTIONS = 20
# A body that has been coming for longer may be dropped for another caller.
_SLOW_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of connections; times are in seconds.

    A head has to arrive within `head_seconds`, and a connection's first byte too; between requests a connection may be
    idle for `idle_seconds`. Of a body at least `body_bytes_per_second` arrive on the average, after a time of grace. A
    reply of which its caller takes nothing for `reply_seconds` is dropped. `per_address` doesn't count `proxies`, which
    stand for many callers.
    """

    connections: int = 1_000
    per_address: int = 250
    proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    head_seconds: float = 10.0
    idle_seconds: float = 75.0
    body_grace_seconds: float = 10.0
    body_bytes_per_second: float = 1_024.0
    reply_seconds: float = 30.0


class Phase(Enum):
    """What a connection is read for."""

    IDLE = auto()
    HEAD = auto()
    BODY = auto()


@dataclass(slots=True)
class Progress:
    """How far a connection is: since when it is in its phase, and what has come of a body while it was being read.

    `reading_seconds` are those of a body's phase in which the caller was waited for; `unsent` is what was still to be
    taken of a reply when it was last looked at, `unsent_since` the time from which that hasn't changed.
    """

    phase: Phase = Phase.IDLE
    since: float = 0.0
    requests: int = 0
    body_bytes: int = 0
    reading_seconds: float = 0.0
    unsent: int = 0
    unsent_since: float = 0.0

    def enter(self, phase: Phase, now: float) -> None:
        """Begin a phase."""
        self.phase, self.since, self.body_bytes, self.reading_seconds = phase, now, 0, 0.0


class Connection(Protocol):
    """What is known of a connection; `is_answering` while a request of it is being answered."""

    address: str
    progress: Progress

    @property
    def is_answering(self) -> bool: ...

    @property
    def is_reading(self) -> bool: ...

    @property
    def unsent_bytes(self) -> int: ...

    def refuse(self, status: HTTPStatus) -> None:
        """Say why, where no reply has begun, and hang up."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...

    def abort(self) -> None:
        """Hang up without sending what is left."""
        ...


def caller_of(address: str) -> str:
    """Return what stands for a caller: an IPv4 address, or the network of 64 bits that an IPv6 address is of."""
    try:
        found = plain_address(address)
    except ValueError:  # a socket without an address
        return address
    if isinstance(found, IPv6Address):
        found = IPv6Network((int(found) >> 64 << 64, 64)).network_address
    return str(found)


def most_connections(wanted: int) -> int:
    """Return how many connections the process can keep, at most `wanted`, after raising its limit of open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    ceiling = wanted + _OTHER_FILES if hard == resource.RLIM_INFINITY else hard
    if soft < min(wanted + _OTHER_FILES, ceiling):
        soft = min(wanted + _OTHER_FILES, ceiling)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return max(_FEWEST_CONNECTIONS, min(wanted, soft - _OTHER_FILES))


class Connections:
    """The connections of a process."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: dict[Connection, str] = {}
        self._by_caller: Counter[str] = Counter()
        self._last_look = math.nan

    def admit(self, connection: Connection, now: float) -> bool:
        """Take a connection; when there are too many, the one that has been idle for longest goes first.

        Where none is idle the one goes whose body comes most slowly. False where there is none of these, either: the
        new one is to be refused.
        """
        caller = caller_of(connection.address)
        if self._by_caller[caller] >= self._limits.per_address and not self._is_proxy(connection.address):
            its = [one for one, owner in self._open.items() if owner == caller]
            if not self._make_room(its, now):
                return False
        if len(self._open) >= self._limits.connections and not self._make_room(self._open, now):
            return False
        self._open[connection] = caller
        self._by_caller[caller] += 1
        return True

    def _is_proxy(self, address: str) -> bool:
        try:
            found = plain_address(address)
            return any(found in network for network in self._limits.proxies)
        except ValueError:  # a socket without an address
            return True

    def _make_room(self, connections: Iterable[Connection], now: float) -> bool:
        idle, slow = [], []
        for one in connections:
            if not one.is_answering:
                idle.append(one)
            elif one.progress.phase is Phase.BODY and one.is_reading and now - one.progress.since > _SLOW_SECONDS:
                slow.append(one)
        if idle:
            found = min(idle, key=lambda one: one.progress.since)
        elif slow:
            found = min(slow, key=lambda one: one.progress.body_bytes / (now - one.progress.since))
        else:
            return False
        self.remove(found)
        found.abort() if found.unsent_bytes else found.close()
        return True

    def remove(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        caller = self._open.pop(connection, None)
        if caller is not None:
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    def look(self, now: float) -> None:
        """End the connections that take too long; `now` is monotonic. It is called about once a second."""
        passed = 0.0 if math.isnan(self._last_look) else now - self._last_look
        self._last_look = now
        for connection in list(self._open):
            progress = connection.progress
            if self._takes_no_reply(connection, now):
                self.remove(connection)
                connection.abort()
            elif self._is_too_slow(connection, progress, now, passed):
                status = HTTPStatus.REQUEST_TIMEOUT
                connection.refuse(status) if progress.phase is not Phase.IDLE else connection.close()

    def _takes_no_reply(self, connection: Connection, now: float) -> bool:
        progress, unsent = connection.progress, connection.unsent_bytes
        if not unsent or unsent != progress.unsent:
            progress.unsent, progress.unsent_since = unsent, now
        return bool(unsent) and now - progress.unsent_since > self._limits.reply_seconds

    def _is_too_slow(self, connection: Connection, progress: Progress, now: float, passed: float) -> bool:
        limits = self._limits
        if progress.phase is Phase.BODY:
            if connection.is_reading:
                progress.reading_seconds += min(passed, now - progress.since)
            owed = (progress.reading_seconds - limits.body_grace_seconds) * limits.body_bytes_per_second
            return progress.body_bytes < owed
        if connection.is_answering:
            return False
        is_waiting = progress.phase is Phase.IDLE and progress.requests
        return now - progress.since > (limits.idle_seconds if is_waiting else limits.head_seconds)
