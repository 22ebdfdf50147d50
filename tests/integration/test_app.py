"""The application around the dialects: health, metrics, limits, failures, real sockets."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import uvicorn
from structlog.testing import capture_logs
from tests.support import Cluster, Tenant, new_key

from carillon.app import create_app
from carillon.db import retries
from carillon.db.database import Database
from carillon.dialects.contract import Services
from carillon.dialects.registry import DIALECTS
from carillon.errors import UnavailableError
from carillon.http.request import Reply, Request
from carillon.http.site import Endpoint
from carillon.kit.clock import FixedClock
from carillon.logs import add_request_id, describe_exception
from carillon.metrics import Metrics
from carillon.outbound.client import HttpClient
from carillon.runtime import Runtime, compose
from carillon.settings import Settings
from carillon.tenancy.credentials import create_credential

FUNCTION = "/api/v2/Contact/GetGroupList"


@pytest.fixture
def runtime(db: Database, clock: FixedClock, tmp_path: Path) -> Runtime:
    assert db.clock is clock
    return compose(Settings(data_dir=tmp_path, max_body_bytes=10_000), db, HttpClient())


@pytest.fixture
async def credential(runtime: Runtime, account: Tenant) -> tuple[str, str]:
    command = new_key("inforu")
    made = await runtime.db.run(create_credential, account.actor, command, runtime.secret_box)
    return made.parts["username"], made.parts["token"]


def client_of(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://carillon.example")


@pytest.fixture
async def client(runtime: Runtime) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(runtime)) as client:
        yield client


async def test_healthz_and_readyz_say_ok(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        reply = await client.get(path)
        assert (reply.status_code, reply.json()) == (200, {"status": "ok"})


async def test_monitors_may_ask_by_head(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for path in ("/", "/docs", "/healthz", "/readyz", "/metrics", "/schema/openapi.json"):
            asked, read = await client.head(path), await client.get(path)
            assert (asked.status_code, asked.content) == (200, b"")
            assert asked.headers["content-type"] == read.headers["content-type"]


async def test_a_process_whose_database_is_gone_is_alive_and_not_ready(runtime: Runtime) -> None:
    await runtime.db.close()
    async with client_of(create_app(runtime)) as client:
        assert (await client.get("/healthz")).status_code == 200
        reply = await client.get("/readyz")
        assert (reply.status_code, reply.json()) == (503, {"status": "unavailable"})


async def test_a_process_that_reaches_its_own_node_alone_is_degraded(
    runtime: Runtime, cluster: Cluster, template: str, dsn: str, clock: FixedClock
) -> None:
    coordinator = await cluster.create(template)
    db = await Database.connect(dsn, control_dsn=cluster.dsn(coordinator), clock=clock)
    try:
        async with client_of(create_app(replace(runtime, db=db))) as client:
            assert (await client.get("/readyz")).json() == {"status": "ok"}
            await cluster.drop(coordinator)
            reply = await client.get("/readyz")
            assert (reply.status_code, reply.json()) == (200, {"status": "degraded", "failing": ["control"]})
            async with db.transaction() as tx:
                await tx.execute("ALTER TABLE account RENAME TO account_out_of_reach")
            reply = await client.get("/readyz")
            assert (reply.status_code, reply.json()["failing"]) == (200, ["control", "accounts"])
    finally:
        await db.close()


async def test_a_schema_without_what_this_version_needs_is_not_ready(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    async with runtime.db.transaction() as tx:
        await tx.execute("DELETE FROM schema_migration")
    reply = await client.get("/readyz")
    assert (reply.status_code, reply.json()) == (503, {"status": "schema_mismatch"})


async def test_a_process_stays_ready_when_a_newer_version_has_prepared_the_schema(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    async with runtime.db.transaction() as tx:
        await tx.execute("INSERT INTO schema_migration VALUES ('9999_pre_future', $1)", tx.now)
    assert (await client.get("/readyz")).status_code == 200


async def test_unknown_paths_and_methods_answer_plain_json(client: httpx.AsyncClient) -> None:
    reply = await client.post("/nowhere", json={})
    assert reply.status_code == 404
    assert reply.json() == {"status": 404, "error": "Not Found", "request_id": reply.headers["x-request-id"]}
    assert (await client.put(FUNCTION, json={})).status_code == 405


@pytest.mark.parametrize("path", [f"/{FUNCTION}", FUNCTION.replace("/v2/", "//v2///"), f"{FUNCTION}//"])
async def test_doubled_slashes_are_single_ones(
    client: httpx.AsyncClient, credential: tuple[str, str], path: str
) -> None:
    reply = await client.post(f"http://carillon.example{path}", json={}, auth=credential)
    assert (reply.status_code, reply.json()["StatusId"]) == (200, 1)
    assert (await client.get(f"http://carillon.example{path}")).status_code == 200


async def test_metrics_count_by_dialect_function_and_status(runtime: Runtime, credential: tuple[str, str]) -> None:
    metrics = Metrics()
    async with client_of(create_app(runtime, metrics=metrics)) as client:
        await client.post(FUNCTION, json={}, auth=credential)
        await client.post(FUNCTION.lower(), json={}, auth=credential)
        await client.post(FUNCTION, json={})
        await client.get("/nowhere/0521110001")
        metrics.work.done("uploads", 5000, 0.5)
        reply = await client.get("/metrics")
    assert reply.headers["content-type"].count("charset") == 1
    lines = reply.text.splitlines()
    assert 'carillon_requests_total{dialect="inforu",function="GetGroupList",status="200"} 2.0' in lines
    assert 'carillon_requests_total{dialect="inforu",function="GetGroupList",status="401"} 1.0' in lines
    assert 'carillon_requests_total{dialect="none",function="none",status="404"} 1.0' in lines
    assert 'carillon_request_seconds_count{dialect="inforu",function="GetGroupList"} 3.0' in lines
    assert 'carillon_work_units_total{worker="uploads"} 5000.0' in lines
    assert "0521110001" not in reply.text


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused_in_the_dialects_envelope(
    client: httpx.AsyncClient, credential: tuple[str, str], *, announced: bool
) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(11):
            yield b" " * 1000

    content: Any = b" " * 11_000 if announced else chunks()
    reply = await client.post(FUNCTION, content=content, auth=credential)
    body = reply.json()
    assert (reply.status_code, body["StatusId"], body["Data"]) == (413, -413, None)
    assert (await client.post(FUNCTION, content=b" " * 10_000, auth=credential)).json()["StatusId"] == 1


async def test_a_missing_database_is_told_as_unavailable(
    runtime: Runtime, credential: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "RETRY_SECONDS", 0.5)
    await runtime.db.close()
    async with client_of(create_app(runtime)) as client:
        reply = await client.post(FUNCTION, json={}, auth=credential)
    assert (reply.status_code, reply.json()["StatusId"]) == (503, -503)
    assert int(reply.headers["retry-after"]) > 0


async def failing(_services: Services, _request: Request) -> Reply:
    raise ValueError("0521110001 is somebody's phone")


@pytest.fixture
def log() -> Iterator[list[Any]]:
    """What is logged, with what the server's log makes of exceptions."""
    with capture_logs([add_request_id, describe_exception]) as lines:
        yield lines


