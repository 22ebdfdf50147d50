"""One region's numbering plan as polars work: libphonenumber's steps on a column of national numbers.

A frame here has `row` (where the number came from) and `nsn` (national significant number, ASCII digits).
Each step follows one step of phonenumbers' parser or verdict. A null `nsn` that a step leaves behind means
"ask the library for this row".
"""

import functools
import re
from dataclasses import dataclass

import phonenumbers
import polars as pl
from phonenumbers.phonemetadata import PhoneMetadata, PhoneNumberDesc

from carillon.addresses.phones import PhoneKind

NSN = pl.col("nsn")
UNKNOWN = pl.lit(int(PhoneKind.UNKNOWN), dtype=pl.UInt8)
_RARE = 255  # in a kind column: one of the rare kinds, to be told apart on the few rows that have it


def whole(pattern: str) -> str:
    """Turn a pattern of the metadata into one that matches whole strings of ASCII digits."""
    return f"^(?:{ascii_pattern(pattern)})$"


def ascii_pattern(pattern: str) -> str:
    r"""Read \d as 0 to 9: the columns hold nothing else, and the matcher stays small."""
    return pattern.replace(r"\d", "[0-9]")


def among(length: pl.Expr, lengths: tuple[int, ...]) -> pl.Expr:
    """Tell whether a length is one of a few: on short columns cheaper than `is_in`, which builds a set each time."""
    if not lengths:
        return pl.lit(value=False)
    first, last = min(lengths), max(lengths)
    gaps = [length != gap for gap in range(first + 1, last) if gap not in lengths]
    return pl.all_horizontal(length.is_between(first, last), *gaps) if gaps else length.is_between(first, last)


