"""E-mail addresses of a whole column: the ordinary ones, which email-validator accepts as they are."""

import polars as pl
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

from carillon.addresses.emails import MAX_EMAIL_CHARACTERS

_BYTES_PER_CHARACTER = 4

# In an address of at most 65 bytes no label of the domain exceeds the 63 that DNS allows, and RFC 5321's
# limit of 254 holds as well; so the pattern needs no counting, which would make it slow.
_MAX_ORDINARY_BYTES = 65

# A dot-atom of RFC 5322 before the @; labels of letters, digits and inner hyphens after it, at least two, the
# last one ending with a letter. Hyphens in pairs are left to the validator, which refuses all of them but
# Punycode in third place. Capitals are in here: the validator lower-cases domains and nothing else.
_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_ORDINARY = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+(?:[A-Za-z0-9]+-)*[A-Za-z0-9]*[A-Za-z]$"

# Top-level domains of special use, which the validator refuses: addresses that end with one go to it.
_SPECIAL = r"\.(?:arpa|invalid|local|localhost|onion|test)$"

_TEXT, _KEY = pl.col("text"), pl.col("key")


def common_emails(texts: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """Read the ordinary addresses: `row`, `key`, `given` of these, and the numbers of the rows left undecided.

    Rows in neither are no e-mails.
    """
    rows = pl.DataFrame({"row": pl.arange(texts.len(), dtype=pl.UInt32, eager=True), "text": texts})
    size, given_size = _TEXT.str.len_bytes(), pl.col("given_size")
    # The limit counts white space too; in bytes it is the stricter, so what it stops here the reference reads.
    short = (given_size <= MAX_EMAIL_CHARACTERS) & (size <= _MAX_ORDINARY_BYTES)
    ordinary = short & _TEXT.str.contains(_ORDINARY) & ~_KEY.str.contains(_SPECIAL)
    sifted = (
        rows.lazy()
        .filter(_TEXT.str.contains("@", literal=True) & (size <= MAX_EMAIL_CHARACTERS * _BYTES_PER_CHARACTER))
        # Python strips these too; what else it strips does not occur in an ordinary address.
        .with_columns(text=_TEXT.str.strip_chars(" \t\r\n"), given_size=size)
        .with_columns(key=_TEXT.str.to_lowercase())
        .with_columns(ordinary=ordinary)
        .collect()
    )
    if sifted["ordinary"].all():
        return _spelled(sifted), sifted["row"].clear()
    return _spelled(sifted.filter("ordinary")), sifted.filter(~pl.col("ordinary"))["row"]


def _spelled(found: pl.DataFrame) -> pl.DataFrame:
    """Add `given`: the address with its domain lower-cased, where the local part has capitals that count."""
    as_key = found["text"] == found["key"]
    plain = found.select("row", "key", given=pl.lit(None, dtype=pl.String))
    if as_key.all():
        return plain
    at = _KEY.str.find("@", literal=True)
    local, key_local = _TEXT.str.slice(0, at), _KEY.str.slice(0, at)
    counts = (local != key_local) & ~key_local.is_in(CASE_INSENSITIVE_MAILBOX_NAMES)
    given = pl.when(counts).then(local + _KEY.str.slice(at))
    return pl.concat([plain.filter(as_key), found.filter(~as_key).select("row", "key", given=given)])
