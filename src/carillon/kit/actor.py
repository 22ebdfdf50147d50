"""Who calls: every operation takes an actor, and reaches nothing outside the actor's account."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from carillon.errors import NotFoundError
from carillon.kit.ids import AccountId, AudienceId
from carillon.kit.traffic import TrafficClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An authenticated caller.

    `source` is the way in (API, file, CLI); `name` is what the audit trail and the suppression ledger show;
    `audience_id` is the audience that a flat dialect works in; `country` (ISO 3166 alpha-2) reads its national numbers;
    `time_zone` (IANA) renders its times; `clock_offset` is how far the account's clock is ahead of the real time.
    Empty `scopes` allow everything. `traffic_class` is what its credential's messages are for; None leaves it to the
    dialect. `sender_defaults` are its credential's `im_sender` and `im_channel`, where it has them.

    `confined_to` is the only audience that its credential was bound to: one that is bound is never in another, whoever
    tries to put it there. Raises NotFoundError for `audience`, as for one that isn't there.
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
    confined_to: AudienceId | None = None
    traffic_class: TrafficClass | None = None
    sender_defaults: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if not self.reaches(self.audience_id):
            raise NotFoundError("audience")

    def reaches(self, audience_id: int) -> bool:
        """Whether an audience of the account is one that it may work in."""
        return self.confined_to is None or audience_id == self.confined_to

    def reached(self, audience_ids: Iterable[int]) -> list[int]:
        """Return those of the audiences that it may work in."""
        return [audience_id for audience_id in audience_ids if self.reaches(audience_id)]
