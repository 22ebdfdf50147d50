"""One bind that is kept: connected, bound, and connected again after a while that grows and varies."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from random import Random

import structlog

from carillon.carriers.smpp.options import Endpoint, SmppOptions
from carillon.carriers.smpp.pdu import Bind
from carillon.carriers.smpp.session import BindRefusedError, Session

log = structlog.get_logger(__name__)

_FIRST_DELAY = 0.5
_MOST_DELAY = 60.0
# A connection that lasted so long was a good one: the next attempt comes soon.
_GOOD_SECONDS = 30.0


def backoff(failures: int, random: Random) -> float:
    """Return how long to wait after so many failures: between half and all of 0.5 s, 1 s, 2 s … 60 s."""
    longest = min(_MOST_DELAY, _FIRST_DELAY * 2.0 ** min(failures - 1, 10))
    return longest * random.uniform(0.5, 1.0)


class Link:
    """Keeps one bind. `command` says which: transceiver, transmitter or receiver."""

    def __init__(
        self,
        endpoint: Endpoint,
        options: SmppOptions,
        *,
        command: int,
        make_session: Callable[[], Session],
        random: Random,
    ) -> None:
        self._endpoint = endpoint
        self._options = options
        self._command = command
        self._make_session = make_session
        self._random = random
        self._tls: ssl.SSLContext | None = None
        self.session: Session | None = None

    async def run(self) -> None:
        """Keep the bind until cancelled."""
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                self.session = await self._connect()
                log.info("bound to an SMSC", host=self._endpoint.host, port=self._endpoint.port)
                await asyncio.shield(self.session.closed)
                why = "the connection was closed"
            except BindRefusedError as error:
                why = f"the bind was refused: {error}"
            except TimeoutError:
                why = "no answer came in time"
            except OSError as error:  # ssl.SSLError is one
                why = error.strerror or type(error).__name__
            except Exception as error:  # noqa: BLE001 - a host name of odd letters, say: whatever it is, it is tried again
                why = type(error).__name__
            finally:
                if self.session is not None:
                    self.session.close()
                self.session = None
            failures = 1 if loop.time() - started >= _GOOD_SECONDS else failures + 1
            delay = backoff(failures, self._random)
            log.warning("no bind to an SMSC", host=self._endpoint.host, why=why, next_attempt_seconds=round(delay, 1))
            await asyncio.sleep(delay)

    async def _connect(self) -> Session:
        async with asyncio.timeout(self._options.connect_seconds):
            transport, session = await asyncio.get_running_loop().create_connection(
                self._make_session, self._endpoint.host, self._endpoint.port, ssl=await self._context()
            )
        try:
            # asyncio sets it by itself on plain connections only in some versions; an answer of 17 octets is never to
            # wait for the acknowledgement of the one before.
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await session.bind(self._command, self._bind())
        except BaseException:
            transport.abort()
            raise
        return session

    async def _context(self) -> ssl.SSLContext | None:
        """Make the TLS context once, in a thread: reading the authorities takes tens of milliseconds."""
        if self._endpoint.tls and self._tls is None:
            self._tls = await asyncio.to_thread(ssl.create_default_context, cafile=self._options.ca_file)
        return self._tls

    def _bind(self) -> Bind:
        return Bind(
            system_id=self._endpoint.system_id,
            password=self._endpoint.password,
            system_type=self._options.system_type,
            address_range=self._options.address_range,
        )
