"""The registry of tables: how each is spread when the database is distributed, and which are partitioned.

The rules are in scale.md, Tables 1 and 4.
"""

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["tenant", "global", "control"]

# tenant: distributed by account_id (by shard_key, where it is partitioned) · global: small, rarely written, copied to
# every node · control: on the coordinator.
# A table stands behind those that its foreign keys name: it is distributed after them.
TABLES: dict[str, Kind] = {
    "schema_migration": "control",
    "id_block": "control",
    "carrier_health": "control",
    "carrier_lease": "control",
    "parked_inbound": "control",
    "carrier": "global",
    "price": "global",
    "route": "global",
    "credential": "global",
    "account": "tenant",
    "access_token": "tenant",
    "attempt": "tenant",
    "audience": "tenant",
    "audit_entry": "tenant",
    "balance": "tenant",
    "callback": "tenant",
    "callback_endpoint": "tenant",
    "campaign": "tenant",
    "carrier_reference": "tenant",
    "chunk": "tenant",
    "consent": "tenant",
    "consent_purpose": "tenant",
    "contact": "tenant",
    "contact_feed": "tenant",
    "contact_group": "tenant",
    "contact_import": "tenant",
    "credential_use": "tenant",
    "device": "tenant",
    "event": "tenant",
    "event_sequence": "tenant",
    "field": "tenant",
    "form_token": "tenant",
    "group_set": "tenant",
    "journal_entry": "tenant",
    "landing_page": "tenant",
    "link": "tenant",
    "link_domain": "tenant",
    "materialisation": "tenant",
    "membership": "tenant",
    "message": "tenant",
    "otp": "tenant",
    "otp_counter": "tenant",
    "otp_limit": "tenant",
    "recipient": "tenant",
    "removed_unsubscribe": "tenant",
    "sending": "tenant",
    "sent_text": "tenant",
    "signed_call": "tenant",
    "simulated_inbound": "tenant",
    "subscription": "tenant",
    "suppression": "tenant",
    "suppression_entry": "tenant",
    "unsubscription": "tenant",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionedTable:
    """A tenant table that is partitioned by day (UTC) on its UUIDv7 key.

    It is distributed by its column `shard_key`. `fillfactor` is how full its pages get with new rows, in percent: less
    where rows are updated, which then stay in their page and need no new index entries. Raises ValueError for names
    that SQL would have to quote, or that leave no room for a partition's suffix in the 63 bytes of an identifier.
    """

    name: str
    key: str
    days_ahead: int = 7
    fillfactor: int = 100

    def __post_init__(self) -> None:
        if not all(_IDENTIFIER.fullmatch(identifier) for identifier in (self.name, self.key)):
            raise ValueError(f"{self.name}.{self.key} is no name of a partitioned table and its key")


SHARD_KEY = "shard_key"
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,53}")

LINKS = PartitionedTable(name="link", key="link_id")
"""Kept for longer than the others: a link is opened when the events of its message are long gone."""

PARTITIONED: tuple[PartitionedTable, ...] = (
    PartitionedTable(name="sending", key="sending_id", fillfactor=50),
    PartitionedTable(name="recipient", key="sending_id"),
    # Two updates a row: 1.4 times as many a second as with full pages, and two thirds of the bytes afterwards.
    PartitionedTable(name="message", key="message_id", fillfactor=50),
    PartitionedTable(name="attempt", key="message_id"),
    PartitionedTable(name="carrier_reference", key="message_id"),
    PartitionedTable(name="sent_text", key="message_id"),
    LINKS,
    PartitionedTable(name="event", key="event_id"),
    PartitionedTable(name="callback", key="callback_id"),
)
