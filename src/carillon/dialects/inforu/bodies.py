"""A request's body and the way back: JSON and XML, raw, in a form field or in the query, in the charset it names."""

import asyncio
import contextlib
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl

import msgspec

from carillon.dialects.inforu.replies import Envelope
from carillon.dialects.reading import read_request, read_text
from carillon.errors import InvalidInputError
from carillon.http.request import Request
from carillon.kit.xml import XmlError, read_xml, write_xml

Wanted = TypeVar("Wanted", bound=msgspec.Struct)
Data = TypeVar("Data")

REPLY_ROOT = "Result"

# Form fields and query parameters that carry a whole body, whatever their case.
_CARRIERS = frozenset({"json", "xml", "inforuxml"})
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_.:-]+)", re.IGNORECASE)
# Only these: some of Python's codecs take quadratic time, and some aren't for text at all.
_CHARSETS = frozenset(
    {"utf-16", "utf-16le", "utf-16be", "windows-1255", "windows-1252", "iso-8859-8", "iso-8859-8-i", "iso-8859-1"}
)
_PYTHON_NAMES = {"iso-8859-8-i": "iso-8859-8"}
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
# A tenth of a second's reading is some ten times as much.
_LONG_XML_BYTES = 100_000
_UTF8_MARK = b"\xef\xbb\xbf"


class Format(StrEnum):
    """How a body is written; the values are those of the parameter `view`."""

    JSON = "json"
    XML = "xml"


class Wrapped(msgspec.Struct, Generic[Data], rename="pascal", forbid_unknown_fields=True):
    """A request in the exact form of the reference."""

    data: Data
    auth: msgspec.Raw = msgspec.Raw()


class _OnlyAuth(msgspec.Struct, rename="pascal"):
    auth: msgspec.Raw = msgspec.Raw()


_decode_auth = msgspec.json.Decoder(_OnlyAuth).decode
_decode_tree = msgspec.json.Decoder().decode


class Document:
    """A request's body, of which nothing is decoded before it is asked for."""

    def __init__(self, text: bytes, form: Format) -> None:
        self.format = form
        self._text = text
        self._tree: Mapping[str, Any] | None = None
        self._failure: InvalidInputError | None = None

    def __repr__(self) -> str:
        return f"Document({self.format}, {len(self._text)} bytes)"

    @property
    def is_read(self) -> bool:
        """Whether the whole of it has been decoded, or could not be."""
        return self._tree is not None or self._failure is not None

    async def load(self) -> None:
        """Read a long XML document in a thread, where it does not hold other calls up; an error is raised later."""
        if self.format is Format.XML and len(self._text) > _LONG_XML_BYTES and not self.is_read:
            with contextlib.suppress(InvalidInputError):
                await asyncio.to_thread(self._root)

    def auth(self) -> Mapping[str, Any] | None:
        """Return the object under `Auth`, or None. Raises InvalidInputError when the body can't be read."""
        if self.format is Format.JSON and self._text:
            raw = _decoded(_decode_auth, self._text).auth
            tree = {"Auth": _decoded(_decode_tree, bytes(raw))} if raw else self._root()
        else:
            tree = self._root()
        found = _member(tree, "auth")
        return found if isinstance(found, Mapping) else None

    def data(self, request: type[Wanted], decoder: "msgspec.json.Decoder[Wrapped[Wanted]]") -> Wanted:
        """Read what is under `Data`. Raises InvalidInputError with the place of what can't be read."""
        # A NUL has its own place in the error only if the tolerant reading sees it; PostgreSQL knows no such text.
        if self.format is Format.JSON and self._text and b"\\u0000" not in self._text:
            try:
                return decoder.decode(self._text).data
            except (msgspec.ValidationError, RecursionError):
                pass
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise _unreadable(str(error)) from error
        return read_request(request, _member(self._root(), "data"), "Data")

    def _root(self) -> Mapping[str, Any]:
        if self._failure is not None:
            raise self._failure
        if self._tree is None:
            try:
                self._tree = self._read_root()
            except InvalidInputError as error:
                self._failure = error
                raise
        return self._tree

    def _read_root(self) -> Mapping[str, Any]:
        if not self._text:
            return {}
        if self.format is Format.XML:
            try:
                tree: object = read_xml(self._text)
            except XmlError as error:
                raise InvalidInputError("Body", f"This is not XML that can be read: {error}") from error
        else:
            tree = _decoded(_decode_tree, self._text)
        if tree == "":
            return {}
        if not isinstance(tree, Mapping):
            raise InvalidInputError("Body", "An object belongs here.")
        return tree


