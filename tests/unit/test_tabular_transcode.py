"""NDJSON and Parquet are read as the CSV that they are transcoded to."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from carillon.tabular import BadColumnsError, TabularError, as_csv


def transcoded(path: Path) -> str:
    with as_csv(path) as table:
        assert table.form == "records"
        assert table.path.stat().st_mode & 0o077 == 0
        return table.path.read_text("utf-8")


def test_records_of_ndjson_are_rows_under_all_names_that_any_has(tmp_path: Path) -> None:
    path = tmp_path / "a.ndjson"
    path.write_text('{"phone": "+1", "n": 1234567890123456.123}\n\n{"name": "a,\\"b\\"\\nc", "is": true, "n": null}\n')
    assert transcoded(path) == 'phone,n,name,is\n+1,1234567890123456.123,,\n,,"a,""b""\nc",true\n'


def test_parquet_is_read_as_texts_a_slice_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carillon.tabular.transcode._ROWS", 2)
    path = tmp_path / "a.parquet"
    frame = pl.DataFrame({"id": [1, 2, 3], "on": [True, None, False], "day": [date(2024, 2, 3), None, None]})
    frame.write_parquet(path)
    assert transcoded(path) == "id,on,day\n1,true,2024-02-03\n2,,\n3,false,\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\nnothing\n', "Line 2 is no JSON object."),
        (b'{"a": 1}\n[1]\n', "Line 2 is no JSON object."),
        (b"PAR1 and nothing else", "is no Parquet file"),
        (b'{"a": "' + b"x" * 1_100_000 + b'"}', "Line 1 is longer"),
        (b"{" + b",".join(b'"%d": 1' % number for number in range(1_001)) + b"}", "more than 1,000 names"),
    ],
    ids=["no JSON", "no object", "no Parquet", "too long", "too many names"],
)
def test_what_cannot_be_read_is_refused_by_its_line(tmp_path: Path, content: bytes, message: str) -> None:
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
