"""`carillon send`, `sending`, `message`, `sandbox` and `verify`, as a person or a script calls them."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integration.commands import Run, answer, execute, lines, refusal, sandbox_commands

from carillon.cli.waiting import progress_line
from carillon.messaging.queries import Sending

BLUE = ("--account", "1", "--from", "Blue")
ID = "0198c0de-7000-7000-8000-000000000001"
TEXT = "Your table is ready."


@pytest.fixture
def run(dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    return sandbox_commands(dsn, tmp_path, monkeypatch)


def states(run: Run, *options: object) -> dict[str, str]:
    found = answer(run("message", "list", "--account", 1, "--json", *options))
    return {one["address"]: one["state"] for one in found}


def test_a_plan_says_who_would_get_it_and_writes_nothing(run: Run) -> None:
    assert lines(run("send", *BLUE, "--to", "0541234567", "--to", "nonsense", "--plan", TEXT)) == [
        "Nothing is sent. It would go to 1 of 2 recipients, 1 part, free.",
        "  nonsense gets nothing: address_invalid.",
    ]
    assert lines(run("sending", "list", "--account", 1)) == ["Nothing has been sent yet."]
    planned = answer(run("send", *BLUE, "--to", "0541234567", "--plan", "--json", TEXT))
    assert planned == {
        "sending_id": None,
        "state": "planned",
        "recipients": 1,
        "refused": [],
        "parts": 1,
        "cost": "0",
    }


def test_who_gets_nothing_is_named_as_the_number_was_understood(run: Run) -> None:
    assert run("suppression", "add", "0541234567", "0541234568", "--account", 1).exit_code == 0
    recipients = ("--to", "972541234567", "--to", "054-123-4568")
    assert lines(run("send", *BLUE, *recipients, "--plan", TEXT))[1:] == [
        "  +972541234567 gets nothing: suppressed.",
        "  +972541234568 gets nothing: suppressed.",
    ]
    refused = answer(run("send", *BLUE, *recipients, "--plan", "--json", TEXT))["refused"]
    assert [one["to"] for one in refused] == ["972541234567", "054-123-4568"]


def test_a_sending_from_its_acceptance_to_its_end(run: Run) -> None:
    accepted = lines(run("send", *BLUE, "--to", "054-123-4567", "--to", "972549999904", "--to", "nonsense", TEXT))
    sending_id = accepted[0].split()[1]
    assert accepted == [
        f"Sending {sending_id} is active: 2 of 3 recipients, 2 parts, free.",
        "  nonsense gets nothing: address_invalid.",
        f"Follow it with: carillon sending show {sending_id} --account 1",
    ]
    assert lines(run("sending", "show", sending_id, "--account", 1)) == [
        f"Sending {sending_id} from Blue: active",
        "  3 recipients",
        "          1 excluded",
        "          2 waiting",
    ]
    steps = lines(run("sandbox", "advance", "1m", "--account", 1))
    assert [re.sub(r"\S+ \S+Z", "…", line) for line in steps] == [
        "…  1 submitted, 1 rejected",
        "…  1 delivered",
        "It is … in account 1.",
    ]
    assert states(run, "--sending", sending_id) == {
        "972541234567": "delivered",
        "972549999904": "rejected",
        "nonsense": "excluded",
    }
    shown = answer(run("sending", "show", sending_id, "--account", 1, "--json"))
    assert (shown["state"], shown["delivered"], shown["rejected"], shown["excluded"]) == ("finished", 1, 1, 1)
    assert lines(run("verify")) == ["The books of account 1 are right."]


def test_a_message_is_found_by_its_number_as_it_is_dialled_and_shown_with_its_text(run: Run) -> None:
    run("send", *BLUE, "--to", "972541234567", TEXT)
    (found,) = answer(run("message", "list", "--account", 1, "--to", "054-1234567", "--json"))
    assert (found["text"], found["price"]) == (TEXT, "0")
    shown = lines(run("message", "show", found["message_id"], "--account", 1))
    assert f"text:          {TEXT}" in shown
    assert "state:         waiting" in shown
    assert states(run, "--to", "+306900000000") == {}


def test_a_number_that_may_be_meant_in_two_ways_is_looked_for_in_both(run: Run) -> None:
    # In Israel the Haifa number 04 8120000, and 48 120000 elsewhere: APIs differ in which goes first.
    run("send", *BLUE, "--to", "+97248120000", TEXT)
    run("send", *BLUE, "--to", "+48120000", TEXT)
    assert set(states(run, "--to", "48120000")) == {"97248120000", "48120000"}
    run("sandbox", "advance", "1m", "--account", 1)
    inbox = answer(run("sandbox", "inbox", "--account", 1, "--phone", "48120000", "--json"))
    assert {one["address"] for one in inbox} == {"97248120000", "48120000"}


def test_a_sending_is_paused_resumed_and_cancelled(run: Run) -> None:
    sending_id = answer(run("send", *BLUE, "--to", "0541234567", "--json", TEXT))["sending_id"]
    named = (sending_id, "--account", 1)
    assert lines(run("sending", "pause", *named))[0] == f"Sending {sending_id} from Blue: paused"
    run("sandbox", "advance", "1m", "--account", 1)
    assert states(run) == {"972541234567": "waiting"}
    assert lines(run("sending", "resume", *named))[0] == f"Sending {sending_id} from Blue: active"
    assert answer(run("sending", "cancel", *named, "--json"))["state"] == "cancelled"
    assert states(run) == {"972541234567": "cancelled"}
    said = refusal(run("sending", "resume", *named))
    assert said == "sending: The sending is cancelled: only what is active or paused can be changed."
    trail = answer(run("audit", "list", "--account", 1, "--json"))
    assert [one["action"] for one in trail if one["action"].startswith("sending.")] == [
        "sending.cancel",
        "sending.resume",
        "sending.pause",
    ]


def test_a_sending_at_a_pace_is_moved_to_another_day_and_keeps_its_pace(run: Run) -> None:
    to = [flag for number in range(4) for flag in ("--to", f"054123456{number}")]
    today = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0)
    first, later = (f"{today + timedelta(days=days):%Y-%m-%dT%H:%M:%S}" for days in (3, 4))
    sent = answer(run("send", *BLUE, *to, "--pace", "2", "--at", first, "--json", TEXT))
    named = (sent["sending_id"], "--account", 1)
    moved = answer(run("sending", "reschedule", *named, "--at", later, "--json"))
    assert (moved["state"], moved["scheduled_at"][:19]) == ("active", later)
    steps = answer(run("sandbox", "advance", "5d", "--account", 1, "--json"))["steps"]
    submitted = [one["at"][:19] for one in steps if one["events"].get("submitted")]
    assert submitted == [later, f"{later[:-1]}1"]
    said = refusal(run("sending", "reschedule", *named, "--at", "2020-01-01T09:00"))
    assert said == "at: 2020-01-01 09:00Z is over. A sending can be moved to a moment that is still to come."


def test_the_clock_of_a_sandbox_fires_a_schedule_and_says_each_step(run: Run) -> None:
    now = answer(run("sandbox", "advance", "1s", "--account", 1, "--json"))
    assert now["steps"] == []
    at = f"{now['now'][:10]}T23:59:59"
    run("send", *BLUE, "--to", "0549999901", "--at", at, "--json", TEXT)
    moved = answer(run("sandbox", "advance", "1d", "--account", 1, "--json"))
    assert [one["events"] for one in moved["steps"]] == [{"submitted": 1}, {"delivered": 1}]
    assert moved["steps"][0]["at"].startswith(at)
    assert moved["now"] > moved["steps"][1]["at"]


def test_phones_show_what_they_got_and_answer_it(run: Run) -> None:
    assert lines(run("sandbox", "inbox", "--account", 1)) == ["No phone got anything yet."]
    run("send", *BLUE, "--to", "0541234567", "--to", "0547654321", TEXT)
    run("sandbox", "advance", "1m", "--account", 1)
    (got,) = answer(run("sandbox", "inbox", "--account", 1, "--phone", "0541234567", "--json"))
    assert (got["address"], got["sender"], got["text"], got["state"]) == ("972541234567", "Blue", TEXT, "delivered")
    replied = run("sandbox", "reply", "--account", 1, "--from", "0541234567", "--to", "Blue", "STOP")
    assert lines(replied) == ["0541234567 has answered Blue."]
    refused = answer(run("send", *BLUE, "--to", "0541234567", "--json", TEXT))
    assert refused["refused"] == [{"to": "0541234567", "reason": "suppressed"}]


def test_a_phone_answers_under_the_digits_that_the_inbox_shows(run: Run) -> None:
    run("send", *BLUE, "--to", "+3466666666", TEXT)  # which digits alone would be Israel's, as the plans know them
    run("sandbox", "advance", "1m", "--account", 1)
    (got,) = answer(run("sandbox", "inbox", "--account", 1, "--json"))
    assert "+3466666666" in run("sandbox", "inbox", "--account", 1).stdout
    assert "+3466666666" in run("message", "show", got["message_id"], "--account", 1).stdout
    assert "+3466666666" in run("message", "list", "--account", 1).stdout
    replied = run("sandbox", "reply", "--account", 1, "--from", got["address"], "--to", "Blue", "STOP")
    assert lines(replied) == ["3466666666 has answered Blue."]
    assert "from=+3466666666" in run("events", "--account", 1, "--addresses").stdout


def test_an_instant_message_falls_back_to_an_sms_and_phones_show_both(run: Run) -> None:
    shows = ("--image", "https://www.example.com/1.png", "--button", "Book", "https://www.example.com")
    sms = ("--sms-from", "Shop", "--sms-text", "By SMS")
    phones = ("--to", "0541239912", "--to", "0541239913")
    sent = answer(run("send", *BLUE, "--channel", "im", *phones, *shows, *sms, "--ttl", "10m", "--json", TEXT))
    assert (sent["parts"], sent["refused"]) == (2, [])
    run("sandbox", "advance", "2m", "--account", 1)
    inbox = answer(run("sandbox", "inbox", "--account", 1, "--json"))
    got = {one["address"][-4:]: (one["channel"], one["sender"], one["text"]) for one in inbox}
    assert got == {"9912": ("sms", "Shop", "By SMS"), "9913": ("im", "Blue", TEXT)}
    (second,) = (one["message_id"] for one in inbox if one["channel"] == "sms")
    shown = answer(run("message", "show", second, "--account", 1, "--json"))
    assert (shown["channel"], shown["sender"], shown["state"]) == ("sms", "Shop", "delivered")
    assert [(one["channel"], one["state"], one["reason"]) for one in shown["attempts"]] == [
        ("im", "undelivered", "unknown_subscriber")
    ]
    assert "before:        im undelivered, unknown_subscriber" in run("message", "show", second, "--account", 1).stdout
    content = ["image https://www.example.com/1.png", "button Book (https://www.example.com)"]
    assert [one["content"] for one in inbox if one["channel"] == "im"] == [content]
    replied = run(
        "sandbox", "reply", "--account", 1, "--from", "0541239913", "--to", "Blue", "--media", "https://m.example/1.jpg"
    )
    assert lines(replied) == ["0541239913 has answered Blue."]
    events = [json.loads(line) for line in lines(run("events", "--account", 1, "--json"))]
    (media,) = (one["data"] for one in events if one["kind"] == "reply")
    assert {"from", "to", "media_url", "media_name"} <= set(media)


def test_the_time_of_an_instant_message_ends_by_the_accounts_clock(run: Run) -> None:
    sms = ("--sms-from", "Shop", "--sms-text", "By SMS")
    run("send", *BLUE, "--channel", "im", "--to", "0541239903", *sms, "--ttl", "10m", TEXT)
    moved = answer(run("sandbox", "advance", "11m", "--account", 1, "--json"))
    kinds = [kind for step in moved["steps"] for kind in step["events"]]
    assert kinds == ["submitted", "expired", "fallback", "submitted"]
    (got,) = answer(run("sandbox", "inbox", "--account", 1, "--json"))
    assert (got["channel"], got["text"], got["state"]) == ("sms", "By SMS", "submitted")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--image", "https://www.example.com"), "image: Only an instant message has this: add --channel im."),
        (
            ("--channel", "im", "--sms-text", "x"),
            "sms-text: An SMS that is sent where it fails needs both --sms-from and --sms-text.",
        ),
        (("--channel", "im", "--ttl", "10s"), "ttl: An instant message may take from 30 seconds to 24 hours."),
        (
            ("--channel", "im", "--image", "x", "--button", "a", "https://www.example.com"),
            "content.image_url: This is an http or https URL, encoded.",
        ),
    ],
)
def test_what_is_no_instant_message_is_refused(run: Run, options: tuple[str, ...], said: str) -> None:
    assert refusal(run("send", *BLUE, "--to", "0541234567", *options, TEXT)) == said


def test_waiting_for_a_sending_ends_with_its_end(run: Run) -> None:
    waited = run("send", *BLUE, "--to", "nonsense", "--wait", TEXT)
    assert lines(waited)[-3:] == [
        lines(waited)[-3],
        "  1 recipient",
        "          1 excluded",
    ]
    assert lines(waited)[-3].endswith("from Blue: finished")


def test_progress_tells_where_the_recipients_are() -> None:
    facts = dict.fromkeys(Sending.__dataclass_fields__, 0) | {"state": "active"}
    sending = Sending(**facts | {"recipients": 1_000, "waiting": 400, "submitted": 100, "delivered": 450})  # type: ignore[arg-type]
    assert progress_line(sending) == "1,000 recipients: 400 waiting, 100 with a carrier, 450 delivered, 50% at an end"


def test_a_sending_to_a_group_goes_to_its_members(run: Run, tmp_path: Path) -> None:
    (tmp_path / "friends.csv").write_text("Phone\n0541234567\n0547654321\n")
    run("import", "friends.csv", "--account", 1, "--group", "Friends")
    accepted = answer(run("send", *BLUE, "--group", "friends", "--json", TEXT))
    assert (accepted["state"], accepted["recipients"]) == ("materialising", 2)
    moved = answer(run("sandbox", "advance", "1m", "--account", 1, "--json"))
    assert [kind for one in moved["steps"] for kind in one["events"]][-1] == "delivered"
    assert states(run) == {"972541234567": "delivered", "972547654321": "delivered"}
    waited = answer(run("send", *BLUE, "--to", "nonsense", "--wait", "--json", TEXT))
    assert (waited["state"], waited["excluded"]) == ("finished", 1)


BOTH_OR_NONE = "to: Name recipients with --to, or a group with --group; not both."
NO_GROUP = """There is no group 'Nobody' in account 1. To make it with its members: \
carillon import FILE --account 1 --group "Nobody\""""
EXPIRED = "when it has expired: 0.1 a second are enough."
TO = ("--to", "0541234567")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((*TO, "--group", "Friends"), BOTH_OR_NONE),
        ((), BOTH_OR_NONE),
        ((*TO, "--at", "2020-01-01T09:00"), "at: 2020-01-01 09:00Z is over. Without --at it is sent at once."),
        (("--group", "Nobody"), NO_GROUP),
        ((*TO, "--pace", "0"), "pace: A pace is a number of messages a second, more than none."),
        ((*TO, "--pace", "nan"), "pace: A pace is a number of messages a second, more than none."),
        (
            (*TO, "--to", "0547654321", "--pace", "0.00005"),
            f"pace: At this pace the last of 2 would be due after 8 hours, {EXPIRED}",
        ),
    ],
)
def test_a_send_that_can_not_be_made_says_what_to_do(run: Run, options: tuple[str, ...], said: str) -> None:
    assert refusal(run("send", *BLUE, *options, TEXT)) == said


