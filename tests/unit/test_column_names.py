"""Columns are known by what people and vendors call them."""

import pytest

from carillon.audience.imports.column_names import address_columns, plan_columns
from carillon.errors import InvalidInputError

NO_MAPPING: dict[str, str] = {}


def attributes(*header: str) -> dict[str, str]:
    return dict(plan_columns(header, NO_MAPPING).attributes)


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("phone", "phone"),
        ("PhoneNumber", "phone"),
        ("Phone_Number", "phone"),
        ("  MOBILE phone ", "phone"),
        ("msisdn", "phone"),
        ("נייד", "phone"),
        ("מספר טלפון", "phone"),
        ("Τηλέφωνο", "phone"),
        ("ΤΗΛΕΦΩΝΟ", "phone"),
        ("Κινητό", "phone"),
        ("Teléfono", "phone"),
        ("telefono movil", "phone"),
        ("Номер телефона", "phone"),
        ("E-Mail", "email"),
        ("Email Address", "email"),
        ('דוא"ל', "email"),
        ("דוא״ל", "email"),
        ("Correo electrónico", "email"),
        ("Электронная почта", "email"),
        ("ContactRefId", "external_id"),
        ("external_id", "external_id"),
        ("Customer ID", "external_id"),
        ("FirstName", "first_name"),
        ("Firstname", "first_name"),
        ("שם פרטי", "first_name"),
        ("Όνομα", "first_name"),
        ("nombre", "first_name"),
        ("Имя", "first_name"),
        ("surname", "last_name"),
        ("Επώνυμο", "last_name"),
        ("Apellidos", "last_name"),
        ("GenderId", "gender"),
        ("BirthDate", "birth_date"),
        ("Date of Birth", "birth_date"),
        ("Text1", "text1"),
        ("Text 20", "text20"),
        ("Number4", "number4"),
        ("DATE_8", "date8"),
        ("AdditionalDate", "additional_date"),
        ("FirebaseToken", "device_token"),
        ("Platform", "device_platform"),
        ("Город", "city"),
        ("countryIso", "country"),  # 360NRS
        ("mobile_number", "phone"),  # inwise
        ("externalId", "external_id"),
        *((name, "phone") for name in ("Telefon", "Telefonnummer", "Handy", "Handynummer", "Mobil", "Mobiltelefon")),
        *((name, "phone") for name in ("Cellulare", "Cellulare 1", "Telefono cellulare", "Numero di cellulare")),
        *((name, "phone") for name in ("Téléphone", "Portable", "N° de téléphone", "Tél. portable", "Mobile Phone")),
        *((name, "phone") for name in ("Cep telefonu", "Telefon numarası", "TELEFON NUMARASI", "CEP NUMARASI")),  # noqa: RUF001 - Turkish is meant
        *((name, "phone") for name in ("Telemóvel", "Telefone", "Número de telemóvel", "Numer telefonu", "Komórka")),
        *((name, "phone") for name in ("Номер телефону", "Мобільний телефон", "Phone 1 - Value", "Phone 1")),
        *((name, "email") for name in ("E-posta", "E-mail 1 - Value", "E-Mail-Adresse", "Courriel", "Adresse e-mail")),
        *((name, "email") for name in ("Indirizzo e-mail", "Posta elettronica", "Endereço de e-mail", "Пошта")),
        *((name, "first_name") for name in ("Vorname", "Prénom", "Nome", "Imię", "Ім'я", "Given Name", "Name")),
        *((name, "last_name") for name in ("Nachname", "Cognome", "Soyad", "SOYADI", "Sobrenome", "Nazwisko")),
        *((name, "last_name") for name in ("Прізвище", "Nom de famille", "Family Name")),
        *((name, "landline") for name in ("Festnetz", "Téléphone fixe", "Sabit telefon", "Home Phone")),
        *((name, "birth_date") for name in ("Geburtsdatum", "Doğum tarihi", "Date de naissance", "Data urodzenia")),
        *((name, "external_id") for name in ("Kundennummer", "Müşteri numarası", "Numéro client")),  # noqa: RUF001 - Turkish is meant
        *((name, "city") for name in ("Ville", "Şehir", "Miasto", "Città")),
    ],
)
def test_a_column_is_known_by_its_name(name: str, attribute: str) -> None:
    key = "external_id" if attribute == "phone" else "phone"
    assert attributes(name, key) == {name: attribute, key: key}


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        # Google Contacts, of before 2024 and since
        (
            ["Name", "Given Name", "Family Name", "E-mail 1 - Value", "Phone 1 - Value", "Phone 2 - Value"],
            [None, "first_name", "last_name", "email", "phone", None],
        ),
        (
            ["First Name", "Last Name", "E-mail 1 - Label", "E-mail 1 - Value", "Phone 1 - Label", "Phone 1 - Value"],
            ["first_name", "last_name", None, "email", None, "phone"],
        ),
        # Outlook
        (
            ["First Name", "Last Name", "E-mail Address", "Home Phone", "Mobile Phone", "Business Phone"],
            ["first_name", "last_name", "email", "landline", "phone", None],
        ),
        (["Name", "Vorname", "Festnetz", "Handy"], ["last_name", "first_name", "landline", "phone"]),
        (["Nachname", "Vorname", "Name", "Mobil"], ["last_name", "first_name", None, "phone"]),
        (["Nom", "Prénom", "Portable"], ["last_name", "first_name", "phone"]),
        (["Ad", "Soyad", "Cep telefonu"], ["first_name", "last_name", "phone"]),
        (["ADI", "SOYADI", "TELEFON"], ["first_name", "last_name", "phone"]),
        (["Cellulare 1", "Cellulare 2", "Nome"], ["phone", None, "first_name"]),
        (["Cellulare", "Telefono 1"], ["phone", None]),
        (["Telefone", "Nome", "Sobrenome", "CEP"], ["phone", "first_name", "last_name", None]),
        # what is another thing as often
        (["phone", "Nom", "Ad", "Apelido"], ["phone", None, None, None]),
    ],
)
def test_programs_files_are_known_by_their_headers(header: list[str], expected: list[str | None]) -> None:
    plan = plan_columns(header, NO_MAPPING)
    assert [plan.attributes.get(column) for column in header] == expected
    assert plan.unmapped == tuple(name for name, held in zip(header, expected, strict=True) if held is None)