async def test_an_unforeseen_failure_is_logged_without_its_words_and_told_as_ours(
    runtime: Runtime, log: list[Any]
) -> None:
    broken = replace(
        DIALECTS[0], routes=[Endpoint(method="POST", path=FUNCTION, function="GetGroupList", handle=failing)]
    )
    async with client_of(create_app(runtime, dialects=[broken])) as client:
        body = {"Data": {"Value": "tal@example.com"}}
        reply = await client.post(FUNCTION, json=body, headers={"X-Request-Id": "trace-7"}, auth=("user", "s3cret"))
    assert (reply.status_code, reply.json()["StatusId"], reply.json()["DetailedDescription"]) == (500, -500, "")
    failure, request = log
    assert (failure["event"], failure["request_id"], failure["log_level"]) == ("request_failed", "trace-7", "error")
    assert "builtins.ValueError" in failure["exception"]
    assert (request["event"], request["status"], request["request_id"]) == ("request", 500, "trace-7")
    for private in ("0521110001", "tal@example.com", "s3cret", "user"):
        assert private not in str(log)


@pytest.mark.parametrize(
    ("chosen", "is_kept"), [("", False), ("trace-7", False), ("EFF655D8-0cb6-47b3-8828-96e1b80b55af", True)]
)
async def test_a_report_code_is_a_uuid_that_the_log_has_whatever_id_the_caller_chooses(
    client: httpx.AsyncClient, log: list[Any], chosen: str, *, is_kept: bool
) -> None:
    reply = await client.get("/services/api/v1/list", headers={"X-Request-Id": chosen})
    request_id, code = reply.headers["x-request-id"], reply.json()["error_report_code"]
    assert str(UUID(code)) == code.lower()
    assert (request_id == (chosen or code), code == chosen) == (True, is_kept)
    (line,) = log
    assert (line["request_id"], line.get("report_id", line["request_id"])) == (request_id, code)


