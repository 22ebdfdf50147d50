"""What each endpoint reads, as the vendor's JSON has it."""

from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta

REQUIRED = Meta(extra={"required": True})

MAX_PAGE_SIZE = 200
MAX_FIELDS = 100
MAX_CONDITIONS = 50

Destination: TypeAlias = Annotated[
    str, REQUIRED, Meta(description="The mobile number with its country code, or the e-mail address.")
]
Fields: TypeAlias = Annotated[str | None, Meta(description="The keys that the reply shall have, with commas between.")]
Page: TypeAlias = Annotated[int | None, Meta(description="Which page, from 1.")]
Size: TypeAlias = Annotated[int | None, Meta(description=f"How many items a page has: up to {MAX_PAGE_SIZE}.")]
SortDir: TypeAlias = Annotated[str | None, Meta(description="ASC or DESC.")]


class Request(msgspec.Struct, kw_only=True):
    """The base of what endpoints are asked."""


class Block(Request):
    """An address that is not written to any more."""

    destination: Destination = ""
    reason: Annotated[str, REQUIRED, Meta(description="One of BLOCK_REASONS.")] = ""
    description: Annotated[str | None, Meta(description="A description.")] = None


class ListBlocks(Request):
    """The query of Get Block Subscribers."""

    type: Annotated[str | None, Meta(description="MOBILE or EMAIL.")] = None
    reason: Annotated[str | None, Meta(description="One of BLOCK_REASONS.")] = None
    fields: Fields = None
    page: Page = None
    size: Size = None
    sort: Annotated[str | None, Meta(description="The field to sort by: date_created unless said otherwise.")] = None
    sort_dir: SortDir = None


class ShowOne(Request):
    """The query of an endpoint that shows one item."""

    fields: Fields = None


class Condition(Request):
    """What an item has to meet."""

    name: Annotated[str, REQUIRED, Meta(description="The field.")] = ""
    op: Annotated[str, REQUIRED, Meta(description="eq, beginsWith, gte, gt, lte, lt, exists or nexists.")] = ""
    vl: Annotated[str | None, Meta(description="The value; exists and nexists have none.")] = None


class Sort(Request):
    """How items are sorted."""

    sort_field: Annotated[str | None, Meta(description="The field: id unless said otherwise.")] = None
    sort_dir: SortDir = None


class Query(Request):
    """The body of the query endpoints."""

    conditions: Annotated[
        list[Any],
        Meta(
            description=f"All of them must hold; up to {MAX_CONDITIONS}.",
            extra={"item": Condition, "limit": MAX_CONDITIONS, "only_list": True},
        ),
    ] = []
    fields: Annotated[
        list[Any], Meta(description="The keys that the reply shall have.", extra={"limit": MAX_FIELDS})
    ] = []
    sort: Annotated[list[Any], Meta(description="How items are sorted.", extra={"item": Sort, "limit": 1})] = []
    page: Page = None
    size: Size = None


MAX_TITLE_CHARACTERS = 200
MAX_TEXT_CHARACTERS = 4_000
MAX_MEMBERS = 1_000
MAX_LENGTH = 256
DEFAULT_LISTS = 20


class CampaignDefaults(Request):
    """What a list's campaigns begin with."""

    sender_id: Annotated[str | None, Meta(description="Up to 11 characters, or 16 digits.")] = None
    viber_sender_id: Annotated[str | None, Meta(description="The sender in Viber.")] = None
    sender_name: Annotated[str | None, Meta(description="The name that e-mails show.")] = None
    from_: Annotated[str | None, Meta(description="The address that e-mails come from.")] = msgspec.field(
        name="from", default=None
    )
    reply_to: Annotated[str | None, Meta(description="The address that replies go to.")] = None


class GdprProperties(Request):
    """The legal texts of a list's forms."""

    gdpr_compliant: Annotated[bool | None, Meta(description="false unless said otherwise.")] = None
    legal_text: Annotated[str, REQUIRED, Meta(description="The footer of forms.")] = ""
    title: Annotated[str, REQUIRED, Meta(description="The title of their section.")] = ""
    description: Annotated[str, REQUIRED, Meta(description="The description of their section.")] = ""


class DoubleOptin(Request):
    """Whether new subscribers confirm."""

    mobile: Annotated[bool | None, Meta(description="By SMS; false unless said otherwise.")] = None
    email: Annotated[bool | None, Meta(description="By e-mail; false unless said otherwise.")] = None
    review_mobile_details: Annotated[bool | None, Meta(description="Only where mobile is true.")] = None


