"""Encodings of SMS texts."""

from enum import StrEnum


class Encoding(StrEnum):
    """How a text is written on the air. The values are stored."""

    GSM = "gsm"  # GSM 03.38 with its extension table: 160 septets, 153 in each of several parts
    GSM_PT = "gsm-pt"  # the same with the Portuguese tables, as single or locking shift: fewer, for the UDH
    UCS2 = "ucs2"  # UTF-16: 70 units, 67 in each of several parts
    BINARY = "binary"  # one octet a character: 140, 134 in each of several parts
