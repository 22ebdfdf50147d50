"""An HTTP provider as a carrier's URL and options describe it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from carillon.carriers.http.answers import AnswerTemplate, read_answer_template
from carillon.carriers.http.inbound import OPTIONS as INBOUND_OPTIONS
from carillon.carriers.http.inbound import read_inbound_template
from carillon.carriers.http.placeholders import PLACEHOLDERS
from carillon.carriers.http.requests import RequestTemplate, read_request_template
from carillon.carriers.options import read_number

_WINDOW, _LARGEST_WINDOW = 10, 1_000
_PLACEHOLDERS = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)

OPTIONS: Mapping[str, str] = {
    "method": "GET, POST, PUT, PATCH, DELETE or HEAD; POST unless given, GET without a body.",
    "format": "json, form, xml, or none; json unless given, none without a body.",
    "body": f"The request's body, with placeholders: {_PLACEHOLDERS}. "
    'A JSON text that is a placeholder alone becomes a number as "{to:number}", and is left out where it is empty as '
    '"{image_url:optional}" or "{video_size:optional_number}".',
    "header.": "A header's value; it may have {id}, {callback}, {class} and {secret}.",
    "auth": "none, basic, bearer or header: how the secret is sent.",
    "user": "The user's name for basic; without it the secret is user:password.",
    "auth_header": "The header that carries the secret, for header.",
    "encoding.": "The provider's name of an encoding: encoding.gsm, encoding.gsm-pt, encoding.ucs2, encoding.binary.",
    "timeout": "How many seconds an answer is waited for, 1 to 300; 30 unless given. Then the outcome is unknown.",
    "window": "How many requests may be unanswered at once, 1 to 1000; 10 unless given.",
    "reference": "Where the reference stands in the answer: as json:/id, xml:message/id, header:X-Id, regex:id=(\\w+), "
    "or text. Without it receipts name a message by {id} or come to its {callback}.",
    "error": "Where the provider's error code stands in the answer.",
    "ok": "Codes that are no errors, with commas between them.",
    "error.": "What an error code means: a failure, or accepted.",
    "error_default": "What any other error code means; refused_by_carrier unless given.",
    "status.": "What an HTTP status means: a failure, or accepted.",
    "server_error": "What statuses from 500 on but 503 mean: lost (nobody knows), unless given, or temporary "
    "(not taken).",
    **INBOUND_OPTIONS,
}
"""The options of an HTTP carrier, each with what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """How a provider is called and its answers are read."""

    request: RequestTemplate
    answers: AnswerTemplate
    window: int
    secret: str = field(repr=False)

    @property
    def names_messages(self) -> bool:
        """Whether the provider is given something that names the message, by which its receipts are matched."""
        return not self.request.placeholders.isdisjoint({"id", "callback"})


def read_provider(url: str, secret: str, options: Mapping[str, str]) -> Provider:
    """Read a carrier's URL and options. Raises InvalidInputError."""
    return Provider(
        request=read_request_template(url, options),
        answers=read_answer_template(options),
        window=read_number(options, "window", _WINDOW, at_most=_LARGEST_WINDOW),
        secret=secret,
    )


def check_http(url: str, options: Mapping[str, str]) -> bool:
    """Check a URL and options; True where a secret is needed. Raises InvalidInputError."""
    read_inbound_template(options)
    return read_provider(url, "", options).request.needs_secret
