"""Whatever octets come, a session neither raises nor stops to answer."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.carriers.pieces import CARRIER_ID, SECRET, KeepingInbox
from tests.carriers.smsc_script import Script, receipt_body

from carillon.carriers.smpp import pdu as codec
from carillon.carriers.smpp.carrier import SmppCarrier, make_smpp
from carillon.carriers.smpp.pdu import HEADER, Message, encode_message, pdu
from carillon.carriers.smpp.session import Session

pytestmark = pytest.mark.any_database

COMMANDS = sorted({one for name, one in vars(codec).items() if name.isupper() and isinstance(one, int)})
command = st.one_of(st.sampled_from(COMMANDS), st.integers(0, 0xFFFF_FFFF))
body = st.one_of(
    st.binary(max_size=80),
    st.builds(
        lambda text, esm_class, coding, tlvs: encode_message(
            Message(
                source="972500000001",
                destination="1",
                esm_class=esm_class,
                data_coding=coding,
                short_message=text,
                tlvs=tlvs,
            )
        ),
        st.binary(max_size=60),
        st.integers(0, 255),
        st.integers(0, 255),
        st.dictionaries(st.sampled_from([0x1E, 0x427, 0x423, 0x424, 0x20C, 0x20E, 0x20F]), st.binary(max_size=6)),
    ),
    st.just(receipt_body(7, Message(source="us", destination="972500000001"), Script())),
)
well_formed = st.builds(pdu, command, st.integers(0, 0xFFFF_FFFF), st.integers(0, 0xFFFF_FFFF), body)


class KeptWrites:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closing = False

    def write(self, octets: bytes) -> None:
        self.written += octets

    def is_closing(self) -> bool:
        return self.closing

    def abort(self) -> None:
        self.closing = True

    close = abort

    def get_write_buffer_size(self) -> int:
        return 0


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    octets = bytearray(b"".join(draw(st.lists(well_formed, min_size=1, max_size=5))))
    for _ in range(draw(st.integers(0, 4))):
        octets[draw(st.integers(0, len(octets) - 1))] = draw(st.integers(0, 255))
    return bytes(octets[: draw(st.integers(0, len(octets)))] if draw(st.booleans()) else octets)


def made() -> tuple[Session, KeptWrites, SmppCarrier]:
    carrier = make_smpp(CARRIER_ID, "smpp://us@127.0.0.1", SECRET, {}, KeepingInbox(), random=Random(1))  # noqa: S311
    session = Session(carrier, answer_seconds=1, enquire_seconds=1)
    transport = KeptWrites()
    session.connection_made(cast("Any", transport))
    return session, transport, carrier


def feed(check: Callable[[Session, KeptWrites], None]) -> None:
    async def run() -> None:
        session, transport, carrier = made()
        check(session, transport)
        session.connection_lost(None)
        await carrier._deliveries.finish()

    asyncio.run(run())


@settings(deadline=None)
@given(st.one_of(st.binary(max_size=200), mutated()), st.integers(1, 50))
def test_octets_of_any_kind_in_pieces_of_any_size_never_raise(octets: bytes, size: int) -> None:
    def check(session: Session, transport: KeptWrites) -> None:
        handle = session._handle
        failed: list[BaseException] = []

        def watched(*arguments: Any) -> None:
            try:
                handle(*arguments)
            except Exception as error:
                failed.append(error)
                raise

        session._handle = watched  # type: ignore[method-assign, assignment]
        for start in range(0, len(octets), size):
            if not transport.closing:
                session.data_received(octets[start : start + size])
        assert failed == [], "not even where the session would catch it"
        written = transport.written
        while written:
            length, answer, _, _ = HEADER.unpack_from(written)
            assert answer & codec.RESPONSE
            written = written[length:]

    feed(check)


@settings(deadline=None)
@given(st.lists(well_formed, max_size=5))
def test_after_whatever_is_well_formed_an_enquiry_is_answered(pdus: list[bytes]) -> None:
    def check(session: Session, transport: KeptWrites) -> None:
        session.data_received(b"".join(pdus))
        if not transport.closing:
            transport.written = b""
            session.data_received(pdu(codec.ENQUIRE_LINK, 0, 99))
            assert transport.written == pdu(codec.ENQUIRE_LINK_RESP, 0, 99)

    feed(check)
