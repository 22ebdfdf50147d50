"""What the cells of columns mean that say who may be written to: the words of vendors' exports, yes and no, times."""

import functools
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import IntEnum

import polars as pl

from carillon.addresses.spreadsheets import whole_number
from carillon.audience.consent_names import compared, target_by_name
from carillon.audience.imports.cell_forms import is_serial_moment


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
        *(
            "cancelled",
            "canceled",
            "revoked",
            "stop",
            "not active",
            "unsub",
            "unsubscribed by user",
            "unsubscribed by contact",
        ),
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
        *("do not contact", "do not call", "do not email", "do not text", "do not mail", "do not sms", "dnc"),
        *("asked to be removed", "removed on request", "abuse", "spam", "invalid"),
        *("not delivering", "sub deleted", "sub requested", "sub invalid"),  # Apifon's reasons of blocks
    ),
}
# The reason that Apifon has beside these: a word of statuses that says nothing, but in its list of blocks.
_OTHER_REASON = "other"
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
# One letter is enough where nearly all cells are such answers, and what people tick and strike out.
_ANSWERS: Mapping[Said, tuple[str, ...]] = {
    Said.SUBSCRIBED: (*_YES, *_TRUE, "j", "o", "s", "д", "т", "כ", "ok", "okay"),
    Said.UNSUBSCRIBED: (*_NO, *_FALSE, "н", "ל", "h"),
}
_DASHES = "-\u2212\u2013\u2014"  # also what people write for nothing
_SIGNS = {
    **dict.fromkeys("+✓✔☑✅", Said.SUBSCRIBED),
    **dict.fromkeys(f"{_DASHES}✗✘✕❌☒", Said.UNSUBSCRIBED),
}
# What Dynamics has for *do not bulk e-mail*, beside "do not allow".
_ALLOWED = ("allow", "allowed")
_MAUTIC_REASONS = ("2", "3")
_MONTH = (
    "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    r"nov(?:ember)?|dec(?:ember)?)\.?"
)
_DAY = "(?:0?[1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_TIME = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.*|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}.*"
    rf"|(?:[a-z]{{3,9}}\.?,?\s+)?(?:{_MONTH}\s+{_DAY},?|{_DAY}[\s-]{_MONTH},?)[\s-]+(?:\d{{4}}|\d{{2}})(?:[,\s].*)?",
    re.IGNORECASE,
)

ANSWERS = {"subscribed": "subscribed_answer", "unsubscribed": "unsubscribed_answer"}
"""Kinds of columns of yes and no alone, by what a yes says."""
_OTHER_WAY_ROUND = {Said.SUBSCRIBED: Said.UNSUBSCRIBED, Said.UNSUBSCRIBED: Said.SUBSCRIBED}

STATUS_SHARE = 0.9
"""Cells are statuses where more than this share of those that say anything are words that we know as such."""
# A column of statuses has fewer different values, and others need no closer look.
_MOST_STATUSES = 50
# Moments are all different: so many of them tell what the others are.
_MOST_MOMENTS = 1_000
_YES_AND_NO = 2
_MOST_OF_ANSWER = 5  # characters, as the Turkish no has
UNMISTAKABLE_SHARE = 0.5
"""So many are enough where one is a word that nobody writes of anything else."""
# What people write of orders and payments as well, which takes nothing away by itself.
_OF_ORDERS = ("pending", "waiting", "denied", "cancelled", "canceled")
_UNMISTAKABLE = (
    *("unsubscribed", "unsub", "unsubscribed by user", "unsubscribed by contact", "unsubscribed by customer"),
    *("unsubscribed by recipient", "unsubscribed by admin", "opted out", "opt out", "optout", "non subscribed"),
    *("not subscribed", "blocklisted", "blacklisted", "suppressed", "cleaned", "bounced", "hard bounced"),
    *("do not call", "do not email", "do not text", "do not mail", "do not sms", "dnc", "asked to be removed"),
    *("removed on request", "complained", "do not contact", "abuse", "spam", "not delivering", "sub deleted"),
    *("sub requested", "sub invalid"),
    *("dado de baja", "descadastrado", "désabonné", "désinscrit", "disiscritto", "abgemeldet", "lista negra"),
    *("отписан", "отписана", "отписался", "отписалась", "чёрный список", "в чёрном списке", "не беспокоить"),
    *("ביטל הרשמה", "הוסר מרשימת תפוצה", "הוסר מרשימת דיוור", "רשימה שחורה", "απεγγραφή", "μαύρη λίστα"),
)


@functools.cache
def _of_orders() -> frozenset[str]:
    return frozenset(map(compared, _OF_ORDERS))


@functools.cache
def _unmistakable() -> frozenset[str]:
    return frozenset(map(compared, _UNMISTAKABLE))


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


@functools.cache
def _answers() -> Mapping[str, Said]:
    return _SIGNS | {compared(word): said for said, words in _ANSWERS.items() for word in words}


def _read_answer(text: str) -> Said | None:
    """Read yes and no alone, which may have words behind them (`Yes, please`); None for anything else."""
    text = whole_number(text) or text
    if not text:
        return Said.NOTHING
    said = _answers().get(text) or _answers().get(compared(text))
    first = compared(re.split(r"[\W_]", text, maxsplit=1)[0])
    return said or (_answers().get(first) if len(first) > 1 else None)


