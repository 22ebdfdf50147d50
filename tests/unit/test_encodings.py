"""Encodings that a file does not tell, over names in ten languages that the statistics were not made of.

A choice is right where it reads the sample as it was written: encodings that read it alike are equally right.
"""

import random
import tomllib
from functools import cache
from importlib.resources import files
from itertools import product
from pathlib import Path

import pytest
from faker import Faker
from tests.unit.tabular_files import written

from carillon.tabular import EncodingChoice, inspect

LOCALES = {
    "bg": "bg_BG",
    "de": "de_DE",
    "el": "el_GR",
    "es": "es_ES",
    "fr": "fr_FR",
    "he": "he_IL",
    "pt": "pt_PT",
    "ru": "ru_RU",
    "tr": "tr_TR",
    "uk": "uk_UA",
}
CYRILLIC = ("cp1251", "iso8859-5", "koi8-r", "cp866")
ENCODINGS = {
    "bg": CYRILLIC,
    "de": ("cp1252",),
    "el": ("cp1253", "iso8859-7"),
    "es": ("cp1252",),
    "fr": ("cp1252",),
    "he": ("cp1255", "iso8859-8", "cp862"),
    "pt": ("cp1252",),
    "ru": CYRILLIC,
    "tr": ("cp1254",),
    "uk": (*CYRILLIC, "koi8-u"),
}
SIZES = (20, 30, 60, 200)  # letters beyond ASCII
SAMPLES = 6


def letters_of(text: str) -> int:
    return sum(character.isalpha() and not character.isascii() for character in text)


@cache
def names_of(language: str) -> list[str]:
    """Names, towns and streets without the words that the statistics were made of."""
    ours = tomllib.loads(files("carillon.tabular").joinpath("names.toml").read_text("utf-8"))
    known = {word.lower() for words in ours.values() for word in words["words"].split()}
    faker = Faker(LOCALES[language])
    faker.seed_instance(11)
    kinds = [faker.first_name, faker.last_name, faker.city, faker.street_name]
    found = {word for kind in kinds for _ in range(400) for word in kind().split()}
    return sorted(word for word in found if word.lower() not in known and letters_of(word))


def sample(language: str, encoding: str, size: int, number: int) -> str:
    """Make a file of at least so many letters: some samples in capitals, some a name a line, some all in one."""
    chance = random.Random(f"{language} {encoding} {size} {number}")  # noqa: S311 - no secret
    words = list[str]()
    while letters_of("".join(words)) < size:
        word = chance.choice(names_of(language))
        word = word.upper() if number % 4 == 1 else word
        if can_write(encoding, word):
            words.append(word)
    return "phone,name\n+123456789," + (" ", "\n+123456789,", ";")[number % 3].join(words) + "\n"


def can_write(encoding: str, word: str) -> bool:
    try:
        word.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def choice_for(folder: Path, content: bytes, country: str | None = None) -> EncodingChoice:
    return inspect(written(folder, content), country=country).encoding_choice


@pytest.mark.parametrize("knows_country", [False, True], ids=["without a country", "with its country"])
def test_from_twenty_letters_on_99_of_100_files_are_read_as_they_were_written(
    tmp_path: Path, *, knows_country: bool
) -> None:
    wrong, unsure, tried = list[str](), 0, 0
    for language, locale in LOCALES.items():
        for encoding, size, number in product(ENCODINGS[language], SIZES, range(SAMPLES)):
            text = sample(language, encoding, size, number)
            content = text.encode(encoding)
            choice = choice_for(tmp_path, content, locale[3:] if knows_country else None)
            tried += 1
            unsure += size > 30 and not choice.is_sure  # a word that comes again counts once
            if content.decode(choice.encoding, "replace") != text:
                wrong.append(f"{language} in {encoding} as {choice.encoding}: {text!r}")
    assert len(wrong) * 100 <= tried, wrong
    assert unsure * 100 <= tried


def test_most_files_of_fewer_letters_are_read_right_by_their_country(tmp_path: Path) -> None:
    wrong, tried = list[str](), 0
    for language, locale in LOCALES.items():
        for encoding, size, number in product(ENCODINGS[language], (1, 3, 6, 10), range(SAMPLES)):
            text = sample(language, encoding, size, number)
            content = text.encode(encoding)
            tried += 1
            if content.decode(choice_for(tmp_path, content, locale[3:]).encoding, "replace") != text:
                wrong.append(f"{language} in {encoding}: {text!r}")
    assert len(wrong) * 100 <= 3 * tried, wrong


def test_fewer_letters_are_a_guess_that_is_shown_with_a_line(tmp_path: Path) -> None:
    content = "phone;name\n1;Ada\n2;Анна\n3;Зинаида Ю.\t\x1b[0m\n".encode("cp1251")
    choice = choice_for(tmp_path, content, "BY")
    assert (choice.encoding, choice.letters, choice.is_sure) == ("cp1251", 12, False)
    assert choice.reason == "12 letters that are not ASCII make Russian words in it"
    assert choice.sample == "3;Зинаида Ю. �[0m"
    assert "Зинаида" not in repr(choice)


