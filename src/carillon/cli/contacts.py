"""`carillon contact`."""

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from carillon.addresses.phone_readings import PhoneForm
from carillon.audience.contacts.contact import Contact, ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.contacts.query import query_contacts
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.fields import field_kinds
from carillon.audience.memberships import Regroup
from carillon.audience.upsert.rows import ContactRow
from carillon.cli.contact_lines import contact_json, contact_lines, contact_row, whole_contacts
from carillon.cli.contact_search import contact_key, read_conditions
from carillon.cli.deleting import confirm_deletion, yes_option
from carillon.cli.groups import named_group
from carillon.cli.options import account_option, audience_option, page_options
from carillon.cli.session import Session, open_actor, open_to_change, table, with_session
from carillon.errors import InvalidInputError, KeyConflictError, NotFoundError

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor


@click.group
def group() -> None:
    """Show, find, list, change and delete contacts."""


_LAST_DIGITS = 6

_account = account_option()
_audience = audience_option("The audience.")
_by = click.option(
    "--by",
    type=click.Choice([one.value for one in KeyKind]),
    help="What KEY is. [default: an e-mail with an @ in it, else a phone]",
)


@group.command
@click.argument("key")
@_by
@_account
@_audience
@with_session
def show(session: Session, *, key: str, by: str | None, account_id: int, audience_id: int | None) -> None:
    """Show the contact that KEY names: its fields, groups, statuses and consents.

    `sms_status` and `email_status` are what it may be written to by: subscribed, unconfirmed, unsubscribed, or none
    without an address. For example:

        carillon contact show 0541234567 --account 1

        carillon contact show 17 --by contact_id --account 1
    """

    async def work(db: "Database") -> list[Contact]:
        return await _named(db, await open_actor(db, account_id, audience_id), contact_key(key, by))

    (found,) = session.run(work)
    session.answer(contact_json(found), contact_lines(found))


@group.command
@click.argument("conditions", metavar="CONDITION...", nargs=-1, required=True)
@click.option("--group", "group_name", metavar="GROUP", help="Only members of this group, a name or an id.")
@_account
@_audience
@page_options("contact")
@with_session
def find(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    conditions: tuple[str, ...],
    group_name: str | None,
    account_id: int,
    audience_id: int | None,
    limit: int,
    after_id: int,
) -> None:
    """Find the contacts that meet every CONDITION.

    A condition is NAME and a value: NAME=VALUE, NAME!=VALUE, NAME^=BEGINNING, NAME~PART, or with >=, >, <= and <. The
    names are phone, email, external_id, sms_status, email_status, created_at, updated_at and those of fields. For
    example:

        carillon contact find last_name=Levi city^=Hai --account 1

        carillon contact find "created_at>=2026-01-01" sms_status=unsubscribed --account 1
    """
    contacts = session.run(
        lambda db: _list(db, _Asked(account_id, audience_id, conditions, group_name, limit, after_id))
    )
    _answer(session, contacts)


@group.command("list")
@click.option("--group", "group_name", metavar="GROUP", help="Only members of this group, a name or an id.")
@_account
@_audience
@page_options("contact")
@with_session
def list_(  # noqa: PLR0913 - one for each flag
    session: Session, *, group_name: str | None, account_id: int, audience_id: int | None, limit: int, after_id: int
) -> None:
    """List an audience's contacts, the oldest first. A file of all of them is what `carillon export` makes.

    For example, a hundred, and the hundred after the last of them:

        carillon contact list --account 1

        carillon contact list --account 1 --after 100
    """
    contacts = session.run(lambda db: _list(db, _Asked(account_id, audience_id, (), group_name, limit, after_id)))
    _answer(session, contacts)


@group.command
@click.argument("key")
@_by
@click.option("--set", "values", multiple=True, metavar="NAME=VALUE", help="A field's value; may be repeated.")
@click.option("--clear", "cleared", multiple=True, metavar="NAME", help="A field to empty; may be repeated.")
@click.option("--join", "joined", multiple=True, metavar="GROUP", help="A group that it joins; may be repeated.")
@click.option("--leave", "left", multiple=True, metavar="GROUP", help="A group that it leaves; may be repeated.")
@_account
@_audience
@with_session
def update(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    key: str,
    by: str | None,
    values: tuple[str, ...],
    cleared: tuple[str, ...],
    joined: tuple[str, ...],
    left: tuple[str, ...],
    account_id: int,
    audience_id: int | None,
) -> None:
    """Change the contact that KEY names; what isn't named stays as it is, and so do its subscriptions.

    One that is archived is so no more, as when a call writes it.
    Beside the fields of the audience, NAME may be phone, email, external_id or landline; one of the first three stays.
    For example:

        carillon contact update 0541234567 --set city=Haifa --join Regulars --account 1

        carillon contact update dana@mail.example --set phone=0541234567 --clear text1 --account 1
    """
    texts = dict(_pair(one) for one in values) | dict.fromkeys(cleared, "")
    if not (texts or joined or left):
        raise InvalidInputError("set", "There is nothing to change: name it with --set, --clear, --join or --leave.")

    async def work(db: "Database") -> list[Contact]:
        actor = await open_to_change(db, account_id, audience_id)
        (found,) = await _named(db, actor, contact_key(key, by))
        groups = Regroup(
            join=[(await named_group(db, actor, one)).group_id for one in joined],
            leave=[(await named_group(db, actor, one)).group_id for one in left],
        )
        row = _row(texts)
        try:
            change = SaveContact(
                row=row, contact_id=found.contact_id, phone_form=PhoneForm.NATIONAL_IF_VALID, groups=groups
            )
            await db.run(save_contact, actor, change)
        except KeyConflictError as error:
            raise InvalidInputError("set", "Another contact of the audience has this phone, e-mail or id.") from error
        return await _named(db, actor, ContactKey(kind=KeyKind.CONTACT_ID, value=str(found.contact_id)))

    (changed,) = session.run(work)
    session.answer(contact_json(changed), contact_lines(changed))


