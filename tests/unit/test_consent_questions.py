"""A column of yes and no that nobody knows stops the import where its name asks or says who may be written to."""
# ruff: noqa: RUF001 - other scripts are meant

import json

import polars as pl
import pytest

from carillon.audience.consent_questions import asked_kind
from carillon.audience.imports.column_names import plan_columns
from carillon.audience.imports.judged_cells import judged_cells
from carillon.errors import InvalidInputError

ANSWERS = [
    *(("yes", "no"), ("Y", "N"), ("1", "0"), ("true", "false"), ("כן", "לא"), ("да", "нет"), ("tak", "nie")),
    *(("J", "N"), ("o", "n"), ("✓", "✗"), ("Yes, please", "No, thanks"), ("evet", "hayır"), ("1.0", "0.0")),
]


def check(name: str, *chunks: list[str | None], mapping: dict[str, str] | None = None) -> None:
    """Do what an import does with a column that is judged by its cells."""
    plan = plan_columns(["phone", name], mapping or {})
    judged = judged_cells(plan.unknown, plan.fields, {})
    for cells in chunks:
        frame = pl.DataFrame({"phone": ["05"] * len(cells), name: cells}, schema={"phone": pl.String, name: pl.String})
        plan.consent.check(frame)
        judged.check(frame)


GIVING = [
    *("Do you agree to receive messages?", "May we contact you with offers?", "Can we text you?", "Contactable by SMS"),
    *("sms_agree", "agreed to marketing", "is_marketable", "can_send", "canSend", "Marketing yes/no", "subs", "SMS on"),
    *("Marketing (Y/N)", "Okay to phone", "Would you like to hear from us?", "WhatsApp ok", "Keep me posted"),
    *("Text me", "Wants our flyers", "Has agreed to SMS", "Mktg", "E-mail please"),
    *("Ich möchte Angebote erhalten", "Kontakt erlaubt", "Darf kontaktiert werden", "Einverständnis", "Telefonwerbung"),
    *("J'accepte de recevoir des offres", "D'accord pour les SMS", "Peut-on vous contacter ?", "Souhaite recevoir"),
    *("Deseo recibir información", "Acepto", "¿Podemos contactarle?", "Aceito receber novidades", "Podem enviar SMS"),
    *("Accepto rebre ofertes", "Vull rebre notícies", "Desidero ricevere offerte", "Accetto", "Possiamo contattarti?"),
    *("Можно писать", "Хочу получать новости", "Звонить", "Бажаю отримувати новини", "Дозвіл на смс"),
    *("Θέλω να λαμβάνω ενημερώσεις", "Μπορούμε να επικοινωνήσουμε;", "Δέχομαι SMS"),
    *("האם לשלוח", "אפשר לשלוח הודעות", "רוצה לקבל עדכונים", "أوافق على تلقي الرسائل", "يمكن الاتصال"),
    *("Kampanyalardan haberdar olmak istiyorum", "SMS alabilir", "Aranabilir"),
    *("Comms", "phone_ok", "Broadcast", "Use my number for offers", "Im Verteiler", "Avisar", "Να σταλεί", "Отримує"),
    *("Chcę otrzymywać oferty", "Można pisać", "Zgadzam się"),
]
TAKING = [
    *("Not for marketing", "Do not use", "DoNotUse", "Don't message", "Don’t message", "Refuses SMS", "Replied STOP"),
    *("Erasure requested", "Against marketing", "unmarketable", "Not contactable", "Rejected offers", "Delete me"),
    *("SMS off", "Without messages", "Never message", "Asked to be removed", "Declined offers"),
    *("Ohne Werbung", "Kein SMS", "Keine Nachrichten", "Nicht verwenden", "SMS abgelehnt", "Löschung beantragt"),
    *("Sans messages", "Pas d'offres", "N'accepte pas les SMS", "Ne pas utiliser", "Arrêt SMS"),
    *("Sin mensajes", "No usar", "Rechaza SMS", "Senza messaggi", "Nessun SMS", "Rifiuta SMS", "Sem mensagens"),
    *("Não usar", "Recusa contacto", "Sense missatges", "Rebutja SMS"),
    *("Не использовать", "Против рекламы", "Запрет на звонки", "Удалить", "Прислал СТОП", "Без реклами"),
    *("Χωρίς μηνύματα", "Μη χρησιμοποιείτε", "Όχι μηνύματα", "להסיר", "ללא הודעות", "לא להשתמש", "מסרב לקבל"),
    *("بدون رسائل", "إيقاف الرسائل", "ممنوع الاتصال", "طلب الحذف"),
    *(
        "No longer interested",
        "DNM",
        "Do not",
        "Nothing by SMS",
        "Keine Post",
        "Will nichts",
        "Pas intéressé",
        "Zakaz SMS",
    ),
    *("Sem interesse", "Quitar", "Togliere", "Заборонено", "אל תשלחו", "لا تتصل", "Skreślony"),
    *("Mesaj istemez", "Reklam değil", "Reklam yok", "Bez wiadomości", "Usunąć", "Odmawia kontaktu", "Nie używać"),
]


