"""Sendings: what a caller asks to be sent, and what it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from carillon.addresses.phone_readings import PhoneForm
from carillon.carriers.content import Content
from carillon.carriers.failures import Failure
from carillon.kit.traffic import TrafficClass
from carillon.links.targets import LinkColumn, ShortLinks
from carillon.messaging.states import SendingState
from carillon.text.encodings import Encoding
from carillon.text.placeholders import PlaceholderStyle

MAX_TEXT_CHARACTERS = 10_000
MAX_REFERENCE_CHARACTERS = 255
MIN_VALIDITY: Mapping[str, timedelta] = {"sms": timedelta(seconds=60), "im": timedelta(seconds=30)}
"""By channel."""
MAX_VALIDITY = timedelta(hours=48)
DEFAULT_VALIDITY = timedelta(hours=8)
MAX_SCHEDULE = timedelta(days=366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """Whom a request names, in columns of one length.

    `addresses` are as the caller gave them, or E.164 digits where `are_digits`, which are checked for their shape and
    not read. `values` are what placeholders are replaced by; `custom` is what the caller keeps of each. `links` are
    where the short links lead that placeholders are replaced by, by placeholder.
    """

    addresses: Sequence[str] = field(repr=False)
    values: Sequence[Mapping[str, str]] | None = field(default=None, repr=False)
    custom: Sequence[Mapping[str, object] | None] | None = field(default=None, repr=False)
    links: Mapping[str, LinkColumn] = field(default_factory=dict, repr=False)
    are_digits: bool = False
    phone_form: PhoneForm = PhoneForm.INTERNATIONAL_FIRST


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What is sent as an SMS where an instant message fails (`Failure.falls_back`); fields as in `Send`.

    Its text has the same placeholders as the first one. `validity` begins when that of the first attempt ends, so that
    it is at least so long.
    """

    sender: str
    text: str = field(repr=False)
    encodings: tuple[Encoding, ...] = (Encoding.GSM, Encoding.UCS2)
    replaces_typographic: bool = False
    has_placeholders: bool = True
    validity: timedelta = DEFAULT_VALIDITY


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a text to recipients, and to the members of groups but for those of excluded ones.

    `dialect` is whose client asks. `placeholders` is None for a text that is sent as it is; of its keys, those
    in `contact_fields` are a contact's attributes: `phone`, `email`, `external_id` or a field by its name. They are the
    values of a group's members, and of recipients whose own values lack them. The encoding is the one of
    `encodings` that takes the fewest parts. What is due later than `validity` after its moment is not submitted;
    `expires_at` ends it earlier. `callback_url` gets events, `reply_url` replies. With a campaign's name the
    sending counts in it, and its `tags` are added to the campaign's; the empty name is the campaign of what has none.
    `per_second` is a pace: messages are due one after another.
    `avoids` are carriers of its route that don't get it: where there is no other, it has no route.
    `purpose` is the consent that contacts must have given. `numbered` gives each message a number
    (`AcceptedSending.guids`). `only_if_any`: nothing is written when every recipient is excluded. A number that occurs
    again is excluded, with `same_text_only` where its text is the same; `allows_duplicates` excludes none. `links` are
    URLs for placeholders, too: each recipient has short links to them of its own, but with groups all have the same.

    On the channel `im`, `content` is what a message shows beside its text, which may be empty where that is enough, and
    `fallback` what is sent as an SMS where it fails. Encodings and parts are of SMS alone.
    """

    dialect: str = ""
    channel: str = "sms"
    traffic_class: TrafficClass = TrafficClass.TRANSACTIONAL
    sender: str
    text: str = field(repr=False)
    placeholders: PlaceholderStyle | None = None
    contact_fields: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict, repr=False)
    encodings: tuple[Encoding, ...] = (Encoding.GSM, Encoding.UCS2)
    replaces_typographic: bool = False
    max_parts: int | None = None
    recipients: Recipients = field(default_factory=lambda: Recipients(addresses=()))
    groups: Sequence[int] = ()
    excluded_groups: Sequence[int] = ()
    scheduled_at: datetime | None = None
    validity: timedelta = DEFAULT_VALIDITY
    expires_at: datetime | None = None
    reference: str | None = None
    callback_url: str | None = field(default=None, repr=False)
    reply_url: str | None = field(default=None, repr=False)
    campaign: str | None = None
    tags: Sequence[str] = ()
    options: Mapping[str, object] = field(default_factory=dict)
    allows_duplicates: bool = False
    same_text_only: bool = False
    ignores_suppressions: bool = False
    purpose: str | None = None
    per_second: float | None = None
    numbered: bool = False
    only_if_any: bool = False
    avoids: Sequence[int] = ()
    content: Content | None = None
    fallback: Fallback | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignNumbers:
    """The numbers of a campaign, and of the one sending that vendors show of it."""

    campaign_id: int
    sending_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedSending:
    """What was accepted, in columns as long as the request's recipients.

    `numbers` are normalised, None for what is no address. A recipient with a failure is excluded. `is_written` is false
    where nothing was written (`Send.only_if_any`). `cost` is what is reserved, in micro-units with VAT. A sending to
    groups is materialising: its members have no columns, and `members` says how many there are; it is what the groups'
    counters say where they are very many. `links` are the short links of the recipients.
    """

    sending_id: UUID
    state: SendingState
    is_written: bool
    created_at: datetime
    due_at: datetime
    expires_at: datetime
    numbers: Sequence[str | None] = field(repr=False)
    message_ids: Sequence[UUID]
    failures: Sequence[Failure | None]
    parts: Sequence[int]
    lengths: Sequence[int]
    encodings: Sequence[Encoding | None] = ()
    cost: int = 0
    guids: Sequence[int] = ()
    members: int = 0
    campaign: CampaignNumbers | None = None
    links: ShortLinks | None = field(default=None, repr=False)
