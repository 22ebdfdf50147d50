"""CSV files as programs write them: bytes in, rows out, with nothing said of them but the country."""

from pathlib import Path

import pytest
from tests.unit.tabular_files import contents, written

from carillon.tabular import as_csv, read_chunks

ROWS = {
    "BG": (("Име", "Телефон", "Град"), ("Гергана Щърбанова", "0888123456", "Търговище")),
    "ES": (("Nombre", "Teléfono", "Población"), ("Begoña Ibáñez", "612345678", "Logroño")),
    "GR": (("Όνομα", "Κινητό", "Πόλη"), ("Άλκηστις Παπαδοπούλου", "6912345678", "Αθήνα")),
    "IL": (("שם", "נייד", "עיר"), ("נועה בן-שושן", "0541110001", "פתח תקווה")),
    "RU": (("Наименование", "Телефон", "Город"), ('Завод "Жар-птица", Щёлково', "+7 916 123-45-67", "Щёлково")),
    "TR": (("Adı", "Telefon", "Şehir"), ("Çağrı Yıldırımoğlu", "5321234567", "İstanbul")),  # noqa: RUF001 - Turkish is meant
    "UA": (("Ім'я", "Телефон", "Місто"), ("Їжакевич Ганна", "+380501234567", "Київ")),
}


def as_written(country: str, delimiter: str, ending: str = "\r\n", *, quote_all: bool = False) -> str:
    """Write the rows with quotes where they have to be, or around every cell."""

    def cell(text: str) -> str:
        quoted = '"' + text.replace('"', '""') + '"'
        return quoted if quote_all or any(mark in text for mark in ('"', delimiter, "\n")) else text

    return "".join(delimiter.join(map(cell, row)) + ending for row in ROWS[country])


FILES = {
    "Excel in Bulgaria: CSV": ("BG", as_written("BG", ";").encode("cp1251"), "cp1251"),
    "Excel in Spain: CSV with semicolons": ("ES", as_written("ES", ";").encode("cp1252"), "cp1252"),
    "Excel in Greece: CSV": ("GR", as_written("GR", ";").encode("cp1253"), "cp1253"),
    "Excel in Israel: CSV": ("IL", as_written("IL", ",").encode("cp1255"), "cp1255"),
    "Excel in Israel: CSV (MS-DOS)": ("IL", as_written("IL", ",").encode("cp862"), "cp862"),
    "Excel in Russia: CSV": ("RU", as_written("RU", ";").encode("cp1251"), "cp1251"),
    "Excel in Russia: CSV (MS-DOS)": ("RU", as_written("RU", ";").encode("cp866"), "cp866"),
    "Excel in Turkey: CSV": ("TR", as_written("TR", ";").encode("cp1254"), "cp1254"),
    "Excel: CSV UTF-8": ("RU", as_written("RU", ",").encode("utf-8-sig"), "utf-8"),
    "Excel: Unicode text": ("GR", b"\xff\xfe" + as_written("GR", "\t").encode("utf-16-le"), "utf-16-le"),
    "1C: text with tabs": ("RU", as_written("RU", "\t").encode("cp1251"), "cp1251"),
    "1C: everything quoted": ("UA", as_written("UA", ";", quote_all=True).encode("cp1251"), "cp1251"),
    "LibreOffice: KOI8-U": ("UA", as_written("UA", ",", "\n").encode("koi8-u"), "koi8-u"),
    "LibreOffice: ISO-8859-5": ("BG", as_written("BG", ",", "\n").encode("iso8859-5"), "iso8859-5"),
    "LibreOffice: ISO-8859-7": ("GR", as_written("GR", ",", "\n").encode("iso8859-7"), "iso8859-7"),
    "Google Sheets": ("ES", as_written("ES", ",").removesuffix("\r\n").encode(), "utf-8"),
    "Numbers": ("IL", as_written("IL", ",", "\n").encode(), "utf-8"),
    "Outlook in Israel": ("IL", as_written("IL", ",", quote_all=True).encode("cp1255"), "cp1255"),
    "a database's dump with pipes": ("UA", as_written("UA", "|", "\n").encode(), "utf-8"),
}


@pytest.mark.parametrize(("country", "content", "encoding"), FILES.values(), ids=list(FILES))
def test_a_file_is_read_as_its_program_meant_it(tmp_path: Path, country: str, content: bytes, encoding: str) -> None:
    with as_csv(written(tmp_path, content)) as table:
        shape = table.shape(country=country)
        found = contents(list(read_chunks(table.path, shape)))
    header, row = ROWS[country]
    assert (shape.header, found.values) == (header, [row])
    assert shape.encoding == encoding
