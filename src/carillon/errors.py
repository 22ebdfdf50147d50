"""The domain's errors: what a caller did, never how a protocol says it.

Every class here has a line in each dialect's table of envelopes (``dialects/*/errors.py``); a test walks them all.
Two families: `CallerError` is the caller's to mend, and its text may be shown; `ServiceError` is ours, and its text is
for the log only.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar


class CarillonError(Exception):
    """The root of both families."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").splitlines()[0])

    @property
    def message(self) -> str:
        """One sentence for a human."""
        return str(self.args[0])


class CallerError(CarillonError):
    """The caller's mistake."""


class ServiceError(CarillonError):
    """Our own failure."""


class InvalidInputError(CallerError):
    """A field's value can't be used."""

    code = "invalid_input"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class MissingInputError(InvalidInputError):
    """A field that is required isn't there."""

    code = "missing_input"

    def __init__(self, field: str) -> None:
        super().__init__(field, "This is required.")


class SuppressedAddressError(InvalidInputError):
    """The address is suppressed, and can't be subscribed until that is lifted."""

    code = "suppressed_address"

    def __init__(self, field: str) -> None:
        super().__init__(field, "The address is suppressed.")


class TooManyItemsError(CallerError):
    """More items than one request may carry; `field` is where they are, or empty."""

    code = "too_many_items"

    def __init__(self, *, limit: int, given: int, field: str = "") -> None:
        super().__init__(f"{given} items were given, the most for this method is {limit}.")
        self.field = field
        self.limit = limit
        self.given = given


class BodyTooLargeError(CallerError):
    """The request's body is over the size limit."""

    code = "body_too_large"


class NotFoundError(CallerError):
    """What was asked for isn't there."""

    code = "not_found"

    def __init__(self, subject: str, message: str = "") -> None:
        super().__init__(message or f"There is no such {subject}.")
        self.subject = subject


class NoSuchPathError(CallerError):
    """Nothing is served at this address."""

    code = "no_such_path"


class NoSuchMethodError(CallerError):
    """The address doesn't take the request's method."""

    code = "no_such_method"

    def __init__(self, allowed: Sequence[str]) -> None:
        super().__init__(f"This address takes {', '.join(allowed)}.")
        self.allowed = tuple(allowed)


class MediaTypeError(CallerError):
    """The body's media type is none that is read here."""

    code = "media_type"


class KeyConflictError(CallerError):
    """A contact's keys belong to other contacts; `owners` are their ids by key (phone, email, external_id)."""

    code = "key_conflict"

    def __init__(self, owners: Mapping[str, int]) -> None:
        whose = ", ".join(f"the {key} exists for contact {owner}" for key, owner in owners.items())
        super().__init__(f"{whose[:1].upper()}{whose[1:]}.")
        self.owners = dict(owners)


class GroupNotEmptyError(CallerError):
    """The group has members, and only an empty one may be deleted."""

    code = "group_not_empty"


class MissingCredentialsError(CallerError):
    """No credentials were sent, or they can't be decoded."""

    code = "missing_credentials"


class BadCredentialsError(CallerError):
    """The credentials are wrong, expired or revoked."""

    code = "bad_credentials"


class AddressNotAllowedError(CallerError):
    """The caller's network address isn't on the credential's list."""

    code = "address_not_allowed"


class ScopeMissingError(CallerError):
    """The credential's scopes don't cover this operation."""

    code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"The credential lacks the scope {scope}.")


class AudienceConfinedError(ScopeMissingError):
    """The credential was bound to one audience, and the operation concerns the account's audiences as such."""

    code = "audience_confined"

    def __init__(self, audience_id: int) -> None:
        CallerError.__init__(
            self, f"The credential works in audience {audience_id} only: it neither makes nor deletes any."
        )


class AccountNotActiveError(CallerError):
    """The account isn't active."""

    code = "account_not_active"


class AccountLockedError(CallerError):
    """The account is locked."""

    code = "account_locked"


class RateLimitedError(CallerError):
    """Too many calls in a short time."""

    code = "rate_limited"

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"Too many calls: try again in {retry_after:.2f} seconds.")
        self.retry_after = retry_after


class SendLimitError(RateLimitedError):
    """So many one-time passwords are not let go; `limit` is which, and `whose` says to whom or from where."""

    code = "send_limit"

    def __init__(self, limit: str, whose: str, retry_after: float) -> None:
        minutes = -int(-retry_after // 60)
        CallerError.__init__(self, f"Too many one-time passwords {whose}: try again in {minutes} minutes.")
        self.limit = limit
        self.retry_after = retry_after


class TooExpensiveError(CallerError):
    """It takes too long: ask for less, by narrower conditions, or by going on from the last id."""

    code = "too_expensive"


class JobNotFoundError(CallerError):
    """No job has this token."""

    code = "job_not_found"


class JobInProgressError(CallerError):
    """The job isn't finished yet."""

    code = "job_in_progress"


class UnavailableError(ServiceError):
    """The database can't be reached just now; the same call may work in a moment."""

    code = "unavailable"


class OverloadedError(UnavailableError):
    """More is being done at once than there is room for; the same call may work in a moment."""

    code = "overloaded"


class SchemaMismatchError(ServiceError):
    """The database's schema isn't the one that this program knows."""

    code = "schema_mismatch"
