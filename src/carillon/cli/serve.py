"""`carillon serve`."""

import asyncio
import gc
import signal
import socket
import sys
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import click
import msgspec
import uvicorn
import uvloop

from carillon.app import create_app
from carillon.background import background_of
from carillon.cli.demo import demo_file, make_demo, welcome
from carillon.cli.phones import DemoPhones, demo_actor
from carillon.dialects.registry import DIALECTS
from carillon.errors import InvalidInputError
from carillon.http.connections import Connections, Limits, most_connections
from carillon.http.server import Server, protocol_of
from carillon.logs import configure_logging
from carillon.message_metrics import MessageMetrics
from carillon.metrics import Metrics
from carillon.otp_metrics import OtpMetrics
from carillon.runtime import Runtime, note_address, open_runtime
from carillon.settings import Settings, load_settings
from carillon.workers.host import run_background
from carillon.workers.shape import Background, Service

# A caller that has hung up its end, or never reads, must not keep the server from stopping.
_SHUTDOWN_SECONDS = 10
# Uvicorn's own 5 seconds close connections that a client's pool is just about to use again.
_IDLE_SECONDS = 75
_WORKS = "Carillon processes what API processes accept"


@click.command
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the embedded database. [default: data]",
)
@click.option("--database-url", metavar="URL", help="A PostgreSQL server of your own, instead of the embedded one.")
@click.option("--control-url", metavar="URL", help="The coordinator, where that server is another node of Citus.")
@click.option("--config", type=click.Path(dir_okay=False, path_type=Path), help="A settings file.")
@click.option("--host", help="The address to listen on. [default: 127.0.0.1]")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one. [default: 8080]")
@click.option(
    "--role",
    type=click.Choice(["all", "api", "worker"]),
    help="Answer calls, process queued work, or both. [default: all]",
)
def serve(config: Path | None, **flags: object) -> None:
    """Answer API calls and process what they queue.

    On an empty folder it starts PostgreSQL there, makes a demo account and prints calls that work.

    For example, to try it out, to choose folder and port, and on a PostgreSQL of your own:

        carillon serve

        carillon serve --data-dir /srv/carillon --port 9000

        carillon serve --role api --database-url postgresql://me:secret@host/db
    """
    settings = load_settings(flags, config=config)
    configure_logging(settings.log_level, settings.log_format)
    uvloop.run(_serve(settings))


def tune_garbage_collector() -> None:
    """Keep the garbage collector from walking all that was made for good, and from starting anew every few rows.

    An upload of thousands of rows makes a hundred thousand objects, none of them in a cycle; looking for one took a
    fifth of the process's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


async def _serve(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    port = settings.port if settings.role != "worker" else settings.worker_port
    async with AsyncExitStack() as stack:
        listener = None if port is None else stack.enter_context(_listener(settings.host, port))
        if listener is not None and settings.role != "worker":
            # Short links begin with the port that was taken.
            settings = msgspec.structs.replace(settings, port=listener.getsockname()[1])
        runtime = await stack.enter_async_context(open_runtime(settings))
        if settings.role != "worker":
            note_address(settings)
        if settings.database_url is None:
            await make_demo(runtime)
        messages = runtime.db.process_state(MessageMetrics)
        messages.watch_windows(runtime.carriers.windows)
        metrics = Metrics(messages, runtime.db.process_state(OtpMetrics))
        tune_garbage_collector()
        async with asyncio.TaskGroup() as tasks:
            poll_seconds = settings.worker_poll_seconds
            background = await _background(runtime)
            tasks.create_task(run_background(runtime.db, background, metrics.work, stopping, poll_seconds=poll_seconds))
            if listener is not None:
                tasks.create_task(_answer(runtime, metrics, listener, stopping))
            else:
                click.echo(f"{_WORKS}.  (Ctrl-C stops it)")


async def _background(runtime: Runtime) -> Background:
    """Return what is run beside answering; on a terminal, with what the demo account's phones get."""
    background = background_of(runtime)
    if not (sys.stdout.isatty() and demo_file(runtime).exists()):
        return background
    actor = await demo_actor(runtime.db)
    if actor is None:
        return background
    phones = Service(name="demo_phones", run=DemoPhones(runtime.db, actor, click.echo).run)
    return replace(background, services=[*background.services, phones])


def _listener(host: str, port: int) -> socket.socket:
    """Take the port before anything else is begun."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InvalidInputError(
            "port", f"{host}:{port} can't be listened on ({error.strerror}): choose another --port, or CARILLON_PORT."
        ) from error
    return listener


async def _answer(runtime: Runtime, metrics: Metrics, listener: socket.socket, stopping: asyncio.Event) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    settings = runtime.settings
    is_worker = settings.role == "worker"
    connections = Connections(
        Limits(
            connections=most_connections(settings.max_connections),
            per_address=settings.max_connections_per_address,
            proxies=settings.trusted_proxies,
            idle_seconds=_IDLE_SECONDS,
        )
    )
    app = create_app(runtime, metrics=metrics, dialects=() if is_worker else DIALECTS)
    server = Server(
        uvicorn.Config(
            app,
            loop="none",
            http=protocol_of(connections, app.at_once),
            lifespan="on",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
            timeout_keep_alive=_IDLE_SECONDS,
        ),
        [f"{_WORKS}, its metrics on {url}/metrics  (Ctrl-C stops it)"] if is_worker else welcome(runtime, url),
        connections,
    )
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.create_task(stopping.wait())
    await asyncio.wait([serving, stopped], return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopped.cancel()
    await serving
    stopping.set()
