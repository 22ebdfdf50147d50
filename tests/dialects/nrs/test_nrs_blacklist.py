"""Blacklists through 360NRS's API: the account's suppressions, whatever dialect they come from."""

from datetime import timedelta

import pytest
from tests.dialects.nrs.wire import Wire

from carillon.audience.contacts.contact import ContactKey, KeyKind, SubscriptionStatus
from carillon.audience.contacts.lookup import FindContacts, find_contacts
from carillon.audience.suppressions import Address, Channel, Suppress, suppress
from carillon.db.database import Database, Tx
from carillon.kit.actor import Actor

KINDS = ["sms", "mailing", "voice"]
RECIPIENTS = {"sms": "34612000111", "mailing": "rosa@example.org", "voice": "34612000111"}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_recipient_is_added_listed_and_removed(wire: Wire, kind: str) -> None:
    recipient = RECIPIENTS[kind]
    reply = await wire.send("PUT", f"/v2/blacklist/{kind}", {"recipient": recipient})
    assert reply.status_code == 200
    assert list(reply.json()["data"].items()) == [
        ("type", kind),
        ("recipient", recipient),
        ("isDefinitive", False),
        ("campaignName", None),
        ("createdAt", "2025-03-09T10:30:00+00:00"),
    ]
    (line,) = (await wire.get(f"/v2/blacklist/{kind}"))["data"]
    assert list(line.items()) == [
        ("type", kind),
        ("recipient", recipient),
        ("isDefinitive", False),
        ("sendingId", None),
        ("campaignName", None),
        ("createdAt", "2025-03-09T10:30:00+00:00"),
    ]
    for other in set(KINDS) - {kind}:
        assert (await wire.get(f"/v2/blacklist/{other}"))["data"] == []
    gone = await wire.send("DELETE", f"/v2/blacklist/{kind}", {"recipient": recipient})
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await wire.get(f"/v2/blacklist/{kind}"))["data"] == []


async def test_adding_a_recipient_again_changes_nothing(wire: Wire) -> None:
    first = await wire.send("PUT", "/v2/blacklist/sms", {"recipient": "34612000111"})
    wire.clock.moment += timedelta(days=1)
    again = await wire.send("PUT", "/v2/blacklist/sms", {"recipient": "+34 612 000 111"})
    assert (again.status_code, again.json()) == (200, first.json())


async def test_removing_who_is_not_there_is_not_found(wire: Wire) -> None:
    body = {"recipient": "34612000111"}
    expected = (404, 404, "The recipient is not on the blacklist.")
    assert await wire.refusal("DELETE", "/v2/blacklist/sms", body) == expected


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize(
    ("kind", "recipient"),
    [
        *[("sms", "rosa@example.org"), ("sms", "six one two"), ("sms", ["34612000111"]), ("sms", {"a": "34612000111"})],
        *[("voice", "12"), ("voice", True), ("mailing", "34612000111"), ("mailing", "a b"), ("mailing", 5)],
    ],
)
async def test_a_recipient_of_the_wrong_kind_is_refused(wire: Wire, method: str, kind: str, recipient: object) -> None:
    status, code, description = await wire.refusal(method, f"/v2/blacklist/{kind}", {"recipient": recipient})
    assert (status, code) == (422, 422)
    assert description.startswith("The recipient field is invalid: ")


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("body", [{}, {"recipient": " "}, {"recipient": None}])
async def test_a_recipient_is_required(wire: Wire, method: str, body: dict[str, object]) -> None:
    expected = (422, 422, "The recipient field is required.")
    assert await wire.refusal(method, "/v2/blacklist/sms", body) == expected


@pytest.mark.parametrize("kind", ["email", "SMS", "push", "%00"])
async def test_an_unknown_blacklist_is_not_found(wire: Wire, kind: str) -> None:
    for method in ("GET", "PUT", "DELETE"):
        body = None if method == "GET" else {"recipient": "34612000111"}
        expected = (404, 404, "There is no such blacklist.")
        assert await wire.refusal(method, f"/v2/blacklist/{kind}", body) == expected


