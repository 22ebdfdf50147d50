"""What vendors and people call the attributes of contacts in the headers of their files."""

import functools
import re
from collections.abc import Collection, Mapping

from carillon.audience.consent_names import compared

# The vendors' own spellings (InforU reference, Create or update contacts; the other references alike), and what people
# call these things in the languages of the vendors' countries and of their neighbours. Names that are another thing as
# often are left out (Nom and Apelido alone, Genre, Anniversaire, Paese, CEP), and so are genders whose words in
# the cells are not read.
NAMES: Mapping[str, tuple[str, ...]] = {
    "phone": (
        *("phone number", "phone no", "telephone", "telephone number", "tel", "number", "sms", "sms number", "msisdn"),
        *("mobile", "mobile phone", "mobile number", "cell", "cellphone", "cell number", "cellular", "gsm", "whatsapp"),
        *("טלפון", "מספר טלפון", "טלפון נייד", "נייד", "מספר נייד", "סלולרי", "פלאפון", "טלפון סלולרי"),
        *("τηλέφωνο", "κινητό", "κινητό τηλέφωνο", "αριθμός τηλεφώνου", "αριθμός κινητού", "τηλ"),
        *("teléfono", "teléfono móvil", "móvil", "celular", "número de teléfono", "número de móvil"),
        *("телефон", "номер телефона", "мобильный", "мобильный телефон", "сотовый", "номер", "тел"),
        *("номер телефону", "мобільний", "мобільний телефон", "номер мобільного", "моб", "моб тел"),
        *("telefon", "telefonnummer", "telefonnr", "tel nr", "rufnummer", "handy", "handynummer", "handynr", "mobil"),
        *("mobilnummer", "mobilnr", "mobiltelefon", "mobilfunknummer", "natel"),
        *("téléphone", "numéro de téléphone", "n° de téléphone", "portable", "téléphone portable", "tél portable"),
        *("numéro de portable", "téléphone mobile", "tél mobile", "numéro de mobile"),
        *("cellulare", "telefono cellulare", "numero di cellulare", "numero cellulare", "numero di telefono"),
        *("numero telefono", "telefone", "telemóvel", "telefone móvel", "telefone celular", "número de telefone"),
        *("número de telemóvel", "número de celular"),
        *("cep telefonu", "cep telefonu numarasi", "telefon numarasi", "telefon no", "gsm no"),
        *("gsm numarasi", "cep numarasi"),
        *("numer telefonu", "nr telefonu", "telefon komórkowy", "numer telefonu komórkowego", "komórka"),
    ),
    "email": (
        *("email address", "mail", "mail address"),
        *("אימייל", "מייל", 'דוא"ל', "דואר אלקטרוני", "כתובת מייל", "כתובת אימייל"),
        *("ηλεκτρονικό ταχυδρομείο", "διεύθυνση email", "ηλεκτρονική διεύθυνση"),
        *("correo", "correo electrónico", "dirección de correo", "dirección de correo electrónico"),
        *("почта", "электронная почта", "эл. почта", "адрес электронной почты", "имейл", "емейл"),
        *("пошта", "електронна пошта", "ел. пошта", "адреса електронної пошти"),
        *(
            "e-mail-adresse",
            "mailadresse",
            "courriel",
            "adresse email",
            "adresse courriel",
            "adresse électronique",
            "adresse mail",
        ),
        *("posta elettronica", "indirizzo email", "indirizzo di posta elettronica", "indirizzo mail"),
        *("correio eletrónico", "endereço de email", "e-posta", "e-posta adresi", "mail adresi", "adres email"),
    ),
    "external_id": (
        *("contact ref id", "ref id", "reference", "reference id", "external", "customer id", "client id", "member id"),
        *("customer number", "crm id", "user id"),
        *("מספר לקוח", "מזהה לקוח", "מזהה חיצוני", "κωδικός πελάτη", "id de cliente", "código de cliente"),
        *("número de cliente", "код клиента", "номер клиента", "ид клиента", "внешний ид"),
        *("kundennummer", "kundennr", "kunden-id", "numéro client", "numéro de client", "code client", "id client"),
        *("codice cliente", "numero cliente", "id cliente", "código do cliente", "número do cliente"),
        *("müşteri no", "müşteri numarasi", "müşteri kodu", "numer klienta", "id klienta", "номер клієнта"),
        *("код клієнта",),
    ),
    "landline": (
        *("landline phone", "home phone", "work phone", "office phone", "fixed line"),
        *("טלפון קווי", "טלפון בבית", "σταθερό", "σταθερό τηλέφωνο", "teléfono fijo", "fijo"),
        *("домашний телефон", "городской телефон", "рабочий телефон", "домашній телефон", "міський телефон"),
        *("festnetz", "festnetznummer", "téléphone fixe", "tél fixe", "telefono fisso", "telefone fixo"),
        *("sabit telefon", "ev telefonu", "telefon stacjonarny"),
    ),
    "device_token": ("firebase token", "push token", "device push token"),
    "device_platform": ("platform", "push platform"),
    "first_name": (
        *("given name", "forename", "שם", "שם פרטי", "όνομα", "nombre", "имя", "ім'я"),
        *("vorname", "prénom", "primeiro nome", "nome próprio", "imię"),
    ),
    "last_name": (
        *("surname", "family name", "שם משפחה", "משפחה", "επώνυμο", "apellido", "apellidos", "фамилия"),
        *("nachname", "familienname", "nom de famille", "cognome", "sobrenome", "último nome"),
        *("soyad", "soyadi", "soyisim", "nazwisko", "прізвище"),
    ),
    "gender": (*("gender id", "sex", "מין", "מגדר", "φύλο", "sexo", "género", "пол"),),
    "birth_date": (
        *("birthday", "date of birth", "birth day", "dob", "תאריך לידה", "יום הולדת"),
        *("ημερομηνία γέννησης", "γενέθλια", "fecha de nacimiento", "cumpleaños", "nacimiento"),
        *("дата рождения", "день рождения", "дата народження", "день народження"),
        *("geburtsdatum", "geburtstag", "date de naissance", "data di nascita", "compleanno", "data de nascimento"),
        *("doğum tarihi", "doğum günü", "data urodzenia"),
    ),
    "additional_date": ("anniversary", "תאריך נוסף", "יום נישואין", "επέτειος", "aniversario", "годовщина"),
    "city": (
        *("town", "עיר", "ישוב", "יישוב", "πόλη", "ciudad", "población", "город", "місто"),
        *("stadt", "wohnort", "ville", "città", "cidade", "şehir", "miasto"),
    ),
    "country": (
        *("country code", "country iso", "מדינה", "ארץ", "χώρα", "país", "страна", "країна"),
        *("land", "pays", "nazione", "ülke", "kraj"),
    ),
}

