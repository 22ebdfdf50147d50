"""What a one-time password is, as it is stored and shown; its code is neither."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from asyncpg import Record

OTPS_DUE = "otps_due"
"""The topic of what is due of passwords; its keys are accounts."""

KEPT = timedelta(days=1)
"""So long after its end a password is told from one that never was."""

USUAL_VALIDITY = timedelta(minutes=5)
"""So long most passwords are valid; of each its request says it."""

MAX_REFERENCE_CHARACTERS = 255


def can_be_reference(text: str) -> bool:
    """Tell whether a text can be what a password is checked by: some characters, all of which the database knows."""
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return 0 < len(text) <= MAX_REFERENCE_CHARACTERS and "\0" not in text


class OtpState(StrEnum):
    """Where a password is. The moves between them are in `schema.sql`."""

    PENDING = "pending"
    VERIFIED = "verified"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Otp:
    """A one-time password. `attempts` are the checks so far, `recipient` E.164 digits or an e-mail."""

    otp_id: UUID
    recipient: str = field(repr=False)
    state: OtpState
    attempts: int
    max_attempts: int
    created_at: datetime
    updated_at: datetime
    expires_at: datetime
    sendings: Sequence[UUID] = ()

    @property
    def is_exhausted(self) -> bool:
        """Whether no check can verify it any more."""
        return self.attempts >= self.max_attempts


def otp_from(row: Record) -> Otp:
    """Read a row. The check that finds a password exhausted is counted and not shown."""
    return Otp(
        otp_id=row["otp_id"],
        recipient=row["recipient"],
        state=OtpState(row["state"]),
        attempts=min(row["attempts"], row["max_attempts"]),
        max_attempts=row["max_attempts"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        expires_at=row["expires_at"],
        sendings=row["sendings"],
    )