async def test_a_phone_may_be_international_or_national(wire: Wire) -> None:
    # The account is in Israel.
    for given, read in (
        ("34612000111", "34612000111"),
        ("0034612000112", "34612000112"),
        ("+34612000113", "34612000113"),
        ("0521110001", "972521110001"),
        ("972521110002", "972521110002"),
    ):
        reply = await wire.send("PUT", "/v2/blacklist/sms", {"recipient": given})
        assert reply.json()["data"]["recipient"] == read
        found = await wire.get("/v2/blacklist/sms", recipient=given)
        assert [one["recipient"] for one in found["data"]] == [read]


@pytest.mark.parametrize(
    ("country", "stored"),
    [
        ("ES", "99000000000"),
        ("FR", "99000000000"),
        ("IL", "97299000000000"),  # the only one of them whose plan has numbers of eleven digits
    ],
)
@pytest.mark.parametrize("kind", ["sms", "voice"])
async def test_the_references_recipient_stays_as_it_is_unless_the_country_has_such_numbers(
    wire: Wire, country: str, stored: str, kind: str
) -> None:
    await wire.runtime.db.run(_move_to, wire.account.actor, country)
    body = {"recipient": "99000000000"}
    for _ in range(2):
        reply = await wire.send("PUT", f"/v2/blacklist/{kind}", body)
        assert (reply.status_code, reply.json()["data"]["recipient"]) == (200, stored)
    for text in ("99000000000", stored, f"+{stored}"):
        (line,) = (await wire.get(f"/v2/blacklist/{kind}", recipient=text))["data"]
        assert line["recipient"] == stored
    assert (await wire.send("DELETE", f"/v2/blacklist/{kind}", body)).status_code == 204


async def test_the_references_recipient_is_never_another_one_that_is_known(wire: Wire) -> None:
    """Spain has no number of such a length, whoever has it."""
    await wire.runtime.db.run(_move_to, wire.account.actor, "ES")
    other, given = {"recipient": "+3499000000000"}, {"recipient": "99000000000"}
    await wire.send("PUT", "/v2/blacklist/sms", other)
    added = await wire.send("PUT", "/v2/blacklist/sms", given)
    assert added.json()["data"]["recipient"] == "99000000000"
    (found,) = (await wire.get("/v2/blacklist/sms", recipient="99000000000"))["data"]
    assert found["recipient"] == "99000000000"
    assert (await wire.send("DELETE", "/v2/blacklist/sms", given)).status_code == 204
    assert (await wire.send("DELETE", "/v2/blacklist/sms", given)).status_code == 404
    (left,) = (await wire.get("/v2/blacklist/sms"))["data"]
    assert left["recipient"] == "3499000000000"


async def test_a_number_that_no_plan_knows_is_a_contacts_phone(wire: Wire) -> None:
    contact = await wire.add(phone="99000000000", countryIso="ES")
    assert contact["phone"] == "99000000000"
    assert await wire.put(contact["id"], phone="99000000000", countryIso="ES") == contact
    (found,) = (await wire.get("/contacts", phone="99000000000", countryIso="ES"))["data"]
    assert found["id"] == contact["id"]


async def test_filters_find_recipients(wire: Wire) -> None:
    for name in ("a", "b", "c"):
        await wire.send("PUT", "/v2/blacklist/mailing", {"recipient": f"{name}@Example.org"})
    for filters, found in (
        ({}, ["a@example.org", "b@example.org", "c@example.org"]),
        ({"recipient": "B@example.org"}, ["b@example.org"]),
        ({"recipient": "d@example.org"}, []),
        ({"recipient": "x"}, []),
        ({"sendingId": 7}, []),
        ({"sendingId": 7, "recipient": "b@example.org"}, []),
        ({"page": 2, "limit": 2}, ["c@example.org"]),
    ):
        assert [one["recipient"] for one in (await wire.get("/v2/blacklist/mailing", **filters))["data"]] == found
    assert (await wire.refusal("GET", "/v2/blacklist/mailing?sendingId=x"))[:2] == (422, 422)