def _decoded(decode: Any, text: bytes) -> Any:
    try:
        return decode(text)
    except RecursionError as error:
        raise _unreadable("it is nested too deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unreadable(str(error)) from error


def _unreadable(why: str) -> InvalidInputError:
    return InvalidInputError("Body", f"This is not JSON that can be read: {why}.")


def _member(tree: Mapping[str, Any], name: str) -> object:
    exact = name.capitalize()
    return tree[exact] if exact in tree else next((tree[key] for key in tree if key.lower() == name), None)


def read_credentials(auth: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the user name and the token of an `Auth` object, or None when either is missing."""
    username, token = _member(auth, "username"), _member(auth, "token")
    if username is None or token is None:
        return None
    return read_text(username, "Auth.Username"), read_text(token, "Auth.Token")


def open_document(request: Request) -> Document:
    """Find the body: the raw one, the one in a form field, or the one in the query, in this order.

    Raises InvalidInputError for a charset that isn't known or does not fit.
    """
    content_type = request.headers.get("content-type", "").lower()
    text = _recoded(request.body, content_type)
    if text and text[:1] not in b'{[<"' and "x-www-form-urlencoded" in content_type:
        text = _carried(text.decode("utf-8", "replace"))
    if not text and request.query:
        text = _carried(request.query)
    is_xml = text.startswith(b"<") or ("xml" in content_type and text[:1] not in (b"{", b"["))
    return Document(text, Format.XML if is_xml else Format.JSON)


def _recoded(body: bytes, content_type: str) -> bytes:
    """Return the body in UTF-8, without a byte order mark and surrounding white space.

    An XML body that names its own encoding keeps it.
    """
    named = _CHARSET.search(content_type) if "charset" in content_type else None
    charset = named.group(1).lower() if named else "utf-8"
    if charset in _CHARSETS and not body.lstrip().startswith(b"<?xml"):
        try:
            body = body.decode(_PYTHON_NAMES.get(charset, charset)).encode()
        except UnicodeError as error:
            raise InvalidInputError("Body", f"This is not {charset}.") from error
    elif charset not in _UTF8 | _CHARSETS:
        raise InvalidInputError("Body", f"The charset {charset} isn't known.")
    return body.removeprefix(_UTF8_MARK).strip()


def _carried(pairs: str) -> bytes:
    try:
        fields = parse_qsl(pairs, keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise InvalidInputError("Body", "It has too many form fields.") from error
    found = (value for name, value in fields if name.lower() in _CARRIERS and value.strip())
    return next(found, "").strip().removeprefix("\ufeff").encode("utf-8", "replace")


def wanted_format(request: Request, document: Document | None) -> Format:
    """Choose the reply's format: `view` where it is given, else that of the request."""
    query = request.query.lower()
    if "view=" in query:
        view = dict(parse_qsl(query)).get("view", "")
        if view in (Format.JSON, Format.XML):
            return Format(view)
    if "xml" in request.headers.get("content-type", "").lower():
        return Format.XML
    return document.format if document else Format.JSON


def write_envelope(envelope: Envelope, form: Format) -> tuple[bytes, str]:
    """Write a reply's body and name its media type."""
    if form is Format.XML:
        return write_xml(REPLY_ROOT, msgspec.to_builtins(envelope)), "application/xml; charset=utf-8"
    return msgspec.json.encode(envelope), "application/json; charset=utf-8"