@pytest.mark.parametrize(
    ("name", "encoding", "country"),
    [
        ("Ахматова", "cp866", None),
        ("ТИЧИНА", "iso8859-5", None),
        ("МЫТИЩИ", "iso8859-5", "RU"),
        ("ШИШКИ", "iso8859-5", "RU"),
        ("ЧИТА", "iso8859-5", None),  # every byte of which is UTF-8, of two scripts
    ],
)
@pytest.mark.parametrize("count", [1, 500])
def test_a_word_whose_bytes_are_partly_utf8_by_chance_is_read_by_its_letters(
    tmp_path: Path, name: str, encoding: str, country: str | None, count: int
) -> None:
    text = "phone,name\n" + f"+123456789,{name}\n" * count
    choice = choice_for(tmp_path, text.encode(encoding), country)
    assert (choice.encoding, choice.is_sure) == (encoding, False)
    assert choice.sample.endswith(name)


@pytest.mark.parametrize("language", [language for language in LOCALES if ENCODINGS[language][1:]])
def test_no_single_name_of_another_encoding_is_utf8_for_sure(tmp_path: Path, language: str) -> None:
    taken, tried = list[str](), 0
    for encoding, name in product(ENCODINGS[language], names_of(language)[:25]):
        for text in (name, name.upper()):
            if can_write(encoding, text) and letters_of(text) > 2:  # two may be a degree sign
                choice = choice_for(tmp_path, f"name\n{text}\n".encode(encoding))
                assert choice.encoding != "utf-8" or not choice.is_sure
                tried += 1
                taken += [text] if choice.encoding == "utf-8" else []
    assert len(taken) * 100 <= tried, taken


@pytest.mark.parametrize("language", LOCALES)
def test_few_letters_of_utf8_are_that_for_sure(tmp_path: Path, language: str) -> None:
    for size, number in product((1, 2, 4, 8), range(SAMPLES)):
        content = sample(language, "utf-8", size, number).encode()
        for country in (None, LOCALES[language][3:]):
            choice = choice_for(tmp_path, content, country)
            assert (choice.encoding, choice.is_sure) == ("utf-8", True)


@pytest.mark.parametrize("name", ["王小明", "محمد", "Łódź", "Đặng Thị", "ไทย", "25°", "№ 5", "“x”"])
def test_characters_of_other_languages_are_utf8_for_sure(tmp_path: Path, name: str) -> None:
    choice = choice_for(tmp_path, f"name\n{name}\n".encode(), "RU")
    assert (choice.encoding, choice.is_sure) == ("utf-8", True)


def test_utf8_with_a_few_broken_characters_is_utf8(tmp_path: Path) -> None:
    for names in ("Анна Яна Ольга", "José María Núñez", "אבנר חיפה"):
        choice = choice_for(tmp_path, f"name\n{names}\n".encode() + b"\xd0\n", "RU")
        assert choice.encoding == "utf-8"
    one_city = "phone,city\n" + "+8612345678,王\n" * 100  # IBM 866's чОЛ
    assert choice_for(tmp_path, one_city.encode() + b"+8612345679,\xe7\n").encoding == "utf-8"
    many = "name\n" + "\n".join(names_of("ru")[:200]) + "\n"
    choice = choice_for(tmp_path, many.encode().replace(b"\xd0\xb0", b"\xd0", 100), "RU")
    assert (choice.encoding, choice.is_sure) == ("utf-8", True)


def test_a_country_decides_what_few_letters_leave_open(tmp_path: Path) -> None:
    content = b"name\n\xe0\xf0\xe0\n"
    assert choice_for(tmp_path, content, "IL").encoding == "cp1255"
    assert choice_for(tmp_path, content, "RU").encoding == "cp1251"


@pytest.mark.parametrize(
    "names",
    [
        "Søren Kjærgård Åse Bøgh Ærø",
        "Niccolò Cantù Mosè",
        "Åsa Sjöström Håkan",
        "Väinö Häyhä",
    ],
)
def test_other_languages_in_latin_letters_are_western(tmp_path: Path, names: str) -> None:
    content = f"name\n{names}\n".encode("cp1252")
    assert choice_for(tmp_path, content).encoding == "cp1252"


def test_letters_of_a_language_that_is_not_known_are_no_sure_choice(tmp_path: Path) -> None:
    names = "Świętosław Żółkiewski Małgorzata Wójcik Łukasz Dąbrowski Źdźbło Gęś Stanisław Kuś Śliwiński Żak"
    choice = choice_for(tmp_path, f"name\n{names}\n".encode("cp1250"))
    assert choice.letters >= 20
    assert not choice.is_sure


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name\nAda\n", "it is plain ASCII"),
        ("name\nЖилин\n".encode(), "its characters are those of UTF-8"),
        ("name\nЖилин\n".encode("utf-8-sig"), "it begins with a byte order mark"),
        ("name\nAda\n".encode("utf-16-le"), "every second byte is that of UTF-16"),
    ],
)
def test_where_nothing_is_guessed_the_reason_says_so(tmp_path: Path, content: bytes, reason: str) -> None:
    choice = choice_for(tmp_path, content)
    assert (choice.reason, choice.is_sure, choice.sample) == (reason, True, "")


def test_an_encoding_that_was_asked_for_is_sure(tmp_path: Path) -> None:
    shape = inspect(written(tmp_path, "имя\n".encode("cp866")), encoding="ibm866")
    assert (shape.encoding_choice.reason, shape.encoding_name) == ("it was asked for", "ibm866")
