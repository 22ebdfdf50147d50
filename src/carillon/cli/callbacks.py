"""`carillon callback`."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from carillon.cli.options import Id, account_option
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.events.endpoints import Endpoint, list_endpoints
from carillon.events.replay import Replay, replay

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """See which callbacks wait or have failed, and tell them again."""


@group.command("list")
@account_option()
@with_session
def list_(session: Session, *, account_id: int) -> None:
    """List the endpoints that an account's events are told to.

    An endpoint is told in order: while its server fails, what comes later waits behind the first that it refuses.
    failures are the attempts in a row that failed, due_at is the next one. A callback that was tried as often as the
    vendor's reference says has failed; `carillon callback replay` tells it again. Parameters of a URL are not
    shown, as they may be secrets.

    For example:

        carillon callback list --account 1
    """

    async def read(db: "Database") -> list[Endpoint]:
        actor = await open_actor(db, account_id)
        return await db.read(list_endpoints, actor)

    endpoints = session.run(read)
    rows = [{**asdict(one), "url": one.url.partition("#")[0].partition("?")[0]} for one in endpoints]
    session.answer(rows, table(rows, f"Nobody has asked for callbacks of account {account_id} yet."))


@group.command("replay")
@account_option()
@click.option(
    "--after",
    type=click.IntRange(min=0),
    required=True,
    metavar="SEQUENCE",
    help="Only events after this number (`carillon events` shows them); 0 is all.",
)
@click.option("--endpoint", "endpoint_id", type=Id(), metavar="ID", help="Only this endpoint's. [default: all]")
@click.option("--all", "everything", is_flag=True, help="Also what was delivered, or never told: to --endpoint.")
@with_session
def replay_(session: Session, *, account_id: int, after: int, endpoint_id: int | None, everything: bool) -> None:
    """Tell events again: those whose callback has failed, or all.

    They are told in the order of their numbers, by the running server, and have all their attempts before them.

    For example, when a shop's server has been down for a day:

        carillon callback replay --account 1 --after 0

    And when that server has lost what it was told after event 12000:

        carillon callback replay --account 1 --after 12000 --endpoint 1 --all
    """

    async def run(db: "Database") -> int:
        actor = await open_actor(db, account_id)
        callbacks = 0
        go_on_after: int | None = after
        while go_on_after is not None:
            command = Replay(after=go_on_after, endpoint_id=endpoint_id, everything=everything)
            replayed = await db.run(replay, actor, command)
            callbacks += replayed.callbacks
            go_on_after = replayed.go_on_after
        return callbacks

    callbacks = session.run(run)
    wait = "1 callback waits" if callbacks == 1 else f"{callbacks} callbacks wait"
    session.answer({"callbacks": callbacks}, f"{wait} to be told again.")
