"""The shield: what a guesser and a pumper come to, and the limits that an account sets."""

import asyncio
import itertools
from collections import Counter
from datetime import timedelta

import pytest
from tests.integration.otp.passwords import PHONE, Passwords
from tests.support import OPERATOR, wrong_code

from carillon.billing.balances import AddCredit, add_credit
from carillon.billing.prices import SetPrice, set_price
from carillon.carriers.content import Content
from carillon.errors import InvalidInputError, SendLimitError
from carillon.messaging.sendings import Fallback, Send
from carillon.otp.counters import delete_counters, in_window
from carillon.otp.create import PendingOtpError
from carillon.otp.limits import DEFAULTS, SetLimit, set_limit, show_limits
from carillon.otp.otps import USUAL_VALIDITY
from carillon.otp.shield import network_of, prefix_of
from carillon.otp_metrics import OtpMetrics

COUNTERS = "SELECT kind, subject, before, present FROM otp_counter WHERE account_id = $1 ORDER BY kind, subject"


async def refusal(passwords: Passwords, reference: str = "login", recipient: str = PHONE, network: str = "") -> str:
    with pytest.raises(SendLimitError) as raised:
        await passwords.create(reference, recipient, network=network)
    assert 0 < raised.value.retry_after <= timedelta(days=1).total_seconds()
    return raised.value.message


async def test_a_recipient_gets_so_many_in_a_sliding_hour(passwords: Passwords) -> None:
    await passwords.limit("recipient_sends", "4")
    for place in range(4):
        await passwords.create(f"ref {place}")
    assert "to this recipient" in await refusal(passwords)
    await passwords.create(recipient="34611112222")
    # The clock is at half past: in the next hour the window still has a part of this one.
    await passwords.advance(timedelta(minutes=31))
    assert "to this recipient" in await refusal(passwords)
    await passwords.advance(timedelta(minutes=30))
    await passwords.create()


async def test_what_is_refused_is_not_counted_and_leaves_nothing(passwords: Passwords) -> None:
    await passwords.limit("recipient_sends", "1")
    await passwords.create()
    before = await passwords.rows(COUNTERS)
    for _ in range(3):
        await refusal(passwords, "another")
    assert await passwords.rows(COUNTERS) == before
    assert len(await passwords.messages()) == 1


async def test_calls_at_once_do_not_get_past_a_limit(passwords: Passwords) -> None:
    await passwords.limit("recipient_sends", "5")
    made = await asyncio.gather(
        *(passwords.create(f"ref {place}", network="192.0.2.7") for place in range(12)), return_exceptions=True
    )
    assert Counter(type(one).__name__ for one in made) == {"NewOtp": 5, "SendLimitError": 7}


async def test_a_callers_network_has_its_limit(passwords: Passwords) -> None:
    await passwords.limit("network_sends", "2")
    for place, host in enumerate(("192.0.2.7", "::ffff:192.0.2.200")):
        await passwords.create(recipient=f"3460000{place}001", network=host)
    assert "from your network" in await refusal(passwords, recipient="34600002001", network="192.0.2.99")
    await passwords.create(recipient="34600003001", network="198.51.100.1")


def test_a_network_is_24_bits_of_ipv4_and_48_of_ipv6() -> None:
    assert network_of("192.0.2.7") == network_of("::ffff:192.0.2.9") == "192.0.2.0/24"
    assert network_of("2001:db8:1:2::3") == "2001:db8:1::/48"
    assert network_of("testclient") == network_of("") == ""


def test_a_prefix_is_a_number_without_its_last_four_digits() -> None:
    assert prefix_of(PHONE) == "3460000"
    assert prefix_of("rita@mail.example") == ""


async def test_a_pumper_of_a_range_of_numbers_is_stopped(passwords: Passwords) -> None:
    """Hundreds of numbers of one range, none of which ever verifies: the range gets a trickle, other numbers all."""
    await passwords.limit("conversion_after", "20")
    await passwords.limit("unconverted_sends", "3")
    sent = refused = 0
    for place in range(60):
        try:
            await passwords.create(f"ref {place}", f"3460000{place:04}", text=None)
            sent += 1
        except SendLimitError:
            refused += 1
    assert (sent, refused) == (20, 40)
    await passwords.create("honest", "34711112222")
    await passwords.advance(timedelta(hours=2))
    for place in range(60, 63):
        await passwords.create(f"ref {place}", f"3460000{place:04}", text=None)
    assert "to numbers like this one" in await refusal(passwords, "more", "34600000099")


