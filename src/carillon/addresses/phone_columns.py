"""Phones of a whole column: phonenumbers' parser and verdict, step by step, on all rows at once.

A step works on frames with `row` (the place in the column) and `nsn` (ASCII digits: everything dialled at
first, in the end the national significant number). What the steps do not cover is left undecided for
`read_phone`.
"""

import functools
from enum import IntEnum

import phonenumbers
import polars as pl

from carillon.addresses.dialling import MIN_SIGNIFICANT_DIGITS
from carillon.addresses.email_columns import WHITE_SPACE
from carillon.addresses.phone_plans import (
    NSN,
    UNKNOWN,
    Plan,
    ascii_pattern,
    decide_national_numbers,
    kinds,
    main_plan,
    plan_of,
)
from carillon.addresses.phones import (
    KINDS_PER_VALIDITY,
    MAX_PHONE_CHARACTERS,
    PhoneKind,
    PhoneQuality,
    Validity,
    known_region,
)
from carillon.addresses.spreadsheets import DECIMAL, NUMBER, THOUSANDS, ZEROS

_FEW = 12  # up to so many rows of one calling code or region the reference is faster than passes over columns
_MAX_FAST_BYTES = 40
_BYTES_PER_CHARACTER = 4
_CALLING_CODE_DIGITS = 3
E164_LENGTHS = (7, 15)

# Punctuation that the parser drops wherever it stands, around digits and at most one plus before the first
# digit. Left out on purpose: '*', '~', '#', ',', ';' and letters, which the parser may take for an extension.
_PUNCTUATED = r"^[ \t\r\n().\-/]*\+?[ ().\-/]*[0-9][0-9 ().\-/]*[ \t\r\n]*$"

_NOT_ASCII = r"[^\x00-\x7f]"
# Of any script: the reference is given what may be one.
_LIKE_SCIENTIFIC = r"\d[eE]\+?\d{1,3}[^0-9A-Za-z]*$"

_SEVEN_DIGITS = 10 ** (MIN_SIGNIFICANT_DIGITS - 1)
_REPEATED = [int(digit * length) for digit in "123456789" for length in range(MIN_SIGNIFICANT_DIGITS, 20)]

_TEXT = pl.col("text")
_READINGS = {"row": pl.UInt32, "digits": pl.String, "quality": pl.Int16, "region": pl.String}


class _Way(IntEnum):
    """How a number is dialled, as far as its beginning tells."""

    NATIONAL = 0
    WITH_PLUS = 1
    WITH_INTERNATIONAL_PREFIX = 2
    WITH_OWN_CALLING_CODE = 3  # perhaps: a national number may start with the same digits


