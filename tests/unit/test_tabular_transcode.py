"""NDJSON and Parquet are read as the CSV that they are transcoded to."""

from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from carillon.tabular import BadColumnsError, BadRecord, TabularError, as_csv, read_chunks


def transcoded(path: Path) -> str:
    with as_csv(path) as table:
        assert table.form == "records"
        assert table.path.stat().st_mode & 0o077 == 0
        return table.path.read_bytes().decode()


def read(path: Path) -> tuple[list[tuple[object, ...]], list[BadRecord]]:
    with as_csv(path) as table:
        chunks = list(read_chunks(table.path, table.shape()))
    rows = [row for chunk in chunks for row in chunk.frame.iter_rows()]
    return rows, [bad for chunk in chunks for bad in chunk.bad]


def test_records_of_ndjson_are_rows_under_all_names_that_any_has(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"phone": "+1", "n": 1234567890123456.123}\n\n{"name": "a,\\"b\\"\\nc", "is": true, "n": null}\n')
    assert transcoded(path) == ',,,phone,n,name,is\n1,,,+1,1234567890123456.123,,\n3,,,,,"a,""b""\nc",true\n'
    assert read(path) == ([("+1", "1234567890123456.123", None, None, 1), (None, None, 'a,"b"\nc', "true", 3)], [])


DEEP = b"[" * 1_200 + b"]" * 1_200


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"nothing", "it is no JSON object"),
        (b"[1]", "it is no JSON object"),
        (b'{"phone": "+3"', "it is no JSON object"),
        (rb'{"phone": "\ud800"}', "it is no JSON object"),
        (b'{"phone": "\xff"}', "it is no JSON object"),
        (b'{"phone": "a\0b"}', "it is no JSON object"),
        (b'{"phone": %b}' % DEEP, "its JSON is nested too deep"),
        (b'{"phone": "%b"}' % (b"x" * 2_500_000), "field too long: the record is over 1 MB"),
        (b'{"phone": "+3", "status": "no", "status" :"yes"}', "it has a name twice"),
        (rb'{"phone": "a\u0000b"}', "the cell holds a NUL character"),
        (b'{"phone": {"a": "%b"}}' % (b'\\"' * 520_000), "field too long: the record is over 1 MB"),
    ],
    ids=[
        *("no JSON", "an array", "cut off", "a lone surrogate", "no UTF-8", "a NUL", "nested", "long"),
        *("a name twice",),
        *("an escaped NUL", "long in CSV"),
    ],
)
def test_a_line_that_is_no_record_is_rejected_with_its_number_and_the_others_are_read(
    tmp_path: Path, line: bytes, reason: str
) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"phone": "+1", "n": "two\\nlines"}\n\n' + line + b'\r\n{"phone": "+2"}')
    rows, (bad,) = read(path)
    assert rows == [("+1", "two\nlines", 1), ("+2", None, 4)]
    assert (bad.line, bad.reason) == (3, reason)
    assert bad.value
    text = bad.raw if isinstance(bad.raw, str) else bad.raw[0]
    assert text.startswith(("nothing", "[1]", '{"phone": ', "a\0b", '"{""a"'))


def test_a_name_that_stands_in_values_as_well_is_there_once(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'{"a": {"a": 1, "a": 2}, "b": "\\"a\\": x", "at": "10:30"}\n')
    rows, bad = read(path)
    assert (rows, bad) == ([('{"a": 2}', '"a": x', "10:30", 1)], [])


def test_a_byte_order_mark_is_no_part_of_the_first_record(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_bytes(b'\xef\xbb\xbf{"phone": "+1"}\n')
    assert read(path) == ([("+1", 1)], [])


def test_a_carriage_return_in_a_value_ends_no_record(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"phone": "+1\\r+2", "n": 1}\n{"phone": "\\r"}\n')
    assert read(path) == ([("+1\r+2", "1", 1), ("\r", None, 2)], [])
    frame = pl.DataFrame({"phone": ["+1\r+2", "\r"], "n": ["1", None]})
    frame.write_parquet(tmp_path / "a.parquet")
    assert read(tmp_path / "a.parquet")[0] == [("+1\r+2", "1", 2), ("\r", None, 4)]


@pytest.mark.parametrize("number", [542830001.0, -16777216.0])
def test_floats_of_32_bits_that_lose_digits_stop_parquet_before_the_first_row(tmp_path: Path, number: float) -> None:
    path = tmp_path / "pandas.parquet"
    pl.DataFrame({"name": ["a", "b"], "phone": pl.Series([None, number], dtype=pl.Float32)}).write_parquet(path)
    with pytest.raises(TabularError, match=r"Column “phone” of “pandas.parquet” has 32-bit floats.*Make the"):
        read(path)


def test_other_floats_of_parquet_keep_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "pandas.parquet"
    small = pl.Series([float("inf"), 16777215.0, float("nan")], dtype=pl.Float32)
    pl.DataFrame({"age": small, "phone": [542830001.0, 972542830007.0, 5.0]}).write_parquet(path)
    rows = read(path)[0]
    assert [row[0] for row in rows] == ["inf", "16777215.0", "NaN"]
    assert [row[1] for row in rows] == ["542830001.0", "972542830007.0", "5.0"]


def test_parquet_is_read_as_texts_a_slice_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carillon.tabular.transcode._ROWS", 2)
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"id": [1, 2, 3], "on": [True, None, False], "day": [date(2024, 2, 3), None, None]})
    frame.write_parquet(path)
    assert transcoded(path) == "id,on,day\n1,true,2024-02-03\n2,,\n3,false,\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": }\n[1]\n', "No line of the file is a JSON object that can be read. Line 1: it is no JSON object."),
        (b'{\n"a": 1\n}\n', "Line 1: it is no JSON object"),
        (b'{"a": %b}' % DEEP, "Line 1: its JSON is nested too deep"),
        (b"PAR1 and nothing else", "is no Parquet file"),
        (b'{"a": "' + b"x" * 1_100_000 + b'"}', "Line 1: field too long: the record is over 1 MB"),
        (b"{" + b",".join(b'"%d": 1' % number for number in range(1_001)) + b"}", "more than 1,000 names"),
    ],
    ids=["no JSON", "written over lines", "too deep", "no Parquet", "too long", "too many names"],
)
def test_a_file_of_which_nothing_can_be_read_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "a.file"
    path.write_bytes(content)
    with pytest.raises(TabularError, match=message), as_csv(path):
        pass


def test_other_files_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("phone\n1\n")
    with as_csv(path) as table:
        assert (table.path, table.form) == (path, "text")


def test_records_have_names_and_take_no_others(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"phone": "+1"}\n')
    with as_csv(path) as table, pytest.raises(BadColumnsError, match="have names"):
        table.shape(columns=["phone"])


def test_moments_of_parquet_have_no_fraction_that_they_have_not_got(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    moments = [datetime(1990, 1, 2), datetime(1990, 1, 2, 3, 4, 5, 120_000)]  # noqa: DTZ001 - as pandas writes days
    zoned = [one.replace(tzinfo=UTC) for one in moments]
    pl.DataFrame({"birthday": moments, "at": zoned}).write_parquet(path)
    rows, _ = read(path)
    assert [row[:2] for row in rows] == [
        ("1990-01-02 00:00:00", "1990-01-02 00:00:00+00:00"),
        ("1990-01-02 03:04:05.120", "1990-01-02 03:04:05.120+00:00"),
    ]