@pytest.mark.parametrize("sender", ["", " ", "Twelve chars", "1234567890123456"])
def test_a_sender_that_no_network_takes_is_refused(run: Run, sender: str) -> None:
    said = refusal(run("send", "--account", 1, "--from", sender, "--to", "0541234567", TEXT))
    assert said == f"from: {sender!r} can't be a sender: give up to 11 letters, as a shop's name, or a number."


def test_what_is_not_there_is_said_with_a_way_to_find_it(run: Run) -> None:
    for command in (("show",), ("pause",), ("resume",), ("cancel",), ("reschedule", "--at", "2031-05-01")):
        said = refusal(run("sending", *command, ID, "--account", 1))
        assert said == f"There is no sending {ID}. The latest ones: carillon sending list --account 1"
    said = refusal(run("message", "show", ID, "--account", 1))
    assert said == f"There is no message {ID}. To look for it: carillon message list --account 1 --to NUMBER"
    assert (
        refusal(run("send", "--account", 99, "--from", "Blue", "--to", "0541234567", TEXT)) == "There is no account 99."
    )
    assert refusal(run("verify", "--account", 99)) == "There is no account 99."
    assert lines(run("message", "list", "--account", 1)) == ["There is no such message."]


def test_an_empty_text_is_refused(run: Run) -> None:
    assert refusal(run("send", *BLUE, "--to", "0541234567", "")) == "text: This is required."


