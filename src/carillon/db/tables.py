"""The registry of tables: how each is spread when the database is distributed (scale.md, Tables 1)."""

from typing import Literal

Kind = Literal["tenant", "global", "control"]

# tenant: distributed by account_id · global: small, rarely written, copied to every node · control: on the coordinator.
# A table stands behind those that its foreign keys name: it is distributed after them.
TABLES: dict[str, Kind] = {
    "schema_migration": "control",
    "id_block": "control",
    "credential": "global",
    "account": "tenant",
    "access_token": "tenant",
    "audience": "tenant",
    "audit_entry": "tenant",
    "contact": "tenant",
    "contact_feed": "tenant",
    "contact_group": "tenant",
    "contact_import": "tenant",
    "credential_use": "tenant",
    "device": "tenant",
    "field": "tenant",
    "form_token": "tenant",
    "membership": "tenant",
    "suppression": "tenant",
    "suppression_entry": "tenant",
}
