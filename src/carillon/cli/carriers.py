"""`carillon carrier`."""

import asyncio
import os
from collections.abc import Iterable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from carillon.carriers.http.tokens import CallbackTokens, CallbackUrls
from carillon.carriers.registry import KINDS, Surroundings
from carillon.cli.options import Id
from carillon.cli.session import Session, followed, open_actor, operator, table, with_session
from carillon.errors import InvalidInputError
from carillon.logs import configure_logging
from carillon.outbound.client import HttpClient
from carillon.routing.carriers import (
    CHANNELS,
    SENDER_RATE,
    Carrier,
    CarrierState,
    CreateCarrier,
    FindCarrier,
    ListCarriers,
    RunnableCarrier,
    SetCarrierState,
    carrier_to_run,
    create_carrier,
    find_carrier,
    list_carriers,
    set_carrier_state,
)
from carillon.routing.trial import Step, TrialMessage, try_carrier
from carillon.tenancy.secrets import SecretBox

if TYPE_CHECKING:
    from carillon.carriers.registry import CarrierConfig
    from carillon.db.database import Database
    from carillon.routing.owners import Caller

SECRET_VARIABLE = "CARILLON_CARRIER_SECRET"  # noqa: S105 - the name of a variable
_MAX_SECRET_BYTES = 10_000

_account = click.option(
    "--account", "account_id", type=Id(), metavar="ID", help="Whose it is. [default: everybody's, as the operator]"
)


@click.group
def group() -> None:
    """Connect what takes messages: SMSCs, HTTP providers, simulators."""


@group.command
@click.argument("name")
@click.option("--kind", metavar="|".join(KINDS), required=True, help="See carillon carrier kinds.")
@click.option("--channel", type=click.Choice(CHANNELS), default="sms", show_default=True, help="What it carries.")
@click.option("--url", default="", metavar="URL", help="Where it is, without a password; a simulator has none.")
@_account
@click.option(
    "--option", "options", multiple=True, metavar="K=V", help="An option of its kind; K=@FILE reads it from a file."
)
@click.option("--rate", "per_second", type=float, metavar="N", help="Messages in a second, at most.")
@click.option(
    "--secret-file",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help=f"A file with the password or token. [default: the variable {SECRET_VARIABLE}]",
)
@with_session
def create(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    name: str,
    kind: str,
    channel: str,
    url: str,
    account_id: int | None,
    options: tuple[str, ...],
    per_second: float | None,
    secret_file: Path | None,
) -> None:
    """Create a carrier NAME. Without --account every account may be routed to it.

    Its password is never an argument, which others on the machine could read: it comes from a file or a variable, and
    is kept sealed. While no route is made, all carriers of a channel are tried in the order of their making.

    For example, an SMSC with two connections, an HTTP provider, and the simulator for accounts that are no sandbox:

        carillon carrier create main --kind smpp --url smpp://shop@smsc.example:2775 --option binds=2 --rate 100

        carillon carrier create web --kind http --url https://api.example/sms --option body=@body.json

        carillon carrier create test --kind simulator
    """
    command = CreateCarrier(
        name=name,
        kind=kind,
        channel=channel,
        url=url,
        options=dict(map(_option, options)),
        secret=_secret(secret_file),
        per_second=per_second,
    )
    box = SecretBox(session.settings.secret_key_path)

    async def make(db: "Database") -> Carrier:
        made = await db.run(create_carrier, await caller(db, account_id), command, box)
        await followed()
        return made

    made = session.run(make)
    whose = f"account {made.account_id}" if made.account_id else "every account"
    session.answer(
        {"carrier_id": made.carrier_id},
        [
            f"Carrier {made.carrier_id}: {made.name} ({made.kind}, {made.channel}), for {whose}.",
            f"Send a test message through it with: carillon carrier test {_quoted(made)} --to NUMBER",
            f"Route traffic to it with: carillon route add --channel {made.channel} --carrier {_quoted(made)}",
        ],
    )


