"""The log of a real process: what is in it, and above all what is not."""

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = pytest.mark.any_database

# Values that a log must never show, in the places where libraries and we would put them.
PROGRAM = """
import asyncio, logging, sys
import asyncpg, structlog
from carillon.errors import InvalidInputError, UnavailableError
from carillon.addresses.emails import Email
from carillon.addresses.phones import Phone
from carillon.logs import bind_request_id, configure_logging, log_request

configure_logging(*sys.argv[1:3])
log = structlog.get_logger("carillon.example")
bind_request_id("r-17")
log.info("upload.accepted", rows=3)
log_request(("inforu", "GetContact"), 200, 0.0123456, "r-17", "r-17")
bind_request_id("r-18", "eff655d8-0cb6-47b3-8828-96e1b80b55af")
log.info("upload.refused")
log_request(("apifon", "Add List"), 400, 0.01, "r-18", "eff655d8-0cb6-47b3-8828-96e1b80b55af")
bind_request_id("r-17", "r-17")
log.debug("too.fine", rows=4)
phone, email = Phone("306912345678"), Email("ada.secret@example.com")
log.info("contact.seen", phone=phone, email=email, seen=[phone])

def fail(kind):
    raise kind

def attempt(kind, cause=None):
    try:
        try:
            if cause:
                fail(cause)
        finally:
            fail(kind)
    except BaseException:
        log.exception("work.failed")

error = asyncpg.UniqueViolationError("duplicate key value 306912345678")
error.detail = "Key (phone)=(306912345678) already exists."
attempt(error)
attempt(UnavailableError("The database can't be used: no route."), OSError("306912345678"))
attempt(InvalidInputError("email", "ada.secret@example.com is no e-mail."))
attempt(ExceptionGroup("306912345678", [ValueError("ada.secret@example.com"), KeyError("306912345678")]))
logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=ValueError("ada.secret@example.com"))
logging.getLogger("uvicorn.access").info('%s - "GET /?json=%s" 200', "192.0.2.1", "ada.secret@example.com")

async def forget():
    async def lose():
        raise ValueError("ada.secret@example.com")
    asyncio.ensure_future(lose())
    await asyncio.sleep(0)
    await asyncio.sleep(0)

asyncio.run(forget())
import gc; gc.collect()
"""


def log_of(level: str, log_format: str) -> str:
    command = [sys.executable, "-c", PROGRAM, level, log_format]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own
    assert ended.stdout == ""
    return ended.stderr


@pytest.fixture(scope="module")
def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in log_of("info", "json").splitlines()]


def named(lines: list[dict[str, Any]], event: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["event"] == event]


@pytest.mark.parametrize(("level", "log_format"), [("debug", "json"), ("debug", "console"), ("info", "auto")])
def test_no_address_gets_into_the_log_by_whichever_way(level: str, log_format: str) -> None:
    log = log_of(level, log_format)
    assert "upload.accepted" in log
    assert "306912345678" not in log
    assert "ada.secret" not in log


def test_every_line_says_when_who_how_bad_and_for_which_request(lines: list[dict[str, Any]]) -> None:
    (line,) = named(lines, "upload.accepted")
    assert line["timestamp"].endswith("Z")
    assert line == {
        "timestamp": line["timestamp"],
        "event": "upload.accepted",
        "rows": 3,
        "request_id": "r-17",
        "logger": "carillon.example",
        "level": "info",
    }
    assert all({"timestamp", "level", "logger", "event"} <= set(line) for line in lines)


REQUEST = {
    "event": "request",
    "dialect": "inforu",
    "function": "GetContact",
    "status": 200,
    "milliseconds": 12.35,
    "request_id": "r-17",
    "logger": "carillon.logs",
    "level": "info",
}


def test_a_request_s_line_is_like_any_other(lines: list[dict[str, Any]]) -> None:
    line, _ = named(lines, "request")
    assert line["timestamp"] >= named(lines, "upload.accepted")[0]["timestamp"]
    assert line["timestamp"].endswith("Z")
    assert line == {**REQUEST, "timestamp": line["timestamp"]}


def test_a_report_id_that_is_not_the_request_s_id_is_in_every_line(lines: list[dict[str, Any]]) -> None:
    about = [line for line in lines if line.get("request_id") == "r-18"]
    assert [(line["event"], line["report_id"]) for line in about] == [
        ("upload.refused", "eff655d8-0cb6-47b3-8828-96e1b80b55af"),
        ("request", "eff655d8-0cb6-47b3-8828-96e1b80b55af"),
    ]


def test_a_request_s_line_heeds_level_and_format() -> None:
    assert "GetContact" not in log_of("warning", "json")
    console = next(line for line in log_of("info", "console").splitlines() if "GetContact" in line)
    assert "12.35" in console
    assert "r-17" in console
    with pytest.raises(json.JSONDecodeError):
        json.loads(console)


def test_a_library_s_lines_have_the_request_s_id_too(lines: list[dict[str, Any]]) -> None:
    (line,) = named(lines, "Exception in ASGI application")
    assert (line["request_id"], line["logger"], line["level"]) == ("r-17", "uvicorn.error", "error")


def test_values_of_ours_are_masked(lines: list[dict[str, Any]]) -> None:
    (line,) = named(lines, "contact.seen")
    assert line["phone"] == "Phone('306…78')"
    assert line["seen"] == ["Phone('306…78')"]


def test_an_exception_is_its_class_and_the_places_that_it_passed(lines: list[dict[str, Any]]) -> None:
    unique, unavailable, invalid, group = [line["exception"] for line in named(lines, "work.failed")]
    assert unique.splitlines()[0] == "asyncpg.exceptions.UniqueViolationError (SQLSTATE 23505)"
    assert [line.rpartition(" in ")[2] for line in unique.splitlines()[1:]] == ["attempt", "fail"]
    assert invalid.splitlines()[0] == "carillon.errors.InvalidInputError"
    assert unavailable.index("builtins.OSError") < unavailable.index("which led to")
    assert "carillon.errors.UnavailableError: The database can't be used: no route." in unavailable
    assert group.index("part 1 of 2:") < group.index("builtins.ValueError") < group.index("builtins.KeyError")


def test_a_task_that_nobody_waited_for_is_told_without_its_text(lines: list[dict[str, Any]]) -> None:
    (line,) = [line for line in lines if line["logger"] == "asyncio"]
    assert line["event"] == "Task exception was never retrieved"
    assert line["exception"].startswith("builtins.ValueError\n")


def test_what_is_below_the_level_is_not_logged(lines: list[dict[str, Any]]) -> None:
    assert named(lines, "too.fine") == []
    assert '"too.fine"' in log_of("debug", "json")
