"""What is known of a file before anything of it is written: how it was read, and what its first chunk would do.

A file whose numbers are mostly no numbers, or that replaces the addresses of many people who are known, is rarely what
whoever imports it means: a column is mapped wrongly, the country is another, a spreadsheet has changed its numbers
(docs/adr/0059). Such a judgement is *striking*.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, permutations

import polars as pl

from carillon.addresses.normalise import likely_phones, normalise_emails, normalise_phones
from carillon.addresses.phones import KINDS_PER_VALIDITY, Validity
from carillon.audience.imports.source import FileSource, PreparedChunk
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.ambiguous_phones import resolve_phones
from carillon.audience.upsert.match import matched_rows
from carillon.audience.upsert.rows import KEYS
from carillon.db.database import Tx
from carillon.kit.actor import Actor

INVALID_SHARE = 0.2
"""Striking is more than this share of phones that are none or not valid, of e-mails that are none, of broken rows."""
MIN_INVALID = 5
"""Fewer are not: where one value in twenty is wrong, five wrong ones are a fifth of a file in less than 1 of 100."""
INVALID_MANY = 0.4
"""More than this share is striking from MIN_INVALID_MANY on."""
MIN_INVALID_MANY = 3
"""Fewer are not: of a handful of rows two may well be wrong."""
MIN_UNKNOWN = 20
"""Fewer phones that are only possible are not: the numbers that people make up to try things are mostly such ones."""
UNKNOWN_MOST = 0.5
"""More than this share of MIN_INVALID or more is: of a country's numbers, hardly half are such ones."""
REPLACED_SHARE = 0.05
"""More than this share of the known contacts getting another phone, or another e-mail, is striking."""
MIN_REPLACED = 10
"""Fewer are not: where two people in a hundred change theirs, ten do so in a twentieth of a file in 1 of 100."""
REPLACED_MOST = 0.5
"""More than this share of the known contacts is striking from MIN_REPLACED_MOST on: such a row is another person's."""
MIN_REPLACED_MOST = 3
"""Fewer are not: one person, or a couple, may well have changed theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonesFound:
    """How many phones were given, and what they are.

    They are `valid`, only `possible` (of ranges that no plan knows), or `not_phones`. `countries` counts those that are
    phones by ISO 3166 alpha-2, most first; those of no country are in none.
    """

    given: int = 0
    valid: int = 0
    possible: int = 0
    not_phones: int = 0
    countries: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailsFound:
    """How many e-mails were given, and how many of them are e-mails or are not."""

    given: int = 0
    valid: int = 0
    not_emails: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownContacts:
    """How many contacts of the audience the rows name, and how many of them are archived, or get another address.

    `disputed` are the rows whose keys name several of them.
    """

    contacts: int = 0
    archived: int = 0
    disputed: int = 0
    phones_replaced: int = 0
    emails_replaced: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """A file before it is imported.

    `sheets` are those of a workbook, first the one that is read.
    `encoding` and `delimiter` are None where it is no text; `encoding_…` are as in `tabular.EncodingChoice`. `header`
    has the names of its columns. `taken` is what columns hold, `left` those that nothing is taken from. What follows is
    of the first `rows`, of which `broken` ones can't be read; `is_whole` says that there are no others.
    `replacing` ones give another key to whom an earlier row names: to an import that is the same person. `striking` has
    a sentence for each reason to ask before going on.
    """

    encoding: str | None
    encoding_reason: str
    encoding_is_sure: bool
    encoding_sample: str = field(repr=False)
    delimiter: str | None
    sheets: Sequence[str]
    header: Sequence[str]
    taken: Mapping[str, str]
    left: Sequence[str]
    rows: int
    broken: int
    is_whole: bool
    phones: PhonesFound
    emails: EmailsFound
    known: KnownContacts
    replacing: int
    striking: Sequence[str]


async def judge(tx: Tx, actor: Actor, source: FileSource, first: PreparedChunk | None) -> Judgement:
    """Judge a file by its first chunk; None where it has no rows. Nothing is written."""
    phones = emails = known = None
    replacing = 0
    if first is not None:
        batch = first.batch
        frame = await resolve_phones(tx, actor, batch.frame, batch.alternative_phones)
        phones, emails = _phones(first, frame, actor.country), _emails(first)
        replacing = _replacing(frame)
        known = _known(await matched_rows(tx, actor, frame, keeps_valid_phones=batch.is_file))
    rows, broken = (0, 0) if first is None else (first.size, len(first.chunk.bad))
    found = (phones or PhonesFound(), emails or EmailsFound(), known or KnownContacts())
    shape, taken = source.shape, source.columns.taken
    is_text = source.table.form == "text"
    return Judgement(
        encoding=shape.encoding_name if is_text else None,
        encoding_reason=shape.encoding_choice.reason,
        encoding_is_sure=shape.encoding_choice.is_sure,
        encoding_sample=shape.encoding_choice.sample,
        delimiter=shape.delimiter if is_text else None,
        sheets=source.table.sheets,
        header=shape.header,
        taken={column: taken[column] for column in shape.header if column in taken},
        left=source.columns.unmapped,
        rows=rows,
        broken=broken,
        is_whole=first is None or first.chunk.next_offset >= shape.size,
        phones=found[0],
        emails=found[1],
        known=found[2],
        replacing=replacing,
        striking=_striking(rows, broken, replacing, *found),
    )


def _phones(chunk: PreparedChunk, rows: pl.DataFrame, country: str) -> PhonesFound:
    frame = rows.filter(pl.col("phone") != "").select(pl.col("phone_quality", "phone_region"))
    given = _blocked(chunk, is_email=False)
    blocked, _ = likely_phones(given, normalise_phones(given, country), country)
    frame = pl.concat(
        [frame, blocked.drop_nulls("digits").select(phone_quality="quality", phone_region="region")],
        how="vertical_relaxed",
    )
    not_phones = _errors(chunk, "phone") + blocked["digits"].null_count()
    valid = frame.filter(pl.col("phone_quality") // KINDS_PER_VALIDITY == Validity.VALID).height
    counted = frame.drop_nulls("phone_region").group_by("phone_region").len()
    counted = counted.sort("len", "phone_region", descending=[True, False])
    return PhonesFound(
        given=frame.height + not_phones,
        valid=valid,
        possible=frame.height - valid,
        not_phones=not_phones,
        countries=dict(counted.iter_rows()),
    )


def _emails(chunk: PreparedChunk) -> EmailsFound:
    blocked = normalise_emails(_blocked(chunk, is_email=True))["key"]
    not_emails = _errors(chunk, "email") + blocked.null_count()
    valid = chunk.batch.frame.filter(pl.col("email") != "").height + blocked.count()
    return EmailsFound(given=valid + not_emails, valid=valid, not_emails=not_emails)


def _blocked(chunk: PreparedChunk, *, is_email: bool) -> pl.Series:
    """Return the addresses of rows that are suppressions, as they are given."""
    records = () if chunk.blocks is None else [block.record for block in chunk.blocks.records]
    given = [one.address for one in records if (one.channel is Channel.EMAIL) is is_email]
    return pl.Series(given, dtype=pl.String)


def _errors(chunk: PreparedChunk, attribute: str) -> int:
    return sum(error.field == attribute for error in chunk.batch.errors)


def _known(rows: pl.DataFrame) -> KnownContacts:
    """Count the contacts that rows name, and those to which their rows give another address than they have.

    One that another contact has, and keeps as far as the rows say, is a conflict of the import and replaces nothing.
    """

    def replaced(key: str) -> int:
        is_other = (pl.col(key) != "") & (pl.col(key) != pl.col(f"old_{key}"))
        others = rows.filter(is_other)
        is_free = pl.col(f"id_{key}").is_in(others["contact_id"].implode()).fill_null(value=True)
        return others.filter(is_free)["contact_id"].n_unique()

    ids = [f"id_{key}" for key in KEYS]
    differ = [pl.col(one) != pl.col(other) for one, other in combinations(ids, 2)]
    return KnownContacts(
        disputed=rows.filter(pl.any_horizontal(differ)).height,
        contacts=rows["contact_id"].n_unique(),
        archived=rows.filter("old_archived")["contact_id"].n_unique(),
        phones_replaced=replaced("phone"),
        emails_replaced=replaced("email"),
    )


def _replacing(frame: pl.DataFrame) -> int:
    """Count rows that have a key of an earlier one, and another key beside it than the first of these."""
    flags: list[pl.Expr] = []
    for key, other in permutations(KEYS, 2):
        value = pl.when(pl.col(other) != "").then(pl.col(other))
        flags.append((pl.col(key) != "") & (value != value.drop_nulls().first().over(key)))
    return frame.filter(pl.any_horizontal(flags)).height


def _striking(  # noqa: PLR0913, PLR0917 - what is judged
    rows: int, broken: int, replacing: int, phones: PhonesFound, emails: EmailsFound, known: KnownContacts
) -> list[str]:
    wrong = phones.possible and phones.possible + phones.not_phones  # the others are counted by themselves
    few = ((INVALID_SHARE, MIN_INVALID), (INVALID_MANY, MIN_INVALID_MANY))
    unknown = ((INVALID_SHARE, MIN_UNKNOWN), (UNKNOWN_MOST, MIN_INVALID))
    replaced = ((REPLACED_SHARE, MIN_REPLACED), (REPLACED_MOST, MIN_REPLACED_MOST))
    counts = (
        (broken, rows, few, "rows can't be read"),
        (phones.not_phones, phones.given, few, "phones are no phone numbers"),
        (wrong, phones.given, unknown, "phones are no valid numbers"),
        (emails.not_emails, emails.given, few, "e-mails are no e-mail addresses"),
        (replacing, rows, replaced, "rows give another phone, e-mail or external id to whom an earlier row names"),
        (known.disputed, rows, replaced, "rows have a phone, e-mail or external id of one contact and one of another"),
        (known.phones_replaced, known.contacts, replaced, "known contacts get another phone"),
        (known.emails_replaced, known.contacts, replaced, "known contacts get another e-mail"),
    )
    return [
        f"{count:,} of {whole:,} {words} ({count / whole:.0%})."
        for count, whole, limits, words in counts
        if any(count >= least and (count > share * whole or count == whole) for share, least in limits)
    ]