class ChangeList(Request):
    """A list as it shall be."""

    title: Annotated[str, REQUIRED, Meta(description="Its name.")] = ""
    description: Annotated[str | None, Meta(description="A description.")] = None
    prefix: Annotated[str, REQUIRED, Meta(description="The calling code of national numbers: +30, or 30.")] = ""
    campaign_defaults: Annotated[
        dict[str, Any] | None,
        Meta(description="What campaigns begin with.", extra={"item": CampaignDefaults, "limit": MAX_MEMBERS}),
    ] = None
    gdpr_properties: Annotated[
        dict[str, Any] | None,
        Meta(description="The legal texts of forms.", extra={"item": GdprProperties, "limit": MAX_MEMBERS}),
    ] = None
    double_optin: Annotated[
        dict[str, Any] | None,
        Meta(description="Whether new subscribers confirm.", extra={"item": DoubleOptin, "limit": MAX_MEMBERS}),
    ] = None


class AddList(ChangeList):
    """A list that is made."""

    type: Annotated[str, REQUIRED, Meta(description="ADVANCED.")] = ""


class ListLists(Request):
    """The query of Get Lists."""

    fields: Fields = None
    type: Annotated[str | None, Meta(description="ADVANCED, as all lists are, or MOBILE.")] = None
    page: Page = None
    size: Annotated[int | None, Meta(description="How many lists a page has: 20, and up to 200.")] = None
    sort: Annotated[str | None, Meta(description="id, title, prefix, date_created or date_updated.")] = None
    sort_dir: SortDir = None


class AddField(Request):
    """A subscriber field that is made."""

    name: Annotated[str, REQUIRED, Meta(description="Its name.")] = ""
    type: Annotated[str, REQUIRED, Meta(description="TEXT, NUMBER, DATE, URL, EMAIL or MOBILE_NUMBER.")] = ""
    length: Annotated[int | None, REQUIRED, Meta(description="The most characters in a campaign: 1 to 256.")] = None
    date_format: Annotated[str | None, Meta(description="One of DATE_FORMATTER; only where the type is DATE.")] = None
    internal: Annotated[bool | None, Meta(description="Whether forms leave it out; false unless said otherwise.")] = (
        None
    )


class ChangeField(Request):
    """What a subscriber field becomes."""

    name: Annotated[str, REQUIRED, Meta(description="Its name.")] = ""
    length: Annotated[int | None, REQUIRED, Meta(description="The most characters in a campaign: 1 to 256.")] = None
    date_format: Annotated[str | None, Meta(description="One of DATE_FORMATTER; only where the type is DATE.")] = None
    internal: Annotated[bool | None, Meta(description="Whether forms leave it out.")] = None


class SaveGdprField(Request):
    """A purpose that subscribers agree to or not."""

    name: Annotated[str, REQUIRED, Meta(description="Its name.")] = ""
    description: Annotated[str | None, Meta(description="A description.")] = None


class SaveGroup(Request):
    """A group of subgroups."""

    name: Annotated[str, REQUIRED, Meta(description="Its name.")] = ""
    type: Annotated[str, REQUIRED, Meta(description="GROUP.")] = ""
    internal: Annotated[bool | None, Meta(description="Whether forms leave it out; false unless said otherwise.")] = (
        None
    )
    selection_type: Annotated[str | None, Meta(description="SINGLE or MULTIPLE; SINGLE unless said otherwise.")] = (
        msgspec.field(name="selectionType", default=None)
    )
    orientation: Annotated[str | None, Meta(description="VERTICAL, HORIZONTAL or DROPDOWN_LIST.")] = msgspec.field(
        name="groupOptionsOrientation", default=None
    )
    form_hidden: Annotated[bool | None, Meta(description="Whether forms don't show it.")] = msgspec.field(
        name="formHidden", default=None
    )


class SaveOption(Request):
    """A subgroup."""

    name: Annotated[str, REQUIRED, Meta(description="Its name.")] = ""


class AddOptions(Request):
    """Several subgroups."""

    name: Annotated[list[Any], REQUIRED, Meta(description="Their names.", extra={"limit": 100, "only_list": True})] = []


MAX_SUBSCRIBERS = 10_000
MAX_SUBSCRIBERS_AT_ONCE = 10
MAX_OPTIONS = 1_000


class Subscriber(Request):
    """A subscriber as it shall be: of an update, what isn't given stays."""

    destination: Annotated[
        str | None, Meta(description="The mobile number: with its country code, or as the list's country dials it.")
    ] = None
    email: Annotated[str | None, Meta(description="The e-mail address.")] = None
    status: Annotated[str | None, Meta(description="SUBSCRIBED, UNSUBSCRIBED or UNCONFIRMED, of the number.")] = None
    email_status: Annotated[str | None, Meta(description="The same, of the e-mail address.")] = None
    subscriber_fields: Annotated[
        dict[str, Any] | None, Meta(description="Values by the fields' identifiers.", extra={"limit": MAX_MEMBERS})
    ] = None
    gdpr_fields: Annotated[
        dict[str, Any] | None,
        Meta(description="`mobile` and `email` by the purposes' identifiers.", extra={"limit": MAX_MEMBERS}),
    ] = None
    group_options: Annotated[
        list[Any] | None,
        Meta(description="The identifiers of subgroups.", extra={"limit": MAX_OPTIONS, "only_list": True}),
    ] = msgspec.field(name="groupOptions", default=None)