@group.command
@click.argument("kind", required=False, type=click.Choice(list(KINDS)))
@with_session
def kinds(session: Session, *, kind: str | None) -> None:
    """Show the kinds of carriers there are, or the options of KIND.

    For example:

        carillon carrier kinds http
    """
    if kind is None:
        rows = [{"kind": name, "channels": one.channels, "options": len(one.options)} for name, one in KINDS.items()]
        session.answer(rows, [*table(rows, ""), "The options of one are shown by: carillon carrier kinds KIND"])
        return
    shared = {SENDER_RATE: "How many messages of one sender it takes in a second."}
    described = dict(KINDS[kind].options) | shared
    lines = [f"{name}\n    {sentence}" for name, sentence in described.items()]
    session.answer(described, lines)


@group.command("list")
@_account
@with_session
def list_(session: Session, *, account_id: int | None) -> None:
    """List all carriers, or those that an account may be routed to. Account 0 is everybody's.

    For example:

        carillon carrier list
    """

    async def read(db: "Database") -> list[Carrier]:
        return await db.read(list_carriers, await caller(db, account_id), ListCarriers())

    carriers = session.run(read)
    rows = [_row(carrier) for carrier in carriers]
    session.answer(
        carriers, table(rows, "There is no carrier yet. Make one with: carillon carrier create NAME --kind …")
    )


@group.command
@click.argument("name")
@_account
@with_session
def show(session: Session, *, name: str, account_id: int | None) -> None:
    """Show the carrier NAME, or that of an id, with its options.

    Its secret is shown to nobody.

    Of an HTTP provider it shows the URL for all its receipts and replies, which is a secret, too.

    For example:

        carillon carrier show main
    """

    async def read(db: "Database") -> Carrier:
        return await db.read(find_carrier, await caller(db, account_id), FindCarrier(named=name))

    carrier = session.run(read)
    urls = _callback_urls(session) if carrier.kind == "http" else None
    callback_url = None if urls is None else urls.of_carrier(carrier.account_id, carrier.carrier_id)
    described = asdict(carrier) | {"callback_url": callback_url}
    lines = [f"{key}: {'-' if value is None else value}" for key, value in described.items() if key != "options"]
    if carrier.kind == "http" and urls is None:
        lines.append("Set public_url to have an address for its receipts and replies.")
    session.answer(described, [*lines, *(f"option {key}: {value}" for key, value in carrier.options.items())])


@group.command
@click.argument("name")
@_account
@with_session
def pause(session: Session, *, name: str, account_id: int | None) -> None:
    """Stop the carrier NAME for a while.

    Its messages go to the next one of their route, or wait.

    For example:

        carillon carrier pause main
    """
    _set_state(session, name, account_id, CarrierState.PAUSED)


@group.command
@click.argument("name")
@_account
@with_session
def resume(session: Session, *, name: str, account_id: int | None) -> None:
    """Start the paused carrier NAME again.

    For example:

        carillon carrier resume main
    """
    _set_state(session, name, account_id, CarrierState.ACTIVE)


@group.command
@click.argument("name")
@_account
@with_session
def delete(session: Session, *, name: str, account_id: int | None) -> None:
    """Delete the carrier NAME, which may be in no route. What went over it still says so.

    For example:

        carillon carrier delete main
    """
    _set_state(session, name, account_id, CarrierState.DELETED)


@group.command
@click.argument("name")
@click.option(
    "--to", "address", required=True, metavar="ADDRESS", help="The number, in digits with its country's code."
)
@click.option("--from", "sender", default="Carillon", show_default=True, metavar="SENDER", help="The sender.")
@click.option("--text", default="A test message.", show_default=True, metavar="TEXT", help="The text.")
@click.option(
    "--wait",
    "seconds",
    type=click.FloatRange(0.1, 600),
    default=15.0,
    show_default=True,
    help="Seconds to wait until it is up, and again for a receipt.",
)
@_account
@with_session
def test(  # noqa: PLR0913 - one for each flag
    session: Session, *, name: str, address: str, sender: str, text: str, seconds: float, account_id: int | None
) -> None:
    """Send one message through the carrier NAME, and show each step.

    It costs what a message costs, and a paused carrier can be tried too. It is sent from here, over a connection of its
    own, and is in no account's books.

    For example:

        carillon carrier test main --to 972521234567
    """

    async def read(db: "Database") -> RunnableCarrier:
        return await db.read(carrier_to_run, await caller(db, account_id), FindCarrier(named=name))

    configure_logging(session.settings.log_level, session.settings.log_format)
    found = session.run(read)
    config = found.config(SecretBox(session.settings.secret_key_path))
    channel = found.carrier.channel
    message = TrialMessage(channel=channel, address=_digits(address), sender=sender, text=text, seconds=seconds)
    steps = asyncio.run(_try(session, config, message))
    ok = all(step.ok for step in steps)
    if session.as_json:
        session.answer({"ok": ok, "steps": steps}, "")
    if not ok:
        raise SystemExit(1)


