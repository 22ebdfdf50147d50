"""`carillon route`."""

from typing import TYPE_CHECKING

import click

from carillon.addresses.emails import read_email
from carillon.addresses.phones import read_phone
from carillon.cli.carriers import caller
from carillon.cli.options import Id, account_option
from carillon.cli.session import Session, followed, open_actor, table, with_session
from carillon.errors import InvalidInputError
from carillon.kit.traffic import TrafficClass
from carillon.routing.carriers import CHANNELS
from carillon.routing.current import load_routing
from carillon.routing.health import Health
from carillon.routing.health_rows import NOBODY, read_health
from carillon.routing.routes import AddRoute, DeleteRoute, ListRoutes, Route, add_route, delete_route, list_routes
from carillon.routing.why import Explain, Explanation, explain

if TYPE_CHECKING:
    from carillon.db.database import Database

_CLASSES = [one.name.lower() for one in TrafficClass]

_account = click.option(
    "--account", "account_id", type=Id(), metavar="ID", help="Whose it is. [default: everybody's, as the operator]"
)
_channel = click.option(
    "--channel", type=click.Choice(CHANNELS), default="sms", show_default=True, help="What is sent."
)


@click.group
def group() -> None:
    """Say which carriers take which traffic, and see why."""


@group.command
@_channel
@_account
@click.option("--prefix", default="", metavar="DIGITS", help="What the numbers begin with. [default: any number]")
@click.option("--sender", metavar="S", help="For messages from this sender only.")
@click.option("--class", "traffic_class", type=click.Choice(_CLASSES), help="For messages of this class only.")
@click.option(
    "--carrier", "carriers", multiple=True, required=True, metavar="NAME", help="A carrier; repeated, in their order."
)
@with_session
def add(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    channel: str,
    account_id: int | None,
    prefix: str,
    sender: str | None,
    traffic_class: str | None,
    carriers: tuple[str, ...],
) -> None:
    """Send traffic over carriers, in an order.

    The first that can take a message does, and when it can't, the next.

    Of the routes that fit a message the most specific one decides: an account's own before everybody's, then one with
    its sender, then one with its class, then the longest prefix. Where there is any route on a channel, what fits none
    is not sent.

    For example, everything over two carriers, Greece over another one, and passwords of account 1 over the best:

        carillon route add --carrier main --carrier backup

        carillon route add --prefix 30 --carrier athens

        carillon route add --account 1 --class otp --carrier best --carrier main
    """
    command = AddRoute(
        channel=channel,
        carriers=carriers,
        prefix=prefix,
        sender=sender,
        traffic_class=_class(traffic_class),
    )

    async def work(db: "Database") -> Route:
        route = await db.run(add_route, await caller(db, account_id), command)
        await followed()
        return route

    route = session.run(work)
    session.answer(
        {"route_id": route.route_id}, f"Route {route.route_id}: {_described(route)} over {', '.join(route.carriers)}."
    )


@group.command("list")
@_account
@with_session
def list_(session: Session, *, account_id: int | None) -> None:
    """List all routes, or those that an account's traffic may take. Account 0 is everybody's.

    For example:

        carillon route list --account 1
    """

    async def read(db: "Database") -> list[Route]:
        return await db.read(list_routes, await caller(db, account_id), ListRoutes())

    routes = session.run(read)
    rows = [_row(route) for route in routes]
    none = "There is no route: all carriers of a channel are tried in the order of their making."
    session.answer(routes, table(rows, none))


@group.command
@click.argument("route_id", type=Id())
@_account
@with_session
def delete(session: Session, *, route_id: int, account_id: int | None) -> None:
    """Delete the route ROUTE_ID. What was accepted before goes on to the carrier that it chose.

    For example:

        carillon route delete 3
    """

    async def work(db: "Database") -> None:
        await db.run(delete_route, await caller(db, account_id), DeleteRoute(route_id=route_id))
        await followed()

    session.run(work)
    session.answer({"route_id": route_id}, f"Route {route_id} is deleted.")


@group.command
@account_option()
@click.option("--to", "address", required=True, metavar="ADDRESS", help="A number, national or with +, or an e-mail.")
@_channel
@click.option("--sender", default="", metavar="S", help="The sender. [default: one that no route names]")
@click.option(
    "--class",
    "traffic_class",
    type=click.Choice(_CLASSES),
    default="transactional",
    show_default=True,
    help="The class.",
)
@with_session
def why(  # noqa: PLR0913 - one for each flag
    session: Session, *, account_id: int, address: str, channel: str, sender: str, traffic_class: str
) -> None:
    """Say which carriers a message would go over, and why.

    For example:

        carillon route why --account 1 --to 0521234567 --class otp
    """

    async def work(db: "Database") -> Explanation:
        actor = await open_actor(db, account_id)
        health = Health()
        health.set_others(await db.read(read_health, NOBODY))
        routing = await db.read(load_routing, actor.account_id, channel)
        question = Explain(
            address=_address(address, channel, actor.country),
            sender=sender,
            traffic_class=TrafficClass[traffic_class.upper()],
        )
        return explain(routing, health, question)

    found = session.run(work)
    order = ", then ".join(found.carriers) if found.carriers else "no carrier: the message would be excluded (no_route)"
    session.answer(found, [f"Over {order}." if found.carriers else f"To {order}.", *found.reasons])


def _address(given: str, channel: str, country: str) -> str:
    """Read an address as a send does. Raises InvalidInputError."""
    if channel == "email":
        email = read_email(given)
        if email is None:
            raise InvalidInputError("to", "This is no e-mail address.")
        return email.key
    reading = read_phone(given, country)
    if reading is None:
        raise InvalidInputError("to", f"This is no phone number, read as in {country} or international with a plus.")
    return reading.digits


def _class(name: str | None) -> TrafficClass | None:
    return None if name is None else TrafficClass[name.upper()]


def _described(route: Route) -> str:
    whose = f"account {route.account_id}" if route.account_id else "every account"
    sender = f", sender {route.sender}" if route.sender is not None else ""
    of_class = "" if route.traffic_class is None else f", class {route.traffic_class.name.lower()}"
    to = f"numbers of {route.prefix}" if route.prefix else "any address"
    return f"{route.channel} of {whose}{sender}{of_class} to {to}"


def _row(route: Route) -> dict[str, object]:
    return {
        "route_id": route.route_id,
        "account": route.account_id,
        "channel": route.channel,
        "prefix": route.prefix or None,
        "sender": route.sender,
        "class": None if route.traffic_class is None else route.traffic_class.name.lower(),
        "carriers": route.carriers,
    }
