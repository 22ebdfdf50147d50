"""In an encoding that had to be guessed, a column of consent whose name was misread makes nobody reachable."""
# ruff: noqa: RUF001 - other scripts are meant

from pathlib import Path

import pytest
from tests.integration.test_consent_files import statuses
from tests.support import Tenant

from carillon.audience.imports.file_import import FileImport, ImportSummary, import_file
from carillon.db.database import Database
from carillon.errors import InvalidInputError

POLISH = ["E-mail;Imię;Wypisał się", "a@mail.example;Żaneta;tak", "b@mail.example;Łukasz;nie"]
FRENCH = ["E-mail;Prénom;Désabonné", "a@mail.example;Hélène;oui", "b@mail.example;Zoé;non"]
ARABIC = ["E-mail;الاسم;إلغاء الاشتراك", "a@mail.example;محمد;نعم", "b@mail.example;فاطمة;لا"]
ARABIC_OF_ONES = ["E-mail;الاسم;إلغاء الاشتراك", "a@mail.example;محمد;1", "b@mail.example;فاطمة;0"]
GREEK = ["E-mail;Όνομα;Διαγραφή", "a@mail.example;Γιώργος;ναι", "b@mail.example;Ελένη;όχι"]


def write(path: Path, lines: list[str], codec: str) -> Path:
    path.write_bytes("\n".join([*lines, ""]).encode(codec))
    return path


async def bring(
    db: Database, account: Tenant, path: Path, lines: list[str], codec: str, **how: object
) -> ImportSummary:
    command = FileImport(path=write(path, lines, codec), **how)  # type: ignore[arg-type]
    return await import_file(db, account.actor, command, lambda _progress: None)


@pytest.mark.parametrize("copies", [1, 300], ids=["few rows", "many rows"])
@pytest.mark.parametrize(
    ("lines", "codec"),
    [
        *((POLISH, codec) for codec in ("cp1250", "iso8859-2", "cp852", "mac_latin2")),
        *((FRENCH, codec) for codec in ("mac_roman", "cp850")),
        *((lines, "cp1256") for lines in (ARABIC, ARABIC_OF_ONES)),
        (GREEK, "mac_greek"),
    ],
)
async def test_a_column_of_answers_whose_name_may_be_misread_stops_until_the_encoding_is_said(  # noqa: PLR0913, PLR0917
    db: Database, account: Tenant, tmp_path: Path, lines: list[str], codec: str, copies: int
) -> None:
    path = tmp_path / "people.csv"
    rows = [row.replace("@", f"{copy}@") for copy in range(copies) for row in lines[1:]]
    with pytest.raises(InvalidInputError, match=r"was guessed.*--encoding.*--map") as refused:
        await bring(db, account, path, [lines[0], *rows], codec)
    assert refused.value.field == "map"
    assert await statuses(db, account) == {}
    await bring(db, account, path, [lines[0], *rows], codec, encoding=codec)
    found = await statuses(db, account)
    assert (found["a0@mail.example"], found["b0@mail.example"]) == (("none", "unsubscribed"), ("none", "subscribed"))


async def test_the_advice_of_the_message_lets_the_file_pass(db: Database, account: Tenant, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    with pytest.raises(InvalidInputError) as refused:
        await bring(db, account, path, POLISH, "cp1250")
    column = refused.value.message.partition("“")[2].partition("”")[0]
    assert f'--map "{column}=-"' in refused.value.message
    assert (await bring(db, account, path, POLISH, "cp1250", mapping={column: "-"})).new == 2
    guessed = refused.value.message.partition("if they are right, --encoding ")[2].split()[0]
    assert (await bring(db, account, path, POLISH, "cp1250", encoding=guessed)).unmapped_columns[-1] == column


@pytest.mark.parametrize(
    ("lines", "codec"),
    [
        (["E-mail;Prénom;Fumeuse", "a@mail.example;Hélène;oui"], "mac_roman"),
        (["E-mail;Prénom;Marié", "a@mail.example;Hélène;oui", "b@mail.example;Zoé;non"], "utf-8"),
        (["E-mail;Prénom;Métier", "a@mail.example;Hélène;médecin", "b@mail.example;Zoé;avocate"], "cp850"),
        (["E-mail;Prénom;Né à", "a@mail.example;Hélène;Orléans", "b@mail.example;Zoé;Nîmes"], "cp850"),
    ],
)
async def test_columns_of_plain_names_of_other_cells_or_in_a_sure_encoding_are_left_out(
    db: Database, account: Tenant, tmp_path: Path, lines: list[str], codec: str
) -> None:
    assert (await bring(db, account, tmp_path / "people.csv", lines, codec)).new == len(lines) - 1
