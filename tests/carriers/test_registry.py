"""The list of kinds, and what is checked before a carrier is stored."""

from typing import Any

import pytest
from tests.carriers.pieces import CARRIER_ID, SECRET, KeepingInbox

from carillon.carriers.registry import KINDS, CarrierConfig, Surroundings, check_carrier, make_carrier
from carillon.errors import InvalidInputError
from carillon.outbound.client import HttpClient

pytestmark = pytest.mark.any_database

HTTP = {"kind": "http", "url": "https://sms.example.com/?to={to}&text={text}"}


def config(**values: Any) -> CarrierConfig:
    return CarrierConfig(carrier_id=CARRIER_ID, **{"url": "", **values})


@pytest.mark.parametrize(
    ("values", "channel"),
    [
        ({"kind": "simulator"}, "sms"),
        ({"kind": "simulator", "url": "simulator:", "options": {"instant": "yes", "window": "50"}}, "sms"),
        (HTTP, "sms"),
        ({**HTTP, "options": {"auth": "bearer", "header.X-Id": "{id}"}, "secret": SECRET}, "sms"),
    ],
)
async def test_what_can_be_used_is_checked_and_made(values: dict[str, Any], channel: str) -> None:
    one = config(**values)
    check_carrier(one, channel)
    async with HttpClient() as client:
        made = make_carrier(one, Surroundings(inbox=KeepingInbox(), outbound=client))
    assert made.carrier_id == CARRIER_ID
    assert made.is_up
    assert made.window > 0


@pytest.mark.parametrize(
    ("values", "channel", "field"),
    [
        ({"kind": "pigeon"}, "sms", "kind"),
        ({"kind": "smtp", "url": "smtp://a@b:25"}, "email", "kind"),
        ({"kind": "simulator"}, "voice", "channel"),
        ({"kind": "simulator", "url": "https://a.example"}, "sms", "url"),
        ({"kind": "simulator", "options": {"speed": "1"}}, "sms", "option"),
        ({"kind": "simulator", "options": {"window": "many"}}, "sms", "option"),
        ({"kind": "http"}, "sms", "url"),
        ({**HTTP, "options": {"header.": "a"}}, "sms", "option"),
        ({**HTTP, "options": {"receipt.text": "param:a"}}, "sms", "option"),
        ({**HTTP, "options": {"auth": "bearer"}}, "sms", "secret"),
        ({"kind": "http", "url": "https://sms.example.com/?key={secret}"}, "sms", "secret"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_field(values: dict[str, Any], channel: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        check_carrier(config(**values), channel)
    assert refused.value.field == field


def test_every_option_is_described_in_a_sentence() -> None:
    for name, kind in KINDS.items():
        assert kind.channels
        for option, text in kind.options.items():
            assert text.endswith("."), f"{name} {option}"


def test_a_repr_shows_neither_secrets_nor_options() -> None:
    shown = repr(config(**HTTP, secret=SECRET, options={"body": "password=bell"}))
    assert SECRET not in shown
    assert "bell" not in shown
