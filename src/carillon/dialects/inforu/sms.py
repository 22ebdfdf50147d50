"""SendSms: from the request to a sending."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from carillon.audience.groups import FindGroups, GroupKey, find_groups
from carillon.carriers.failures import Failure
from carillon.dialects.inforu import replies, schemas_sms
from carillon.dialects.inforu.auth import DIALECT
from carillon.dialects.inforu.calls import Call, check_count
from carillon.dialects.inforu.errors import (
    BadDateError,
    MessageTooLongError,
    NoCreditError,
    NoMessageError,
    NoRecipientsError,
    NoValidRecipientsError,
)
from carillon.dialects.inforu.mapping_dates import read_moment
from carillon.dialects.inforu.mapping_sms import (
    PLACEHOLDERS,
    ReadRecipients,
    customer_marks,
    read_group_numbers,
    read_recipients,
    read_sender,
    shorten_links,
    show_accepted,
    show_failure,
)
from carillon.dialects.reading import read_request
from carillon.errors import InvalidInputError, NotFoundError
from carillon.events.endpoints import check_callback_url
from carillon.kit.actor import Actor
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept import send
from carillon.messaging.sendings import DEFAULT_VALIDITY, MAX_VALIDITY, AcceptedSending, Send


async def send_sms(call: Call, asked: schemas_sms.SendSms) -> replies.SmsAccepted:
    """Send a text to recipients and to the members of groups."""
    settings = read_request(schemas_sms.SmsSettings, asked.settings, "Data.Settings")
    _check(asked, settings)
    read = read_recipients(asked.recipients, asked.message)
    message, links = shorten_links(asked.message) if settings.shorten_url_enable else (asked.message, {})
    command = Send(
        dialect=DIALECT,
        traffic_class=_traffic_class(call.actor, settings, to_groups=bool(asked.group_numbers)),
        sender=read_sender(settings.sender),
        text=message,
        placeholders=PLACEHOLDERS,
        contact_fields=read.fields,
        links=links,
        max_parts=settings.max_segments or None,
        recipients=read.recipients,
        groups=await _groups(call, asked.group_numbers, "Data.GroupNumbers"),
        excluded_groups=await _groups(call, asked.exclude_group_numbers, "Data.ExcludeGroupNumbers"),
        scheduled_at=_scheduled_at(call, settings),
        validity=MAX_VALIDITY if settings.expire_date else DEFAULT_VALIDITY,
        expires_at=_expires_at(call, settings),
        callback_url=_callback_url(call, settings),
        campaign=(settings.campaign_name or "").strip() or None,
        options=customer_marks(settings.customer_message_id, settings.customer_parameter),
        allows_duplicates=bool(settings.allow_duplicates),
        ignores_suppressions=bool(settings.ignore_unsubscribe_check),
        only_if_any=True,
    )
    return show_accepted(await _accepted(call, command, read), read.recipients.addresses)


def _check(asked: schemas_sms.SendSms, settings: schemas_sms.SmsSettings) -> None:
    """Raise what the vendor has codes for, in the order in which they count."""
    if not asked.message.strip():
        raise NoMessageError("Data.Message", "There is no text.")
    if len(asked.message) > schemas_sms.MAX_MESSAGE_CHARACTERS:
        most = f"{schemas_sms.MAX_MESSAGE_CHARACTERS} characters at most"
        raise MessageTooLongError("Data.Message", f"A text has {most}.")
    if not asked.recipients and not asked.group_numbers:
        raise NoRecipientsError("Data.Recipients", "There are neither recipients nor groups.")
    check_count(len(asked.recipients), schemas_sms.MAX_RECIPIENTS)
    check_count(len(asked.group_numbers), schemas_sms.MAX_GROUPS)
    check_count(len(asked.exclude_group_numbers), schemas_sms.MAX_GROUPS)
    for name, number in (("DelayInSeconds", settings.delay_in_seconds), ("MaxSegments", settings.max_segments)):
        if number is not None and number < 0:
            raise InvalidInputError(f"Data.Settings.{name}", "It can't be below 0.")


def _traffic_class(actor: Actor, settings: schemas_sms.SmsSettings, *, to_groups: bool) -> TrafficClass:
    """Choose the class: the credential's where it has one; groups get marketing, unless the caller says otherwise."""
    if actor.traffic_class is not None:
        return actor.traffic_class
    priority = settings.priority or 0
    if priority < 0 or (to_groups and not priority and not settings.ignore_unsubscribe_check):
        return TrafficClass.MARKETING
    return TrafficClass.TRANSACTIONAL


async def _groups(call: Call, items: Sequence[object], place: str) -> list[int]:
    found: list[int] = []
    for number in read_group_numbers(items, place):
        query = FindGroups(by=GroupKey.NUMBER, value=str(number))
        groups = await call.services.db.read(find_groups, call.actor, query)
        if not groups:
            raise NotFoundError("group", f"{place}: There is no group {number}.")
        found.append(groups[0].group_id)
    return found


def _scheduled_at(call: Call, settings: schemas_sms.SmsSettings) -> datetime | None:
    moment = _moment(call, settings.time_to_send, "Data.Settings.TimeToSend")
    if moment is None and settings.delay_in_seconds:
        now = call.services.db.clock.now() + call.actor.clock_offset
        try:
            return now + timedelta(seconds=settings.delay_in_seconds)
        except OverflowError:
            raise BadDateError("Data.Settings.DelayInSeconds", "That is too far ahead.") from None
    return moment


def _expires_at(call: Call, settings: schemas_sms.SmsSettings) -> datetime | None:
    moment = _moment(call, settings.expire_date, "Data.Settings.ExpireDate")
    now = call.services.db.clock.now() + call.actor.clock_offset
    if moment is not None and moment <= (_scheduled_at(call, settings) or now):
        raise BadDateError("Data.Settings.ExpireDate", "It is over before the message would be sent.")
    return moment


def _moment(call: Call, text: str | None, place: str) -> datetime | None:
    try:
        return read_moment(text, call.show.zone, place)
    except InvalidInputError as error:
        raise BadDateError(place, error.message) from None


def _callback_url(call: Call, settings: schemas_sms.SmsSettings) -> str | None:
    url = (settings.delivery_notification_url or "").strip()
    if not url:
        return None
    field = "Data.Settings.DeliveryNotificationUrl"
    return check_callback_url(url, https_only=False, allow=call.services.outbound_allow, field=field)


async def _accepted(call: Call, command: Send, read: ReadRecipients) -> AcceptedSending:
    """Send, and raise what the vendor has codes for where nobody gets it."""
    try:
        accepted = await call.services.db.run_spanning(send, call.actor, command)
    except InvalidInputError as error:
        if error.field == "scheduled_at":
            raise BadDateError("Data.Settings.TimeToSend", error.message) from None
        raise
    if accepted.is_written:
        return accepted
    failures = set(accepted.failures)
    if failures == {Failure.TEXT_INVALID}:
        raise MessageTooLongError("Data.Message", "The text has more parts than MaxSegments allows.")
    if Failure.NO_CREDIT in failures:
        raise NoCreditError("Data.Recipients", "The credit is used up.")
    count = len(read.recipients.addresses)
    why = f" The first: {show_failure(accepted.failures[0])}" if accepted.failures and accepted.failures[0] else ""
    raise NoValidRecipientsError("Data.Recipients", f"None of {count} recipients can get it.{why}")