@pytest.mark.parametrize("name", GIVING)
def test_a_question_whether_somebody_may_be_written_to_stops_where_a_no_is_among_its_answers(name: str) -> None:
    assert asked_kind(name) == "subscribed"
    for yes, no in ANSWERS:
        with pytest.raises(InvalidInputError) as refused:
            check(name, [yes, no, None])
        assert refused.value.field == "map"
        assert f'--map "{name}=subscribed"' in refused.value.message
        assert f'--map "{name}=-"' in refused.value.message
        check(name, [yes, yes, None])
    for target in ("subscribed", "-"):
        check(name, ["yes", "no"], mapping={name: target})


@pytest.mark.parametrize("name", TAKING)
def test_a_column_that_says_by_yes_who_is_not_to_be_written_to_stops_where_there_is_one(name: str) -> None:
    assert asked_kind(name) == "unsubscribed"
    for yes, no in ANSWERS:
        with pytest.raises(InvalidInputError) as refused:
            check(name, [no, yes, None])
        assert f'--map "{name}=unsubscribed"' in refused.value.message
        assert f'--map "{name}=-"' in refused.value.message
        check(name, [no, no, None])
    for target in ("unsubscribed", "-"):
        check(name, ["yes", "no"], mapping={name: target})


ORDINARY = [
    *("VIP", "Member", "Has car", "Student", "Married", "Has email", "Has phone", "hasEmail", "has_whatsapp"),
    *("Is company", "Paid", "Premium", "Smoker", "Has children", "Loyalty card", "Test user", "Employee", "Vegetarian"),
    *("Ab testing", "is_paying_customer", "Verified buyer", "SMS sent", "Email opened", "Primary contact", "In use"),
    *("Contact person", "Work permit", "Number of texts", "No. of SMS", "App user", "Sender", "Newspaper reader"),
    *("Marketplace seller", "Promoter", "Returning customer", "Tax exempt", "Pets allowed", "Call center"),
    *("Mitglied", "Hat Auto", "Raucher", "Nichtraucher", "E-Mail vorhanden", "Kontaktlinsen", "Stammkunde"),
    *("Marié", "A un email", "Non-fumeur", "Permis de conduire", "Contact principal", "Carte de fidélité"),
    *("Casado", "Tiene correo", "No fumador", "Sin hijos", "Permiso de conducir", "Desempleado"),
    *("Sposato", "Ha figli", "Senza glutine", "Invitato", "Carta fedeltà", "Tem filhos", "Sem glúten", "Té fills"),
    *("Παντρεμένος", "Μη καπνιστής", "Έχει email", "Χωρίς παιδιά", "Άδεια οδήγησης", "Γραφείο"),
    *("Женат", "Не курит", "Есть почта", "Без детей", "Акционер", "Контактное лицо", "Безработный", "Має авто"),
    *("נשוי", "לא מעשן", "יש מייל", "ללא ילדים", "לקוח מרוצה", "איש קשר", "משלוח חינם", "חבר מועדון"),
    *("متزوج", "غير مدخن", "لديه أطفال", "لديه بريد", "بطاقة ولاء", "بدون أطفال"),
    *("Evli", "Sigara içmiyor", "Arabası var", "E-posta var", "Çocuk yok", "Sadakat kartı", "Kullanıcı"),
    *("Связной", "Письменный договор", "Соглашение", "אישור הגעה", "מוצר במבצע", "Onaylı hesap"),
    *("Wysyłka gratis", "Zamówienie wysłane", "Envío gratis", "Promotor", "Alıcı", "Yazılım", "Teacher", "Allergies"),
    *("Żonaty", "Niepalący", "Ma email", "Bez dzieci", "Osoba kontaktowa", "Użytkownik", "Karta lojalnościowa"),
]


