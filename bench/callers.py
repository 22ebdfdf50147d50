"""Callers of every dialect, and the same rows in the words of each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bench.calls import Connection, basic
from bench.corpus import HEADER, rows
from bench.served import Served

LISTS = "/services/api/v1/list"

Row = dict[str, str]

# What Apifon and Devino have no custom fields for.
_NO_FIELDS = {"Phone", "Email", "External id", "Birthday"}


def people(count: int, start: int) -> list[Row]:
    """Make rows whose phones are written internationally, as all dialects read them."""
    names = HEADER.split(",")
    found = [dict(zip(names, line.rstrip("\n").split(","), strict=True)) for line in rows(count, start=start)]
    for row in found:
        phone = row["Phone"]
        row["Phone"] = f"+{phone[2:]}" if phone.startswith("00") else f"+972{phone[1:]}" if phone[:1] == "0" else phone
    return found


def inforu_row(row: Row) -> Row:
    """Write a row for InforU."""
    names = {"Phone": "PhoneNumber", "External id": "ContactRefId", "City": "Text3"}
    names |= {"First name": "FirstName", "Last name": "LastName"}
    return {names.get(name, name): value for name, value in row.items() if name != "Birthday"}


def apifon_row(row: Row) -> dict[str, Any]:
    """Write a row for Apifon."""
    fields = {_identifier(name): value for name, value in row.items() if name not in _NO_FIELDS}
    return {"destination": row["Phone"], "email": row["Email"], "subscriber_fields": fields}


def _identifier(name: str) -> str:
    return name.upper().replace(" ", "_")


def devino_row(row: Row) -> dict[str, Any]:
    """Write a row for Devino."""
    names = {"First name": "name", "Last name": "surname"}
    fields = [
        {"name": names.get(name, name.lower()), "value": value} for name, value in row.items() if name not in _NO_FIELDS
    ]
    return {"phone": row["Phone"], "email": row["Email"], "fields": fields}


def nrs_row(row: Row) -> dict[str, Any]:
    """Write a row for 360NRS."""
    fields = [{"key": key, "value": row[name]} for key, name in (("text1", "Text1"), ("text2", "Text2"))]
    names = {"name": row["First name"], "surname": row["Last name"]}
    return {
        "phone": row["Phone"].lstrip("+"),
        "email": row["Email"],
        "countryIso": "IL",
        **names,
        "customFields": fields,
        "groupsNames": ["Friends"],
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """How a dialect is called in an account of its own."""

    server: Served
    account_id: int
    audience_id: int
    head: str

    def connection(self) -> Connection:
        """Open a connection."""
        return Connection(self.server, self.head)


def caller_of(
    server: Served, dialect: str, account: tuple[int, int] | None = None, *, traffic: str | None = None
) -> Caller:
    """Return a caller of a dialect, in a new account unless one is given; `traffic` is what its messages are for."""
    if account is None:
        made = server.command("account", "create", "Bench", "--country", "IL")
        account = int(str(made["account_id"])), int(str(made["audience_id"]))
    options = ("--traffic", traffic) if traffic else ()
    key = {name: str(value) for name, value in server.credential(account[0], dialect, *options).items()}
    match dialect:
        case "inforu":
            head = f"Authorization: {basic(key['username'], key['token'])}"
        case "nrs":
            head = f"Authorization: {basic(key['username'], key['password'])}"
        case "inwise":
            head = f"X-API-Key: {key['key']}"
        case "devino":
            head = f"Authorization: Key {key['key']}"
        case _:
            asking = Connection(server, f"Authorization: {basic(key['client_id'], key['client_secret'])}")
            token = json.loads(asking.send(asking.written("POST", "/oauth2/token")))["access_token"]
            head = f"Authorization: Bearer {token}"
    return Caller(server=server, account_id=account[0], audience_id=account[1], head=head)


def define_fields(caller: Caller) -> None:
    """Define in an Apifon list the fields that its rows have."""
    connection = caller.connection()
    for name in HEADER.split(","):
        if name not in _NO_FIELDS:
            kind = "NUMBER" if name == "Number1" else "TEXT"
            field = {"name": name, "type": kind, "length": 100}
            connection.send(connection.written("POST", f"{LISTS}/{caller.audience_id}/field", field))


def batch_request(dialect: str, caller: Caller, given: Sequence[Row]) -> bytes:
    """Write down a request that brings many rows."""
    writing = caller.connection()
    match dialect:
        case "inforu":
            body: dict[str, Any] = {"Data": {"List": [inforu_row(row) for row in given]}}
            return writing.written("POST", "/api/v2/Contact/CreateOrUpdateContacts", body)
        case "apifon":
            body = {"update_on_duplicate": True, "subscribers": [apifon_row(row) for row in given]}
            return writing.written("POST", f"{LISTS}/{caller.audience_id}/subscriber/bulk", body)
    body = {
        "contactGroupId": caller.audience_id,
        "duplicateCheckField": "phone",
        "contacts": [devino_row(row) for row in given],
    }
    return writing.written("POST", "/address-book-api/contacts/batch", body)