class AddSubscribers(Request):
    """Many subscribers."""

    update_on_duplicate: Annotated[
        bool | None, Meta(description="Whether those that are there are changed; false unless said otherwise.")
    ] = None
    subscribers: Annotated[
        list[Any],
        REQUIRED,
        Meta(
            description=f"The subscribers; up to {MAX_SUBSCRIBERS}.",
            extra={"item": Subscriber, "limit": MAX_SUBSCRIBERS, "only_list": True},
        ),
    ] = []


class ListSubscribers(Request):
    """The query of Get Subscribers."""

    fields: Fields = None
    status: Annotated[str | None, Meta(description="SUBSCRIBED, UNSUBSCRIBED or UNCONFIRMED, of the number.")] = None
    email: Annotated[
        str | None, Meta(description="The same, of the e-mail address.", extra={"aliases": ("email_status",)})
    ] = None
    page: Page = None
    size: Size = None
    sort: Annotated[str | None, Meta(description="The field to sort by: id unless said otherwise.")] = None
    sort_dir: SortDir = None


class RemoveSubscriber(Request):
    """The query of Remove Subscriber."""

    permanent: Annotated[bool | None, Meta(description="Whether it is deleted; archived unless said otherwise.")] = None


MAX_RECIPIENTS = 50_000
MAX_PARAMS = 1_000
MAX_CUSTOM_ID_CHARACTERS = 255


class Message(Request):
    """What an SMS says."""

    text: Annotated[str, REQUIRED, Meta(description="The text; `{key}` is replaced by a recipient's parameter.")] = ""
    dc: Annotated[
        int | None, Meta(description="0: GSM, and UCS-2 where GSM lacks a character. 1: octets. 2: UCS-2. 0 if absent.")
    ] = None
    sender_id: Annotated[str, REQUIRED, Meta(description="1 to 16 digits, or 1 to 11 Latin characters.")] = ""


class Landing(Request):
    """A landing page or a URL that a short link in a message leads to."""

    url: Annotated[str, REQUIRED, Meta(description="http, https or viber; or the key of a landing page.")] = ""
    data: Annotated[
        dict[str, Any] | None,
        Meta(description="Texts for the page's placeholders, or for the form of POST.", extra={"limit": MAX_PARAMS}),
    ] = None
    redirect: Annotated[bool | None, Meta(description="false: a page leads to the URL. true if absent.")] = None
    method: Annotated[
        str | None, Meta(description="GET or POST: how that page leads there, with redirect false. GET if absent.")
    ] = None
    prevent_sys_params: Annotated[
        bool | None, Meta(description="true: the URL does not get message_id, request_id and short_code.")
    ] = None
    landing_domain: Annotated[
        str | None, Meta(description="A domain that is the account's, with http:// or https://.")
    ] = None
    enable_tracking: Annotated[bool | None, Meta(description="false: clicks are not recorded. true if absent.")] = None


class Recipient(Request):
    """Whom an SMS goes to."""

    number: Annotated[str, REQUIRED, Meta(description="7 to 15 digits with the country code, a plus or none.")] = ""
    custom_id: Annotated[str | None, Meta(description="What the reply and callbacks show beside the number.")] = None
    params: Annotated[
        dict[str, Any] | None,
        Meta(
            description="Texts by their placeholders' keys; landing pages by keys that begin with `apifon_lp`.",
            extra={"item": Landing, "limit": MAX_PARAMS},
        ),
    ] = None


class SendSms(Request):
    """An SMS to many."""

    subscribers: Annotated[
        list[Any],
        REQUIRED,
        Meta(
            description=f"The recipients; up to {MAX_RECIPIENTS}.",
            extra={"item": Recipient, "limit": MAX_RECIPIENTS, "only_list": True},
        ),
    ] = []
    reference_id: Annotated[str | None, Meta(description="A text of your own, up to 255 characters.")] = None
    message: Annotated[
        dict[str, Any] | None,
        REQUIRED,
        Meta(description="What it says.", extra={"item": Message, "limit": MAX_MEMBERS}),
    ] = None
    callback_url: Annotated[str | None, Meta(description="Where statuses and replies go: https. Empty: nowhere.")] = (
        None
    )
    tte: Annotated[
        str | None,
        Meta(description="The validity in seconds, or its end; 60 seconds to 48 hours, 8 hours if absent or 0."),
    ] = None
    date: Annotated[
        str | None, Meta(description="When it is sent: yyyy-MM-dd'T'HH:mm:ss in UTC; what is past is at once.")
    ] = None


class RemoveSms(Request):
    """What is not sent any more."""

    id: Annotated[str, REQUIRED, Meta(description="The request's id, or the reference.")] = ""
    field: Annotated[str, REQUIRED, Meta(description="REQUEST_ID or REFERENCE_ID.")] = ""
