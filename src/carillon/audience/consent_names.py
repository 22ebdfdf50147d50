"""Columns and fields whose names say who may be written to: statuses, unsubscribes and blocks.

The names are those of the vendors' exports (the five vendors', listmonk, Brevo, Mailchimp, Mautic, HubSpot), and what
people call these things in the languages of the vendors' countries, and of their neighbours.
"""

import functools
import re
import unicodedata
from collections.abc import Mapping, Sequence

from carillon.audience.consent_vocabulary import DOUBTFUL, READ, REFUSED

# How a column says it: by a status' word, by yes and no, by a time, or by a time alone.
_KINDS = ("status", "subscribed", "unsubscribed", "blocked")
_PREFIXES = ("", "sms_", "email_")

TARGETS = tuple(f"{prefix}{kind}" for prefix in _PREFIXES for kind in _KINDS)
"""What `--map` can make of a column: `sms_status`, `email_unsubscribed` …; without a channel it is said of both."""

# Turkish ones have i for the i without a dot, as which it is compared.
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
        *("is subscribed", "opt in", "opted in", "accepts marketing", "marketing consent", "newsletter"),
        *("active", "is active", "enabled", "is enabled", "can contact", "accepts advertising"),
        *(
            "contactable",
            "reachable",
            "mailable",
            "contact allowed",
            "allow contact",
            "can be contacted",
            "ok to contact",
        ),
        *("activo", "activa", "actif", "aktiv", "attivo", "ativo", "активен", "активна", "активный", "активний"),
        *("פעיל", "פעילה", "ενεργός", "ενεργή", "הסכמה", "συναίνεση", "согласие", "consentimiento", "werbung erlaubt"),
        *("einwilligung", "consentement", "consenso", "acepta publicidad", "acepta marketing", "aceita publicidade"),
        *("aktif", "izin durumu", "iletişim izni", "pazarlama izni", "ticari ileti izni", "bülten", "e-bülten"),
        *("ticari elektronik ileti izni", "iys durumu", "iys izni", "iys izin durumu", "iys onayi"),
        *("aktywny", "aktywna", "zgoda", "zgoda marketingowa", "zgoda na marketing", "згода"),
    ),
    "sms_subscribed": (
        *("sms marketing", "sms allowed", "sms opt in", "sms optin", "sms consent", "accepts sms marketing"),
        *("sms marketing consent", "accept sms", "accepts sms", "allow sms", "allows sms", "receive sms"),
        *("can sms", "can text", "ok to text", "ok to sms", "contact by sms", "contact by text"),
        *("receives sms", "sms ok", "ok sms", "acepta sms", "recibe sms", "aceita sms"),
        *("sms izni", "sms izin", "sms onayi", "mesaj izni", "zgoda sms", "zgoda na sms", "згода на sms"),
    ),
    "email_subscribed": (
        *(
            "email marketing",
            "email allowed",
            "email opt in",
            "email optin",
            "email consent",
            "accepts email marketing",
        ),
        *("accept email", "accepts email", "allow email", "allows email", "receive email", "receive emails"),
        *("can email", "ok to email", "contact by email", "email deliverable", "deliverable"),
        *("receives email", "receives emails", "email ok", "ok email", "acepta email", "recibe email", "aceita email"),
        *("e-posta izni", "e-posta izin", "e-posta onayi", "mail izni", "email izni", "mail onayi", "email onayi"),
        *("zgoda email", "zgoda na email", "zgoda mailowa", "zgoda na mailing", "згода на email"),
    ),
    "unsubscribed": (
        *("is unsubscribed", "unsubscribe", "opt out", "opted out", "has opted out", "unsubscribed at", "opt out date"),
        *("unsubscribed on", "unsubscribe date", "unsubscribe datetime", "unsubscribe time", "unsubscribed date"),
        *("stop", "removed", "is removed", "removed at", "removed on", "date removed", "leave time", "archived"),
        *("deleted", "is deleted", "deleted at", "deleted on", "date deleted"),
        *("inactive", "is inactive", "inactive since", "deactivated", "is deactivated", "deactivated at", "not active"),
        *("revoked", "is revoked", "revoked at", "revoked on", "withdrawn", "withdrawn at", "withdrawn on"),
        *("banned", "is banned", "banned at", "do not market", "do not send", "do not mail", "exclude from mailings"),
        *("exclude from mailing", "excluded from mailings", "exclude from marketing", "exclude from campaigns"),
        *("inactivo", "inactiva", "inactif", "inaktiv", "inattivo", "inativo", "неактивен", "неактивна", "неактивний"),
        *("לא פעיל", "לא פעילה", "ανενεργός", "ανενεργή", "widerspruch", "widerrufen", "werbesperre", "revocato"),
        *("no enviar", "não enviar", "non inviare", "ne plus contacter", "ne plus envoyer", "eliminado del boletín"),
        *("не отправлять", "не присылать", "לא לשלוח", "אין לשלוח", "אין לפנות"),
        *("abgemeldet", "gelöscht", "désabonné", "désinscrit", "supprimé", "disiscritto", "eliminato"),
        *("הוסר", "הוסרה", "מוסר", "ביטל הרשמה", "הוסר מרשימת תפוצה", "הוסר מרשימת דיוור", "תאריך הסרה", "נמחק"),
        *("baja", "dado de baja", "fecha de baja", "eliminado", "descadastrado", "donat de baixa"),
        *("отписан", "отписана", "отписался", "отписалась", "дата отписки", "удалён", "удалена", "відписаний"),
        *("διαγραφή", "διαγραμμένος", "διαγραμμένη", "απεγγραφή", "ημερομηνία διαγραφής", "إلغاء الاشتراك"),
        *("abonelikten çikti", "abonelikten ayrildi", "abonelik iptali", "abonelik iptal tarihi", "listeden çikti"),
        *("abonelikten çikiş tarihi", "abonelikten çikma tarihi", "pasif", "aktif değil", "silindi", "silinme tarihi"),
        *("wypisany", "wypisana", "wypisano", "wypisał się", "wypisała się", "data wypisania", "usunięty", "usunięta"),
        *("nieaktywny", "nieaktywna", "nie wysyłać", "відписана", "відписався", "відписалася", "відписалась"),
        *("дата відписки", "видалений", "видалена", "не надсилати", "не писати"),
    ),
    "sms_unsubscribed": (
        *("do not text", "do not sms", "mobile optout", "no texts"),
        *("no sms", "sms opt out", "unsubscribed sms", "unsubscribe mobile", "unsubscribed mobile", "mobile opt out"),
        *("sms gönderme", "sms gönderilmesin", "sms göndermeyin", "sms istemiyor", "nie wysyłać sms"),
    ),
    "email_unsubscribed": (
        *("do not email", "do not bulk email", "no mail", "no emails", "no mailings", "pas de mail"),
        *("no email", "email opt out", "unsubscribed email", "unsubscribe email", "emailoptout", "hasoptedoutofemail"),
        *("e-posta gönderme", "e-posta gönderilmesin", "e-posta göndermeyin", "e-posta istemiyor", "mail istemiyor"),
        *("unsub time", "optout time"),  # Mailchimp's export of those who unsubscribed
    ),
    # Mautic: do not contact, by reason: 1 unsubscribed, 2 bounced, 3 set by hand.
    "blocked": (
        *("do not contact", "dnc", "do not disturb", "dnd", "complained", "robinson", "robinson list"),
        *("blacklisted", "blacklist", "blocklisted", "blocklist", "is blocked", "stop list", "in stop list"),
        *("exclusion list", "gesperrt", "sperrliste", "liste noire", "liste d'exclusion", "bloccato", "lista nera"),
        *("bloqueado", "lista negra", "lista de exclusión", "no molestar", "lista de exclusão", "não perturbe"),
        *("חסום", "חסומה", "חסימה", "רשימה שחורה", "לא להטריד", "לא להפריע"),
        *("чёрный список", "в чёрном списке", "стоп-лист", "в стоп-листе", "не беспокоить", "заблокирован"),
        *("чорний список", "не турбувати"),
        *("у чорному списку", "в чорному списку", "заблокований", "заблокована"),  # noqa: RUF001 - Ukrainian
        *("kara liste", "kara listede", "kara listeye alindi", "engellendi", "rahatsiz etmeyin", "rahatsiz etme"),
        *("czarna lista", "na czarnej liście", "zablokowany", "zablokowana", "nie kontaktować", "nie przeszkadzać"),
        *("αποκλεισμένος", "αποκλεισμένη", "μαύρη λίστα", "μην ενοχλείτε", "محظور", "القائمة السوداء"),
    ),
    "sms_blocked": (
        *("sms blacklisted", "blacklisted sms", "sms blocklisted", "sms do not contact", "dnc sms"),
        *("whatsapp blacklisted", "whatsapp blocklisted"),  # Brevo; who is suppressed for SMS is for instant messages
    ),
    "email_blocked": (
        *("email blacklisted", "blacklisted email", "email blocklisted", "email do not contact", "dnc email"),
        # Mailchimp's export of those cleaned
        *("clean time", "cleaned", "bounce", "bounced", "hard bounced", "email bounced"),
        *(
            "invalid email",
            "email invalid",
            "undeliverable",
            "email undeliverable",
            "spam complaint",
            "spam complaints",
        ),
        *("spam report", "spam reports", "reported spam", "marked as spam"),
    ),
}

