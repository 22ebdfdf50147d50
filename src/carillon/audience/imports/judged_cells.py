"""Columns that may say who may be written to by their cells: those that nothing is taken from, and fields.

They are judged by the whole file, of which only as much is read as there are such columns (docs/adr/0069).
"""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from carillon.audience.consent_names import doubtful_kind, tells_why
from carillon.audience.consent_questions import asked_kind, refuses
from carillon.audience.export_columns import DEVICES_COLUMN, FIELD_PREFIX, GROUPS_COLUMN
from carillon.audience.imports.column_names import address_columns, repeated_addresses
from carillon.audience.imports.column_plan import ColumnPlan
from carillon.audience.imports.consent_columns import no_addresses, of_targets_or_none
from carillon.audience.imports.consent_words import ANSWERS, CellCounts, are_answers, likely_answer
from carillon.audience.imports.nested_consent import consent_within, is_nested
from carillon.audience.upsert.rows import shown
from carillon.errors import InvalidInputError
from carillon.tabular import FileShape, Table, read_chunks

# What stands for letters that an encoding doesn't have; a question's mark is behind all of them.
_LOST = re.compile(r"\ufffd|\?[^\W\d_]|\?\?")


@dataclass(slots=True)
class _Column:
    """A column that may still say it; `refused` makes the error from a cell that does."""

    name: str
    counts: CellCounts
    refused: Callable[[str], InvalidInputError]


@dataclass(slots=True)
class JudgedCells:
    """The columns that may still say it, and what the chunks so far have of each.

    `nested` are those whose cells may be objects or lists, in which names and values say it, with what to do about one.
    Those that are `mixed` have some, wherever in the file. `misread` are those whose names may have been read wrongly,
    in the encoding that was `guessed`, or lost letters before: answers in them may be to any question.
    """

    columns: list[_Column] = field(default_factory=list)
    nested: dict[str, str] = field(default_factory=dict)
    mixed: Collection[str] = ()
    guessed: str = ""
    misread: Sequence[str] = ()

    @property
    def is_open(self) -> bool:
        """Whether what comes further on may still say it."""
        return bool(self.columns or self.nested or self.misread)

    def check(self, frame: pl.DataFrame) -> None:
        """Raise InvalidInputError for `map` where the cells so far, with those of a chunk's frame, take something away.

        Columns whose cells are something else are judged no more.
        """
        for name in self.misread:
            if (cell := likely_answer(frame[name])) is not None:
                raise _lost(name, cell) if _LOST.search(name) else _misread(name, cell, self.guessed)
        self.misread = [name for name in self.misread if frame[name].null_count() == frame.height]
        for column in self.columns:
            column.counts.add(frame[column.name])
            if (cell := column.counts.taking()) is not None:
                raise column.refused(cell)
        self.columns = [column for column in self.columns if column.counts.may_take]
        for name, advice in [*self.nested.items()]:
            if (found := consent_within(frame[name])) is not None:
                raise _nested(name, found, advice)
            is_other = not is_nested(frame[name]) and frame[name].null_count() < frame.height
            if is_other and name not in self.mixed:
                del self.nested[name]


def answers_among_addresses(table: Table, shape: FileShape, rows: int) -> Sequence[str]:
    """Return the columns that are called like addresses and have answers in the first chunk.

    One that is the only one of its kind has some that give: nothing but *no* or 0 is what people write for no phone.
    """
    columns, others = address_columns(shape.header), repeated_addresses(shape.header)
    first = next(iter(read_chunks(table.path, shape, rows=rows)), None) if columns else None
    if first is None:
        return []
    return [name for name in columns if are_answers(first.frame[name], some_give=name not in others)]


def check_consent(table: Table, shape: FileShape, columns: ColumnPlan, rows: int) -> None:
    """Check all columns that say who may be written to, and those that may say it by their cells while they may.

    The file is read by `rows`. Raises InvalidInputError for `map`.
    """
    consent = columns.consent
    _require_parted(table, shape, columns)
    judged = judged_cells(columns.unknown, columns.fields, address_columns(columns.unknown))
    judged.mixed = {shape.header[place] for place in table.nested}
    if not shape.encoding_choice.is_sure:
        judged.guessed = shape.encoding_name
    judged.misread = [name for name in columns.unknown if _LOST.search(name) or (judged.guessed and not name.isascii())]
    if not (consent.is_checked or judged.is_open):
        return
    for chunk in read_chunks(table.path, shape, rows=rows):
        judged.check(chunk.frame)
        if consent.is_checked:
            consent.check(chunk.frame)
        elif not judged.is_open:
            return


