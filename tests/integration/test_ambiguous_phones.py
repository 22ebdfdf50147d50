"""Digits without a plus that are both a national and an international number: which is meant, wherever given."""

from typing import Any

import pytest
from tests.support import Tenant

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.lookup import FindContacts, contacts_by_key, find_contacts, get_contact
from carillon.audience.contacts.query import ContactQuery, page_contacts
from carillon.audience.contacts.save import SaveContact, save_and_get_contact
from carillon.audience.suppressed_contacts import CheckKeysUnsubscribed, check_keys_unsubscribed
from carillon.audience.suppression_queries import PageSuppressions, page_suppressions
from carillon.audience.suppressions import Address, Channel, Reactivate, Suppress, reactivate, suppress
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import NotFoundError
from carillon.kit.page import NumberedPage

# Short for a Spanish number, so that in Israel the national reading is known better.
TEXT = "3466666667"
INTERNATIONAL, NATIONAL = "3466666667", "9723466666667"
EITHER = (PhoneForm.NATIONAL_FIRST, PhoneForm.INTERNATIONAL_FIRST)


def key(form: PhoneForm, value: str = TEXT, **options: Any) -> ContactKey:
    return ContactKey(kind=KeyKind.PHONE, value=value, phone_form=form, **options)


async def save(db: Database, tenant: Tenant, phone: str, **options: Any) -> str | None:
    command = SaveContact(row=ContactRow(phone=phone), **options)
    return (await db.run(save_and_get_contact, tenant.actor, command)).phone


async def found(db: Database, tenant: Tenant, asked: ContactKey) -> list[str | None]:
    return [one.phone for one in await db.read(find_contacts, tenant.actor, FindContacts(key=asked))]


async def test_a_national_form_is_read_in_no_other_way(db: Database, account: Tenant) -> None:
    await save(db, account, f"+{INTERNATIONAL}")
    assert await found(db, account, key(PhoneForm.NATIONAL)) == []
    assert await save(db, account, TEXT) == NATIONAL


@pytest.mark.parametrize("form", EITHER)
@pytest.mark.parametrize("held", [INTERNATIONAL, NATIONAL])
async def test_the_reading_that_a_contact_has_is_meant(
    db: Database, account: Tenant, form: PhoneForm, held: str
) -> None:
    await save(db, account, f"+{held}")
    assert await found(db, account, key(form)) == [held]
    page = await db.read(page_contacts, account.actor, ContactQuery(keys=[key(form)]))
    assert [one.phone for one in page.items] == [held]
    assert await save(db, account, TEXT, phone_form=PhoneForm.NATIONAL_FIRST) == held
    assert await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key(form)], must_exist=True)) == 1


@pytest.mark.parametrize(("form", "meant"), [*zip(EITHER, (NATIONAL, INTERNATIONAL), strict=True)])
async def test_of_two_readings_that_contacts_have_the_first_of_the_form_is_meant(
    db: Database, account: Tenant, form: PhoneForm, meant: str
) -> None:
    await save(db, account, f"+{NATIONAL}")
    await save(db, account, f"+{INTERNATIONAL}")
    assert await found(db, account, key(form)) == [meant]


async def test_the_number_that_the_changed_contact_has_stays(db: Database, account: Tenant) -> None:
    await save(db, account, f"+{NATIONAL}")
    row = ContactRow(phone=f"+{INTERNATIONAL}")
    mine = await db.run(save_and_get_contact, account.actor, SaveContact(row=row))
    assert (
        await save(db, account, TEXT, phone_form=PhoneForm.NATIONAL_FIRST, contact_id=mine.contact_id) == INTERNATIONAL
    )


@pytest.mark.parametrize("form", EITHER)
async def test_where_neither_is_known_the_plans_decide(db: Database, account: Tenant, form: PhoneForm) -> None:
    outcome = await db.run(suppress, account.actor, Suppress(addresses=[address(form)], reason="asked"))
    assert outcome.done == 1
    assert await suppressed(db, account) == [NATIONAL]
    # A Spanish mobile, and no number of Israel.
    await db.run(suppress, account.actor, Suppress(addresses=[address(form, "34612345678")], reason="asked"))
    assert await suppressed(db, account) == [NATIONAL, "34612345678"]
    assert await save(db, account, "34612345679", phone_form=PhoneForm.NATIONAL_FIRST) == "34612345679"


