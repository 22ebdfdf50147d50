"""An upload's rows: as they are stored until they are written, and as they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from carillon.audience.contacts.batch_write import WritePolicy
from carillon.audience.field_types import CANONICAL, Kind
from carillon.audience.uploads.consent_fields import ConsentFields, with_consents
from carillon.audience.upsert.parse import read_rows
from carillon.audience.upsert.rows import Batch, ContactRow
from carillon.kit.actor import Actor


class _Payload(msgspec.Struct, omit_defaults=True):
    rows: Sequence[ContactRow]
    policy: WritePolicy | None = msgspec.field(default=None, name="terms")


_encode = msgspec.msgpack.Encoder().encode
# Rows without a policy are stored as a list alone, which is what earlier versions stored, and can read.
_decode = msgspec.msgpack.Decoder(list[ContactRow] | _Payload).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadUpload:
    """An upload whose rows have been read; `kinds` are those of the fields that they were read by."""

    batch: Batch
    kinds: Mapping[str, Kind]
    policy: WritePolicy | None


def encode_payload(rows: Sequence[ContactRow], policy: WritePolicy | None) -> bytes:
    """Encode rows and policy to be stored."""
    return _encode(rows if policy is None else _Payload(rows, policy))


def read_payload(actor: Actor, payload: bytes, kinds: Mapping[str, Kind], consent_fields: ConsentFields) -> ReadUpload:
    """Read stored rows, as `read_upload` does; what they have in `consent_fields` are consents."""
    stored = _decode(payload)
    rows, policy = (stored, None) if isinstance(stored, list) else (stored.rows, stored.policy)
    if policy is not None and consent_fields:
        rows, policy = with_consents(rows, policy, consent_fields)
    return read_upload(actor, rows, policy, kinds)


def read_upload(
    actor: Actor, rows: Sequence[ContactRow], policy: WritePolicy | None, kinds: Mapping[str, Kind]
) -> ReadUpload:
    """Read rows: pure work, fit for a thread. `kinds` are those of the audience's fields, which a policy lets name."""
    kinds = CANONICAL if policy is None else kinds
    return ReadUpload(batch=read_rows(rows, actor.country, kinds=kinds), kinds=kinds, policy=policy)