async def test_a_range_whose_passwords_are_verified_keeps_its_limit(passwords: Passwords) -> None:
    await passwords.limit("conversion_after", "10")
    await passwords.limit("unconverted_sends", "1")
    for place in range(40):
        made = await passwords.create(f"ref {place}", f"3460000{place:04}", text=None)
        if place % 3 == 0:
            assert await passwords.verdict(made.code, f"ref {place}") == "valid"


async def test_a_pumper_of_one_prefix_comes_to_its_cap(passwords: Passwords) -> None:
    await passwords.limit("prefix_sends", "7")
    for place in range(7):
        await passwords.create(f"ref {place}", f"3460000{place:04}", text=None)
    assert "to numbers like this one" in await refusal(passwords, recipient="34600009999")


async def test_a_country_has_a_ceiling_of_what_it_costs(passwords: Passwords) -> None:
    await passwords.db.run(add_credit, passwords.actor, AddCredit(amount=100_000_000))
    price = SetPrice(channel="sms", amount=1_000_000, account_id=passwords.actor.account_id)
    await passwords.db.run(set_price, OPERATOR, price)
    await passwords.limit("country_spend", "100")
    await passwords.limit("country_spend.34", "2.5")
    for place in range(2):
        await passwords.create(recipient=f"3460000{place}001")
    assert "to this country" in await refusal(passwords, recipient="34600002001")
    await passwords.create(recipient="306944000001")
    await passwords.work()
    await passwords.assert_whole()


async def test_the_sms_behind_an_instant_message_counts_for_the_ceiling(passwords: Passwords) -> None:
    await passwords.db.run(add_credit, passwords.actor, AddCredit(amount=100_000_000))
    price = SetPrice(channel="sms", amount=1_000_000, account_id=passwords.actor.account_id)
    await passwords.db.run(set_price, OPERATOR, price)
    await passwords.limit("country_spend.34", "2.5")
    sms = Fallback(sender="Blue", text="By SMS: {code}", validity=timedelta(minutes=2))
    send = Send(channel="im", sender="Blue", text="It is {code}", content=Content(), fallback=sms)
    for place in range(2):
        await passwords.create(recipient=f"3460000{place}001", send=send)
    with pytest.raises(SendLimitError, match="to this country"):
        await passwords.create(recipient="34600002001", send=send)


async def test_a_guesser_of_one_reference_has_its_attempts_and_no_more(passwords: Passwords) -> None:
    made = await passwords.create(length=3, validity=timedelta(hours=1))
    guesses = ("".join(one) for one in itertools.product("0123456789", repeat=3))
    verdicts = Counter([await passwords.verdict(guess) for guess in guesses if guess != made.code])
    assert verdicts == {"wrong": DEFAULTS.attempts, "exhausted": 999 - DEFAULTS.attempts}
    assert await passwords.verdict(made.code) == "exhausted"


async def test_a_guesser_across_references_of_a_recipient_comes_to_its_checks(passwords: Passwords) -> None:
    await passwords.limit("recipient_checks", "12")
    await passwords.limit("recipient_sends", "100")
    verdicts: Counter[str] = Counter()
    for place in range(10):
        made = await passwords.create(f"ref {place}")
        verdicts.update([await passwords.verdict(wrong_code(made.code), f"ref {place}") for _ in range(4)])
    assert verdicts == {"wrong": 12, "refused": 28}
    assert await passwords.verdict(made.code, "ref 9") == "refused"
    await passwords.advance(timedelta(hours=2))
    again = await passwords.create("later")
    assert await passwords.verdict(again.code, "later") == "valid"


async def test_a_guesser_sees_no_reference_that_is_from_one_that_is_not(passwords: Passwords) -> None:
    made = await passwords.create("real")
    for reference, name in (("real", "wrong"), ("unreal", "unknown")):
        verdicts = [await passwords.verdict(wrong_code(made.code), reference) for _ in range(8)]
        assert verdicts == [name] * 5 + ["exhausted"] * 3


async def test_a_reference_that_nobody_has_stays_exhausted_as_long_as_a_password_is_kept(passwords: Passwords) -> None:
    made = await passwords.create("real")
    references, wrong = ("real", "unreal", "unreal too"), wrong_code(made.code)

    async def verdicts(checks: int) -> list[list[str]]:
        return [[await passwords.verdict(wrong, one) for _ in range(checks)] for one in references]

    assert [one[-1] for one in await verdicts(6)] == ["exhausted"] * 3
    for hours in (2, 21, 1):
        await passwords.advance(timedelta(hours=hours))
        assert await verdicts(1) == [["exhausted"]] * 3
        await delete_counters(passwords.db)
    await passwords.advance(USUAL_VALIDITY + timedelta(minutes=1))
    assert await verdicts(6) == [["unknown"] * 5 + ["exhausted"]] * 3


