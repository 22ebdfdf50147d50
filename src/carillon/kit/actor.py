"""Who calls: every operation takes an actor, and reaches nothing outside the actor's account."""

from dataclasses import dataclass, field

from carillon.kit.ids import AccountId, AudienceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A caller that has been let in.

    `source` is the door (API, file, CLI); `name` is who stands in it, as the audit trail and the suppression ledger
    show them; `audience_id` is the audience that a flat dialect works in; `country` (ISO 3166 alpha-2) reads its
    national numbers; `time_zone` (IANA) renders its times. Empty `scopes` allow everything.
    """

    account_id: AccountId
    audience_id: AudienceId
    credential_id: int | None = None
    name: str
    source: str
    country: str
    time_zone: str = "UTC"
    scopes: frozenset[str] = field(default_factory=frozenset)
