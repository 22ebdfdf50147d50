"""Who calls: every operation takes an actor, and reaches nothing outside the actor's account."""

from dataclasses import dataclass, field
from datetime import timedelta

from carillon.kit.ids import AccountId, AudienceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An authenticated caller.

    `source` is the way in (API, file, CLI); `name` is what the audit trail and the suppression ledger show;
    `audience_id` is the audience that a flat dialect works in; `country` (ISO 3166 alpha-2) reads its national numbers;
    `time_zone` (IANA) renders its times; `clock_offset` is how far the account's clock is ahead of the real time.
    Empty `scopes` allow everything.
    """

    account_id: AccountId
    audience_id: AudienceId
    credential_id: int | None = None
    name: str
    source: str
    country: str
    time_zone: str = "UTC"
    clock_offset: timedelta = timedelta()
    scopes: frozenset[str] = field(default_factory=frozenset)
