"""`carillon verify` finds what is wrong in audiences."""

from pathlib import Path

import pytest
from tests.support import OPERATOR, Tenant

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.imports.file_import import FileImport, import_file
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.audience.verify import verify_audiences
from carillon.db.database import Database
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

FILE = [
    "phone,email,sms_status,device_token,device_platform,consents.NEWS.sms",
    "0541110001,a@mail.example,subscribed,t1,ios,yes",
    "0541110002,b@mail.example,unsubscribed,,,no",
    "0541110003,c@mail.example,unconfirmed,t2,android,",
    "0541110004,d@mail.example,subscribed,,,no",
]


@pytest.fixture
async def audience(db: Database, account: Tenant, tmp_path: Path) -> Tenant:
    """Give an audience with a group, a suppression and digests of a contact that is removed."""
    (tmp_path / "people.csv").write_text("\n".join([*FILE, ""]), "utf-8")
    command = FileImport(path=tmp_path / "people.csv", group="Regulars")
    await import_file(db, account.actor, command, lambda _rows: None)
    blocked = Address(channel=Channel.SMS, value="+972541110003")
    await db.run(suppress, account.actor, Suppress(addresses=[blocked], reason="Asked"))
    keys = [ContactKey(kind=KeyKind.PHONE, value="0541110002"), ContactKey(kind=KeyKind.PHONE, value="0541110004")]
    assert await db.run(delete_contacts, account.actor, DeleteContacts(keys=keys)) == 2
    return account


async def test_nothing_is_wrong_with_what_operations_have_written(db: Database, audience: Tenant) -> None:
    assert await db.run(verify_audiences, audience.actor) == []


BROKEN = {
    "UPDATE contact_group SET members = 5, reachable_ios = 0 WHERE account_id = $1": {
        ("counters", "group", "members 2 in the rows, 5 in the counter; reachable_ios 1 in the rows, 0 in the counter")
    },
    "UPDATE contact SET sms_status = 2 WHERE account_id = $1 AND phone = '972541110003'": {
        ("statuses", "contact", "is suppressed, and its status isn't (sms)")
    },
    "UPDATE contact SET email_status = 4 WHERE account_id = $1 AND email = 'c@mail.example'": {
        ("statuses", "contact", "has the status of a suppressed one (email)"),
    },
    "UPDATE audience SET removed_channels = '{email}' WHERE account_id = $1": {
        ("removed", "audience", "keeps what removed contacts refused (sms), and its row doesn't say so")
    },
}


@pytest.mark.parametrize("damage", BROKEN)
async def test_what_is_wrong_is_named(db: Database, audience: Tenant, damage: str) -> None:
    async with db.transaction() as tx:
        await tx.execute(damage, audience.account_id)
    found = await db.run(verify_audiences, audience.actor)
    named = {(one.check, one.subject.split()[0], one.difference) for one in found}
    assert named >= BROKEN[damage]
    assert len({one.check for one in found} - {"counters"}) <= 1


async def test_other_accounts_are_not_looked_at(db: Database, audience: Tenant) -> None:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Others", country="IL"))
    other = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    async with db.transaction() as tx:
        await tx.execute("UPDATE contact_group SET members = 9 WHERE account_id = $1", audience.account_id)
    assert await db.run(verify_audiences, other) == []
