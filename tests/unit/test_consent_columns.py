"""Columns that say who may be written to are known by the names of vendors' exports, or stop the import."""

import contextlib
from collections.abc import Iterable, Mapping

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from carillon.audience.consent_names import TARGETS, doubtful_kind, reads_as_consent, target_of
from carillon.audience.consent_vocabulary import DOUBTFUL, READ
from carillon.audience.export_columns import (
    BLOCK_COLUMNS,
    DEFINITION_COLUMNS,
    OWN_STATUS_COLUMNS,
    STATUS_COLUMNS,
    field_column,
    is_export,
)
from carillon.audience.field_types import CANONICAL
from carillon.audience.imports.attribute_names import NAMES
from carillon.audience.imports.column_names import plan_columns
from carillon.audience.imports.consent_columns import ConsentColumns
from carillon.audience.imports.consent_words import Said, read_cell
from carillon.audience.imports.judged_cells import judged_cells
from carillon.audience.upsert.rows import ATTRIBUTES
from carillon.errors import InvalidInputError
from carillon.tabular import LINE_COLUMN
from carillon.tabular.shape import unique_names

NO_MAPPING: dict[str, str] = {}


def check_left_out(frame: pl.DataFrame, columns: Iterable[str]) -> None:
    judged_cells(columns, {}, {}).check(frame)


def check_fields(frame: pl.DataFrame, fields: Mapping[str, str]) -> None:
    judged_cells([], fields, {}).check(frame)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("status", "status"),  # listmonk, Mailchimp, Apifon
        ("email_status", "email_status"),  # Apifon
        ("sms_status", "sms_status"),
        ("SMS_BLACKLISTED", "sms_blocked"),  # Brevo
        ("EMAIL_BLACKLISTED", "email_blocked"),
        ("WHATSAPP_BLACKLISTED", "sms_blocked"),
        ("UNSUB_TIME", "email_unsubscribed"),  # Mailchimp
        ("CLEAN_TIME", "email_blocked"),
        ("doNotContact", "blocked"),  # Mautic
        ("Do Not Contact", "blocked"),
        ("UnsubscribeDatetime", "unsubscribed"),  # InforU
        ("EmailStatusId", "email_status"),
        ("PhoneStatusId", "sms_status"),
        ("unsubscribedAt", "unsubscribed"),  # Devino
        ("blacklist", "blocked"),  # 360NRS
        ("Opted out", "unsubscribed"),
        ("Accepts Marketing", "subscribed"),
        ("confirmation_status", "status"),  # inwise
        ("subscription state", "status"),
        ("Email state", "email_status"),
    ],
)
def test_the_usual_names_are_known(name: str, target: str) -> None:
    assert plan_columns(["phone", name], NO_MAPPING).targets == {name: target}


