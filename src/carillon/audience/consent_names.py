"""Columns and fields whose names say who may be written to: statuses, unsubscribes and blocks.

The names are those of the vendors' exports (the five vendors', listmonk, Brevo, Mailchimp, Mautic), and what people
call these things in the languages in which columns of contacts are read, and in their neighbours'.
"""

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence

# How a column says it: by a status' word, by yes and no, by a time, or by a time alone.
_KINDS = ("status", "subscribed", "unsubscribed", "blocked")
_PREFIXES = ("", "sms_", "email_")

TARGETS = tuple(f"{prefix}{kind}" for prefix in _PREFIXES for kind in _KINDS)
"""What `--map` can make of a column: `sms_status`, `email_unsubscribed` …; without a channel it is said of both."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "status": (
        *(
            "subscription status",
            "subscriber status",
            "contact status",
            "member status",
            "subscription",
            "optin status",
        ),
        *("סטטוס", "estado", "статус", "κατάσταση"),  # noqa: RUF001 - Hebrew is meant
        *("סטטוס הרשמה", "estado de suscripción", "статус подписки", "κατάσταση εγγραφής"),  # noqa: RUF001 - Hebrew is meant
    ),
    "sms_status": ("mobile status", "phone status", "sms subscription status", "status sms", "status mobile"),
    "email_status": (
        *("email subscription status", "email marketing status", "status email", "mail status"),
        *("emailpermissionstatus",),
    ),
    "subscribed": (
        "is subscribed",
        "opt in",
        "opted in",
        "accepts marketing",
        "marketing consent",
        "newsletter",
        "active",
        "is active",
        "enabled",
        "is enabled",
        "can contact",
        "einwilligung",
        "consentement",
        "consenso",
    ),
    "sms_subscribed": (
        "sms marketing",
        "sms allowed",
        "sms opt in",
        "sms optin",
        "sms consent",
        "accepts sms marketing",
        "sms marketing consent",
    ),
    "email_subscribed": (
        "email marketing",
        "email allowed",
        "email opt in",
        "email optin",
        "email consent",
        "accepts email marketing",
    ),
    "unsubscribed": (
        *("is unsubscribed", "unsubscribe", "opt out", "opted out", "has opted out", "unsubscribed at", "opt out date"),
        *("unsubscribed on", "unsubscribe date", "unsubscribe datetime", "unsubscribe time", "unsubscribed date"),
        *("stop", "removed", "abgemeldet", "désabonné", "désinscrit", "disiscritto"),
        *("הוסר", "ביטל הרשמה", "baja", "dado de baja", "fecha de baja", "отписан", "отписался", "διαγραφή"),
    ),
    "sms_unsubscribed": (
        "no sms",
        "sms opt out",
        "unsubscribed sms",
        "unsubscribe mobile",
        "unsubscribed mobile",
        "mobile opt out",
    ),
    "email_unsubscribed": (
        *("no email", "email opt out", "unsubscribed email", "unsubscribe email", "emailoptout", "hasoptedoutofemail"),
        *("unsub time", "optout time"),  # Mailchimp's export of those who unsubscribed
    ),
    # Mautic: do not contact, by reason: 1 unsubscribed, 2 bounced, 3 set by hand.
    "blocked": (
        "complained",
        "do not disturb",
        "robinson",
        "robinson list",
        "bloqueado",
        "lista negra",
        "чёрный список",
        "חסום",
        "do not contact",
        "dnc",
        "blacklisted",
        "blacklist",
        "blocklisted",
        "blocklist",
        "is blocked",
    ),
    "sms_blocked": (
        *("sms blacklisted", "blacklisted sms", "sms blocklisted", "sms do not contact", "dnc sms"),
        *("whatsapp blacklisted", "whatsapp blocklisted"),  # Brevo; who is suppressed for SMS is for instant messages
    ),
    "email_blocked": (
        *("email blacklisted", "blacklisted email", "email blocklisted", "email do not contact", "dnc email"),
        *(
            "clean time",
            "cleaned",
            "bounce",
            "bounced",
            "hard bounced",
            "email bounced",
        ),  # Mailchimp's export of those cleaned
    ),
}

# Columns that tell of consent without saying that there is none: when and how it was given.
_GIVEN = (
    *("optin time", "optin ip", "opt in time", "opt in ip", "confirm time", "confirm ip", "double opt in"),
    *("subscribed at", "subscription date", "subscribed on", "gdpr date"),
)
# Why it was taken back: who has a reason has taken it back, and another column has to say so.
_REASONS = (
    *("unsub campaign title", "unsub campaign id", "unsub reason", "unsub reason other", "unsubscribe reason"),
    *("clean campaign title", "clean campaign id"),
)

_LOOKS_LIKE_CONSENT = re.compile(
    "unsub|subscri|ownstatus|optin|optout|optedin|optedout|consent|blacklist|blocklist|donotcontact|donotcall|donotsend|donotmail"
    "|donotsms|donotemail|nocontact|dnc|suppress|permission|gdpr|bounce|complained|acceptsmarketing"
    "|marketingallowed|(sms|e?mail)(marketing|allowed)|newsletter|cancontact|donotdisturb|blocked|nomarketing|robinson"
    "|abgemeld|abmeld|einwillig|desabonn|desinscri|disiscri|listanegra|bloquead"
    "|הסר|הרשמה|דיוור|חסום|suscri|consentimiento|отпис|подпис|рассыл|согласие|συγκατ|εγγραφ|διαγραφ|черныисписок"
)
# As words of their own: they are parts of ordinary ones.
_WORDS = re.compile(r"(?i)(?<![^\W_])(baja|bajas)(?![^\W_])")


def compared(name: str) -> str:
    """Reduce a name to what is compared: letters and digits without accents, in one case."""
    plain = unicodedata.normalize("NFKD", name).casefold()
    return "".join(char for char in unicodedata.normalize("NFKD", plain) if char.isalnum())


@functools.cache
def target_by_name() -> Mapping[str, str]:
    """Return what columns say of consent, by their compared names."""
    usual = {compared(name): target for target, names in _NAMES.items() for name in names}
    return {**usual, **{compared(target): target for target in TARGETS}}


@functools.cache
def _known(names: Sequence[str]) -> frozenset[str]:
    return frozenset(map(compared, names))


def looks_like_consent(column: str) -> bool:
    """Tell whether a column that nobody knows may say who must not be written to."""
    name = compared(column)
    if name in _known(_GIVEN) or tells_why(column):
        return False
    return bool(_LOOKS_LIKE_CONSENT.search(name) or _WORDS.search(column))


def reads_as_consent(column: str) -> bool:
    """Tell whether a column may say who must not be written to, whether it is known or not."""
    return compared(column) in target_by_name() or looks_like_consent(column)


def tells_why(column: str) -> bool:
    """Tell whether a column says why somebody must not be written to."""
    return compared(column) in _known(_REASONS)
