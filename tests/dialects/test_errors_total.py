"""Every domain error has its envelope in every dialect."""

import inspect
from collections.abc import Callable

import pytest
from tests.support import body_of

from carillon import errors
from carillon.dialects.contract import Dialect
from carillon.dialects.registry import DIALECTS
from carillon.errors import CarillonError
from carillon.http.request import Request

# How those are made that take more than a message.
MADE: dict[type[CarillonError], Callable[[], CarillonError]] = {
    errors.InvalidInputError: lambda: errors.InvalidInputError("name", "It is too long."),
    errors.MissingInputError: lambda: errors.MissingInputError("name"),
    errors.SuppressedAddressError: lambda: errors.SuppressedAddressError("phone"),
    errors.TooManyItemsError: lambda: errors.TooManyItemsError(limit=100, given=101),
    errors.NotFoundError: lambda: errors.NotFoundError("group"),
    errors.ScopeMissingError: lambda: errors.ScopeMissingError("audience:read"),
    errors.AudienceConfinedError: lambda: errors.AudienceConfinedError(7),
    errors.NoSuchMethodError: lambda: errors.NoSuchMethodError(["GET", "PUT"]),
    errors.KeyConflictError: lambda: errors.KeyConflictError({"email": 7, "phone": 9}),
    errors.SuppressedAddressError: lambda: errors.SuppressedAddressError("phone"),
    errors.RateLimitedError: lambda: errors.RateLimitedError(0.4),
    errors.SendLimitError: lambda: errors.SendLimitError("recipient_sends", "to this recipient", 90),
}
SECRET = "the database's own words"


def every_class() -> list[type[CarillonError]]:
    found = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, CarillonError)]
    assert len(found) > 15
    return found


def made(kind: type[CarillonError]) -> CarillonError:
    if issubclass(kind, errors.ServiceError):
        return kind(SECRET)
    return MADE.get(kind, kind)()


def request(dialect: Dialect) -> Request:
    route = dialect.routes[0]
    return Request(
        method=route.method,
        path=route.path,
        body=body_of(b""),
        remote_address="192.0.2.1",
        request_id="req-1",
        report_id="req-1",
    )


@pytest.mark.parametrize("kind", every_class())
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_error_has_an_envelope(dialect: Dialect, kind: type[CarillonError]) -> None:
    reply = dialect.present_error(request(dialect), made(kind))
    assert 200 <= reply.status < 600
    assert reply.body
    # A caller's mistake is never told as our failure, nor ours as the caller's.
    assert (reply.status >= 500) == (not issubclass(kind, errors.CallerError))
    assert SECRET.encode() not in reply.body


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_an_error_that_a_table_has_no_line_for_gets_its_familys(dialect: Dialect) -> None:
    class NewCallerError(errors.CallerError):
        """Something that nobody thought of."""

    class NewServiceError(errors.ServiceError):
        """Something that nobody thought of."""

    assert dialect.present_error(request(dialect), NewCallerError()).status < 500
    assert dialect.present_error(request(dialect), NewServiceError()).status == 500
