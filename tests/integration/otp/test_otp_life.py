"""A password's life: sent, checked once, superseded, expired, exhausted, deleted; and where its code stands."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest
from tests.integration.otp.passwords import PHONE, Passwords
from tests.support import wrong_code

from carillon.carriers.failures import Failure
from carillon.db.database import Tx
from carillon.otp.codes import CodeType
from carillon.otp.create import OtpNotSentError, PendingOtpError
from carillon.otp.otps import KEPT

EVERYWHERE = """
SELECT table_name FROM information_schema.tables
WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name !~ '[0-9]{8}|_default'"""


async def test_the_phone_gets_the_code_and_the_code_is_valid_once(passwords: Passwords) -> None:
    made = await passwords.create()
    await passwords.work()
    assert await passwords.phone() == [f"Your code is {made.code}."]
    assert await passwords.verdict(made.code) == "valid"
    assert await passwords.verdict(made.code) == "used"
    await passwords.assert_whole()


async def test_the_message_is_measured_with_its_code(passwords: Passwords) -> None:
    made = await passwords.create(text="{code}" * 30, length=6)
    assert made.accepted is not None
    assert (made.accepted.lengths, made.accepted.parts) == ([180], [2])


async def test_a_wrong_code_is_an_attempt_and_the_last_attempt_is_the_end(passwords: Passwords) -> None:
    made = await passwords.create(max_attempts=3)
    other = wrong_code(made.code)
    assert [await passwords.verdict(other) for _ in range(3)] == ["wrong"] * 3
    assert await passwords.verdict(made.code) == "exhausted"
    checked = await passwords.check(made.code)
    assert checked.otp is not None
    assert (checked.verdict.value, checked.otp.attempts, checked.otp.max_attempts) == ("exhausted", 3, 3)


async def test_an_expired_code_is_told_from_a_wrong_one(passwords: Passwords) -> None:
    made = await passwords.create(validity=timedelta(seconds=60))
    await passwords.advance(timedelta(seconds=61))
    right, other = await passwords.check(made.code), await passwords.check(wrong_code(made.code))
    assert (right.verdict.value, right.is_code) == ("expired", True)
    assert (other.verdict.value, other.is_code) == ("expired", False)


async def test_the_last_second_counts(passwords: Passwords) -> None:
    made = await passwords.create(validity=timedelta(seconds=60))
    await passwords.advance(timedelta(seconds=59.9))
    assert await passwords.verdict(made.code) == "valid"


async def test_a_later_password_supersedes_the_earlier_one(passwords: Passwords) -> None:
    first, second = await passwords.create(), await passwords.create()
    assert await passwords.verdict(first.code) == ("superseded" if first.code != second.code else "valid")
    assert await passwords.verdict(second.code) == "valid"


async def test_what_a_superseded_password_has_waiting_is_cancelled_and_its_code_forgotten(passwords: Passwords) -> None:
    first = await passwords.create()
    await passwords.create()
    for performer in passwords.performers[-1:]:
        await performer.turn(passwords.actor.account_id, asyncio.Event())
    rows = await passwords.rows("SELECT sending_id, state, sealed = '' FROM sending WHERE shard_key = $1 ORDER BY 1")
    assert first.accepted is not None
    assert rows[0] == [first.accepted.sending_id, "cancelled", True]
    assert rows[1][1:] == ["active", False]
    await passwords.assert_whole()


async def test_a_pending_password_keeps_its_place_where_it_is_asked_for(passwords: Passwords) -> None:
    made = await passwords.create(refuses_pending=True)
    with pytest.raises(PendingOtpError):
        await passwords.create(refuses_pending=True)
    assert await passwords.verdict(made.code) == "valid"
    await passwords.create(refuses_pending=True)


async def test_of_calls_at_once_that_refuse_a_pending_password_one_makes_it(passwords: Passwords) -> None:
    made = await asyncio.gather(*(passwords.create(refuses_pending=True) for _ in range(8)), return_exceptions=True)
    assert Counter(type(one).__name__ for one in made) == {"NewOtp": 1, "PendingOtpError": 7}
    await passwords.work()
    await passwords.assert_whole()


async def test_calls_at_once_with_one_reference_leave_one_password_and_whole_books(passwords: Passwords) -> None:
    made = await asyncio.gather(*(passwords.create(max_attempts=8) for _ in range(8)))
    await passwords.work()
    verdicts = Counter([await passwords.verdict(one.code) for one in made])
    assert verdicts["valid"] == 1
    await passwords.assert_whole()


async def test_twenty_checks_at_once_verify_a_code_once(passwords: Passwords) -> None:
    made = await passwords.create(max_attempts=5)
    verdicts = Counter(await asyncio.gather(*(passwords.verdict(made.code) for _ in range(20))))
    assert verdicts == {"valid": 1, "used": 19}


async def test_twenty_guesses_at_once_get_no_more_than_the_attempts(passwords: Passwords) -> None:
    made = await passwords.create(max_attempts=5)
    verdicts = Counter(await asyncio.gather(*(passwords.verdict(wrong_code(made.code)) for _ in range(20))))
    assert verdicts == {"wrong": 5, "exhausted": 15}


async def test_a_code_is_read_in_any_case_unless_its_case_counts(passwords: Passwords) -> None:
    made = await passwords.create(code_type=CodeType.ALPHA, length=10)
    assert await passwords.verdict(made.code.lower(), is_case_sensitive=True) == "wrong"
    assert await passwords.verdict(made.code.lower()) == "valid"


async def test_a_check_of_another_password_of_the_reference_is_wrong_code(passwords: Passwords) -> None:
    first, second = await passwords.create(), await passwords.create()
    assert await passwords.verdict(second.code, otp_id=first.otp.otp_id) == "wrong"
    assert await passwords.verdict(second.code, otp_id=second.otp.otp_id) == "valid"


async def test_dialects_have_references_of_their_own(passwords: Passwords) -> None:
    made = await passwords.create(dialect="other")
    assert await passwords.verdict(made.code) == "unknown"


async def test_a_recipient_who_is_excluded_leaves_nothing(passwords: Passwords) -> None:
    with pytest.raises(OtpNotSentError) as raised:
        await passwords.create(recipient="12")
    assert raised.value.failure is Failure.ADDRESS_INVALID
    for table in ("otp", "otp_counter"):
        assert await passwords.rows(f"SELECT 1 FROM {table} WHERE account_id = $1") == []  # noqa: S608 - two names of ours


async def test_verifying_cancels_what_still_waits(passwords: Passwords) -> None:
    made = await passwords.create()
    assert await passwords.verdict(made.code) == "valid"
    assert await passwords.states() == {PHONE: "cancelled"}
    await passwords.work()
    assert await passwords.phone() == []
    await passwords.assert_whole()


async def test_a_code_that_is_over_is_gone_and_its_message_is_not_sent_any_more(passwords: Passwords) -> None:
    # The shortest validity of a message is longer.
    await passwords.create(validity=timedelta(seconds=20))
    dispatch = passwords.performers[:3]
    passwords.performers = passwords.performers[3:]
    await passwords.advance(timedelta(seconds=21))
    assert await passwords.rows("SELECT state FROM otp WHERE account_id = $1") == [["expired"]]
    passwords.performers = [*dispatch, *passwords.performers]
    await passwords.work()
    assert await passwords.states() == {PHONE: "cancelled"}
    await passwords.assert_whole()


async def test_a_chunk_that_a_worker_held_meanwhile_sends_nothing(passwords: Passwords) -> None:
    made = await passwords.create()
    await passwords.db.run(
        Tx.execute, "UPDATE chunk SET state = 'claimed', leased_until = now() + interval '1 day' WHERE account_id = $1",
        passwords.actor.account_id,
    )  # fmt: skip
    assert await passwords.verdict(made.code) == "valid"
    await passwords.db.run(
        Tx.execute, "UPDATE chunk SET state = 'due', leased_until = NULL WHERE account_id = $1",
        passwords.actor.account_id,
    )  # fmt: skip
    await passwords.work()
    assert await passwords.states() == {PHONE: "cancelled"}
    assert await passwords.phone() == []


async def test_a_password_is_deleted_a_day_after_its_end(passwords: Passwords) -> None:
    made = await passwords.create()
    await passwords.advance(timedelta(minutes=6))
    await passwords.advance(KEPT - timedelta(minutes=2))
    assert await passwords.verdict(made.code) == "expired"
    await passwords.advance(timedelta(minutes=2))
    assert await passwords.verdict(made.code) == "unknown"
    await passwords.assert_whole()


async def test_a_code_stands_nowhere_in_the_database(passwords: Passwords) -> None:
    made = await passwords.create(code_type=CodeType.ALPHA, length=16)
    sent = await passwords.create("second", code_type=CodeType.ALPHA, length=16, recipient="34600000009")
    await passwords.check(wrong_code(made.code))
    await passwords.work()
    await passwords.advance(timedelta(seconds=5))
    assert await passwords.verdict(sent.code, "second") == "valid"
    for (table,) in [tuple(row) for row in await passwords.db.read(Tx.fetch, EVERYWHERE)]:
        found = await passwords.db.read(Tx.fetch, f"SELECT t::text FROM {table} t")  # noqa: S608 - the catalog's names
        text = "\n".join(row[0] for row in found)
        for code in (made.code, sent.code):
            assert code not in text, table
            assert code.encode().hex() not in text, table


async def test_a_key_that_is_lost_ends_its_messages_and_holds_up_no_other(passwords: Passwords) -> None:
    await passwords.create()
    await passwords.db.run(
        Tx.execute,
        "UPDATE sending SET sealed = decode(repeat('ab', 40), 'hex') WHERE shard_key = $1",
        passwords.actor.account_id,
    )
    await passwords.send("34600000002")
    await passwords.work()
    assert await passwords.states() == {PHONE: "rejected", "34600000002": "submitted"}


async def test_a_phone_that_replies_with_its_text_puts_the_code_into_no_event(passwords: Passwords) -> None:
    made = await passwords.create(recipient="34600009911")
    await passwords.work()
    simulated = await passwords.rows("SELECT content::text FROM simulated_inbound WHERE account_id = $1")
    await passwords.advance(timedelta(minutes=1))
    events = await passwords.rows("SELECT kind, data::text FROM event WHERE shard_key = $1")
    assert made.code
    assert ["reply"] in [[kind] for kind, _ in events]
    assert not [one for one in [*simulated, *events] if made.code in str(one)]
