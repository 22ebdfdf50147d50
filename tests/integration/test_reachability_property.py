"""A file never makes anybody reachable who was not, whatever files, removals and changes of addresses come before."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support import OPERATOR, Tenant

from carillon.audience.contacts.contact import ContactKey, KeyKind
from carillon.audience.contacts.delete import DeleteContacts, delete_contacts
from carillon.audience.imports import source
from carillon.audience.imports.file_import import FileImport, import_file
from carillon.audience.verify import verify_audiences
from carillon.db.database import Database
from carillon.tenancy.accounts import CreateAccount, OpenAccount, create_account, open_account

PHONES = ["0531234561", "0531234562", "0531234563"]
EMAILS = ["a@mail.example", "b@mail.example", "c@mail.example"]
COLUMNS = "external_id,phone,email,sms_status,email_status,consents.NEWS.sms,consents.NEWS.email"
SAID = ["", "", "", "subscribed", "unsubscribed", "unconfirmed", "blocked"]
CONSENTS = ["", "", "yes", "no"]
ROWS = st.tuples(
    st.sampled_from(["", "e1", "e2"]),
    st.sampled_from(["", *PHONES]),
    st.sampled_from(["", *EMAILS]),
    st.sampled_from(SAID),
    st.sampled_from(SAID),
    st.sampled_from(CONSENTS),
    st.sampled_from(CONSENTS),
).filter(lambda row: any(row[:3]))
STEPS = st.one_of(
    st.tuples(st.just("import"), st.lists(ROWS, min_size=1, max_size=5)),
    st.tuples(st.just("import"), st.lists(ROWS, min_size=1, max_size=5)),
    st.tuples(st.just("remove"), st.sampled_from([*PHONES, *EMAILS])),
)
REACHABLE = """
SELECT v.address, v.channel, v.status = 1 AS is_reachable, s.granted
FROM contact c
CROSS JOIN LATERAL (
    VALUES ('sms', c.phone, c.sms_status), ('email', c.email, c.email_status)
) AS v (channel, address, status)
LEFT JOIN consent s ON s.account_id = c.account_id AND s.audience_id = c.audience_id AND s.contact_id = c.contact_id
  AND s.channel = v.channel
WHERE c.account_id = $1 AND v.address IS NOT NULL"""


def phone_key(given: str) -> str:
    return f"972{given[1:]}"


def taken_by(rows: list[tuple[str, ...]]) -> set[tuple[str, str]]:
    """Return the addresses, and those of purposes, that rows take reachability from."""
    taken: set[tuple[str, str]] = set()
    for _, phone, email, sms, mail, news_sms, news_mail in rows:
        for address, said, news in ((phone and phone_key(phone), sms, news_sms), (email, mail, news_mail)):
            if address and said in {"unsubscribed", "unconfirmed", "blocked"}:
                taken.add((address, "status"))
            if address and news == "no":
                taken.add((address, "NEWS"))
    return taken


async def observed(db: Database, tenant: Tenant) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Return what is given, and what is refused or not confirmed, by address."""
    async with db.transaction() as tx:
        rows = await tx.fetch(REACHABLE, tenant.account_id)
    given_now = {(row["address"], "status") for row in rows if row["is_reachable"]}
    given_now |= {(row["address"], "NEWS") for row in rows if row["granted"]}
    taken = {(row["address"], "status") for row in rows if not row["is_reachable"]}
    taken |= {(row["address"], "NEWS") for row in rows if row["granted"] is False}
    return given_now, taken


@pytest.mark.any_database
@pytest.mark.parametrize("chunk_rows", [2, 1000])
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=st.lists(STEPS, min_size=2, max_size=10))
async def test_what_was_taken_from_an_address_is_never_given_back_by_a_file(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, chunk_rows: int, steps: list[tuple[str, Any]]
) -> None:
    monkeypatch.setattr(source, "CHUNK_ROWS", chunk_rows)
    made = await db.run(create_account, OPERATOR, CreateAccount(name="Reached", country="IL"))
    actor = await db.read(open_account, OPERATOR, OpenAccount(account_id=made.account.account_id))
    tenant = Tenant(account_id=actor.account_id, audience_id=made.audience_id, actor=actor)
    ever_taken: set[tuple[str, str]] = set()
    for number, (step, what) in enumerate(steps):
        if step == "import":
            path = tmp_path / f"{number}.csv"
            path.write_text("\n".join([COLUMNS, *(",".join(row) for row in what), ""]), "utf-8")
            await import_file(db, actor, FileImport(path=path, again=True), lambda _rows: None)
            ever_taken |= taken_by(what)
        else:
            kind = KeyKind.EMAIL if "@" in what else KeyKind.PHONE
            await db.run(delete_contacts, actor, DeleteContacts(keys=[ContactKey(kind=kind, value=what)]))
        given_now, taken = await observed(db, tenant)
        ever_taken |= taken
        assert not given_now & ever_taken, (number, given_now & ever_taken)
    assert await db.run(verify_audiences, actor) == []
