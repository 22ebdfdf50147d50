"""What vendors and people call the attributes of contacts in the headers of their files."""

import functools
from collections.abc import Mapping

from carillon.audience.consent_names import compared

# The vendors' own spellings (InforU reference, Create or update contacts; the other references alike), and what people
# call these things in English, Hebrew, Greek, Spanish and Russian.
NAMES: Mapping[str, tuple[str, ...]] = {
    "phone": (
        *("phone number", "phone no", "telephone", "telephone number", "tel", "number", "sms", "sms number", "msisdn"),
        *("mobile", "mobile phone", "mobile number", "cell", "cellphone", "cell number", "cellular", "gsm", "whatsapp"),
        *("טלפון", "מספר טלפון", "טלפון נייד", "נייד", "מספר נייד", "סלולרי", "פלאפון", "טלפון סלולרי"),
        *("τηλέφωνο", "κινητό", "κινητό τηλέφωνο", "αριθμός τηλεφώνου", "αριθμός κινητού", "τηλ"),
        *("teléfono", "teléfono móvil", "móvil", "celular", "número de teléfono", "número de móvil"),
        *("телефон", "номер телефона", "мобильный", "мобильный телефон", "сотовый", "номер", "тел"),
    ),
    "email": (
        *("email address", "mail", "mail address"),
        *("אימייל", "מייל", 'דוא"ל', "דואר אלקטרוני", "כתובת מייל", "כתובת אימייל"),
        *("ηλεκτρονικό ταχυδρομείο", "διεύθυνση email", "ηλεκτρονική διεύθυνση"),
        *("correo", "correo electrónico", "dirección de correo", "dirección de correo electrónico"),
        *("почта", "электронная почта", "эл. почта", "адрес электронной почты", "имейл", "емейл"),
    ),
    "external_id": (
        *("contact ref id", "ref id", "reference", "reference id", "external", "customer id", "client id", "member id"),
        *("customer number", "crm id", "user id"),
        *("מספר לקוח", "מזהה לקוח", "מזהה חיצוני", "κωδικός πελάτη", "id de cliente", "código de cliente"),
        *("número de cliente", "код клиента", "номер клиента", "ид клиента", "внешний ид"),
    ),
    "landline": (
        *("landline phone", "home phone", "work phone", "office phone", "fixed line"),
        *("טלפון קווי", "טלפון בבית", "σταθερό", "σταθερό τηλέφωνο", "teléfono fijo", "fijo"),
        *("домашний телефон", "городской телефон", "рабочий телефон"),
    ),
    "device_token": ("firebase token", "push token", "device push token"),
    "device_platform": ("platform", "push platform"),
    "first_name": (*("name", "given name", "forename", "שם", "שם פרטי", "όνομα", "nombre", "имя"),),
    "last_name": (*("surname", "family name", "שם משפחה", "משפחה", "επώνυμο", "apellido", "apellidos", "фамилия"),),
    "gender": ("gender id", "sex", "מין", "מגדר", "φύλο", "sexo", "género", "пол"),
    "birth_date": (
        *(
            "birthday",
            "date of birth",
            "birth day",
            "dob",
            "תאריך לידה",
            "יום הולדת",
            "ημερομηνία γέννησης",
            "γενέθλια",
        ),
        *("fecha de nacimiento", "cumpleaños", "nacimiento", "дата рождения", "день рождения"),
    ),
    "additional_date": ("anniversary", "תאריך נוסף", "יום נישואין", "επέτειος", "aniversario", "годовщина"),
    "city": ("town", "עיר", "ישוב", "יישוב", "πόλη", "ciudad", "población", "город"),
    "country": ("country code", "country iso", "מדינה", "ארץ", "χώρα", "país", "страна"),
}

VENDORS_NAMES: Mapping[str, str] = {"destination": "phone"}
"""What Apifon calls an attribute and others call something else: it is that where no other column is."""


@functools.cache
def attribute_by_usual_name() -> Mapping[str, str]:
    """Return the attributes by their compared names."""
    return {compared(name): attribute for attribute, names in NAMES.items() for name in names}
