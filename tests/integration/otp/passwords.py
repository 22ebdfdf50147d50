"""An account whose one-time passwords go to simulated phones, and what a guesser knows of them."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.integration.messaging.sandbox import Sandbox

from carillon.db.database import Database, Tx
from carillon.kit.actor import Actor
from carillon.messaging.queries import simulated_phones
from carillon.messaging.sendings import Send
from carillon.messaging.verify import verify_account
from carillon.otp.check import Checked, CheckOtp, check_otp
from carillon.otp.create import CreateOtp, NewOtp, create_otp
from carillon.otp.limits import SetLimit, set_limit
from carillon.otp.queries import verify_otps
from carillon.tenancy.secrets import SecretBox

PHONE = "34600000001"
TEXT = "Your code is {code}."


class Passwords(Sandbox):
    """A sandbox account with what makes and checks its passwords."""

    def __init__(self, db: Database, actor: Actor, folder: Path) -> None:
        self.box = SecretBox(folder / "secret.key")
        super().__init__(db, actor, {}, self.box)

    async def create(self, reference: str = "login", recipient: str = PHONE, **options: Any) -> NewOtp:
        given: dict[str, Any] = {"dialect": "test", "validity": timedelta(minutes=5), "length": 6} | options
        text = given.pop("text", TEXT)
        given.setdefault("send", Send(sender="Blue", text=text) if text else None)
        command = CreateOtp(reference=reference, recipient=recipient, **given)
        return await create_otp(self.db, self.actor, command, self.box)

    async def check(self, code: str, reference: str = "login", **options: Any) -> Checked:
        command = CheckOtp(dialect="test", reference=reference, code=code, **options)
        return await self.db.run(check_otp, self.actor, command, self.box)

    async def verdict(self, code: str, reference: str = "login", **options: Any) -> str:
        return (await self.check(code, reference, **options)).verdict.value

    async def limit(self, name: str, value: str) -> None:
        await self.db.run(set_limit, self.actor, SetLimit(name=name, value=value))

    async def phone(self, address: str = PHONE) -> list[str]:
        """What a phone has got, the latest first."""
        rows = await self.db.read(simulated_phones, self.actor, self.box, addresses=[address])
        return [row["text"] for row in rows]

    async def rows(self, sql: str) -> list[list[Any]]:
        return [list(row.values()) for row in await self.db.read(Tx.fetch, sql, self.actor.account_id)]

    async def assert_whole(self) -> None:
        """The books of messages and of passwords are right."""
        assert await self.db.run(verify_account, self.actor, retention_days=30) == []
        assert await self.db.read(verify_otps, self.actor) == []
