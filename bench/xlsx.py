"""Rows a second of reading a workbook as an import does, against what openpyxl and python-calamine read bare.

    python -m bench.xlsx [--rows 100000] [--rounds 5]

The workbook has the rows of the other benches, with texts shared as Excel shares them, phones that are numbers, and
birthdays that are dates. In turns, each in a process of its own: `write_sheet` (rows as CSV on disk), openpyxl's
read-only rows without anything done with them, and python-calamine's, where it is installed (it is no dependency).
Each line has the medians of rows/s, and the memory that a workbook of all rows takes beyond one of a hundredth of them.
The last one has the ratio to openpyxl, which must be 0.5 at least, or 30,000 rows/s.
"""

import argparse
import csv
import importlib.util
import statistics
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import IO, Final
from xml.sax.saxutils import escape
from zipfile import ZIP_DEFLATED, ZipFile

from bench.corpus import HEADER, rows

LEAST_RATIO: Final = 0.5
LEAST_PACE: Final = 30_000
DAY_ZERO: Final = date(1899, 12, 30)
MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
TYPES: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml"

PARTS: Final = {
    "[Content_Types].xml": (
        f'<Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{TYPES}.sheet.main+xml"/>'
        f'<Override PartName="/xl/styles.xml" ContentType="{TYPES}.styles+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{TYPES}.sharedStrings+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPES}.worksheet+xml"/></Types>'
    ),
    "_rels/.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
    ),
    "xl/_rels/workbook.xml.rels": (
        f'<Relationships xmlns="{PACKAGE}/relationships">'
        f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="rId2" Type="{OFFICE}/styles" Target="styles.xml"/>'
        f'<Relationship Id="rId3" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>'
    ),
    "xl/workbook.xml": (
        f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets>'
        "</workbook>"
    ),
    "xl/styles.xml": (
        f'<styleSheet xmlns="{MAIN}"><fonts count="1"><font/></fonts>'
        '<fills count="1"><fill><patternFill patternType="none"/></fill></fills><borders count="1"><border/></borders>'
        '<cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
        "</styleSheet>"
    ),
}

OURS: Final = """
from carillon.tabular.workbook import write_sheet
def read(path):
    with path.with_suffix(".csv").open("wb") as target:
        write_sheet(path, None, target)
"""
OPENPYXL: Final = """
from openpyxl import load_workbook
def read(path):
    for _ in load_workbook(path, read_only=True).worksheets[0].iter_rows(values_only=True):
        pass
"""
CALAMINE: Final = """
from python_calamine import load_workbook
def read(path):
    for _ in load_workbook(path).get_sheet_by_index(0).iter_rows():
        pass
"""
READ: Final = """
import time
from pathlib import Path
small, large = Path({small!r}), Path({large!r})
{reader}
def peak():
    # Of this program alone; what getrusage has is the most of it and of the one that started it.
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024
read(small)
before, began = peak(), time.perf_counter()
read(large)
print(time.perf_counter() - began, peak() - before)
"""


def write_workbook(path: Path, count: int) -> None:
    """Write the rows of the corpus as Excel would."""
    texts: dict[str, int] = {}
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        for name, part in PARTS.items():
            archive.writestr(name, part)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{MAIN}"><sheetData>'.encode())
            for number, cells in enumerate(csv.reader([HEADER, *rows(count)]), 1):
                write_row(sheet, number, cells, texts)
            sheet.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w") as shared:
            shared.write(f'<sst xmlns="{MAIN}">'.encode())
            for text in texts:
                shared.write(f"<si><t>{escape(text)}</t></si>".encode())
            shared.write(b"</sst>")


def write_row(sheet: IO[bytes], number: int, cells: list[str], texts: dict[str, int]) -> None:
    """Write one row: digits as a number, a day as a date, all else as a text that is shared."""
    written = []
    for place, cell in enumerate(cells):
        reference = f"{chr(ord('A') + place)}{number}"
        if cell.isdigit() and not cell.startswith("0"):
            written.append(f'<c r="{reference}"><v>{cell}</v></c>')
        elif place == len(cells) - 1 and number > 1 and cell:
            days = (date.fromisoformat(cell) - DAY_ZERO).days
            written.append(f'<c r="{reference}" s="1"><v>{days}</v></c>')
        elif cell:
            written.append(f'<c r="{reference}" t="s"><v>{texts.setdefault(cell, len(texts))}</v></c>')
    sheet.write(f'<row r="{number}" spans="1:{len(cells)}">{"".join(written)}</row>'.encode())


def measure(reader: str, small: Path, large: Path) -> tuple[float, int]:
    """Read in a process of its own; seconds and megabytes."""
    program = READ.format(reader=reader, small=str(small), large=str(large))
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603
    seconds, megabytes = done.stdout.split()
    return float(seconds), int(megabytes)


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    readers = {"write_sheet": OURS, "openpyxl": OPENPYXL}
    if importlib.util.find_spec("python_calamine"):
        readers["calamine"] = CALAMINE
    paces: dict[str, list[float]] = {name: [] for name in readers}
    grown: dict[str, int] = dict.fromkeys(readers, 0)
    with tempfile.TemporaryDirectory(prefix="carillon-bench-") as name:
        small, large = Path(name) / "small.xlsx", Path(name) / "large.xlsx"
        write_workbook(small, arguments.rows // 100)
        write_workbook(large, arguments.rows)
        for turn in range(arguments.rounds):
            for reader in list(readers) if turn % 2 else reversed(list(readers)):
                seconds, megabytes = measure(readers[reader], small, large)
                paces[reader].append(arguments.rows / seconds)
                grown[reader] = max(grown[reader], megabytes)
    for reader, found in paces.items():
        print(f"{reader}: {statistics.median(found):,.0f} rows/s, {grown[reader]} MB")
    ratio = statistics.median(ours / bare for ours, bare in zip(paces["write_sheet"], paces["openpyxl"], strict=True))
    limit = f"at least {LEAST_RATIO}, or {LEAST_PACE:,} rows/s"
    print(f"write_sheet to openpyxl: ratio {ratio:.2f} ({limit})")
    if ratio < LEAST_RATIO and statistics.median(paces["write_sheet"]) < LEAST_PACE:
        raise SystemExit(f"a workbook is read too slowly: {limit}")


if __name__ == "__main__":
    main()