@pytest.mark.parametrize(
    "name",
    [
        *("Unsubscribed from newsletter", "newsletter_optin_2019", "GDPR", "Consent to calls", "НеРассылать рассылку"),
        *("RGPD", "DSGVO", "Marketing", "Mailing", "Mailing list", "Marketing contact status", "Fecha RGPD"),
        *("Date added to stop list", "Дата добавления в стоп-лист", "Просьба не беспокоить"),
        *("Клиент просил не писать", "Клиент заблокирован", "Причина відписки"),
        *("לא להטריד עד", "רשימת תפוצה", "חסימה עד", "סיבת חסימה", "Λόγος αποκλεισμού"),
        *("Quiere publicidad", "Acepta comunicaciones", "Recibe correos", "Aceita SMS e email", "Não perturbar"),
        *("Accepts promotions", "Receives marketing", "OK for newsletters", "In Sperrliste seit"),
        *(
            "Complaint",
            "Complaints",
            "No calls",
            "Contact by mail",
            "Excluded",
            "Objection to marketing",
            "TCPA",
            "Opt",
        ),
        *(
            "Withdrawal date",
            "Communication preferences",
            "Don't contact before",
            "No desea",
            "Δεν επιθυμεί",
            "Opposition",
        ),
        *("Widerruf am", "Согласен на звонки", "הסכמה בכתב", "Eliminado del boletín el", "Data processing", "Acepta"),
        *("İzin", "İZİN", "I\u0307zin", "izin tarihi", "SMS izni var mı", "Onay", "Onay tarihi", "KVKK", "KVKK onayı"),  # noqa: RUF001 - Turkish
        *("Abonelik", "Kara listeye alınma tarihi", "Engellenme nedeni", "Arama izni", "Ticari ileti onayı", "İYS"),  # noqa: RUF001 - Turkish
        *("Zgoda na przetwarzanie danych", "RODO", "Data zablokowania konta", "Sprzeciw wobec marketingu"),
        *("Згода на обробку даних", "Відмовився від розсилки", "У чорному списку з", "Клієнт просив не дзвонити"),  # noqa: RUF001 - Ukrainian
        *("Liste d'exclusion 2", "Cliente nella lista nera", "Llista d'exclusió", "سبب إلغاء الاشتراك"),
        *("Please do not ring", "Клиент не хочет звонков", "Bitte nicht anrufen", "Prière de ne pas appeler"),
        *("Cliente no acepta llamadas", "Não quer mensagens", "Il cliente non vuole SMS", "הלקוח לא רוצה הודעות"),
        *("Ο πελάτης δεν θέλει", "never_call", "No-contactar"),  # noqa: RUF001 - other scripts are meant
    ],
)
def test_what_looks_like_consent_and_is_not_known_stops_and_says_what_to_do(name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        plan_columns(["phone", name], NO_MAPPING)
    assert refused.value.field == "map"
    assert f'--map "{name}=-"' in refused.value.message
    channel = "sms" if "SMS" in name and "mail" not in name else "email"
    assert f'--map "{name}={channel}_status"' in refused.value.message
    assert plan_columns(["phone", name], {name: "-"}).targets == {}
    for target in TARGETS:
        assert plan_columns(["phone", name], {name: target}).targets == {name: target}


@pytest.mark.parametrize(
    "name", ["OPTIN_TIME", "CONFIRM_IP", "UNSUB_REASON", "DOUBLE_OPT-IN", "subscribed_at", "Level"]
)
def test_what_only_tells_when_or_why_is_left_out(name: str) -> None:
    plan = plan_columns(["phone", name], NO_MAPPING)
    assert (plan.targets, plan.unmapped) == ({}, (name,))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        *((name, "status") for name in ("Статус", "Estado", "סטטוס", "Κατάσταση")),  # noqa: RUF001 - Hebrew is meant
        *((name, "blocked") for name in ("Bloqueado", "Lista negra", "Чёрный список", "Черный список", "חסום")),
        *((name, "unsubscribed") for name in ("Abgemeldet", "Désabonné", "Désinscrit", "Disiscritto", "Baja")),
        *((name, "unsubscribed") for name in ("Отписан", "Отписался", "הוסר", "Διαγραφή", "STOP", "Removed")),
        *((name, "blocked") for name in ("Complained", "Do Not Disturb", "Robinson")),
        *((name, "email_blocked") for name in ("Bounce", "Bounced")),
        *((name, "subscribed") for name in ("Einwilligung", "Newsletter", "Active", "enabled", "Can contact")),
        *((name, "sms_subscribed") for name in ("sms_allowed", "SMS marketing")),
        ("No SMS", "sms_unsubscribed"),
        *((name, "blocked") for name in ("Стоп-лист", "В стоп-листе", "Не беспокоить")),  # noqa: RUF001 - Russian
        *((name, "blocked") for name in ("Stop list", "DND", "חסימה")),
        *((name, "blocked") for name in ("Αποκλεισμένος", "Lista de exclusión", "No molestar", "Lista de exclusão")),
        *((name, "unsubscribed") for name in ("הוסר מרשימת תפוצה", "מוסר", "Διαγραμμένος", "Descadastrado")),
        *((name, "unsubscribed") for name in ("Deleted", "Date removed", "LEAVE_TIME", "Удалён")),
        *((name, "sms_subscribed") for name in ("Accepts SMS", "Allow SMS", "Receive SMS", "SMS OK")),
        ("Acepta publicidad", "subscribed"),
        *(
            (name, "unsubscribed")
            for name in ("Inactive", "Revoked", "Revoked at", "Withdrawn", "Deactivated", "Banned")
        ),
        *(
            (name, "unsubscribed")
            for name in ("Widerspruch", "Widerrufen", "Revocato", "Ne plus contacter", "No enviar")
        ),
        *((name, "unsubscribed") for name in ("Не отправлять", "לא לשלוח", "לא פעיל", "אין לפנות", "inactivo")),  # noqa: RUF001 - Russian
        *((name, "unsubscribed") for name in ("Do not market", "Exclude from mailings", "Eliminado del boletín")),
        *((name, "email_unsubscribed") for name in ("donotbulkemail", "DoNotEMail", "No mail", "Pas de mail")),
        *((name, "sms_unsubscribed") for name in ("Do not text", "mobile_optout")),
        *((name, "email_blocked") for name in ("Undeliverable", "Invalid email", "Spam complaint", "Marked as spam")),
        *(
            (name, "subscribed")
            for name in ("פעיל", "הסכמה", "activo", "Активен", "Ενεργός", "Συναίνεση", "Contactable")
        ),
        *((name, "subscribed") for name in ("can be contacted", "ok to contact", "Contact allowed", "Werbung erlaubt")),
        *((name, "email_subscribed") for name in ("can_email", "OK to email", "Contact by email")),
        ("can_sms", "sms_subscribed"),
        *(
            (name, "sms_subscribed")
            for name in ("Send SMS", "SMS enabled", "Mobile marketing", "קבלת SMS", "Enviar SMS")
        ),
        *((name, "sms_subscribed") for name in ("Получать СМС", "Λήψη SMS", "Recevoir SMS", "SMS erwünscht")),  # noqa: RUF001 - other scripts are meant
        *((name, "email_subscribed") for name in ("Send emails", "Recibir correos", "קבלת מיילים", "Получает письма")),
        *((name, "subscribed") for name in ("Recibir ofertas", "Receber ofertas")),
        *((name, "unsubscribed") for name in ("Archived at", "is archived", "Removal date", "Not interested")),
        *((name, "unsubscribed") for name in ("לא מעוניין", "לא לפנות", "СТОП", "Не получает", "Отозвано")),  # noqa: RUF001 - other scripts are meant
        *((name, "unsubscribed") for name in ("Δεν θέλει", "Μην στείλετε", "No autoriza", "No llamar", "Não quer")),
        *((name, "unsubscribed") for name in ("Ne veut pas", "Non desidera", "Abbestellt", "Kein Interesse")),
        *((name, "sms_unsubscribed") for name in ("Stop SMS", "Keine SMS", "Pas de SMS", "Sin SMS", "Без СМС")),  # noqa: RUF001 - other scripts are meant
        *((name, "blocked") for name in ("Lista de excluidos", "Bloctel", "Kontaktsperre", "נחסם")),
        *((name, "email_blocked") for name in ("Rebotado", "Unzustellbar")),
        *((name, "unsubscribed") for name in ("Abonelikten çıktı", "ABONELİKTEN ÇIKTI", "Abonelik iptali", "Pasif")),  # noqa: RUF001 - Turkish
        *((name, "blocked") for name in ("Kara liste", "Engellendi", "KARA LİSTE", "Rahatsız etmeyin")),  # noqa: RUF001 - Turkish
        *(
            (name, "subscribed")
            for name in ("İletişim izni", "Pazarlama izni", "İYS durumu", "İzin durumu", "E-bülten")
        ),
        *((name, "sms_subscribed") for name in ("SMS izni", "SMS İZNİ", "sms onayı", "Zgoda na SMS")),  # noqa: RUF001 - Turkish
        *((name, "email_subscribed") for name in ("E-posta izni", "E-POSTA İZNİ", "Mail onayı", "Zgoda na e-mail")),  # noqa: RUF001 - Turkish
        *(
            (name, "unsubscribed")
            for name in ("Wypisany", "Data wypisania", "Nieaktywny", "Відписався", "Дата відписки")
        ),
        *((name, "blocked") for name in ("Czarna lista", "Zablokowany", "Nie kontaktować", "Заблокований")),
        *((name, "subscribed") for name in ("Zgoda", "Zgoda marketingowa", "Згода")),
    ],
)
def test_what_people_call_consent_in_the_languages_of_headers_is_known(name: str, target: str) -> None:
    assert plan_columns(["phone", name], NO_MAPPING).targets == {name: target}


