"""A file as a window of canonical text that moves forward and always knows its byte offset in the file."""

from typing import BinaryIO, Final

from carillon.tabular.encoding import UTF16, source_length, to_canonical

READ_SIZE: Final = 1024 * 1024

_NEAR: Final = 4096  # bytes in which lines are counted one by one
_HIGH_SURROGATE: Final = 0xD8  # the upper six bits of the first half of a pair


class Source:
    """The text from `offset` on. `text` is what was read ahead; `ended` says that the file has no more behind it."""

    def __init__(self, file: BinaryIO, encoding: str, offset: int) -> None:
        self.encoding = encoding
        self.offset = offset
        self.text = b""
        self.ended = False
        self._file = file
        self._held = b""  # bytes read that do not make a whole character yet
        self._read_to = offset
        file.seek(offset)

    def fill(self, want: int) -> None:
        """Read until `text` has at least `want` bytes or the file ends."""
        if len(self.text) >= want:
            return
        pieces, length = [self.text], len(self.text)
        while length < want and not self.ended:
            size = max(READ_SIZE, want - length)
            raw = self._file.read(size)
            self.ended = len(raw) < size
            self._read_to += len(raw)
            piece = self._canonical(self._held + raw if self._held else raw)
            pieces.append(piece)
            length += len(piece)
        self.text = b"".join(pieces)

    def _canonical(self, raw: bytes) -> bytes:
        if self.encoding not in UTF16:
            return to_canonical(raw, self.encoding)
        whole = len(raw) - len(raw) % 2
        if (
            not self.ended
            and whole
            and raw[whole - 1 if self.encoding == "utf-16-le" else whole - 2] & 0xFC == _HIGH_SURROGATE
        ):
            whole -= 2  # the second half of this surrogate pair is not here yet
        self._held = b"" if self.ended else raw[whole:]
        # A file cut inside a code unit keeps a sign of it, so that the record it belongs to is found bad.
        torn = b"\xff" if self.ended and len(raw) % 2 else b""
        return to_canonical(raw[:whole], self.encoding) + torn

    def advance(self, length: int) -> None:
        """Leave the first `length` bytes of `text` behind."""
        if self.ended and length == len(self.text):
            self.offset = self._read_to
        else:
            self.offset += source_length(self.text[:length], self.encoding)
        self.text = self.text[length:]


def line_breaks(text: bytes) -> int:
    """Count the physical lines that end in `text`: LF, CR and CRLF each end one."""
    breaks = text.count(b"\n")
    if b"\r" in text:
        breaks += text.count(b"\r") - text.count(b"\r\n")
    return breaks


def after_line(text: bytes, number: int, guess: int) -> int:
    """Find the index behind the `number`-th LF of `text`, or behind its last one when it has fewer.

    A `guess` a little before it makes one look at each byte enough.
    """
    low, high, middle = 0, len(text), guess
    while high - low > _NEAR:
        if not low < middle < high:
            middle = (low + high) // 2
        count = text.count(b"\n", low, middle)
        if count >= number:
            high = middle
        else:
            low, number = middle, number - count
        middle = (low + high) // 2
    for _ in range(number):
        found = text.find(b"\n", low, high)
        if found < 0:
            break
        low = found + 1
    return text.rfind(b"\n", 0, low) + 1