async def caller(db: "Database", account_id: int | None) -> "Caller":
    """Return the operator, or the operator inside an account. Raises NotFoundError for `account`."""
    if account_id is None:
        return operator()
    return await open_actor(db, account_id)


async def _try(session: Session, config: "CarrierConfig", message: TrialMessage) -> list[Step]:
    steps = []
    async with HttpClient(session.settings.outbound_allow) as outbound:
        around = Surroundings(inbox=_Nobody(), outbound=outbound, callbacks=_callback_urls(session))
        async for step in try_carrier(config, around, message):
            steps.append(step)
            if not session.as_json:
                mark = "ok    " if step.ok else "failed"
                click.echo(f"{mark}  {step.name.ljust(8)} {step.seconds:7.3f} s  {step.detail}")
    return steps


def _callback_urls(session: Session) -> CallbackUrls | None:
    """Return the URLs at which a server of these settings takes receipts; None without `public_url`."""
    settings = session.settings
    if settings.public_url is None:
        return None
    tokens = CallbackTokens(partial(SecretBox(settings.secret_key_path).derive, "carrier callbacks"))
    return CallbackUrls(base_url=settings.public_url, tokens=tokens)


class _Nobody:
    """An inbox that nothing comes to: a trial has its own."""

    async def take(self, carrier_id: int, received: Iterable[object]) -> None:
        raise NotImplementedError


def _set_state(session: Session, name: str, account_id: int | None, state: CarrierState) -> None:
    async def change(db: "Database") -> Carrier:
        command = SetCarrierState(named=name, state=state)
        changed = await db.run(set_carrier_state, await caller(db, account_id), command)
        await followed()
        return changed

    carrier = session.run(change)
    session.answer(carrier, f"Carrier {carrier.carrier_id}, {carrier.name}, is {carrier.state}.")


def _option(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals or not name.strip():
        raise InvalidInputError("option", f"{given!r} is not of the form NAME=VALUE.")
    if value.startswith("@"):
        try:
            value = Path(value[1:]).read_text("utf-8")
        except UnicodeDecodeError:
            raise InvalidInputError("option", f"The file of option {name} is not UTF-8.") from None
    return name.strip(), value


def _secret(file: Path | None) -> str | None:
    if file is None:
        return os.environ.get(SECRET_VARIABLE) or None
    content = file.read_bytes()
    if len(content) > _MAX_SECRET_BYTES:
        raise InvalidInputError("secret", f"{file} is no secret: it has more than {_MAX_SECRET_BYTES} bytes.")
    try:
        return content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise InvalidInputError("secret", f"{file} is not UTF-8.") from None


def _digits(address: str) -> str:
    digits = address.strip().removeprefix("+").replace(" ", "").replace("-", "")
    return digits if digits.isascii() and digits.isdecimal() else address.strip()


def _quoted(carrier: Carrier) -> str:
    return carrier.name if carrier.name.isalnum() else str(carrier.carrier_id)


def _row(carrier: Carrier) -> dict[str, object]:
    return {
        "carrier_id": carrier.carrier_id,
        "account": carrier.account_id,
        "name": carrier.name,
        "kind": carrier.kind,
        "channel": carrier.channel,
        "state": carrier.state,
        "rate": carrier.per_second,
        "url": carrier.url or None,
    }
