"""A request's body and the way back: JSON and XML, raw, in a form field or in the query, in the charset it names."""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from functools import partial
from itertools import product
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl, unquote, unquote_to_bytes

import msgspec

from carillon.dialects.inforu.replies import Envelope, FlatReply
from carillon.dialects.reading import read_request, read_text, require_few_values
from carillon.errors import InvalidInputError
from carillon.http.request import Request
from carillon.kit.xml import Tree, XmlError, read_xml, read_xml_member, write_xml

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
_MAX_FIELDS, _MAX_NAME_BYTES = 100, 50
# One call to a codec holds the interpreter until its end: a whole body would keep every other caller waiting.
_DECODED_AT_ONCE = 65_536
_UTF8_MARK = b"\xef\xbb\xbf"


class Format(StrEnum):
    """How a body is written; the values are those of the parameter `view`."""

    JSON = "json"
    XML = "xml"


class Wrapped(msgspec.Struct, Generic[Data], rename="pascal", forbid_unknown_fields=True):
    """A request in the exact form of the reference."""

    data: Data
    auth: msgspec.Raw = msgspec.Raw()


# What credentials stand under, `User` in the calls of one-time passwords, in every spelling; nothing else of a body is
# decoded for it.
_MEMBERS = ("auth", "user")
_SPELLINGS = ["".join(letters) for name in _MEMBERS for letters in product(*((one.upper(), one) for one in name))]
_OnlyAuth = msgspec.defstruct("_OnlyAuth", [(one, msgspec.Raw, msgspec.Raw()) for one in _SPELLINGS])
_decode_auth = msgspec.json.Decoder(_OnlyAuth).decode
_MAX_AUTH_BYTES = 4_096
_decode_tree = msgspec.json.Decoder().decode


class Document:
    """A request's body, of which nothing is decoded before it is asked for.

    `has_few_values` where they have been counted already.
    """

    def __init__(self, text: bytes, form: Format, *, has_few_values: bool = False) -> None:
        self.format = form
        self._text = text
        self._has_few_values = has_few_values
        self._tree: Mapping[str, Any] | None = None
        self._failure: InvalidInputError | None = None

    def __repr__(self) -> str:
        return f"Document({self.format}, {len(self._text)} bytes)"

    def credentials(self) -> tuple[str, str] | None:
        """Return the user name and the token of the object under `Auth` or `User`, or None; nothing else is decoded.

        Raises InvalidInputError when the body can't be read.
        """
        found: object = None
        if self.format is Format.XML:
            shown_in = (_read_xml(partial(read_xml_member, member=one), self._text) for one in _MEMBERS)
            found = next(filter(None, shown_in), None)
        elif self._text:
            shown = _decoded(_decode_auth, self._text)
            raw = next((one for name in _SPELLINGS if (one := getattr(shown, name))), None)
            if raw is not None and len(bytes(raw)) > _MAX_AUTH_BYTES:
                raise InvalidInputError("Auth", "It is too long.")
            found = _decoded(_decode_tree, bytes(raw)) if raw is not None else None
        if not isinstance(found, Mapping):
            return None
        username, token = _member(found, "username"), _member(found, "token")
        if username is None or token is None:
            return None
        return read_text(username, "Auth.Username"), read_text(token, "Auth.Token")

    def data(self, request: type[Wanted], decoder: "msgspec.json.Decoder[Wrapped[Wanted]]") -> Wanted:
        """Read what is under `Data`. Raises InvalidInputError with the place of what can't be read."""
        # A NUL has its own place in the error only if the tolerant reading sees it; PostgreSQL knows no such text.
        if self.format is Format.JSON and self._text and b"\\u0000" not in self._text:
            if not self._has_few_values:
                require_few_values(self._text, "Body")
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
            tree: object = _read_xml(read_xml, self._text)
        else:
            tree = _decoded(_decode_tree, self._text)
        if tree == "":
            return {}
        if not isinstance(tree, Mapping):
            raise InvalidInputError("Body", "An object belongs here.")
        return tree


