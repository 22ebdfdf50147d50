from datetime import UTC, datetime
from typing import Any

import pytest

from carillon.carriers.contract import Receipt, ReceiptState
from carillon.carriers.failures import Failure
from carillon.carriers.smpp.message_ids import MessageIds
from carillon.carriers.smpp.options import ReceiptIds, SmppOptions, parse_options
from carillon.carriers.smpp.pdu import (
    INTERMEDIATE,
    MESSAGE_PAYLOAD,
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPT,
    RECEIPTED_MESSAGE_ID,
    Message,
)
from carillon.carriers.smpp.receipts import ReceiptReader, is_receipt

pytestmark = pytest.mark.any_database

USUAL = (
    "id:0123456789 sub:001 dlvrd:001 submit date:2503091029 done date:2503091030 stat:DELIVRD err:000 text:id:7 stat:X"
)


def read(text: str, options: SmppOptions | None = None, **values: Any) -> Receipt | None:
    options = options or SmppOptions(receipt_ids=ReceiptIds.AS_IS)
    message = Message(
        source="+972500000001", destination="Carillon", esm_class=RECEIPT, short_message=text.encode()
    )._replace(**values)
    return ReceiptReader(options, MessageIds(options.receipt_ids)).read(message)


def test_the_usual_text_says_all() -> None:
    assert read(USUAL) == Receipt(
        reference="0123456789",
        state=ReceiptState.DELIVERED,
        at=datetime(2025, 3, 9, 10, 30, tzinfo=UTC),
        address="972500000001",
        sender="Carillon",
        code="000",
    )


@pytest.mark.parametrize(
    "text",
    [
        "id:ab12 sub:001 dlvrd:000 submit date:2503091029 done date:250309103000 stat:UNDELIV err:001 Text:",
        "ID:ab12 SUB:001 DLVRD:000 SUBMIT DATE:2503091029 DONE DATE:2503091030 STAT:UNDELIV ERR:001 TEXT:",
        "id: ab12  stat: undeliv   err: 1 done date: 2503091030",
        "stat:UNDELIVERABLE err:001 done date:20250309103000 id:ab12",
        "id:ab12,stat:UNDELIV,err:001,done_date:2503091030,text:stat:DELIVRD id:zz",
        "text:hello id:ab12 stat:UNDELIV err:01 done date:2503091030\0",
        "\tid:ab12\tstat:UNDELIVERED\terror:0001\tdone date:2503091030",
    ],
)
def test_odd_texts_say_the_same(text: str) -> None:
    receipt = read(text)
    assert receipt is not None
    assert (receipt.reference, receipt.state) == ("ab12", ReceiptState.UNDELIVERED)
    assert receipt.failure is Failure.UNKNOWN_SUBSCRIBER
    assert receipt.at == datetime(2025, 3, 9, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stat", "state", "failure"),
    [
        ("DELIVRD", ReceiptState.DELIVERED, None),
        ("EXPIRED", ReceiptState.EXPIRED, Failure.EXPIRED),
        ("DELETED", ReceiptState.UNDELIVERED, Failure.DELETED),
        ("UNDELIV", ReceiptState.UNDELIVERED, Failure.NETWORK_ERROR),
        ("ACCEPTD", ReceiptState.ACCEPTED, None),
        ("ENROUTE", ReceiptState.ACCEPTED, None),
        ("UNKNOWN", ReceiptState.UNKNOWN, None),
        ("REJECTD", ReceiptState.REJECTED, Failure.REJECTED_BY_NETWORK),
        ("NONSENSE", ReceiptState.UNKNOWN, None),
    ],
)
def test_each_state_of_the_text(stat: str, state: ReceiptState, failure: Failure | None) -> None:
    receipt = read(f"id:1 sub:001 dlvrd:001 submit date:2503091029 done date:2503091030 stat:{stat} err:999 text:")
    assert receipt is not None
    assert (receipt.state, receipt.failure) == (state, failure)


@pytest.mark.parametrize(
    ("number", "state"),
    [
        (1, ReceiptState.ACCEPTED),
        (2, ReceiptState.DELIVERED),
        (3, ReceiptState.EXPIRED),
        (4, ReceiptState.UNDELIVERED),
        (5, ReceiptState.UNDELIVERED),
        (6, ReceiptState.ACCEPTED),
        (7, ReceiptState.UNKNOWN),
        (8, ReceiptState.REJECTED),
        (99, ReceiptState.UNKNOWN),
    ],
)
def test_each_state_of_the_optional_parameters_which_come_before_the_text(number: int, state: ReceiptState) -> None:
    receipt = read(USUAL, tlvs={RECEIPTED_MESSAGE_ID: b"tlv-7\0", MESSAGE_STATE: bytes((number,))})
    assert receipt is not None
    assert (receipt.reference, receipt.state) == ("tlv-7", state)


def test_a_receipt_may_be_in_the_payload() -> None:
    receipt = read("", tlvs={MESSAGE_PAYLOAD: USUAL.encode()})
    assert receipt is not None
    assert receipt.reference == "0123456789"


@pytest.mark.parametrize(
    ("network_error", "failure"),
    [
        (b"\x03\0\x06", Failure.ABSENT_SUBSCRIBER),
        (b"\x03\0\x0d", Failure.CALL_BARRED),
        (b"\x03\0\x0b", Failure.TELESERVICE_NOT_PROVISIONED),
        (b"\x01\0\x06", Failure.NETWORK_ERROR),
        (b"\x03", Failure.NETWORK_ERROR),
    ],
)
def test_the_network_error_code_of_a_gsm_network_says_why(network_error: bytes, failure: Failure) -> None:
    tlvs = {RECEIPTED_MESSAGE_ID: b"1", MESSAGE_STATE: b"\x05", NETWORK_ERROR_CODE: network_error}
    receipt = read("", tlvs=tlvs)
    assert receipt is not None
    assert receipt.failure is failure


