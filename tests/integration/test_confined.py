"""An actor whose credential was bound to an audience, in the engine: it is never in another one, and finds no other."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support import Tenant, new_key

from carillon.audience.audiences import (
    CreateAudience,
    GetAudience,
    ListAudiences,
    PageAudiences,
    count_audiences,
    create_audience,
    delete_audience,
    get_audience,
    list_audiences,
    page_audiences,
)
from carillon.audience.descriptions import (
    DeleteDescribedAudience,
    DescribeAudiences,
    delete_described_audience,
    describe_audiences,
)
from carillon.audience.fields import fields_of_audiences
from carillon.db.database import Database
from carillon.errors import AudienceConfinedError, NotFoundError
from carillon.kit.actor import Actor
from carillon.kit.ids import AudienceId
from carillon.tenancy.authentication import Authenticator, Login
from carillon.tenancy.credentials import ListCredentials, create_credential, list_credentials
from carillon.tenancy.rate_limits import RateLimiter
from carillon.tenancy.secrets import SecretBox


@pytest.fixture
async def other(db: Database, account: Tenant) -> AudienceId:
    return (await db.run(create_audience, account.actor, CreateAudience(name="Athens"))).audience_id


async def actor_of(db: Database, account: Tenant, folder: Path, **options: Any) -> Actor:
    """Make a credential, and return whom it authenticates."""
    box = SecretBox(folder / "secret.key")
    made = await db.run(create_credential, account.actor, new_key("devino", **options), box)
    login = Login.from_key("devino", made.parts["key"], remote_address="192.0.2.7")
    return await Authenticator(db, RateLimiter(), box).authenticate(login)


async def reached(db: Database, actor: Actor, *audience_ids: int) -> list[set[int]]:
    """Return the audiences that each operation on several of them finds."""
    pages = [
        (await db.read(list_audiences, actor, ListAudiences())).items,
        (await db.read(page_audiences, actor, PageAudiences(limit=10))).items,
    ]
    described = await db.read(describe_audiences, actor, DescribeAudiences(audience_ids=audience_ids))
    counts = await db.read(count_audiences, actor, audience_ids)
    fields = await db.read(fields_of_audiences, actor, audience_ids)
    assert (await db.read(page_audiences, actor, PageAudiences(limit=10))).total == len(pages[1])
    listed: list[set[int]] = [{one.audience_id for one in page} for page in pages]
    return [*listed, set(described), set(counts), set(fields)]


async def test_it_is_never_in_another_audience(db: Database, account: Tenant, other: int, tmp_path: Path) -> None:
    actor = await actor_of(db, account, tmp_path, audience_id=other)
    assert (actor.audience_id, actor.confined_to) == (other, other)
    with pytest.raises(NotFoundError) as refused:
        replace(actor, audience_id=account.audience_id)
    assert refused.value.subject == "audience"


async def test_operations_on_several_audiences_find_it_alone(
    db: Database, account: Tenant, other: int, tmp_path: Path
) -> None:
    actor = await actor_of(db, account, tmp_path, audience_id=other)
    both = (account.audience_id, other)
    assert await reached(db, actor, *both) == [{other}] * 5
    assert await reached(db, await actor_of(db, account, tmp_path), *both) == [set(both)] * 5
    await db.read(get_audience, actor, GetAudience(audience_id=other))
    with pytest.raises(NotFoundError):
        await db.read(get_audience, actor, GetAudience(audience_id=account.audience_id))


async def test_it_neither_makes_nor_deletes_audiences(
    db: Database, account: Tenant, other: int, tmp_path: Path
) -> None:
    actor = await actor_of(db, account, tmp_path, audience_id=other)
    with pytest.raises(AudienceConfinedError, match=f"audience {other} only"):
        await db.run(create_audience, actor, CreateAudience(name="Patras"))
    with pytest.raises(AudienceConfinedError):
        await db.run(delete_audience, actor)
    with pytest.raises(AudienceConfinedError):
        await db.run(delete_described_audience, actor, DeleteDescribedAudience(precondition=lambda _: None))


@pytest.mark.parametrize("names_default", [True, False])
async def test_one_of_an_earlier_version_is_bound_unless_its_audience_is_the_default(
    db: Database, account: Tenant, other: AudienceId, tmp_path: Path, *, names_default: bool
) -> None:
    audience_id = account.audience_id if names_default else other
    box = SecretBox(tmp_path / "secret.key")
    inside = replace(account.actor, audience_id=audience_id)
    made = await db.run(create_credential, inside, new_key("devino"), box)
    async with db.transaction() as tx:
        await tx.execute("UPDATE credential SET confined = NULL WHERE account_id = $1", account.account_id)
    login = Login.from_key("devino", made.parts["key"], remote_address="192.0.2.7")
    actor = await Authenticator(db, RateLimiter(), box).authenticate(login)
    assert actor.confined_to == (None if names_default else other)
    (shown,) = await db.read(list_credentials, account.actor, ListCredentials())
    assert shown.confined is not names_default