def test_every_name_of_the_vocabulary_is_what_it_is_there_for() -> None:
    read = {name: target for target, names in READ.items() for name in names}
    assert {name: target_of(name) for name in read} == read
    doubtful = {name: kind for kind, names in DOUBTFUL.items() for name in names}
    assert {name: doubtful_kind(name) for name in doubtful} == doubtful
    assert [name for name in doubtful if reads_as_consent(name)] == []


@pytest.mark.parametrize(
    "name",
    [
        *("Company status", "Order status", "Marital status", "activity", "Last active", "stopover", "Bus stop"),
        *("trabajador", "Rebajas", "State", "Removed items", "Marketing source", "Date d'inscription"),
        *("Notes", "Order state", "Mailing address", "Marketing manager", "Deleted orders", "Receive date", "Bloque"),
        *("Handbook", "Pandda", "Allowed discount", "Gmail", "Источник рекламы", "Реклама на сайте", "Рекламный канал"),
        *("Fecha de alta", "Data de compra", "Δημοτικό διαμέρισμα", "הערות", "מקור פרסום", "Примечание", "Σχόλια"),
        *(
            "Active since",
            "Disabled parking",
            "Contact",
            "Confirmed at",
            "Verified by",
            "Excluded from VAT",
            "Contacted by",
        ),
        *("Activo fijo", "Fecha de activación", "Actividad", "Cancellation fee", "Block number", "Band", "Complete"),
        *("Device1StatusId", "Status code", "Preferred channel", "Bank withdrawal", "Option", "Privacy zone", "Banner"),
        *(
            "No. of SMS",
            "Number of texts",
            "Piano promo",
            "Casino",
            "Nonprofit",
            "Churned",
            "Lost",
            "Rejected",
            "Registered",
        ),
        *("Archive", "Partner", "Angebotsnummer", "Numero ofertas", "Акция", "מבצע", "Spam score", "Refused orders"),
        *("Unreachable since 2019?", "Notificación nº", "Archivnummer", "Προσφορά", "Retirada en tienda"),
        *("Kara", "Engelli", "Onay kodu", "Onaylayan", "Aktif ürün", "İzmir", "Var", "Retail", "Abonent", "Abonament"),
        *("Zgodność", "Aktywność", "Rodzaj", "Usługa", "Погода", "Підприємство", "Активність", "Список товарів"),
        *("Abonnement", "Left on", "Stock list", "Leave", "Block", "Exclusive offer", "Lista de precios", "SMS sent"),
    ],
)
def test_ordinary_columns_are_no_consent(name: str) -> None:
    plan = plan_columns(["phone", name], NO_MAPPING)
    assert (plan.targets, plan.unmapped) == ({}, (name,))


def test_no_built_in_field_reads_as_consent_whatever_it_is_called() -> None:
    usual = [name for names in NAMES.values() for name in names]
    assert [name for name in (*ATTRIBUTES, *CANONICAL, *usual) if reads_as_consent(name)] == []


@pytest.mark.parametrize(
    ("column", "field"),
    [
        ("status", "status"),
        ("Blacklisted", "blacklisted"),
        ("opt out", "opt_out"),
        ("email_blocked", "email_blocked"),
        ("Consent form", "consent_form"),
    ],
)
def test_a_column_that_is_called_like_a_field_and_like_consent_stops_until_it_is_said_which(
    column: str, field: str
) -> None:
    header = ["phone", column]
    with pytest.raises(InvalidInputError) as refused:
        plan_columns(header, NO_MAPPING, [field])
    assert refused.value.field == "map"
    assert f'--map "{column}=fields.{field}"' in refused.value.message
    plan = plan_columns(header, {column: f"fields.{field}"}, [field])
    assert (plan.attributes, plan.targets) == ({"phone": "phone", column: field}, {})
    for target in TARGETS:
        plan = plan_columns(header, {column: target}, [field])
        assert (plan.attributes, plan.targets) == ({"phone": "phone"}, {column: target})
    assert plan_columns(header, {column: "-"}, [field]).attributes == {"phone": "phone"}


