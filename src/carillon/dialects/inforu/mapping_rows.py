"""Uploads: InforU's rows into the engine's, the engine's report into InforU's statistics. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from carillon.audience.upsert.rows import ContactRow, RowError, UpsertReport, shown
from carillon.dialects.inforu.mapping_fields import CONTACT_FIELDS, KEY_FIELDS, ROW_INSTRUCTIONS, SHOWN_FIELDS
from carillon.dialects.inforu.replies import UploadError, UploadReport
from carillon.dialects.reading import as_json, read_flag, read_text
from carillon.errors import InvalidInputError, JobNotFoundError

TOKEN_PREFIX = "BodyPart_"  # noqa: S105 - what the vendor has before the id of an upload
_DELETE = "delete"
_EVENTS = "handleevents"


class ErrorCode(NamedTuple):
    """InforU's ErrorCode of a row's error, and the start of ErrorMessage, which the field's name ends."""

    error_code: int
    message: str
    is_ours: bool


# -92 is the reference's; the others are ours, in the same row.
ERROR_CODES: Mapping[str, ErrorCode] = {
    "invalid": ErrorCode(-92, "UploadError.InvalidValueForField", is_ours=False),
    "too_long": ErrorCode(-93, "UploadError.ValueTooLongForField", is_ours=True),
    "conflict": ErrorCode(-94, "UploadError.ValueOfAnotherContactForField", is_ours=True),
    "missing_key": ErrorCode(-95, "UploadError.NoKeyIn", is_ours=True),
    "not_written": ErrorCode(-98, "UploadError.NotWritten", is_ours=True),
    "unknown_field": ErrorCode(-97, "UploadError.UnknownField", is_ours=True),
}

