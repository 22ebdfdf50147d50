"""From a message to a request, by a template."""

import base64
import json
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.carriers.pieces import SECRET, TEXT, message

from carillon.carriers.content import Content, Video
from carillon.carriers.http.requests import read_request_template
from carillon.errors import InvalidInputError
from carillon.kit.traffic import TrafficClass
from carillon.kit.xml import read_xml
from carillon.outbound.exchange import HttpRequest
from carillon.text.encodings import Encoding

pytestmark = pytest.mark.any_database

URL = "https://sms.example.com/v1/messages"
NASTY = "Grüße & <b>\"'</b> 100% {to} \\ \r\n🔔"


def build(options: dict[str, str], url: str = URL, **values: Any) -> HttpRequest:
    template = read_request_template(url, options)
    return template.build(message(271, **values), callback="https://c.example/carriers/tok", secret=SECRET)


def test_json_has_every_placeholder_in_its_texts() -> None:
    body = {
        "to": "+{to}",
        "from": "{from}",
        "content": {"text": "{text}", "n": [1, None, "{parts}"]},
        "parts": "{parts:number}",
        "to_number": "{to:number}",
        "from_number": "{from:number}",
        "id": "{id}",
        "url": "{callback}",
        "coding": "{encoding}",
        "ttl": "{validity:number}",
        "ttl_minutes": "{validity_minutes}",
        "flash": "{flash}",
        "class": "{class}",
        "key": "{secret}",
    }
    options = {"body": json.dumps(body), "encoding.ucs2": "unicode"}
    values: dict[str, Any] = {
        "text": NASTY,
        "encoding": Encoding.UCS2,
        "parts": 2,
        "validity": timedelta(seconds=61),
        "flash": True,
    }
    request = build(options, traffic_class=TrafficClass.OTP, **values)
    assert (request.method, request.url) == ("POST", URL)
    assert request.headers == (("Content-Type", "application/json"),)
    assert json.loads(request.body) == {
        "to": "+306912340271",
        "from": "Carillon",
        "content": {"text": NASTY, "n": [1, None, "2"]},
        "parts": 2,
        "to_number": 306912340271,
        "from_number": "Carillon",
        "id": str(message(271).message_id),
        "url": "https://c.example/carriers/tok",
        "coding": "unicode",
        "ttl": 61,
        "ttl_minutes": "2",
        "flash": "1",
        "class": "otp",
        "key": SECRET,
    }


def test_a_form_carries_any_text() -> None:
    request = build({"format": "form", "body": "to=%2B{to}&text={text}&empty=&fixed=a%20b"}, text=NASTY)
    assert parse_qs(request.body.decode(), keep_blank_values=True) == {
        "to": ["+306912340271"],
        "text": [NASTY],
        "empty": [""],
        "fixed": ["a b"],
    }
    assert dict(request.headers)["Content-Type"] == "application/x-www-form-urlencoded"


def test_xml_carries_any_text_in_elements_and_attributes() -> None:
    body = "<sms><to id=\"{id}\">{to}</to><text>{text}</text><quoted a='{text}'/></sms>"
    request = build({"format": "xml", "body": body}, text=NASTY + "\x00")
    tree = read_xml(request.body)
    assert isinstance(tree, dict)
    assert tree["text"] == NASTY + "\ufffd"


def test_a_query_carries_any_text() -> None:
    url = "https://sms.example.com/send/{to}?user=u&password={secret}&text={text}"
    request = build({}, url, text=NASTY)
    assert (request.method, request.body) == ("GET", b"")
    parts = urlsplit(request.url)
    assert parts.path == "/send/306912340271"
    assert parse_qs(parts.query) == {"user": ["u"], "password": [SECRET], "text": [NASTY]}


def test_headers_are_as_they_are_given() -> None:
    options = {"body": "{}", "header.X-Request-Id": "{id}", "header.content-type": "application/vnd.sms+json"}
    assert dict(build(options).headers) == {
        "X-Request-Id": str(message(271).message_id),
        "content-type": "application/vnd.sms+json",
    }


