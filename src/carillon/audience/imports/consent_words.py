"""What the cells of columns mean that say who may be written to: the words of vendors' exports, yes and no, times."""

import functools
import re
from collections.abc import Mapping
from enum import IntEnum

import polars as pl

from carillon.addresses.spreadsheets import whole_number
from carillon.audience.consent_names import compared, target_by_name


class Said(IntEnum):
    """What a row says of a channel. Of several the highest counts: it takes the most away."""

    NOTHING = 0
    SUBSCRIBED = 1
    UNCONFIRMED = 2
    UNSUBSCRIBED = 3
    BLOCKED = 4


_WORDS: Mapping[Said, tuple[str, ...]] = {
    Said.NOTHING: ("none", "no address", "unknown"),
    Said.SUBSCRIBED: (
        *("subscribed", "active", "enabled", "confirmed", "opted in", "opt in", "optin", "granted"),
        *("allow", "allowed", "activo", "активен", "ενεργός", "פעיל", "aktiv", "actif", "attivo", "ativo"),
        *("подписан", "suscrito", "inscrito", "abonné", "iscritto", "angemeldet", "εγγεγραμμένος"),
        *("aktif", "abone", "onay", "onayli", "izinli", "aktywny", "zapisany", "активний", "підписаний"),
    ),
    Said.UNCONFIRMED: ("unconfirmed", "pending", "not confirmed", "awaiting confirmation", "waiting"),
    Said.UNSUBSCRIBED: (
        *("unsubscribed", "unsubscribe", "opted out", "opt out", "optout", "inactive", "disabled", "archived"),
        *("denied", "non subscribed", "not subscribed", "never subscribed", "transactional", "removed", "deleted"),
        *("revoked", "stop", "not active", "unsub", "unsubscribed by user", "unsubscribed by contact"),
        *(
            "unsubscribed by customer",
            "unsubscribed by recipient",
            "unsubscribed by admin",
            "do not allow",
            "not allowed",
        ),
        *("no email", "no emails", "no marketing", "no contact"),
        *("ret", "izinsiz"),  # ONAY and RET are what İYS, the Turkish register of consents, has
    ),
    Said.BLOCKED: (
        *("blocklisted", "blacklisted", "blocked", "suppressed", "cleaned", "bounced", "hard bounced", "complained"),
        *("do not contact", "abuse", "spam", "invalid"),
    ),
}
# What columns are called that say so by yes and no is what people write into others, in all their languages.
_CALLED = {"unsubscribed": Said.UNSUBSCRIBED, "blocked": Said.BLOCKED}

KNOWN_WORDS = sorted(word for words in _WORDS.values() for word in words)
"""What a message lists; what such columns are called is known as well."""

IDS: Mapping[str, Said] = {"1": Said.SUBSCRIBED, "0": Said.UNCONFIRMED, "-2": Said.UNSUBSCRIBED}
"""InforU's ids of statuses (its reference, Get contact: Active, WithOutStatus, Unsubscribe), as our dialect shows them.

0 stands where there is no address, and for whoever hasn't confirmed."""
_ID = re.compile(r"(-?\d+)(?:\.0+)?")

_YES = (
    *("yes", "y", "true", "t", "1", "x", "on", "כן", "si", "sí", "да", "так", "ναι", "ja", "oui", "sim", "نعم"),  # noqa: RUF001 - Greek is meant
    *("evet", "var", "tak"),
)
_NO = ("no", "n", "false", "f", "0", "off", "לא", "нет", "ні", "όχι", "nein", "non", "não", "لا", "hayir", "yok", "nie")
# What spreadsheets write for their logical values, in the languages of columns' names.
_TRUE = ("wahr", "vrai", "verdadero", "verdadeiro", "vero", "истина", "істина", "αληθής", "doğru", "prawda")
_FALSE = ("falsch", "faux", "falso", "ложь", "хибність", "ψευδής", "yanlış", "fałsz")  # noqa: RUF001 - Greek is meant
# What Dynamics has for *do not bulk e-mail*, beside "do not allow".
_ALLOWED = ("allow", "allowed")
_MAUTIC_REASONS = ("2", "3")
_TIME = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*")