def test_an_export_says_of_a_field_that_is_called_like_consent_that_it_is_one() -> None:
    header = ["phone", field_column("status"), field_column("opt_out"), "status"]
    assert header == ["phone", "fields.status", "fields.opt_out", "status"]
    with pytest.raises(InvalidInputError):
        plan_columns(header, NO_MAPPING, ["status", "opt_out"])
    plan = plan_columns(header[:3], NO_MAPPING, ["status", "opt_out"])
    assert plan.attributes == {"phone": "phone", "fields.status": "status", "fields.opt_out": "opt_out"}
    assert plan.targets == {}
    assert plan.taken["fields.status"] == "fields.status"


def test_a_repeated_column_of_consent_is_read_too() -> None:
    plan = plan_columns(unique_names(["phone", "status", "status"]), NO_MAPPING)
    assert plan.targets == {"status": "status", "status_2": "status"}
    mapped = plan_columns(unique_names(["phone", "ok", "ok"]), {"ok": "sms_subscribed"})
    assert mapped.targets == {"ok": "sms_subscribed", "ok_2": "sms_subscribed"}
    with pytest.raises(InvalidInputError):
        plan_columns(unique_names(["phone", "GDPR consent", "GDPR consent"]), {"GDPR consent": "-"})


@pytest.mark.parametrize(
    ("name", "takes", "gives"),
    [
        *((name, ["no", "1"], ["yes", None]) for name in ("DOUBLE_OPT-IN", "Confirmed", "Email verified", "Privacy")),
        *((name, ["0", "0"], ["1", "1"]) for name in ("Offers", "Promotions", "Wants news", "Αποδοχή")),
        *(
            (name, ["yes", None], ["no", "0"])
            for name in ("Disabled", "Suspended", "Muted", "Block", "Left", "Deceased")
        ),
        *((name, ["evet", "hayır"], ["HAYIR", "yok"]) for name in ("İptal edildi", "Ayrıldı", "Reddetti")),  # noqa: RUF001 - Turkish
        *((name, ["tak", "nie"], ["nie", ""]) for name in ("Rezygnacja", "Odmowa")),
        *((name, ["x", "no"], ["no", ""]) for name in ("Cancelled", "מבוטל", "Отказ", "Résilié", "Rechazado")),
        ("Cancelled at", ["2021-01-01", None], [None, None]),
        *((name, ["2021-01-01", None], [None, None]) for name in ("Refused", "Declined", "Objected", "Deletion date")),
        *((name, ["yes", "no"], ["no", "no"]) for name in ("Unreachable", "Spam", "TPS", "Wrong number", "Excluido")),
        *((name, ["да", "нет"], ["нет", None]) for name in ("ЧС", "Исключён", "Жалоба", "Архив", "Спам")),
        *((name, ["ja", "nein"], ["nein", None]) for name in ("Abgelehnt", "Ausgetreten", "Archiviert am")),
        *((name, ["oui", "non"], ["non", None]) for name in ("Exclu", "Refusé", "Injoignable", "Plainte")),
        *((name, ["sì", "no"], ["no", "no"]) for name in ("Escluso", "Si oppone", "Rifiutato", "Rimosso")),
        *((name, ["sim", "não"], ["não", None]) for name in ("Excluído", "Recusou", "Removido")),
        *((name, ["ναι", "όχι"], ["όχι", None]) for name in ("Εξαιρείται", "Άρνηση", "Παράπονο", "Διακοπή")),  # noqa: RUF001 - other scripts are meant
        *((name, ["כן", "לא"], ["לא", None]) for name in ("סירב", "תלונה", "מספר שגוי", "עזב")),
        *((name, ["כן", "לא"], ["כן", "כן"]) for name in ("מנוי", "מסכים", "קבלת עדכונים")),
        *((name, ["ναι", "όχι"], ["ναι", None]) for name in ("Εγγεγραμμένος", "Συμφωνεί", "Ειδοποιήσεις")),  # noqa: RUF001 - other scripts are meant
        *((name, ["0", "1"], ["1", "1"]) for name in ("Notifications enabled", "SMS alerts", "Abonné", "Iscritto")),
        *((name, ["0", "1"], ["1", "1"]) for name in ("Zustimmung", "Novedades", "Уведомления", "Inscrita")),
    ],
)
def test_a_name_that_may_be_consent_stops_where_its_yes_and_no_take_away(
    name: str, takes: list[str | None], gives: list[str | None]
) -> None:
    header = ["phone", name]
    plan = plan_columns(header, NO_MAPPING)
    assert plan.unmapped == (name,)

    def check(cells: list[str | None], mapping: dict[str, str]) -> None:
        frame = pl.DataFrame({"phone": ["05"] * len(cells), name: cells}, schema=dict.fromkeys(header, pl.String))
        plan_columns(header, mapping).consent.check(frame)

    assert plan.consent.is_checked
    check(gives, NO_MAPPING)
    check(["Tel Aviv", "12", *takes], NO_MAPPING)
    check(takes, {name: "-"})
    with pytest.raises(InvalidInputError, match=f"{name}.*isn't understood.*--map"):
        check(takes, NO_MAPPING)