async def test_a_failing_service_is_logged_with_its_own_words(runtime: Runtime, log: list[Any]) -> None:
    async def unavailable(_services: Services, _request: Request) -> Reply:
        raise UnavailableError("The database failed 5 times.")

    broken = replace(DIALECTS[0], routes=[Endpoint(method="POST", path=FUNCTION, function="x", handle=unavailable)])
    async with client_of(create_app(runtime, dialects=[broken])) as client:
        reply = await client.post(FUNCTION, json={})
    assert reply.status_code == 503
    assert "The database failed 5 times." in log[0]["exception"]
    assert "The database failed" not in reply.text


async def test_a_request_is_logged_without_the_callers_words(client: httpx.AsyncClient, log: list[Any]) -> None:
    query = "json=%7B%22phone%22:%220521110001%22"
    await client.post(f"{FUNCTION}?{query}", json={"x": "tal@example.com"}, auth=("user", "x"))
    (line,) = log
    assert line.keys() == {"event", "log_level", "request_id", "dialect", "function", "status", "milliseconds"}
    assert (line["dialect"], line["function"], line["status"]) == ("inforu", "GetGroupList", 401)


async def test_polls_of_health_are_for_the_debug_log(client: httpx.AsyncClient, log: list[Any]) -> None:
    await client.get("/healthz")
    await client.get("/nowhere")
    assert [line["log_level"] for line in log] == ["debug", "info"]


@pytest.fixture
async def port(runtime: Runtime) -> AsyncIterator[int]:
    """A real server on a real socket."""
    config = uvicorn.Config(create_app(runtime), port=0, log_config=None, loop="none", lifespan="off")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def test_the_application_serves_on_a_real_socket(port: int, credential: tuple[str, str]) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        reply = await client.post("/API/v2/contact/getgrouplist/", json={}, auth=credential)
        assert (reply.status_code, reply.json()["FunctionName"]) == (200, "API/v2/contact/getgrouplist")
        page = await client.get(f"{FUNCTION}?view=xml")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        large = await client.post(FUNCTION, content=b"x" * 2_000_000, auth=credential)
        assert (large.status_code, large.json()["StatusId"]) == (413, -413)


async def test_a_caller_that_hangs_up_in_its_body_does_no_harm(port: int, credential: tuple[str, str]) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"POST {FUNCTION} HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\n{{".encode())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        assert (await client.post(FUNCTION, json={}, auth=credential)).status_code == 200


async def test_the_address_itself_opens_as_a_page_with_first_calls_and_runs_no_script(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    reply = await client.get("/")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "<script" not in reply.text
    documentation = ["/docs/index.md", *(f"/docs/dialects/{one.name}.md" for one in DIALECTS)]
    for path in ("/healthz", "/readyz", "/metrics", "/schema/openapi.json", *documentation):
        assert f'href="{path}"' in reply.text
        assert (await client.get(path)).status_code == 200
    for dialect in DIALECTS:
        assert escape(dialect.first_calls("http://carillon.example")[0], quote=False) in reply.text
    assert "carillon credential create" in reply.text
    (runtime.settings.data_dir / "demo.env").touch()
    assert f"set -a; . {runtime.settings.data_dir / 'demo.env'};" in (await client.get("/")).text


async def test_the_documentation_opens_as_pages_and_nothing_else_of_the_folder(client: httpx.AsyncClient) -> None:
    assert (await client.get("/docs")).text == (await client.get("/docs/")).text
    assert (await client.get("/docs")).text == (await client.get("/docs/index.md")).text
    reply = await client.get("/docs/how-to/import-a-file.md")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    for path in ("/docs/none.md", "/docs/generate.py", "/docs/%2e%2e/pyproject.toml", "/docs//etc/passwd"):
        assert (await client.get(path)).status_code == 404


async def test_a_host_that_is_none_is_not_in_the_lines_to_copy(client: httpx.AsyncClient) -> None:
    reply = await client.get("/", headers={"Host": "x;reboot"})
    assert "reboot" not in reply.text
