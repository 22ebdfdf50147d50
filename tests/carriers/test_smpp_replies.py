import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import MOMENT

from carillon.carriers.smpp.deliveries import Unanswered
from carillon.carriers.smpp.options import Alphabet
from carillon.carriers.smpp.pdu import MESSAGE_PAYLOAD, SAR_REFERENCE, SAR_SEQUENCE, SAR_TOTAL, Message
from carillon.carriers.smpp.replies import CompleteReply, Progress, Replies
from carillon.text.encodings import Encoding
from carillon.text.segments import split_parts

pytestmark = pytest.mark.any_database

TEXT = "Seven bells, and a half: 🔔 ½ " * 20


class NoPeer:
    def write(self, octets: bytes) -> None: ...


def unanswered(sequence: int = 1) -> Unanswered:
    return Unanswered(NoPeer(), 0x8000_0005, sequence)


def replies(alphabet: Alphabet = Alphabet.GSM) -> Replies:
    return Replies(alphabet, lambda: MOMENT)


def text_of(message: Message, alphabet: Alphabet = Alphabet.GSM) -> str:
    found = replies(alphabet).add(message, unanswered(), 0.0)
    assert isinstance(found, CompleteReply)
    return found.reply.text


@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (0x00, b"\x00 \x1be", "@ €"),
        (0x01, b"plain", "plain"),
        (0x03, "héé".encode("latin-1"), "héé"),
        (0x04, b"h\xe9", "hé"),
        (0x06, "Привет".encode("iso8859-5"), "Привет"),
        (0x07, "שלום".encode("iso8859-8"), "שלום"),
        (0x08, "שלום 🔔".encode("utf-16-be"), "שלום 🔔"),
        (0x0E, "안녕".encode("euc_kr"), "안녕"),
        (0x10, b"\x00", "@"),
        (0x18, "ש".encode("utf-16-be"), "ש"),
        (0xF0, b"\x00", "@"),
        (0xF5, b"\xe9", "é"),
        (0xE0, "ש".encode("utf-16-be"), "ש"),
        (0x08, b"\x05\xe9\x00", "ש\ufffd"),
        (0x00, b"a\0\0b", "a@@b"),
        (0x08, b"\0\0\0a", "a"),
    ],
)
def test_each_data_coding_is_read(data_coding: int, octets: bytes, text: str) -> None:
    assert text_of(Message(data_coding=data_coding, short_message=octets)) == text


def test_data_coding_0_is_latin_1_where_the_carrier_says_so() -> None:
    assert text_of(Message(short_message="é@".encode("latin-1")), Alphabet.LATIN1) == "é@"


def test_a_reply_may_be_in_the_payload() -> None:
    message = Message(data_coding=8, tlvs={MESSAGE_PAYLOAD: TEXT.encode("utf-16-be")})
    assert text_of(message) == TEXT


@given(st.permutations(range(len(split_parts(TEXT, Encoding.UCS2, 7)))))
def test_parts_are_put_together_in_any_order(order: list[int]) -> None:
    parts = split_parts(TEXT, Encoding.UCS2, 7)
    made = replies()
    *others, last = [
        made.add(
            Message(source="+972500000001", esm_class=0x40, data_coding=8, short_message=parts[number].octets),
            unanswered(number),
            0.0,
        )
        for number in order
    ]
    assert set(others) == {Progress.INCOMPLETE}
    assert isinstance(last, CompleteReply)
    assert (last.reply.text, last.reply.address) == (TEXT, "972500000001")
    assert sorted(one.sequence for one in last.unanswered) == sorted(order), "all are answered together"


def test_parts_by_sar_are_put_together() -> None:
    made = replies()
    for number, octets in ((2, b"bells"), (1, b"seven ")):
        tlvs = {SAR_REFERENCE: b"\1\2", SAR_TOTAL: b"\2", SAR_SEQUENCE: bytes((number,))}
        found = made.add(Message(source="1", short_message=octets, tlvs=tlvs), unanswered(), 0.0)
    assert isinstance(found, CompleteReply)
    assert found.reply.text == "seven bells"


def test_parts_of_two_phones_are_not_mixed() -> None:
    made = replies()
    first, second = split_parts(TEXT, Encoding.UCS2, 7)[:2]
    for source, one in (("1", first), ("2", second)):
        message = Message(source=source, esm_class=0x40, data_coding=8, short_message=one.octets)
        assert made.add(message, unanswered(), 0.0) is Progress.INCOMPLETE


def test_a_phone_that_comes_back_to_a_reference_writes_another_text() -> None:
    made = replies()
    for text in ("a" * 200, "b" * 200, "b" * 200):
        found = [
            made.add(Message(source="1", esm_class=0x40, short_message=part.octets), unanswered(), 0.0)
            for part in split_parts(text, Encoding.GSM, 7)
        ]
        if text[0] == "a":
            assert isinstance(found[-1], CompleteReply)
    assert found == [Progress.REPEATED] * 2, "the same parts again are a repetition"


def test_no_more_are_kept_than_there_is_room_for() -> None:
    made = replies()
    (first, *_) = split_parts(TEXT, Encoding.UCS2, 7)
    for number in range(1200):
        message = Message(source=str(number), esm_class=0x40, data_coding=8, short_message=first.octets)
        made.add(message, unanswered(number), 0.0)
    _, given_over = made.overdue(0.0)
    assert len(given_over) == 200
    assert given_over[0].reply.address == "0"


@given(
    st.lists(
        st.builds(
            Message,
            source=st.sampled_from(["1", "2"]),
            esm_class=st.sampled_from([0, 0x40]),
            data_coding=st.integers(0, 255),
            short_message=st.one_of(
                st.binary(max_size=30), st.binary(max_size=5).map(lambda octets: b"\5\0\3\7\2" + octets)
            ),
            tlvs=st.dictionaries(
                st.sampled_from([SAR_REFERENCE, SAR_TOTAL, SAR_SEQUENCE, MESSAGE_PAYLOAD]), st.binary(max_size=3)
            ),
        ),
        max_size=20,
    )
)
def test_whatever_comes_each_part_is_answered_once(messages: list[Message]) -> None:
    made = replies()
    answered: list[int] = []
    for number, message in enumerate(messages):
        found = made.add(message, unanswered(number), float(number))
        if found is Progress.REPEATED:
            answered.append(number)
        elif isinstance(found, CompleteReply):
            answered += [one.sequence for one in found.unanswered]
    refused, given_over = made.overdue(10_000.0)
    answered += [one.sequence for one in refused]
    answered += [one.sequence for reply in given_over for one in reply.unanswered]
    assert len(answered) == len(set(answered))
    assert set(answered) <= set(range(len(messages)))