class PhoneColumn:
    """One pass over a column.

    `decided` holds row, digits, quality and region of the phones, `undecided` the numbers of the rows that
    are for the reference to read. Rows in neither are no phones.
    """

    def __init__(self, texts: pl.Series, country: str | None) -> None:
        self._region = known_region(country)
        self._left: list[pl.Series] = []
        ways = self._by_way(self._digits_of(texts))
        international, unplanned = self._international(ways)
        own, national = self._national(ways)
        groups = self._by_calling_code(pl.concat([_NOTHING_CODED, *international, *own]), national)
        pieces = [piece for code, numbers in groups for piece in self._placed(code, numbers)]
        self.decided = pl.concat([_readings(pieces), *map(_unplanned, unplanned)])
        self.undecided = pl.concat([pl.Series("row", [], dtype=pl.UInt32), *self._left])

    def _leave(self, frame: pl.DataFrame) -> None:
        if frame.height:
            self._left.append(frame["row"])

    def _leave_if(self, frame: pl.DataFrame, mask: pl.Series) -> pl.DataFrame:
        """Leave the masked rows to the reference and go on with the others."""
        if not mask.any():
            return frame
        self._leave(frame.filter(mask))
        return frame.filter(~mask)

    def _digits_of(self, texts: pl.Series) -> pl.DataFrame:
        """Reduce texts to `row`, `nsn` (all their digits) and `plus`."""
        rows = pl.DataFrame({"row": pl.arange(texts.len(), dtype=pl.UInt32, eager=True), "text": texts})
        short = _TEXT.str.len_bytes() <= _MAX_FAST_BYTES
        digits_only = rows.select(_TEXT.str.contains("^[0-9]+$") & short).to_series().fill_null(value=False)
        bare = rows.lazy().filter(digits_only).select("row", nsn="text", plus=pl.lit(value=False)).collect()
        if bare.height == rows.height:
            return self._with_enough_digits(bare)
        # More than the limit even at four bytes a character refuses a text.
        too_long = _TEXT.str.len_bytes() > MAX_PHONE_CHARACTERS * _BYTES_PER_CHARACTER
        rest = rows.lazy().filter(~digits_only).filter(~too_long).with_columns(short=short).collect()
        rest = self._mended(rest)
        punctuated = rest.select(_TEXT.str.contains(_PUNCTUATED) & pl.col("short")).to_series()
        rest = self._leave_if(rest, ~punctuated)
        digits = _TEXT.str.replace_all("[^0-9]+", "")
        plus = _TEXT.str.contains("+", literal=True)
        return self._with_enough_digits(pl.concat([bare, rest.select("row", nsn=digits, plus=plus)]))

    def _mended(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Mend what a spreadsheet made of phones, and drop texts that are none: with letters, a fraction or a minus."""
        odd = rows["text"].str.contains(r"[.,/A-Za-z]|^[^0-9]*-")
        if not odd.any():
            return rows
        stripped = rows.filter(odd).with_columns(_TEXT.str.strip_chars(WHITE_SPACE))
        lettered = stripped["text"].str.contains("[A-Za-z]")
        self._leave(stripped.filter(lettered & stripped["text"].str.contains(_LIKE_SCIENTIFIC)))
        numbers = stripped.filter(~lettered)
        numbers = self._leave_if(numbers, numbers["text"].str.contains(_NOT_ASCII))
        mended = _replaced(numbers, DECIMAL, _TEXT.str.replace(ZEROS, "${1}"))
        mended = _replaced(mended, THOUSANDS, _TEXT.str.replace_all(",", "", literal=True))
        mended = mended.filter(~_TEXT.str.contains(NUMBER))
        return pl.concat([rows.filter(~odd), mended])

    def _with_enough_digits(self, numbers: pl.DataFrame) -> pl.DataFrame:
        """Drop numbers of one digit repeated, and of fewer than seven digits; a region may have some that are valid."""
        amount = numbers["nsn"].cast(pl.UInt64, strict=False)
        too_few = (amount < _SEVEN_DIGITS).fill_null(value=False)
        if too_few.any() and self._region is not None and self._may_be_valid_though_short:
            self._leave(numbers.filter(too_few))
        repeated = amount.is_in(_REPEATED).fill_null(value=False)
        unusable = too_few | repeated
        return numbers.filter(~unusable) if unusable.any() else numbers

    def _by_way(self, numbers: pl.DataFrame) -> dict[int, pl.DataFrame]:
        """Part the numbers by how they are dialled."""
        plus = pl.col("plus")
        if self._region is None:
            # A leading 00 stands for the plus only where it stands together in the text: the reference looks.
            way: pl.Expr = pl.when(plus | ~NSN.str.starts_with("0")).then(int(_Way.WITH_PLUS))
        else:
            way = (
                pl.when(plus)
                .then(int(_Way.WITH_PLUS))
                .when(self._starts_with_international_prefix)
                .then(int(_Way.WITH_INTERNATIONAL_PREFIX))
                .when(NSN.str.starts_with(str(self._plan.calling_code)))
                .then(int(_Way.WITH_OWN_CALLING_CODE))
                .otherwise(int(_Way.NATIONAL))
            )
        numbers = numbers.select("row", "nsn", way=way)
        numbers = self._leave_if(numbers, numbers["way"].is_null())
        return {way: frame for (way,), frame in _parted(numbers, "way")}

    @property
    def _may_be_valid_though_short(self) -> bool:
        """Tell whether the region has such numbers, or a digit or more is put before some of them."""
        return self._plan.general.lengths[0] < MIN_SIGNIFICANT_DIGITS or self._plan.transforms

    @functools.cached_property
    def _plan(self) -> Plan:
        region = self._region or ""
        return plan_of(phonenumbers.country_code_for_region(region), region)

    @property
    def _starts_with_international_prefix(self) -> pl.Expr:
        prefix = self._plan.international_prefix
        if prefix is None:
            return pl.lit(value=False)
        return NSN.str.starts_with(prefix) if prefix.isdigit() else NSN.str.contains(_start(prefix))

    def _international(self, ways: dict[int, pl.DataFrame]) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
        """Read what starts with a plus or the international prefix into `row`, `code`, `nsn`.

        Beside them, those whose calling code no plan has: `row`, `nsn` (all their digits).
        """
        found, unplanned = list[pl.DataFrame](), list[pl.DataFrame]()
        with_plus = ways.get(_Way.WITH_PLUS)
        if with_plus is not None:
            numbers = _with_calling_code(with_plus)
            strange = numbers["code"] == 0
            if self._region is None:
                found.append(numbers.filter(~strange))
                unplanned.append(numbers.filter(strange))
            else:  # The parser retries these without their plus.
                found.append(self._leave_if(numbers, strange))
        dialled = ways.get(_Way.WITH_INTERNATIONAL_PREFIX)
        if dialled is not None:
            prefix = NSN.str.extract(_start(self._plan.international_prefix or ""), 0)
            numbers = dialled.with_columns(nsn=NSN.str.slice(prefix.str.len_bytes()))
            # No calling code begins with 0: such a number is a national one, which the reference reads.
            numbers = self._leave_if(numbers, numbers["nsn"].str.starts_with("0"))
            numbers = _with_calling_code(numbers)
            found.append(self._leave_if(numbers, numbers["code"] == 0))
        return found, unplanned

    def _national(self, ways: dict[int, pl.DataFrame]) -> tuple[list[pl.DataFrame], pl.DataFrame]:
        """Read the others: `row`, `code`, `nsn` of what had the own calling code; national ones, decided.

        As the end of phonenumbers' `_maybe_extract_country_code`: the region's calling code is stripped where
        that makes a number of the plan, or where the digits are too many for the plan.
        """
        own = []
        national = [ways.get(_Way.NATIONAL, _NOTHING)]
        coded = ways.get(_Way.WITH_OWN_CALLING_CODE)
        if coded is not None:
            plan, after = self._plan, pl.col("after")
            rest = NSN.str.slice(len(str(plan.calling_code)))
            trunk = plan.starts_with_trunk_prefix(rest)
            rest = pl.when(trunk).then(plan.without_trunk_prefix(rest)).otherwise(rest)
            better = ~plan.general.matches_pattern(NSN) & plan.general.matches_pattern(after)
            strip = pl.when(after.is_not_null()).then(better | plan.too_long(NSN))
            coded = coded.lazy().with_columns(after=rest).with_columns(strip=strip).collect()
            coded = self._leave_if(coded, coded["strip"].is_null())
            code = pl.lit(plan.calling_code, dtype=pl.UInt16)
            own.append(coded.lazy().filter("strip").select("row", code=code, nsn="after").collect())
            national.append(coded.lazy().filter(~pl.col("strip")).select("row", "nsn").collect())
        if self._region is None:
            return own, _NOTHING
        return own, self._decided(self._plan, pl.concat(national))

    def _decided(self, plan: Plan, numbers: pl.DataFrame) -> pl.DataFrame:
        numbers = decide_national_numbers(plan, numbers)
        return self._leave_if(numbers, numbers["nsn"].is_null())

    def _by_calling_code(self, coded: pl.DataFrame, national: pl.DataFrame) -> list[tuple[int, pl.DataFrame]]:
        """Decide international numbers by their calling code's plan and put each code's numbers together."""
        groups: dict[int, list[pl.DataFrame]] = {}
        if national.height:
            groups[self._plan.calling_code] = [national]
        for (code,), numbers in _parted(coded, "code"):
            if numbers.height <= _FEW and code not in groups:
                self._leave(numbers)
            else:
                groups.setdefault(code, []).append(self._decided(main_plan(code), numbers))
        return [(code, pl.concat(numbers)) for code, numbers in groups.items()]

    def _placed(self, code: int, numbers: pl.DataFrame) -> list[pl.DataFrame]:
        """Add `kind`, `region` and `possible`, as phonenumbers' `region_code_for_number` and `number_type`."""
        code_column = pl.lit(code, dtype=pl.UInt16)
        numbers = numbers.with_columns(code=code_column, possible=main_plan(code).possible(NSN))
        regions = phonenumbers.region_codes_for_country_code(code)
        if len(regions) == 1:
            return [kinds(plan_of(code, regions[0]), numbers).with_columns(region=pl.lit(regions[0]))]
        placed: list[pl.DataFrame] = []
        for region in regions:
            if numbers.height <= _FEW:
                self._leave(numbers)
                return placed
            found, numbers = _of_region(plan_of(code, region), numbers)
            placed.append(found.with_columns(region=pl.lit(region)))
        return [*placed, numbers.with_columns(kind=UNKNOWN, region=pl.lit(None, dtype=pl.String))]


def _replaced(rows: pl.DataFrame, pattern: str, by: pl.Expr) -> pl.DataFrame:
    """Replace the texts that a pattern matches."""
    matches = rows["text"].str.contains(pattern)
    return rows.with_columns(pl.when(matches).then(by).otherwise(_TEXT)) if matches.any() else rows


def _of_region(plan: Plan, numbers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Take from the numbers of a shared calling code those that are of the region; the others go on."""
    if plan.leading_digits is None:
        judged = kinds(plan, numbers)
        ours = judged["kind"] != PhoneKind.UNKNOWN
        if ours.all():
            return judged, judged.clear().drop("kind")
        return judged.filter(ours), judged.filter(~ours).drop("kind")
    ours = numbers["nsn"].str.contains(_start(plan.leading_digits))
    if ours.all():
        return kinds(plan, numbers), numbers.clear()
    return kinds(plan, numbers.filter(ours)), numbers.filter(~ours)


def _readings(pieces: list[pl.DataFrame]) -> pl.DataFrame:
    """Keep the numbers that have the shape of E.164, and write their digits and quality."""
    if not pieces:
        return pl.DataFrame(schema=_READINGS)
    digits = pl.concat_str(pl.col("code").cast(pl.String), NSN)
    valid = (pl.col("kind") != PhoneKind.UNKNOWN) & pl.col("region").is_not_null()
    validity = pl.when(valid).then(int(Validity.VALID)).otherwise(pl.col("possible").cast(pl.Int32))
    quality = (validity * KINDS_PER_VALIDITY + pl.col("kind")).cast(pl.Int16)
    shaped = pl.col("digits").str.len_bytes().is_between(*E164_LENGTHS)
    columns = ("row", "digits", "quality", "region")
    numbers = pl.concat([piece.select("row", "code", "nsn", "kind", "possible", "region") for piece in pieces])
    read = numbers.lazy().with_columns(digits=digits, quality=quality)
    return read.filter(shaped).select(columns).collect()


def _unplanned(numbers: pl.DataFrame) -> pl.DataFrame:
    """Keep the numbers that have the shape of E.164, as phones that no plan knows."""
    shaped = NSN.str.len_bytes().is_between(*E164_LENGTHS) & ~NSN.str.starts_with("0")
    quality = PhoneQuality(Validity.NOT_POSSIBLE, PhoneKind.UNKNOWN).encode()
    return numbers.filter(shaped).select(
        "row",
        digits="nsn",
        quality=pl.lit(quality, dtype=pl.Int16),
        region=pl.lit(None, dtype=pl.String),
    )


def _with_calling_code(numbers: pl.DataFrame) -> pl.DataFrame:
    """Part international digits into `code` and `nsn`, as `_extract_country_code`; code 0, all digits kept, if none."""
    long_enough = NSN.str.len_bytes() >= _CALLING_CODE_DIGITS
    head = NSN.str.slice(0, _CALLING_CODE_DIGITS).cast(pl.UInt16)
    code = pl.lit(_calling_codes()).gather(head)
    has_code = pl.col("code") != 0
    rest = pl.when(has_code).then(NSN.str.slice(pl.col("code").cast(pl.String).str.len_bytes())).otherwise(NSN)
    return numbers.lazy().filter(long_enough).select("row", "nsn", code=code).select("row", "code", nsn=rest).collect()


@functools.cache
def _calling_codes() -> pl.Series:
    """Return for each number's first three digits its calling code, 0 where it has none."""
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    codes = [0] * 1000
    for head in range(100, 1000):
        starts = (head // 100, head // 10, head)
        codes[head] = next((start for start in starts if start in known), 0)
    return pl.Series("code", codes, dtype=pl.UInt16)


def _parted(frame: pl.DataFrame, key: str) -> list[tuple[tuple[int], pl.DataFrame]]:
    return list(frame.partition_by(key, as_dict=True, include_key=False).items()) if frame.height else []


def _start(pattern: str) -> str:
    return f"^(?:{ascii_pattern(pattern)})"


_NOTHING = pl.DataFrame(schema={"row": pl.UInt32, "nsn": pl.String})
_NOTHING_CODED = pl.DataFrame(schema={"row": pl.UInt32, "code": pl.UInt16, "nsn": pl.String})
