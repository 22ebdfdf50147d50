"""What a workbook (XLSX) is made of: its sheets, where their rows and texts are, and which of its formats are dates.

These are small parts, read as a whole, without what nobody here asks for (fonts, names, views), so that no program's
way of writing that is an obstacle.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from xml.etree.ElementTree import Element, fromstring
from zipfile import ZipFile

from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format, is_timedelta_format
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH

from carillon.tabular.errors import TabularError, UnreadableFileError

_MAX_PART: Final = 32 * 1024**2
_PACKAGE: Final = ""
_ZEROS: Final = re.compile("0{2,30}")
_IDS: Final = (
    "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id",
    "{http://purl.oclc.org/ooxml/officeDocument/relationships}id",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkbookParts:
    """What a workbook is made of.

    `sheets` are those that are shown, by name, and where their rows are; `texts` is where the texts that cells share
    are. Styles are named as cells name them, by their numbers; `widths` are those of styles that show leading zeros.
    """

    sheets: dict[str, str]
    texts: str | None
    epoch: datetime
    date_styles: frozenset[str]
    duration_styles: frozenset[str]
    widths: dict[str, int]

    def chosen(self, sheet: str | None) -> str:
        """Return the name of a sheet, or of the first. Raises TabularError, with the names that there are."""
        if sheet is None and self.sheets:
            return next(iter(self.sheets))
        if sheet is None:
            raise TabularError("The workbook shows no sheet.")
        if sheet not in self.sheets:
            listed = ", ".join(f"“{name}”" for name in self.sheets)
            raise TabularError(f"The workbook has no sheet “{sheet}”. Its sheets: {listed}.")
        return sheet


def read_parts(archive: ZipFile) -> WorkbookParts:
    """Read what a workbook is made of.

    Raises UnreadableFileError for what is too large, and what ElementTree, a ZipFile and dictionaries raise for what is
    broken.
    """
    (place,) = (target for kind, target, _ in _relations(archive, _PACKAGE) if kind == "officeDocument")
    book = _root(archive, place)
    by_kind = dict[str, str]()
    by_id = dict[str, str]()
    for kind, target, relation in _relations(archive, place):
        by_kind.setdefault(kind, target)
        if kind == "worksheet":
            by_id[relation] = target
    sheets = [sheet for sheet in _within(book, "sheets") if sheet.get("state", "visible") == "visible"]
    properties = next((one for one in book if _local(one) == "workbookPr"), None)
    is_of_1904 = properties is not None and properties.get("date1904") in {"1", "true"}
    formats = dict(_formats(archive, by_kind["styles"])) if "styles" in by_kind else {}
    return WorkbookParts(
        sheets={sheet.attrib["name"]: by_id[_id(sheet)] for sheet in sheets if _id(sheet) in by_id},
        texts=by_kind.get("sharedStrings"),
        epoch=MAC_EPOCH if is_of_1904 else WINDOWS_EPOCH,
        date_styles=frozenset(style for style, code in formats.items() if is_date_format(code)),
        duration_styles=frozenset(style for style, code in formats.items() if is_timedelta_format(code)),
        widths={style: len(code) for style, code in formats.items() if code and _ZEROS.fullmatch(code)},
    )


def _relations(archive: ZipFile, part: str) -> Iterator[tuple[str, str, str]]:
    """Yield the last path segment of each relation's type, the part that it leads to, and its id."""
    folder, name = posixpath.split(part)
    for one in _root(archive, posixpath.join(folder, "_rels", f"{name}.rels")):
        if one.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", folder, one.attrib["Target"])).removeprefix("/")
            yield one.attrib["Type"].rpartition("/")[2], target, one.attrib["Id"]


def _formats(archive: ZipFile, part: str) -> Iterator[tuple[str, str | None]]:
    """Yield the numbers of styles with the codes of their formats."""
    root = _root(archive, part)
    own = {one.attrib["numFmtId"]: one.get("formatCode") for one in _within(root, "numFmts")}
    for style, one in enumerate(_within(root, "cellXfs")):
        number = one.get("numFmtId", "0")
        yield str(style), own.get(number) or BUILTIN_FORMATS.get(int(number))


def _root(archive: ZipFile, part: str) -> Element:
    """Parse a part of bounded size; one with a document type, and so with entities, is refused."""
    if archive.getinfo(part).file_size > _MAX_PART:
        raise UnreadableFileError(f"A part of the workbook is larger than {_MAX_PART // 1024**2} MiB.")
    content = archive.read(part)
    if b"<!DOCTYPE" in content:
        raise ValueError("a document type")
    return fromstring(content)  # noqa: S314 - as above


def _within(root: Element, name: str) -> list[Element]:
    return [child for one in root if _local(one) == name for child in one]


def _local(element: Element) -> str:
    """Return an element's name without its namespace, of which there are two: a strict and a usual one."""
    return str(element.tag).rpartition("}")[2]


def _id(sheet: Element) -> str:
    return next(filter(None, (sheet.get(name) for name in _IDS)), "")
