"""How a region's numbers are dialled inside it: prefixes, formats and lengths, from libphonenumber's metadata."""

import functools
import re
from dataclasses import dataclass

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat
from phonenumbers.phonemetadata import NumberFormat, PhoneNumberDesc

E164_DIGITS = re.compile(r"[1-9][0-9]{6,14}")
MIN_SIGNIFICANT_DIGITS = 7

_KINDS_OF_NUMBERS = (
    *("mobile", "fixed_line", "premium_rate", "toll_free", "shared_cost"),
    *("voip", "personal_number", "pager", "uan", "voicemail"),
)


def significant_digits(dialled: str) -> str:
    """Return the dialled digits from the first one that isn't 0."""
    return dialled.lstrip("0")


def is_repeated_digit(significant: str) -> bool:
    """Tell whether all of the digits are the same one, which people type where they have to type something."""
    return bool(significant) and significant == significant[0] * len(significant)


@dataclass(frozen=True, slots=True)
class Dialling:
    """How a region's numbers are dialled inside it, from libphonenumber's metadata."""

    code: str
    is_main: bool  # the region by whose plan international numbers of the calling code are read
    trunk_prefix: str  # the one that is written; "" where formatting never writes one
    international_prefix: re.Pattern[str]
    trunk_prefix_read: re.Pattern[str]
    general: re.Pattern[str]
    kinds: tuple[tuple[re.Pattern[str], frozenset[int]], ...]
    lengths: frozenset[int]
    formats: tuple[tuple[re.Pattern[str], re.Pattern[str], str | None], ...]

    def write(self, nsn: str) -> str:
        """Put the trunk prefix before a number that is written with one."""
        for leading, pattern, prefix in self.formats:
            if leading.match(nsn) and pattern.fullmatch(nsn):
                return self._rearranged(nsn) if prefix is None else prefix + nsn
        return self.trunk_prefix + nsn

    def _rearranged(self, nsn: str) -> str:
        # Argentina's mobiles, say: 54 9 11 2345 6789 is dialled 011 15 2345 6789.
        number = phonenumbers.parse(f"+{self.code}{nsn}")
        return phonenumbers.normalize_digits_only(phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL))

    def read(self, text: str) -> str | None:
        """Read digits without punctuation: national, or the calling code with or without a plus before it.

        None: the parser decides.
        """
        dialled = text.removeprefix("+")
        if not (dialled.isascii() and dialled.isdigit()) or _may_be_no_number(dialled):
            return None
        nsn = self._national_number(dialled, with_plus=text.startswith("+"))
        digits = None if nsn is None else self.code + nsn
        return digits if digits and E164_DIGITS.fullmatch(digits) else None

    def _national_number(self, dialled: str, *, with_plus: bool) -> str | None:
        if not (with_plus or dialled.startswith(self.code)):
            trunk = self.trunk_prefix_read.match(dialled)
            nsn = dialled[trunk.end() :] if trunk else dialled
            return nsn if self._reads_back(dialled, nsn) else None
        if not (self.is_main and dialled.startswith(self.code)):
            return None
        nsn = dialled.removeprefix(self.code)
        if self.trunk_prefix_read.match(nsn):
            return None
        return nsn if with_plus or self._has_own_code(dialled, nsn) else None

    def _has_own_code(self, dialled: str, nsn: str) -> bool:
        """Tell whether bare digits begin with the calling code, and not by chance with the same digits."""
        if self.international_prefix.match(dialled) or self.general.fullmatch(dialled):
            return False
        return self.general.fullmatch(nsn) is not None

    def reads_back(self, national: str, nsn: str) -> bool:
        """Tell, where a simple rule can, that the parser takes `national` for `nsn`. False: it may or may not."""
        return not _may_be_no_number(national) and self._reads_back(national, nsn)

    def _reads_back(self, national: str, nsn: str) -> bool:
        if self.international_prefix.match(national) or national.startswith(self.code):
            return False
        has_single_zero = national.startswith("0") and not national.startswith("00")
        if not (has_single_zero or self._is_valid(nsn)):  # an international number, perhaps
            return False
        trunk = self.trunk_prefix_read.match(national)
        if trunk is None:
            return national == nsn
        return (
            national[trunk.end() :] == nsn
            and not any(trunk.groups())
            and len(nsn) in self.lengths
            and self.general.fullmatch(national) is None
        )

    def _is_valid(self, nsn: str) -> bool:
        """Tell whether the number is in an allocated range."""
        if self.general.fullmatch(nsn) is None:
            return False
        return any(len(nsn) in lengths and pattern.fullmatch(nsn) for pattern, lengths in self.kinds)


def _may_be_no_number(dialled: str) -> bool:
    significant = significant_digits(dialled)
    return len(significant) < MIN_SIGNIFICANT_DIGITS or is_repeated_digit(significant)


_NEVER = r"(?!)"  # matches nothing
_IN_ORDER = re.compile(r"\D*\\1(?:\D*\\2)?(?:\D*\\3)?(?:\D*\\4)?(?:\D*\\5)?\D*")


@functools.cache
def dialling_of(region: str) -> Dialling:
    """Return a region's plan. Raises LookupError for a region that has none."""
    metadata = PhoneMetadata.metadata_for_region(region)
    code = phonenumbers.country_code_for_region(region)
    main = PhoneMetadata.metadata_for_region(phonenumbers.region_code_for_country_code(code))
    if metadata is None or metadata.general_desc is None or main is None:
        raise LookupError(f"no numbering plan for {region}")
    formats = tuple(map(_national_format, main.number_format))
    prefixes = {prefix for _, _, prefix in formats}
    trunk_prefix = metadata.national_prefix or ""
    return Dialling(
        code=str(code),
        is_main=phonenumbers.region_code_for_country_code(code) == region,
        trunk_prefix=trunk_prefix if trunk_prefix in prefixes else "",
        international_prefix=re.compile(metadata.international_prefix or _NEVER),
        trunk_prefix_read=re.compile(metadata.national_prefix_for_parsing or _NEVER),
        general=re.compile(metadata.general_desc.national_number_pattern or _NEVER),
        kinds=tuple(kind for name in _KINDS_OF_NUMBERS if (kind := _kind(getattr(metadata, name)))),
        lengths=frozenset(metadata.general_desc.possible_length),
        formats=formats,
    )


def _kind(desc: PhoneNumberDesc | None) -> tuple[re.Pattern[str], frozenset[int]] | None:
    if desc is None or not desc.national_number_pattern:
        return None
    return re.compile(desc.national_number_pattern), frozenset(desc.possible_length)


def _national_format(number_format: NumberFormat) -> tuple[re.Pattern[str], re.Pattern[str], str | None]:
    """Return which numbers a format is for, and the digits it puts before them; None: it rearranges the number."""
    leading = number_format.leading_digits_pattern[-1] if number_format.leading_digits_pattern else ""
    rule = number_format.national_prefix_formatting_rule or ""
    prefix = re.sub(r"\D", "", rule.replace(r"\1", ""))
    in_order = _IN_ORDER.fullmatch(number_format.format or "") is not None
    return re.compile(leading), re.compile(number_format.pattern or ""), prefix if in_order else None