async def test_what_cannot_be_a_reference_is_unknown(passwords: Passwords) -> None:
    for reference in ("", "x" * 256, "a\0b", "\ud800"):
        assert await passwords.verdict("123456", reference) == "unknown"
        with pytest.raises(InvalidInputError) as raised:
            await passwords.create(reference)
        assert raised.value.field == "reference"


async def test_counters_of_windows_that_are_over_are_deleted(passwords: Passwords) -> None:
    await passwords.create(text=None)
    await passwords.verdict("1", "nobody's")
    await passwords.advance(timedelta(hours=3))
    await delete_counters(passwords.db)
    assert [row[0] for row in await passwords.rows(COUNTERS)] == ["prefix_day", "prefix_verified", "reference_checks"]
    await passwords.advance(timedelta(hours=48))
    await delete_counters(passwords.db)
    assert await passwords.rows(COUNTERS) == []


async def test_a_window_has_its_share_of_the_one_before(passwords: Passwords) -> None:
    now, hour = passwords.db.clock.now(), timedelta(hours=1)
    assert in_window(now, now, hour, 8, 1) == 9
    assert in_window(now + hour / 4, now, hour, 8, 1) == 7
    assert in_window(now + hour, now, hour, 8, 1) == 1
    assert in_window(now - hour, now, hour, 8, 1) == 9  # another process's clock is ahead


# Limits ---------------------------------------------------------------------------------------------------------------


async def test_limits_are_shown_set_and_given_back(passwords: Passwords) -> None:
    await passwords.limit("recipient_sends", "3")
    await passwords.limit("country_spend.30", "12.5")
    shown = {one.name: (one.value, one.is_default) for one in await passwords.db.read(show_limits, passwords.actor)}
    assert (shown["recipient_sends"], shown["country_spend.30"]) == (("3", False), ("12.5", False))
    assert (shown["network_sends"], shown["country_spend"], shown["sender"]) == (
        ("20000", True),
        ("1000", True),
        ("OTP", True),
    )
    await passwords.db.run(set_limit, passwords.actor, SetLimit(name="recipient_sends", value=None))
    shown = {one.name: (one.value, one.is_default) for one in await passwords.db.read(show_limits, passwords.actor)}
    assert shown["recipient_sends"] == ("10", True)


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("colour", "5", "name"),
        ("country_spend.x", "5", "name"),
        ("recipient_sends", "0", "value"),
        ("recipient_sends", "many", "value"),
        ("recipient_sends", "9" * 40, "value"),
        ("recipient_sends", "\u0663", "value"),
        ("conversion_percent", "101", "value"),
        ("hedge_seconds", "601", "value"),
        ("country_spend", "-1", "value"),
        ("sender", "A name too long", "value"),
        ("sender", "", "value"),
    ],
)
async def test_a_limit_that_cannot_be_is_refused(passwords: Passwords, name: str, value: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        await passwords.limit(name, value)
    assert raised.value.field == field


async def test_the_accounts_sender_is_who_passwords_are_from_where_nothing_else_is_said(passwords: Passwords) -> None:
    await passwords.limit("sender", "Acme")
    await passwords.create("one", send=Send(sender="", text="{code}"))
    await passwords.create("two", send=Send(sender="Blue", text="{code}"))
    rows = await passwords.rows("SELECT sender FROM sending WHERE shard_key = $1 ORDER BY sending_id")
    assert rows == [["Acme"], ["Blue"]]


# Metrics --------------------------------------------------------------------------------------------------------------


async def test_what_is_made_checked_and_refused_is_counted(passwords: Passwords) -> None:
    await passwords.limit("recipient_sends", "2")
    made = await passwords.create()
    await passwords.create("other", text=None)
    with pytest.raises(SendLimitError):
        await passwords.create("third")
    with pytest.raises(PendingOtpError):
        await passwords.create(refuses_pending=True)
    for code in (wrong_code(made.code), made.code, made.code):
        await passwords.verdict(code)
    families = passwords.db.process_state(OtpMetrics).collect()
    assert {(one.name, *one.labels.values()): one.value for family in families for one in family.samples} == {
        ("carillon_otp_created_total", "test", "sms"): 1,
        ("carillon_otp_created_total", "test", "none"): 1,
        ("carillon_otp_refused_total", "test", "recipient_sends"): 1,
        ("carillon_otp_refused_total", "test", "pending_otp"): 1,
        ("carillon_otp_checks_total", "test", "wrong"): 1,
        ("carillon_otp_checks_total", "test", "valid"): 1,
        ("carillon_otp_checks_total", "test", "used"): 1,
    }