def test_the_destination_of_apifon_is_the_phone_where_no_other_column_is() -> None:
    assert attributes("destination", "email") == {"destination": "phone", "email": "email"}
    assert attributes("destination", "mobile") == {"mobile": "phone"}
    assert dict(plan_columns(["destination", "x"], {"x": "phone"}).attributes) == {"x": "phone"}
    plan = plan_columns(["phone", "destination"], NO_MAPPING, ["destination"])
    assert dict(plan.attributes) == {"phone": "phone", "destination": "destination"}
    assert address_columns(["destination", "type"]) == {"destination": "phone"}
    assert address_columns(["destination", "email", "phone"]) == {"email": "email", "phone": "phone"}


def test_columns_of_no_known_name_are_reported() -> None:
    plan = plan_columns(["phone", "Shoe size", "text21"], NO_MAPPING)
    assert plan.unmapped == ("Shoe size", "text21")


def test_custom_fields_are_known_by_their_names() -> None:
    plan = plan_columns(["phone", "Shoe size"], NO_MAPPING, ["first_name", "shoe_size"])
    assert plan.attributes == {"phone": "phone", "Shoe size": "shoe_size"}


def test_what_a_rejects_file_adds_is_left_out_without_a_word() -> None:
    plan = plan_columns(["Email", "_line", "_field", "_value", "_reason"], NO_MAPPING)
    assert (plan.attributes, plan.unmapped) == ({"Email": "email"}, ())


def test_a_mapping_comes_before_names() -> None:
    plan = plan_columns(["Phone", "Second phone"], {"second PHONE": "Phone"})
    assert (plan.attributes, plan.unmapped) == ({"Second phone": "phone"}, ("Phone",))


def test_a_column_can_be_left_out() -> None:
    assert plan_columns(["Phone", "Mobile"], {"Phone": "-"}).attributes == {"Mobile": "phone"}


def test_of_columns_whose_names_are_alike_the_one_spelt_so_is_meant() -> None:
    assert plan_columns(["TEL 2", "tel2"], {"tel2": "phone"}).attributes == {"tel2": "phone"}


@pytest.mark.parametrize(
    ("header", "mapping", "words"),
    [
        (["Name", "Shoe size"], {}, ["“Shoe size”", '--map "COLUMN=phone"']),
        (["phone"], {"Shoe size": "text1"}, ["no column “Shoe size”", "“phone”"]),
        (["phone", "Shoe size"], {"Shoe size": "shoes"}, ["no field “shoes”", "first_name", "text20"]),
        (["phone", "Mobile"], {}, ["“phone”, “Mobile”", '--map "Mobile=phone"']),
        (["Telefon", "Handy"], {}, ["“Telefon”, “Handy”", '--map "Handy=phone"']),
        (["Téléphone", "Portable"], {}, ["“Téléphone”, “Portable”", '--map "Portable=phone"']),
        (["Cellulare 1", "Telefono 1"], {}, ["“Cellulare 1”, “Telefono 1”", '--map "Cellulare 1=phone"']),
        (["a", "b"], {"a": "email", "b": "email"}, ["“a”, “b”", "email"]),
        (["phone", "Foo"], {"Foo": "email", "foo": "-"}, ["“Foo” is named twice, as email and as -"]),
        (["phone"], {"phone": "-"}, ["No column holds a phone"]),
    ],
)
def test_what_cannot_be_mapped_is_told_with_a_way_out(
    header: list[str], mapping: dict[str, str], words: list[str]
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        plan_columns(header, mapping)
    assert refused.value.field == "map"
    assert all(word in refused.value.message for word in words), refused.value.message
