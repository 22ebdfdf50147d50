"""Phones of a whole column: phonenumbers' parser and verdict, step by step, on all rows at once.

What the steps do not cover is left undecided and read one by one by `read_phone`; so are callings codes with a
handful of rows, for which compiling a plan's patterns would cost more than the rows.
"""

import functools

import phonenumbers
import polars as pl

from carillon.audience.normalise_plans import (
    NSN,
    Plan,
    ascii_pattern,
    kinds,
    main_plan,
    plan_of,
    settle_national_numbers,
)
from carillon.kit.phones import KINDS_PER_VALIDITY, MAX_PHONE_CHARACTERS, PhoneKind, Validity, known_region

FEW_ROWS = 24
"""Up to so many rows the reference is faster than a pass over columns (measured: 60 µs a row, 1.5 ms a pass)."""

_MAX_FAST_BYTES = 40
_BYTES_PER_CHARACTER = 4
_CALLING_CODE_DIGITS = 3
_MAX_E164_DIGITS = 15
_MIN_E164_DIGITS = 7

# Punctuation that the parser drops wherever it stands, around digits and at most one plus before the first digit.
# Left out on purpose: '*', '~', '#', ',', ';' and letters, which may start an extension.
_PUNCTUATED = r"^[ \t\r\n().\-/]*\+?[ ().\-/]*[0-9][0-9 ().\-/]*[ \t\r\n]*$"

_SCHEMA = {"row": pl.UInt32, "digits": pl.String, "quality": pl.Int16, "region": pl.String}


