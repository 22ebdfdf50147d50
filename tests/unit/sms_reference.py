"""SMS texts as plainly as they can be counted: one character after another, against tables printed by a vendor."""

from collections.abc import Iterator

# The annex of 360NRS's reference, line by line. Its columns are 0x00, 0x10 … 0x70, and an empty one leaves no trace.
GSM_BASIC = """\
0x00 @ Δ SP 0 ¡ P ¿ p
0x01 £ _ ! 1 A Q a q
0x02 $ Φ " 2 B R b r
0x03 ¥ Γ # 3 C S c s
0x04 è Λ ¤ 4 D T d t
0x05 é Ω % 5 E U e u
0x06 ù Π & 6 F V f v
0x07 ì Ψ ' 7 G W g w
0x08 ò Σ ( 8 H X h x
0x09 Ç Θ ) 9 I Y i y
0x0A LF Ξ * : J Z j z
0x0B Ø ESC + ; K Ä k ä
0x0C ø Æ , < L Ö l ö
0x0D CR æ - = M Ñ m ñ
0x0E Å ß . > N Ü n ü
0x0F å É / ? O § o à"""

GSM_EXTENDED = """\
0x00 |
0x01
0x02
0x03
0x04 ^
0x05
0x06
0x07
0x08 {
0x09 }
0x0A FF
0x0B SS2
0x0C [
0x0D CR2 ~
0x0E ]
0x0F \\"""

GSM_PT_BASIC = """\
0x00 @ Δ SP 0 Í P ~ p
0x01 £ _ ! 1 A Q a q
0x02 $ ª " 2 B R b r
0x03 ¥ Ç # 3 C S c s
0x04 ê À º 4 D T d t
0x05 é % 5 E U e u
0x06 ú ^ & 6 F V f v
0x07 í \\ ' 7 G W g w
0x08 ó ( 8 H X h x
0x09 ç Ó ) 9 I Y i y
0x0A LF | * : J Z j z
0x0B Ô ESC + ; K Ã k ã
0x0C ô Â , < L Õ l õ
0x0D CR â - = M Ú m `
0x0E Á Ê . > N Ü n ü
0x0F á É / ? O § o à"""

GSM_PT_EXTENDED = """\
0x00 |
0x01 À Â
0x02 Φ
0x03 Γ
0x04 ^
0x05 ê Ω Ú ú
0x06 Π
0x07 Ψ
0x08 Σ {
0x09 ç Θ } Í í
0x0A FF
0x0B Ô SS2 Ã ã
0x0C ô [ Õ õ
0x0D CR2 ~
0x0E Á ]
0x0F á Ê \\ Ó ó â"""

NAMED = {"SP": " ", "LF": "\n", "CR": "\r", "ESC": "\x1b", "FF": "\f", "SS2": "", "CR2": ""}

# What the standard (3GPP TS 23.038) has and the annex lost.
LOST_FROM_PT_BASIC = "€∞"
LOST_FROM_EXTENDED = "€"


def characters(table: str) -> list[list[str]]:
    """The characters of each line of a table, in the order of the columns."""
    return [[NAMED.get(name, name) for name in line.split(" ")[1:]] for line in table.split("\n")]


def members(*tables: str) -> set[str]:
    return {character for table in tables for line in characters(table) for character in line} - {"\x1b", ""}


BASIC = members(GSM_BASIC)
EXTENDED = members(GSM_EXTENDED) | {*LOST_FROM_EXTENDED}
PT_BASIC = members(GSM_PT_BASIC) | {*LOST_FROM_PT_BASIC}
PT_EXTENDED = members(GSM_PT_EXTENDED) | {*LOST_FROM_EXTENDED}

# By encoding: (characters of one unit, characters of two, bits of a unit, octets of the header's shift elements).
WAYS: dict[str, list[tuple[set[str], set[str], int, int]]] = {
    "gsm": [(BASIC, EXTENDED, 7, 0)],
    "gsm-pt": [
        (BASIC, EXTENDED, 7, 0),
        (BASIC, PT_EXTENDED, 7, 3),
        (PT_BASIC, EXTENDED, 7, 3),
        (PT_BASIC, PT_EXTENDED, 7, 6),
    ],
}


def costs(text: str, encoding: str) -> Iterator[tuple[list[int], int, int]]:
    """Units of each character, bits of a unit and octets of shift elements, for each way that can write the text."""
    if encoding == "ucs2":
        if not any(0xD800 <= ord(character) <= 0xDFFF for character in text):
            yield [2 if ord(character) > 0xFFFF else 1 for character in text], 16, 0
        return
    if encoding == "binary":
        if all(ord(character) < 256 for character in text):
            yield [1] * len(text), 8, 0
        return
    for singles, pairs, bits, elements in WAYS[encoding]:
        if all(character in singles or character in pairs for character in text):
            yield [1 if character in singles else 2 for character in text], bits, elements


def parts_of(units: list[int], bits: int, elements: int, concatenation: int) -> int:
    alone = 140 - (elements + 1 if elements else 0)
    if sum(units) <= alone * 8 // bits:
        return 1
    room = (140 - 1 - elements - concatenation) * 8 // bits
    parts, left = 1, room
    for unit in units:
        if unit > left:
            parts, left = parts + 1, room
        left -= unit
    return parts


def count_parts(text: str, encoding: str, *, wide_reference: bool = False) -> int | None:
    """The fewest parts; None where the encoding can't write the text."""
    return min(
        (parts_of(*way, concatenation=6 if wide_reference else 5) for way in costs(text, encoding)),
        default=None,
    )


def choose(text: str, allowed: tuple[str, ...]) -> tuple[str | None, int]:
    counted = [(count_parts(text, encoding), encoding) for encoding in allowed]
    fitting = [(parts, encoding) for parts, encoding in counted if parts is not None]
    if not fitting:
        return None, 0
    fewest = min(parts for parts, _ in fitting)
    return next(encoding for parts, encoding in fitting if parts == fewest), fewest
