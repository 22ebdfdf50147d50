"""Columns that nobody knows, and that ask or say by yes and no whether somebody may be written to.

People call them whatever they like (`Can we text you?`, `Kein SMS`), so that no list of names holds them. The rule:

* A name is about consent where one of its words is one of `consent_topics`, or begins as one: for what is sent
  (messages, offers, news), by what (SMS, e-mail), and what somebody does about it (agrees, wants, receives). What only
  says that there is an address (`Has email`), that something happened (`SMS sent`), how much there is of it, or whom to
  speak to (`Contact person`) is none.
* *Yes* takes away where a word denies (`Kein SMS`), or refuses (`Replied STOP`, which needs no other); else *no* does.
  `yes/no` in a name says neither.

The cells decide whether such a column stops an import: it does where nearly all are yes and no, and one takes away.
"""
# ruff: noqa: RUF001 - letters of other scripts are meant

import functools
import re
from collections.abc import Sequence
from itertools import pairwise

from carillon.audience.consent_names import compared
from carillon.audience.consent_topics import (
    CHANNELS,
    HAPPENED,
    NOT,
    NOT_STEMS,
    TAKING,
    TAKING_WORDS,
    THERE_IS,
    TOPIC_WORDS,
    TOPICS,
    USED,
    Words,
)

# Words that begin with *not*, and Turkish verbs that end with it.
_DENIED = re.compile(r"(?:un|non|не|nicht|anti)(?=.{3})(.+)")
_DENYING_END = re.compile(r".{2,}(?:m[ae]y[ie]n(?:iz)?|m[ae]sin(?:lar|ler)?|m[iu]yor(?:um|lar|uz)?|m[ae]z|m[ae]m[ae]k)")

_MAY = Words(
    ("be", "can", "may", "ok", "okay", "to", "darf", "werden", "we", "you", "me", "my", "i", "do", "agree", "agreed")
)
_ASKS = re.compile(
    r"\b(?:may|can|could|should|shall) we\b|\bok(?:ay)? to\b|\b(?:would|d|do) you like\b|\bmay i\b"
    r"|^do not$|\bphone ok\b|\bok phone\b"
    r"|\b(?:keep|stay) (?:me |us )?(?:in touch|posted|updated)\b|\bhear from (?:us|you)\b|\bping me\b"
)
_LEAVES = re.compile(
    r"\bleave (?:me |us )?(?:alone|be)\b|\bleft out\b|\blaisser tranquille\b|\blasciate?mi in pace\b|\bin ruhe lassen\b"
)
_SOMETHING_ELSE = re.compile(
    r"\b(?:primary|main|emergency|key|billing|technical|sales|first|new|business|direct) contacts?\b"
    r"|\bcontacts? (?:person|type|id|name|form|lens|lenses|principal|center|centre)\b|\bkontaktperson(?:en)?\b"
    r"|\bkontaktlinsen\b|\b(?:contacto|contato|contatto|contacte) principale?\b|\blentes de contacto\b"
    r"|\b(?:persona|pessoa) (?:de|di) conta(?:cto|to|tto)\b|\b(?:lenti|lentes) (?:a|de) conta(?:tto|to)\b"
    r"|\bконтактное лицо\b|\bконтактна особа\b|\b(?:основной|главный|основний) контакт\b|\bконтактные линзы\b"
    r"|\bאיש קשר\b|\bאנשי קשר\b|\bעדשות מגע\b|\bosoba kontaktowa\b|\bsoczewki kontaktowe\b|\bkontaktlens\b"
    r"|\b(?:work|parking|residence|building|fishing|driving) permits?\b|\bcall (?:cent(?:er|re)|back|sign)\b"
    r"|\b(?:pets?|dogs?|smoking|children|kids|animals) (?:allowed|permitted)\b|\bdate accepted\b"
    r"|\bpermiso de (?:conducir|trabajo|residencia)\b|\b(?:arbeits|aufenthalts|fahr)erlaubnis\b"
    r"|\baccepts? (?:cards?|cash|credit|terms|returns)\b|\boffre d emploi\b|\bjob offer\b|\bbus stop\b"
    r"|\btext ?book\b|\bmail order\b|\bpush ups?\b|\bhaberler kanali\b|\bновостройк\w*|\bno of\b"
    r"|\bאישור הגעה\b|\bבמבצע\b|\bonayli hesap\b|\bwysylka (?:gratis|darmowa)\b|\bdarmowa wysylka\b"
)
_YES = Words(("yes", "y", "ja", "j", "oui", "si", "да", "так", "כן", "ναι", "tak", "evet", "sim", "نعم", "true"))
_NO = Words(("no", "n", "nein", "non", "nao", "нет", "ні", "לא", "οχι", "nie", "hayir", "لا", "false"))