WEAK_NAMES: Mapping[str, str] = {
    "destination": "phone",  # Apifon's, which others call something else
    **dict.fromkeys(("phone1", "phone1value", "mobile1", "mobil1", "telefon1", "telefono1", "cellulare1"), "phone"),
    **dict.fromkeys(("email1", "email1value"), "email"),  # Google Contacts has "E-mail 1 - Value"
    **dict.fromkeys(("name", "nome", "isim"), "first_name"),
}
"""What a column holds, by its compared name, where no other column holds that."""

BESIDE: Mapping[str, tuple[tuple[str, ...], str]] = {
    "nom": (("prenom",), "last_name"),
    "name": (("vorname",), "last_name"),
    "ad": (("soyad", "soyadi", "soyisim"), "first_name"),
    "adi": (("soyad", "soyadi", "soyisim"), "first_name"),
}
"""What a column holds, by its compared name, beside one of other names: alone it may be anything."""

_MOBILE = re.compile(
    "mob|movil|movel|cel|handy|natel|portable|cep|gsm|komork|κινητ|моб|сотов|נייד|סלולר|פלאפון|whatsapp|sms"
)


@functools.cache
def attribute_by_usual_name() -> Mapping[str, str]:
    """Return the attributes by their compared names."""
    return {compared(name): attribute for attribute, names in NAMES.items() for name in names}


def weak_attribute(column: str, others: Collection[str]) -> str | None:
    """Return what a column holds where no other does, by its name and the compared names of the others."""
    name = compared(column)
    neighbours, attribute = BESIDE.get(name, ((), ""))
    return attribute if any(one in others for one in neighbours) else WEAK_NAMES.get(name)


def names_a_mobile(column: str) -> bool:
    """Tell whether a column of phones is one of mobile phones by its name."""
    return _MOBILE.search(compared(column)) is not None
