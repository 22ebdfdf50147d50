"""From a provider's answer to an outcome, by the tables in a carrier's options."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from carillon.carriers.contract import Accepted, Failed, Outcome
from carillon.carriers.failures import Failure
from carillon.carriers.http.reading import Document, Place, read_optional_place
from carillon.carriers.options import invalid_option, read_choice
from carillon.outbound.exchange import HttpReply, OutboundError

# What we decide ourselves, before a carrier is asked.
_OURS = frozenset(
    {
        Failure.DUPLICATE,
        Failure.SUPPRESSED,
        Failure.CONSENT_MISSING,
        Failure.REPEATED,
        Failure.FORBIDDEN_BY_RULE,
        Failure.NO_ROUTE,
        Failure.NO_PRICE,
        Failure.NO_CREDIT,
        Failure.ACCOUNT_NOT_ALLOWED,
        Failure.ACCOUNT_SUSPENDED,
        Failure.CANCELLED,
    }
)
OF_CARRIERS: Mapping[str, Failure] = {one.value: one for one in Failure if one not in _OURS}
"""The failures that a carrier's options may name."""

ACCEPTED = "accepted"
"""What an option may say of an answer instead of a failure."""

_STATUS, _ERROR = "status.", "error."
_SUCCESS = range(200, 300)
_SERVER_ERROR = range(500, 600)
_STATUS_CODE = re.compile(r"[1-5][0-9][0-9]")
_LONGEST_WAIT = timedelta(hours=1)
_LONGEST_CODE, _LONGEST_REFERENCE = 64, 256

_STATUSES: Mapping[int, Failure] = {
    # Nothing was taken, and the next message will fare no better: wrong credentials, no credit with the provider, a
    # wrong URL. The other statuses from 400 on are about the message.
    HTTPStatus.UNAUTHORIZED: Failure.UNAVAILABLE,
    HTTPStatus.PAYMENT_REQUIRED: Failure.UNAVAILABLE,
    HTTPStatus.FORBIDDEN: Failure.UNAVAILABLE,
    HTTPStatus.NOT_FOUND: Failure.UNAVAILABLE,
    HTTPStatus.METHOD_NOT_ALLOWED: Failure.UNAVAILABLE,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED: Failure.UNAVAILABLE,
    HTTPStatus.REQUEST_TIMEOUT: Failure.TEMPORARY,  # the request had not come whole
    HTTPStatus.TOO_MANY_REQUESTS: Failure.THROTTLED,
    HTTPStatus.SERVICE_UNAVAILABLE: Failure.TEMPORARY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTemplate:
    """How an answer is read.

    `statuses` and `errors` say what HTTP statuses and the provider's own codes mean; None is accepted. An error code
    that is in neither `errors` nor `good_codes` is `other_error`.
    """

    reference: Place | None
    error: Place | None
    good_codes: frozenset[str]
    statuses: Mapping[int, Failure | None] = field(default_factory=dict)
    errors: Mapping[str, Failure | None] = field(default_factory=dict)
    other_error: Failure
    server_error: Failure

    def read(self, reply: HttpReply, own_reference: str | None) -> Outcome:
        """Read a whole reply; `own_reference` is what receipts name the message by where the reply says nothing."""
        document = Document(body=reply.body, headers=dict(reply.headers))
        is_success = reply.status in _SUCCESS
        code = self.error.find(document) if self.error else None
        if code is not None and code not in self.good_codes:
            if code in self.errors:
                failure = self.errors[code]
                return self._accepted(document, own_reference) if failure is None else _failed(failure, code, document)
            if is_success:
                return _failed(self.other_error, code, document)
        failure = self._failure_of(reply.status)
        if failure is None:
            return self._accepted(document, own_reference)
        return _failed(failure, code or str(reply.status), document)

    def read_broken(self, error: OutboundError) -> Failed:
        """Read a call that has no whole reply."""
        failure = None if error.status is None else self._failure_of(error.status)
        if failure is not None:
            return Failed(failure=failure, code=str(error.status))
        # Where it was good, the reference is lost, and receipts will not find the message by it.
        return Failed(failure=Failure.LOST if error.may_have_arrived else Failure.UNAVAILABLE, code=error.failure.value)

    def _failure_of(self, status: int) -> Failure | None:
        if status in self.statuses:
            return self.statuses[status]
        if status in _SUCCESS or status in _STATUSES:
            return _STATUSES.get(status)
        if status in _SERVER_ERROR:
            return self.server_error
        # Redirects are not followed.
        return Failure.UNAVAILABLE if status < HTTPStatus.BAD_REQUEST else Failure.REFUSED_BY_CARRIER

    def _accepted(self, document: Document, own_reference: str | None) -> Outcome:
        if self.reference is None:
            return Accepted(reference=own_reference)
        found = self.reference.find(document)
        if not found or len(found) > _LONGEST_REFERENCE:
            return Failed(failure=Failure.LOST, code="no_reference")
        return Accepted(reference=found)


def read_answer_template(options: Mapping[str, str]) -> AnswerTemplate:
    """Read the options that say how an answer is read. Raises InvalidInputError."""
    servers = (Failure.LOST.value, Failure.TEMPORARY.value)
    return AnswerTemplate(
        reference=read_optional_place(options, "reference"),
        error=read_optional_place(options, "error"),
        good_codes=frozenset(options.get("ok", "").split(",")),
        statuses={_status(name): failure for name, failure in _table(options, _STATUS).items()},
        errors=_table(options, _ERROR),
        other_error=OF_CARRIERS[
            read_choice(options, "error_default", OF_CARRIERS, default=Failure.REFUSED_BY_CARRIER.value)
        ],
        server_error=Failure(read_choice(options, "server_error", servers, default=servers[0])),
    )


def read_failure(option: str, text: str) -> Failure:
    """Read the name of a failure that carriers can have. Raises InvalidInputError."""
    failure = OF_CARRIERS.get(text)
    if failure is None:
        raise invalid_option(option, f"is one of {', '.join(OF_CARRIERS)}")
    return failure


def _table(options: Mapping[str, str], family: str) -> dict[str, Failure | None]:
    return {
        name.removeprefix(family): None if text == ACCEPTED else read_failure(name, text)
        for name, text in options.items()
        if name.startswith(family)
    }


def _status(text: str) -> int:
    if not _STATUS_CODE.fullmatch(text):
        raise invalid_option(_STATUS + text, "does not name an HTTP status, as status.402 does")
    return int(text)


def _failed(failure: Failure, code: str, document: Document) -> Failed:
    return Failed(failure=failure, code=code[:_LONGEST_CODE], retry_after=_retry_after(document.headers))


def _retry_after(headers: Mapping[str, str]) -> timedelta | None:
    """Read Retry-After: seconds, or a date, which is compared with the provider's own clock."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return min(timedelta(seconds=int(text[:_SECONDS_DIGITS])), _LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return min(max(wait, timedelta()), _LONGEST_WAIT)


_SECONDS_DIGITS = 6