def test_a_carriers_own_table_of_errors_comes_first() -> None:
    options = parse_options({"errors": "001:call_barred,0x50:absent_subscriber", "receipt_ids": "as_is"})
    text = "id:1 sub:001 dlvrd:000 submit date:2503091029 done date:2503091030 stat:{} err:{} text:"
    for stat, error, failure in (
        ("UNDELIV", "001", Failure.CALL_BARRED),
        ("UNDELIV", "080", Failure.ABSENT_SUBSCRIBER),
        ("REJECTD", "001", Failure.CALL_BARRED),
        ("DELIVRD", "001", None),
    ):
        receipt = read(text.format(stat, error), options)
        assert receipt is not None
        assert receipt.failure is failure


def test_the_times_of_receipts_are_of_the_carriers_zone() -> None:
    receipt = read(USUAL, parse_options({"receipt_zone": "Asia/Jerusalem"}))
    assert receipt is not None
    assert receipt.at == datetime(2025, 3, 9, 8, 30, tzinfo=UTC)


def test_the_network_is_read_from_the_vendors_parameter() -> None:
    options = parse_options({"network_tlv": "0x1403"})
    for value, network in ((b"42501\0", "42501"), (b"425010", "425010"), (b"x", None), (b"", None)):
        receipt = read(USUAL, options, tlvs={0x1403: value})
        assert receipt is not None
        assert receipt.network == network


@pytest.mark.parametrize("text", ["", "hello", "stat:DELIVRD", "id: stat:DELIVRD", "id:" + "\0" * 3])
def test_a_receipt_that_names_no_message_is_none(text: str) -> None:
    assert read(text) is None


def test_a_date_that_is_none_is_left_out() -> None:
    for done in ("2599999999", "never", "", "0000000000"):
        receipt = read(f"id:1 stat:DELIVRD done date:{done} err:0")
        assert receipt is not None
        assert receipt.at is None


def test_an_intermediate_notification_without_a_state_is_not_final() -> None:
    receipt = read("id:1 something", esm_class=INTERMEDIATE)
    assert receipt is not None
    assert receipt.state is ReceiptState.ACCEPTED


def test_a_phone_that_writes_the_text_of_a_receipt_makes_none() -> None:
    assert not is_receipt(Message(short_message=USUAL.encode()))
    assert not is_receipt(Message(esm_class=0x40, short_message=USUAL.encode()))
    assert is_receipt(Message(tlvs={RECEIPTED_MESSAGE_ID: b"1"}))


def test_numbers_of_thousands_of_digits_are_read_like_others() -> None:
    digits = "9" * 6000
    payload = f"id:{digits} stat:UNDELIV err:{digits}".encode()
    receipt = read("", SmppOptions(), tlvs={MESSAGE_PAYLOAD: payload})
    assert receipt is not None
    assert len(receipt.reference) <= 256


@pytest.mark.parametrize(
    ("mode", "answered", "in_receipt"),
    [
        ("as_is", "00Ab", "00Ab"),
        ("hex", "255", "FF"),
        ("hex", "00255", "00ff"),
        ("decimal", "ff", "255"),
        ("decimal", "00FF", "0000000255"),
        ("auto", "00AB12", "ab12"),
        ("auto", "AB12", "00ab12"),
        ("auto", "0f9e-Xy", "0f9e-Xy"),
        ("auto", " 12 ", "012"),
        ("auto", "0", "000"),
    ],
)
def test_the_ids_of_answers_and_receipts_are_brought_to_one_form(mode: str, answered: str, in_receipt: str) -> None:
    ids = MessageIds(ReceiptIds(mode))
    assert ids.of_answer(answered) == ids.of_receipt(in_receipt)


@pytest.mark.parametrize(("mode", "answer", "receipt"), [("hex", "{:d}", "{:X}"), ("decimal", "{:x}", "{:010d}")])
def test_another_radix_is_found_out_from_the_receipts(mode: str, answer: str, receipt: str) -> None:
    ids = MessageIds(ReceiptIds.AUTO)
    references = [ids.of_answer(answer.format(number)) for number in range(1_000_000, 1_000_100)]
    assert [ids.of_receipt(receipt.format(number)) for number in range(1_000_000, 1_000_100)] == references
    assert ids.of_answer(answer.format(77)) == ids.of_receipt(receipt.format(77)), f"{mode} is kept"


@pytest.mark.parametrize(
    ("answer", "receipt"), [("{:d}", "{:d}"), ("{:d}", "{:x}"), ("{:x}", "{:d}"), ("{:x}", "{:X}")]
)
def test_a_radix_is_found_out_though_small_ids_are_the_same_in_several(answer: str, receipt: str) -> None:
    ids = MessageIds(ReceiptIds.AUTO)
    for number in range(1, 2000):
        ids.of_answer(answer.format(number))
    for number in range(1, 2000):
        ids.of_receipt(receipt.format(number))
    assert ids.of_answer(answer.format(123_456)) == ids.of_receipt(receipt.format(123_456))


def test_ids_in_base_64_keep_their_case() -> None:
    ids = MessageIds(ReceiptIds.AUTO)
    assert ids.of_answer("aGVsbG8") != ids.of_receipt("agvsbg8")