# InforU's (its reference, Get contact), whose cells are numbers.
_ID_NAMES = {"emailstatusid": "email_status", "phonestatusid": "sms_status"}

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

# Parts of names that say it, and that hardly any other name has.
_STEMS = (
    # English
    *("unsub", "subscri", "own status", "optin", "optout", "opted in", "opted out", "consent", "permission", "gdpr"),
    *("blacklist", "blocklist", "stop list", "exclusion list", "mailing list", "blocked", "suppress", "robinson"),
    *("do not contact", "do not call", "do not send", "do not mail", "do not sms", "do not email", "do not disturb"),
    *("no contact", "can contact", "dnc", "bounce", "complained", "newsletter", "no marketing", "accepts marketing"),
    *("do not text", "do not market", "do not bulk", "don't contact", "don't call", "don't send", "don't mail"),
    *(
        "don't email",
        "don't text",
        "no calls",
        "spam complaint",
        "spam report",
        "as spam",
        "contact by",
        "contact allowed",
    ),
    *("be contacted", "ok to contact", "ok to email", "ok to text", "objection to", "objected to"),
    *(
        "exclude from mail",
        "excluded from mail",
        "exclude from market",
        "excluded from market",
        "exclude from campaign",
    ),
    *("communication prefer", "contact prefer", "email prefer", "marketing prefer", "sms prefer"),
    *("marketing allowed", "marketing contact", "marketing status", "sms marketing", "email marketing"),
    *("sms allowed", "email allowed"),
    # German, French, Italian
    *("abgemeld", "abmeld", "einwillig", "gesperrt", "sperrliste", "keine werbung", "nicht kontaktieren"),
    *("widerruf", "widerspr", "werbung erlaubt", "werbeerlaubnis", "werbesperre", "revocat", "non inviare"),
    *("ne plus contact", "ne plus envoyer", "pas de mail", "pas de pub"),
    *("désabonn", "désinscri", "liste noire", "liste d'exclusion", "ne pas déranger", "ne pas contacter"),
    *("disiscri", "consenso", "bloccat", "lista nera", "lista di esclusione", "non disturbare", "non contattare"),
    # Spanish, Portuguese, Catalan
    *("suscri", "bloquead", "lista negra", "lista de exclusión", "no molestar", "no contactar", "publicidad"),
    *("boletín", "no enviar", "no desea", "não enviar"),
    *("descadastr", "lista de exclusão", "não perturb", "não incomod", "não contat"),
    *("bloquejat", "llista negra", "llista d'exclusió"),
    # Hebrew, Arabic
    *("הסר", "הרשמה", "דיוור", "תפוצה", "חסום", "חסימ", "רשימה שחורה", "להטריד", "להפריע", "פרסומת"),
    *("לא לשלוח", "אין לשלוח", "אין לפנות", "לא ליצור קשר", "הסכמה", "הסכים", "הסכימה"),
    *("اشتراك", "محظور", "القائمة السوداء", "الإزعاج", "موافقة"),
    # Russian, Ukrainian
    *("отпис", "подпис", "рассыл", "согласие", "чёрный список", "стоп-лист", "беспокоить", "заблокир"),
    *("не отправлять", "не присылать", "не надсилати", "отказался от", "отказ от", "согласен", "согласна"),
    *("не звонить", "не писать", "відпис", "розсил", "чорний список", "не турбувати"),
    *("підпис", "згод", "чорному списку", "заблокован", "не писати", "не дзвонити", "не телефонувати"),
    *("відмовився від", "відмовилася від", "відмовилась від", "відмова від"),
    # Polish, Turkish
    *("subskry", "wypisan", "wypisał", "zgoda", "zgody", "zgodę", "czarna lista", "czarnej liście", "zablokowan"),
    *("nie kontakt", "nie wysyłać", "nie dzwonić", "nie przeszkadzać", "sprzeciw"),
    *("abonelik", "ticari ileti", "ticari elektronik", "bülten", "kara liste", "engellen", "rahatsiz etme"),
    *("sms izni", "posta izni", "mail izni", "mesaj izni", "arama izni", "iletişim izni", "pazarlama izni"),
    *("sms onay", "posta onay", "mail onay", "iletişim onay", "pazarlama onay", "gönderilmesin", "göndermeyin"),
    *("istemiyor", "aranmasin", "iletişime geçme"),
    # Greek
    *("συναίν", "δεν επιθυμ", "συγκατ", "εγγραφ", "διαγραφ", "διαγραμμ", "αποκλεισ", "μαύρη λίστα", "ενοχλ"),
)
# Who accepts, is sent or allows what, in English, Spanish and Portuguese.
_ASKED = re.compile(
    "(accepts?|allows?|receives?|acepta|recibe|recibir|permite|autoriza|aceita|recebe)"
    "(sms|e?mails?|correos?|marketing|promo|comunica)|(sms|e?mail)ok$|^ok(sms|e?mail)"
)
# As words of their own: they are parts of ordinary ones.
_WORDS = re.compile(
    r"(?i)(?<![^\W_])(bajas?|baixas?|dnd|rgpd|lopd|lgpd|dsgvo|ccpa|tcpa|kvkk|iys|rodo|izin|izni|izinli)(?![^\W_])"
)
# As whole names: with other words they are something else.
_BARE = (
    *("complaint", "complaints", "excluded", "withdrawal date", "objection", "opposition", "opt", "autoriza", "acepta"),
    *("data processing", "mail allowed", "no phone", "no call"),
    *("onay", "onayi", "onayli", "onay durumu", "onay tarihi", "abone", "aboneler", "ret", "ret tarihi"),
    *("status id", "contact status id", "sms status id", "mobile status id", "mail status id"),
    *("marketing", "mailing", "mailings", "emailing", "маркетинг", "реклама", "שיווק", "διαφήμιση", "werbung"),
)