_PARTED = re.compile(r"(?<=[a-zа-я])(?=[A-ZА-Я])|[\W_]+")
_WRITTEN_APART = re.compile("(?i)(whats)[- ]?(app)|(e)-?(mail|posta)")
_MARKS = re.compile("['’`ʼ\u05f3\u05f4]")


def asked_kind(column: str) -> str | None:
    """Return how yes and no are read of a column whose name is about consent; None of any other.

    It is `subscribed` where *no* takes away, and `unsubscribed` where *yes* does, as in `consent_names.doubtful_kind`.
    """
    words = _words(column)
    name = " ".join(words)
    denies = any(map(_denies, words))
    if any(map(_refuses, words)) or _LEAVES.search(name):
        return "unsubscribed"
    topics = [word for word in words if _is_topic(word) or (denies and word in _known(USED))]
    if _SOMETHING_ELSE.search(name) or not (topics or _ASKS.search(name)):
        return None
    if _tells_what_there_is(words, topics) or (_tells_what_happened(words) and not denies):
        return None
    return "unsubscribed" if denies else "subscribed"


def refuses(column: str) -> bool:
    """Tell whether a name has a word that takes away by itself, as `Removed date` has: then yes, and a time, do so."""
    return any(map(_refuses, _words(column)))


def _words(column: str) -> list[str]:
    """Part a name into its words, compared, without *yes/no*; what has an apostrophe is there with both its parts."""
    column = _WRITTEN_APART.sub(lambda match: match[0].replace("-", "").replace(" ", "").capitalize(), column)
    named = dict.fromkeys(_MARKS.sub(mark, column) for mark in (" ", ""))
    words = list(filter(None, dict.fromkeys(compared(word) for name in named for word in _PARTED.split(name))))
    answers = {place for place, pair in enumerate(pairwise(words)) if _are_yes_and_no(*pair)}
    return [word for place, word in enumerate(words) if answers.isdisjoint({place - 1, place})]


def _are_yes_and_no(one: str, other: str) -> bool:
    yes, no = _known(_YES), _known(_NO)
    return (one in yes and other in no) or (one in no and other in yes)


def _is_topic(word: str) -> bool:
    denied = _DENIED.fullmatch(word)
    return any(
        _begins(TOPICS, one) or _begins(CHANNELS, one) or one in _known(TOPIC_WORDS) or "werbung" in one
        for one in ([word, denied[1]] if denied else [word])
    )


def _refuses(word: str) -> bool:
    return word in _known(TAKING_WORDS) or _begins(TAKING, word)


def _denies(word: str) -> bool:
    if word in _known(NOT) or _begins(NOT_STEMS, word) or _DENYING_END.fullmatch(word):
        return True
    denied = _DENIED.fullmatch(word)
    return bool(denied and not _begins(TOPICS, word) and _is_topic(denied[1]))


def _tells_what_there_is(words: Sequence[str], topics: Sequence[str]) -> bool:
    """Tell whether a name has a channel, a word for that there is one, and nothing else."""
    others = {word for word in words if word not in topics}
    return bool(others) and others <= _known(THERE_IS) and all(_begins(CHANNELS, word) for word in topics)


def _tells_what_happened(words: Sequence[str]) -> bool:
    return not _known(HAPPENED).isdisjoint(words) and _known(_MAY).isdisjoint(words)


@functools.cache
def _known(words: Words) -> frozenset[str]:
    return frozenset(map(compared, words.listed))


@functools.cache
def _beginnings(stems: Words) -> re.Pattern[str]:
    """Return a pattern for words that begin so; Hebrew and Arabic ones may have *and*, *the* and the like before."""
    alternatives = "|".join(map(compared, stems.listed))
    return re.compile(rf"(?:[והשלבכ]{{0,2}}|[وفبكل]?(?:ال|لل)?)(?:{alternatives})")


def _begins(stems: Words, word: str) -> bool:
    return _beginnings(stems).match(word) is not None
