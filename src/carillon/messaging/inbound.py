"""Receipts and replies as they are kept while they wait: in JSON, by their kind."""

from typing import Any

import msgspec

from carillon.carriers.contract import Receipt, Reply

_KINDS: dict[str, type[Receipt] | type[Reply]] = {"receipt": Receipt, "reply": Reply}


def encode_inbound(inbound: Receipt | Reply) -> str:
    """Write a receipt or a reply."""
    kind = "receipt" if isinstance(inbound, Receipt) else "reply"
    return msgspec.json.encode({"kind": kind, "content": inbound}).decode()


def decode_inbound(text: str) -> Receipt | Reply:
    """Read what `encode_inbound` wrote."""
    found: dict[str, Any] = msgspec.json.decode(text)
    return msgspec.convert(found["content"], _KINDS[found["kind"]], strict=False)