# As whole names they say it where their cells are yes and no, and something else where these are not: where one of them
# says no of what gives, and yes (or a time) of what takes.
_DOUBTFUL: Mapping[str, tuple[str, ...]] = {
    "subscribed": (
        *("double opt in", "double optin", "doi", "confirmed", "is confirmed", "email confirmed", "confirmed email"),
        *("verified", "is verified", "email verified", "verified email", "phone verified", "privacy", "news", "offers"),
        *("promotions", "communications", "wants news", "wants offers", "send promotions", "send offers", "send news"),
        *("αποδοχή", "принимает", "מאשר", "מאשרת", "accepte", "accetta", "aceita"),
        *("onaylandi", "doğrulandi", "kabul", "kabul ediyor", "potwierdzony", "akceptuje", "приймає"),
    ),
    "unsubscribed": (
        *("disabled", "is disabled", "suspended", "paused", "muted", "mute", "snoozed", "quiet"),
        *("exclude", "block", "blk", "bl", "ban", "dead", "deceased", "cancelled", "canceled", "cancelled at"),
        *("canceled at", "cancelled on", "canceled on", "left", "left at", "left on", "left list", "date left"),
        *("left list on", "left list at", "exit date"),
        *("מבוטל", "מבוטלת", "נפטר", "отказ", "отказался", "отказалась", "блок", "rechazado", "anulado", "cancelado"),
        *("résilié", "annulé", "annullato", "ακυρώθηκε", "gekündigt", "verstorben"),
        *("iptal", "iptal edildi", "iptal tarihi", "ayrildi", "reddetti", "reddedildi", "vefat"),
        *("rezygnacja", "zrezygnował", "zrezygnowała", "odmowa", "zmarły", "відмова", "відмовився", "відмовилась"),
    ),
}


