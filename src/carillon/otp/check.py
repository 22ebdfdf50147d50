"""Checking a one-time password: once only, within its time and its attempts, whoever tries how many at once."""

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from asyncpg import Record

from carillon.db.database import Tx
from carillon.db.sql import load_statements
from carillon.kit.actor import Actor
from carillon.messaging.sealed import forget_values
from carillon.otp.codes import KEY_PURPOSE, MAX_GIVEN_CHARACTERS, digest_of, is_among, same_case
from carillon.otp.counters import Count, CounterKind, count, count_unknown, in_window, take_attempt
from carillon.otp.limits import Limits, limits_from, take_limits
from carillon.otp.otps import KEPT, USUAL_VALIDITY, Otp, OtpState, can_be_reference, otp_from
from carillon.otp.shield import prefix_of
from carillon.otp_metrics import OtpMetrics
from carillon.tenancy.secrets import SecretBox

SQL = load_statements("carillon.otp", "check.sql")


class Verdict(StrEnum):
    """What a check finds."""

    VALID = "valid"
    WRONG = "wrong"
    USED = "used"  # it is the code, and was verified before
    SUPERSEDED = "superseded"  # it is the code of an earlier password of the reference
    EXPIRED = "expired"
    EXHAUSTED = "exhausted"  # too many attempts
    REFUSED = "refused"  # too many checks of the recipient's passwords
    UNKNOWN = "unknown"  # the reference has no password


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckOtp:
    """Check the code of a reference's password; with `otp_id` only of this one."""

    dialect: str
    reference: str = field(repr=False)
    code: str = field(repr=False)
    is_case_sensitive: bool = False
    otp_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What a check has found. `is_code`: the code is the password's, whatever else keeps it from being valid.

    `otp` is as the check leaves it, None where the reference has none.
    """

    verdict: Verdict
    is_code: bool = False
    otp: Otp | None = None


async def check_otp(tx: Tx, actor: Actor, command: CheckOtp, box: SecretBox) -> Checked:
    """Check a code. Each check is an attempt, whatever it finds; a code is valid once.

    What finds the attempts used up is no attempt at the code any more: it may be right or wrong. A reference that
    nobody has takes as many attempts, and is exhausted then.
    """
    checked = await _check(tx, actor, command, box)
    metrics = tx.process_state(OtpMetrics)
    tx.counts(lambda: metrics.checked(command.dialect, checked.verdict.value))
    return checked


async def _check(tx: Tx, actor: Actor, command: CheckOtp, box: SecretBox) -> Checked:
    if not can_be_reference(command.reference):
        return Checked(verdict=Verdict.UNKNOWN)
    place = (actor.account_id, command.dialect, command.reference)
    row = await take_attempt(tx, *place)
    code = command.code if command.is_case_sensitive else same_case(command.code)
    digest = digest_of(box.derive(KEY_PURPOSE), *place, code[:MAX_GIVEN_CHARACTERS])
    if row is None:
        return await _check_unknown(tx, actor, command, box)
    tx.adopt_clock(row["clock_offset"])
    otp = otp_from(row)
    of_this = command.otp_id is None or command.otp_id == otp.otp_id
    is_code = is_among(digest, [row["digest"]]) and of_this
    is_earlier = is_among(digest, row["superseded"])
    verdict = _verdict(tx, row, is_code=is_code, is_earlier=is_earlier)
    if verdict is Verdict.VALID:
        otp = await _verify(tx, actor, command, otp)
    return Checked(verdict=verdict, is_code=is_code, otp=otp)


def _verdict(tx: Tx, row: Record, *, is_code: bool, is_earlier: bool) -> Verdict:
    if row["state"] == OtpState.VERIFIED and is_code:
        return Verdict.USED
    if row["attempts"] > row["max_attempts"]:
        return Verdict.EXHAUSTED
    limits = limits_from(row["names"], row["values"])
    if in_window(tx.now, row["window_at"], row["span"], row["before"], row["present"]) > limits.recipient_checks:
        return Verdict.REFUSED
    if row["state"] != OtpState.VERIFIED and row["expires_at"] <= tx.now:
        return Verdict.EXPIRED
    if is_code:
        return Verdict.VALID
    return Verdict.SUPERSEDED if is_earlier else Verdict.WRONG


async def _check_unknown(tx: Tx, actor: Actor, command: CheckOtp, box: SecretBox) -> Checked:
    """Count a check of a reference that nobody has: it ends as one does whose code is never right, and for as long.

    A password that was made a while ago is kept for a day after its end. How long ago, of one that nobody has, its
    digest says, so that the moment at which it is unknown again is no sign, either.
    """
    limits: Limits = await take_limits(tx, actor.account_id)
    digest = digest_of(box.derive(KEY_PURPOSE), actor.account_id, command.dialect, command.reference, "")
    left = int.from_bytes(digest[:4]) % USUAL_VALIDITY.seconds
    subject = f"{command.dialect} {command.reference}"
    checks = await count_unknown(tx, actor.account_id, subject, timedelta(seconds=left))
    return Checked(verdict=Verdict.EXHAUSTED if checks > limits.attempts else Verdict.UNKNOWN)


async def _verify(tx: Tx, actor: Actor, command: CheckOtp, otp: Otp) -> Otp:
    """End a password whose row this check has locked; nothing of it is sent any more."""
    row = await tx.fetchrow(
        SQL["verify_otp"], actor.account_id, command.dialect, command.reference, tx.now, tx.now + KEPT
    )
    if row is None:
        raise AssertionError("a password that is locked and pending can be ended")
    prefix = prefix_of(otp.recipient)
    if prefix:
        await count(tx, actor.account_id, [Count(kind=CounterKind.PREFIX_VERIFIED, subject=prefix)])
    if row["ended"]:
        await forget_values(tx, actor, row["ended"])
    return otp_from(row)
