"""Passwords against a model of a few lines: no sequence of calls verifies a code twice, or too late, or too often."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.otp.passwords import Passwords
from tests.support import OPERATOR

from carillon.db.database import Database
from carillon.otp.create import PendingOtpError
from carillon.otp.otps import KEPT
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

REFERENCES = ["login", "payment"]
LENGTH = 12  # so that no two codes are the same by chance


@dataclass(kw_only=True)
class Password:
    """What a plain reading of the rules knows of a reference."""

    code: str
    most: int
    expires_at: datetime
    attempts: int = 0
    used_at: datetime | None = None
    earlier: list[str] = field(default_factory=list)

    def is_pending(self, now: datetime) -> bool:
        return self.used_at is None and self.attempts < self.most and now < self.expires_at

    def is_kept(self, now: datetime) -> bool:
        return now < (self.used_at or self.expires_at) + KEPT

    def check(self, code: str, now: datetime) -> str:
        self.attempts += 1
        if self.used_at is not None and code == self.code:
            return "used"
        if self.attempts > self.most:
            return "exhausted"
        if self.used_at is None and now >= self.expires_at:
            return "expired"
        if code == self.code:
            self.used_at = now
            return "valid"
        return "superseded" if code in self.earlier[:5] else "wrong"


class World:
    """The passwords of an account beside the model of them."""

    def __init__(self, passwords: Passwords) -> None:
        self.passwords = passwords
        self.model: dict[str, Password] = {}
        self.unknown: Counter[str] = Counter()
        self.valid: Counter[str] = Counter()
        self.offset = timedelta()

    @property
    def now(self) -> datetime:
        return self.passwords.db.clock.now() + self.offset

    async def create(self, place: int, seconds: int, most: int, refuses: bool) -> None:  # noqa: FBT001 - a step's
        reference = REFERENCES[place]
        known = self.model.get(reference)
        options: dict[str, Any] = {"validity": timedelta(seconds=seconds), "max_attempts": most, "length": LENGTH}
        try:
            made = await self.passwords.create(reference, refuses_pending=refuses, **options)
        except PendingOtpError:
            assert known is not None
            assert known.is_pending(self.now)
            return
        assert not (refuses and known and known.is_pending(self.now))
        earlier = [known.code, *known.earlier] if known else []
        self.model[reference] = Password(
            code=made.code, most=most, expires_at=self.now + timedelta(seconds=seconds), earlier=earlier
        )

    async def check(self, place: int, which: int, times: int) -> None:
        reference = REFERENCES[place]
        known = self.model.get(reference)
        code = self._code(known, which)
        found = await asyncio.gather(*(self.passwords.verdict(code, reference) for _ in range(times)))
        if known is None:
            expected = []
            for _ in range(times):
                self.unknown[reference] += 1
                expected.append("unknown" if self.unknown[reference] <= 5 else "exhausted")
        else:
            expected = [known.check(code, self.now) for _ in range(times)]
        assert Counter(found) == Counter(expected)
        self.valid[code] += found.count("valid")
        assert self.valid[code] <= 1

    def _code(self, known: Password | None, which: int) -> str:
        """The code itself, one before it, the other reference's, or a guess."""
        others = [one.code for one in self.model.values() if one is not known]
        codes = [known.code, *known.earlier] if known else []
        return ([*codes, *others, "0" * LENGTH] * 8)[which]

    async def advance(self, seconds: int) -> None:
        self.offset += timedelta(seconds=seconds)
        await self.passwords.advance(timedelta(seconds=seconds))
        self.model = {name: one for name, one in self.model.items() if one.is_kept(self.now)}

    async def work(self) -> None:
        await self.passwords.work()
        # What works finds gone is gone; what it does not find yet is as if it was.
        await self.passwords.assert_whole()


PLACES = st.integers(0, len(REFERENCES) - 1)
STEPS = st.one_of(
    st.tuples(st.just("create"), PLACES, st.sampled_from([20, 60, 300]), st.integers(1, 4), st.booleans()),
    st.tuples(st.just("check"), PLACES, st.integers(0, 7), st.sampled_from([1, 1, 1, 2, 6])),
    st.tuples(st.just("check"), PLACES, st.just(0), st.just(1)),
    st.tuples(st.just("advance"), st.sampled_from([1, 19, 20, 40, 60, 300])),
    st.tuples(st.just("work")),
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=3, max_size=20))
async def test_passwords_do_what_the_model_does(db: Database, tmp_path: Path, *, steps: list[tuple[Any, ...]]) -> None:
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Law", country="ES", sandbox=True))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    world = World(Passwords(db, actor, tmp_path))
    for limit in ("recipient_sends", "recipient_checks"):
        await world.passwords.limit(limit, "100000")
    for name, *arguments in steps:
        await getattr(world, name)(*arguments)
    await world.passwords.advance(timedelta(minutes=6))
    await world.passwords.assert_whole()
    rows = await world.passwords.rows("SELECT count(*) FROM sending WHERE shard_key = $1 AND octet_length(sealed) > 0")
    assert rows == [[0]]
