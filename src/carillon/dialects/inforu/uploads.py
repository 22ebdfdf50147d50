"""Uploads in InforU's words: rows into the engine's rows, its report into statistics. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from carillon.audience.rows import ContactRow, RowError
from carillon.audience.upsert import UpsertReport
from carillon.dialects.inforu.fields import CONTACT_FIELDS, KEY_FIELDS, ROW_INSTRUCTIONS, SHOWN_FIELDS
from carillon.dialects.inforu.reading import read_flag, read_text
from carillon.dialects.inforu.replies import UploadError, UploadReport
from carillon.errors import InvalidInputError, JobNotFoundError

TOKEN_PREFIX = "BodyPart_"  # noqa: S105 - the vendor's word for the id of an upload
_DELETE = "delete"
_EVENTS = "handleevents"
_MAX_SHOWN_CHARACTERS = 200


class Wording(NamedTuple):
    """How an engine's error code is told: ErrorCode, and the start of ErrorMessage, which the field's name ends."""

    error_code: int
    message: str
    is_ours: bool


# -92 is the reference's; the others are ours, in the same row.
WORDINGS: Mapping[str, Wording] = {
    "invalid": Wording(-92, "UploadError.InvalidValueForField", is_ours=False),
    "too_long": Wording(-93, "UploadError.ValueTooLongForField", is_ours=True),
    "conflict": Wording(-94, "UploadError.ValueOfAnotherContactForField", is_ours=True),
    "missing_key": Wording(-95, "UploadError.NoKeyIn", is_ours=True),
    "unknown_field": Wording(-97, "UploadError.UnknownField", is_ours=True),
}

# What the engine calls the fields of its errors, in the vendor's words.
_WORDS: Mapping[str, str] = {
    **{field.slot: field.name for field in (*CONTACT_FIELDS, *ROW_INSTRUCTIONS)},
    "group": "AddToGroupName",
    "device": "FirebaseToken",
    "row": "Row",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """Rows for the engine, and the numbers (from 1) of those that may start automations."""

    rows: Sequence[ContactRow]
    with_events: Sequence[int]


class _UnreadableError(Exception):
    """A value that no field can take; the row is given up."""


def read_rows(given: Sequence[Mapping[str, Any]]) -> Upload:
    """Map rows. Null and blank values leave the contact's as they are; `delete` for an address takes it away.

    A row needs Email or PhoneNumber, or ContactRefId together with FirebaseToken or with an address to delete;
    otherwise it fails, alone.
    """
    with_events: list[int] = []
    rows: list[ContactRow] = []
    find_field = _FIELDS.get
    for number, values in enumerate(given, 1):
        fields: dict[str, str] = {}
        row = ContactRow(fields=fields)
        rows.append(row)
        for key, value in values.items():
            # The hot path, for a text in a field that is spelt as in the reference; `_take` knows all the rest.
            name = find_field(key)
            if name is not None and value.__class__ is str and value and "\0" not in value and not value.isspace():
                fields[name] = value
            elif value is not None and value != "":
                try:
                    if _take(row, key, value):
                        with_events.append(number)
                except _UnreadableError:
                    row.failure = _failure(number, key, value)
        if row.failure is None and not _has_key(row):
            row.failure = RowError(number, "row", "missing_key", "", "The row has neither Email nor PhoneNumber.")
    return Upload(rows=rows, with_events=with_events)


def _take(row: ContactRow, key: str, value: object) -> bool:
    """Put a value that isn't empty into a row; tell whether it lets the row start automations."""
    if value.__class__ is str:
        if value.isspace():
            return False
        if "\0" in value:
            raise _UnreadableError
    elif not isinstance(value, list):
        value = _leaf(value)
    if setter := (_SETTERS.get(key) or _SETTERS.get(key.lower())):
        setter(row, value)
    elif name := _FIELDS.get(key.lower()):
        row.fields[name] = _leaf(value)
    else:
        return key.lower() == _EVENTS and bool(_flag(value))
    return False


