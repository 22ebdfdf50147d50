"""From a message to the request that submits it, by the template in a carrier's options."""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import cast, get_args
from urllib.parse import quote
from uuid import UUID

from carillon.carriers.contract import OutgoingMessage
from carillon.carriers.http.bodies import FORMATS, MEDIA_TYPES, Body, plain_placeholders, read_body
from carillon.carriers.http.placeholders import (
    IN_HEADERS,
    Filling,
    fill,
    placeholders_in,
    require_placeholders,
)
from carillon.carriers.options import invalid_option, read_choice, read_number
from carillon.errors import InvalidInputError, MissingInputError
from carillon.kit.ids import AccountId
from carillon.kit.traffic import TrafficClass
from carillon.outbound.addresses import AddressGuard
from carillon.outbound.exchange import HttpRequest, Method, OutboundError
from carillon.outbound.urls import read_target
from carillon.text.encodings import Encoding

_TIMEOUT, _LONGEST_TIMEOUT = 30, 300
_MAX_REPLY_BYTES = 65_536
_HEADER = "header."
_ENCODING = "encoding."
# Which addresses may be called is checked when one is: here only the URL's form is.
_ANY_ADDRESS = AddressGuard((IPv4Network("0.0.0.0/0"), IPv6Network("::/0")))

_SAMPLE = OutgoingMessage(
    account_id=AccountId(1),
    message_id=UUID(int=1),
    sender="sender",
    address="15555550100",
    text="text",
    encoding=Encoding.GSM,
    parts=1,
    traffic_class=TrafficClass.OTP,
    validity=timedelta(hours=1),
)

_UP_TO_THE_HOST = re.compile(r"\A(?:[^:/?#]*://)?[^/?#]*")

Authorize = Callable[[str], tuple[str, str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestTemplate:
    """How a message is submitted. The URL may hold what is secret, and so may the headers."""

    method: Method
    url: str = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: Body = field(repr=False)
    encodings: Mapping[Encoding, str]
    authorize: Authorize = field(repr=False)
    timeout_seconds: int
    placeholders: frozenset[str]
    needs_secret: bool

    def build(self, message: OutgoingMessage, *, callback: str, secret: str) -> HttpRequest:
        """Fill the template."""
        filling = Filling(message=message, callback=callback, secret=secret, encodings=self.encodings)
        authorization = self.authorize(secret)
        headers = tuple((name, fill(value, filling)) for name, value in self.headers)
        return HttpRequest(
            method=self.method,
            url=fill(self.url, filling, _percent_encoded),
            headers=headers if authorization is None else (*headers, authorization),
            body=self.body(filling),
            timeout_seconds=float(self.timeout_seconds),
            max_reply_bytes=_MAX_REPLY_BYTES,
        )


def read_request_template(url: str, options: Mapping[str, str]) -> RequestTemplate:
    """Read the options that say how a message is submitted. Raises InvalidInputError."""
    body_format = read_choice(options, "format", FORMATS, default="json" if "body" in options else "none")
    method = read_choice(options, "method", get_args(Method), default="GET" if body_format == "none" else "POST")
    body = options.get("body", "")
    if body_format != "none" and not body:
        raise invalid_option("body", f"is required for the format {body_format}")
    _require_url(url)
    headers = _read_headers(options, body_format)
    authorize, has_authorization = _read_authorization(options)
    placeholders = placeholders_in(url + plain_placeholders(body) + "".join(value for _, value in headers))
    return RequestTemplate(
        method=cast("Method", method),
        url=url,
        headers=headers,
        body=read_body(body_format, body),
        encodings=_read_encodings(options),
        authorize=authorize,
        timeout_seconds=read_number(options, "timeout", _TIMEOUT, at_most=_LONGEST_TIMEOUT),
        placeholders=placeholders,
        needs_secret=has_authorization or "secret" in placeholders,
    )


def _require_url(url: str) -> None:
    if not url:
        raise MissingInputError("url")
    if "{" in url[: len(url) - len(_UP_TO_THE_HOST.sub("", url, count=1))]:
        raise InvalidInputError("url", "Placeholders stand behind the host, in the path or the query.")
    try:
        require_placeholders("url", url)
    except InvalidInputError as error:
        raise InvalidInputError("url", error.message.replace("The option url", "The URL")) from None
    try:
        read_target(fill(url, Filling(message=_SAMPLE), _percent_encoded), _ANY_ADDRESS)
    except OutboundError as error:
        raise InvalidInputError("url", str(error)) from None


def _read_headers(options: Mapping[str, str], body_format: str) -> tuple[tuple[str, str], ...]:
    given = {name.removeprefix(_HEADER): value for name, value in options.items() if name.startswith(_HEADER)}
    for name, value in given.items():
        require_placeholders(_HEADER + name, value, IN_HEADERS)
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum() and value.isprintable()):
            raise invalid_option(_HEADER + name, "is not a header")
    media_type = MEDIA_TYPES.get(body_format)
    if media_type is not None and not any(name.lower() == "content-type" for name in given):
        return ("Content-Type", media_type), *given.items()
    return tuple(given.items())


def _read_authorization(options: Mapping[str, str]) -> tuple[Authorize, bool]:
    kind = read_choice(options, "auth", ("none", "basic", "bearer", "header"), default="none")
    if kind == "none":
        return (lambda _secret: None), False
    if kind == "bearer":
        return (lambda secret: ("Authorization", f"Bearer {secret}")), True
    if kind == "header":
        name = options.get("auth_header", "")
        if not (name.isascii() and name.replace("-", "").isalnum()):
            raise invalid_option("auth_header", "has to name the header that carries the secret")
        return (lambda secret: (name, secret)), True
    user = options.get("user")
    start = "" if user is None else f"{user}:"
    return (lambda secret: ("Authorization", f"Basic {b64encode((start + secret).encode()).decode()}")), True


def _read_encodings(options: Mapping[str, str]) -> dict[Encoding, str]:
    found = {}
    for name, value in options.items():
        if name.startswith(_ENCODING):
            try:
                found[Encoding(name.removeprefix(_ENCODING))] = value
            except ValueError:
                raise invalid_option(name, f"is none of {', '.join(_ENCODING + one for one in Encoding)}") from None
    return found


def _percent_encoded(value: str) -> str:
    return quote(value, safe="")
