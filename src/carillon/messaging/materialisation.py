"""Sendings that are to be materialised: what is kept of their requests, and how far they are."""

from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.messaging.members import AddMembers
from carillon.messaging.sendings import Send
from carillon.messaging.short_links import KeptLinks
from carillon.text.encodings import Encoding
from carillon.workers.shape import Claimed

SQL = load_statements("carillon.messaging", "materialisation.sql")

MATERIALISATIONS_DUE = "materialisations_due"
"""The topic of sendings that are to be materialised; its keys are accounts."""


class MaterialisedRequest(msgspec.Struct, omit_defaults=True):
    """What is kept of a request beside its sending and its recipients; fields as in `Send`."""

    groups: list[int] = []
    excluded_groups: list[int] = []
    contact_fields: dict[str, str] = {}
    purpose: str | None = None
    placeholders: str | None = None
    encodings: tuple[Encoding, ...] = (Encoding.GSM, Encoding.UCS2)
    replaces_typographic: bool = False
    max_parts: int | None = None
    allows_duplicates: bool = False
    ignores_suppressions: bool = False
    numbered: bool = False
    links: KeptLinks | None = None


_encode = msgspec.json.Encoder().encode
read_request = msgspec.json.Decoder(MaterialisedRequest).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class AddMaterialisation:
    """A sending to be materialised. With `is_taken` the members of its groups are among its recipients already."""

    sending_id: UUID
    request: MaterialisedRequest = field(repr=False)
    recipients: int
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedSending(Claimed):
    """A sending that this process materialises, from `position` on."""

    actor: Actor
    request: MaterialisedRequest = field(repr=False)
    is_taken: bool
    recipients: int
    position: int


def request_of(command: Send, links: KeptLinks | None = None) -> MaterialisedRequest:
    """Return what is kept of a request."""
    return MaterialisedRequest(
        groups=list(command.groups),
        excluded_groups=list(command.excluded_groups),
        contact_fields=dict(command.contact_fields),
        purpose=command.purpose,
        placeholders=command.placeholders.name if command.placeholders else None,
        encodings=command.encodings,
        replaces_typographic=command.replaces_typographic,
        max_parts=command.max_parts,
        allows_duplicates=command.allows_duplicates,
        ignores_suppressions=command.ignores_suppressions,
        numbered=command.numbered,
        links=links,
    )


def members_of(request: MaterialisedRequest, sending_id: UUID, named: int) -> AddMembers:
    """Say which members a request asks for, behind so many recipients that it names."""
    return AddMembers(
        sending_id=sending_id,
        channel="sms",
        named=named,
        groups=request.groups,
        excluded_groups=request.excluded_groups,
        contact_fields=request.contact_fields,
        purpose=request.purpose,
        allows_duplicates=request.allows_duplicates,
        ignores_suppressions=request.ignores_suppressions,
    )


async def add_materialisation(tx: Tx, actor: Actor, command: AddMaterialisation) -> None:
    """Have a sending materialised whose recipients are kept."""
    await tx.execute(
        SQL["add_materialisation"],
        actor.account_id,
        command.sending_id,
        actor.audience_id,
        _encode(command.request).decode(),
        tx.now if command.is_taken else None,
        command.recipients,
    )
    tx.wakes(MATERIALISATIONS_DUE, actor.account_id)


async def hold_materialisation(tx: Tx, work: ClaimedSending) -> Record | None:
    """Lock how far a sending is, for who has claimed it; None where another process has it, or it is written."""
    return await tx.fetchrow(SQL["hold_materialisation"], work.account_id, work.work_id, work.attempt)
