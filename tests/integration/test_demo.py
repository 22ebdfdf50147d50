"""The demo account and its file, whenever the process that makes them dies."""

from pathlib import Path

import pytest
from tests.support import OPERATOR

from carillon.cli.demo import demo_file, make_demo
from carillon.db.database import Database
from carillon.errors import InvalidInputError
from carillon.kit.clock import FixedClock
from carillon.outbound.client import HttpClient
from carillon.runtime import Runtime, compose
from carillon.settings import Settings
from carillon.tenancy.accounts import ListAccounts, list_accounts
from carillon.tenancy.authentication import Login


@pytest.fixture
def runtime(db: Database, clock: FixedClock, tmp_path: Path) -> Runtime:
    assert db.clock is clock
    return compose(Settings(data_dir=tmp_path), db, HttpClient())


def draft_of(runtime: Runtime) -> Path:
    """Where a process that dies right after the commit leaves the credentials."""
    return demo_file(runtime).with_name("demo.env.part")


async def accounts(runtime: Runtime) -> int:
    return len((await runtime.db.read(list_accounts, OPERATOR, ListAccounts())).items)


async def lets_in(runtime: Runtime) -> bool:
    values = dict(line.split("=", 1) for line in demo_file(runtime).read_text().splitlines())
    login = Login(
        dialect="inforu",
        key_name=values["INFORU_USERNAME"],
        secret=values["INFORU_TOKEN"],
        remote_address="192.0.2.10",
        calls_per_second=0,
    )
    return (await runtime.authenticator.authenticate(login)).account_id == 1


async def test_the_demo_account_is_made_once_with_a_file_that_only_its_owner_reads(runtime: Runtime) -> None:
    await make_demo(runtime)
    first = demo_file(runtime).read_text()
    await make_demo(runtime)
    assert (await accounts(runtime), demo_file(runtime).read_text()) == (1, first)
    assert demo_file(runtime).stat().st_mode & 0o777 == 0o600
    assert not draft_of(runtime).exists()
    assert await lets_in(runtime)


async def test_after_a_death_behind_the_commit_the_next_start_gives_the_file_its_name(runtime: Runtime) -> None:
    await make_demo(runtime)
    demo_file(runtime).rename(draft_of(runtime))
    await make_demo(runtime)
    assert await accounts(runtime) == 1
    assert await lets_in(runtime)


async def test_after_a_death_before_the_commit_what_was_written_is_written_anew(runtime: Runtime) -> None:
    draft_of(runtime).write_text("INFORU_USERNAME=nobody\nINFORU_TOKEN=none\n")
    await make_demo(runtime)
    assert demo_file(runtime).stat().st_mode & 0o777 == 0o600
    assert await lets_in(runtime)


async def test_without_a_place_for_the_file_no_account_is_made(runtime: Runtime) -> None:
    draft_of(runtime).mkdir()
    with pytest.raises(InvalidInputError) as refused:
        await make_demo(runtime)
    assert refused.value.field == "data_dir"
    assert await accounts(runtime) == 0


async def test_a_file_that_was_deleted_stays_away(runtime: Runtime) -> None:
    await make_demo(runtime)
    demo_file(runtime).unlink()
    await make_demo(runtime)
    assert not demo_file(runtime).exists()
