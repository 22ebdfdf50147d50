"""`carillon otp`, and what other commands show of one-time passwords."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.integration.commands import Run, answer, sandbox_commands
from tests.support import OPERATOR

from carillon.db.database import Database
from carillon.messaging.sendings import Send
from carillon.otp.create import CreateOtp, NewOtp, create_otp
from carillon.settings import Settings
from carillon.tenancy.accounts import OpenAccount, open_account
from carillon.tenancy.secrets import SecretBox


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return sandbox_commands(dsn, tmp_path, monkeypatch)


def create(dsn: str) -> NewOtp:
    """Send a password to a simulated phone."""

    async def made() -> NewOtp:
        box = SecretBox(Settings().secret_key_path)
        db = await Database.connect(dsn)
        actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=1))
        command = CreateOtp(
            dialect="inforu",
            reference="login",
            recipient="972541234567",
            validity=timedelta(minutes=5),
            length=12,
            send=Send(sender="Blue", text="It is {code}."),
        )
        try:
            return await create_otp(db, actor, command, box)
        finally:
            await db.close()

    return asyncio.run(made())


def test_limits_are_shown_set_and_given_back(run: Run) -> None:
    shown = answer(run("otp", "limits", "show", "--account", 1, "--json"))
    assert shown[0] == {"name": "recipient_sends", "value": "10", "default": True}
    assert run("otp", "limits", "set", "--account", 1, "recipient_sends", 5).exit_code == 0
    run("otp", "limits", "set", "--account", 1, "country_spend.972", "250")
    shown = answer(run("otp", "limits", "show", "--account", 1, "--json"))
    assert {"name": "recipient_sends", "value": "5", "default": False} in shown
    assert {"name": "country_spend.972", "value": "250", "default": False} in shown
    run("otp", "limits", "set", "--account", 1, "recipient_sends", "--default")
    text = run("otp", "limits", "show", "--account", 1).stdout
    assert ["recipient_sends", "10", "yes"] in [line.split() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("recipient_sends",), 2),
        (("recipient_sends", "5", "--default"), 2),
        (("colour", "5"), 1),
        (("attempts", "x"), 1),
    ],
)
def test_what_is_no_limit_is_refused(run: Run, arguments: tuple[str, ...], code: int) -> None:
    assert run("otp", "limits", "set", "--account", 1, *arguments).exit_code == code


def test_what_was_counted_is_shown(run: Run, dsn: str) -> None:
    assert "Nothing was counted lately." in run("otp", "counts", "--account", 1).stdout
    create(dsn)
    create(dsn)
    shown = answer(run("otp", "counts", "--account", 1, "--json"))
    assert {"kind": "recipient_sends", "subject": "972541234567", "count": "2"} in shown
    shown = answer(run("otp", "counts", "--account", 1, "--kind", "prefix_day", "--json"))
    assert shown == [{"kind": "prefix_day", "subject": "97254123", "count": "2"}]


def test_a_simulated_phone_shows_its_code_and_nothing_else_does(run: Run, dsn: str) -> None:
    made = create(dsn)
    assert made.accepted is not None
    answer(run("sandbox", "advance", "3s", "--account", 1, "--json"))
    (got,) = answer(run("sandbox", "inbox", "--account", 1, "--json"))
    assert got["text"] == f"It is {made.code}."
    message_id, sending_id = made.accepted.message_ids[0], made.accepted.sending_id
    for arguments in (
        ("message", "show", message_id),
        ("message", "list"),
        ("sending", "show", sending_id),
        ("sending", "list"),
        ("events",),
        ("audit", "list"),
    ):
        result = run(*arguments, "--account", 1)
        assert result.exit_code == 0, result.output
        assert made.code not in result.output


def test_the_clock_fires_the_end_of_a_password_and_its_code_is_gone(run: Run, dsn: str) -> None:
    create(dsn)
    answer(run("sandbox", "advance", "10m", "--account", 1, "--json"))
    (got,) = answer(run("sandbox", "inbox", "--account", 1, "--json"))
    assert (got["text"], got["state"]) == ("It is {code}.", "delivered")
    assert answer(run("verify", "--account", 1, "--json")) == []