def test_what_people_say_of_others_is_no_answer() -> None:
    for name, cells in (("Confirmed", ["2021-01-01", "2021-02-01"]), ("Offers", ["3", "12"]), ("Block", ["A", "7"])):
        plan_columns(["phone", name], NO_MAPPING).consent.check(pl.DataFrame({"phone": ["1", "2"], name: cells}))


@pytest.mark.parametrize(
    ("kind", "cell", "said"),
    [
        *(("subscribed", cell, Said.SUBSCRIBED) for cell in ("evet", "EVET", "var", "ONAY", "Onaylı", "tak")),  # noqa: RUF001 - Turkish
        *(("subscribed", cell, Said.UNSUBSCRIBED) for cell in ("hayır", "HAYIR", "Hayir", "yok", "RET", "nie")),  # noqa: RUF001 - Turkish
        *(("unsubscribed", cell, Said.UNSUBSCRIBED) for cell in ("evet", "Var", "tak")),
        *(("unsubscribed", cell, Said.NOTHING) for cell in ("hayır", "YOK", "nie")),  # noqa: RUF001 - Turkish
        *(("status", cell, Said.UNSUBSCRIBED) for cell in ("RET", "Pasif", "Abonelikten çıktı", "Wypisany")),  # noqa: RUF001 - Turkish
        *(("status", cell, Said.SUBSCRIBED) for cell in ("ONAY", "Aktif", "Aktywny")),
        *(("status", cell, Said.BLOCKED) for cell in ("Kara liste", "Engellendi", "Zablokowany")),
    ],
)
def test_cells_in_turkish_and_polish_are_understood(kind: str, cell: str, said: Said) -> None:
    assert read_cell(kind, cell) is said


def test_a_reason_without_a_column_that_says_who_stops() -> None:
    column = "Unsubscribe reason"
    frame = pl.DataFrame({"phone": ["1", "2"], column: [None, "too many"]})
    plan = plan_columns(["phone", column], NO_MAPPING)
    plan.consent.check(frame[:1])
    assert plan.consent.is_checked
    with pytest.raises(InvalidInputError, match="Unsubscribe reason"):
        plan.consent.check(frame)
    assert plan_columns(["phone", column], {column: "-"}).consent.reasons == ()


def test_a_reason_of_somebody_of_whom_no_column_says_it_stops() -> None:
    header = ["Email Address", "UNSUB_TIME", "UNSUB_REASON"]
    consent = plan_columns(header, NO_MAPPING).consent
    rows = [("a@x.example", "2021-03-04", "ABUSE"), ("b@x.example", None, None), ("c@x.example", "2021-03-04", None)]
    consent.check(pl.DataFrame(rows, schema=header, orient="row"))
    with pytest.raises(InvalidInputError, match="UNSUB_REASON"):
        consent.check(pl.DataFrame([*rows, ("d@x.example", None, "ABUSE")], schema=header, orient="row"))


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        ("status", "enabled", Said.SUBSCRIBED),  # listmonk
        ("status", "disabled", Said.UNSUBSCRIBED),
        ("status", "blocklisted", Said.BLOCKED),
        ("status", "Subscribed", Said.SUBSCRIBED),  # Mailchimp
        ("status", "cleaned", Said.BLOCKED),
        ("status", "Non-Subscribed", Said.UNSUBSCRIBED),
        ("status", "pending", Said.UNCONFIRMED),
        ("status", "UNCONFIRMED", Said.UNCONFIRMED),  # Apifon
        ("status", "", Said.NOTHING),
        ("status", "Отписался", Said.UNSUBSCRIBED),
        ("status", "baja", Said.UNSUBSCRIBED),
        ("status", "Unsub", Said.UNSUBSCRIBED),
        ("status", "Unsubscribed by user", Said.UNSUBSCRIBED),
        ("status", "inactivo", Said.UNSUBSCRIBED),
        ("status", "פעיל", Said.SUBSCRIBED),
        ("unsubscribed", "Do Not Allow", Said.UNSUBSCRIBED),  # Dynamics
        ("unsubscribed", "Allow", Said.NOTHING),
        ("status", "חסום", Said.BLOCKED),
        ("unsubscribed", "ja", Said.UNSUBSCRIBED),
        ("unsubscribed", "non", Said.NOTHING),
        ("status", "1", None),
        ("status", "customer", None),
        ("blocked", "TRUE", Said.BLOCKED),  # Brevo
        ("blocked", "0", Said.NOTHING),
        ("blocked", "2", Said.BLOCKED),  # Mautic: bounced
        ("blocked", "2023-04-05 06:07:08", Said.BLOCKED),
        ("unsubscribed", "05/04/2023 06:07", Said.UNSUBSCRIBED),
        ("unsubscribed", "no", Said.NOTHING),
        ("unsubscribed", "maybe", None),
        ("subscribed", "כן", Said.SUBSCRIBED),
        ("subscribed", "FALSCH", Said.UNSUBSCRIBED),
        ("blocked", "ИСТИНА", Said.BLOCKED),
        ("subscribed", "0", Said.UNSUBSCRIBED),
        ("subscribed", "1.0", Said.SUBSCRIBED),
        ("subscribed", "0.0", Said.UNSUBSCRIBED),
        ("blocked", "2.0", Said.BLOCKED),
        ("unsubscribed", "1.5", None),
    ],
)
def test_cells_mean_what_the_vendors_write(kind: str, text: str, said: Said | None) -> None:
    assert read_cell(kind, text) is said


