"""The upsert rule as plainly as it can be said: one row after another, against dictionaries."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from carillon.addresses.emails import read_email
from carillon.addresses.phones import read_phone
from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.upsert.rows import ContactRow

KEYS = ("phone", "email", "external_id")


@dataclass
class Person:
    keys: dict[str, str | None] = field(default_factory=lambda: dict.fromkeys(KEYS))
    email_given: str | None = None
    fields: dict[str, object] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)

    def says(self) -> tuple[SubscriptionStatus, ...]:
        """The person's status by phone and by e-mail: an unsubscription holds for another address too."""
        return tuple(
            SubscriptionStatus.NONE
            if not value
            else SubscriptionStatus.UNSUBSCRIBED
            if key in self.silent
            else SubscriptionStatus.SUBSCRIBED
            for key, value in self.keys.items()
            if key != "external_id"
        )

    def picture(self) -> tuple[object, ...]:
        """What a table row is compared by."""
        fields = tuple(sorted(self.fields.items()))
        return (*self.keys.values(), self.email_given, fields, tuple(sorted(self.groups)), self.says())


@dataclass
class Book:
    """An audience in memory."""

    people: list[Person] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("new", "updated", "unchanged", "failed"), 0))
    conflicts: list[tuple[int, str]] = field(default_factory=list)
    left_silent: set[str] = field(default_factory=set)

    def fall_silent(self) -> None:
        """Let everybody ask to be left alone, by phone and by e-mail."""
        for person in self.people:
            person.silent = {"phone", "email"}

    def take_batch(self, rows: Sequence[ContactRow]) -> None:
        """Take rows; what was said of an address that somebody leaves holds for whoever has it then."""
        before = {id(person): dict(person.keys) for person in self.people}
        for number, row in enumerate(rows, 1):
            self.take(number, row)
        moved = [
            (person, key, old, person.keys[key])
            for person in self.people
            for key in ("phone", "email")
            if (old := before.get(id(person), {}).get(key)) != person.keys[key]
        ]
        self.left_silent |= {old for person, key, old, _ in moved if old and key in person.silent}
        for person, key, _, new in moved:
            if new in self.left_silent:
                person.silent.add(key)

    def take(self, number: int, row: ContactRow) -> None:
        keys = _read_keys(row)
        if not any(keys.values()):
            self.counts["failed"] += 1
            return
        person = next((found for key in KEYS if keys[key] and (found := self._owner(key, keys[key]))), None)
        is_new = person is None
        if person is None:
            person = Person()
            self.people.append(person)
        before = person.picture()[:-2]
        for key in KEYS:
            self._set_key(number, person, key, keys[key], row)
        for name, text in row.fields.items():
            if text:
                person.fields[name] = text
            else:
                person.fields.pop(name, None)
        changed = person.picture()[:-2] != before
        self.counts["new" if is_new else "updated" if changed else "unchanged"] += 1
        person.groups -= set(row.remove_from)
        person.groups |= set(row.add_to)

    def _owner(self, key: str, value: str | None) -> Person | None:
        return next((person for person in self.people if person.keys[key] == value), None)

    def _set_key(self, number: int, person: Person, key: str, value: str | None, row: ContactRow) -> None:
        if value is None:
            return
        owner = self._owner(key, value) if value else None
        if owner is not None and owner is not person:
            self.conflicts.append((number, key))
            return
        person.keys[key] = value or None
        if key == "email":
            reading = read_email(row.email or "")
            person.email_given = reading.given if reading else None


def _read_keys(row: ContactRow) -> dict[str, str | None]:
    phone = read_phone(row.phone, "IL") if row.phone else None
    email = read_email(row.email) if row.email else None
    return {
        "phone": row.phone if row.phone == "" else phone.digits if phone else None,
        "email": row.email if row.email == "" else email.key if email else None,
        "external_id": row.external_id,
    }
