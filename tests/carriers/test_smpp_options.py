from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from carillon.carriers.failures import Consequence, Failure
from carillon.carriers.smpp.options import (
    OPTIONS,
    Alphabet,
    BindMode,
    LongMessages,
    ReceiptIds,
    SmppOptions,
    parse_options,
    parse_url,
)
from carillon.carriers.smpp.statuses import failure_of, status_name
from carillon.errors import InvalidInputError

pytestmark = pytest.mark.any_database


def test_every_option_is_read(tmp_path: Path) -> None:
    authorities = tmp_path / "ca.pem"
    authorities.touch()
    given = {
        "binds": "2",
        "window": "10",
        "bind_mode": "pair",
        "system_type": "VMA",
        "service_type": "CMT",
        "address_range": "^972",
        "source_ton": "auto",
        "source_npi": "1",
        "destination_ton": "0x1",
        "destination_npi": "1",
        "long_messages": "SAR",
        "gsm_data_coding": "0xF1",
        "ucs2_data_coding": "8",
        "binary_data_coding": "245",
        "flash_gsm_data_coding": "16",
        "flash_ucs2_data_coding": "24",
        "flash_binary_data_coding": "0xf4",
        "default_alphabet": "latin1",
        "validity": "no",
        "registered_delivery": "1",
        "receipt_ids": "hex",
        "receipt_zone": "Europe/Madrid",
        "network_tlv": "0x1403",
        "errors": "001:absent_subscriber, 0x10:call_barred",
        "statuses": "0x455:throttled",
        "ca_file": str(authorities),
        "connect_seconds": "5",
        "answer_seconds": "12.5",
        "enquire_seconds": "60",
    }
    assert given.keys() == OPTIONS.keys()
    assert parse_options(given) == SmppOptions(
        binds=2,
        window=10,
        bind_mode=BindMode.PAIR,
        system_type="VMA",
        service_type="CMT",
        address_range="^972",
        source_ton=None,
        source_npi=1,
        long_messages=LongMessages.SAR,
        gsm_data_coding=0xF1,
        binary_data_coding=245,
        default_alphabet=Alphabet.LATIN1,
        validity=False,
        receipt_ids=ReceiptIds.HEX,
        receipt_zone=ZoneInfo("Europe/Madrid"),
        network_tlv=0x1403,
        errors={1: Failure.ABSENT_SUBSCRIBER, 16: Failure.CALL_BARRED},
        statuses={0x455: Failure.THROTTLED},
        ca_file=authorities,
        connect_seconds=5.0,
        answer_seconds=12.5,
        enquire_seconds=60.0,
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nonsense", "1"),
        ("binds", "0"),
        ("binds", "many"),
        ("window", ""),
        ("bind_mode", "both"),
        ("system_type", "far too long a type"),
        ("system_type", "ütf"),
        ("source_ton", "256"),
        ("long_messages", "none"),
        ("gsm_data_coding", "-1"),
        ("validity", "maybe"),
        ("receipt_ids", "octal"),
        ("receipt_zone", "Mars/Olympus"),
        ("receipt_zone", "../../etc/passwd"),
        ("errors", "1=absent_subscriber"),
        ("errors", "1:not_a_failure"),
        ("ca_file", "/nonexistent/ca.pem"),
        ("answer_seconds", "nan"),
        ("answer_seconds", "0"),
        ("answer_seconds", "inf"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(name: str, text: str) -> None:
    with pytest.raises(InvalidInputError, match=name):
        parse_options({name: text})


def test_a_url_says_where_and_who() -> None:
    endpoint = parse_url("smpps://us%2Ber@smsc.example:3600", "s3cret")
    assert (endpoint.host, endpoint.port, endpoint.tls, endpoint.system_id) == ("smsc.example", 3600, True, "us+er")
    assert "s3cret" not in repr(endpoint)
    assert parse_url("smpp://u@[::1]", "").port == 2775
    assert parse_url("smpps://u@h", "").port == 3550


@pytest.mark.parametrize(
    "url",
    [
        "",
        "smpp://",
        "smpp://host:2775",
        "http://u@host",
        "smpp://u:password@host",
        "smpp://u@host/path",
        "smpp://u@host:99999",
        "smpp://u@host:port",
        "smpp://a-system-id-too-long@host",
        "smpp://u@[::1",
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        parse_url(url, "")
    assert raised.value.field == "url"
    assert "password@" not in raised.value.message


def test_a_password_that_no_bind_can_have_is_refused() -> None:
    for secret in ("x" * 65, "sécret", "a\0b"):
        with pytest.raises(InvalidInputError) as raised:
            parse_url("smpp://u@h", secret)
        assert raised.value.field == "secret"


def test_every_status_but_success_is_a_failure() -> None:
    for status in (*range(1, 0x500), 0xFFFF_FFFF):
        assert failure_of(status, {}) in Failure
        assert status_name(status)


@pytest.mark.parametrize(
    ("status", "failure", "consequence"),
    [
        (0x58, Failure.THROTTLED, Consequence.THROTTLE),
        (0x14, Failure.QUEUE_FULL, Consequence.THROTTLE),
        (0x08, Failure.TEMPORARY, Consequence.RETRY),
        (0x0A, Failure.SENDER_INVALID, Consequence.REFUSE),
        (0x0B, Failure.ADDRESS_INVALID, Consequence.REFUSE),
        (0x45, Failure.REFUSED_BY_NETWORK, Consequence.REFUSE),
        (0x04, Failure.UNAVAILABLE, Consequence.FAIL_OVER),
        (0x455, Failure.REFUSED_BY_NETWORK, Consequence.REFUSE),
    ],
)
def test_what_follows_from_a_status(status: int, failure: Failure, consequence: Consequence) -> None:
    assert failure_of(status, {}) is failure
    assert failure.consequence is consequence


def test_a_carriers_own_table_of_statuses_comes_first() -> None:
    assert failure_of(0x455, {0x455: Failure.NO_CARRIER_ROUTE}) is Failure.NO_CARRIER_ROUTE