INFORU = ["Email", "EmailStatusId", "PhoneNumber", "PhoneStatusId"]


def test_statuses_of_inforu_are_its_ids() -> None:
    consent = plan_columns(INFORU, NO_MAPPING).consent
    cells = [("a@x.example", "-2", "0541110001", "1"), ("b@x.example", "1.0", None, "0"), (None, "0", "05", "-2.0")]
    frame = pl.DataFrame(cells, schema=INFORU, orient="row")
    consent.check(frame)
    assert consent.read(frame).rows() == [
        (Said.SUBSCRIBED, Said.UNSUBSCRIBED),
        (Said.NOTHING, Said.SUBSCRIBED),
        (Said.UNSUBSCRIBED, Said.NOTHING),
    ]


def test_without_status_is_not_confirmed_where_there_is_an_address() -> None:
    consent = plan_columns(INFORU, NO_MAPPING).consent
    frame = pl.DataFrame([("a@x.example", "0", " ", "0")], schema=INFORU, orient="row")
    assert consent.read(frame).rows() == [(Said.NOTHING, Said.UNCONFIRMED)]


@pytest.mark.parametrize("cell", ["2", "-1", "-3", "\u22122", "-2.5", "01"])
def test_an_id_of_a_status_that_inforu_does_not_have_stops(cell: str) -> None:
    consent = plan_columns(INFORU, NO_MAPPING).consent
    frame = pl.DataFrame([("a@x.example", "1", "0541110001", cell)], schema=INFORU, orient="row")
    with pytest.raises(InvalidInputError, match=r"PhoneStatusId.*Known are: InforU's 1, 0, -2"):
        consent.check(frame)


def test_ids_of_statuses_are_read_in_a_column_that_is_mapped_and_in_no_other() -> None:
    header = ["email", "state"]
    frame = pl.DataFrame([("a@x.example", "-2"), ("b@x.example", "unsubscribed")], schema=header, orient="row")
    consent = plan_columns(header, {"state": "email_status"}).consent
    consent.check(frame)
    assert consent.read(frame)["email_said"].to_list() == [Said.UNSUBSCRIBED, Said.UNSUBSCRIBED]
    named = plan_columns(["email", "email_status"], NO_MAPPING).consent
    with pytest.raises(InvalidInputError):
        named.check(frame.rename({"state": "email_status"}))
    with pytest.raises(InvalidInputError, match=r"StatusId.*isn't understood.*--map"):
        plan_columns(["email", "StatusId"], NO_MAPPING)


def test_of_several_columns_the_one_that_takes_most_away_counts() -> None:
    columns = ConsentColumns({"status": "status", "SMS_BLACKLISTED": "sms_blocked", "email": "email_unsubscribed"})
    frame = pl.DataFrame(
        {
            "status": ["enabled", "disabled", None],
            "SMS_BLACKLISTED": ["true", "false", None],
            "email": [None, "no", "yes"],
        }
    )
    columns.check(frame)
    assert columns.read(frame).rows() == [
        (Said.BLOCKED, Said.SUBSCRIBED),
        (Said.UNSUBSCRIBED, Said.UNSUBSCRIBED),
        (Said.NOTHING, Said.UNSUBSCRIBED),
    ]


def test_a_cell_that_is_not_understood_stops_and_names_what_is() -> None:
    with pytest.raises(InvalidInputError, match=r"“lead”.*subscribed.*--map") as refused:
        ConsentColumns({"status": "status"}).check(pl.DataFrame({"status": ["enabled", "lead"]}))
    assert refused.value.field == "map"


def test_the_columns_that_only_an_export_has_are_read_whichever_others_are_there() -> None:
    plan = plan_columns(["phone", "archived_at", "groups"], NO_MAPPING)
    assert set(plan.own) == {"archived_at", "groups"}
    assert (plan.groups, plan.unmapped) == ("groups", ())
    plan = plan_columns(["email", "Email Status", "email_own_status"], NO_MAPPING)
    assert (plan.targets, set(plan.own)) == ({"Email Status": "email_status"}, {"email_own_status"})


@pytest.mark.parametrize("missing", ["sms_status", "email_status"])
def test_an_export_without_the_statuses_of_its_addresses_stops(missing: str) -> None:
    header = [name for name in ("contact_id", "phone", "email", "sms_status", "email_status") if name != missing]
    address = "phone" if missing == "sms_status" else "email"
    with pytest.raises(InvalidInputError, match=f"“{missing}”.*“{address}”.*missing") as refused:
        plan_columns(header, NO_MAPPING)
    assert refused.value.field == "map"
    for mapping in ({address: address}, {address: "-"}, {header[-1]: "status"}):
        assert address not in plan_columns(header, mapping).unknown
    assert plan_columns([name for name in header if name != address], NO_MAPPING).unmapped == ("contact_id",)
    assert plan_columns([*header, missing], {missing: "-"}).targets == {header[-1]: header[-1]}


