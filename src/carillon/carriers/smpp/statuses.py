"""command_status of SMPP 3.4: names, and the failure that each means when a submit is answered with it."""

from collections.abc import Mapping

from carillon.carriers.failures import Failure

ESME_ROK = 0x00
ESME_RINVMSGLEN = 0x01
ESME_RINVCMDLEN = 0x02
ESME_RINVCMDID = 0x03
ESME_RINVBNDSTS = 0x04
ESME_RALYBND = 0x05
ESME_RSYSERR = 0x08
ESME_RINVSRCADR = 0x0A
ESME_RINVDSTADR = 0x0B
ESME_RBINDFAIL = 0x0D
ESME_RINVPASWD = 0x0E
ESME_RINVSYSID = 0x0F
ESME_RMSGQFUL = 0x14
ESME_RSUBMITFAIL = 0x45
ESME_RTHROTTLED = 0x58
ESME_RX_T_APPN = 0x64
ESME_RX_P_APPN = 0x65
ESME_RX_R_APPN = 0x66
ESME_RUNKNOWNERR = 0xFF

# Section 5.1.3 of SMPP 3.4, and what 5.0 adds. What isn't here is the vendor's own.
_TABLE: Mapping[int, tuple[str, Failure]] = {
    0x01: ("ESME_RINVMSGLEN", Failure.TEXT_INVALID),
    0x02: ("ESME_RINVCMDLEN", Failure.REFUSED_BY_NETWORK),
    0x03: ("ESME_RINVCMDID", Failure.REFUSED_BY_NETWORK),
    # What is wrong with the bind is no fault of the message's: nothing was taken.
    0x04: ("ESME_RINVBNDSTS", Failure.UNAVAILABLE),
    0x05: ("ESME_RALYBND", Failure.UNAVAILABLE),
    0x06: ("ESME_RINVPRTFLG", Failure.REFUSED_BY_NETWORK),
    0x07: ("ESME_RINVREGDLVFLG", Failure.REFUSED_BY_NETWORK),
    0x08: ("ESME_RSYSERR", Failure.TEMPORARY),
    0x0A: ("ESME_RINVSRCADR", Failure.SENDER_INVALID),
    0x0B: ("ESME_RINVDSTADR", Failure.ADDRESS_INVALID),
    0x0C: ("ESME_RINVMSGID", Failure.REFUSED_BY_NETWORK),
    0x0D: ("ESME_RBINDFAIL", Failure.UNAVAILABLE),
    0x0E: ("ESME_RINVPASWD", Failure.UNAVAILABLE),
    0x0F: ("ESME_RINVSYSID", Failure.UNAVAILABLE),
    0x11: ("ESME_RCANCELFAIL", Failure.REFUSED_BY_NETWORK),
    0x13: ("ESME_RREPLACEFAIL", Failure.REFUSED_BY_NETWORK),
    0x14: ("ESME_RMSGQFUL", Failure.QUEUE_FULL),
    0x15: ("ESME_RINVSERTYP", Failure.REFUSED_BY_NETWORK),
    0x33: ("ESME_RINVNUMDESTS", Failure.ADDRESS_INVALID),
    0x34: ("ESME_RINVDLNAME", Failure.ADDRESS_INVALID),
    0x40: ("ESME_RINVDESTFLAG", Failure.ADDRESS_INVALID),
    0x42: ("ESME_RINVSUBREP", Failure.REFUSED_BY_NETWORK),
    0x43: ("ESME_RINVESMCLASS", Failure.REFUSED_BY_NETWORK),
    0x44: ("ESME_RCNTSUBDL", Failure.ADDRESS_INVALID),
    0x45: ("ESME_RSUBMITFAIL", Failure.REFUSED_BY_NETWORK),
    0x48: ("ESME_RINVSRCTON", Failure.SENDER_TYPE_UNKNOWN),
    0x49: ("ESME_RINVSRCNPI", Failure.SENDER_TYPE_UNKNOWN),
    0x50: ("ESME_RINVDSTTON", Failure.ADDRESS_INVALID),
    0x51: ("ESME_RINVDSTNPI", Failure.ADDRESS_INVALID),
    0x53: ("ESME_RINVSYSTYP", Failure.UNAVAILABLE),
    0x54: ("ESME_RINVREPFLAG", Failure.REFUSED_BY_NETWORK),
    0x55: ("ESME_RINVNUMMSGS", Failure.REFUSED_BY_NETWORK),
    0x58: ("ESME_RTHROTTLED", Failure.THROTTLED),
    0x61: ("ESME_RINVSCHED", Failure.REFUSED_BY_NETWORK),
    0x62: ("ESME_RINVEXPIRY", Failure.REFUSED_BY_NETWORK),
    0x63: ("ESME_RINVDFTMSGID", Failure.REFUSED_BY_NETWORK),
    0x64: ("ESME_RX_T_APPN", Failure.TEMPORARY),
    0x65: ("ESME_RX_P_APPN", Failure.REFUSED_BY_NETWORK),
    0x66: ("ESME_RX_R_APPN", Failure.REFUSED_BY_NETWORK),
    0x67: ("ESME_RQUERYFAIL", Failure.REFUSED_BY_NETWORK),
    0xC0: ("ESME_RINVOPTPARSTREAM", Failure.REFUSED_BY_NETWORK),
    0xC1: ("ESME_ROPTPARNOTALLWD", Failure.REFUSED_BY_NETWORK),
    0xC2: ("ESME_RINVPARLEN", Failure.REFUSED_BY_NETWORK),
    0xC3: ("ESME_RMISSINGOPTPARAM", Failure.REFUSED_BY_NETWORK),
    0xC4: ("ESME_RINVOPTPARAMVAL", Failure.REFUSED_BY_NETWORK),
    0xFE: ("ESME_RDELIVERYFAILURE", Failure.REFUSED_BY_NETWORK),
    # It says that the message wasn't taken, and nothing of why: later it may be.
    0xFF: ("ESME_RUNKNOWNERR", Failure.TEMPORARY),
    0x100: ("ESME_RSERTYPUNAUTH", Failure.REFUSED_BY_NETWORK),
    0x101: ("ESME_RPROHIBITED", Failure.REFUSED_BY_NETWORK),
    0x102: ("ESME_RSERTYPUNAVAIL", Failure.TEMPORARY),
    0x103: ("ESME_RSERTYPDENIED", Failure.REFUSED_BY_NETWORK),
    0x104: ("ESME_RINVDCS", Failure.TEXT_INVALID),
    0x105: ("ESME_RINVSRCADDRSUBUNIT", Failure.SENDER_INVALID),
    0x106: ("ESME_RINVDSTADDRSUBUNIT", Failure.ADDRESS_INVALID),
}


def status_name(status: int) -> str:
    """Return the specification's name of a status, or its number in hexadecimal."""
    known = _TABLE.get(status)
    return "ESME_ROK" if status == ESME_ROK else known[0] if known else f"0x{status:08X}"


def failure_of(status: int, overrides: Mapping[int, Failure]) -> Failure:
    """Return what a status other than ESME_ROK means at submit: the carrier's own table comes first."""
    known = _TABLE.get(status)
    return overrides.get(status) or (known[1] if known else Failure.REFUSED_BY_NETWORK)
