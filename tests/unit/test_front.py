"""The front with two sites that are no dialects: what it does for any site."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from random import Random
from typing import Any

import httpx
import pytest
from tests.support import MOMENT

from carillon.errors import CarillonError, InvalidInputError, NoSuchMethodError, NoSuchPathError
from carillon.http.body import BodyBudget
from carillon.http.front import REQUEST_ID, Front
from carillon.http.request import Reply, Request
from carillon.http.site import Endpoint, Site
from carillon.kit.ids import UuidFactory
from carillon.metrics import Metrics

LIMIT = 100
MANY = 50
yielded: list[int] = []


async def show(request: Request) -> Reply:
    text = f"{request.method} {request.segments['code']} {request.query} {(await request.body.read()).decode()}"
    return Reply(status=200, body=text.encode(), media_type="text/plain")


async def refuse(_request: Request) -> Reply:
    raise InvalidInputError("code", "This is no code.")


async def stream(request: Request) -> Reply:
    async def pieces() -> AsyncGenerator[bytes, None]:
        try:
            for number in range(MANY):
                if request.query == "breaks" and number == 2:
                    raise RuntimeError("a secret of ours")
                yielded.append(number)
                yield b"%d\n" % number
        finally:
            yielded.append(-1)

    return Reply(status=200, stream=pieces(), media_type="text/csv")


async def fail(_request: Request) -> Reply:
    raise RuntimeError("a secret of ours")


def present(request: Request, error: CarillonError) -> Reply:
    status = {NoSuchPathError: 404, NoSuchMethodError: 405, InvalidInputError: 422}.get(type(error), 500)
    return Reply(status=status, body=f"{error.code} {request.request_id}".encode(), media_type="text/plain")


def canonical(prefix: str) -> Any:
    return lambda path: path.rstrip("/") if path.startswith(prefix) else None


def site(name: str, prefix: str) -> Site:
    return Site(
        name=name,
        endpoints=[
            Endpoint(method="GET", path=f"{prefix}/{{code}}", function="show", handle=show),
            Endpoint(method="POST", path=f"{prefix}/{{code}}", function="show", handle=show),
            Endpoint(method="POST", path=f"{prefix}/refused/now", function="refuse", handle=refuse),
            Endpoint(method="GET", path=f"{prefix}/streamed/now", function="stream", handle=stream),
            Endpoint(method="POST", path=f"{prefix}/failed/now", function="fail", handle=fail),
        ],
        canonical_path=canonical(prefix),
        present_error=present,
    )


async def behind(scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": scope[REQUEST_ID].encode()})


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    uuids = UuidFactory(Random(7))  # noqa: S311 - frozen on purpose
    sites = [site("links", "/l"), site("callbacks", "/c")]
    front = Front(
        behind, sites, Metrics(), bodies=BodyBudget(8 * LIMIT, LIMIT), new_request_id=lambda: uuids.make_text(MOMENT)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(front), base_url="http://carillon.example") as made:
        yield made


@pytest.mark.parametrize("prefix", ["/l", "/c"])
async def test_each_site_answers_its_own_paths(client: httpx.AsyncClient, prefix: str) -> None:
    reply = await client.post(f"{prefix}//a%2Fb/?x=1", content=b"hello", headers={"X-Request-Id": "mine-1"})
    assert (reply.status_code, reply.text) == (200, "POST a/b x=1 hello")
    assert reply.headers["x-request-id"] == "mine-1"


async def test_ids_of_requests_come_from_the_source_that_is_given(client: httpx.AsyncClient) -> None:
    same = UuidFactory(Random(7))  # noqa: S311 - frozen on purpose
    for given in ("", "no id!"):
        reply = await client.get("/l/abc", headers={"X-Request-Id": given})
        assert reply.headers["x-request-id"] == same.make_text(MOMENT)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/l/refused/now", 422, "invalid_input"),
        ("DELETE", "/l/abc", 405, "no_such_method"),
        ("GET", "/l/a/b/c", 404, "no_such_path"),
        ("POST", "/l/failed/now", 500, "error"),
    ],
)
async def test_every_failure_has_the_sites_form_and_shows_nothing_of_ours(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    reply = await client.request(method, path)
    assert reply.status_code == status
    assert reply.text == f"{code} {reply.headers['x-request-id']}"


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_over_the_limit_is_refused_in_the_sites_form(
    client: httpx.AsyncClient, *, announced: bool
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LIMIT + 1):
            yield b"x"

    reply = await client.post("/l/abc", content=b"x" * (LIMIT + 1) if announced else pieces())
    assert (reply.status_code, reply.text.split()[0]) == (500, "body_too_large")


async def test_what_no_site_answers_goes_to_the_application_behind(client: httpx.AsyncClient) -> None:
    reply = await client.get("/other")
    assert reply.status_code == 418
    assert reply.text == reply.headers["x-request-id"]


async def test_a_stream_is_sent_piece_by_piece_without_a_length(client: httpx.AsyncClient) -> None:
    yielded.clear()
    reply = await client.get("/l/streamed/now")
    assert (reply.status_code, reply.headers["content-type"]) == (200, "text/csv")
    assert "content-length" not in reply.headers
    assert reply.text.split() == [str(number) for number in range(MANY)]
    assert yielded == [*range(MANY), -1]


async def test_a_stream_that_fails_breaks_off_and_says_nothing_of_it(client: httpx.AsyncClient) -> None:
    yielded.clear()
    with pytest.raises(RuntimeError):  # the server hangs up
        await client.get("/l/streamed/now?breaks")
    assert yielded == [0, 1, -1]


async def test_of_a_stream_whose_caller_has_gone_no_more_is_made() -> None:
    yielded.clear()
    front = Front(
        behind, [site("links", "/l")], Metrics(), bodies=BodyBudget(8 * LIMIT, LIMIT), new_request_id=lambda: "1"
    )
    gone = asyncio.Event()

    async def receive() -> dict[str, str]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(_message: Any) -> None:
        if len(yielded) == 3:
            gone.set()
        await asyncio.sleep(0)

    scope = {"type": "http", "method": "GET", "path": "/l/streamed/now", "raw_path": b"/l/streamed/now"}
    await front({**scope, "headers": [], "scheme": "http", "query_string": b"", "client": None}, receive, send)
    assert len(yielded) < 10
    assert yielded[-1] == -1