@group.command
@click.argument("key")
@_by
@_account
@_audience
@yes_option()
@with_session
def delete(  # noqa: PLR0913 - one for each flag
    session: Session, *, key: str, by: str | None, account_id: int, audience_id: int | None, yes: bool
) -> None:
    """Delete the contact that KEY names, out of every group. What it is suppressed by stays, and so do its messages.

    For example:

        carillon contact delete 0541234567 --account 1 --yes
    """

    async def look(db: "Database") -> list[Contact]:
        return await _named(db, await open_to_change(db, account_id, audience_id), contact_key(key, by))

    (found,) = session.run(look)
    goes = "It goes out of every group, with its consents and devices; suppressions of its addresses stay."
    confirm_deletion([*contact_lines(found), goes], yes=yes)

    async def work(db: "Database") -> int:
        actor = await open_actor(db, account_id, audience_id)
        command = DeleteContacts(
            keys=[ContactKey(kind=KeyKind.CONTACT_ID, value=str(found.contact_id))], must_exist=True
        )
        return await db.run(delete_contacts, actor, command)

    session.run(work)
    session.answer({"contact_id": found.contact_id}, f"Contact {found.contact_id} is deleted.")


@dataclass(frozen=True, slots=True)
class _Asked:
    account_id: int
    audience_id: int | None
    conditions: tuple[str, ...]
    group: str | None
    limit: int
    after_id: int


async def _list(db: "Database", asked: _Asked) -> list[Contact]:
    actor = await open_actor(db, asked.account_id, asked.audience_id)
    group_id = None if asked.group is None else (await named_group(db, actor, asked.group)).group_id
    kinds = await db.read(field_kinds, actor)
    conditions, keys = read_conditions(asked.conditions, kinds)
    query = whole_contacts(
        conditions=conditions, keys=keys, kinds=kinds, group_id=group_id, after_id=asked.after_id, limit=asked.limit
    )
    return list((await db.read(query_contacts, actor, query)).items)


def _answer(session: Session, contacts: list[Contact]) -> None:
    rows = [contact_row(one) for one in contacts]
    session.answer([contact_json(one) for one in contacts], table(rows, "There is no such contact."))


async def _named(db: "Database", actor: "Actor", key: ContactKey) -> list[Contact]:
    """Return the one contact that a key names, archived or not. Raises NotFoundError."""
    query = whole_contacts(keys=[key], with_archived=True, limit=1)
    found = list((await db.read(query_contacts, actor, query)).items)
    if not found:
        raise NotFoundError(
            "contact", f"There is no contact with the {key.kind} {key.value!r}. To look for it: {_way(actor, key)}"
        )
    return found


def _way(actor: "Actor", key: ContactKey) -> str:
    """Return a command that looks for a contact that a key doesn't name, in the actor's audience."""
    where = f"--account {actor.account_id} --audience {actor.audience_id}"
    parts = {  # as most misspellings leave them
        KeyKind.PHONE: "".join(filter(str.isdecimal, key.value))[-_LAST_DIGITS:],
        KeyKind.EMAIL: key.value.partition("@")[0].strip(),
    }
    part = parts.get(key.kind)
    return (
        f"carillon contact find {shlex.quote(f'{key.kind}~{part}')} {where}"
        if part
        else f"carillon contact list {where}"
    )


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise click.BadParameter(f"“{text}” is not NAME=VALUE.", param_hint="--set")
    return name.strip(), value


_ATTRIBUTES = ("phone", "email", "external_id", "landline")


def _row(texts: dict[str, str]) -> ContactRow:
    attributes = {name: text for name, text in texts.items() if name in _ATTRIBUTES}
    fields = {name: text for name, text in texts.items() if name not in _ATTRIBUTES}
    return ContactRow(**attributes, fields=fields)  # type: ignore[arg-type]