class PhoneColumn:
    """One pass over a column: `decided` rows with their readings, `undecided` rows for the reference.

    Rows in neither are no phones.
    """

    def __init__(self, texts: pl.Series, country: str | None) -> None:
        self._region = known_region(country)
        self._undecided: list[pl.Series] = []
        rows = pl.DataFrame({"row": pl.arange(texts.len(), dtype=pl.UInt32, eager=True), "text": texts})
        international, national = self._split(self._digits_of(rows))
        own_code, settled = self._national(national)
        groups = self._by_calling_code(pl.concat([international, own_code]), settled)
        pieces = [piece for code, numbers in groups for piece in self._judged(code, numbers)]
        self.decided = pl.concat([pl.DataFrame(schema=_SCHEMA), *pieces])

    @property
    def undecided(self) -> pl.Series:
        """Row numbers for the reference."""
        return pl.concat([pl.Series("row", [], dtype=pl.UInt32), *self._undecided])

    def _leave(self, frame: pl.DataFrame) -> None:
        self._undecided.append(frame["row"])

    def _digits_of(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Reduce texts to `row`, `plus` and `nsn` (all digits, for now), leaving odd texts to the reference."""
        text = pl.col("text")
        short = text.str.len_bytes() <= _MAX_FAST_BYTES
        plain = text.str.contains("^[0-9]+$") & short
        bare = rows.filter(plain)
        no_plus = pl.lit(value=False)
        numbers = bare.select("row", plus=no_plus, nsn="text")
        if bare.height == rows.height:
            return numbers
        rest = rows.filter(~plain)
        punctuated = text.str.contains(_PUNCTUATED) & short
        stripped = rest.filter(punctuated).select(
            "row", plus=text.str.contains("+", literal=True), nsn=text.str.replace_all("[^0-9]+", "")
        )
        # An ASCII letter refuses a text, and so does more than the limit even at four bytes a character.
        refused = text.str.contains("[A-Za-z]") | (text == "")
        too_long = text.str.len_bytes() > MAX_PHONE_CHARACTERS * _BYTES_PER_CHARACTER
        odd = rest.filter(~punctuated)
        self._leave(odd.filter(~too_long).filter(~refused))
        return pl.concat([numbers, stripped])

    def _split(self, numbers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Tell international numbers (`row`, `code`, `nsn`) from national ones (`row`, `nsn`)."""
        plus = pl.col("plus")
        if self._region is None:
            # A leading 00 stands for the plus only where it stands together in the text: the reference looks.
            zero = ~plus & NSN.str.starts_with("0")
            self._leave(numbers.filter(zero))
            return self._with_calling_code(numbers.filter(~zero)), _nothing("nsn")
        bare = numbers.filter(~plus)
        dialled, national = self._without_international_prefix(bare.select("row", "nsn"))
        with_plus = self._with_calling_code(numbers.filter(plus), retry=True)
        return pl.concat([with_plus, self._with_calling_code(dialled)]), national

    def _without_international_prefix(self, bare: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Strip the region's international prefix, as phonenumbers' `_parse_prefix_as_idd`."""
        prefix = self._plan.international_prefix
        if prefix is None:
            return _nothing("nsn"), bare
        pattern = f"^(?:{ascii_pattern(prefix)})"
        starts = NSN.str.starts_with(prefix) if prefix.isdigit() else NSN.str.contains(pattern)
        started = bare.filter(starts)
        if started.is_empty():
            return _nothing("nsn"), bare
        after = NSN.str.slice(NSN.str.extract(pattern, 0).str.len_bytes())
        started = started.with_columns(after=after)
        # No calling code begins with 0: such a number is national after all.
        zero = pl.col("after").str.starts_with("0")
        national = pl.concat([bare.filter(~starts), started.filter(zero).select("row", "nsn")])
        return started.filter(~zero).select("row", nsn="after"), national

    def _with_calling_code(self, numbers: pl.DataFrame, *, retry: bool = False) -> pl.DataFrame:
        """Split international digits into `code` and `nsn`, as phonenumbers' `_extract_country_code`.

        After a plus the parser retries without it what starts with no calling code (`retry`).
        """
        long_enough = numbers.filter(NSN.str.len_bytes() >= _CALLING_CODE_DIGITS).select("row", "nsn")
        head = long_enough["nsn"].str.slice(0, _CALLING_CODE_DIGITS).cast(pl.UInt16)
        code = _calling_codes().gather(head)
        split = long_enough.with_columns(code=code)
        unknown = pl.col("code") == 0
        if retry:
            self._leave(split.filter(unknown))
        known = split.filter(~unknown)
        size = 1 + (pl.col("code") > 9).cast(pl.UInt8) + (pl.col("code") > 99).cast(pl.UInt8)  # noqa: PLR2004 - decimal places
        return known.select("row", "code", nsn=NSN.str.slice(size))

    @functools.cached_property
    def _plan(self) -> Plan:
        region = self._region or ""
        return plan_of(phonenumbers.country_code_for_region(region), region)

    def _national(self, bare: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Read digits without plus or international prefix: (`row`, `code`, `nsn`) to settle, settled ones.

        As the rest of phonenumbers' `_maybe_extract_country_code`: the region's own calling code is stripped where
        that makes a number of the plan, or where the digits are too many for the plan.
        """
        if bare.is_empty():
            return _nothing("code", "nsn"), _nothing("code", "nsn")
        plan = self._plan
        code = str(plan.calling_code)
        coded = bare.filter(NSN.str.starts_with(code))
        after = NSN.str.slice(len(code))
        after = pl.when(plan.starts_with_trunk_prefix(after)).then(plan.without_trunk_prefix(after)).otherwise(after)
        better = ~plan.general.matches_pattern(NSN) & plan.general.matches_pattern(pl.col("after"))
        coded = coded.with_columns(after=after)
        self._leave(coded.filter(pl.col("after").is_null()))
        coded = coded.filter(pl.col("after").is_not_null()).with_columns(stripped=better | plan.too_long(NSN))
        stripped = pl.col("stripped")
        national = pl.concat([bare.filter(~NSN.str.starts_with(code)), coded.filter(~stripped).select("row", "nsn")])
        settled = self._decidable(settle_national_numbers(plan, national))
        calling_code = pl.lit(plan.calling_code, dtype=pl.UInt16).alias("code")
        return (
            coded.filter(stripped).select("row", calling_code, nsn="after"),
            settled.select("row", calling_code, "nsn"),
        )

    def _decidable(self, frame: pl.DataFrame) -> pl.DataFrame:
        self._leave(frame.filter(NSN.is_null()))
        return frame.filter(NSN.is_not_null())

    def _by_calling_code(
        self, unsettled: pl.DataFrame, settled: pl.DataFrame
    ) -> list[tuple[int, pl.DataFrame]]:
        """Settle international numbers by their calling code's plan and put each code's numbers together."""
        groups: dict[int, list[pl.DataFrame]] = {}
        if not settled.is_empty():
            groups[self._plan.calling_code] = [settled.select("row", "nsn")]
        for (code,), frame in unsettled.partition_by("code", as_dict=True, include_key=False).items():
            if frame.height <= FEW_ROWS and code not in groups:
                self._leave(frame)
                continue
            numbers = self._decidable(settle_national_numbers(main_plan(code), frame))
            groups.setdefault(code, []).append(numbers)
        return [(code, pl.concat(frames)) for code, frames in groups.items()]

    def _judged(self, code: int, numbers: pl.DataFrame) -> list[pl.DataFrame]:
        """Check the shape and add quality and region: frames of the schema of `decided`."""
        digits = pl.concat_str(pl.lit(str(code)), NSN)
        length = NSN.str.len_bytes() + len(str(code))
        shaped = numbers.filter(length.is_between(_MIN_E164_DIGITS, _MAX_E164_DIGITS)).with_columns(digits=digits)
        possible = main_plan(code).possible(NSN)
        valid = pl.col("kind") != PhoneKind.UNKNOWN
        validity = (
            pl.when(valid & pl.col("region").is_not_null())
            .then(pl.lit(int(Validity.VALID), dtype=pl.Int16))
            .otherwise(possible.cast(pl.Int16))
        )
        quality = (validity * KINDS_PER_VALIDITY + pl.col("kind").cast(pl.Int16)).cast(pl.Int16)
        return [
            placed.select("row", "digits", quality=quality, region="region") for placed in self._placed(code, shaped)
        ]

    def _placed(self, code: int, numbers: pl.DataFrame) -> list[pl.DataFrame]:
        """Add `kind` and `region`, as phonenumbers' `region_code_for_number` and `number_type`."""
        regions = phonenumbers.region_codes_for_country_code(code)
        if len(regions) == 1:
            return [kinds(plan_of(code, regions[0]), numbers).with_columns(region=pl.lit(regions[0]))]
        placed = []
        for region in regions:
            if numbers.height <= FEW_ROWS:
                self._leave(numbers)
                return placed
            plan = plan_of(code, region)
            if plan.leading_digits is not None:
                of_region = NSN.str.contains(f"^(?:{ascii_pattern(plan.leading_digits)})")
                found = kinds(plan, numbers.filter(of_region))
                numbers = numbers.filter(~of_region)
            else:
                judged = kinds(plan, numbers)
                of_region = pl.col("kind") != PhoneKind.UNKNOWN
                found, numbers = judged.filter(of_region), judged.filter(~of_region).drop("kind")
            placed.append(found.with_columns(region=pl.lit(region)))
        nowhere = numbers.with_columns(
            kind=pl.lit(int(PhoneKind.UNKNOWN), dtype=pl.UInt8), region=pl.lit(None, dtype=pl.String)
        )
        return [*placed, nowhere]


def _nothing(*names: str) -> pl.DataFrame:
    types = {"row": pl.UInt32, "code": pl.UInt16, "nsn": pl.String}
    return pl.DataFrame(schema={name: types[name] for name in ("row", *names)})


@functools.cache
def _calling_codes() -> pl.Series:
    """Give for each number's first three digits its calling code, 0 where it has none."""
    known = phonenumbers.COUNTRY_CODE_TO_REGION_CODE
    codes = [0] * 1000
    for head in range(100, 1000):
        starts = (head // 100, head // 10, head)
        codes[head] = next((start for start in starts if start in known), 0)
    return pl.Series("code", codes, dtype=pl.UInt16)