# The vendor's names of the fields that errors name.
_FIELD_NAMES: Mapping[str, str] = {
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


def read_rows(given: Sequence[Any]) -> Upload:
    """Map rows. Null and blank values leave the contact's as they are; `delete` for an address takes it away.

    A row needs Email or PhoneNumber, or ContactRefId together with FirebaseToken or with an address to delete;
    otherwise it fails, alone, as what is no object does. A value that can't be read costs only its field.
    """
    with_events: list[int] = []
    rows: list[ContactRow] = []
    for number, values in enumerate(given, 1):
        row = ContactRow(fields={})
        rows.append(row)
        if not isinstance(values, dict):
            row.failure = RowError(number, "row", "invalid", _shown(values), "An object belongs here.")
        elif _read_row(row, number, values):
            with_events.append(number)
    return Upload(rows=rows, with_events=with_events)


def _read_row(row: ContactRow, number: int, values: Mapping[str, Any]) -> bool:
    """Put an object's values into a row; return whether the row may start automations."""
    starts_events = False
    find = _TARGETS.get
    for key, value in values.items():
        target = find(key)
        # The hot path: a text or a whole number under a name in the reference's spelling. `_take` knows the rest.
        if target is not None and value.__class__ is str and "\0" not in value:
            if value and not value.isspace():
                target(row, value)
        elif target is not None and value.__class__ is int:
            target(row, str(value))
        elif value is not None and value != "":
            try:
                starts_events |= _take(row, key.lower(), value)
            except InvalidInputError:
                row.errors = [*row.errors, _unreadable(number, key, value)]
    if not _has_key(row):
        _fail(row, number)
    return starts_events


def _take(row: ContactRow, lowered: str, value: object) -> bool:
    """Put a value that isn't empty into a row; return whether the row may start automations by it."""
    if lowered == _EVENTS:
        return bool(read_flag(value, ""))
    if isinstance(value, list) and lowered in _LISTS:
        names = [read_text(name, "") for name in value if name is not None]
        setattr(row, _LISTS[lowered], [name for name in names if not name.isspace()])
    elif target := _TARGETS.get(lowered):
        text = read_text(value, "")
        if not text.isspace():
            target(row, text)
    return False


def _has_key(row: ContactRow) -> bool:
    if row.phone or row.email:
        return True
    return bool(row.external_id and (row.device_token or row.phone == "" or row.email == ""))


def _fail(row: ContactRow, number: int) -> None:
    """Fail a row without a key: for the key that couldn't be read, where there is one."""
    unread = [error for error in row.errors if error.field in _KEY_SLOTS]
    if unread:
        row.failure = unread[0]
        row.errors = [error for error in row.errors if error is not unread[0]]
    else:
        row.failure = RowError(number, "row", "missing_key", "", "The row has neither Email nor PhoneNumber.")


def _unreadable(number: int, key: str, value: object) -> RowError:
    slot = _SLOTS.get(key.lower(), key)
    return RowError(number, slot, "invalid", _shown(value), "A text without NUL belongs here.")


def _shown(value: object) -> str:
    return shown(value if isinstance(value, str) else as_json(value))


def _kept(address: str) -> str:
    return "" if address[:1] in "dD \t" and address.strip().lower() == _DELETE else address


def _set_phone(row: ContactRow, text: str) -> None:
    row.phone = _kept(text)


def _set_phone_alias(row: ContactRow, text: str) -> None:
    if row.phone is None:
        row.phone = _kept(text)


def _set_email(row: ContactRow, text: str) -> None:
    row.email = _kept(text)


def _set_external_id(row: ContactRow, text: str) -> None:
    row.external_id = None if text.strip() == "0" else text  # as .NET writes a number that was never set


def _set_device_token(row: ContactRow, text: str) -> None:
    row.device_token = text


def _set_device_platform(row: ContactRow, text: str) -> None:
    row.device_platform = text


def _set_add_to(row: ContactRow, text: str) -> None:
    row.add_to = [text]


def _set_remove_from(row: ContactRow, text: str) -> None:
    row.remove_from = [text]


def _set_gender(row: ContactRow, text: str) -> None:
    # 0 is what a client that knows no null sends for "not known".
    if text.strip() != "0":
        row.fields["gender"] = text


_Target = Callable[[ContactRow, str], None]


def _field(name: str) -> _Target:
    def put(row: ContactRow, text: str) -> None:
        row.fields[name] = text

    return put


_OWN_TARGETS: Mapping[str, _Target] = {
    "phone": _set_phone,
    "email": _set_email,
    "external_id": _set_external_id,
    "gender": _set_gender,
    "device_token": _set_device_token,
    "device_platform": _set_device_platform,
    "add_to": _set_add_to,
    "remove_from": _set_remove_from,
}
_EXACT_TARGETS: Mapping[str, _Target] = {
    **{alias: _set_phone_alias for field in KEY_FIELDS for alias in field.aliases},
    **{field.name: _field(field.slot) for field in SHOWN_FIELDS},
    **{
        field.name: _OWN_TARGETS[field.slot]
        for field in (*CONTACT_FIELDS, *ROW_INSTRUCTIONS)
        if field.slot in _OWN_TARGETS
    },
}
# Under each name in the reference's spelling, and in lower case.
_TARGETS: Mapping[str, _Target] = {
    key: target for name, target in _EXACT_TARGETS.items() for key in (name, name.lower())
}
_KEY_SLOTS = {field.slot for field in KEY_FIELDS}
_LISTS = {field.name.lower(): field.slot for field in ROW_INSTRUCTIONS if field.slot in {"add_to", "remove_from"}}
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
    name = _FIELD_NAMES.get(error.field, error.field)
    code = ERROR_CODES[error.code]
    return UploadError(
        row_number=error.row,
        error_code=code.error_code,
        field_name=name,
        actual_field_name=name,
        error_value=error.value,
        error_message=f"{code.message}{name}",
    )


def show_token(upload_id: UUID) -> str:
    """Write an upload's id as its token."""
    return f"{TOKEN_PREFIX}{upload_id}"


def read_token(token: str) -> UUID:
    """Read a token, whatever its case. Raises JobNotFoundError for what can't be one."""
    try:
        return UUID(token.strip().lower().removeprefix(TOKEN_PREFIX.lower()))
    except ValueError as error:
        raise JobNotFoundError from error