ADDRESSES = ("phone", "email")
REST_OF_EXPORT = (
    *("contact_id", "external_id", "landline", "created_at", "updated_at", "archived_at", "groups", "devices"),
    *("sms_status", "email_status", "sms_own_status", "email_own_status"),
    *("consents.NEWS.sms", "consents.NEWS.sms.given_at", "consents.NEWS.sms.source", "consents.NEWS.sms.actor"),
    *(*BLOCK_COLUMNS, *DEFINITION_COLUMNS),
)


@settings(max_examples=500, deadline=None)
@given(missing=st.sets(st.sampled_from(REST_OF_EXPORT), max_size=6), address=st.sampled_from(ADDRESSES))
@example({*STATUS_COLUMNS}, "phone")
@example({*STATUS_COLUMNS, *BLOCK_COLUMNS, *DEFINITION_COLUMNS, *OWN_STATUS_COLUMNS.values()}, "email")
@example({"sms_status", *OWN_STATUS_COLUMNS.values(), "contact_id"}, "phone")
def test_whichever_columns_are_taken_out_of_an_export_its_addresses_have_their_statuses(
    missing: set[str], address: str
) -> None:
    header = [address, *(name for name in REST_OF_EXPORT if name not in missing)]
    status = {"phone": "sms_status", "email": "email_status"}[address]
    with contextlib.suppress(InvalidInputError):
        plan = plan_columns(header, NO_MAPPING)
        assert status in plan.targets
        assert plan.exported[status.removesuffix("_status")] == status


@pytest.mark.parametrize(
    "rest",
    [
        ("external_id", "landline", "created_at", "updated_at"),
        ("created_at", "external_id"),
        ("blocked_address", "blocked_channel"),
        ("defined", "defined_name"),
        ("archived_at", "groups"),
    ],
)
def test_an_export_without_any_status_stops_until_it_is_said_that_nobody_has_unsubscribed(
    rest: tuple[str, ...],
) -> None:
    header = ["contact_id", "phone", "email", *rest]
    with pytest.raises(InvalidInputError, match=r"“sms_status”.*“phone”.*missing.*--map \"phone=phone\""):
        plan_columns(header, NO_MAPPING)
    with pytest.raises(InvalidInputError, match=r"“email_status”.*“email”.*missing.*--map \"email=email\""):
        plan_columns(header, {"phone": "phone"})
    plan = plan_columns(header, {"phone": "phone", "email": "email"})
    assert {"phone", "email"} <= plan.attributes.keys()


@pytest.mark.parametrize(
    "header",
    [
        ("email", "status", "consents.OFFERS.email"),
        ("phone", "groups", "archived_at"),
        ("phone", "external_id", "landline", "created_at"),
        ("contact_id", "phone", "created_at"),
        ("phone", "defined"),
    ],
)
def test_files_of_others_are_no_exports(header: tuple[str, ...]) -> None:
    assert not is_export(header)
    assert {"phone", "email"} & plan_columns(header, NO_MAPPING).attributes.keys()


def test_suppressions_alone_need_no_statuses() -> None:
    assert plan_columns(BLOCK_COLUMNS, NO_MAPPING).has_blocks


def test_an_export_without_ids_stops_where_no_address_has_a_status() -> None:
    header = ["phone", "email", "sms_status", "email_status", "sms_own_status"]
    for names in (header, ["contact_id", *header]):
        consent = plan_columns(names, NO_MAPPING).consent
        schema = {LINE_COLUMN: pl.Int64, **dict.fromkeys(names, pl.String)}
        rows = [
            {LINE_COLUMN: 2, "phone": "05"},
            {LINE_COLUMN: 3, "phone": "06"},
            {LINE_COLUMN: 4, "email": "a@x.example", "email_status": "none"},
        ]
        with pytest.raises(InvalidInputError, match=r"line 2.*“sms_status”.*blank"):
            consent.check(pl.DataFrame(rows, schema=schema))
        rows[1]["sms_status"] = "subscribed"
        consent.check(pl.DataFrame(rows, schema=schema))


def test_a_contact_of_an_export_whose_status_is_blank_stops() -> None:
    header = ["contact_id", "phone", "email", "sms_status", "email_status"]
    consent = plan_columns(header, NO_MAPPING).consent
    schema = {LINE_COLUMN: pl.Int64, **dict.fromkeys(header, pl.String)}
    rows = [(2, "1", "05", None, "none", ""), (3, None, "05", None, None, None)]
    consent.check(pl.DataFrame(rows, schema=schema, orient="row"))
    emptied = pl.DataFrame([*rows, (4, "2", None, "a@x.example", "none", None)], schema=schema, orient="row")
    with pytest.raises(InvalidInputError, match=r"line 4.*“email_status”.*blank") as refused:
        consent.check(emptied)
    assert refused.value.field == "map"
    plan_columns(header, {"email_status": "email_status"}).consent.check(emptied)


def test_what_a_contact_said_itself_stops_without_the_status_that_lies_over_it() -> None:
    header = ["phone", "sms_own_status"]
    with pytest.raises(InvalidInputError, match="“sms_status”, which says what lies over that, is missing") as refused:
        plan_columns(header, NO_MAPPING)
    assert refused.value.field == "map"
    assert plan_columns(header, {"sms_own_status": "sms_status"}).targets == {"sms_own_status": "sms_status"}
    assert plan_columns(header, {"sms_own_status": "-"}).targets == {}
    with pytest.raises(InvalidInputError):
        plan_columns(["phone", "SMS own status"], NO_MAPPING)


