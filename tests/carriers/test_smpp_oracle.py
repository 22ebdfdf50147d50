"""Another implementation, smpp34, reads what we write and writes what we read; our carrier is bound to its server."""

import asyncio
import socket
from datetime import UTC, datetime

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st
from tests.carriers.harness import running
from tests.carriers.pieces import CARRIER_ID, SECRET, KeepingInbox, message, messages

from carillon.carriers.contract import Accepted, Receipt, ReceiptState, Reply
from carillon.carriers.failures import Failure
from carillon.carriers.smpp.carrier import make_smpp
from carillon.carriers.smpp.pdu import (
    DELIVER_SM,
    HEADER,
    HEADER_SIZE,
    RECEIPT,
    SUBMIT_SM,
    Message,
    decode_message,
    encode_message,
    pdu,
)
from carillon.carriers.smpp.statuses import ESME_RINVDSTADR
from carillon.text.encodings import Encoding

pytestmark = pytest.mark.any_database

flag = st.integers(0, 255)
address = st.text("0123456789ABCdef", max_size=20)
written = st.builds(
    Message,
    service_type=st.sampled_from(["", "CMT", "VMA"]),
    source_ton=st.integers(0, 6),
    source_npi=st.sampled_from([0, 1, 3, 4, 6, 8, 9, 10, 14, 18]),
    source=address,
    destination_ton=st.integers(0, 6),
    destination_npi=st.sampled_from([0, 1, 3, 4, 6, 8, 9, 10, 14, 18]),
    destination=address,
    esm_class=st.sampled_from([0, 0x04, 0x40]),
    protocol_id=flag,
    priority=st.integers(0, 3),
    scheduled=st.just(""),
    replace_if_present=st.just(0),
    default_message_id=st.just(0),
    validity=st.sampled_from(["", "000001000000000R"]),
    registered_delivery=st.sampled_from([0, 1, 2]),
    data_coding=st.sampled_from([0, 1, 3, 4, 8]),
    short_message=st.binary(max_size=254),
    tlvs=st.dictionaries(st.integers(0x1400, 0x3FFF), st.binary(max_size=100), max_size=3),
)
NAMES = {
    "service_type": "service_type",
    "source_ton": "source_addr_ton",
    "source_npi": "source_addr_npi",
    "destination_ton": "dest_addr_ton",
    "destination_npi": "dest_addr_npi",
    "esm_class": "esm_class",
    "protocol_id": "protocol_id",
    "priority": "priority_flag",
    "scheduled": "schedule_delivery_time",
    "validity": "validity_period",
    "registered_delivery": "registered_delivery",
    "data_coding": "data_coding",
}


@given(written, st.sampled_from([SUBMIT_SM, DELIVER_SM]), st.integers(1, 0x7FFF_FFFF))
def test_what_we_write_another_reads(one: Message, command: int, sequence: int) -> None:
    read = smpp34.decode(pdu(command, 0, sequence, encode_message(one)))
    assert isinstance(read, smpp34.SubmitSm if command == SUBMIT_SM else smpp34.DeliverSm)
    assert read.sequence_number == sequence
    assert {name: getattr(read, theirs) for name, theirs in NAMES.items()} == {
        name: getattr(one, name) for name in NAMES
    }
    assert (read.source_addr, read.destination_addr, read.short_message) == (
        one.source,
        one.destination,
        one.short_message,
    )
    assert {found.tag: found.value for found in read.tlvs} == one.tlvs


@given(written, st.sampled_from([smpp34.SubmitSm, smpp34.DeliverSm]))
def test_what_another_writes_we_read(one: Message, theirs: type[smpp34.SubmitSm] | type[smpp34.DeliverSm]) -> None:
    values = {other: getattr(one, name) for name, other in NAMES.items()}
    tlvs = [smpp34.Tlv(tag, value) for tag, value in one.tlvs.items()]
    octets = theirs(one.source, one.destination, one.short_message, tlvs=tlvs, sequence_number=7, **values).encode()
    length, *_ = HEADER.unpack_from(octets)
    assert length == len(octets)
    assert decode_message(octets, HEADER_SIZE, length) == one


async def test_our_carrier_works_with_anothers_smsc() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    server = smpp34.Server("127.0.0.1", port)
    await server.start()
    inbox = KeepingInbox()
    carrier = make_smpp(CARRIER_ID, f"smpp://tester@127.0.0.1:{port}", SECRET, {}, inbox)
    taken: list[smpp34.SubmitSmEvent] = []

    async def serve() -> None:
        esme = None
        while True:
            event = await server.next()
            if isinstance(event, smpp34.Esme):
                esme = event
                answer = await esme.deliver_sm("12345", b"Are you there?", source_addr="972500000001")
                assert answer.is_success
            elif isinstance(event, smpp34.SubmitSmEvent):
                assert esme is not None
                taken.append(event)
                if event.destination_addr.endswith("9904"):
                    event.reject(ESME_RINVDSTADR)
                    continue
                event.accept(f"id-{len(taken)}")
                done = datetime.now(UTC).strftime("%y%m%d%H%M")
                text = f"id:id-{len(taken)} sub:001 dlvrd:001 submit date:{done} done date:{done} stat:DELIVRD err:000"
                await esme.deliver_sm(
                    event.source_addr, text.encode(), source_addr=event.destination_addr, esm_class=RECEIPT
                )

    serving = asyncio.create_task(serve())
    async with running(carrier):
        sent = [*messages(5), message(6, text="שלום", encoding=Encoding.UCS2), message(address="9725000009904")]
        *accepted, refused = await carrier.submit(sent)
        assert all(isinstance(one, Accepted) for one in accepted)
        assert getattr(refused, "failure", None) is Failure.ADDRESS_INVALID
        await inbox.until_taken(7)
    serving.cancel()
    await server.stop()
    assert [one.short_message.decode("utf-16-be") for one in taken if one.data_coding == 8] == ["שלום"]
    receipts = [one for one in inbox.taken if isinstance(one, Receipt)]
    assert {one.reference for one in receipts} == {getattr(one, "reference", None) for one in accepted}
    assert {one.state for one in receipts} == {ReceiptState.DELIVERED}
    assert [one.text for one in inbox.taken if isinstance(one, Reply)] == ["Are you there?"]
