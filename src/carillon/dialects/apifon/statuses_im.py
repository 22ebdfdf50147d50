"""The IM callback statuses of the reference, each of our states and failures with the one that tells it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from carillon.carriers.failures import Failure
from carillon.dialects.apifon.statuses import EXPLAINED
from carillon.messaging.states import MessageState


@dataclass(frozen=True, slots=True)
class ImStatus:
    """A line of IM Callback Statuses."""

    code: int
    text: str


SENT = ImStatus(3, "sent")
DELIVERED = ImStatus(7, "delivered")
EXPIRED = ImStatus(8, "expired")
SEEN = ImStatus(10, "seen")
OPEN = ImStatus(11, "open")
UNKNOWN_USER = ImStatus(22, "unknown_user")
NO_SENDER = ImStatus(101, "no_sender")
INVALID_MSISDN = ImStatus(105, "invalid_msisdn")
NO_COVERAGE = ImStatus(109, "no_coverage")
NO_PRODUCT = ImStatus(110, "no_product")
SPAM_CONTROL = ImStatus(111, "spam_control")
INSUFFICIENT_CREDITS = ImStatus(115, "account_insufficient_credits")
SENDER_ID_DISABLED = ImStatus(119, "sender_id_disabled")
NO_ACTIVE_SUBSCRIPTION = ImStatus(120, "no_active_subscription")
INVALID_URL = ImStatus(121, "invalid_url")
SHARED_SENDER_CAP = ImStatus(130, "shared_sender_cap")

OF_STATES: Mapping[MessageState, ImStatus] = {
    MessageState.EXCLUDED: NO_COVERAGE,
    MessageState.WAITING: SENT,
    MessageState.SUBMITTED: SENT,
    MessageState.UNCERTAIN: SENT,
    MessageState.DELIVERED: DELIVERED,
    MessageState.UNDELIVERED: UNKNOWN_USER,
    MessageState.EXPIRED: EXPIRED,
    MessageState.REJECTED: NO_COVERAGE,
    MessageState.CANCELLED: EXPIRED,
    MessageState.UNKNOWN: NO_COVERAGE,
}
"""What a state says by itself: for those that no failure explains better."""

# unknown_user, no_active_subscription and expired stand for exactly the failures after which an SMS is sent, but of
# those by which nobody writes to a number any more (IM Failover to SMS).
OF_FAILURES: Mapping[Failure, ImStatus] = {
    Failure.THROTTLED: NO_COVERAGE,
    Failure.QUEUE_FULL: NO_COVERAGE,
    Failure.TEMPORARY: NO_COVERAGE,
    Failure.UNAVAILABLE: NO_COVERAGE,
    Failure.NO_CARRIER_ROUTE: NO_COVERAGE,
    Failure.LOST: NO_COVERAGE,
    Failure.UNKNOWN_SUBSCRIBER: UNKNOWN_USER,
    Failure.ABSENT_SUBSCRIBER: UNKNOWN_USER,
    Failure.CALL_BARRED: UNKNOWN_USER,
    Failure.TELESERVICE_NOT_PROVISIONED: UNKNOWN_USER,
    Failure.NETWORK_ERROR: UNKNOWN_USER,
    Failure.REJECTED_BY_NETWORK: UNKNOWN_USER,
    Failure.REFUSED_BY_NETWORK: NO_COVERAGE,
    Failure.REFUSED_BY_CARRIER: NO_COVERAGE,
    Failure.EXPIRED: EXPIRED,
    Failure.DELETED: UNKNOWN_USER,
    Failure.SENDER_MISSING: NO_SENDER,
    Failure.SENDER_INVALID: NO_SENDER,
    Failure.SENDER_TYPE_UNKNOWN: NO_SENDER,
    Failure.ADDRESS_INVALID: INVALID_MSISDN,
    Failure.TEXT_INVALID: NO_COVERAGE,
    Failure.URL_INVALID: INVALID_URL,
    Failure.SENDER_DISABLED: SENDER_ID_DISABLED,
    Failure.NO_SUBSCRIPTION: NO_ACTIVE_SUBSCRIPTION,
    Failure.SENDER_CAP: SHARED_SENDER_CAP,
    Failure.DUPLICATE: SPAM_CONTROL,
    # As who has blocked the sender: out of reach by their own will.
    Failure.SUPPRESSED: UNKNOWN_USER,
    Failure.CONSENT_MISSING: UNKNOWN_USER,
    Failure.REPEATED: SPAM_CONTROL,
    Failure.FORBIDDEN_BY_RULE: NO_COVERAGE,
    Failure.NO_ROUTE: NO_COVERAGE,
    Failure.NO_PRICE: NO_PRODUCT,
    Failure.NO_CREDIT: INSUFFICIENT_CREDITS,
    Failure.ACCOUNT_NOT_ALLOWED: NO_COVERAGE,
    Failure.ACCOUNT_SUSPENDED: NO_COVERAGE,
    Failure.CANCELLED: EXPIRED,
}


def status_of_instant(state: MessageState, reason: Failure | None) -> ImStatus:
    """Return the status of an instant message that came into a state, for a reason where there is one."""
    if reason is not None and state in EXPLAINED:
        return OF_FAILURES[reason]
    return OF_STATES[state]