def test_a_cell_of_what_a_contact_said_itself_must_be_understood() -> None:
    plan = plan_columns(["phone", "sms_status", "sms_own_status"], NO_MAPPING)
    with pytest.raises(InvalidInputError, match=r"sms_own_status.*“#REF!”"):
        plan.consent.check(pl.DataFrame({"sms_status": ["subscribed"], "sms_own_status": ["#REF!"]}))


def test_a_field_that_is_called_like_a_column_of_an_export_is_it_in_an_export_alone() -> None:
    fields = ["groups", "archived_at"]
    assert plan_columns(["phone", "groups"], NO_MAPPING, fields).attributes == {"phone": "phone", "groups": "groups"}
    with pytest.raises(InvalidInputError, match=r"fields\.archived_at"):
        plan_columns(["phone", "archived_at"], NO_MAPPING, fields)
    header = ["contact_id", "phone", "sms_status", "archived_at", "groups"]
    assert plan_columns(header, NO_MAPPING, fields).own == {"sms_status", "archived_at", "groups"}


@pytest.mark.parametrize(
    ("cells", "status"),
    [
        (["Removed"], "Removed"),
        (["Unsubscribed", "", None], "Unsubscribed"),
        (["unsubscribed", "subscribed", "subscribed"], "unsubscribed"),
        (["Active", "Blacklisted"], "Blacklisted"),
        (["стоп-лист"], "стоп-лист"),
        (["Unsub"], "Unsub"),
        (["Unsubscribed by user", "active"], "Unsubscribed by user"),
        (["unknown"] * 5 + ["cleaned"], "cleaned"),
        (["subscribed"] * 95 + ["opted out", "Tel Aviv", "?"], "opted out"),
    ],
)
def test_a_column_that_is_left_out_stops_where_its_cells_are_statuses_that_take_away(
    cells: list[str | None], status: str
) -> None:
    frame = pl.DataFrame({"State": cells})
    with pytest.raises(InvalidInputError, match=f"column “State”.*such as “{status}”.*--map") as refused:
        check_left_out(frame, ["State"])
    assert refused.value.field == "map"
    check_left_out(frame, plan_columns(["phone", "State"], {"State": "-"}).unknown)


@pytest.mark.parametrize(
    "cells",
    [
        ["active"],
        ["active", "pending", "confirmed"],
        ["paid", "pending", "cancelled", "removed"],
        ["Tel Aviv", "Stop", None],
        ["Ana", "Spam", "Ben"],
        ["", None],
        ["none", "unknown"],
        ["alta", "media", "baja"],
        ["1", "0", "yes"],
        ["IL", "RU", "NO", "ES"],
        ["removed", *map(str, range(200))],
        ["call back", "do not contact before noon", "removed a sofa"],
    ],
)
def test_everyday_cells_are_no_statuses(cells: list[str | None]) -> None:
    check_left_out(pl.DataFrame({"State": cells}, schema={"State": pl.String}), ["State"])


def test_a_reason_beside_a_column_that_says_who_is_read_by_no_word() -> None:
    header = ["Email Address", "UNSUB_TIME", "UNSUB_REASON"]
    plan = plan_columns(header, NO_MAPPING)
    assert plan.targets == {"UNSUB_TIME": "email_unsubscribed"}
    frame = pl.DataFrame([("a@x.example", "2021-03-04 11:12:13", "SPAM")], schema=header, orient="row")
    check_left_out(frame, plan.unknown)


def test_a_field_by_its_name_alone_stops_where_its_cells_are_statuses() -> None:
    header = ["phone", "State", "Text1", "groups"]
    plan = plan_columns(header, NO_MAPPING, [*CANONICAL, "state"])
    assert plan.fields == {"State": "fields.state", "Text1": "fields.text1", "groups": "groups"}
    for column, meant in plan.fields.items():
        frame = pl.DataFrame({name: ["Unsubscribed" if name == column else "VIP"] for name in header})
        with pytest.raises(InvalidInputError, match=rf"“{column}” is taken as {meant}.*--map") as refused:
            check_fields(frame, plan.fields)
        assert refused.value.field == "map"
        for target in (meant, "email_status", "-"):
            mapped = plan_columns(header, {column: target}, [*CANONICAL, "state"])
            assert column not in mapped.fields


def test_the_fields_of_an_export_are_its_own_whatever_is_in_them() -> None:
    header = ["contact_id", "phone", "sms_status", "state", "fields.status", "groups"]
    assert plan_columns(header, NO_MAPPING, ["state", "status"]).fields == {}


def test_what_columns_are_called_is_a_word_of_cells_too() -> None:
    assert read_cell("status", "Стоп-лист") is read_cell("blocked", "DND") is Said.BLOCKED
    assert read_cell("status", "הוסר מרשימת תפוצה") is read_cell("unsubscribed", "Διαγραμμένη") is Said.UNSUBSCRIBED


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("SMS Marketing Status", "sms_status"),
        ("Mobile opt-in source", "sms_status"),
        ("Email Marketing Consent", "email_status"),
        ("GDPR source", "email_status"),
        ("Email and SMS consent", "email_status"),
    ],
)
def test_what_is_proposed_of_a_column_is_of_the_channel_that_its_name_has(name: str, status: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        plan_columns((name, "phone"), NO_MAPPING, ATTRIBUTES)
    assert f'example --map "{name}={status}"' in refused.value.message
