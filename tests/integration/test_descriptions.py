"""Audiences described whole, and changes that depend on what they are."""

import asyncio
from dataclasses import replace

import pytest
from tests.support import Tenant

from carillon.audience.audiences import ChangeAudience, CreateAudience, SenderDefaults, create_audience
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.descriptions import (
    AudienceDescription,
    AudienceEdit,
    DeleteDescribedAudience,
    DescribeAudiences,
    EditAudience,
    delete_described_audience,
    describe_audience,
    describe_audiences,
    edit_audience,
)
from carillon.audience.field_types import Kind
from carillon.audience.fields import NewField
from carillon.audience.suppressions import Channel
from carillon.audience.upsert.rows import ContactRow
from carillon.db.database import Database
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId

SENDERS = SenderDefaults(sms_sender="Acme", email_from="news@acme.example")


async def made(db: Database, account: Tenant) -> Actor:
    command = CreateAudience(name="List", double_opt_in=[Channel.SMS], sender_defaults=SENDERS)
    audience = await db.run(create_audience, account.actor, command)
    return replace(account.actor, audience_id=audience.audience_id)


async def test_double_opt_in_and_senders_are_what_was_said_last(db: Database, account: Tenant) -> None:
    actor = await made(db, account)
    for change, channels, senders in (
        (ChangeAudience(name="Other"), {Channel.SMS}, SENDERS),
        (ChangeAudience(double_opt_in=[]), set(), SENDERS),
        (ChangeAudience(double_opt_in=[Channel.EMAIL], sender_defaults=SenderDefaults()), {Channel.EMAIL}, None),
    ):
        await db.run(edit_audience, actor, EditAudience(decide=lambda _, change=change: AudienceEdit(change=change)))  # type: ignore[misc]
        audience = (await db.read(describe_audience, actor)).audience
        assert (set(audience.double_opt_in), audience.sender_defaults) == (channels, senders or SenderDefaults())
    default = await db.read(describe_audience, account.actor)
    assert (default.audience.double_opt_in, default.audience.sender_defaults) == (frozenset(), SenderDefaults())


async def test_audiences_are_described_by_their_ids_and_counted_when_asked(db: Database, account: Tenant) -> None:
    actor = await made(db, account)
    await db.run(save_contact, actor, SaveContact(row=ContactRow(phone="0541110001", add_to=["Gold"])))
    ids = [actor.audience_id, account.audience_id, 10**9]
    found = await db.read(describe_audiences, account.actor, DescribeAudiences(audience_ids=ids))
    assert set(found) == {actor.audience_id, account.audience_id}
    assert [one.name for one in found[actor.audience_id].groups] == ["Gold"]
    assert {one.counts for one in found.values()} == {None}
    counted = await db.read(describe_audience, actor, with_counts=True)
    assert counted.counts is not None
    assert (counted.counts.contacts, counted.counts.groups) == (1, 1)
    nowhere = replace(actor, audience_id=AudienceId(ids[2]))
    with pytest.raises(NotFoundError, match="audience"):
        await db.read(describe_audience, nowhere)


async def test_callers_at_once_edit_an_audience_by_what_the_others_have_left(db: Database, account: Tenant) -> None:
    actor = await made(db, account)

    def decide(described: AudienceDescription) -> AudienceEdit:
        number = len(described.fields)
        seen = described.audience.attributes.get("seen", [])
        return AudienceEdit(
            change=ChangeAudience(attributes={"seen": [*seen, number]}),
            create_fields={f"field_{number}": NewField(label=f"field_{number}", kind=Kind.NUMBER)},
        )

    await asyncio.gather(*(db.run(edit_audience, actor, EditAudience(decide=decide)) for _ in range(10)))
    described = await db.read(describe_audience, actor)
    assert described.audience.attributes == {"seen": list(range(10))}
    assert [one.name for one in described.fields] == [f"field_{number}" for number in range(10)]
    assert described.kinds["field_7"] is Kind.NUMBER


async def test_an_edit_is_made_whole_or_not_at_all(db: Database, account: Tenant) -> None:
    actor = await made(db, account)
    one, taken = {"one": NewField(label="one")}, {"phone": NewField(label="phone")}
    edits = [
        AudienceEdit(change=ChangeAudience(name="Other"), create_fields=one | taken),
        AudienceEdit(change=ChangeAudience(name=" "), create_fields=one),
    ]
    for _ in range(2):
        with pytest.raises(InvalidInputError):
            await db.run(edit_audience, actor, EditAudience(decide=lambda _: edits.pop()))
        described = await db.read(describe_audience, actor)
        assert (described.audience.name, described.fields) == ("List", [])
    kept = EditAudience(decide=lambda _: AudienceEdit(create_fields=one))
    await db.run(edit_audience, actor, kept)
    gone = EditAudience(decide=lambda found: AudienceEdit(delete_fields=[one.name for one in found.fields]))
    await db.run(edit_audience, actor, gone)
    assert (await db.read(describe_audience, actor)).fields == []


async def test_a_precondition_that_fails_keeps_the_audience(db: Database, account: Tenant) -> None:
    actor = await made(db, account)

    def require_empty(described: AudienceDescription) -> None:
        if described.counts is None or described.counts.contacts:
            raise RuntimeError

    command = DeleteDescribedAudience(precondition=require_empty)
    await db.run(save_contact, actor, SaveContact(row=ContactRow(phone="0541110001")))
    with pytest.raises(RuntimeError):
        await db.run(delete_described_audience, actor, command)
    other = await made(db, account)
    await db.run(delete_described_audience, other, command)
    found = await db.read(
        describe_audiences, actor, DescribeAudiences(audience_ids=[actor.audience_id, other.audience_id])
    )
    assert set(found) == {actor.audience_id}
