"""From a provider's answer to an outcome."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carillon.carriers.contract import Accepted, Failed, Outcome
from carillon.carriers.failures import Failure
from carillon.carriers.http.answers import read_answer_template
from carillon.errors import InvalidInputError
from carillon.outbound import exchange
from carillon.outbound.exchange import HttpReply, OutboundError

pytestmark = pytest.mark.any_database


def read(options: dict[str, str], status: int, body: str = "", own: str | None = None, **headers: str) -> Outcome:
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return read_answer_template(options).read(HttpReply(status=status, headers=named, body=body.encode()), own)


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (200, None),
        (202, None),
        (301, Failure.UNAVAILABLE),
        (400, Failure.REFUSED_BY_CARRIER),
        (401, Failure.UNAVAILABLE),
        (402, Failure.UNAVAILABLE),
        (403, Failure.UNAVAILABLE),
        (404, Failure.UNAVAILABLE),
        (408, Failure.TEMPORARY),
        (422, Failure.REFUSED_BY_CARRIER),
        (429, Failure.THROTTLED),
        (500, Failure.LOST),
        (502, Failure.LOST),
        (503, Failure.TEMPORARY),
    ],
)
def test_a_status_says_what_happened(status: int, failure: Failure | None) -> None:
    outcome = read({}, status)
    assert (outcome.failure if isinstance(outcome, Failed) else None) == failure


def test_what_statuses_mean_can_be_set() -> None:
    options = {"status.400": "address_invalid", "status.409": "accepted", "status.202": "queue_full"}
    assert read(options, 400) == Failed(failure=Failure.ADDRESS_INVALID, code="400")
    assert read(options, 409, own="ours") == Accepted(reference="ours")
    assert read(options, 202) == Failed(failure=Failure.QUEUE_FULL, code="202")
    assert read({"server_error": "temporary"}, 500) == Failed(failure=Failure.TEMPORARY, code="500")


OPTIONS = {
    "reference": "json:/id",
    "error": "json:/error/code",
    "ok": "0,OK",
    "error.11": "unknown_subscriber",
    "error.12": "accepted",
    "error_default": "sender_invalid",
}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, '{"id": 17}', Accepted(reference="17")),
        (200, '{"id": "17", "error": {"code": 0}}', Accepted(reference="17")),
        (200, '{"error": {"code": 11}}', Failed(failure=Failure.UNKNOWN_SUBSCRIBER, code="11")),
        (400, '{"error": {"code": 11}}', Failed(failure=Failure.UNKNOWN_SUBSCRIBER, code="11")),
        (409, '{"id": 18, "error": {"code": 12}}', Accepted(reference="18")),
        (200, '{"error": {"code": 99}}', Failed(failure=Failure.SENDER_INVALID, code="99")),
        (400, '{"error": {"code": 99}}', Failed(failure=Failure.REFUSED_BY_CARRIER, code="99")),
        (500, '{"error": {"code": 99}}', Failed(failure=Failure.LOST, code="99")),
        # It seems to have been taken, and nobody knows as what.
        (200, "{}", Failed(failure=Failure.LOST, code="no_reference")),
        (200, '{"id": ""}', Failed(failure=Failure.LOST, code="no_reference")),
        (200, "<html>", Failed(failure=Failure.LOST, code="no_reference")),
    ],
)
def test_codes_and_references_are_read_from_the_body(status: int, body: str, outcome: Outcome) -> None:
    assert read(OPTIONS, status, body, "ours") == outcome


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"retry_after": "7"}, timedelta(seconds=7)),
        ({"retry_after": "9" * 5_000}, timedelta(hours=1)),
        ({"retry_after": "-1"}, None),
        ({"retry_after": "²"}, None),
        (
            {"retry_after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Fri, 31 Dec 1999 23:59:29 GMT"},
            timedelta(seconds=30),
        ),
        ({"retry_after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Sat, 01 Jan 2000 00:00:00 GMT"}, timedelta()),
        ({"retry_after": "Fri, 31 Dec 1999 23:59:59 GMT"}, None),
        ({"retry_after": "Fri, 31 Dec 1999 23:59:59 GMT", "date": "Fri, 31 Dec 1999 23:59:29 -0000"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_read_in_seconds_and_as_a_date(headers: dict[str, str], wait: timedelta | None) -> None:
    assert read({}, 429, **headers) == Failed(failure=Failure.THROTTLED, retry_after=wait, code="429")


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OutboundError(exchange.Failure.CONNECT), Failure.UNAVAILABLE),
        (OutboundError(exchange.Failure.REFUSED_ADDRESS), Failure.UNAVAILABLE),
        (OutboundError(exchange.Failure.TIMEOUT), Failure.UNAVAILABLE),
        (OutboundError(exchange.Failure.TIMEOUT, may_have_arrived=True), Failure.LOST),
        (OutboundError(exchange.Failure.INVALID_REPLY, may_have_arrived=True, status=200), Failure.LOST),
        (OutboundError(exchange.Failure.TOO_LARGE, may_have_arrived=True, status=429), Failure.THROTTLED),
    ],
)
def test_a_call_without_a_reply_is_lost_where_it_may_have_arrived(error: OutboundError, failure: Failure) -> None:
    assert read_answer_template({}).read_broken(error).failure is failure


@given(st.integers(100, 599), st.binary(max_size=200))
def test_every_answer_is_an_outcome(status: int, body: bytes) -> None:
    outcome = read_answer_template(OPTIONS).read(HttpReply(status=status, headers=(), body=body), None)
    assert isinstance(outcome, Accepted | Failed)


@pytest.mark.parametrize(
    "options",
    [
        {"status.600": "lost"},
        {"status.4xx": "lost"},
        {"status.400": "teapot"},
        {"error.1": "no_credit"},  # ours to say
        {"error_default": "accepted"},
        {"server_error": "unavailable"},
        {"reference": "id"},
    ],
)
def test_a_table_that_cannot_be_read_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError) as refused:
        read_answer_template(options)
    assert refused.value.field == "option"
    assert next(iter(options)) in refused.value.message