@pytest.mark.parametrize(
    ("options", "header"),
    [
        ({"auth": "bearer"}, ("Authorization", f"Bearer {SECRET}")),
        ({"auth": "basic", "user": "bell"}, ("Authorization", f"Basic bell:{SECRET}")),
        ({"auth": "basic"}, ("Authorization", f"Basic {SECRET}")),
        ({"auth": "header", "auth_header": "X-Api-Key"}, ("X-Api-Key", SECRET)),
    ],
)
def test_the_secret_is_sent_as_the_provider_wants_it(options: dict[str, str], header: tuple[str, str]) -> None:
    name, value = build(options).headers[-1]
    scheme, _, encoded = value.partition(" ")
    assert (name, f"Basic {base64.b64decode(encoded).decode()}" if scheme == "Basic" else value) == header


def test_the_repr_of_a_template_and_of_its_request_shows_no_secret() -> None:
    options = {"auth": "bearer", "body": '{"text": "{text}"}', "header.X-Key": "k-31415"}
    url = "https://sms.example.com/?key=k-31415"
    shown = f"{read_request_template(url, options)} {build(options, url)}"
    assert not [one for one in (SECRET, TEXT, "k-31415") if one in shown]


@pytest.mark.parametrize(
    ("url", "options", "field"),
    [
        ("", {}, "url"),
        ("sms.example.com/send", {}, "url"),
        ("ftp://sms.example.com/", {}, "url"),
        ("https://user:password@sms.example.com/", {}, "url"),
        ("https://{to}.example.com/", {}, "url"),
        ("https://sms.example.com:{parts}/", {}, "url"),
        ("https://sms.example.com?{to}.example", {}, None),
        ("https://sms.example.com/{number}", {}, "url"),
        ("https://sms.example.com/a b", {}, "url"),
        (URL, {"format": "yaml"}, "option"),
        (URL, {"format": "json"}, "option"),
        (URL, {"body": '{"to": {to}}'}, "option"),
        (URL, {"body": '{"to": "{two}"}'}, "option"),
        (URL, {"body": '{"to": ["{two:number}"]}'}, "option"),
        (URL, {"format": "form", "body": "to"}, "option"),
        (URL, {"format": "xml", "body": "<a>{text}</b>"}, "option"),
        (URL, {"format": "xml", "body": "<!DOCTYPE a><a>{text}</a>"}, "option"),
        (URL, {"format": "none", "body": "x"}, "option"),
        (URL, {"method": "FETCH"}, "option"),
        (URL, {"header.X-Text": "{text}"}, "option"),
        (URL, {"header.X Text": "a"}, "option"),
        (URL, {"header.X-Text": "a\r\nb: c"}, "option"),
        (URL, {"header.": "a"}, "option"),
        (URL, {"auth": "digest"}, "option"),
        (URL, {"auth": "header"}, "option"),
        (URL, {"encoding.utf8": "1"}, "option"),
        (URL, {"timeout": "0"}, "option"),
        (URL, {"timeout": "1e3"}, "option"),
    ],
)
def test_what_cannot_be_used_is_refused(url: str, options: dict[str, str], field: str | None) -> None:
    if field is None:
        read_request_template(url, options)
        return
    with pytest.raises(InvalidInputError) as refused:
        read_request_template(url, options)
    assert refused.value.field == field


def test_what_is_optional_and_empty_is_left_out_with_all_that_holds_nothing_else() -> None:
    body = {
        "text": "{text:optional}",
        "images": ["{image_url:optional}"],
        "video": {"url": "{video_url:optional}", "of": {"bytes": "{video_size:optional_number}"}},
        "kept": {},
        "list": [],
        "also": [{"x": "{file_name:optional}"}, "{to}"],
    }
    assert json.loads(build({"body": json.dumps(body)}, text="").body) == {
        "kept": {},
        "list": [],
        "also": ["306912340271"],
    }
    assert json.loads(build({"body": '{"a": "{text:optional}"}'}, text="").body) == {}
    content = Content(
        image_url="https://i.example/1",
        video=Video(url="https://v.example/1", size=7, seconds=1, thumbnail_url="https://v.example/2", format="mp4"),
    )
    found = json.loads(build({"body": json.dumps(body)}, content=content).body)
    assert (found["images"], found["video"]) == (
        ["https://i.example/1"],
        {"url": "https://v.example/1", "of": {"bytes": 7}},
    )


@pytest.mark.parametrize("body", ['{"a": "{image:optional}"}', '{"a": "{text:never}"}', '{"a": "x {text:optional} y"}'])
def test_an_optional_placeholder_stands_alone_and_is_a_known_one(body: str) -> None:
    with pytest.raises(InvalidInputError):
        build({"body": body})
