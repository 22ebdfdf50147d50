"""Group sets: choices among groups, and groups that are in none."""

from uuid import UUID

import pytest
from tests.support import Tenant

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.descriptions import AudienceDescription, describe_audience
from carillon.audience.group_sets import (
    MAX_GROUP_SETS,
    MAX_GROUPS_OF_SET,
    AddGroups,
    ChangeGroupSet,
    CreateGroupSet,
    DeleteGroupSet,
    NewGroup,
    RemoveGroup,
    Selection,
    add_groups,
    change_group_set,
    create_group_set,
    delete_group_set,
    remove_group,
)
from carillon.audience.groups import DeleteGroups, GroupKey, SaveGroup, delete_groups, save_group
from carillon.audience.memberships import Regroup
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError, NotFoundError
from carillon.tenancy.audit import ListAudit, list_audit

NOWHERE = UUID(int=7)


async def make(db: Database, account: Tenant, name: str, *groups: str) -> UUID:
    group_set_id = await db.run(create_group_set, account.actor, CreateGroupSet(name=name))
    added = AddGroups(group_set_id=group_set_id, groups=[NewGroup(name=one) for one in groups])
    await db.run(add_groups, account.actor, added)
    return group_set_id


async def described(db: Database, account: Tenant) -> AudienceDescription:
    return await db.read(describe_audience, account.actor)


async def shown(db: Database, account: Tenant) -> dict[str | None, list[str]]:
    """The names of groups by their sets'."""
    found = await described(db, account)
    names = {one.group_set_id: one.name for one in found.group_sets}
    by_set: dict[str | None, list[str]] = {name: [] for name in names.values()}
    for group in found.groups:
        name = names[group.group_set_id] if group.group_set_id else None
        by_set.setdefault(name, []).append(group.name)
    return by_set


async def test_sets_and_their_groups_come_in_the_order_of_their_making(db: Database, account: Tenant) -> None:
    await make(db, account, "Food", "Fish", "Meat")
    await make(db, account, "Size", "Small")
    await db.run(add_groups, account.actor, AddGroups(groups=[NewGroup(name="Friends")]))
    sets = await shown(db, account)
    assert list(sets.items()) == [("Food", ["Fish", "Meat"]), ("Size", ["Small"]), (None, ["Friends"])]


async def test_a_change_leaves_what_it_does_not_name(db: Database, account: Tenant) -> None:
    attributes = {"x": {"a": 1, "b": 2}, "y": {"c": 3}}
    command = CreateGroupSet(name="Food", selection=Selection.MULTIPLE, attributes=lambda _: attributes)
    made = await db.run(create_group_set, account.actor, command)
    await db.run(change_group_set, account.actor, ChangeGroupSet(group_set_id=made, name="Dishes"))
    await db.run(change_group_set, account.actor, ChangeGroupSet(group_set_id=made, attributes={"x": {"b": 5}}))
    (one,) = (await described(db, account)).group_sets
    assert (one.name, one.selection, one.attributes) == (
        "Dishes",
        Selection.MULTIPLE,
        {"x": {"a": 1, "b": 5}, "y": {"c": 3}},
    )


async def test_a_set_is_deleted_with_its_groups_and_contacts_stay(db: Database, account: Tenant) -> None:
    food = await make(db, account, "Food", "Fish", "Meat")
    await make(db, account, "Size", "Small")
    join = [one.group_id for one in (await described(db, account)).groups]
    row = ContactRow(phone="0541110001")
    await db.run(save_contact, account.actor, SaveContact(row=row, groups=Regroup(join=join)))
    await db.run(delete_group_set, account.actor, DeleteGroupSet(group_set_id=food))
    assert await shown(db, account) == {"Size": ["Small"]}
    query = FindContacts(key=ContactKey(kind=KeyKind.PHONE, value="0541110001"), with_groups=True)
    (contact,) = await db.read(find_contacts, account.actor, query)
    assert [one.name for one in contact.groups] == ["Small"]
    entries = [one.action for one in await db.read(list_audit, account.actor, ListAudit(limit=3))]
    assert sorted(entries) == ["group.delete", "group.delete", "group_set.delete"]


async def test_a_group_of_a_set_is_a_group_like_any_other(db: Database, account: Tenant) -> None:
    await make(db, account, "Food", "Fish", "Meat")
    await db.run(delete_groups, account.actor, DeleteGroups(by=GroupKey.NAME, value="fish"))
    assert await shown(db, account) == {"Food": ["Meat"]}
    (meat,) = (await described(db, account)).groups
    await db.run(remove_group, account.actor, RemoveGroup(group_id=meat.group_id))
    assert await shown(db, account) == {"Food": []}
    with pytest.raises(NotFoundError, match="group"):
        await db.run(remove_group, account.actor, RemoveGroup(group_id=meat.group_id))


async def test_what_is_not_there_is_reported(db: Database, account: Tenant) -> None:
    for operation, command in (
        (change_group_set, ChangeGroupSet(group_set_id=NOWHERE, name="x")),
        (delete_group_set, DeleteGroupSet(group_set_id=NOWHERE)),
        (add_groups, AddGroups(group_set_id=NOWHERE, groups=[NewGroup(name="x")])),
    ):
        with pytest.raises(NotFoundError) as refused:
            await db.run(operation, account.actor, command)  # type: ignore[arg-type]
        assert refused.value.subject == "group_set"


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\0b", "\u200b", "Offers\u202e"])
async def test_sets_and_groups_need_names(db: Database, account: Tenant, name: str) -> None:
    made = await make(db, account, "Food")
    for operation, command in (
        (create_group_set, CreateGroupSet(name=name)),
        (change_group_set, ChangeGroupSet(group_set_id=made, name=name)),
        (add_groups, AddGroups(groups=[NewGroup(name=name)])),
    ):
        with pytest.raises(InvalidInputError) as refused:
            await db.run(operation, account.actor, command)  # type: ignore[arg-type]
        assert refused.value.field == "name"


async def test_a_name_that_was_given_before_it_was_refused_is_kept(db: Database, account: Tenant) -> None:
    old, food = "Old\u202e", await make(db, account, "Food", "Fish")
    (fish,) = (await described(db, account)).groups
    async with db.transaction() as tx:
        for table in ("group_set", "contact_group"):
            await tx.execute(f"UPDATE {table} SET name = $2 WHERE account_id = $1", account.account_id, old)  # noqa: S608 - a name of two
    await db.run(change_group_set, account.actor, ChangeGroupSet(group_set_id=food, name=old))
    await db.run(save_group, account.actor, SaveGroup(group_id=fish.group_id, name=old))
    assert await shown(db, account) == {old: [old]}
    with pytest.raises(InvalidInputError):
        await db.run(save_group, account.actor, SaveGroup(group_id=fish.group_id, name=f"{old}!"))


async def test_there_is_a_most_of_sets_and_of_a_sets_groups(db: Database, account: Tenant) -> None:
    made = [await make(db, account, f"Set {number}") for number in range(MAX_GROUP_SETS)]
    with pytest.raises(InvalidInputError, match="sets"):
        await make(db, account, "One more")
    for group_set_id in (made[0], None):
        groups = [NewGroup(name=f"Group {number}") for number in range(MAX_GROUPS_OF_SET)]
        await db.run(add_groups, account.actor, AddGroups(group_set_id=group_set_id, groups=groups))
        with pytest.raises(InvalidInputError, match="groups"):
            await db.run(add_groups, account.actor, AddGroups(group_set_id=group_set_id, groups=groups[:1]))
