"""Files in archives: one is unpacked, within bounds, and everything else refused with what to do."""

import gzip
import struct
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import pytest
from tests.unit.tabular_files import contents
from tests.unit.workbooks import write_parts, write_workbook

from carillon.tabular import TabularError, as_csv, read_chunks

CSV = "phone;name\n0541110001;Жилин\n".encode("cp1251")


def rows(path: Path) -> list[tuple[str | None, ...]]:
    with as_csv(path) as table:
        assert table.path.stat().st_mode & 0o077 == 0
        found = contents(list(read_chunks(table.path, table.shape(country="RU"))))
    assert not table.path.exists()
    return found.values


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    return write_parts(path, files)


def gzipped(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content))
    return path


def test_a_csv_in_an_archive_is_read_in_its_own_encoding(tmp_path: Path) -> None:
    expected = [("0541110001", "Жилин")]
    assert rows(gzipped(tmp_path / "a.csv.gz", CSV)) == expected
    assert rows(zipped(tmp_path / "a.zip", {"a.csv": CSV})) == expected


def test_what_macos_puts_beside_a_file_and_folders_do_not_count(tmp_path: Path) -> None:
    files = {"list/": b"", "list/a.csv": CSV, "__MACOSX/list/._a.csv": b"x", "list/.DS_Store": b"x"}
    assert rows(zipped(tmp_path / "a.zip", files)) == [("0541110001", "Жилин")]


def test_records_and_workbooks_in_an_archive_are_read(tmp_path: Path) -> None:
    assert rows(gzipped(tmp_path / "a.ndjson.gz", b'{"phone": "0541110001"}\n')) == [("0541110001",)]
    book = write_workbook(
        tmp_path / "a.xlsx", '<row><c t="str"><v>phone</v></c></row><row><c><v>541110001</v></c></row>'
    )
    assert rows(zipped(tmp_path / "a.zip", {"a.xlsx": book.read_bytes()})) == [("541110001",)]


def test_several_files_none_and_archives_in_archives_are_refused(tmp_path: Path) -> None:
    several = zipped(tmp_path / "several.zip", {"a.csv": CSV, "b.csv": CSV})
    none = zipped(tmp_path / "none.zip", {"empty/": b""})
    nested = zipped(tmp_path / "nested.zip", {"a.csv.gz": gzip.compress(CSV)})
    for path, message in (
        (several, "holds 2 files"),
        (none, "holds 0 files"),
        (nested, "an archive that is in another"),
    ):
        with pytest.raises(TabularError, match=message), as_csv(path):
            pass


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_what_unpacks_to_many_times_its_size_is_refused(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carillon.tabular.archives.FREE_BYTES", 1_000_000)
    bomb = b"phone\n" + b"0" * 5_000_000
    path = tmp_path / f"a.{kind}"
    path = gzipped(path, bomb) if kind == "gz" else zipped(path, {"a.csv": bomb})
    with pytest.raises(TabularError, match="more than 200 times its size"), as_csv(path):
        pass


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_what_unpacks_to_too_much_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carillon.tabular.archives.MAX_BYTES", 20)
    path = tmp_path / f"a.{kind}"
    path = gzipped(path, CSV) if kind == "gz" else zipped(path, {"a.csv": CSV})
    with pytest.raises(TabularError, match="more than 0 GiB"), as_csv(path):
        pass


def test_a_size_that_the_directory_understates_is_where_reading_ends(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": b"phone\n" + b"0" * 100_000})
    directory = path.read_bytes()
    place = directory.rindex(b"PK\x01\x02") + 24  # the unpacked size in the directory
    path.write_bytes(directory[:place] + struct.pack("<I", 10) + directory[place + 4 :])
    with pytest.raises(TabularError, match="broken archive"), as_csv(path):
        pass


def test_an_archive_with_a_password_or_of_many_files_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": CSV})
    content = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(mark) + place] |= 1
    path.write_bytes(content)
    with pytest.raises(TabularError, match="protected by a password"), as_csv(path):
        pass
    monkeypatch.setattr("carillon.tabular.archives._MAX_MEMBERS", 2)
    with pytest.raises(TabularError, match="more than 2 files"), as_csv(write_workbook(tmp_path / "a.xlsx", "")):
        pass


@pytest.mark.parametrize("kind", ["gz", "zip"])
def test_a_torn_archive_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind}"
    path = gzipped(path, CSV * 100) if kind == "gz" else zipped(path, {"a.csv": CSV * 100})
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(TabularError, match="broken archive"), as_csv(path):
        pass


@pytest.mark.parametrize(
    ("member", "message"),
    [
        ("xl/workbook.bin", "binary workbook"),
        ("content.xml", "OpenDocument"),
        ("Index/Document.iwa", "document of Numbers"),
    ],
)
def test_documents_of_other_programs_are_refused_by_their_names(tmp_path: Path, member: str, message: str) -> None:
    with ZipFile(tmp_path / "a", "w", ZIP_STORED) as archive:
        archive.writestr("mimetype", "x")
        archive.writestr(member, "x", ZIP_DEFLATED)
    with pytest.raises(TabularError, match=message), as_csv(tmp_path / "a"):
        pass


@pytest.mark.parametrize(
    "content",
    [b'[{"phone": "1"}]', b'\xef\xbb\xbf[\n  {"phone": "1"}\n]\n', b'[["phone"], ["1"]]'],
    ids=["a line", "lines", "arrays"],
)
def test_a_json_array_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ndjson").write_bytes(content)
    with (
        pytest.raises(TabularError, match=r"“a.ndjson” is a JSON array: .* on a line of its own"),
        as_csv(tmp_path / "a.ndjson"),
    ):
        pass


def test_a_web_page_that_is_called_a_workbook_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(b"\xef\xbb\xbf\n<HTML><table><tr><td>phone</td></tr></table></HTML>")
    with pytest.raises(TabularError, match="a web page or XML"), as_csv(tmp_path / "a.xls"):
        pass


def test_an_old_workbook_is_refused_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with (
        pytest.raises(TabularError, match=r"old workbook \(\.xls\), or has a password: save it as"),
        as_csv(tmp_path / "a.xls"),
    ):
        pass
