"""What phones write (mobile originated): decoding, and the parts of long texts put together in memory.

A part of a long text is acknowledged when it is safe, which is when all parts have come and the inbox has taken the
reply. Until then its answer is withheld for `HOLD_SECONDS`; then it is answered with a temporary error, so that the
SMSC sends it again: our crash loses nothing that it could still send. A part that comes for the second time is
acknowledged at once, as an SMSC that sends one message after the other would never come to the next part. Only such
parts can be lost, by a crash in those seconds. What isn't complete after `INCOMPLETE_SECONDS` is handed over as it is.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from carillon.carriers.contract import Reply
from carillon.carriers.smpp.deliveries import Unanswered
from carillon.carriers.smpp.options import Alphabet
from carillon.carriers.smpp.pdu import SAR_REFERENCE, SAR_SEQUENCE, SAR_TOTAL, UDH_INDICATOR, Message
from carillon.text.decoding import join_parts, read_part
from carillon.text.encodings import Encoding
from carillon.text.segments import Part

HOLD_SECONDS = 5.0
INCOMPLETE_SECONDS = 600.0
_REMEMBERED_SECONDS = 1800.0
_MOST_INCOMPLETE = 1000
_MOST_REMEMBERED = 10_000

# Data codings of section 5.2.19 that are neither of the four encodings.
_CHARSETS = {
    0x01: "ascii",
    0x03: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    0x0A: "iso2022_jp",
    0x0D: "euc_jp",
    0x0E: "euc_kr",
}
_GENERAL_GROUP = 0xC0
_CLASS_GROUP = 0xF0


class Progress(Enum):
    """What a part that completes nothing is."""

    INCOMPLETE = "incomplete"
    REPEATED = "repeated"  # it is to be acknowledged, and nothing else


@dataclass(frozen=True, slots=True, kw_only=True)
class CompleteReply:
    """A reply to be handed over, and the PDUs that are answered once it is."""

    reply: Reply
    unanswered: tuple[Unanswered, ...]


@dataclass(slots=True)
class _Incomplete:
    first: Message
    since: float
    parts: dict[int, Part] = field(default_factory=dict)
    # The PDUs whose answers are withheld, by part, and since when.
    withheld: dict[int, tuple[Unanswered, float]] = field(default_factory=dict)


_Key = tuple[str, str, int, int]


class Replies:
    """Makes replies of one carrier's messages. Times are of the event loop's clock; `now` is the date for people."""

    def __init__(self, alphabet: Alphabet, now: Callable[[], datetime]) -> None:
        self._alphabet = alphabet
        self._now = now
        self._incomplete: dict[_Key, _Incomplete] = {}
        self._completed: dict[_Key, tuple[float, dict[int, Part]]] = {}

    def add(self, message: Message, unanswered: Unanswered, at: float) -> CompleteReply | Progress:
        """Take in a message, and return the reply when it is complete."""
        part = _with_sar(read_message(message, self._alphabet), message.tlvs)
        if part.reference is None:
            return self._complete(message, [part], (unanswered,))
        key = (message.source, message.destination, part.reference, part.total)
        # A phone comes back to a reference after 255 others: only the same part again is a repetition.
        if key in self._completed and self._completed[key][1].get(part.number) == part:
            return Progress.REPEATED
        found = self._incomplete.setdefault(key, _Incomplete(message, at))
        if part.number in found.parts and part.number not in found.withheld:
            return Progress.REPEATED
        found.parts[part.number] = part
        found.withheld[part.number] = (unanswered, at)
        return Progress.INCOMPLETE if len(found.parts) < part.total else self._finish(key, at)

    def overdue(self, at: float) -> tuple[list[Unanswered], list[CompleteReply]]:
        """Return whose answer can be withheld no longer, and the replies that will not become complete."""
        refused: list[Unanswered] = []
        for found in self._incomplete.values():
            late = [number for number, (_, since) in found.withheld.items() if at - since >= HOLD_SECONDS]
            refused += [found.withheld.pop(number)[0] for number in late]
        most = len(self._incomplete) - _MOST_INCOMPLETE
        given_over = [
            key
            for index, (key, found) in enumerate(self._incomplete.items())
            if at - found.since >= INCOMPLETE_SECONDS or index < most
        ]
        self._forget(at)
        return refused, [self._finish(key, at) for key in given_over]

    def close(self) -> tuple[list[Unanswered], list[CompleteReply]]:
        """Return what `overdue` does when nothing more will come: the SMSC sends again what it has no answer for.

        Replies with a part that was acknowledged are handed over as they are.
        """
        refused: list[Unanswered] = []
        given_over: list[CompleteReply] = []
        for key, found in list(self._incomplete.items()):
            if len(found.withheld) == len(found.parts):
                refused += [one for one, _ in found.withheld.values()]
            else:
                given_over.append(self._finish(key, found.since))
        self._incomplete.clear()
        return refused, given_over

    def _finish(self, key: _Key, at: float) -> CompleteReply:
        found = self._incomplete.pop(key)
        self._completed.pop(key, None)
        self._completed[key] = (at, found.parts)
        return self._complete(found.first, list(found.parts.values()), tuple(one for one, _ in found.withheld.values()))

    def _complete(self, message: Message, parts: list[Part], unanswered: tuple[Unanswered, ...]) -> CompleteReply:
        reply = Reply(
            address=message.source.lstrip("+"),
            to=message.destination.lstrip("+"),
            # PostgreSQL has no NUL in a text; phones pad with it.
            text=join_parts(parts).replace("\0", ""),
            at=self._now(),
        )
        return CompleteReply(reply=reply, unanswered=unanswered)

    def _forget(self, at: float) -> None:
        while self._completed:
            key, (since, _) = next(iter(self._completed.items()))
            if at - since < _REMEMBERED_SECONDS and len(self._completed) <= _MOST_REMEMBERED:
                return
            del self._completed[key]


def read_message(message: Message, alphabet: Alphabet) -> Part:
    """Read the user data by its data coding. Whatever has a character set of its own becomes UTF-16."""
    has_header = bool(message.esm_class & UDH_INDICATOR)
    charset = _CHARSETS.get(message.data_coding)
    if message.data_coding == 0 and alphabet is Alphabet.LATIN1:
        charset = "latin-1"
    if charset is None:
        return read_part(message.text, _encoding(message.data_coding), has_header=has_header)
    part = read_part(message.text, Encoding.BINARY, has_header=has_header)
    text = part.payload.decode(charset, "replace")
    return replace(part, payload=text.encode("utf-16-be", "replace"), encoding=Encoding.UCS2)


def _encoding(data_coding: int) -> Encoding:
    if data_coding in {0x02, 0x04}:
        return Encoding.BINARY
    if data_coding == 0x08:  # noqa: PLR2004 - UCS2 of section 5.2.19
        return Encoding.UCS2
    # The groups of 3GPP TS 23.038: general with bits 3 and 2 for the alphabet, message class with bit 2.
    if data_coding & _GENERAL_GROUP == 0 and data_coding & 0xF0:
        return (Encoding.GSM, Encoding.BINARY, Encoding.UCS2, Encoding.GSM)[data_coding >> 2 & 3]
    if data_coding & _CLASS_GROUP == _CLASS_GROUP:
        return Encoding.BINARY if data_coding & 0x04 else Encoding.GSM
    if data_coding & _CLASS_GROUP == 0xE0:  # noqa: PLR2004 - message waiting, UCS2
        return Encoding.UCS2
    return Encoding.GSM


def _with_sar(part: Part, tlvs: Mapping[int, bytes]) -> Part:
    """Give a part the numbers of its TLVs, if its header has none."""
    if part.reference is not None or SAR_REFERENCE not in tlvs:
        return part
    reference = int.from_bytes(tlvs[SAR_REFERENCE])
    total, number = (int.from_bytes(tlvs.get(tag, b"")) for tag in (SAR_TOTAL, SAR_SEQUENCE))
    # 0x10000 and above: never one of a header's.
    return replace(part, reference=0x1_0000 | reference, total=total, number=number) if 0 < number <= total else part
