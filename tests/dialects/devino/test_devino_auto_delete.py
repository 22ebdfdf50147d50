"""autoDeleteEnabled: the worker's sweep deletes what is idle for two weeks, and what nothing can reach."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.dialects.devino.wire import Wire

from carillon.audience.contacts.retention import sweep_audiences
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.kit.ids import AudienceId

PHONE, MAIL = "79261112233", "dina@mail.example"
TWO_WEEKS = timedelta(days=14)


@pytest.fixture
def db(own_db: Database) -> Database:
    """A sweep goes over all accounts."""
    return own_db


async def sweep(wire: Wire) -> None:
    await sweep_audiences(wire.runtime.db)


async def test_a_contact_that_is_idle_for_more_than_two_weeks_is_deleted(wire: Wire) -> None:
    made = await wire.make(autoDeleteEnabled=True)
    await wire.add(made, {"phone": PHONE, "pushInfo": [{"os": 0, "pushToken": "t"}]})
    wire.clock.moment += TWO_WEEKS
    await wire.add(made, {"email": MAIL})
    await sweep(wire)
    assert len(await wire.contacts(made)) == 2
    wire.clock.moment += timedelta(seconds=1)
    await sweep(wire)
    assert [one["email"] for one in await wire.contacts(made)] == [MAIL]


async def test_a_contact_without_data_is_deleted_at_once(wire: Wire) -> None:
    made = await wire.make(autoDeleteEnabled=True)
    named = {"fields": [{"name": "name", "value": "Dina"}]}
    await wire.add(made, named, {}, {"phone": PHONE}, {"phone": PHONE}, {"email": MAIL})
    await wire.add(made, {"pushInfo": [{"os": 1, "pushToken": "t"}]})
    await sweep(wire)
    assert len(await wire.contacts(made)) == 4


async def test_a_contact_that_changes_is_in_use(wire: Wire) -> None:
    made = await wire.make(autoDeleteEnabled=True)
    await wire.add(made, {"phone": PHONE}, {"email": MAIL})
    wire.clock.moment += TWO_WEEKS
    inside = replace(wire.account.actor, audience_id=AudienceId(int(made)))
    row = ContactRow(phone=f"+{PHONE}", fields={"first_name": "Dina"})
    await wire.runtime.db.run(save_contact, inside, SaveContact(row=row))
    wire.clock.moment += timedelta(hours=1)
    await sweep(wire)
    assert [one["phone"] for one in await wire.contacts(made)] == [PHONE]


async def test_other_lists_are_not_swept(wire: Wire) -> None:
    made = await wire.make()
    default = str(wire.account.audience_id)
    for one in (made, default):
        await wire.add(one, {"phone": PHONE}, {})
    await wire.runtime.db.run(
        save_contact, wire.account.actor, SaveContact(row=ContactRow(landline="1"), contact_id=None)
    )
    wire.clock.moment += TWO_WEEKS * 10
    await sweep(wire)
    assert (len(await wire.contacts(made)), len(await wire.contacts(default))) == (2, 3)


async def test_more_than_one_turn_of_contacts_is_swept(wire: Wire) -> None:
    made = await wire.make(autoDeleteEnabled=True)
    await wire.add(made, *({"phone": f"7926{number:07}"} for number in range(2_300)))
    wire.clock.moment += TWO_WEEKS * 2
    await sweep(wire)
    assert await wire.contacts(made) == []
