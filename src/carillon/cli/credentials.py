"""`carillon credential`."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from carillon.cli.options import Id, Moment, account_option, audience_option
from carillon.cli.session import Session, open_actor, table, with_session
from carillon.dialects.registry import CREDENTIAL_FORMAT
from carillon.kit.traffic import TrafficClass
from carillon.tenancy.credentials import (
    CreateCredential,
    Credential,
    ListCredentials,
    NewCredential,
    RevokeCredential,
    create_credential,
    list_credentials,
    revoke_credential,
)
from carillon.tenancy.scopes import Scope
from carillon.tenancy.secrets import SecretBox

if TYPE_CHECKING:
    from carillon.db.database import Database


@click.group
def group() -> None:
    """Create, list and revoke the keys of API clients."""


@group.command
@account_option()
@click.option(
    "--dialect",
    type=click.Choice(sorted(CREDENTIAL_FORMAT)),
    required=True,
    help="Whose API the client speaks.",
)
@audience_option(
    "The only audience that it reaches.",
    default="all of them as Apifon's and Devino's lists; the default one in the other dialects",
)
@click.option("--scopes", metavar="A,B", default="", help=f"Limit it to some of {', '.join(Scope)}. [default: all]")
@click.option(
    "--allow", "networks", multiple=True, metavar="CIDR", help="Let it in from this network only; may be repeated."
)
@click.option(
    "--rate", type=float, metavar="N", help="Calls per second, 0 for no limit. [default: as the vendor has it]"
)
@click.option(
    "--traffic",
    type=click.Choice([one.name.lower() for one in TrafficClass]),
    help="What its messages are for, where a call can't say it (360NRS). [default: transactional]",
)
@click.option("--im-sender", metavar="S", help="The sender of its instant messages that name none (Apifon).")
@click.option("--im-channel", metavar="ID", help="The channel of its instant messages that name none (Apifon).")
@click.option("--expires", type=Moment(), metavar="TIME", help="Refuse it from then on (ISO 8601; UTC unless said).")
@with_session
def create(  # noqa: PLR0913 - one for each flag
    session: Session,
    *,
    account_id: int,
    dialect: str,
    audience_id: int | None,
    scopes: str,
    networks: tuple[str, ...],
    rate: float | None,
    traffic: str | None,
    im_sender: str | None,
    im_channel: str | None,
    expires: datetime | None,
) -> None:
    """Create a key for an API client, and print it, this once.

    For example:

        carillon credential create --account 1 --dialect inforu --rate 10
    """
    command = CreateCredential(
        dialect=dialect,
        key_format=CREDENTIAL_FORMAT[dialect],
        audience_id=audience_id,
        scopes=[scope.strip() for scope in scopes.split(",") if scope.strip()],
        allowed_networks=networks,
        calls_per_second=rate,
        expires_at=expires,
        traffic_class=None if traffic is None else TrafficClass[traffic.upper()],
        im_sender=im_sender,
        im_channel=im_channel,
    )
    box = SecretBox(session.settings.secret_key_path)

    async def make(db: "Database") -> NewCredential:
        actor = await open_actor(db, account_id)
        return await db.run(create_credential, actor, command, box)

    made = session.run(make)
    width = max(map(len, made.parts))
    session.answer(
        {"credential_id": made.credential_id, **made.parts},
        [
            f"Credential {made.credential_id}. Keep what follows: it can't be shown again.",
            *(f"{name.ljust(width)}  {value}" for name, value in made.parts.items()),
        ],
    )


@group.command("list")
@account_option()
@with_session
def list_(session: Session, *, account_id: int) -> None:
    """List an account's credentials, without their secrets.

    For example:

        carillon credential list --account 1
    """

    async def read(db: "Database") -> list[Credential]:
        actor = await open_actor(db, account_id)
        return await db.read(list_credentials, actor, ListCredentials())

    credentials = session.run(read)
    rows = [asdict(credential) for credential in credentials]
    session.answer(credentials, table(rows, f"Account {account_id} has no credential yet."))


@group.command
@account_option()
@click.argument("credential_id", type=Id())
@with_session
def revoke(session: Session, *, account_id: int, credential_id: int) -> None:
    """Take the credential CREDENTIAL_ID back for good; its client is refused within seconds.

    For example:

        carillon credential revoke --account 1 3
    """

    async def take_back(db: "Database") -> None:
        actor = await open_actor(db, account_id)
        await db.run(revoke_credential, actor, RevokeCredential(credential_id=credential_id))

    session.run(take_back)
    session.answer({"credential_id": credential_id}, f"Credential {credential_id} is revoked.")
