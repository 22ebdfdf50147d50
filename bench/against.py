"""Paces of one checkout against another one: what a change costs.

    python -m bench.against /path/of/the/other/checkout [--rows 500000] [--requests 20] [--rounds 5] [--only NAME …]

Both have been installed (`make install`). A server of each runs, and every measurement is taken of the one and of the
other in turns, in another order each round: a file imported by the command, InforU's uploads, Apifon's bulk, Devino's
batch, single creates, GetContact by phone. Each line ends with the median of the rounds' ratios, this checkout's pace
to the other's: above 1 is faster.
"""

import argparse
import random
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncpg
import uvloop
from bench.corpus import write_file
from bench.dialects import empty, median_time, phone, write_batches, write_singles
from bench.inforu_http import Client, load
from bench.served import CARILLON, Served, served

LOOKUPS, LOOKUPS_BEFORE, CONTACTS = 2_000, 500, 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A checkout's server, and a connection to its database."""

    server: Served
    connection: asyncpg.Connection


Measurement = Callable[[Side], Awaitable[float]]


async def import_file(side: Side, file: Path) -> float:
    """Import a file into a new account by the command; rows a second."""
    account = side.server.command("account", "create", "Bench", "--country", "IL")["account_id"]
    report = side.server.command("import", file, "--account", account)
    await empty(side.connection)
    return float(str(report["rows"])) / float(str(report["seconds"]))


async def look_up(side: Side) -> float:
    """Look up contacts of a new account, one after another; lookups a second, by their median time."""
    account_id, audience_id, username, token = side.server.account()
    await load(side.connection, account_id, audience_id, None, CONTACTS)
    client, draw = Client(side.server, username, token), random.Random(11)  # noqa: S311 - samples
    values = [f"0{phone(draw.randrange(CONTACTS))[3:]}" for _ in range(LOOKUPS_BEFORE + LOOKUPS)]
    requests = [client.request("GetContact", {"Type": "Phone", "Value": one}) for one in values]
    pace = 1 / median_time(client, requests, b'"Count":1', LOOKUPS_BEFORE)
    await empty(side.connection)
    return pace


async def batches(side: Side, dialect: str, requests: int) -> float:
    """Bring rows through a dialect; rows a second."""
    return await write_batches(side.server, side.connection, dialect, requests)


async def singles(side: Side, dialect: str) -> float:
    """Create contacts one a call; contacts a second."""
    return await write_singles(side.server, side.connection, dialect)


def measurements(file: Path, requests: int) -> Mapping[str, Measurement]:
    """Name what is measured."""
    return {
        "import": partial(import_file, file=file),
        "inforu-upload": partial(batches, dialect="inforu", requests=requests),
        "apifon-bulk": partial(batches, dialect="apifon", requests=requests),
        "devino-batch": partial(batches, dialect="devino", requests=requests),
        "inforu-single": partial(singles, dialect="inforu"),
        "nrs-single": partial(singles, dialect="nrs"),
        "apifon-single": partial(singles, dialect="apifon"),
        "get-contact": look_up,
    }


async def compare(sides: Sequence[Side], name: str, measurement: Measurement, rounds: int) -> None:
    """Take a measurement of both sides in turns, and print the ratio."""
    await measurement(sides[0])
    await measurement(sides[1])
    paces: list[tuple[float, float]] = []
    for number in range(rounds):
        order = (0, 1) if number % 2 == 0 else (1, 0)
        taken = {place: await measurement(sides[place]) for place in order}
        paces.append((taken[0], taken[1]))
    ours, others = (statistics.median(column) for column in zip(*paces, strict=True))
    ratios = sorted(one / other for one, other in paces)
    spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
    print(
        f"{name}: {ours:,.0f}/s, the other {others:,.0f}/s: ratio {statistics.median(ratios):.2f} ({spread})",
        flush=True,
    )


async def main_async(arguments: argparse.Namespace) -> None:
    """Start both servers and measure."""
    programs = (CARILLON, arguments.other.resolve() / ".venv" / "bin" / "carillon")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="carillon-bench-")))
        file = folder / "contacts.csv"
        write_file(file, arguments.rows)
        sides = []
        for program in programs:
            server = stack.enter_context(served(program))
            sides.append(Side(server=server, connection=await asyncpg.connect(server.dsn)))
        for name, measurement in measurements(file, arguments.requests).items():
            if not arguments.only or name in arguments.only:
                await compare(sides, name, measurement, arguments.rounds)
        for side in sides:
            await side.connection.close()


def main() -> None:
    """Read the flags and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="the other checkout's folder")
    parser.add_argument("--rows", type=int, default=500_000, help="how many rows the file has")
    parser.add_argument("--requests", type=int, default=20, help="how many batches of 5,000 rows a measurement has")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=[*measurements(Path(), 0)])
    uvloop.run(main_async(parser.parse_args()))


if __name__ == "__main__":
    main()
