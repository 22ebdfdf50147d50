"""The how-to page's carrier does what the page says of its provider."""

import json
import re
import shlex
from pathlib import Path

import pytest
from tests.carriers.pieces import CARRIER_ID, SECRET, TEXT, message

from carillon.carriers.contract import Accepted, Failed, Receipt, ReceiptState
from carillon.carriers.failures import Failure
from carillon.carriers.http.inbound import InboundRequest, read_inbound, read_inbound_template
from carillon.carriers.http.provider import read_provider
from carillon.carriers.http.tokens import CallbackToken
from carillon.carriers.registry import CarrierConfig, check_carrier
from carillon.outbound.exchange import HttpReply

pytestmark = pytest.mark.any_database

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "connect-an-http-provider.md"


def command() -> tuple[str, dict[str, str]]:
    """The URL and the options of the page's command."""
    (block,) = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    words = shlex.split(block)
    options = [words[at + 1].partition("=") for at, word in enumerate(words) if word == "--option"]
    return words[words.index("--url") + 1], {name: value for name, _, value in options}


def test_the_command_makes_a_carrier() -> None:
    url, options = command()
    check_carrier(CarrierConfig(carrier_id=CARRIER_ID, kind="http", url=url, options=options, secret=SECRET), "sms")


def test_the_request_is_what_the_provider_wants() -> None:
    url, options = command()
    request = read_provider(url, SECRET, options).request.build(message(), callback="https://c.example", secret=SECRET)
    assert (request.method, request.url) == ("POST", "https://api.bells.example/v2/sms")
    assert ("X-Api-Key", SECRET) in request.headers
    assert json.loads(request.body) == {
        "recipient": "+306912340000",
        "originator": "Carillon",
        "content": TEXT,
        "reportUrl": "https://c.example",
        "ttl": 21_600,
    }


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ('{"error": 0, "message": {"id": "m-1"}}', Accepted(reference="m-1")),
        ('{"error": 11}', Failed(failure=Failure.UNKNOWN_SUBSCRIBER, code="11")),
        ('{"error": 12}', Failed(failure=Failure.SENDER_INVALID, code="12")),
        ('{"error": 20}', Failed(failure=Failure.THROTTLED, code="20")),
        ('{"error": 99}', Failed(failure=Failure.REFUSED_BY_CARRIER, code="99")),
    ],
)
def test_the_answers_are_read(body: str, outcome: Accepted | Failed) -> None:
    url, options = command()
    answers = read_provider(url, SECRET, options).answers
    assert answers.read(HttpReply(status=200, headers=(), body=body.encode()), None) == outcome


@pytest.mark.parametrize(
    ("query", "state", "failure"),
    [
        ("state=OK", ReceiptState.DELIVERED, None),
        ("state=FAILED&reason=21", ReceiptState.UNDELIVERED, Failure.ABSENT_SUBSCRIBER),
        ("state=TIMEOUT", ReceiptState.EXPIRED, Failure.EXPIRED),
    ],
)
def test_the_reports_are_read(query: str, state: ReceiptState, failure: Failure | None) -> None:
    template = read_inbound_template(command()[1])
    token = CallbackToken(account_id=7, carrier_id=CARRIER_ID, message_id=message().message_id)
    (receipt,) = read_inbound(InboundRequest(query=query), template, token)
    assert isinstance(receipt, Receipt)
    assert (receipt.message_id, receipt.state, receipt.failure) == (token.message_id, state, failure)
