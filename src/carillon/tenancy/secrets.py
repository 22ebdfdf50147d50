"""Secrets: how they are made, hashed, and, where they must be recoverable, sealed."""

import hashlib
import os
import secrets
import string
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from carillon.errors import ServiceError

_ALPHABET = string.ascii_letters + string.digits
_NAME_ALPHABET = string.ascii_lowercase + string.digits
KEY_NAME_CHARACTERS = 12
"""The length of a credential's public half. Where a client has a single key, it is the key's first characters."""
_SECRET_CHARACTERS = 32  # of 62 letters and digits: 190 bits
_NONCE_BYTES = 12
_KEY_BYTES = 32


class SecretKeyError(ServiceError):
    """The secret key file can't be used."""

    code = "secret_key"


class _OtherKeyError(SecretKeyError):
    """A secret was sealed with another key, or for another row."""


def new_key_name(random: Random) -> str:
    """Make the public half of a credential: 62 random bits, so that two are never the same."""
    return "".join(random.choice(_NAME_ALPHABET) for _ in range(KEY_NAME_CHARACTERS))


def new_secret(random: Random) -> str:
    """Make a secret of 190 random bits that needs no quoting in a URL, a shell, XML or a Basic header."""
    return "".join(random.choice(_ALPHABET) for _ in range(_SECRET_CHARACTERS))


def hash_secret(secret: str) -> bytes:
    """Hash a secret with SHA-256.

    A fast hash is right here and only here: what it protects is random and 190 bits long, so there is nothing
    to guess, and a slow password hash would only add its cost to every call of every client. Nobody chooses these
    secrets; a password that a human chose must never come this way.
    """
    return hashlib.sha256(secret.encode()).digest()


def seal_context(account_id: int, credential_id: int) -> str:
    """Name the row that a sealed secret belongs to."""
    return f"credential {account_id}/{credential_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedSecret:
    """A secret that `SecretBox.seal` has sealed, and its context."""

    sealed: bytes = field(repr=False)
    context: str


class SecretBox:
    """Seals secrets with AES-256-GCM; the key is in a file outside the database, so a copy of that tells nothing.

    The file is made on first use (mode 0600). Losing it costs every sealed secret: it belongs to the backup, but apart
    from the database's. Everything here raises SecretKeyError when the file can't be used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    @cached_property
    def _key(self) -> bytes:
        """The file's key, which is read, or made on first use, only when a secret needs it."""
        path = self._path
        try:
            return _read_key(path) if path.exists() else _make_key(path)
        except OSError as error:
            raise SecretKeyError(f"The secret key in {path} can't be used: {error}.") from error

    def check(self) -> None:
        """Read the key's file, or make it."""
        _ = self._key

    def opens(self, secret: SealedSecret) -> bool:
        """Tell whether a secret was sealed with this key."""
        try:
            self.open(secret.sealed, context=secret.context)
        except _OtherKeyError:
            return False
        return True

    @cached_property
    def _cipher(self) -> AESGCM:
        return AESGCM(self._key)

    def derive(self, purpose: str) -> bytes:
        """Derive a key of 32 bytes for a purpose; the keys of different purposes tell nothing of each other."""
        return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode()).derive(self._key)

    def seal(self, secret: str, *, context: str) -> bytes:
        """Encrypt a secret; it opens only in the same context, so a sealed value copied to another row is void."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), context.encode())

    def open(self, sealed: bytes, *, context: str) -> str:
        """Decrypt what `seal` made. Raises SecretKeyError when the key, the context or the bytes are others."""
        nonce, body = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, body, context.encode()).decode()
        except InvalidTag as error:
            raise _OtherKeyError("A stored secret was sealed with another key: restore the secret key file.") from error


def _read_key(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise SecretKeyError(f"Others may read the secret key in {path}. Run: chmod 600 {path}")
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise SecretKeyError(f"{path} is not a secret key of {_KEY_BYTES} bytes: restore it from a backup.")
    return key


def _make_key(path: Path) -> bytes:
    """Make the key whole or not at all: two processes at once end with the same one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if os.geteuid() == 0:  # root may make it in a user's folder, and then it is that user's
                os.fchown(file.fileno(), path.parent.stat().st_uid, path.parent.stat().st_gid)
            file.write(os.urandom(_KEY_BYTES))
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first
    finally:
        draft.unlink(missing_ok=True)
    return _read_key(path)
