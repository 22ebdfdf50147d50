"""`carillon link`."""

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

import click

from carillon.cli.durations import Duration
from carillon.cli.options import account_option
from carillon.cli.session import Session, open_actor, with_session

if TYPE_CHECKING:
    from carillon.db.database import Database
    from carillon.links.domains import LinkDomain


@click.group
def group() -> None:
    """Shorten URLs, see who opens links, and give links a domain."""


@group.command
@account_option()
@click.argument("urls", nargs=-1, required=True, metavar="URL …")
@click.option("--domain", metavar="URL", help="The account's own domain: https://go.shop.example.")
@click.option("--expires-in", type=Duration(), help="The links lead nowhere after that: 30d.")
@with_session
def shorten(
    session: Session, *, account_id: int, urls: tuple[str, ...], domain: str | None, expires_in: timedelta | None
) -> None:
    """Make a short link for each URL.

    For example:

        carillon link shorten --account 1 https://shop.example/spring --expires-in 30d
    """
    from carillon.links.shorten import Shorten, shorten  # noqa: PLC0415 - half a second that `--help` must not take

    async def work(db: "Database") -> list[str | None]:
        actor = await open_actor(db, account_id)
        return await shorten(db, actor, Shorten(urls=urls, domain=domain, expires_in=expires_in))

    made = session.run(work)
    pairs = list(zip(urls, made, strict=True))
    shown = [{"url": url, "short_url": short_url} for url, short_url in pairs]
    session.answer(shown, [short_url or f"{url}: no link leads there." for url, short_url in pairs])


@group.command
@account_option()
@click.argument("sending_id", type=click.UUID)
@with_session
def report(session: Session, *, account_id: int, sending_id: UUID) -> None:
    """Count who has opened the links of a sending, people and machines apart.

    Machines are previewers, scanners and whatever opens links as no person could; unique counts messages.
    name is the placeholder that the link stands for. For example:

        carillon link report --account 1 0195f3a0-5c1e-7a2b-9d3c-1f2e3d4c5b6a
    """
    from carillon.links.reports import clicks_of_sending  # noqa: PLC0415 - as above

    session.list_of(account_id, clicks_of_sending, "Nobody has opened a link of it.", sending_id)


@group.command
@account_option()
@click.argument("which", type=click.Choice(["all", "human"]))
@with_session
def callbacks(session: Session, *, account_id: int, which: str) -> None:
    """Say which clicks callbacks tell of: all, with what has clicked, or those of people alone.

    For example:

        carillon link callbacks human --account 1
    """
    from carillon.links.clicks import tell_human_clicks_only  # noqa: PLC0415 - as above

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        await db.run(tell_human_clicks_only, actor, only=which == "human")

    session.run(work)
    said = "people alone" if which == "human" else "people and machines"
    session.answer({"account_id": account_id, "clicks": which}, f"Callbacks of account {account_id}: {said}.")


@group.group
def domain() -> None:
    """Give an account's links a domain of its own: added here, shown to be the account's, pointed here."""


@domain.command
@account_option()
@click.argument("url")
@with_session
def add(session: Session, *, account_id: int, url: str) -> None:
    """Add the domain URL, and print what its owner has to publish, in either place.

    For example:

        carillon link domain add https://go.shop.example --account 1
    """
    from carillon.links.domains import WELL_KNOWN, add_domain, proof_name  # noqa: PLC0415 - as above

    async def work(db: "Database") -> "LinkDomain":
        actor = await open_actor(db, account_id)
        return await db.run(add_domain, actor, url)

    added = session.run(work)
    session.answer(
        added,
        [
            f"Publish this text at https://{added.host}{WELL_KNOWN} :",
            added.token,
            f'or in DNS: {proof_name(added.host)}. TXT "{added.token}"',
            f"Then: carillon link domain check {added.host} --account {account_id}",
        ],
    )


@domain.command
@account_option()
@click.argument("host")
@with_session
def check(session: Session, *, account_id: int, host: str) -> None:
    """Look for the token at HOST and in DNS, and let links have the host from then on.

    The file or the text may go afterwards. For example:

        carillon link domain check go.shop.example --account 1
    """
    from carillon.links.domains import verify_domain  # noqa: PLC0415 - as above
    from carillon.outbound.client import HttpClient  # noqa: PLC0415 - as above

    async def work(db: "Database") -> "LinkDomain":
        actor = await open_actor(db, account_id)
        async with HttpClient(session.settings.outbound_allow) as client:
            return await verify_domain(db, actor, client, host.lower(), session.settings.dns_server)

    session.answer(session.run(work), f"{host} is account {account_id}'s. Point it here, and links may have it.")


@domain.command("list")
@account_option()
@with_session
def list_(session: Session, *, account_id: int) -> None:
    """List an account's domains. verified_at is when its owner showed that it is the account's.

    For example:

        carillon link domain list --account 1
    """
    from carillon.links.domains import list_domains  # noqa: PLC0415 - as above

    session.list_of(account_id, list_domains, f"Account {account_id} has no domain for links.")


@domain.command
@account_option()
@click.argument("host")
@with_session
def remove(session: Session, *, account_id: int, host: str) -> None:
    """Remove HOST: no new link has it.

    For example:

        carillon link domain remove go.shop.example --account 1
    """
    from carillon.links.domains import remove_domain  # noqa: PLC0415 - as above

    async def work(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        await db.run(remove_domain, actor, host.lower())

    session.run(work)
    session.answer({"host": host}, f"No new link of account {account_id} has {host}.")
