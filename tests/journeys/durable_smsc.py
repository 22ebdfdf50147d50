"""The scripted SMSC as one that loses nothing when it is killed: it goes on where its book and its receipts end.

    python -m tests.journeys.durable_smsc --port 2775 --book FILE --receipts at_once

Each acknowledged receipt is a line of FILE.receipts, the message's id. A start sends the receipts of all messages of
the book that are not there; so one may come twice, but none is missing.
"""

import argparse
import asyncio
import os
import re
from pathlib import Path
from typing import get_args

import uvloop
from tests.carriers.scripted_smsc import Receipts, Script, ScriptedSmsc, receipt_body

from carillon.carriers.smpp.pdu import Message

_ID = re.compile(rb"id:(\d+)")
FIRST_ID = 1_000_000


def receipts_path(book: Path) -> Path:
    return book.with_name(f"{book.name}.receipts")


def whole_lines(path: Path) -> list[str]:
    """Read the lines that were written to their end."""
    return path.read_text().split("\n")[:-1] if path.exists() else []


class DurableSmsc(ScriptedSmsc):
    """Its messages ask for receipts, have ids in decimal, and have one part."""

    def __init__(self, script: Script, *, book: Path) -> None:
        _cut(book)
        _cut(receipts_path(book))
        lines = [line.split("\t") for line in whole_lines(book)]
        sent = set(whole_lines(receipts_path(book)))
        super().__init__(script, book=book, remember=False)
        script.first_id = FIRST_ID
        self.count = max((int(line[0]) for line in lines), default=FIRST_ID) - FIRST_ID
        self._sent = os.open(receipts_path(book), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        missing = [line for line in lines if line[0] not in sent]
        self.queue_receipts(
            [
                receipt_body(int(number), Message(source=source, destination=destination), script)
                for number, source, destination, *_ in missing
            ]
        )

    def acknowledged(self, body: bytes) -> None:
        super().acknowledged(body)
        found = _ID.search(body)
        assert found
        os.write(self._sent, found[1] + b"\n")


def _cut(path: Path) -> None:
    """Remove a line that was not written to its end: its message was not answered."""
    if path.exists():
        octets = path.read_bytes()
        os.truncate(path, octets.rfind(b"\n") + 1)


async def _main(arguments: argparse.Namespace) -> None:
    script = Script(
        receipts=arguments.receipts,
        receipt_seconds=arguments.receipt_seconds,
        answer_seconds=arguments.answer_seconds,
        close_after=arguments.close_after,
        receipt_copies=arguments.receipt_copies,
    )
    smsc = DurableSmsc(script, book=arguments.book)
    print("listening", await smsc.start(arguments.port), flush=True)
    await asyncio.Event().wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="A scripted SMSC that goes on where it was killed.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--book", type=Path, required=True)
    parser.add_argument("--receipts", choices=get_args(Receipts), default="at_once")
    parser.add_argument("--receipt-seconds", type=float, default=0.5)
    parser.add_argument("--answer-seconds", type=float, default=0.0)
    parser.add_argument("--receipt-copies", type=int, default=1)
    parser.add_argument("--close-after", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    uvloop.run(_main(_arguments()))
