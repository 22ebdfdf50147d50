"""What the contacts have for placeholders that a request's recipients leave open."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec

from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.messaging.prepare import read_numbers
from carillon.messaging.sendings import Send

SQL = load_statements("carillon.messaging", "contact_fields.sql")

# Numbers keep the digits that they were written with, as in exports.
_decode = msgspec.json.Decoder(dict[str, object], float_hook=str).decode


async def with_contact_fields(db: Database, actor: Actor, command: Send) -> Send:
    """Give recipients the values of `Send.contact_fields` that they lack: their contacts', which may be empty."""
    given = command.recipients
    values = given.values or [{} for _ in given.addresses]
    open_rows = [row for row, one in enumerate(values) if not command.contact_fields.keys() <= one.keys()]
    if not open_rows:
        return command
    numbers = read_numbers(given, actor.country)
    wanted = sorted({number for row in open_rows if (number := numbers[row])})
    found = await db.read(_values_of, actor, wanted)
    blank = dict.fromkeys(command.contact_fields, "")
    filled = list(values)
    for row in open_rows:
        of_contact = found.get(numbers[row] or "", {})
        own = {key: of_contact[name] for key, name in command.contact_fields.items() if name in of_contact}
        filled[row] = blank | own | dict(values[row])
    return replace(command, recipients=replace(given, values=filled))


async def _values_of(tx: Tx, actor: Actor, numbers: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    rows = await tx.fetch(SQL["values_of_numbers"], actor.account_id, actor.audience_id, list(numbers))
    return {
        row["phone"]: {name: as_text(value) for name, value in _decode(row["fields"]).items() if value is not None}
        | {name: row[name] for name in ("phone", "email", "external_id") if row[name]}
        for row in rows
    }


def as_text(value: object) -> str:
    """Write a field's value as JSON does, texts without quotes."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
