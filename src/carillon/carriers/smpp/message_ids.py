"""One form for the ids of messages, which SMSCs write differently in answers and in receipts."""

import re
from collections import Counter

from carillon.carriers.smpp.options import ReceiptIds

_HEXADECIMAL = re.compile(r"[0-9a-fA-F]+")
_DECIMAL = re.compile(r"[0-9]+")
# Sequential ids coincide with those of another radix now and then: by so many more receipts a radix has to fit.
_LEAD = 10
_REMEMBERED = 20_000


class MessageIds:
    """Brings the ids of answers and of receipts to one form, which is the reference of a message.

    But for `as_is`, ids that are numbers of either radix have neither case nor leading zeros. Others keep their case:
    ids in base 64 differ by nothing else.

    With `auto` the radix of receipts is found by comparing them with the latest answers. Until enough receipts agree,
    and after a restart, an id that is found in no other radix is taken as it is; a carrier whose radix is known
    should be set to it.
    """

    def __init__(self, mode: ReceiptIds) -> None:
        self._mode = mode
        self._learned: ReceiptIds | None = None if mode is ReceiptIds.AUTO else mode
        self._votes: Counter[ReceiptIds] = Counter()
        self._latest: dict[str, None] = {}

    def of_answer(self, message_id: str) -> str:
        if self._mode is ReceiptIds.AS_IS:
            return message_id.strip()
        found = _normal(message_id)
        if self._learned is None:
            self._latest[found] = None
            if len(self._latest) > _REMEMBERED:
                del self._latest[next(iter(self._latest))]
        return found

    def of_receipt(self, message_id: str) -> str:
        if self._mode is ReceiptIds.AS_IS:
            return message_id.strip()
        if self._learned is not None:
            return _converted(message_id, self._learned)
        return self._compare(message_id)

    def _compare(self, message_id: str) -> str:
        candidates = {mode: _converted(message_id, mode) for mode in _RADIX_MODES}
        found = [mode for mode, one in candidates.items() if one in self._latest]
        if not found:
            return candidates[ReceiptIds.AS_IS]
        same = candidates[ReceiptIds.AS_IS]
        if len(set(candidates.values())) == 1:
            return same  # an id below 10 speaks for no radix
        self._votes.update(mode for mode in found if mode is ReceiptIds.AS_IS or candidates[mode] != same)
        ranking = [*self._votes.most_common(2), (ReceiptIds.AS_IS, 0)]
        best = ranking[0][0]
        if ranking[0][1] - ranking[1][1] >= _LEAD:
            self._learned = best
            self._latest.clear()
        return candidates[best if best in found else found[0]]


_RADIX_MODES = (ReceiptIds.AS_IS, ReceiptIds.DECIMAL, ReceiptIds.HEX)


def _normal(message_id: str) -> str:
    if message_id.isdigit() and message_id.isascii():  # most are, and this is the quickest way to see it
        return message_id.lstrip("0") or "0"
    stripped = message_id.strip()
    return stripped.lower().lstrip("0") or "0" if _HEXADECIMAL.fullmatch(stripped) else stripped


def _converted(message_id: str, mode: ReceiptIds) -> str:
    """Write a receipt's id as its answer had it; one that isn't of the radix is only brought to its form."""
    stripped = message_id.strip()
    if mode is ReceiptIds.DECIMAL and _DECIMAL.fullmatch(stripped):
        return f"{int(stripped):x}"
    if mode is ReceiptIds.HEX and _HEXADECIMAL.fullmatch(stripped):
        return str(int(stripped, 16))
    return _normal(stripped)
