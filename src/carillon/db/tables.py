"""The registry of tables: how each is spread when the database is distributed (scale.md, Tables 1)."""

from typing import Literal

Kind = Literal["tenant", "global", "control"]

# tenant: distributed by account_id · global: small, rarely written, copied to every node · control: on the coordinator.
TABLES: dict[str, Kind] = {
    "access_token": "tenant",
    "account": "tenant",
    "audience": "tenant",
    "audit_entry": "tenant",
    "contact": "tenant",
    "contact_feed": "tenant",
    "contact_group": "tenant",
    "contact_import": "tenant",
    "credential": "global",
    "credential_use": "tenant",
    "device": "tenant",
    "field": "tenant",
    "form_token": "tenant",
    "id_block": "control",
    "membership": "tenant",
    "schema_migration": "control",
    "suppression": "tenant",
    "suppression_entry": "tenant",
}
