"""What a scripted SMSC does, and the receipts that it makes."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from carillon.carriers.smpp.pdu import MESSAGE_STATE, RECEIPT, RECEIPTED_MESSAGE_ID, Message

Receipts = Literal["none", "at_once", "delayed", "before"]
Radix = Literal["decimal", "hex", "padded", "upper", "uuid"]
Order = Literal["in_order", "reversed"]
Form = Literal["text", "tlv"]


_STATES = {"DELIVRD": 2, "EXPIRED": 3, "DELETED": 4, "UNDELIV": 5, "ACCEPTD": 6, "UNKNOWN": 7, "REJECTD": 8}


@dataclass(kw_only=True)
class Script:
    """What it does; all can be changed while it runs.

    `statuses` and `states` are by the end of the destination: how a submit is answered, and what its receipt says.
    """

    password: str = ""  # empty: every one is taken
    window: int = 0  # 0: any; beyond it submits are throttled and counted
    receipts: Receipts = "at_once"
    receipt_seconds: float = 0.5
    receipt_copies: int = 1
    receipt_form: Form = "text"
    answer_ids: Radix = "decimal"
    receipt_ids: Radix = "decimal"
    answer_seconds: float = 0.0
    answer_order: Order = "in_order"
    throttle_every: int = 0
    malformed_every: int = 0  # a PDU of nonsense before each so-manieth answer
    silent_after: int = 0  # answers nothing from the so-manieth submit on
    close_after: int = 0  # takes so many, closes the connection instead of the last one's answer, and counts anew
    first_id: int = 1_000_000
    statuses: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)


def render_id(number: int, radix: Radix) -> str:
    match radix:
        case "decimal":
            return str(number)
        case "hex":
            return f"{number:x}"
        case "upper":
            return f"{number:X}"
        case "padded":
            return f"{number:010d}"
        case "uuid":
            return f"{number:08x}-0000-4000-8000-00000000beef"


def receipt_body(number: int, message: Message, script: Script) -> bytes:
    """Make the deliver_sm of a receipt."""
    state = next((one for end, one in script.states.items() if message.destination.endswith(end)), "DELIVRD")
    named = render_id(number, script.receipt_ids)
    done = datetime.now(UTC).strftime("%y%m%d%H%M").encode()
    text, tlvs = b"", b""
    if script.receipt_form == "text":
        error = b"000" if state == "DELIVRD" else b"001"
        text = b"id:%b sub:001 dlvrd:001 submit date:%b done date:%b stat:%b err:%b text:" % (
            named.encode(),
            done,
            done,
            state.encode(),
            error,
        )
    else:
        name = named.encode() + b"\0"
        tlvs = b"%b%b%b%b" % (
            RECEIPTED_MESSAGE_ID.to_bytes(2),
            len(name).to_bytes(2),
            name,
            MESSAGE_STATE.to_bytes(2) + b"\0\x01" + bytes((_STATES[state],)),
        )
    return b"\0%c%c%b\0%c%c%b\0%c\0\0\0\0\0\0\0\0%c%b%b" % (
        message.destination_ton,
        message.destination_npi,
        message.destination.encode(),
        message.source_ton,
        message.source_npi,
        message.source.encode(),
        RECEIPT,
        len(text),
        text,
        tlvs,
    )