STATUS_SHARE = 0.9
"""Cells are statuses where more than this share of those that say anything are words that we know as such."""
# A column of statuses has fewer different values, and others need no closer look.
_MOST_STATUSES = 50
# What people write of orders and payments as well, which takes nothing away by itself.
_OF_ORDERS = frozenset({"pending", "waiting", "denied"})


@functools.cache
def _meanings() -> Mapping[str, Mapping[str, Said]]:
    """Return what cells mean, by the kind of their column and their compared text."""
    words = {name: _CALLED[target] for name, target in target_by_name().items() if target in _CALLED}
    words |= {compared(word): said for said, its_words in _WORDS.items() for word in its_words}
    yes, no = [compared(word) for word in (*_YES, *_TRUE)], [compared(word) for word in (*_NO, *_FALSE)]
    nothing = dict.fromkeys([*no, *map(compared, _ALLOWED)], Said.NOTHING)
    gone = {word: said for word, said in words.items() if said >= Said.UNSUBSCRIBED}
    also_yes = [*yes, *_MAUTIC_REASONS]
    return {
        "status": words,
        "subscribed": {**words, **dict.fromkeys(yes, Said.SUBSCRIBED), **dict.fromkeys(no, Said.UNSUBSCRIBED)},
        "unsubscribed": {**gone, **dict.fromkeys(also_yes, Said.UNSUBSCRIBED), **nothing},
        "blocked": {
            **dict.fromkeys(gone, Said.BLOCKED),
            **dict.fromkeys(also_yes, Said.BLOCKED),
            **nothing,
        },
    }


def read_cell(kind: str, text: str) -> Said | None:
    """Read a cell of a column of a kind; None where it isn't understood. Blank says nothing, and 1.0 what 1 does.

    Kinds are those of `consent_names.TARGETS`, and `status_id` for statuses that may be IDS.
    """
    text = text.strip()
    if kind == "status_id":
        number = _ID.fullmatch(text)
        return IDS.get(number[1]) if number else read_cell("status", text)
    text = whole_number(text) or text
    if not text:
        return Said.NOTHING
    if kind in {"unsubscribed", "blocked"} and _TIME.fullmatch(text):
        return Said.UNSUBSCRIBED if kind == "unsubscribed" else Said.BLOCKED
    return _meanings()[kind].get(compared(text))


def answer_that_takes(column: pl.Series, kind: str) -> str | None:
    """Return a cell that takes something away, of a column whose cells are nearly all of a kind; None of any other."""
    counts = column.drop_nulls().value_counts(sort=True)
    read = [(text, read_cell(kind, text), count) for text, count in counts.head(_MOST_STATUSES).iter_rows()]
    understood = sum(count for _, said, count in read if said is not None)
    if understood <= STATUS_SHARE * int(counts["count"].sum()):
        return None
    return next((text for text, said, _ in read if said and said > Said.SUBSCRIBED), None)


def status_that_takes(column: pl.Series) -> str | None:
    """Return a cell that takes something away, of a column whose cells are statuses; None of any other column."""
    counts = column.drop_nulls().value_counts(sort=True)
    read = [(text, read_cell("status", text), count) for text, count in counts.head(_MOST_STATUSES).iter_rows()]
    given = int(counts["count"].sum()) - sum(count for _, said, count in read if said is Said.NOTHING)
    statuses = [(text, said, count) for text, said, count in read if said]
    if sum(count for *_, count in statuses) <= STATUS_SHARE * given:
        return None
    taking = (text for text, said, _ in statuses if said > Said.SUBSCRIBED and compared(text) not in _OF_ORDERS)
    return next(taking, None)
