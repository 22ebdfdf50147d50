"""E-mail addresses of a whole column.

`common_emails` are those that email-validator accepts as they are. Of the rest, `composed_emails` validates each
distinct domain and each distinct local part once, whatever the number of addresses that have them.
"""

from functools import lru_cache

import polars as pl
from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES, EMAIL_MAX_LENGTH

from carillon.addresses.emails import MAX_EMAIL_CHARACTERS, validated_address

_BYTES_PER_CHARACTER = 4

# In an address of at most 65 bytes no label of the domain exceeds the 63 that DNS allows, and RFC 5321's
# limit of 254 holds as well; so the pattern needs no counting, which would make it slow.
_MAX_ORDINARY_BYTES = 65

# A dot-atom of RFC 5322 before the @; labels of letters, digits and inner hyphens after it, at least two, the
# last one ending with a letter. Hyphens in pairs are left to the validator, which refuses all of them but
# Punycode in third place. Capitals are in here: the validator lower-cases domains and nothing else.
_ATOM = r"[A-Za-z0-9_!#$%&'*+\-/=?^`{|}~]+"
_DOT_ATOM = rf"{_ATOM}(?:\.{_ATOM})*"
_LABEL = r"[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
_ORDINARY = rf"^{_DOT_ATOM}@(?:{_LABEL}\.)+(?:[A-Za-z0-9]+-)*[A-Za-z0-9]*[A-Za-z]$"

# Top-level domains of special use, which the validator refuses: addresses that end with one go to it.
_SPECIAL = r"\.(?:arpa|invalid|local|localhost|onion|test)$"

# What `str.strip` takes away.
WHITE_SPACE = "".join(
    map(chr, (*range(9, 14), *range(28, 33), 133, 160, 5760, *range(8192, 8203), 8232, 8233, 8239, 8287, 12288))
)

# With the shortest of the other part, a part is refused for its length only where every address that has it is.
_SHORTEST_LOCAL, _SHORTEST_DOMAIN = "a", "b.c"

# Of a few hundred bytes each. Chunks of a file have most of their domains in common.
_KEPT_DOMAINS = 10_000

_DOMAIN_SCHEMA = {"domain": pl.String, "new_domain": pl.String, "key_domain": pl.String, "ascii_size": pl.UInt32}
_LOCAL_SCHEMA = {"local": pl.String, "new_local": pl.String, "key_local": pl.String}

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
    unchanged = found.select("row", "key", given=pl.lit(None, dtype=pl.String))
    if as_key.all():
        return unchanged
    at = _KEY.str.find("@", literal=True)
    local, key_local = _TEXT.str.slice(0, at), _KEY.str.slice(0, at)
    counts = (local != key_local) & ~key_local.is_in(CASE_INSENSITIVE_MAILBOX_NAMES)
    given = pl.when(counts).then(local + _KEY.str.slice(at))
    return pl.concat([unchanged.filter(as_key), found.filter(~as_key).select("row", "key", given=given)])


def composed_emails(texts: pl.Series, rows: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
    """Read the addresses of one @ by their parts: `row`, `key`, `given`, and the numbers of the rows left undecided.

    Rows in neither are no e-mails. email-validator reads both parts independently of each other and then limits the
    size of the whole: as given, normalised, and with the domain in ASCII. Quotes and angle brackets, which it splits by
    rules of their own, are left undecided.
    """
    stripped = (
        pl.DataFrame({"row": rows, "text": texts})
        .filter(_TEXT.str.len_chars() <= MAX_EMAIL_CHARACTERS)
        .with_columns(text=_TEXT.str.strip_chars(WHITE_SPACE))
    )
    has_two_parts = (_TEXT.str.count_matches("@", literal=True) == 1) & ~_TEXT.str.contains('["<]')
    parts = _TEXT.str.split_exact("@", 1).struct.rename_fields(["local", "domain"]).alias("parts")
    split = stripped.filter(has_two_parts).with_columns(parts).unnest("parts")
    split = split.join(_read_domains(split["domain"].unique()), on="domain")
    split = split.join(_read_locals(split["local"].unique()), on="local")
    new = pl.concat_str("new_local", pl.lit("@"), "new_domain")
    key = pl.concat_str("key_local", pl.lit("@"), "key_domain")
    in_ascii = pl.col("new_local").str.len_bytes() + 1 + pl.col("ascii_size")
    sizes = (_TEXT.str.len_bytes(), new.str.len_bytes(), in_ascii)
    decided = split.filter(*(size <= EMAIL_MAX_LENGTH for size in sizes)).select(
        "row", key=key, given=pl.when(new != key).then(new)
    )
    return decided, stripped.filter(~has_two_parts)["row"]


def _read_domains(domains: pl.Series) -> pl.DataFrame:
    """Normalise those of the distinct domains that are valid, and give the sizes of their ASCII forms."""
    read = ((domain, _read_domain(domain)) for domain in domains)
    found = [(domain, new[0], new[0].lower(), new[1]) for domain, new in read if new is not None]
    return pl.DataFrame(found, schema=_DOMAIN_SCHEMA, orient="row")


@lru_cache(_KEPT_DOMAINS)
def _read_domain(domain: str) -> tuple[str, int] | None:
    validated = validated_address(f"{_SHORTEST_LOCAL}@{domain}")
    return None if validated is None else (validated.domain, len(validated.ascii_domain))


def _read_locals(local_parts: pl.Series) -> pl.DataFrame:
    """Normalise those of the distinct local parts that are valid."""
    given, is_atom = local_parts.to_frame("local"), local_parts.str.contains(f"^{_DOT_ATOM}$")
    key, has_no_case = pl.col("key_local"), pl.col("key_local").is_in(CASE_INSENSITIVE_MAILBOX_NAMES)
    atoms = given.filter(is_atom).with_columns(key_local=pl.col("local").str.to_lowercase())
    new_local = pl.when(has_no_case).then(key).otherwise("local")
    others = [(local, _read_local(local)) for local in local_parts.filter(~is_atom)]
    found = [(local, new, new.lower()) for local, new in others if new is not None]
    return pl.concat(
        [
            atoms.select("local", new_local.alias("new_local"), "key_local"),
            pl.DataFrame(found, schema=_LOCAL_SCHEMA, orient="row"),
        ]
    )


def _read_local(local: str) -> str | None:
    validated = validated_address(f"{local}@{_SHORTEST_DOMAIN}")
    return None if validated is None else validated.local_part
