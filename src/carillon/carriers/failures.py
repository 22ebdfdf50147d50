"""The one closed list of why a message was not delivered, and what follows from each.

The value is stored as a message's `reason`. Dialects map it to their vendor's codes, each by a total table.
"""

from enum import Enum, StrEnum


class Consequence(Enum):
    """What the engine does after a failure."""

    RETRY = "retry"  # the same message again, later, on the same carrier
    THROTTLE = "throttle"  # the same, and the carrier is slowed down
    FAIL_OVER = "fail_over"  # the route's next carrier takes it at once; the same carrier later where there is none
    REFUSE = "refuse"  # final
    LOSE = "lose"  # it is unknown whether it was taken: uncertain


class Failure(StrEnum):
    """Why a message was not delivered, or not yet."""

    # Of carriers, for a while.
    THROTTLED = "throttled"
    QUEUE_FULL = "queue_full"
    TEMPORARY = "temporary"
    UNAVAILABLE = "unavailable"  # not connected, or it says that it is down: nothing was taken
    NO_CARRIER_ROUTE = "no_carrier_route"  # the carrier can't reach the network
    LOST = "lost"  # no answer came
    # Of carriers and networks, for good.
    UNKNOWN_SUBSCRIBER = "unknown_subscriber"
    ABSENT_SUBSCRIBER = "absent_subscriber"
    CALL_BARRED = "call_barred"
    TELESERVICE_NOT_PROVISIONED = "teleservice_not_provisioned"
    NETWORK_ERROR = "network_error"  # the network took it and failed
    REJECTED_BY_NETWORK = "rejected_by_network"  # a receipt says rejected
    REFUSED_BY_NETWORK = "refused_by_network"  # the SMSC refused it at submit
    REFUSED_BY_CARRIER = "refused_by_carrier"  # the provider refused it at submit
    EXPIRED = "expired"  # its validity has ended
    DELETED = "deleted"  # a receipt says that the carrier deleted it
    # Of what was asked for.
    SENDER_MISSING = "sender_missing"
    SENDER_INVALID = "sender_invalid"
    SENDER_TYPE_UNKNOWN = "sender_type_unknown"
    ADDRESS_INVALID = "address_invalid"
    TEXT_INVALID = "text_invalid"
    URL_INVALID = "url_invalid"  # the link of an instant message's button
    # Of what senders of instant messages have.
    SENDER_DISABLED = "sender_disabled"
    NO_SUBSCRIPTION = "no_subscription"  # none is active, and there is no price
    SENDER_CAP = "sender_cap"  # a sender that is shared has been used as often as it may
    # Ours, before a carrier sees it.
    DUPLICATE = "duplicate"  # twice in one request
    SUPPRESSED = "suppressed"
    CONSENT_MISSING = "consent_missing"
    REPEATED = "repeated"  # the same text to the same number within the account's window
    FORBIDDEN_BY_RULE = "forbidden_by_rule"  # a country's rule, or no coverage
    NO_ROUTE = "no_route"
    NO_PRICE = "no_price"
    NO_CREDIT = "no_credit"
    ACCOUNT_NOT_ALLOWED = "account_not_allowed"
    ACCOUNT_SUSPENDED = "account_suspended"
    CANCELLED = "cancelled"

    @property
    def consequence(self) -> Consequence:
        """What follows when a carrier answers so at submit."""
        return _CONSEQUENCES.get(self, Consequence.REFUSE)

    @property
    def falls_back(self) -> bool:
        """Whether an instant message that ends so is sent as an SMS, where its sending has one.

        The application has not shown it to anybody: its user is none, or not reached in time, or its sender has no
        subscription (IM Failover to SMS of Apifon's reference: unknown_user, no_active_subscription, expired).
        """
        return self in _FALL_BACK


_CONSEQUENCES = {
    Failure.THROTTLED: Consequence.THROTTLE,
    Failure.QUEUE_FULL: Consequence.THROTTLE,
    Failure.TEMPORARY: Consequence.RETRY,
    Failure.UNAVAILABLE: Consequence.FAIL_OVER,
    Failure.NO_CARRIER_ROUTE: Consequence.FAIL_OVER,
    Failure.LOST: Consequence.LOSE,
}

_FALL_BACK = frozenset(
    {
        Failure.UNKNOWN_SUBSCRIBER,
        Failure.ABSENT_SUBSCRIBER,
        Failure.CALL_BARRED,
        Failure.TELESERVICE_NOT_PROVISIONED,
        Failure.NETWORK_ERROR,
        Failure.REJECTED_BY_NETWORK,
        Failure.DELETED,
        Failure.EXPIRED,
        Failure.NO_SUBSCRIPTION,
    }
)
