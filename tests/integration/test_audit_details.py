"""The audit trail holds no text that a caller chose: ids, counts, codes and our own terms only."""

import io
from pathlib import Path

import msgspec
from tests.support import OPERATOR

from carillon.audience.audiences import (
    ChangeAudience,
    CreateAudience,
    change_audience,
    create_audience,
    delete_audience,
)
from carillon.audience.consents import ChangePurpose, CreatePurpose, change_purpose, create_purpose
from carillon.audience.exports import ExportContacts, export_contacts
from carillon.audience.fields import CreateFields, DeleteFields, NewField, create_fields, delete_fields
from carillon.audience.group_sets import (
    AddGroups,
    ChangeGroupSet,
    CreateGroupSet,
    DeleteGroupSet,
    NewGroup,
    Selection,
    add_groups,
    change_group_set,
    create_group_set,
    delete_group_set,
)
from carillon.audience.groups import DeleteGroups, GroupKey, SaveGroup, delete_groups, save_group
from carillon.audience.imports.file_import import FileImport, import_file
from carillon.db.database import Database
from carillon.kit.actor import Actor
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account
from carillon.tenancy.audit import ListAudit, list_audit

CHOSEN = "Marigold"
PHONE = "0541110001"
ACTIONS = {
    *("account.create", "audience.create", "audience.change", "audience.delete", "contact.delete", "contact.export"),
    *("field.create", "field.delete", "group.create", "group.change", "group.delete", "group_set.create"),
    *("group_set.change", "group_set.delete", "import.start", "import.finish", "purpose.create", "purpose.change"),
}


async def change_everything(db: Database, actor: Actor, folder: Path) -> None:
    """Do all that leaves an entry, with the chosen text in every name."""
    new_field = NewField(label=f"{CHOSEN} 1")
    await db.run(create_fields, actor, CreateFields(fields={"own": new_field}))
    await db.run(delete_fields, actor, DeleteFields(names=["own"]))
    group = await db.run(save_group, actor, SaveGroup(name=CHOSEN, description=CHOSEN))
    await db.run(save_group, actor, SaveGroup(group_id=group.group_id, name=f"{CHOSEN} 2"))
    key = await db.run(create_purpose, actor, CreatePurpose(name=CHOSEN, description=CHOSEN))
    await db.run(change_purpose, actor, ChangePurpose(key=key, name=f"{CHOSEN} 2"))
    set_id = await db.run(create_group_set, actor, CreateGroupSet(name=CHOSEN, selection=Selection.SINGLE))
    await db.run(change_group_set, actor, ChangeGroupSet(group_set_id=set_id, name=f"{CHOSEN} 2"))
    await db.run(add_groups, actor, AddGroups(groups=[NewGroup(name=f"{CHOSEN} 3")], group_set_id=set_id))
    file = folder / f"{CHOSEN}.csv"
    file.write_text(f"phone,{CHOSEN}\n{PHONE},{CHOSEN}\n", "utf-8")
    await import_file(db, actor, FileImport(path=file, group=f"{CHOSEN} 2"), lambda _progress: None)
    async with db.transaction(actor) as tx:
        await export_contacts(tx, actor, ExportContacts(target=io.BytesIO(), group=f"{CHOSEN} 2"))
    await db.run(delete_group_set, actor, DeleteGroupSet(group_set_id=set_id))
    await db.run(delete_groups, actor, DeleteGroups(by=GroupKey.NAME, value=f"{CHOSEN} 2"))
    await db.run(change_audience, actor, ChangeAudience(name=f"{CHOSEN} 4"))
    await db.run(delete_audience, actor)


async def test_no_detail_holds_a_text_that_a_caller_chose(db: Database, tmp_path: Path) -> None:
    made = await db.run(create_account, OPERATOR, CreateAccount(name=CHOSEN, country="IL"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    audience = await db.run(create_audience, actor, CreateAudience(name=CHOSEN))
    where = OpenAccount(account_id=made.account.account_id, audience_id=audience.audience_id)
    await change_everything(db, await db.read(open_account, OPERATOR, where), tmp_path)
    entries = await db.read(list_audit, actor, ListAudit(limit=1000))
    assert {entry.action for entry in entries} == ACTIONS
    for entry in entries:
        detail = msgspec.json.encode(entry.detail).decode()
        assert CHOSEN.lower() not in detail.lower(), entry
        assert PHONE[1:] not in detail, entry
