"""Receipts, replies and what else simulated phones do, as they are kept while they wait: in JSON, by their kind."""

from typing import Any

import msgspec

from carillon.carriers.contract import Opened, Receipt, Reply

_KINDS: dict[str, type[Receipt] | type[Reply] | type[Opened]] = {
    "receipt": Receipt,
    "reply": Reply,
    "opened": Opened,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode_inbound(inbound: Receipt | Reply | Opened) -> str:
    """Write what comes in."""
    return msgspec.json.encode({"kind": _NAMES[type(inbound)], "content": inbound}).decode()


def decode_simulated(text: str) -> Receipt | Reply | Opened:
    """Read what `encode_inbound` wrote."""
    found: dict[str, Any] = msgspec.json.decode(text)
    return msgspec.convert(found["content"], _KINDS[found["kind"]], strict=False)


def decode_inbound(text: str) -> Receipt | Reply:
    """Read what a carrier has received."""
    found = decode_simulated(text)
    if isinstance(found, Opened):
        raise AssertionError("no carrier sees what a phone opens")  # noqa: TRY004 - it is no type of a caller's
    return found
