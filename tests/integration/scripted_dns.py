"""A DNS server of the tests' own: it answers for the names that it is given, over UDP, or doesn't answer."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset


class _Server(asyncio.DatagramProtocol):
    def __init__(self, texts: Mapping[str, Sequence[str]], *, is_silent: bool) -> None:
        self._texts, self._is_silent = texts, is_silent

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override] # of UDP
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._is_silent:
            return
        asked = dns.message.from_wire(data)
        (question,) = asked.question
        reply = dns.message.make_response(asked)
        reply.flags |= dns.flags.AA
        found = self._texts.get(question.name.to_text(omit_final_dot=True))
        if found is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.TXT:
            reply.answer.append(dns.rrset.from_text(question.name, 60, "IN", "TXT", *found))
        self._transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def dns_serving(texts: Mapping[str, Sequence[str]], *, is_silent: bool = False) -> AsyncIterator[str]:
    """Serve texts by name, written as in a zone's file, and yield the address of the server."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Server(texts, is_silent=is_silent), local_addr=("127.0.0.1", 0)
    )
    try:
        host, port = transport.get_extra_info("sockname")
        yield f"{host}:{port}"
    finally:
        transport.close()