@dataclass(frozen=True, slots=True)
class Described:
    """A PhoneNumberDesc: which national numbers match its pattern and its lengths."""

    pattern: str
    lengths: tuple[int, ...]

    def matches(self, number: pl.Expr) -> pl.Expr:
        """Match pattern and length, as phonenumbers' `_is_number_matching_desc`."""
        matched = self.matches_pattern(number)
        return matched & among(number.str.len_bytes(), self.lengths) if self.lengths else matched

    def matches_pattern(self, number: pl.Expr) -> pl.Expr:
        """Match the pattern only, as phonenumbers' `_match_national_number`."""
        return number.str.contains(whole(self.pattern)) if self.pattern else pl.lit(value=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What the steps need of one region's metadata."""

    calling_code: int
    region: str
    international_prefix: str | None
    trunk_prefix: str | None
    trunk_groups: int
    transforms: bool
    leading_digits: str | None
    general: Described
    local_lengths: tuple[int, ...]
    fixed: Described | None
    mobile: Described | None
    mobile_is_fixed: bool
    rare: tuple[tuple[PhoneKind, Described], ...]

    def too_long(self, number: pl.Expr) -> pl.Expr:
        """Tell whether the plan has no number as long as this one."""
        length = number.str.len_bytes()
        return (length > self.general.lengths[-1]) & ~among(length, self.local_lengths)

    def possible(self, number: pl.Expr) -> pl.Expr:
        """Tell whether the plan has numbers of this length, be they dialled from inside an area only."""
        return among(number.str.len_bytes(), self.general.lengths + self.local_lengths)

    def starts_with_trunk_prefix(self, number: pl.Expr) -> pl.Expr:
        """Tell whether the trunk prefix pattern matches at the start."""
        if self.trunk_prefix is None:
            return pl.lit(value=False)
        if self.trunk_prefix.isdigit():
            return number.str.starts_with(self.trunk_prefix)
        return number.str.contains(f"^(?:{ascii_pattern(self.trunk_prefix)})")

    def without_trunk_prefix(self, number: pl.Expr) -> pl.Expr:
        """Strip the trunk prefix from numbers that start with one; null where the library has to rewrite them.

        As phonenumbers' `_maybe_strip_national_prefix_carrier_code`: a number that matches the plan keeps a
        prefix without which it would no longer match.
        """
        if self.trunk_prefix is None:
            return number
        pattern = f"^(?:{ascii_pattern(self.trunk_prefix)})"
        if self.trunk_prefix.isdigit():
            stripped = number.str.slice(len(self.trunk_prefix))
        else:
            stripped = number.str.replace(pattern, "")
        if self.transforms:
            rewritten = number.str.extract(pattern, self.trunk_groups).is_not_null()
            stripped = pl.when(~rewritten).then(stripped)
        keeps = self.general.matches_pattern(number) & ~self.general.matches_pattern(stripped)
        return pl.when(stripped.is_null() | ~keeps).then(stripped).otherwise(number)


def _described(desc: PhoneNumberDesc | None) -> Described | None:
    if desc is None or not desc.national_number_pattern:
        return None
    return Described(desc.national_number_pattern, tuple(desc.possible_length))


def _rare_kinds(metadata: PhoneMetadata) -> tuple[tuple[PhoneKind, Described], ...]:
    # In the order in which phonenumbers' `_number_type_helper` asks.
    described = (
        (PhoneKind.PREMIUM, metadata.premium_rate),
        (PhoneKind.TOLL_FREE, metadata.toll_free),
        (PhoneKind.SHARED_COST, metadata.shared_cost),
        (PhoneKind.VOIP, metadata.voip),
        (PhoneKind.PERSONAL, metadata.personal_number),
        (PhoneKind.PAGER, metadata.pager),
        (PhoneKind.UAN, metadata.uan),
        (PhoneKind.VOICEMAIL, metadata.voicemail),
    )
    return tuple((kind, d) for kind, desc in described if (d := _described(desc)) is not None)


@functools.cache
def plan_of(calling_code: int, region: str) -> Plan:
    """Return the plan of a region ("001" for a calling code of no country)."""
    metadata = PhoneMetadata.metadata_for_region_or_calling_code(calling_code, region)
    if metadata is None or metadata.general_desc is None:
        raise LookupError(f"no numbering plan for +{calling_code} {region}")
    general = metadata.general_desc
    trunk = metadata.national_prefix_for_parsing or None
    return Plan(
        calling_code=calling_code,
        region=region,
        international_prefix=metadata.international_prefix,
        trunk_prefix=trunk,
        trunk_groups=re.compile(trunk or "").groups,
        transforms=bool(metadata.national_prefix_transform_rule),
        leading_digits=metadata.leading_digits,
        general=Described(general.national_number_pattern or "", tuple(general.possible_length)),
        local_lengths=tuple(general.possible_length_local_only),
        fixed=_described(metadata.fixed_line),
        mobile=_described(metadata.mobile),
        mobile_is_fixed=bool(metadata.same_mobile_and_fixed_line_pattern),
        rare=_rare_kinds(metadata),
    )


@functools.cache
def main_plan(calling_code: int) -> Plan:
    """Return the plan by which international numbers of a calling code are read."""
    return plan_of(calling_code, phonenumbers.region_code_for_country_code(calling_code))


def decide_national_numbers(plan: Plan, frame: pl.DataFrame) -> pl.DataFrame:
    """Strip the trunk prefix where what remains is long enough: the last step of phonenumbers' `parse`.

    Where the library has to rewrite the number, `nsn` becomes null.
    """
    if plan.trunk_prefix is None:
        return frame
    prefixed = plan.starts_with_trunk_prefix(NSN)
    if not frame.select(prefixed).to_series().any():
        return frame
    stripped = pl.col("stripped")
    long_enough = among(stripped.str.len_bytes(), plan.general.lengths) | plan.too_long(stripped)
    nsn = pl.when(prefixed & (stripped.is_null() | long_enough)).then(stripped).otherwise(NSN)
    return (
        frame.lazy()
        .with_columns(stripped=plan.without_trunk_prefix(NSN))
        .with_columns(nsn=nsn)
        .drop("stripped")
        .collect()
    )


def kinds(plan: Plan, frame: pl.DataFrame) -> pl.DataFrame:
    """Add `kind` (UInt8, a PhoneKind) by the plan, as phonenumbers' `_number_type_helper`."""
    frame = frame.with_columns(kind=_common_kind(plan))
    rare = frame["kind"] == _RARE
    if not rare.any():
        return frame
    return pl.concat([frame.filter(~rare), frame.filter(rare).with_columns(kind=_exact_kind(plan))])


@functools.cache
def _common_kind(plan: Plan) -> pl.Expr:
    if not plan.rare:
        return _exact_kind(plan)
    # Lengths left aside, so this catches at least the rare kinds: one pass instead of up to eight.
    any_rare = whole("|".join(f"(?:{described.pattern})" for _, described in plan.rare))
    return (
        pl.when(~plan.general.matches(NSN))
        .then(UNKNOWN)
        .when(NSN.str.contains(any_rare))
        .then(pl.lit(_RARE, dtype=pl.UInt8))
        .otherwise(_line_kind(plan))
    )


@functools.cache
def _exact_kind(plan: Plan) -> pl.Expr:
    kind = _line_kind(plan)
    for rare_kind, described in reversed(plan.rare):
        kind = pl.when(described.matches(NSN)).then(pl.lit(int(rare_kind), dtype=pl.UInt8)).otherwise(kind)
    return pl.when(plan.general.matches(NSN)).then(kind).otherwise(UNKNOWN)


def _line_kind(plan: Plan) -> pl.Expr:
    def literal(kind: PhoneKind) -> pl.Expr:
        return pl.lit(int(kind), dtype=pl.UInt8)

    mobile = plan.mobile.matches(NSN) if plan.mobile else pl.lit(value=False)
    if plan.mobile_is_fixed:
        otherwise, when_fixed = UNKNOWN, literal(PhoneKind.FIXED_OR_MOBILE)
    else:
        otherwise = pl.when(mobile).then(literal(PhoneKind.MOBILE)).otherwise(UNKNOWN)
        both, fixed = literal(PhoneKind.FIXED_OR_MOBILE), literal(PhoneKind.FIXED)
        when_fixed = pl.when(mobile).then(both).otherwise(fixed)
    if plan.fixed is None:
        return otherwise
    return pl.when(plan.fixed.matches(NSN)).then(when_fixed).otherwise(otherwise)
