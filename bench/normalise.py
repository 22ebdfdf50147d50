"""Rows a second of `normalise_phones` and `normalise_emails` against their row-by-row references.

    python bench/normalise.py [ROWS]

The phones are of five countries, in national and international forms, plain and punctuated, a few of them bad. E-mails
come thrice: under ASCII domains, one in ten under an international domain (half of these in Punycode), and all of them.
The reference runs on the first rows only. The last line of each block is the ratio.
"""

import random
import sys
import time
from collections.abc import Callable

import polars as pl

from carillon.addresses.emails import read_email
from carillon.addresses.normalise import normalise_emails, normalise_phones
from carillon.addresses.phones import read_phone

ROWS = 1_000_000
REFERENCE_ROWS = 20_000
CHUNK_ROWS = 50_000
ROUNDS = 3

_NATIONAL = {"IL": ("972", "5"), "GR": ("30", "69"), "ES": ("34", "6"), "RU": ("7", "9"), "GB": ("44", "74")}
_LENGTHS = {"IL": 9, "GR": 10, "ES": 9, "RU": 10, "GB": 10}
_DOMAINS = ("example.com", "mail.example.org", "Example.co.il", "post-office.example", "example.net")
_IDN_DOMAINS = (
    *("bücher.example", "почта.example.org", "דואר.co.il", "παράδειγμα.gr", "españa.example"),
    *(
        "xn--bcher-kva.example",
        "xn--80a1acny.example.org",
        "xn--6dbbec0c.com",
        "xn--hxajbheg2az3al.gr",
        "xn--d1acufc.com",
    ),
)
_NAMES = ("anna", "David.Cohen", "jo-ann", "k_smith", "maria", "info")


def phone(rng: random.Random) -> str:
    """One phone of a file that belongs to an Israeli account."""
    country = "IL" if rng.random() < 0.6 else rng.choice(tuple(_NATIONAL))  # noqa: PLR2004 - the mix
    code, head = _NATIONAL[country]
    nsn = head + "".join(rng.choices("0123456789", k=_LENGTHS[country] - len(head)))
    forms = [f"+{code}{nsn}", f"+{code} {nsn[:2]}-{nsn[2:]}", f"00{code}{nsn}", f"+{code}{nsn}"]
    if country == "IL":
        forms += [f"0{nsn}", f"0{nsn}", f"0{nsn[:2]}-{nsn[2:]}", f"{code}{nsn}"]
    return rng.choice(forms) if rng.random() < 0.99 else rng.choice(("", "n/a", nsn[:4], f"{nsn}{nsn}"))  # noqa: PLR2004


def email(rng: random.Random, international: float) -> str:
    """One e-mail address, one in a hundred bad, with that chance of a domain that isn't ASCII."""
    if rng.randrange(100) == 0:
        return rng.choice(("", "nobody", "a@b", "a b@example.com"))
    domains = _IDN_DOMAINS if rng.random() < international else _DOMAINS
    return f"{rng.choice(_NAMES)}{rng.randrange(10**6)}@{rng.choice(domains)}"


def best(work: Callable[[], object]) -> float:
    """Seconds of the best of a few rounds: the machine is shared."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        rounds.append(time.perf_counter() - start)
    return min(rounds)


def compare(name: str, values: list[str], column: Callable[[pl.Series], object], one: Callable[[str], object]) -> None:
    """Print rows a second in one column, in chunks of an import's size, and by the reference."""
    series = pl.Series(values)
    chunks = list(series.to_frame().iter_slices(CHUNK_ROWS))
    whole = len(values) / best(lambda: column(series))
    chunked = len(values) / best(lambda: [column(chunk.to_series()) for chunk in chunks])
    some = values[:REFERENCE_ROWS]
    reference = len(some) / best(lambda: [one(value) for value in some])
    print(f"{name}: {whole:,.0f} rows/s in one column, {chunked:,.0f} in chunks of {CHUNK_ROWS:,}")
    print(f"{name}: {reference:,.0f} rows/s by the reference")
    print(f"{name}: ratio {whole / reference:.0f}, in chunks {chunked / reference:.0f}")


def main() -> None:
    """Compare both on columns of ROWS values."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rng = random.Random(7)  # noqa: S311 - sample values, the same in every run
    phones = [phone(rng) for _ in range(rows)]
    compare("phones with quality", phones, lambda s: normalise_phones(s, "IL"), lambda v: read_phone(v, "IL"))
    for share in (0, 0.1, 1):
        addresses = [email(rng, share) for _ in range(rows)]
        compare(f"e-mails, {share:.0%} of international domains", addresses, normalise_emails, read_email)


if __name__ == "__main__":
    main()
