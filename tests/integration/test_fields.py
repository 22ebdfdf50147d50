"""An audience's custom fields: made once, typed, and written by the same engine as the built-in ones."""

import pytest
from tests.support import Tenant

from carillon.audience.contacts.query import ContactQuery, query_contacts
from carillon.audience.field_types import Kind
from carillon.audience.fields import (
    MAX_FIELDS,
    CreateField,
    DeleteFields,
    ListFields,
    create_field,
    delete_fields,
    field_kinds,
    free_name,
    list_fields,
)
from carillon.audience.upsert.engine import upsert
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError
from carillon.tenancy.audit import ListAudit, list_audit


async def test_a_contact_keeps_the_typed_values_of_custom_fields(db: Database, account: Tenant) -> None:
    for name, kind in (("shoe_size", Kind.NUMBER), ("member", Kind.BOOLEAN), ("joined", Kind.DATE)):
        await db.run(create_field, account.actor, CreateField(name=name, kind=kind))
    kinds = await db.read(field_kinds, account.actor)
    given = {"shoe_size": "41.5", "member": "Yes", "joined": "7/3/2024", "city": "Lod"}
    batch = read_rows([ContactRow(phone="0541110001", fields=given)], "IL", kinds=kinds)
    assert (await db.run(upsert, account.actor, batch)).report.error_count == 0
    (contact,) = (await db.read(query_contacts, account.actor, ContactQuery())).items
    assert contact.fields == {"shoe_size": 41.5, "member": True, "joined": "2024-03-07", "city": "Lod"}


@pytest.mark.parametrize("name", ["", "Shoe", "9lives", "a" * 64, "first_name", "phone", "device_token", "contact_id"])
async def test_a_field_needs_a_free_name_of_the_right_form(db: Database, account: Tenant, name: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await db.run(create_field, account.actor, CreateField(name=name))
    assert refused.value.field == "name"


async def test_a_field_for_repeated_addresses_is_a_text(db: Database, account: Tenant) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await db.run(create_field, account.actor, CreateField(name="repeated_email", kind=Kind.NUMBER))
    assert refused.value.field == "kind"
    assert free_name("Repeated email", []) == "repeated_email_2"


async def test_a_field_is_made_once_and_told_in_the_audit_trail(db: Database, account: Tenant) -> None:
    await db.run(create_field, account.actor, CreateField(name="shoe_size", label="Shoe size"))
    with pytest.raises(InvalidInputError, match="already"):
        await db.run(create_field, account.actor, CreateField(name="shoe_size"))
    (field,) = await db.read(list_fields, account.actor, ListFields())
    assert (field.name, field.kind, field.label) == ("shoe_size", Kind.TEXT, "Shoe size")
    newest = (await db.read(list_audit, account.actor, ListAudit(limit=1)))[0]
    assert (newest.action, newest.subject) == ("field.create", "shoe_size")


async def test_an_audience_has_a_limited_number_of_custom_fields(db: Database, account: Tenant) -> None:
    async with db.transaction() as tx:
        for number in range(MAX_FIELDS):
            await create_field(tx, account.actor, CreateField(name=f"f{number}"))
    with pytest.raises(InvalidInputError, match="at most"):
        await db.run(create_field, account.actor, CreateField(name="one_more"))


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Shoe size", "shoe_size"),
        ("Größe/Café", "groe_cafe"),
        ("city", "city_2"),
        ("Colour", "colour_3"),
        ("2nd name", "field_2nd_name"),
        ("צבע", "field"),
        ("a" * 200, "a" * 50),
    ],
)
async def test_a_name_is_derived_from_a_label_and_never_taken(
    db: Database, account: Tenant, label: str, name: str
) -> None:
    assert free_name(label, {"colour", "colour_2"}) == name
    await db.run(create_field, account.actor, CreateField(name=name, label=label))


async def test_fields_are_deleted_with_their_values_and_built_in_ones_are_emptied(
    db: Database, account: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carillon.audience.fields._EMPTIED_AT_ONCE", 2)
    await db.run(create_field, account.actor, CreateField(name="shoe_size", kind=Kind.NUMBER))
    await db.run(create_field, account.actor, CreateField(name="hat_size", kind=Kind.NUMBER))
    kinds = await db.read(field_kinds, account.actor)
    given = {"shoe_size": "41", "hat_size": "55", "city": "Lod"}
    rows = [ContactRow(phone=f"054111000{number}", fields=given) for number in range(5)]
    await db.run(upsert, account.actor, read_rows([*rows, ContactRow(phone="0541110009")], "IL", kinds=kinds))
    await db.run(delete_fields, account.actor, DeleteFields(names=["shoe_size", "city", "nothing"]))
    page = await db.read(query_contacts, account.actor, ContactQuery())
    assert [one.fields for one in page.items] == [{"hat_size": 55}] * 5 + [{}]
    assert [one.name for one in await db.read(list_fields, account.actor, ListFields())] == ["hat_size"]
