"""The composition root, put together for real."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec.structs import replace
from tests.integration.scripted_http import OK, replying, serving
from tests.support import OPERATOR, Cluster, Tenant, new_key

from carillon.db.database import Database, Tx
from carillon.errors import InvalidInputError, UnavailableError
from carillon.kit.clock import FixedClock
from carillon.links.shorten import Shorten, shorten
from carillon.outbound.exchange import HttpRequest, OutboundError
from carillon.runtime import note_address, open_database, open_runtime
from carillon.settings import Settings, load_settings
from carillon.tenancy.accounts import ListAccounts, list_accounts
from carillon.tenancy.authentication import Login
from carillon.tenancy.credentials import create_credential


def settings_for(dsn: str, place: Path, **flags: object) -> Settings:
    return load_settings({"database_url": dsn, "data_dir": place / "data", **flags}, environment={})


async def setting(db: Database, name: str) -> str:
    async def show(tx: Tx) -> str:
        return str(await tx.fetchval("SELECT current_setting($1)", name))

    return await db.read(show)


async def test_a_runtime_lets_in_whom_it_has_made_a_credential_for(
    dsn: str, account: Tenant, clock: FixedClock, tmp_path: Path
) -> None:
    async with open_runtime(settings_for(dsn, tmp_path), clock=clock) as runtime:
        command = new_key("apifon")
        made = await runtime.db.run(create_credential, account.actor, command, runtime.secret_box)
        login = Login(
            dialect="apifon",
            key_name=made.parts["client_id"],
            secret=made.parts["client_secret"],
            remote_address="192.0.2.7",
        )
        actor = await runtime.authenticator.authenticate(login)
    assert actor.account_id == account.account_id
    assert (tmp_path / "data" / "secret.key").exists()


@pytest.mark.parametrize(
    ("flags", "begins"),
    [({}, "http://127.0.0.1:9123/l/"), ({"link_url": "https://s.example"}, "https://s.example/")],
)
async def test_links_that_a_command_makes_begin_where_the_folders_server_is(
    dsn: str, account: Tenant, tmp_path: Path, flags: dict[str, str], begins: str
) -> None:
    settings = settings_for(dsn, tmp_path, **flags)
    async with open_runtime(settings):
        note_address(replace(settings, port=9123))
    async with open_database(settings) as db:
        (url,) = await shorten(db, account.actor, Shorten(urls=["https://shop.example"]))
    assert url is not None
    assert url.startswith(begins)


async def test_an_empty_database_gets_its_schema(empty_dsn: str, tmp_path: Path) -> None:
    for _ in range(2):
        async with open_database(settings_for(empty_dsn, tmp_path), create=True) as db:
            assert (await db.read(list_accounts, OPERATOR, ListAccounts())).items == []


async def test_the_settings_reach_the_database(dsn: str, tmp_path: Path, clock: FixedClock) -> None:
    settings = settings_for(dsn, tmp_path, statement_timeout_seconds=7.5, control_url=dsn)
    async with open_database(settings, clock=clock) as db:
        assert await setting(db, "statement_timeout") == "7500ms"
        assert db.clock is clock


async def test_outgoing_calls_reach_what_the_settings_allow_and_end_with_the_runtime(dsn: str, tmp_path: Path) -> None:
    async with serving(replying(OK)) as server:
        request = HttpRequest(method="GET", url=server.url)
        async with open_runtime(settings_for(dsn, tmp_path)) as runtime:
            with pytest.raises(OutboundError):
                await runtime.outbound.send(request)
        async with open_runtime(settings_for(dsn, tmp_path, outbound_allow="127.0.0.1/32")) as runtime:
            assert (await runtime.outbound.send(request)).body == b"ok"
            assert (server.connections, server.closed) == (1, 0)
        await server.until_closed(1)


async def test_connections_are_closed_also_when_the_work_fails(dsn: str, cluster: Cluster, tmp_path: Path) -> None:
    async def work() -> None:
        async with open_runtime(settings_for(dsn, tmp_path)):
            raise InvalidInputError("anything", "No.")

    with pytest.raises(InvalidInputError):
        await work()
    # PostgreSQL renames only a database that nobody is connected to; it waits a moment for those that are leaving.
    name = urlsplit(dsn).path[1:]
    await cluster.admin.execute(f'ALTER DATABASE "{name}" RENAME TO "{name}_free"')
    await cluster.admin.execute(f'ALTER DATABASE "{name}_free" RENAME TO "{name}"')


async def test_a_database_that_is_not_there_is_unavailable(dsn: str, tmp_path: Path) -> None:
    async def work(url: str) -> None:
        async with open_database(settings_for(url, tmp_path)):
            pass

    for url in ("postgresql://nobody@127.0.0.1:1/x", dsn.replace("carillon_test_", "carillon_absent_")):
        with pytest.raises(UnavailableError):
            await work(url)