def _has_key(row: ContactRow) -> bool:
    if row.phone or row.email:
        return True
    return bool(row.external_id and (row.device_token or row.phone == "" or row.email == ""))


def _failure(number: int, key: str, value: object) -> RowError:
    shown = str(value).replace("\0", "\ufffd")[:_MAX_SHOWN_CHARACTERS]
    slot = _SLOTS.get(key.lower(), key)
    return RowError(number, slot, "invalid", shown, "A text without NUL belongs here.")


def _leaf(value: object) -> str:
    if isinstance(value, str):
        return value
    try:
        return read_text(value, "")
    except InvalidInputError as error:
        raise _UnreadableError from error


def _flag(value: object) -> bool | None:
    try:
        return read_flag(value, "")
    except InvalidInputError as error:
        raise _UnreadableError from error


def _names(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    texts = value if isinstance(value, list) else [value]
    return [text for text in map(_leaf, texts) if text.strip()]


def _address(value: object) -> str:
    text = _leaf(value)
    return "" if text[:1] in "dD \t" and text.strip().lower() == _DELETE else text


def _set_phone_alias(row: ContactRow, value: object) -> None:
    if row.phone is None:
        row.phone = _address(value)


def _setter(attribute: str, read: Callable[[object], object]) -> "_Setter":
    def put(row: ContactRow, value: object) -> None:
        setattr(row, attribute, read(value))

    return put


_Setter = Callable[[ContactRow, object], None]

_BY_SLOT: Mapping[str, _Setter] = {
    "phone": _setter("phone", _address),
    "email": _setter("email", _address),
    "external_id": _setter("external_id", _leaf),
    "device_token": _setter("device_token", _leaf),
    "device_platform": _setter("device_platform", _leaf),
    "add_to": _setter("add_to", _names),
    "remove_from": _setter("remove_from", _names),
}


def _both_cases(name: str) -> tuple[str, str]:
    return name, name.lower()


_FIELDS: Mapping[str, str] = {key: field.slot for field in SHOWN_FIELDS for key in _both_cases(field.name)}
_SETTERS: Mapping[str, _Setter] = {
    **{key: _set_phone_alias for field in KEY_FIELDS for alias in field.aliases for key in _both_cases(alias)},
    **{
        key: _BY_SLOT[field.slot]
        for field in (*KEY_FIELDS, *ROW_INSTRUCTIONS)
        if field.slot in _BY_SLOT
        for key in _both_cases(field.name)
    },
}
_SLOTS: Mapping[str, str] = {
    name.lower(): field.slot for field in (*CONTACT_FIELDS, *ROW_INSTRUCTIONS) for name in (field.name, *field.aliases)
}


def show_report(upload_id: UUID, report: UpsertReport) -> UploadReport:
    """Present the engine's report as an upload's statistics."""
    return UploadReport(
        upload_token=show_token(upload_id),
        rows=report.rows,
        contacts_updates=report.updated,
        contacts_new=report.new,
        contacts_existing=report.unchanged,
        rows_failed=report.failed,
        count_errors=report.error_count,
        errors=[_show_error(error) for error in report.errors],
    )


def _show_error(error: RowError) -> UploadError:
    name = _WORDS.get(error.field, error.field)
    wording = WORDINGS[error.code]
    return UploadError(
        row_number=error.row,
        error_code=wording.error_code,
        field_name=name,
        actual_field_name=name,
        error_value=error.value,
        error_message=f"{wording.message}{name}",
    )


def show_token(upload_id: UUID) -> str:
    """Write an upload's id as its token."""
    return f"{TOKEN_PREFIX}{upload_id}"


def read_token(token: str) -> UUID:
    """Read a token. Raises JobNotFoundError for what can't be one."""
    try:
        return UUID(token.strip().removeprefix(TOKEN_PREFIX))
    except ValueError as error:
        raise JobNotFoundError from error