def read_cell(kind: str, text: str) -> Said | None:
    """Read a cell of a column of a kind; None where it isn't understood. Blank says nothing, and 1.0 what 1 does.

    Kinds are those of `consent_names.TARGETS`, `status_id` for statuses that may be IDS, `status_reason` for why Apifon
    has blocked somebody, and ANSWERS, which are yes and no alone.
    """
    text = text.strip()
    if kind == "status_reason":
        return Said.BLOCKED if compared(text) == _OTHER_REASON else read_cell("status", text)
    if kind in ANSWERS.values():
        said = _read_answer(text)
        return _OTHER_WAY_ROUND.get(said, said) if said and kind == ANSWERS["unsubscribed"] else said
    if kind == "status_id":
        number = _ID.fullmatch(text)
        return IDS.get(number[1]) if number else read_cell("status", text)
    text = whole_number(text) or text
    if not text:
        return Said.NOTHING
    if kind in {"unsubscribed", "blocked"} and (_TIME.fullmatch(text) or is_serial_moment(text)):
        return Said.UNSUBSCRIBED if kind == "unsubscribed" else Said.BLOCKED
    return _meanings()[kind].get(compared(text))


class CellCounts:
    """How many cells of a column say something of who may be written to, read as those of a kind, chunk by chunk.

    Blank ones, and statuses that say nothing, don't count; nor does *other*. Of cells that are no statuses only the
    number is kept.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._given = 0
        self._said: Counter[str] = Counter()

    def add(self, column: pl.Series) -> None:
        """Count a chunk's cells."""
        counts, most = column.drop_nulls().value_counts(sort=True), _MOST_STATUSES
        if self.kind == "unsubscribed":
            counts, most = counts.head(_MOST_MOMENTS), _MOST_MOMENTS
        read = [(text, read_cell(self.kind, text), count) for text, count in counts.head(most).iter_rows()]
        passed = Said.NOTHING if self.kind == "status" or self.kind in ANSWERS.values() else None
        self._given += int(counts["count"].sum())
        for text, said, count in read:
            if (said is passed and said is not None) or (self.kind == "status" and compared(text) == _OTHER_REASON):
                self._given -= count
            elif said is not None:
                self._said[text] += count

    @property
    def may_take(self) -> bool:
        """Whether cells further on may make it a column that takes something away: so many are statuses, or none."""
        return not self._given or self._share >= (UNMISTAKABLE_SHARE if self.kind == "status" else STATUS_SHARE)

    @property
    def are_answers(self) -> bool:
        """Whether the cells are nearly all of the kind."""
        return self._are_words and self._share > STATUS_SHARE

    @property
    def give(self) -> bool:
        """Whether a cell says that somebody is subscribed."""
        return any(read_cell(self.kind, text) is Said.SUBSCRIBED for text in self._said)

    def taking(self) -> str | None:
        """Return a cell that takes something away; None where too few are of the kind, or none takes."""
        if not self._are_words:
            return None
        taking = (text for text in self._said if (read_cell(self.kind, text) or 0) > Said.SUBSCRIBED)
        if self._given and self._share > STATUS_SHARE:
            return next((text for text in taking if self.kind != "status" or compared(text) not in _of_orders()), None)
        if self._given and self._share >= UNMISTAKABLE_SHARE and self.kind == "status":
            return next((text for text in taking if compared(text) in _unmistakable()), None)
        return None

    @property
    def _are_words(self) -> bool:
        return any(text.strip() not in _DASHES for text in self._said)

    @property
    def _share(self) -> float:
        return self._said.total() / self._given


def answer_that_takes(column: pl.Series, kind: str) -> str | None:
    """Return a cell that takes something away, of a column whose cells are nearly all of a kind; None of any other."""
    counts = CellCounts(kind)
    counts.add(column)
    return counts.taking()


def are_answers(column: pl.Series, *, some_give: bool = False) -> bool:
    """Tell whether a column's cells are nearly all yes and no, or statuses, of which `some_give` something."""
    counts = CellCounts("subscribed")
    counts.add(column)
    return counts.are_answers and (counts.give or not some_give)


def likely_answer(column: pl.Series) -> str | None:
    """Return a cell of a column whose cells are nearly all yes and no, or short words for it that may be misread.

    None of any other.
    """
    counts = CellCounts(ANSWERS["subscribed"])
    counts.add(column)
    values = [text for text in column.drop_nulls().value_counts(sort=True)[column.name].head(3) if text.strip()]
    are_short = 0 < len(values) <= _YES_AND_NO and max(map(len, values)) <= _MOST_OF_ANSWER
    is_misread = are_short and not all(map(str.isascii, values))
    return values[0] if counts.are_answers or is_misread else None


@functools.cache
def words_that_take() -> Sequence[str]:
    """Return the compared texts that `takes_away` is said of."""
    return [word for word, said in _meanings()["status"].items() if said > Said.SUBSCRIBED and word not in _of_orders()]


def takes_away(text: str) -> bool:
    """Tell whether a text by itself is a status that takes something away, and not what orders have as well."""
    return compared(text) in words_that_take()
