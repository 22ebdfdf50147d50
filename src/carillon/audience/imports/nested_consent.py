"""What cells that are JSON's objects and lists say of who may be written to, by the names and the values in them."""

import json
from typing import Final

import polars as pl

from carillon.audience.consent_names import TARGETS, doubtful_kind, looks_like_consent, target_of
from carillon.audience.consent_questions import asked_kind
from carillon.audience.imports.column_names import address_columns
from carillon.audience.imports.consent_words import ANSWERS, Said, read_cell, takes_away, words_that_take

_TEXT: Final = r'"(?:[^"\\]|\\.)*"'
# A name with what follows it, or a value of a list.
_PART: Final = rf"{_TEXT}(?:\s*:\s*(?:true|false|null|-?[0-9][0-9.eE+-]*|{_TEXT}|[\[{{]))?"
_NAME_AND_VALUE: Final = rf"(?s)^({_TEXT})(?:\s*:\s*(.*))?$"


def is_nested(cells: pl.Series) -> bool:
    """Tell whether any cell is an object or a list."""
    return bool(_opened(cells).any())


def consent_within(cells: pl.Series) -> str | None:
    """Return the part of objects or lists that takes something away, or may; None where there is none."""
    nested = cells.filter(_opened(cells).fill_null(value=False))
    if nested.is_empty():
        return None
    parts = nested.unique().str.extract_all(_PART).explode().drop_nulls().unique()
    split = parts.str.extract_groups(_NAME_AND_VALUE).struct.unnest()
    name, value = split.columns
    named = split.filter(pl.col(value).is_not_null())
    for key in named[name].unique():
        for of_key in named.filter(pl.col(name) == key)[value].unique() if _may_say(_text(key)) else ():
            if _takes(_text(key), of_key):
                return f"{key}: {of_key}"
    texts = split.select(pl.col(value).fill_null(pl.col(name)).alias("text"))["text"].unique()
    return next(
        (text for text in texts.filter(_reduced(texts).is_in(words_that_take())) if takes_away(_text(text))), None
    )


def _reduced(texts: pl.Series) -> pl.Series:
    """Reduce texts about as `consent_names.compared` does, all at once."""
    letters = texts.str.normalize("NFKD").str.to_lowercase().str.replace_all(r"[^\p{L}\p{N}]", "")
    return letters.str.replace_all("ς", "σ", literal=True)  # noqa: RUF001 - Greek is meant


def _opened(cells: pl.Series) -> pl.Series:
    return cells.str.starts_with("{") | cells.str.starts_with("[")


def _text(part: str) -> str:
    return str(json.loads(part, strict=False)) if part.startswith('"') else part


def _may_say(name: str) -> bool:
    return bool(_kind(name) or asked_kind(name) or target_of(name) or looks_like_consent(name))


def _kind(name: str) -> str | None:
    """Return how yes and no are read of a name that is a channel's, or else something in other files."""
    return "subscribed" if address_columns([name]) else doubtful_kind(name)


def _takes(name: str, value: str) -> bool:
    """Tell whether a name and its value, `[` and `{` for what holds others, take something away or aren't understood.

    Everything may have a status, of which the word alone counts, and a subscription with what belongs to it.
    """
    target = target_of(name)
    if value == "null" or (target == TARGETS[0] and (value in {"[", "{"} or not looks_like_consent(name))):
        return False
    if target is None and (kind := _kind(name)) is not None:
        is_placeholder = _text(value) == "0" and bool(address_columns([name]))
        return not is_placeholder and (read_cell(kind, _text(value)) or Said.NOTHING) > Said.SUBSCRIBED
    if target is None and not looks_like_consent(name) and (asked := asked_kind(name)) is not None:
        is_number = value[:1] == "-" or value[:1].isdigit()  # how many, and not whether
        return not is_number and (read_cell(ANSWERS[asked], _text(value)) or Said.NOTHING) > Said.SUBSCRIBED
    if target is None:
        return True
    said = read_cell(target.rpartition("_")[2], _text(value))
    return said is None or said > Said.SUBSCRIBED