_AS_ASCII = str.maketrans("ıł", "il")


def compared(name: str) -> str:
    """Reduce a name to what is compared: letters and digits without accents, in one case.

    The Turkish i without a dot, whose capital is I, and the Polish l with a stroke are i and l.
    """
    plain = unicodedata.normalize("NFKD", name).casefold().translate(_AS_ASCII)
    return "".join(char for char in unicodedata.normalize("NFKD", plain) if char.isalnum())


@functools.cache
def target_by_name() -> Mapping[str, str]:
    """Return what columns say of consent, by their compared names."""
    usual = {compared(name): target for given in (READ, _NAMES) for target, names in given.items() for name in names}
    return {**usual, **_ID_NAMES, **{compared(target): target for target in TARGETS}}


@functools.cache
def _stems() -> re.Pattern[str]:
    return re.compile("|".join(map(compared, _STEMS)))


@functools.cache
def _known(names: Sequence[str]) -> frozenset[str]:
    return frozenset(map(compared, names))


def target_of(column: str) -> str | None:
    """Return which of TARGETS a column is by its name alone."""
    return target_by_name().get(compared(column))


def looks_like_consent(column: str) -> bool:
    """Tell whether a column that nobody knows may say who must not be written to."""
    name = compared(column)
    if name in _known(_GIVEN) or tells_why(column):
        return False
    plain = unicodedata.normalize("NFC", column)
    words = _WORDS.search(plain) or REFUSED.search(plain)
    return bool(_stems().search(name) or _ASKED.search(name) or words) or name in _known(_BARE)


def reads_as_consent(column: str) -> bool:
    """Tell whether a column may say who must not be written to, whether it is known or not."""
    return compared(column) in target_by_name() or looks_like_consent(column)


def has_ids(column: str) -> bool:
    """Tell whether a column has InforU's numbers for statuses."""
    return compared(column) in _ID_NAMES


@functools.cache
def _doubtful() -> Mapping[str, str]:
    return {compared(name): kind for given in (DOUBTFUL, _DOUBTFUL) for kind, names in given.items() for name in names}


def doubtful_kind(column: str) -> str | None:
    """Return how a column's yes and no are read (`subscribed` or `unsubscribed`) where its cells decide what it is."""
    return _doubtful().get(compared(column))


def tells_why(column: str) -> bool:
    """Tell whether a column says why somebody must not be written to."""
    return compared(column) in _known(_REASONS)