def _read_xml(read: Callable[[bytes], Tree], text: bytes) -> Tree:
    try:
        return read(text)
    except XmlError as error:
        raise InvalidInputError("Body", f"This is not XML that can be read: {error}") from error


def _decoded(decode: Any, text: bytes) -> Any:
    require_few_values(text, "Body")
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


def open_document(request: Request, content: bytes) -> Document:
    """Find the body: the raw one (`content`), the one in a form field, or the one in the query, in this order.

    Raises InvalidInputError for a charset that isn't known or does not fit.
    """
    content_type = request.headers.get("content-type", "").lower()
    text = _recoded(content, content_type)
    if text and text[:1] not in b'{[<"' and "x-www-form-urlencoded" in content_type:
        text = _carried(text)
    if not text and request.query:
        text = _carried(request.query.encode("latin-1"))
    is_xml = text.startswith(b"<") or ("xml" in content_type and text[:1] not in (b"{", b"["))
    is_counted = request.body.has_few_values and text is request.body.content
    return Document(text, Format.XML if is_xml else Format.JSON, has_few_values=is_counted)


def _recoded(body: bytes, content_type: str) -> bytes:
    """Return the body in UTF-8, without a byte order mark and surrounding white space.

    An XML body that names its own encoding keeps it.
    """
    named = _CHARSET.search(content_type) if "charset" in content_type else None
    charset = named.group(1).lower() if named else "utf-8"
    if charset in _CHARSETS and not body.lstrip().startswith(b"<?xml"):
        if charset == "utf-16" and not body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            charset = "utf-16le"  # an incremental decoder asks for a mark
        pieces = (body[at : at + _DECODED_AT_ONCE] for at in range(0, len(body), _DECODED_AT_ONCE))
        try:
            body = _in_utf8(pieces, _PYTHON_NAMES.get(charset, charset))
        except UnicodeError as error:
            raise InvalidInputError("Body", f"This is not {charset}.") from error
    elif charset not in _UTF8 | _CHARSETS:
        raise InvalidInputError("Body", f"The charset {charset} isn't known.")
    return body.removeprefix(_UTF8_MARK).strip()


def _carried(pairs: bytes) -> bytes:
    """Return the body that a form's field carries, in UTF-8: of the others only the names are looked at."""
    fields = pairs.split(b"&", _MAX_FIELDS)
    if len(fields) > _MAX_FIELDS:
        raise InvalidInputError("Body", "It has too many form fields.")
    for one in fields:
        name, _, value = one.partition(b"=")
        if len(name) <= _MAX_NAME_BYTES and unquote(name.decode("latin-1")).lower() in _CARRIERS:
            text = _in_utf8(_unquoted(value), "utf-8", errors="replace").strip().removeprefix(_UTF8_MARK)
            if text:
                return text
    return b""


def _in_utf8(pieces: Iterable[bytes], charset: str, *, errors: str = "strict") -> bytes:
    """Return text in UTF-8, recoded a piece at a time. Raises UnicodeError when it isn't of the charset."""
    decoder = codecs.getincrementaldecoder(charset)(errors)
    recoded = [decoder.decode(piece).encode() for piece in pieces]
    recoded.append(decoder.decode(b"", final=True).encode())
    return b"".join(recoded)


def _unquoted(value: bytes) -> Iterator[bytes]:
    """Decode a form field's value a piece at a time: as a whole it takes ninety times its size in memory."""
    at = 0
    while at < len(value):
        end = at + _DECODED_AT_ONCE
        if end < len(value):  # an escape of three bytes isn't cut
            end -= next((back for back in (1, 2) if value[end - back : end - back + 1] == b"%"), 0)
        yield unquote_to_bytes(value[at:end].replace(b"+", b" "))
        at = end


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


def write_envelope(envelope: Envelope | FlatReply, form: Format) -> tuple[bytes, str]:
    """Write a reply's body and name its media type."""
    if form is Format.XML:
        return write_xml(REPLY_ROOT, msgspec.to_builtins(envelope)), "application/xml; charset=utf-8"
    return msgspec.json.encode(envelope), "application/json; charset=utf-8"
