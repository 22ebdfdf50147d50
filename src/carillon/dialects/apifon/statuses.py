"""The SMS callback statuses of the reference, each of our states and failures with the one that tells it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from carillon.carriers.failures import Failure
from carillon.messaging.states import MessageState


@dataclass(frozen=True, slots=True)
class SmsStatus:
    """A line of SMS Callback Statuses."""

    code: int
    text: str


ABSENT = SmsStatus(1, "absent")
ACCEPTED = SmsStatus(3, "accepted")
ACCEPTED_SMSC = SmsStatus(4, "accepted_smsc")
CALL_BARRED = SmsStatus(5, "call_barred")
DELIVERED = SmsStatus(7, "delivered")
EXPIRED = SmsStatus(8, "expired")
OPEN = SmsStatus(11, "open")
REJECTED_SMSC = SmsStatus(18, "rejected_smsc")
TELESERVICE_NOT_PROVISIONED = SmsStatus(19, "teleservice_not_provisioned")
UNEXPECTED_VALUE = SmsStatus(21, "unexpected_value")
UNKNOWN_SUB = SmsStatus(22, "unknown_sub")
SMPP_REFUSED = SmsStatus(23, "smpp_refused")
SMSC_REFUSED = SmsStatus(24, "smsc_refused")
NO_SENDER = SmsStatus(101, "no_sender")
INVALID_SENDER = SmsStatus(103, "invalid_sender")
INVALID_MSISDN = SmsStatus(105, "lookup_invalid_msisdn")
UNKNOWN_SENDER_TYPE = SmsStatus(106, "unknown_sender_type")
ACCOUNT_NOT_ALLOWED = SmsStatus(107, "account_not_allowed")
NO_COVERAGE = SmsStatus(109, "no_coverage")
NO_PRICE = SmsStatus(110, "no_price")
SPAM_CONTROL = SmsStatus(111, "spam_control")
NO_ROUTE_PLAN = SmsStatus(112, "no_route_plan")
INVALID_ACCOUNT = SmsStatus(113, "invalid_account")
INSUFFICIENT_CREDITS = SmsStatus(115, "account_insufficient_credits")

OF_STATES: Mapping[MessageState, SmsStatus] = {
    MessageState.EXCLUDED: REJECTED_SMSC,
    MessageState.WAITING: ACCEPTED,
    MessageState.SUBMITTED: ACCEPTED_SMSC,
    MessageState.UNCERTAIN: ACCEPTED,
    MessageState.DELIVERED: DELIVERED,
    MessageState.UNDELIVERED: UNEXPECTED_VALUE,
    MessageState.EXPIRED: EXPIRED,
    MessageState.REJECTED: REJECTED_SMSC,
    MessageState.CANCELLED: EXPIRED,
    MessageState.UNKNOWN: UNEXPECTED_VALUE,
}
"""What a state says by itself: for those that no failure explains better."""

OF_FAILURES: Mapping[Failure, SmsStatus] = {
    Failure.THROTTLED: SMPP_REFUSED,
    Failure.QUEUE_FULL: SMPP_REFUSED,
    Failure.TEMPORARY: SMSC_REFUSED,
    Failure.UNAVAILABLE: SMPP_REFUSED,
    Failure.NO_CARRIER_ROUTE: NO_ROUTE_PLAN,
    Failure.LOST: UNEXPECTED_VALUE,
    Failure.UNKNOWN_SUBSCRIBER: UNKNOWN_SUB,
    Failure.ABSENT_SUBSCRIBER: ABSENT,
    Failure.CALL_BARRED: CALL_BARRED,
    Failure.TELESERVICE_NOT_PROVISIONED: TELESERVICE_NOT_PROVISIONED,
    Failure.NETWORK_ERROR: UNEXPECTED_VALUE,
    Failure.REJECTED_BY_NETWORK: REJECTED_SMSC,
    Failure.REFUSED_BY_NETWORK: SMSC_REFUSED,
    Failure.REFUSED_BY_CARRIER: SMPP_REFUSED,
    Failure.EXPIRED: EXPIRED,
    Failure.DELETED: REJECTED_SMSC,
    Failure.SENDER_MISSING: NO_SENDER,
    Failure.SENDER_INVALID: INVALID_SENDER,
    Failure.SENDER_TYPE_UNKNOWN: UNKNOWN_SENDER_TYPE,
    Failure.ADDRESS_INVALID: INVALID_MSISDN,
    Failure.TEXT_INVALID: UNEXPECTED_VALUE,
    # Of instant messages, whose own table tells them better.
    Failure.URL_INVALID: UNEXPECTED_VALUE,
    Failure.SENDER_DISABLED: INVALID_SENDER,
    Failure.NO_SUBSCRIPTION: NO_PRICE,
    Failure.SENDER_CAP: INVALID_SENDER,
    Failure.DUPLICATE: SPAM_CONTROL,
    # Who has unsubscribed, or never agreed, is out of reach by their own will.
    Failure.SUPPRESSED: CALL_BARRED,
    Failure.CONSENT_MISSING: CALL_BARRED,
    Failure.REPEATED: SPAM_CONTROL,
    Failure.FORBIDDEN_BY_RULE: NO_COVERAGE,
    Failure.NO_ROUTE: NO_ROUTE_PLAN,
    Failure.NO_PRICE: NO_PRICE,
    Failure.NO_CREDIT: INSUFFICIENT_CREDITS,
    Failure.ACCOUNT_NOT_ALLOWED: ACCOUNT_NOT_ALLOWED,
    Failure.ACCOUNT_SUSPENDED: INVALID_ACCOUNT,
    Failure.CANCELLED: EXPIRED,
}

EXPLAINED = frozenset({MessageState.EXCLUDED, MessageState.UNDELIVERED, MessageState.REJECTED, MessageState.UNKNOWN})
"""The states that the reason explains, here and for instant messages."""


def status_of_message(state: MessageState, reason: Failure | None) -> SmsStatus:
    """Return the status of a message that came into a state, for a reason where there is one."""
    if reason is not None and state in EXPLAINED:
        return OF_FAILURES[reason]
    return OF_STATES[state]