def _require_parted(table: Table, shape: FileShape, columns: ColumnPlan) -> None:
    """Raise InvalidInputError for a column that says it and has merged cells: one of their rows has the value."""
    says = {*columns.targets, *columns.consents, *columns.own} - {GROUPS_COLUMN, DEVICES_COLUMN}
    for place, cells, in_first_row in table.merged:
        name = shape.header[place] if place < len(shape.header) else ""
        if name in says and not (in_first_row and shape.body_offset):  # they are no names
            message = (
                f"The column “{name[:60]}” says who may be written to, and cells are merged in it ({cells}): the value "
                "stands in the first row alone. Take them apart and fill in each row, or leave the column out: "
                f'--map "{name[:60]}=-".'
            )
            raise InvalidInputError("map", message)


def judged_cells(unknown: Iterable[str], fields: Mapping[str, str], addresses: Mapping[str, str]) -> JudgedCells:
    """Return what is judged of columns that nothing is taken from, and of fields that are known by their names alone.

    A custom field of an export is one, whatever is in it, and so are reasons: another column says who they are of.
    `fields` are the columns, with what `--map` calls what they hold. `addresses` are those unknown that are called like
    one, phone or email: beside another such column they may say by yes and no what somebody gets.
    """
    judged = JudgedCells()
    for column in unknown:
        if column.startswith(FIELD_PREFIX) or tells_why(column):
            continue
        judged.nested[column] = ""
        if column in addresses:
            refused = _answers(column, addresses[column])
            judged.columns.append(_Column(column, CellCounts("subscribed"), refused))
            continue
        judged.columns.append(_Column(column, CellCounts("status"), _left_out(column)))
        if kind := doubtful_kind(column) or asked_kind(column):
            judged.columns.append(_Column(column, CellCounts(ANSWERS[kind]), _asked(column, kind)))
        if refuses(column):
            judged.columns.append(_Column(column, CellCounts("unsubscribed"), _left_out(column)))
    for column, meant in fields.items():
        judged.columns.append(_Column(column, CellCounts("status"), _field(column, meant)))
        judged.nested[column] = f'say that it is one: --map "{column[:60]}={meant}", '
    return judged


def _answers(column: str, address: str) -> Callable[[str], InvalidInputError]:
    return lambda _cell: no_addresses(column, address)


def _asked(column: str, kind: str) -> Callable[[str], InvalidInputError]:
    name = column[:60]
    return lambda cell: InvalidInputError(
        "map",
        f"The column “{name}” looks as if it says by yes and no, such as “{shown(cell)[:60]}”, who may be written to, "
        f'and nothing is taken from it. Say what it is, for example --map "{name}={kind}" or '
        f'--map "{name}=sms_{kind}" {of_targets_or_none(name)}',
    )


def _misread(column: str, cell: str, guessed: str) -> InvalidInputError:
    name = column[:60]
    message = (
        f"The column “{name}” has yes and no in its cells, such as “{shown(cell)[:60]}”, and its name may be read "
        f"wrongly: the file's encoding was guessed, and may be another than {guessed}. If letters look wrong, "
        f"--encoding names another, for example --encoding cp1250; if they are right, --encoding {guessed} says so. "
        f'Or say what the column is, for example --map "{name}=unsubscribed" {of_targets_or_none(name)}'
    )
    return InvalidInputError("map", message)


def _lost(column: str, cell: str) -> InvalidInputError:
    name = column[:60]
    message = (
        f"The column “{name}” has yes and no in its cells, such as “{shown(cell)[:60]}”, and letters of its name were "
        f'lost when the file was made. Say what the column is, for example --map "{name}=unsubscribed" '
        f"{of_targets_or_none(name)}"
    )
    return InvalidInputError("map", message)


def _left_out(column: str) -> Callable[[str], InvalidInputError]:
    name = column[:60]
    advice = f'Say what it is, for example --map "{name}=status" or --map "{name}=sms_status"'
    return lambda cell: _statuses(column, cell, f"Nothing is taken from the column “{name}”", advice)


def _field(column: str, meant: str) -> Callable[[str], InvalidInputError]:
    name = column[:60]
    advice = f'Say which it is: --map "{name}={meant}", or --map "{name}=email_status"'
    return lambda cell: _statuses(column, cell, f"The column “{name}” is taken as {meant}", advice)


def _statuses(column: str, cell: str, taken: str, advice: str) -> InvalidInputError:
    message = (
        f"{taken}, and its values, such as “{shown(cell)[:60]}”, look as if they say who may be written to. "
        f"{advice} {of_targets_or_none(column[:60])}"
    )
    return InvalidInputError("map", message)


def _nested(column: str, found: str, advice: str) -> InvalidInputError:
    name = column[:60]
    message = (
        f"The values of “{name}” are objects or lists, in which “{shown(found)[:60]}” looks as if it said who may be "
        f'written to. Write that as a column of its own, {advice}or leave it out: --map "{name}=-".'
    )
    return InvalidInputError("map", message)
