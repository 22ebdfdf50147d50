"""Submits against an SMSC that does as it should, and against ones that don't."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from tests.carriers.pieces import KeepingInbox, message, messages
from tests.carriers.smpp_peer import bound
from tests.carriers.smsc_script import Script

from carillon.carriers.contract import Accepted, Failed, Outcome, Receipt, ReceiptState
from carillon.carriers.failures import Failure
from carillon.carriers.smpp.pdu import GENERIC_NACK, MESSAGE_PAYLOAD, SAR_SEQUENCE, SAR_TOTAL, UDH_INDICATOR, pdu
from carillon.carriers.smpp.session import Session
from carillon.carriers.smpp.statuses import (
    ESME_RINVCMDID,
    ESME_RINVCMDLEN,
    ESME_RINVMSGLEN,
    ESME_RMSGQFUL,
    ESME_RTHROTTLED,
)
from carillon.carriers.smpp.submit import relative_time, source_type
from carillon.kit.traffic import TrafficClass
from carillon.text.decoding import join_parts, read_part
from carillon.text.encodings import Encoding

pytestmark = pytest.mark.any_database

LONG = "One two three, a bell for thee and one for me. " * 8


def references(outcomes: list[Outcome]) -> list[str | None]:
    assert all(isinstance(one, Accepted) for one in outcomes), outcomes
    return [one.reference for one in outcomes if isinstance(one, Accepted)]


def failures(outcomes: list[Outcome]) -> list[Failure | None]:
    return [one.failure if isinstance(one, Failed) else None for one in outcomes]


async def test_a_message_arrives_with_all_that_it_has() -> None:
    async with bound(Script(), gsm_data_coding="0xF1", service_type="CMT") as (carrier, smsc):
        await carrier.submit([message(sender="Carillon", address="972500000001", validity=timedelta(hours=6))])
    (taken,) = smsc.taken
    arrived = taken.message
    assert (arrived.service_type, arrived.data_coding, arrived.registered_delivery) == ("CMT", 0xF1, 1)
    assert (arrived.source_ton, arrived.source_npi, arrived.source) == (5, 0, "Carillon")
    assert (arrived.destination_ton, arrived.destination_npi, arrived.destination) == (1, 1, "972500000001")
    assert arrived.validity == "000000060000000R"
    assert arrived.short_message == b"Ding dong, the code is 271828"


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("Carillon", (5, 0)),
        ("3Bells", (5, 0)),
        ("12345", (3, 0)),
        ("972500000001", (1, 1)),
        ("+972500000001", (1, 1)),
        ("+12345", (1, 1)),
        ("", (0, 0)),
    ],
)
def test_the_senders_form_says_its_type_of_number(sender: str, expected: tuple[int, int]) -> None:
    assert source_type(sender) == expected


@pytest.mark.parametrize(
    ("validity", "expected"),
    [
        (timedelta(days=2), b"000002000000000R"),
        (timedelta(hours=1, minutes=2, seconds=3), b"000000010203000R"),
        (timedelta(days=400), b"010110000000000R"),
        (timedelta(0), b"000000000001000R"),
        (timedelta(days=99_999), b"990000000000000R"),
    ],
)
def test_validity_is_a_relative_time(validity: timedelta, expected: bytes) -> None:
    assert relative_time(validity) == expected


@pytest.mark.parametrize(
    ("encoding", "flash", "coding"),
    [
        (Encoding.GSM, False, 0),
        (Encoding.UCS2, False, 8),
        (Encoding.BINARY, False, 4),
        (Encoding.GSM, True, 0x10),
        (Encoding.UCS2, True, 0x18),
        (Encoding.BINARY, True, 0xF4),
    ],
)
async def test_encoding_and_flash_are_the_data_coding(encoding: Encoding, flash: bool, coding: int) -> None:  # noqa: FBT001
    async with bound(Script()) as (carrier, smsc):
        await carrier.submit([message(encoding=encoding, flash=flash, text="häh")])
    assert smsc.taken[0].message.data_coding == coding


@pytest.mark.parametrize("how", ["udh", "sar", "payload"])
async def test_a_long_text_arrives_whole_with_one_receipt(how: str) -> None:
    inbox = KeepingInbox()
    async with bound(Script(), inbox, long_messages=how) as (carrier, smsc):
        (reference,) = references(await carrier.submit([message(text=LONG, parts=3)]))
        await inbox.until_taken(1)
    arrived = [one.message for one in smsc.taken]
    parts = [read_part(one.text, Encoding.GSM, has_header=bool(one.esm_class & UDH_INDICATOR)) for one in arrived]
    if how == "udh":
        assert join_parts(reversed(parts)) == LONG
        assert [(part.number, part.total) for part in parts] == [(1, 3), (2, 3), (3, 3)]
    else:
        assert "".join(part.payload.decode() for part in parts) == LONG
    if how == "sar":
        assert [(one.tlvs[SAR_SEQUENCE], one.tlvs[SAR_TOTAL]) for one in arrived] == [
            (bytes((number,)), b"\x03") for number in (1, 2, 3)
        ]
    assert how != "payload" or [MESSAGE_PAYLOAD in one.tlvs for one in arrived] == [True]
    assert [one.registered_delivery for one in arrived] == [0] * (len(arrived) - 1) + [1]
    (receipt,) = inbox.taken
    assert isinstance(receipt, Receipt)
    assert receipt.reference == reference == str(smsc.taken[-1].number)


async def test_two_long_texts_to_one_phone_have_different_references() -> None:
    async with bound(Script()) as (carrier, smsc):
        await carrier.submit([message(1, text=LONG, parts=3), message(2, text=LONG, parts=3)])
    assert len({one.message.short_message[3] for one in smsc.taken}) == 2


@pytest.mark.parametrize(
    ("values", "failure"),
    [
        ({"sender": "Glöckchen"}, Failure.SENDER_INVALID),
        ({"sender": "a\0b"}, Failure.SENDER_INVALID),
        ({"sender": "x" * 21}, Failure.SENDER_INVALID),
        ({"address": "abc"}, Failure.ADDRESS_INVALID),
        ({"address": "1" * 21}, Failure.ADDRESS_INVALID),
        ({"text": "שלום"}, Failure.TEXT_INVALID),
        ({"text": "x" * 100_000, "parts": 654}, Failure.TEXT_INVALID),
    ],
)
async def test_what_cannot_be_written_is_refused_and_nothing_is_sent(values: dict[str, Any], failure: Failure) -> None:
    async with bound(Script()) as (carrier, smsc):
        assert failures(await carrier.submit([message(**values)])) == [failure]
    assert smsc.taken == []


async def test_answers_out_of_order_are_of_their_own_messages() -> None:
    sent = messages(40)
    async with bound(Script(answer_order="reversed", answer_seconds=0.01)) as (carrier, smsc):
        outcomes = await carrier.submit(sent)
    by_address = {one.message.destination: str(one.number) for one in smsc.taken}
    assert references(outcomes) == [by_address[one.address] for one in sent]


@pytest.mark.parametrize("status", [ESME_RTHROTTLED, ESME_RMSGQFUL])
async def test_throttling_is_the_outcome_of_the_messages_that_it_met(status: int) -> None:
    failure = Failure.THROTTLED if status == ESME_RTHROTTLED else Failure.QUEUE_FULL
    async with bound(Script(statuses={"1": status})) as (carrier, _):
        outcomes = await carrier.submit(messages(20))
    assert Counter(failures(outcomes)) == {None: 18, failure: 2}
    assert outcomes[1] == Failed(
        failure=failure, code="ESME_RTHROTTLED" if failure is Failure.THROTTLED else "ESME_RMSGQFUL"
    )


async def test_the_window_of_an_smsc_is_never_overflowed() -> None:
    script = Script(window=10, answer_seconds=0.002)
    async with bound(script, window="10") as (carrier, smsc):
        calls = [carrier.submit(messages(50)) for _ in range(4)]
        calls.append(carrier.submit([message(text=LONG, parts=3)] * 20))
        for outcomes in await asyncio.gather(*calls):
            references(outcomes)
    assert smsc.overflows == 0
    assert smsc.most_unanswered == 9, "the last of the window is otp's"


async def test_otp_has_room_that_marketing_may_not_use() -> None:
    script = Script(answer_seconds=0.2)
    async with bound(script, window="10") as (carrier, smsc):
        marketing = asyncio.create_task(
            carrier.submit([message(one, traffic_class=TrafficClass.MARKETING) for one in range(30)])
        )
        await asyncio.sleep(0.05)
        assert smsc.most_unanswered == 8
        otp = asyncio.create_task(carrier.submit([message(99, traffic_class=TrafficClass.OTP)]))
        await asyncio.sleep(0.05)
        assert smsc.taken[-1].message.destination == message(99).address
        await asyncio.gather(marketing, otp)


async def test_a_part_that_is_throttled_is_sent_again_when_others_were_taken() -> None:
    script = Script(throttle_every=2)
    async with bound(script) as (carrier, smsc):
        references(await carrier.submit([message(text=LONG, parts=3)]))
    numbers = [one.message.short_message[5] for one in smsc.taken]
    assert sorted(numbers) == [1, 2, 3], "and each part was taken once"


async def test_a_message_none_of_whose_parts_was_taken_is_throttled() -> None:
    async with bound(Script(statuses={"": ESME_RTHROTTLED})) as (carrier, _):
        assert failures(await carrier.submit([message(text=LONG, parts=3)])) == [Failure.THROTTLED]


async def test_a_carrier_that_stops_ends_a_message_of_which_only_a_part_was_taken() -> None:
    async with bound(Script(throttle_every=2)) as (carrier, _):
        submitting = asyncio.create_task(carrier.submit([message(text=LONG, parts=3)]))
        await asyncio.sleep(0.2)
    assert failures(await submitting) == [Failure.REFUSED_BY_CARRIER]


async def test_an_smsc_that_falls_silent_loses_what_was_submitted_and_the_bind_is_made_anew() -> None:
    script = Script(silent_after=3, receipts="none")
    async with bound(script, answer_seconds="0.3", enquire_seconds="0.3") as (carrier, smsc):
        outcomes = await carrier.submit(messages(5))
        assert failures(outcomes) == [None, None, Failure.LOST, Failure.LOST, Failure.LOST]
        async with asyncio.timeout(10):
            while len(smsc.binds) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


async def test_a_connection_that_ends_loses_what_was_unanswered_and_the_rest_can_go_elsewhere() -> None:
    script = Script(close_after=3, receipts="none")
    async with bound(script, window="10") as (carrier, smsc):
        outcomes = await carrier.submit(messages(30))
        counts = Counter(failures(outcomes))
        assert counts[Failure.LOST] >= 1
        assert counts[Failure.UNAVAILABLE] >= 20, "what was not written was not taken"
        assert counts[None] + counts[Failure.LOST] + counts[Failure.UNAVAILABLE] == 30
        async with asyncio.timeout(10):
            while not carrier.is_up:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert len(smsc.binds) == 2


async def test_receipts_may_come_before_the_answers() -> None:
    inbox = KeepingInbox()
    async with bound(Script(receipts="before", answer_seconds=0.1), inbox) as (carrier, _):
        submitting = asyncio.create_task(carrier.submit(messages(5)))
        await inbox.until_taken(5)
        assert not submitting.done()
        assert sorted(one.reference for one in inbox.taken if isinstance(one, Receipt)) == references(await submitting)


async def test_receipts_that_come_twice_are_handed_over_twice_and_acknowledged() -> None:
    inbox = KeepingInbox()
    async with bound(Script(receipt_copies=2), inbox) as (carrier, smsc):
        await carrier.submit(messages(5))
        await inbox.until_taken(10)
    assert smsc.receipts_acknowledged == 10


@pytest.mark.parametrize(
    ("in_answers", "in_receipts", "option"),
    [
        ("hex", "decimal", "decimal"),
        ("decimal", "hex", "hex"),
        ("hex", "padded", "decimal"),
        ("hex", "upper", "auto"),
        ("decimal", "padded", "auto"),
        ("hex", "padded", "auto"),
        ("uuid", "uuid", "as_is"),
    ],
)
async def test_ids_of_another_radix_are_brought_together(in_answers: Any, in_receipts: Any, option: str) -> None:
    inbox = KeepingInbox()
    script = Script(answer_ids=in_answers, receipt_ids=in_receipts, receipts="delayed", receipt_seconds=0.05)
    async with bound(script, inbox, receipt_ids=option) as (carrier, _):
        outcomes = await carrier.submit(messages(30))
        await inbox.until_taken(30)
    assert {one.reference for one in inbox.taken if isinstance(one, Receipt)} == set(references(outcomes))


async def test_receipts_by_optional_parameters_and_of_failures() -> None:
    inbox = KeepingInbox()
    script = Script(receipt_form="tlv", states={"1": "UNDELIV", "2": "EXPIRED"})
    async with bound(script, inbox) as (carrier, _):
        await carrier.submit(messages(10))
        await inbox.until_taken(10)
    states = Counter(one.state for one in inbox.taken if isinstance(one, Receipt))
    assert states == {ReceiptState.DELIVERED: 8, ReceiptState.UNDELIVERED: 1, ReceiptState.EXPIRED: 1}


async def test_malformed_messages_are_refused_and_harm_nothing() -> None:
    async with bound(Script(malformed_every=2)) as (carrier, smsc):
        references(await carrier.submit(messages(20)))
        await asyncio.sleep(0.05)
        assert smsc.answers == [(0x7000_0000, ESME_RINVMSGLEN)] * 10
    assert len(smsc.binds) == 1


async def test_an_unknown_command_is_answered_with_generic_nack() -> None:
    async with bound(Script()) as (carrier, smsc):
        smsc.sessions[0].transport.write(pdu(0x0000_0055, 0, 5) + pdu(0x8000_0055, 0, 6) + pdu(0x102, 0, 7, b"alert"))
        references(await carrier.submit(messages(1)))
        assert smsc.nacks == [ESME_RINVCMDID], "an answer or an alert isn't"


@pytest.mark.parametrize("length", [0, 15, 70_001, 0xFFFF_FFFF])
async def test_what_cannot_be_cut_into_pdus_ends_the_connection(length: int) -> None:
    async with bound(Script()) as (carrier, smsc):
        smsc.sessions[0].transport.write(length.to_bytes(4) + bytes(12))
        async with asyncio.timeout(10):
            while len(smsc.binds) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert smsc.nacks == [ESME_RINVCMDLEN]
        async with asyncio.timeout(10):
            while not carrier.is_up:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        references(await carrier.submit(messages(1)))


async def test_a_generic_nack_is_the_outcome_of_its_submit() -> None:
    async with bound(Script(answer_seconds=5, receipts="none")) as (carrier, smsc):
        submitting = asyncio.create_task(carrier.submit(messages(2)))
        async with asyncio.timeout(10):
            while smsc.most_unanswered < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        # The bind was number 1.
        smsc.sessions[0].transport.write(pdu(GENERIC_NACK, ESME_RTHROTTLED, 2) + pdu(GENERIC_NACK, 0, 3))
        assert failures(await submitting) == [Failure.THROTTLED, Failure.TEMPORARY]


async def test_sequence_numbers_start_again_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Session] = []
    connected = Session.connection_made

    def connection_made(self: Session, transport: asyncio.BaseTransport) -> None:
        self._sequence = 0x7FFF_FFFF - 3
        made.append(self)
        connected(self, transport)

    monkeypatch.setattr(Session, "connection_made", connection_made)
    async with bound(Script()) as (carrier, _):
        references(await carrier.submit(messages(10)))
    assert made[0]._sequence < 20


async def test_pdus_that_come_octet_by_octet_are_put_together() -> None:
    async with bound(Script(answer_seconds=5, receipts="none")) as (carrier, smsc):
        submitting = asyncio.create_task(carrier.submit(messages(1)))
        async with asyncio.timeout(10):
            while not smsc.taken:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        for octet in pdu(0x8000_0004, 0, 2, b"abc123\0"):
            smsc.sessions[0].transport.write(bytes((octet,)))
            await asyncio.sleep(0.001)
        assert references(await submitting) == ["abc123"]
