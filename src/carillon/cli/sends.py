"""`carillon send`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from carillon.audience.groups import groups_by_name
from carillon.billing.money import format_amount
from carillon.carriers.content import Button, Content
from carillon.cli.durations import Duration
from carillon.cli.options import Moment, account_option, counted
from carillon.cli.sendings import answer_sending, require_to_come
from carillon.cli.session import Session, open_actor, open_to_change, with_session
from carillon.cli.visible import visible_address
from carillon.cli.waiting import wait_for_sending
from carillon.errors import InvalidInputError, NotFoundError
from carillon.kit.traffic import TrafficClass
from carillon.messaging.accept import plan_send
from carillon.messaging.accept import send as accept_send
from carillon.messaging.queries import Sending
from carillon.messaging.sendings import (
    DEFAULT_VALIDITY,
    MIN_VALIDITY,
    AcceptedSending,
    Fallback,
    Recipients,
    Send,
)

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.kit.actor import Actor

# What phones show, and networks take (GSM 03.40, 9.1.2.5).
_MAX_LETTERS, _MAX_DIGITS = 11, 15
_LONGEST_TTL = timedelta(hours=24)
# What the engine calls otherwise.
_FLAGS = {"per_second": "pace", "scheduled_at": "at"}
_CLASSES = {one.name.lower(): one for one in TrafficClass}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    account_id: int
    sender: str
    text: str
    numbers: tuple[str, ...]
    group: str | None
    at: datetime | None
    traffic_class: TrafficClass
    channel: str
    content: Content | None
    validity: timedelta
    pace: float | None
    fallback: Fallback | None


@click.command
@account_option()
@click.option(
    "--channel", type=click.Choice(["sms", "im"]), default="sms", show_default=True, help="What the message is sent by."
)
@click.option(
    "--from", "sender", required=True, metavar="S", help="The sender: for an SMS up to 11 letters, or a number."
)
@click.option("--to", "numbers", multiple=True, metavar="NUMBER", help="A recipient; may be given more than once.")
@click.option("--group", metavar="NAME", help="The members of a group, instead of --to.")
@click.option(
    "--at",
    type=Moment(),
    metavar="TIME",
    help="When: 2026-12-24T09:00, in UTC unless said otherwise. [default: now]",
)
@click.option(
    "--class",
    "traffic_class",
    type=click.Choice(list(_CLASSES)),
    default="transactional",
    show_default=True,
    help="What it is for: the order in which messages have their turn.",
)
@click.option("--pace", type=float, metavar="N", help="So many messages a second, at most.")
@click.option("--image", metavar="URL", help="An image of an instant message.")
@click.option("--button", nargs=2, metavar="TITLE URL", help="Its button, and where that leads.")
@click.option("--ttl", type=Duration(), metavar="SPAN", help="How long it may take: 30s to 24h. [default: 24h]")
@click.option("--sms-from", metavar="S", help="The sender of the SMS that is sent where it fails.")
@click.option("--sms-text", metavar="TEXT", help="The text of that SMS.")
@click.option("--plan", is_flag=True, help="Send nothing: show who would get it, how, and what it would cost.")
@click.option("--wait", is_flag=True, help="Wait until it is over, with its progress, and show what became of it.")
@click.argument("text")
@with_session
def send(  # noqa: PLR0913 - its flags
    session: Session,
    *,
    account_id: int,
    channel: str,
    sender: str,
    numbers: tuple[str, ...],
    group: str | None,
    at: datetime | None,
    traffic_class: str,
    pace: float | None,
    image: str | None,
    button: tuple[str, str] | None,
    ttl: timedelta | None,
    sms_from: str | None,
    sms_text: str | None,
    plan: bool,
    wait: bool,
    text: str,
) -> None:
    """Send TEXT to numbers, or to the members of a group.

    The sending is accepted and kept; a running `carillon serve` sends it. What is wrong with one number excludes that
    one, with its reason, and the others are sent to. Messages of a sandbox account, as the demo account is one, go to
    simulated phones: the last four digits of a number say what happens to it, 9904 that it is unknown, 9910 that it
    answers STOP.

    For example, first to see what would happen, and then to do it:

        carillon send --account 1 --from Blue --to 0541234567 --plan "Your table is ready."

        carillon send --account 1 --from Blue --to 0541234567 --wait "Your table is ready."

    And to everybody in a group, on Christmas Eve:

        carillon send --account 1 --from Blue --group Friends --at 2026-12-24T09:00 --class marketing "Closed today."

    To a large group, no quicker than a call centre can answer:

        carillon send --account 1 --from Blue --group Customers --pace 5 "Call us for your new tariff."

    By Viber, and as an SMS to whom Viber does not reach:

        carillon send --account 1 --channel im --from Blue --to 0541234567 --sms-from Blue --sms-text "Ready." "*Ready*"
    """
    if bool(numbers) == bool(group):
        raise InvalidInputError("to", "Name recipients with --to, or a group with --group; not both.")
    instant = {"image": image, "button": button, "ttl": ttl, "sms-from": sms_from, "sms-text": sms_text}
    _check_instant(channel, instant)
    if channel == "sms" or sms_from is not None:
        _check_sender(sender if sms_from is None else sms_from)
    asked = _Asked(
        account_id=account_id,
        sender=sender,
        text=text,
        numbers=numbers,
        group=group,
        at=at,
        traffic_class=_CLASSES[traffic_class],
        channel=channel,
        content=_content(image, button) if channel == "im" else None,
        validity=ttl or (_LONGEST_TTL if channel == "im" else DEFAULT_VALIDITY),
        pace=pace,
        fallback=Fallback(sender=sms_from, text=sms_text) if sms_from and sms_text else None,
    )
    accepted = session.run(lambda db: _send(db, asked, plan=plan))
    if not wait or plan:
        _show(session, asked, accepted, plan=plan)
        return
    if not session.as_json:
        _show(session, asked, accepted, plan=False)
    answer_sending(session, session.run(lambda db: _wait(db, account_id, accepted)))


def _check_instant(channel: str, given: Mapping[str, object]) -> None:
    """Require that what only instant messages have is theirs, within their limits."""
    names = [name for name, value in given.items() if value is not None]
    if channel != "im" and names:
        raise InvalidInputError(names[0], "Only an instant message has this: add --channel im.")
    if (given["sms-from"] is None) != (given["sms-text"] is None):
        raise InvalidInputError("sms-text", "An SMS that is sent where it fails needs both --sms-from and --sms-text.")
    ttl = given["ttl"]
    if isinstance(ttl, timedelta) and not MIN_VALIDITY["im"] <= ttl <= _LONGEST_TTL:
        raise InvalidInputError("ttl", "An instant message may take from 30 seconds to 24 hours.")


def _content(image: str | None, button: tuple[str, str] | None) -> Content:
    return Content(image_url=image, button=Button(title=button[0], url=button[1]) if button else None)


def _check_sender(sender: str) -> None:
    digits = sender.removeprefix("+")
    is_number = digits.isascii() and digits.isdecimal() and len(digits) <= _MAX_DIGITS
    if not is_number and not 1 <= len(sender.strip()) <= _MAX_LETTERS:
        raise InvalidInputError(
            "from", f"{sender!r} can't be a sender: give up to {_MAX_LETTERS} letters, as a shop's name, or a number."
        )


async def _wait(db: "Database", account_id: int, accepted: AcceptedSending) -> Sending:
    actor = await open_actor(db, account_id)
    return await wait_for_sending(db, actor, accepted.sending_id)


async def _command(db: "Database", asked: _Asked, *, plan: bool) -> "tuple[Actor, Send]":
    # The group is the one, and has the members, that uploads before it make.
    enter = open_actor if plan or asked.group is None else open_to_change
    actor = await enter(db, asked.account_id)
    groups: list[int] = []
    if asked.group is not None:
        found = await db.read(groups_by_name, actor, {asked.group})
        groups = [int(one) for one in found.values()][:1]
        if not groups:
            raise NotFoundError("group", _no_group(asked))
    if asked.at is not None:
        require_to_come(db, actor, asked.at, "Without --at it is sent at once.")
    command = Send(
        sender=asked.sender,
        text=asked.text,
        traffic_class=asked.traffic_class,
        recipients=Recipients(addresses=list(asked.numbers)),
        groups=groups,
        scheduled_at=asked.at,
        channel=asked.channel,
        content=asked.content,
        validity=asked.validity,
        per_second=asked.pace,
        fallback=asked.fallback,
    )
    return actor, command


def _no_group(asked: _Asked) -> str:
    way = f'carillon import FILE --account {asked.account_id} --group "{asked.group}"'
    return f"There is no group {asked.group!r} in account {asked.account_id}. To make it with its members: {way}"


async def _send(db: "Database", asked: _Asked, *, plan: bool) -> AcceptedSending:
    actor, command = await _command(db, asked, plan=plan)
    try:
        return await (plan_send if plan else accept_send)(db, actor, command)
    except InvalidInputError as error:
        raise InvalidInputError(_FLAGS.get(error.field, error.field), error.message) from error


def _show(session: Session, asked: _Asked, accepted: AcceptedSending, *, plan: bool) -> None:
    refused = [
        {"to": number, "reason": failure.value}
        for number, failure in zip(asked.numbers, accepted.failures, strict=False)
        if failure is not None
    ]
    # As it was understood, where it was.
    understood = zip(asked.numbers, accepted.numbers, accepted.failures, strict=False)
    shown = [visible_address(number) or given for given, number, failure in understood if failure is not None]
    parts = sum(count for count, failure in zip(accepted.parts, accepted.failures, strict=True) if failure is None)
    what = _what(accepted, parts)
    if plan:
        lines = [f"Nothing is sent. It would go to {what}."]
    else:
        lines = [f"Sending {accepted.sending_id} is {accepted.state}: {what}."]
    lines += [f"  {to} gets nothing: {one['reason']}." for to, one in zip(shown, refused, strict=True)]
    if not plan:
        lines.append(f"Follow it with: carillon sending show {accepted.sending_id} --account {asked.account_id}")
    answer = {
        "sending_id": None if plan else str(accepted.sending_id),
        "state": "planned" if plan else accepted.state,
        "recipients": len(accepted.failures) + accepted.members,
        "refused": refused,
        "parts": parts,
        "cost": format_amount(accepted.cost),
    }
    session.answer(answer, lines)


def _what(accepted: AcceptedSending, parts: int) -> str:
    if not accepted.failures:
        return f"{accepted.members:,} members of the group"
    sent = sum(failure is None for failure in accepted.failures)
    cost = f"{format_amount(accepted.cost)} to pay" if accepted.cost else "free"
    return f"{sent} of {counted(len(accepted.failures), 'recipient')}, {counted(parts, 'part')}, {cost}"
