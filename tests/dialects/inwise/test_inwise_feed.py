"""GET /contacts: each contact once for each key, whatever happens meanwhile."""

import asyncio
from dataclasses import replace

import httpx
from tests.dialects.inwise.wire import Wire
from tests.support import new_key

from carillon.app import create_app
from carillon.db.database import Database
from carillon.tenancy.authentication import Authenticator
from carillon.tenancy.credentials import create_credential
from carillon.tenancy.rate_limits import RateLimiter


async def fill(wire: Wire, first: int, count: int) -> None:
    rows = "".join(f"n{number}@example.com\n" for number in range(first, first + count))
    await wire.insert(f"Email\n{rows}", {"Email": "[Email]"})


async def second_key(wire: Wire) -> str:
    command = new_key("inwise")
    made = await wire.runtime.db.run(create_credential, wire.account.actor, command, wire.runtime.secret_box)
    return made.parts["key"]


async def test_an_empty_audience_has_an_empty_feed(wire: Wire) -> None:
    assert await wire.feed() == []


async def test_a_contact_comes_once_with_all_it_has(wire: Wire) -> None:
    contact_id = await wire.save(email="a@example.com", add_to_groups_ids=[await wire.group("A")])
    shown = await wire.show(contact_id)
    assert await wire.feed() == [shown]
    assert await wire.feed() == []


async def test_an_update_does_not_count(wire: Wire) -> None:
    await wire.save(email="a@example.com")
    await wire.feed()
    await wire.save(email="a@example.com", fields=[{"name": "field1", "content": "Ada"}])
    later = await wire.save(email="b@example.com")
    assert [one["id"] for one in await wire.feed()] == [later]


async def test_a_call_gives_a_thousand_at_most_oldest_first(wire: Wire) -> None:
    await fill(wire, 0, 2_050)
    pages = [await wire.feed() for _ in range(4)]
    assert [len(page) for page in pages] == [1_000, 1_000, 50, 0]
    ids = [one["id"] for page in pages for one in page]
    assert ids == sorted(set(ids))


async def test_each_key_has_its_own_place(wire: Wire) -> None:
    contact_id = await wire.save(email="a@example.com")
    other = await second_key(wire)
    for key in (wire.key, other):
        assert [one["id"] for one in await wire.feed(key)] == [contact_id]
        assert await wire.feed(key) == []


async def test_the_place_survives_a_restart(wire: Wire, dsn: str) -> None:
    await wire.save(email="a@example.com")
    await wire.feed()
    later = await wire.save(email="b@example.com")
    restarted = await Database.connect(dsn, clock=wire.clock, size=2)
    try:
        runtime = replace(
            wire.runtime, db=restarted, authenticator=Authenticator(restarted, RateLimiter(), wire.runtime.secret_box)
        )
        transport = httpx.ASGITransport(create_app(runtime), client=("192.0.2.10", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="http://carillon.example") as client:
            again = replace(wire, client=client, runtime=runtime)
            assert [one["id"] for one in await again.feed()] == [later]
            assert await again.feed() == []
    finally:
        await restarted.close()


async def test_twenty_calls_at_once_never_give_a_contact_twice(wire: Wire) -> None:
    await fill(wire, 0, 3_500)
    pages = await asyncio.gather(*(wire.feed() for _ in range(20)))
    ids = [one["id"] for page in pages for one in page]
    assert len(ids) == len(set(ids)) == 3_500


async def test_nothing_is_skipped_while_contacts_are_made(wire: Wire) -> None:
    async def make(number: int) -> int:
        return await wire.save(email=f"c{number}@example.com")

    async def read() -> list[int]:
        found: list[int] = []
        for _ in range(12):
            found += [one["id"] for one in await wire.feed()]
        return found

    results = await asyncio.gather(read(), read(), *(make(number) for number in range(60)))
    readers, made = results[:2], results[2:]
    seen = [contact_id for found in readers if isinstance(found, list) for contact_id in found]
    seen += [one["id"] for one in await wire.feed()]
    assert sorted(seen) == sorted(one for one in made if isinstance(one, int))


async def test_showing_a_contact_does_not_consume_it(wire: Wire) -> None:
    contact_id = await wire.save(email="a@example.com")
    await wire.show(contact_id)
    assert len(await wire.feed()) == 1