def test_a_real_account_has_no_phones_and_no_clock_of_its_own(run: Run) -> None:
    assert run("account", "create", "Real").exit_code == 0
    real = "account: This is no sandbox account: its clock and phones are real."
    for command in (
        ("advance", "1h", "--account", 2),
        ("inbox", "--account", 2),
        ("reply", "--account", 2, "--from", "+306900000000", "--to", "Blue", "Hi"),
    ):
        assert refusal(run("sandbox", *command)) == f"{real} To make one: carillon account create --sandbox"


def test_a_phone_answers_only_who_wrote_to_it(run: Run) -> None:
    said = refusal(run("sandbox", "reply", "--account", 1, "--from", "0541234567", "--to", "Green", "Hi"))
    assert said == "from: This phone got no message from Green. What phones got, and from whom: carillon sandbox inbox"
    said = refusal(run("sandbox", "inbox", "--account", 1, "--phone", "nobody"))
    assert said == "phone: 'nobody' is no phone number: write +972541234567, or as it is dialled in IL."


@pytest.mark.parametrize("span", ["", "2", "h", "-1h", "1h 2m", "401d"])
def test_a_span_that_can_not_be_read_is_a_wrong_use(run: Run, span: str) -> None:
    assert run("sandbox", "advance", "--account", 1, "--", span).exit_code == 2


def test_differences_in_the_books_are_printed_and_end_with_1(run: Run, dsn: str) -> None:
    sending_id = answer(run("send", *BLUE, "--to", "0541234567", "--json", TEXT))["sending_id"]
    run("account", "create", "Other")
    assert lines(run("verify")) == ["The books of 2 accounts are right."]
    execute(dsn, "UPDATE sending SET waiting = 2")
    execute(dsn, "DELETE FROM chunk")
    (message,) = answer(run("message", "list", "--account", 1, "--json"))
    found = run("verify", "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout) == [
        {
            "account_id": 1,
            "check": "counters",
            "subject": f"sending {sending_id}",
            "difference": "waiting 1 in the rows, 2 in the counter",
        },
        {
            "account_id": 1,
            "check": "law",
            "subject": f"sending {sending_id}",
            "difference": "the counters do not add up",
        },
        {
            "account_id": 1,
            "check": "chunks",
            "subject": f"message {message['message_id']}",
            "difference": "waits, and is in no chunk",
        },
    ]
    printed = run("verify", "--account", 1)
    assert printed.exit_code == 1
    assert printed.stdout.splitlines()[1] == f"account 1, law: sending {sending_id}: the counters do not add up"