async def test_a_key_may_have_a_country_of_its_own(db: Database, account: Tenant) -> None:
    await save(db, account, "+34612345678")
    assert await found(db, account, key(PhoneForm.NATIONAL, "612345678")) == []
    assert await found(db, account, key(PhoneForm.NATIONAL, "612345678", country="ES")) == ["34612345678"]
    assert await found(db, account, key(PhoneForm.NATIONAL_FIRST, "612345678", country="ES")) == ["34612345678"]


def address(form: PhoneForm, value: str = TEXT) -> Address:
    return Address(channel=Channel.SMS, value=value, phone_form=form)


async def suppressed(db: Database, tenant: Tenant, **query: Any) -> list[str]:
    asked = PageSuppressions(channels=[Channel.SMS], page=NumberedPage(), **query)
    return [one.address for one in (await db.read(page_suppressions, tenant.actor, asked)).items]


@pytest.mark.parametrize("form", EITHER)
async def test_the_reading_that_a_contact_or_a_suppression_has_is_suppressed(
    db: Database, account: Tenant, form: PhoneForm
) -> None:
    await save(db, account, f"+{INTERNATIONAL}")
    await db.run(suppress, account.actor, Suppress(addresses=[address(form)], reason="asked"))
    assert await suppressed(db, account) == [INTERNATIONAL]
    await db.run(delete_contacts, account.actor, DeleteContacts(keys=[key(PhoneForm.NATIONAL, f"+{INTERNATIONAL}")]))
    assert await suppressed(db, account, address=TEXT, phone_form=form) == [INTERNATIONAL]
    assert await suppressed(db, account, address=TEXT) == []
    query = CheckKeysUnsubscribed(keys=[key(form), key(PhoneForm.NATIONAL)])
    assert await db.read(check_keys_unsubscribed, account.actor, query) == [True, False]
    assert await save(db, account, TEXT, phone_form=PhoneForm.NATIONAL_FIRST) == INTERNATIONAL
    outcome = await db.run(reactivate, account.actor, Reactivate(addresses=[address(form)], reason="asked"))
    assert outcome.done == 1


async def test_what_a_key_names_must_be_there_where_one_contact_is_asked_for(db: Database, account: Tenant) -> None:
    for value in (TEXT, "no phone"):
        asked = key(PhoneForm.NATIONAL_FIRST, value)
        with pytest.raises(NotFoundError, match="contact"):
            await db.read(get_contact, account.actor, FindContacts(key=asked))
        with pytest.raises(NotFoundError, match="contact"):
            await db.run(delete_contacts, account.actor, DeleteContacts(keys=[asked], must_exist=True))


async def test_contacts_are_found_for_each_of_many_keys(db: Database, account: Tenant) -> None:
    row = ContactRow(phone=f"+{INTERNATIONAL}", email="Ana@mail.example", external_id="7")
    ana = await db.run(save_and_get_contact, account.actor, SaveContact(row=row))
    ben = await db.run(save_and_get_contact, account.actor, SaveContact(row=ContactRow(external_id="8")))
    keys = [
        ContactKey(kind=KeyKind.EXTERNAL_ID, value=" 8 "),
        key(PhoneForm.INTERNATIONAL_FIRST),
        key(PhoneForm.NATIONAL),
        ContactKey(kind=KeyKind.EMAIL, value="ana@MAIL.example"),
        ContactKey(kind=KeyKind.CONTACT_ID, value=str(ana.contact_id)),
        ContactKey(kind=KeyKind.CONTACT_ID, value="x"),
        ContactKey(kind=KeyKind.EXTERNAL_ID, value="9"),
    ]
    found = await db.read(contacts_by_key, account.actor, keys)
    assert found == [[ben], [ana], [], [ana], [ana], [], []]