async def test_pages_are_linked_with_their_filters(wire: Wire) -> None:
    for number in range(3):
        await wire.send("PUT", "/v2/blacklist/voice", {"recipient": f"3461200011{number}"})
    pagination = (await wire.get("/v2/blacklist/voice", limit=1, page=2))["meta"]["pagination"]
    base = "http://carillon.example/api/rest/v2/blacklist/voice?limit=1&page="
    assert pagination == {
        "total": 3,
        "count": 1,
        "per_page": 1,
        "current_page": 2,
        "total_pages": 3,
        "links": {"previous": f"{base}1", "next": f"{base}3"},
    }


async def test_who_is_blocked_elsewhere_is_listed_and_can_be_removed(wire: Wire, db: Database) -> None:
    address = Address(channel=Channel.SMS, value="0521110001")
    await db.run(suppress, wire.account.actor, Suppress(addresses=[address], reason="asked"))
    assert [one["recipient"] for one in (await wire.get("/v2/blacklist/sms"))["data"]] == ["972521110001"]
    reply = await wire.send("DELETE", "/v2/blacklist/sms", {"recipient": "972521110001"})
    assert reply.status_code == 204


async def test_a_blacklisted_contact_is_unsubscribed_and_stays_so(wire: Wire, db: Database) -> None:
    await wire.send("PUT", "/v2/blacklist/mailing", {"recipient": "x@example.org"})
    contact = await wire.add(email="x@example.org", phone="612000111", countryIso="ES")
    await wire.send("PUT", "/v2/blacklist/sms", {"recipient": "34612000111"})
    key = ContactKey(kind=KeyKind.CONTACT_ID, value=str(contact["id"]))
    (found,) = await db.read(find_contacts, wire.account.actor, FindContacts(key=key))
    assert (found.sms_status, found.email_status) == (SubscriptionStatus.UNSUBSCRIBED, SubscriptionStatus.UNSUBSCRIBED)
    await wire.send("DELETE", f"/contacts/{contact['id']}")
    assert len((await wire.get("/v2/blacklist/sms"))["data"]) == 1


async def test_a_recipient_as_a_contact_or_a_line_is_shown_is_that_number(wire: Wire) -> None:
    # Short for a Spanish number, so that a number of an account in Israel is the likelier reading of its digits.
    shown = "3466666667"
    made = await wire.add(phone=shown, countryIso="ES")
    for kind in ("sms", "voice"):
        put = await wire.send("PUT", f"/v2/blacklist/{kind}", {"recipient": shown})
        assert put.json()["data"]["recipient"] == made["phone"] == shown
        (line,) = (await wire.get(f"/v2/blacklist/{kind}", recipient=shown))["data"]
        assert line["recipient"] == shown
    await wire.send("DELETE", f"/contacts/{made['id']}")
    for kind in ("sms", "voice"):
        assert (await wire.send("DELETE", f"/v2/blacklist/{kind}", {"recipient": shown})).status_code == 204
        assert (await wire.get(f"/v2/blacklist/{kind}"))["data"] == []


@pytest.mark.parametrize(("country", "number"), [("US", "4534609716"), ("ES", "687751234"), ("IL", "3466666667")])
async def test_a_recipient_is_the_contact_that_was_written_from_the_same_text(
    wire: Wire, country: str, number: str
) -> None:
    await wire.runtime.db.run(_move_to, wire.account.actor, country)
    made = await wire.add(phone=number, countryIso=country)
    put = await wire.send("PUT", "/v2/blacklist/sms", {"recipient": number})
    assert put.json()["data"]["recipient"] == made["phone"]
    (found,) = (await wire.get("/contacts", phone=number))["data"]
    assert found["id"] == made["id"]


async def _move_to(tx: Tx, actor: Actor, country: str) -> None:
    where = "WHERE account_id = $1"
    for table in ("account", "audience"):
        await tx.execute(f"UPDATE {table} SET country = $2 {where}", actor.account_id, country)  # noqa: S608 - our own names


async def test_who_added_a_recipient_is_told_without_the_user_name(wire: Wire, db: Database) -> None:
    await wire.send("PUT", "/v2/blacklist/sms", {"recipient": "34612000111"})
    await wire.send("DELETE", "/v2/blacklist/sms", {"recipient": "34612000111"})
    async with db.transaction() as tx:
        found = await tx.fetch("SELECT actor FROM suppression_entry WHERE account_id = $1", wire.account.account_id)
    assert [row["actor"] for row in found] == ["360NRS", "360NRS"]
