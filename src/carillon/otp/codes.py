"""Codes: how they are made, and the keyed digest that is all that is stored of one to check it by. Pure."""

import hashlib
import hmac
from collections.abc import Sequence
from enum import StrEnum
from random import Random

from carillon.kit.ids import AccountId

KEY_PURPOSE = "one-time passwords"
"""What the key of the digests is derived for (`SecretBox.derive`)."""

MIN_LENGTH, MAX_LENGTH = 3, 20
MAX_GIVEN_CHARACTERS = 100
"""What is longer is no code."""

_DIGITS = "0123456789"
# People copy codes by eye: without what looks like another one, and in one case, so that either can be accepted.
_LETTERS = "ABCDEFGHJKMNPQRSTUVWXYZ"
_CLEAR_DIGITS = "23456789"


class CodeType(StrEnum):
    """What a code is made of."""

    NUMERIC = "numeric"
    ALPHA = "alpha"
    ALPHANUMERIC = "alphanumeric"


_ALPHABETS = {
    CodeType.NUMERIC: _DIGITS,
    CodeType.ALPHA: _LETTERS,
    CodeType.ALPHANUMERIC: _LETTERS + _CLEAR_DIGITS,
}


def new_code(random: Random, code_type: CodeType, length: int) -> str:
    """Make a code, each character as likely as any other. `random` is the system's, which nobody can predict."""
    alphabet = _ALPHABETS[code_type]
    return "".join(random.choice(alphabet) for _ in range(length))


def digest_of(key: bytes, account_id: AccountId, dialect: str, reference: str, code: str) -> bytes:
    """Return the digest of a reference's code.

    The codes of a reference are few enough to try all of them: without the key, which is not in the database, a digest
    tells nothing.
    """
    parts = [str(account_id), dialect, reference, code]
    content = b"".join(len(part).to_bytes(4) + part for part in (one.encode("utf-8", "surrogatepass") for one in parts))
    return hmac.digest(key, content, hashlib.sha256)


def same_case(code: str) -> str:
    """Return a code as it is made: in capitals."""
    return code.upper()


def is_among(digest: bytes, digests: Sequence[bytes]) -> bool:
    """Tell whether a digest is one of several, in a time that depends only on how many they are."""
    return sum([hmac.compare_digest(digest, one) for one in digests]) > 0
