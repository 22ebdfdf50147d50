"""Making a one-time password, and sending it: within the limits, and all in one transaction."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from carillon.billing.prices import load_prices
from carillon.carriers.failures import Failure
from carillon.db.database import Database, Tx
from carillon.db.sql import load_statements
from carillon.errors import CallerError, InvalidInputError, SendLimitError
from carillon.kit.actor import Actor
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept_sealed import SealedSends, sealed_sends
from carillon.messaging.fallback import SECOND_CHANNEL
from carillon.messaging.sendings import AcceptedSending, Recipients, Send
from carillon.otp.codes import KEY_PURPOSE, CodeType, digest_of, new_code
from carillon.otp.limits import Limits, take_limits
from carillon.otp.otps import KEPT, MAX_REFERENCE_CHARACTERS, OTPS_DUE, Otp, can_be_reference, otp_from
from carillon.otp.shield import limit_sends, limit_traffic
from carillon.otp_metrics import OtpMetrics
from carillon.tenancy.secrets import SecretBox
from carillon.text.placeholders import PlaceholderStyle, Template
from carillon.text.segments import measure_many

SQL = load_statements("carillon.otp", "create.sql")


class PendingOtpError(CallerError):
    """The reference has a password that can still be verified."""

    code = "pending_otp"


class OtpNotSentError(CallerError):
    """The password can't be sent to its recipient."""

    code = "otp_not_sent"

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"The password can't be sent to its recipient: {failure.value}.")
        self.failure = failure


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateOtp:
    """Make a one-time password for a reference; it takes the place of the one that the reference had.

    `recipient` is a phone's E.164 digits or an e-mail, `network` the address of the caller. The text of `send` has the
    code in the place of `{placeholder}`; without `send` the caller sends it. Its sender, where it has none, is the
    account's, its recipients and traffic class are the password's, and it is valid for no longer than that.
    `max_attempts` is the account's where it is None. With `refuses_pending` a password that can still be verified keeps
    its place.
    """

    dialect: str
    reference: str = field(repr=False)
    recipient: str = field(repr=False)
    validity: timedelta
    code_type: CodeType = CodeType.NUMERIC
    length: int = 6
    max_attempts: int | None = None
    refuses_pending: bool = False
    network: str = ""
    send: Send | None = None
    placeholder: str = "code"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOtp:
    """A password just made; `accepted` is what was sent of it."""

    otp: Otp
    code: str = field(repr=False)
    accepted: AcceptedSending | None


async def create_otp(db: Database, actor: Actor, command: CreateOtp, box: SecretBox) -> NewOtp:
    """Make a password and send it.

    Raises InvalidInputError for `reference`, SendLimitError, PendingOtpError, OtpNotSentError where its recipient is
    excluded, and what `messaging.accept.send` does for what is wrong with a text; then nothing is written.
    """
    if not can_be_reference(command.reference):
        raise InvalidInputError("reference", f"A reference has 1 to {MAX_REFERENCE_CHARACTERS} characters.")
    channels = [command.send.channel] if command.send else []
    metrics = db.process_state(OtpMetrics)
    try:
        async with sealed_sends(db, actor, box, channels) as sends:
            made = await db.run(_create, actor, command, sends)
    except (SendLimitError, PendingOtpError, OtpNotSentError) as error:
        metrics.refused(command.dialect, error.limit if isinstance(error, SendLimitError) else error.code)
        raise
    metrics.created(command.dialect, *channels or ["none"])
    return made


async def _create(tx: Tx, actor: Actor, command: CreateOtp, sends: SealedSends) -> NewOtp:
    limits = await take_limits(tx, actor.account_id)
    place = (actor.account_id, command.dialect, command.reference)
    before = await tx.fetchrow(SQL["lock_otp"], *place, tx.now)
    if before is not None and command.refuses_pending and before["is_pending"]:
        raise PendingOtpError
    # The counters that many calls wait for come last.
    await limit_sends(tx, actor.account_id, command.recipient, limits)
    code = new_code(tx.random, command.code_type, command.length)
    expires_at = tx.now + command.validity
    accepted = await _send(tx, actor, command, limits, code, expires_at, sends)
    digest = digest_of(sends.box.derive(KEY_PURPOSE), *place, code)
    hedge_at = tx.now + limits.hedge_after if accepted and limits.hedge_after else None
    row = await tx.fetchrow(
        SQL["put_otp"],
        *place,
        tx.new_uuid(),
        command.recipient,
        digest,
        command.max_attempts or limits.attempts,
        tx.now,
        expires_at,
        [accepted.sending_id] if accepted else [],
        hedge_at,
        min(expires_at, hedge_at) if hedge_at else expires_at if accepted else expires_at + KEPT,
        command.refuses_pending,
    )
    if row is None:
        raise PendingOtpError  # another call was first
    cost = accepted.cost + await _second_cost(tx, actor, command, code) if accepted else 0
    await limit_traffic(tx, actor.account_id, command.recipient, command.network, cost, limits)
    tx.wakes(OTPS_DUE, actor.account_id)
    return NewOtp(otp=otp_from(row), code=code, accepted=accepted)


async def _send(  # noqa: PLR0913, PLR0917 - what a message is made of
    tx: Tx, actor: Actor, command: CreateOtp, limits: Limits, code: str, expires_at: datetime, sends: SealedSends
) -> AcceptedSending | None:
    if command.send is None:
        return None
    send = replace(
        command.send,
        dialect=command.dialect,
        traffic_class=TrafficClass.OTP,
        sender=command.send.sender or limits.sender,
        placeholders=PlaceholderStyle.BRACES,
        recipients=Recipients(addresses=[command.recipient], are_digits=True),
        validity=min(command.send.validity, command.validity),
        expires_at=expires_at,
        only_if_any=True,
    )
    accepted = await sends.send(tx, actor, send, {command.placeholder: code})
    (failure,) = accepted.failures
    if failure is not None:
        raise OtpNotSentError(failure)
    return accepted


async def _second_cost(tx: Tx, actor: Actor, command: CreateOtp, code: str) -> int:
    """Return what the SMS behind an instant message would cost: who pumps takes numbers that have no such messages."""
    fallback = command.send.fallback if command.send else None
    if fallback is None:
        return 0
    (price,) = (await load_prices(tx, actor.account_id, SECOND_CHANNEL)).of([command.recipient])
    text = Template.parse(fallback.text, PlaceholderStyle.BRACES).render({command.placeholder: code})
    _, (parts,) = measure_many([text], fallback.encodings)
    return sum(price.cost(parts)) if price else 0