@pytest.mark.parametrize("name", ORDINARY)
def test_ordinary_columns_of_yes_and_no_are_left_out(name: str) -> None:
    assert asked_kind(name) is None
    for yes, no in ANSWERS:
        check(name, [yes, no, None])


@pytest.mark.parametrize(
    "cells",
    [
        ["Dana Levi", "Noa Bar", "Omer"],
        ["2024-01-02", "2024-02-03"],
        ["12", "3", "0"],
        ["email", "phone", "sms", "no"],
        ["Tel Aviv", "yes", "no"],
        ["", None],
    ],
)
def test_a_column_that_has_no_answers_is_left_out_whatever_it_is_called(cells: list[str | None]) -> None:
    for name in ("Contact", "Can we text you?", "Message"):
        check(name, cells)


@pytest.mark.parametrize(
    "name",
    [
        *("Removed date", "Removed time", "Remove date", "RemoveDate", "removed_date", "STOP date", "Complaint date"),
        *("Refuses SMS", "הוסר בתאריך", "Дата отказа", "Data cancelamento", "Supprimé depuis"),
    ],
)
def test_a_moment_takes_away_in_a_column_whose_name_refuses(name: str) -> None:
    moments: list[str | None] = [f"2024-{month:02}-{day:02} 10:30" for month in range(1, 13) for day in range(1, 29)]
    for cells in (["2023-05-06", None], moments):
        with pytest.raises(InvalidInputError) as refused:
            check(name, cells)
        assert refused.value.field == "map"
    check(name, ["Main Street", "Central Station", "12"])
    check(name, ["2023-05-06"], mapping={name: "-"})


@pytest.mark.parametrize("cell", ["Do not call", "DNC", "do not text", "Asked to be removed", "Removed on request"])
def test_words_of_who_calls_people_take_away_in_any_column(cell: str) -> None:
    for others in (["New"], ["Interested", None]):
        with pytest.raises(InvalidInputError):
            check("Lead status", [cell, *others])


def test_answers_are_read_to_the_end_of_the_file() -> None:
    with pytest.raises(InvalidInputError):
        check("Can we text you?", ["yes"] * 20, [None], ["yes", "no"])
    check("Contact", ["Dana Levi"] * 20, ["no"])


def test_one_letter_answers_of_names_that_may_be_consent_count() -> None:
    with pytest.raises(InvalidInputError):
        check("Offers", ["J", "N"])


@pytest.mark.parametrize("value", [{"can_send": False}, {"prefs": {"Kein SMS": "ja"}}, {"textMe": "no"}])
def test_answers_within_objects_stop(value: object) -> None:
    with pytest.raises(InvalidInputError, match="objects or lists"):
        check("extra", [json.dumps(value)])
    check("extra", [json.dumps({"can_send": True, "messages": 0, "calls": -1, "Kein SMS": "nein", "vip": False})])


def test_dashes_are_answers_beside_others_alone() -> None:
    check("Message", ["-", "-", None])
    check("Message", [*["-"] * 95, "Bring your card"])
    with pytest.raises(InvalidInputError):
        check("Message", ["+", "-"])
    with pytest.raises(InvalidInputError):
        check("Can we text you?", ["yes", "-"])
