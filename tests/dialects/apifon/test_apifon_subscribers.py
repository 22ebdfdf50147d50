"""Subscribers of lists, endpoint by endpoint."""

import asyncio
import hashlib
from datetime import timedelta
from typing import Any

import pytest
from tests.dialects.apifon.wire import BLOCKS, HOST, LISTS, Wire, values_of
from tests.support import OPERATOR

from carillon.audience.contacts.contact import SubscriptionStatus
from carillon.audience.contacts.save import SaveContact, save_contact
from carillon.audience.groups import DeleteGroups, GroupKey, delete_groups
from carillon.audience.locks import lock_audience
from carillon.audience.upsert.rows import ContactRow
from carillon.dialects.apifon.mapping import epoch_milliseconds
from carillon.tenancy.accounts import CreateAccount, create_account
from carillon.tenancy.audit import ListAudit, list_audit

NUMBER, MAIL = "306912345678", "ana@mail.example"
MOMENT = 1_741_516_200_000  # 2025-03-09 10:30 UTC


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


async def list_with_fields(wire: Wire) -> tuple[str, dict[str, str]]:
    """A list with a field of each type, two purposes and two groups; its path, and subgroups' identifiers by name."""
    place = await wire.made_list(double_optin={"mobile": True})
    for name, kind in (("First name", "TEXT"), ("Visits", "NUMBER"), ("Site", "URL"), ("Work", "EMAIL"),
                       ("Other", "MOBILE_NUMBER"), ("Joined", "DATE")):  # fmt: skip
        await wire.ok("POST", f"{place}/field", {"name": name, "type": kind, "length": 50}, 201)
    await wire.ok("PUT", f"{place}/field/date_JOINED", {"name": "Joined", "length": 50, "date_format": "dd/MM/yy"})
    for name in ("Offers", "News"):
        await wire.ok("POST", f"{place}/gdpr", {"name": name}, 201)
    identities: dict[str, str] = {}
    for group, selection, names in (("Food", "MULTIPLE", ["Fish", "Meat"]), ("Size", "SINGLE", ["Big", "Small"])):
        body = {"name": group, "type": "GROUP", "selectionType": selection}
        made = (await wire.call("POST", f"{place}/group", body)).headers["location"].removeprefix(HOST)
        await wire.ok("POST", f"{made.replace('/group/', '/')}/options", {"name": names}, 201)
        identities |= {one["name"]: one["field"] for one in (await wire.ok("GET", made))["options"]}
    return place, identities


async def add(wire: Wire, place: str, destination: str | None = f"+{NUMBER}", **more: Any) -> str:
    body = {"destination": destination, **more}
    reply = await wire.call("POST", f"{place}/subscriber", body)
    assert (reply.status_code, reply.content) == (201, b""), reply.text
    return str(reply.headers["location"].removeprefix(HOST))


async def found(wire: Wire, place: str, *conditions: tuple[str, str, Any], **more: Any) -> list[str]:
    asked = [{"name": name, "op": op, "vl": value} for name, op, value in conditions]
    body = await wire.ok("POST", f"{place}/subscriber/query", {"conditions": asked, **more})
    return [one["destination"] for one in body["results"]]


async def test_a_subscriber_is_added_and_shown_whole(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    made = await add(
        wire, place, email="Ana@Mail.example", status="UNSUBSCRIBED", email_status="SUBSCRIBED",
        subscriber_fields={"FIRST_NAME": "Ana", "VISITS": 3, "SITE": "https://ana.example/a", "WORK": "a@work.example",
                           "OTHER": "6912345679", "date_JOINED": MOMENT},
        gdpr_fields={"OFFERS": {"mobile": True, "email": False}}, groupOptions=[options["Fish"], options["Big"]],
    )  # fmt: skip
    assert made == f"{place}/subscriber/{md5(NUMBER)}"
    shown = await wire.ok("GET", made)
    now = epoch_milliseconds(wire.clock.now())
    assert {name: value for name, value in shown.items() if name not in {"meta", "id", "form_urls"}} == {
        "destination": NUMBER,
        "destination_id": md5(NUMBER),
        "status": "UNSUBSCRIBED",
        "email": "Ana@mail.example",
        "email_id": md5(MAIL),
        "email_status": "SUBSCRIBED",
        "account_id": wire.account.account_id,
        "archived": False,
        "date_created": now,
        "date_updated": now,
        "list_id": place.rpartition("/")[2],
        "gdpr_fields": {"OFFERS": {"mobile": True, "email": False}},
        "subscriber_fields": {
            "FIRST_NAME": "Ana",
            "VISITS": 3,
            "SITE": "https://ana.example/a",
            "WORK": "a@work.example",
            "OTHER": "306912345679",
            "date_JOINED": MOMENT,
        },
        "groupOptions": [options["Fish"], options["Big"]],
    }
    assert await wire.ok("GET", f"{place}/subscriber/{md5(MAIL)}") == shown


async def forms_of(wire: Wire, place: str, number: str = NUMBER) -> dict[str, str]:
    return dict((await wire.ok("GET", f"{place}/subscriber/{md5(number)}"))["form_urls"])


async def test_a_subscriber_has_addresses_of_forms_of_its_own(wire: Wire) -> None:
    place = await wire.made_list()
    await add(wire, place)
    form_id = (await wire.ok("GET", place))["form_id"]
    shown = await forms_of(wire, place)
    tokens = {name: address.rpartition("&u=")[2] for name, address in shown.items()}
    profile, unsubscribe = tokens["PROFILE"], tokens["UNSUBSCRIBE"]
    assert (len(profile), len(unsubscribe), profile != unsubscribe) == (32, 32, True)
    forms = f"{HOST}/listmanager/{wire.account.account_id}"
    query = f"l={place.rpartition('/')[2]}&f={form_id}"
    assert shown == {
        "UNSUBSCRIBE_MOBILE": f"{forms}/unsubscribe?{query}&c=mobile&u={unsubscribe}",
        "PROFILE_MOBILE": f"{forms}/profile?{query}&c=mobile&u={profile}",
        "UNSUBSCRIBE_EMAIL": f"{forms}/unsubscribe?{query}&c=email&u={unsubscribe}",
        "PROFILE_EMAIL": f"{forms}/profile?{query}&c=email&u={profile}",
        "UNSUBSCRIBE": f"{forms}/profile/unsubscribe?{query}&u={unsubscribe}",
        "PROFILE": f"{forms}/profile?{query}&u={profile}",
    }


async def test_addresses_of_forms_are_made_once_and_not_shared(wire: Wire) -> None:
    place = await wire.made_list()
    other = NUMBER[:-1] + "9"
    await wire.bulk(place, {"destination": f"+{NUMBER}"}, {"destination": f"+{other}"})
    at_once = await asyncio.gather(*(forms_of(wire, place) for _ in range(8)))
    listed = (await wire.ok("GET", f"{place}/subscriber"))["results"]
    assert at_once == [listed[0]["form_urls"]] * 8
    assert await forms_of(wire, place, other) == listed[1]["form_urls"]
    assert not set(listed[0]["form_urls"].values()) & set(listed[1]["form_urls"].values())
    change = {"destination": f"+{NUMBER[:-1]}7"}
    await wire.ok("PUT", f"{place}/subscriber/{md5(NUMBER)}", change, 204)
    assert await forms_of(wire, place, f"{NUMBER[:-1]}7") == at_once[0]


async def test_who_is_added_anew_has_new_addresses_of_forms(wire: Wire) -> None:
    place = await wire.made_list()
    made = await add(wire, place)
    before = await forms_of(wire, place)
    await wire.ok("DELETE", f"{made}?permanent=true", status=204)
    await add(wire, place)
    assert not set((await forms_of(wire, place)).values()) & set(before.values())
    await wire.ok("DELETE", place, status=204)
    async with wire.runtime.db.transaction() as tx:
        kept = await tx.fetchval("SELECT count(*) FROM form_token WHERE account_id = $1", wire.account.account_id)
    assert kept == 0


async def test_who_is_shown_for_the_first_time_waits_for_no_writer(wire: Wire) -> None:
    place = await wire.made_list()
    made = await add(wire, place)
    async with wire.runtime.db.transaction() as tx:
        await lock_audience(tx, wire.inside(place))
        async with asyncio.timeout(20):
            assert "form_urls" in await wire.ok("GET", made)


async def test_addresses_of_forms_are_left_out_where_others_are_asked_for(wire: Wire) -> None:
    place = await wire.made_list()
    made = await add(wire, place)
    tag = (await wire.ok("GET", made))["meta"]["Etag"]
    assert await wire.ok("GET", f"{made}?fields=destination") == {"destination": NUMBER}
    assert set(await wire.ok("GET", f"{made}?fields=form_urls")) == {"form_urls"}
    (listed,) = (await wire.ok("GET", f"{place}/subscriber?fields=status"))["results"]
    (queried,) = (await wire.ok("POST", f"{place}/subscriber/query", {}))["results"]
    assert (listed, "form_urls" in queried, queried["meta"]["Etag"]) == ({"status": "SUBSCRIBED"}, False, tag)


async def test_a_single_choice_is_not_made_twice_by_the_groups_own_id(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    async with wire.runtime.db.transaction() as tx:
        own = "SELECT group_id FROM contact_group WHERE account_id = $1 AND name = 'Small'"
        small = await tx.fetchval(own, wire.account.account_id)
    body = {"destination": NUMBER, "groupOptions": [options["Big"], f"GROUP_{small}"]}
    assert list((await wire.refusal("POST", f"{place}/subscriber", body))[1]) == ["groupOptions[1]"]


async def test_two_of_a_single_choice_that_another_api_has_made_can_be_written_back(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    made = await add(wire, place, groupOptions=[options["Big"]])
    row = ContactRow(phone=f"+{NUMBER}", add_to=["Small"])
    await wire.runtime.db.run(save_contact, wire.inside(place), SaveContact(row=row))
    shown = (await wire.ok("GET", made))["groupOptions"]
    assert sorted(shown) == sorted([options["Big"], options["Small"]])
    await wire.ok("PUT", made, {"groupOptions": shown}, 204)
    await wire.ok("PUT", made, {"groupOptions": [options["Small"]]}, 204)
    assert list((await wire.refusal("PUT", made, {"groupOptions": shown}))[1]) == ["groupOptions[1]"]


async def test_the_lists_prefix_reads_national_numbers(wire: Wire) -> None:
    place = await wire.made_list()
    for given_as, number in (
        ("6912345678", NUMBER),
        (NUMBER[:-1] + "9", NUMBER[:-1] + "9"),
        ("+35799123456", "35799123456"),
    ):
        assert (await wire.ok("GET", await add(wire, place, given_as)))["destination"] == number


@pytest.mark.parametrize("number", ["447911123456", "12025550123", "4915112345678"])
async def test_a_number_of_another_country_needs_no_plus(wire: Wire, number: str) -> None:
    place, _ = await list_with_fields(wire)
    made = await add(wire, place, number, subscriber_fields={"OTHER": number})
    shown = await wire.ok("GET", made)
    assert (shown["destination"], shown["subscriber_fields"]) == (number, {"OTHER": number})


# No plan knows them, so that a number of the list's own country is as likely.
@pytest.mark.parametrize("number", ["447700614379", "3466666666"])
async def test_a_number_that_was_blocked_as_it_is_shown_is_the_same_number(wire: Wire, number: str) -> None:
    place = await wire.made_list()
    await wire.block(number)
    details = (await wire.refusal("POST", f"{place}/subscriber", {"destination": number}))[1]
    assert details == {"destination": "This is on the bounce list."}


@pytest.mark.parametrize("number", ["447700614379", "3466666666"])
async def test_a_number_as_it_is_shown_is_the_same_number(wire: Wire, number: str) -> None:
    place = await wire.made_list()
    made = await add(wire, place, f"+{number}", status="UNSUBSCRIBED")
    shown = await wire.ok("GET", made)
    assert shown["destination"] == number
    put = await wire.call("PUT", made, shown)
    assert (put.status_code, put.headers["location"].removeprefix(HOST)) == (204, made)
    body = {"destination": number, "email": MAIL}
    assert list((await wire.refusal("POST", f"{place}/subscriber", body))[1]) == ["destination"]
    await wire.bulk(place, *([body] * 3), update_on_duplicate=True)
    await wire.bulk(place, *([{"destination": number}] * 20), update_on_duplicate=True)
    await wire.process_upload()
    (only,) = (await wire.ok("GET", f"{place}/subscriber"))["results"]
    assert values_of(only, "destination", "email", "status") == [number, MAIL, "UNSUBSCRIBED"]


@pytest.mark.parametrize("status", ["UNSUBSCRIBED", "UNCONFIRMED"])
async def test_a_status_stays_when_the_number_or_the_address_changes(wire: Wire, status: str) -> None:
    place = await wire.made_list(double_optin={"mobile": True, "email": True})
    made = await add(wire, place, email=MAIL, status=status, email_status=status)
    reply = await wire.call("PUT", made, {"destination": "6912345679", "email": "Ana@Mail.Example"})
    moved = reply.headers["location"].removeprefix(HOST)
    assert values_of(await wire.ok("GET", moved), "status", "email_status") == [status, status]
    for rows in (1, 20):
        row = {"destination": f"69123456{rows:02}", "email": MAIL}
        await wire.bulk(place, *([row] * rows), update_on_duplicate=True)
        await wire.process_upload()
        (only,) = (await wire.ok("GET", f"{place}/subscriber"))["results"]
        assert values_of(only, "destination", "status", "email_status") == [f"3069123456{rows:02}", status, status]


@pytest.mark.parametrize("status", ["UNSUBSCRIBED", "UNCONFIRMED"])
async def test_a_status_without_an_address_is_kept_for_the_one_that_comes(wire: Wire, status: str) -> None:
    place = await wire.made_list(double_optin={"mobile": True, "email": True})
    made = await add(wire, place, email_status=status)
    assert "email_status" not in await wire.ok("GET", made)
    assert await found(wire, place, ("email_status", "eq", status)) == []
    await wire.ok("PUT", made, {"email": MAIL}, 204)
    assert values_of(await wire.ok("GET", made), "status", "email_status") == ["SUBSCRIBED", status]
    await wire.ok("PUT", made, {"email": ""}, 204)
    await wire.bulk(place, {"destination": NUMBER, "email": MAIL}, update_on_duplicate=True)
    assert values_of(await wire.ok("GET", made), "status", "email_status") == ["SUBSCRIBED", status]


async def test_a_value_of_a_field_as_it_is_shown_is_the_same_value(wire: Wire) -> None:
    place, _ = await list_with_fields(wire)
    fields = {"OTHER": "+447700614379", "VISITS": 0.5, "date_JOINED": "31/12/99", "FIRST_NAME": "Ana"}
    made = await add(wire, place, subscriber_fields=fields)
    shown = await wire.ok("GET", made)
    assert shown["subscriber_fields"]["OTHER"] == "447700614379"
    await wire.ok("PUT", made, shown, 204)
    assert (await wire.ok("GET", made))["subscriber_fields"] == shown["subscriber_fields"]
    for text in ("447700614379", "+447700614379"):
        assert await found(wire, place, ("subscriber_fields.OTHER", "eq", text)) == [NUMBER]


@pytest.mark.parametrize("op", ["exists", "Exists", " exists "])
@pytest.mark.parametrize("word", ["vl", "VL"])
async def test_what_stands_beside_exists_is_not_looked_at(wire: Wire, op: str, word: str) -> None:
    place = await wire.made_list()
    await add(wire, place)
    for where in (f"{place}/subscriber/query", f"{BLOCKS}/query"):
        asked = {"conditions": [{"NAME": "destination", "op": op, word: {}}]}
        assert len((await wire.ok("POST", where, asked))["results"]) == (1 if place in where else 0)


async def test_a_subscriber_without_a_number_has_no_keys_of_it_but_the_identifier_which_is_null(wire: Wire) -> None:
    place = await wire.made_list()
    made = await add(wire, place, None, email=MAIL)
    assert made.endswith(md5(MAIL))
    shown = await wire.ok("GET", made)
    assert not {"destination", "status"} & set(shown)
    assert values_of(shown, "destination_id", "email_id", "email_status") == [None, md5(MAIL), "SUBSCRIBED"]


@pytest.mark.parametrize("phone", [NUMBER, None])
async def test_a_subscriber_is_taken_back_as_it_is_shown(wire: Wire, phone: str | None) -> None:
    place, _ = await list_with_fields(wire)
    fields = {"FIRST_NAME": "Ana", "VISITS": 1}
    made = await add(wire, place, phone, email=MAIL, subscriber_fields=fields)
    shown = await wire.ok("GET", made)
    # What the vendor's SDK makes of it: its own keys beside, the path from the identifier that isn't null.
    lookup = shown["email_id"] if shown["destination_id"] is None else shown["destination_id"]
    body = {"listId": shown["list_id"], "lookupMD5": lookup, "etag": shown["meta"]["Etag"], **shown}
    await wire.ok("PUT", f"{place}/subscriber/{lookup}", body, 204)
    again = await wire.ok("GET", made)
    assert {**again, "date_updated": None, "meta": None} == {**shown, "date_updated": None, "meta": None}


async def test_a_subscriber_that_another_api_left_unconfirmed_can_be_written_back(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.contact(NUMBER, MAIL, actor=wire.inside(place), sms=SubscriptionStatus.UNCONFIRMED)
    made = f"{place}/subscriber/{md5(NUMBER)}"
    assert values_of(await wire.ok("GET", made), "status", "email_status") == ["UNCONFIRMED", "SUBSCRIBED"]
    await wire.ok("PUT", made, {"status": "UNCONFIRMED"}, 204)
    assert (await wire.refusal("PUT", made, {"email_status": "UNCONFIRMED"}))[0] == 400
    assert values_of(await wire.ok("GET", made), "status", "email_status") == ["UNCONFIRMED", "SUBSCRIBED"]


async def test_a_date_is_taken_in_all_forms(wire: Wire) -> None:
    place, _ = await list_with_fields(wire)
    day = 1_741_478_400_000
    for given_as, shown_as in (("9/3/25", day), ("09/03/2025", day), (str(day), day), ("2025-03-09", day),
                              ("2025-03-09T12:30:00+02:00", MOMENT), ("22/6/91", 677_548_800_000),
                              (-86_400_000, -86_400_000)):  # fmt: skip
        made = f"{place}/subscriber/{md5(NUMBER)}"
        await wire.bulk(place, {"destination": NUMBER, "subscriber_fields": {"date_JOINED": given_as}},
                   update_on_duplicate=True)  # fmt: skip
        assert (await wire.ok("GET", made))["subscriber_fields"]["date_JOINED"] == shown_as, given_as


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"destination": None}, "destination"),
        ({"destination": "12"}, "destination"),
        ({"destination": ["x"]}, "destination"),
        ({"email": "nobody@"}, "email"),
        ({"status": "GONE"}, "status"),
        ({"email": MAIL, "email_status": "UNCONFIRMED"}, "email_status"),
        ({"subscriber_fields": {"NONE": 1}}, "subscriber_fields.NONE"),
        ({"subscriber_fields": {"VISITS": "many"}}, "subscriber_fields.VISITS"),
        ({"subscriber_fields": {"SITE": "nowhere"}}, "subscriber_fields.SITE"),
        ({"subscriber_fields": {"WORK": "nobody"}}, "subscriber_fields.WORK"),
        ({"subscriber_fields": {"OTHER": "12"}}, "subscriber_fields.OTHER"),
        ({"subscriber_fields": {"FIRST_NAME": "x" * 4001}}, "subscriber_fields.FIRST_NAME"),
        ({"subscriber_fields": {"FIRST_NAME": ["x"]}}, "subscriber_fields.FIRST_NAME"),
        ({"subscriber_fields": {"date_JOINED": "31/31/25"}}, "subscriber_fields.date_JOINED"),
        ({"subscriber_fields": {"date_JOINED": 10**17}}, "subscriber_fields.date_JOINED"),
        ({"subscriber_fields": [1]}, "subscriber_fields"),
        ({"gdpr_fields": {"NONE": {}}}, "gdpr_fields.NONE"),
        ({"gdpr_fields": {"OFFERS": True}}, "gdpr_fields.OFFERS"),
        ({"gdpr_fields": {"OFFERS": {"mobile": "perhaps"}}}, "gdpr_fields.OFFERS.mobile"),
        ({"groupOptions": ["NONE"]}, "groupOptions[0]"),
        ({"groupOptions": [["x"]]}, "groupOptions[0]"),
    ],
)
async def test_what_a_subscriber_cannot_be_is_400_and_named(wire: Wire, change: dict[str, Any], field: str) -> None:
    place, _ = await list_with_fields(wire)
    status, details = await wire.refusal("POST", f"{place}/subscriber", {"destination": NUMBER, **change})
    assert (status, list(details)) == (400, [field])
    assert (await wire.ok("GET", f"{place}/subscriber"))["meta"]["total"] == 0


async def test_a_single_group_allows_one_subgroup(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    both = [options["Big"], options["Small"]]
    body = {"destination": NUMBER, "groupOptions": both}
    assert list((await wire.refusal("POST", f"{place}/subscriber", body))[1]) == ["groupOptions[1]"]
    made = await add(wire, place, groupOptions=[options["Big"], options["Fish"], options["Meat"]])
    await wire.ok("PUT", made, {"groupOptions": [options["Small"], options["Fish"]]}, 204)
    assert (await wire.ok("GET", made))["groupOptions"] == [options["Fish"], options["Small"]]
    await wire.ok("PUT", made, {"email": MAIL}, 204)
    assert len((await wire.ok("GET", made))["groupOptions"]) == 2
    await wire.ok("PUT", made, {"groupOptions": []}, 204)
    assert (await wire.ok("GET", made))["groupOptions"] == []


async def test_a_subgroup_that_another_api_has_deleted_is_refused(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    await wire.runtime.db.run(delete_groups, wire.inside(place), DeleteGroups(by=GroupKey.NAME, value="Fish"))
    body = {"destination": NUMBER, "groupOptions": [options["Fish"]]}
    assert (await wire.refusal("POST", f"{place}/subscriber", body))[0] == 400
    await wire.bulk(place, body)
    assert (await wire.ok("GET", f"{place}/subscriber/{md5(NUMBER)}"))["groupOptions"] == []


async def test_unconfirmed_is_only_for_double_opt_in(wire: Wire) -> None:
    place, _ = await list_with_fields(wire)
    assert (await wire.ok("GET", await add(wire, place, status="unconfirmed")))["status"] == "UNCONFIRMED"


async def test_a_subscriber_that_is_there_is_409(wire: Wire) -> None:
    place = await wire.made_list()
    await add(wire, place, email=MAIL)
    for more, fields in (
        ({"email": MAIL.upper()}, {"destination", "email"}),
        ({"email": "b@mail.example"}, {"destination"}),
    ):
        status, details = await wire.refusal("POST", f"{place}/subscriber", {"destination": NUMBER, **more})
        assert (status, details) == (409, dict.fromkeys(fields, "Another subscriber of the list has this."))
    await add(wire, await wire.made_list())


async def test_a_blocked_address_cannot_be_subscribed_until_it_is_unblocked(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.block(NUMBER)
    body = {"destination": NUMBER}
    for change in ({}, {"status": "SUBSCRIBED"}):
        assert (await wire.refusal("POST", f"{place}/subscriber", {**body, **change}))[0] == 400
    made = await add(wire, place, status="UNSUBSCRIBED")
    assert (await wire.refusal("POST", f"{made}/subscribe"))[1] == {"destination": "This is on the bounce list."}
    assert (await wire.refusal("PUT", made, {"status": "SUBSCRIBED"}))[0] == 400
    await wire.ok("PUT", made, {"email": MAIL}, 204)
    await wire.ok("DELETE", f"{BLOCKS}/unblock/{NUMBER}", None, 204)
    assert (await wire.ok("GET", made))["status"] == "UNSUBSCRIBED"
    await wire.ok("POST", f"{made}/subscribe", None, 204)
    assert (await wire.ok("GET", made))["status"] == "SUBSCRIBED"


async def test_a_block_unsubscribes_in_every_list_until_it_is_lifted_and_the_list_subscribes_again(wire: Wire) -> None:
    places = [await wire.made_list(double_optin={"mobile": True}) for _ in range(3)]
    asked = ["SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED"]
    made = [await add(wire, place, status=status) for place, status in zip(places, asked, strict=True)]
    await wire.block(NUMBER)
    await wire.ok("DELETE", f"{BLOCKS}/unblock/{NUMBER}", None, 204)
    assert [(await wire.ok("GET", one))["status"] for one in made] == ["UNSUBSCRIBED"] * 3
    await wire.ok("POST", f"{made[0]}/subscribe", None, 204)
    await wire.bulk(places[2], {"destination": NUMBER, "status": "UNCONFIRMED"}, update_on_duplicate=True)
    assert [(await wire.ok("GET", one))["status"] for one in made] == ["SUBSCRIBED", "UNSUBSCRIBED", "UNCONFIRMED"]


async def test_a_subscriber_that_gets_a_blocked_address_is_unsubscribed_there(wire: Wire) -> None:
    place = await wire.made_list()
    made = await add(wire, place)
    await wire.block(MAIL)
    await wire.ok("PUT", made, {"email": MAIL}, 204)
    await wire.ok("DELETE", f"{BLOCKS}/unblock/{MAIL}", None, 204)
    assert values_of(await wire.ok("GET", made), "status", "email_status") == ["SUBSCRIBED", "UNSUBSCRIBED"]


async def test_many_with_a_blocked_address_are_unsubscribed_there_until_they_are_subscribed_again(wire: Wire) -> None:
    place = await wire.made_list()
    await add(wire, place, f"+{NUMBER[:-1]}9", email=MAIL)
    await wire.block(MAIL)
    rows = [
        {"destination": f"{NUMBER[:-1]}{digit}", "email": f"{digit}{MAIL}", "email_status": status}
        for digit, status in enumerate(["SUBSCRIBED", "", "UNSUBSCRIBED"])
    ]
    for row in rows:
        await wire.block(str(row["email"]))
    again = {"destination": f"{NUMBER[:-1]}9", "email": MAIL, "email_status": "SUBSCRIBED"}
    twice = {"destination": rows[0]["destination"], "email_status": "SUBSCRIBED"}
    await wire.bulk(place, *rows, again, twice, update_on_duplicate=True)
    for address in (MAIL, *(row["email"] for row in rows)):
        await wire.ok("DELETE", f"{BLOCKS}/unblock/{address}", None, 204)
    shown = (await wire.ok("GET", f"{place}/subscriber"))["results"]
    assert [values_of(one, "status", "email_status") for one in shown] == [["SUBSCRIBED", "UNSUBSCRIBED"]] * 4


async def test_many_that_are_said_to_be_unsubscribed_while_they_are_blocked_stay_so(wire: Wire) -> None:
    place = await wire.made_list()
    await add(wire, place)
    await wire.block(NUMBER)
    row = {"destination": NUMBER, "email": MAIL, "status": "UNSUBSCRIBED"}
    await wire.bulk(place, row, update_on_duplicate=True)
    await wire.ok("DELETE", f"{BLOCKS}/unblock/{NUMBER}", None, 204)
    shown = (await wire.ok("GET", f"{place}/subscriber"))["results"]
    assert [values_of(one, "status", "email_status") for one in shown] == [["UNSUBSCRIBED", "SUBSCRIBED"]]


async def test_a_block_unsubscribes_in_every_list(wire: Wire) -> None:
    made = [await add(wire, await wire.made_list()) for _ in range(2)]
    await wire.block(NUMBER)
    assert [(await wire.ok("GET", one))["status"] for one in made] == ["UNSUBSCRIBED"] * 2


async def test_subscribing_is_of_the_channel_that_is_named_and_of_one_list(wire: Wire) -> None:
    place = await wire.made_list()
    made, elsewhere = await add(wire, place, email=MAIL), await add(wire, await wire.made_list())
    by_mail = f"{place}/subscriber/{md5(MAIL)}"
    for path, expected in (
        (f"{made}/unsubscribe", ["UNSUBSCRIBED", "SUBSCRIBED"]),
        (f"{by_mail}/unsubscribe/", ["UNSUBSCRIBED", "UNSUBSCRIBED"]),
        (f"{made}/subscribe", ["SUBSCRIBED", "UNSUBSCRIBED"]),
        (f"{by_mail}/subscribe", ["SUBSCRIBED", "SUBSCRIBED"]),
    ):
        reply = await wire.call("POST", path)
        assert (reply.status_code, reply.content) == (204, b"")
        assert values_of(await wire.ok("GET", made), "status", "email_status") == expected
        assert (await wire.ok("GET", elsewhere))["status"] == "SUBSCRIBED"


async def test_a_subscriber_is_changed_and_found_by_its_new_address(wire: Wire) -> None:
    place, _ = await list_with_fields(wire)
    made = await add(wire, place, subscriber_fields={"FIRST_NAME": "Ana", "VISITS": 1}, status="UNSUBSCRIBED")
    other = NUMBER[:-1] + "1"
    reply = await wire.call(
        "PUT",
        made,
        {"destination": f"+{other}", "email": MAIL, "subscriber_fields": {"VISITS": "", "FIRST_NAME": "Jo"}},
    )
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["location"] == reply.headers["content-location"] == f"{HOST}{place}/subscriber/{md5(other)}"
    assert (await wire.refusal("GET", made)) == (404, {"subscriber": "There is no such subscriber."})
    shown = await wire.ok("GET", f"{place}/subscriber/{md5(other)}")
    assert values_of(shown, "destination", "email", "subscriber_fields") == [other, MAIL, {"FIRST_NAME": "Jo"}]


async def test_an_address_of_another_subscriber_is_409_and_none_at_all_400(wire: Wire) -> None:
    place = await wire.made_list()
    made = await add(wire, place)
    await add(wire, place, None, email=MAIL)
    assert (await wire.refusal("PUT", made, {"email": MAIL}))[0] == 409
    assert list((await wire.refusal("PUT", made, {"destination": ""}))[1]) == ["destination"]
    assert (await wire.ok("GET", made))["destination"] == NUMBER


async def test_a_removed_subscriber_is_archived_until_something_is_done_with_it(wire: Wire) -> None:
    place = await wire.made_list()
    made = await add(wire, place)
    for method, path, body in (
        ("PUT", made, {"email": MAIL}),
        ("POST", f"{made}/subscribe", None),
        ("POST", f"{made}/unsubscribe", None),
    ):
        reply = await wire.call("DELETE", made)
        assert (reply.status_code, reply.content) == (204, b"")
        assert (await wire.ok("GET", made))["archived"] is True
        assert values_of(await wire.ok("GET", place), "total_subscribers", "active_subscribers") == [1, 0]
        await wire.ok(method, path, body, 204)
        assert (await wire.ok("GET", made))["archived"] is False
    await wire.ok("DELETE", f"{made}?permanent=false", None, 204)
    await wire.bulk(place, {"destination": NUMBER}, update_on_duplicate=True)
    assert (await wire.ok("GET", made))["archived"] is False


async def test_a_subscriber_is_deleted_for_good(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    made = await add(wire, place, groupOptions=[options["Fish"]])
    await wire.ok("DELETE", f"{made}?permanent=true", None, 204)
    assert (await wire.refusal("GET", made))[0] == 404
    assert (await wire.refusal("DELETE", f"{made}?permanent=perhaps"))[0] == 400
    newest = (await wire.runtime.db.read(list_audit, wire.account.actor, ListAudit(limit=1)))[0]
    list_id = str(int(place.rpartition("/")[2], 16))
    told_of = (newest.action, newest.subject, newest.detail)
    assert told_of == ("contact.delete", list_id, {"contacts": 1, "cause": "request"})


async def test_a_tag_saves_the_subscriber_until_it_changes(wire: Wire) -> None:
    made = await add(wire, await wire.made_list())
    reply = await wire.call("GET", f"{made}?fields=status,destination")
    assert reply.json() == {"destination": NUMBER, "status": "SUBSCRIBED"}
    tag = reply.headers["etag"]
    assert (await wire.ok("GET", made))["meta"]["Etag"] == tag.strip('"')
    again = await wire.call("GET", made, headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    await wire.ok("POST", f"{made}/unsubscribe", None, 204)
    assert (await wire.call("GET", made, headers={"If-None-Match": tag})).status_code == 200


async def test_a_subscriber_that_has_changed_is_neither_changed_nor_removed_under_an_old_tag(wire: Wire) -> None:
    made = await add(wire, await wire.made_list())
    tag = (await wire.call("GET", made)).headers["etag"]
    body = {"email": MAIL}
    assert (await wire.call("PUT", made, body, headers={"If-Match": tag})).status_code == 204
    for method in ("PUT", "DELETE"):
        status, details = await wire.refusal(method, made, body, headers={"If-Match": tag})
        assert (status, details) == (412, {"request": "The item isn't any more what If-Match says."})
    tag = (await wire.call("GET", made)).headers["etag"]
    assert (await wire.call("DELETE", made, headers={"If-Match": f'"old", {tag}'})).status_code == 204
    assert (await wire.call("DELETE", made, headers={"If-Match": "*"})).status_code == 204


async def test_subscribers_come_in_pages_with_links(wire: Wire) -> None:
    place = await wire.made_list()
    await wire.bulk(place, *({"destination": f"+3069100{number:05d}"} for number in range(203)))
    await wire.process_upload()
    body = await wire.ok("GET", f"{place}/subscriber/")
    assert (len(body["results"]), body["meta"]) == (200, {"page": 1, "size": 200, "total": 203})
    link = HOST + place + "/subscriber?page={}&size=200"
    assert body["links"] == {"prev": "", "next": link.format(2), "first": link.format(1), "last": link.format(2)}
    body = await wire.ok("GET", f"{place}/subscriber?SIZE=2&page=2&sort=destination&sort_dir=DESC&fields=destination")
    assert body["results"] == [{"destination": "306910000200"}, {"destination": "306910000199"}]
    link = HOST + place + "/subscriber?sort=destination&sort_dir=DESC&fields=destination&page={}&size=2"
    first, last = link.format(1), link.format(102)
    assert body["links"] == {"prev": first, "next": link.format(3), "first": first, "last": last}


async def test_subscribers_are_listed_by_their_statuses(wire: Wire) -> None:
    place = await wire.made_list()
    await add(wire, place, email=MAIL, email_status="UNSUBSCRIBED")
    await add(wire, place, NUMBER[:-1] + "1", status="UNSUBSCRIBED")
    for query, expected in (
        ("status=SUBSCRIBED", [NUMBER]),
        ("status=unsubscribed", [NUMBER[:-1] + "1"]),
        ("status=UNCONFIRMED", []),
        ("email=UNSUBSCRIBED", [NUMBER]),
        ("email_status=UNSUBSCRIBED&status=SUBSCRIBED", [NUMBER]),
        ("email_status=SUBSCRIBED", []),
    ):
        body = await wire.ok("GET", f"{place}/subscriber?{query}")
        assert ([one["destination"] for one in body["results"]], body["meta"]["total"]) == (expected, len(expected))
    for query, field in (
        ("status=X", "status"),
        ("email_status=X", "email"),
        ("sort=groupOptions", "sort"),
        ("size=0", "size"),
    ):
        assert list((await wire.refusal("GET", f"{place}/subscriber?{query}"))[1]) == [field]


async def questioned(wire: Wire) -> tuple[str, dict[str, str]]:
    """Three subscribers, a minute apart, of whom the first has most."""
    place, options = await list_with_fields(wire)
    wire.clock.moment += timedelta(minutes=1)
    await add(
        wire, place, "+306910000001", email=MAIL, groupOptions=[options["Fish"], options["Big"]],
        subscriber_fields={"FIRST_NAME": "Ana", "VISITS": 10, "date_JOINED": MOMENT},
        gdpr_fields={"OFFERS": {"mobile": True, "email": False}},
    )  # fmt: skip
    wire.clock.moment += timedelta(minutes=1)
    await add(
        wire, place, "+306910000002", status="UNSUBSCRIBED", groupOptions=[options["Fish"]],
        subscriber_fields={"FIRST_NAME": "Anna", "VISITS": 9}, gdpr_fields={"OFFERS": {"mobile": False}},
    )  # fmt: skip
    wire.clock.moment += timedelta(minutes=1)
    await add(wire, place, "+306920000003", subscriber_fields={"date_JOINED": MOMENT + 1000})
    return place, options


async def test_all_operators_on_all_kinds_of_fields(wire: Wire) -> None:
    place, options = await questioned(wire)
    made = epoch_milliseconds(wire.clock.now())
    first = await wire.ok("GET", f"{place}/subscriber/{md5(MAIL)}")
    for conditions, expected in (
        ([], "123"),
        ([("destination", "beginsWith", "306910")], "12"),
        ([("destination", "eq", "+306910000001")], "1"),
        ([("destination", "gt", "306910000001")], "23"),
        ([("id", "eq", first["id"])], "1"),
        ([("id", "gt", first["id"])], "23"),
        ([("email", "eq", MAIL.upper())], "1"),
        ([("email", "nexists", None)], "23"),
        ([("email", "exists", {})], "1"),
        ([("email_id", "eq", md5(MAIL))], "1"),
        ([("destination_id", "eq", md5("306910000002"))], "2"),
        ([("status", "eq", "UNSUBSCRIBED")], "2"),
        ([("email_status", "exists", None)], "1"),
        ([("archived", "eq", False)], "123"),
        ([("archived", "eq", "true")], ""),
        ([("date_created", "lt", made - 60_000)], "1"),
        ([("date_updated", "gte", made)], "3"),
        ([("date_created", "eq", made)], "3"),
        ([("subscriber_fields.FIRST_NAME", "beginsWith", "An")], "12"),
        ([("subscriber_fields.FIRST_NAME", "lte", "Ana")], "1"),
        ([("subscriber_fields.FIRST_NAME", "exists", None)], "12"),
        ([("subscriber_fields.VISITS", "gt", 9)], "1"),
        ([("subscriber_fields.VISITS", "lte", "9.0")], "2"),
        ([("subscriber_fields.date_JOINED", "gte", MOMENT + 1)], "13"),
        ([("subscriber_fields.date_JOINED", "gt", MOMENT)], "3"),
        ([("subscriber_fields.date_JOINED", "lt", "10/3/25")], "13"),
        ([("subscriber_fields.date_JOINED", "nexists", None)], "2"),
        ([("gdpr_fields.OFFERS.mobile", "eq", True)], "1"),
        ([("gdpr_fields.OFFERS.mobile", "eq", False)], "2"),
        ([("gdpr_fields.OFFERS.email", "exists", None)], "1"),
        ([("groupOptions", "eq", options["Fish"])], "12"),
        ([("groupOptions", "eq", "NONE")], ""),
        ([("groupOptions", "exists", None)], "12"),
        ([("groupOptions", "nexists", None)], "3"),
        ([("groupOptions", "eq", options["Fish"]), ("groupOptions", "eq", options["Big"])], "1"),
        ([("destination", "beginsWith", "3069"), ("status", "eq", "SUBSCRIBED")], "13"),
    ):
        assert [one[-1] for one in await found(wire, place, *conditions)] == list(expected), conditions


@pytest.mark.parametrize(
    ("condition", "field"),
    [
        ({"name": "nothing", "op": "eq", "vl": 1}, "name"),
        ({"name": "subscriber_fields.NONE", "op": "eq", "vl": 1}, "name"),
        ({"name": "gdpr_fields.OFFERS", "op": "eq", "vl": 1}, "name"),
        ({"name": "gdpr_fields.OFFERS.voice", "op": "eq", "vl": 1}, "name"),
        ({"name": "status", "op": "like", "vl": "S"}, "op"),
        ({"name": "status", "op": "beginsWith", "vl": "SUBSCRIBED"}, "op"),
        ({"name": "groupOptions", "op": "gt", "vl": "A"}, "op"),
        ({"name": "subscriber_fields.VISITS", "op": "beginsWith", "vl": 1}, "op"),
        ({"op": "eq", "vl": 1}, "name"),
        ({"name": "status", "vl": 1}, "op"),
        ({"name": "status", "op": "eq"}, "vl"),
        ({"name": "status", "op": "eq", "vl": "S"}, "vl"),
        ({"name": "id", "op": "eq", "vl": "x"}, "vl"),
        ({"name": "archived", "op": "eq", "vl": "x"}, "vl"),
        ({"name": "archived", "op": "eq", "vl": ""}, "vl"),
        ({"name": "date_created", "op": "eq", "vl": "x"}, "vl"),
        ({"name": "subscriber_fields.VISITS", "op": "eq", "vl": "NaN"}, "vl"),
        ({"name": "subscriber_fields.VISITS", "op": "eq", "vl": "1e999999"}, "vl"),
        ({"name": "subscriber_fields.date_JOINED", "op": "eq", "vl": "x"}, "vl"),
        ({"name": "gdpr_fields.OFFERS.mobile", "op": "eq", "vl": "x"}, "vl"),
        ({"name": "destination", "op": "eq", "vl": {}}, "vl"),
        ({"name": "subscriber_fields.FIRST_NAME", "op": "eq", "vl": "x" * 4001}, "vl"),
    ],
)
async def test_a_condition_that_cannot_be_is_400_and_names_its_place(
    wire: Wire, condition: dict[str, Any], field: str
) -> None:
    place, _ = await list_with_fields(wire)
    body = {"conditions": [condition]}
    status, details = await wire.refusal("POST", f"{place}/subscriber/query", body)
    assert (status, list(details)) == (400, [f"conditions[0].{field}"])


@pytest.mark.parametrize("conditions", ["", "x", {"name": "destination", "op": "exists"}])
async def test_conditions_that_are_no_list_are_400(wire: Wire, conditions: Any) -> None:
    place, _ = await list_with_fields(wire)
    message = {"conditions": "A list of objects belongs here."}
    assert await wire.refusal("POST", f"{place}/subscriber/query", {"conditions": conditions}) == (400, message)


@pytest.mark.parametrize(
    "query", [{"conditions": []}, {"conditions": {}}, {"fields": "destination,status"}, {"fields": ["destination"]}]
)
async def test_lists_of_a_query_may_be_empty_and_its_keys_a_text(wire: Wire, query: Any) -> None:
    place, _ = await questioned(wire)
    body = await wire.ok("POST", f"{place}/subscriber/query", query)
    assert body["meta"]["total"] == 3
    assert not query.get("fields") or set(body["results"][0]) <= {"destination", "status"}


@pytest.mark.parametrize("given", ["", "x", {"option": "x"}])
async def test_group_options_that_are_no_list_are_400(wire: Wire, given: Any) -> None:
    place, _ = await list_with_fields(wire)
    subscriber = {"destination": "306920000009", "groupOptions": given}
    message = {"groupOptions": "A list belongs here."}
    assert await wire.refusal("POST", f"{place}/subscriber", subscriber) == (400, message)


async def test_a_query_is_sorted_paged_and_cut_to_fields(wire: Wire) -> None:
    place, _ = await questioned(wire)
    for name in ("id", "destination", "date_created", "subscriber_fields.VISITS"):
        for way in ("ASC", "DESC"):
            await found(wire, place, sort={"sort_field": name, "sort_dir": way})
    visits = {"sort_field": "subscriber_fields.VISITS", "sort_dir": "DESC"}
    assert [one[-1] for one in await found(wire, place, sort=visits)] == ["1", "2", "3"]
    body = await wire.ok(
        "POST", f"{place}/subscriber/query", {"page": "2", "size": 2, "fields": ["destination", "status"]}
    )
    assert body == {
        "meta": {"page": 2, "size": 2, "total": 3},
        "results": [{"destination": "306920000003", "status": "SUBSCRIBED"}],
    }
    bad = {"sort": {"sort_field": "subscriber_fields.NONE"}}
    assert list((await wire.refusal("POST", f"{place}/subscriber/query", bad))[1]) == ["sort.sort_field"]


async def test_many_are_added_and_those_that_are_there_left_alone(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    made = await add(wire, place, subscriber_fields={"FIRST_NAME": "Ana"})
    other = {"destination": "6910000002", "email": MAIL, "status": "UNSUBSCRIBED", "groupOptions": [options["Meat"]],
             "subscriber_fields": {"VISITS": 2}, "gdpr_fields": {"NEWS": {"email": True}}}  # fmt: skip
    await wire.bulk(place, {"destination": NUMBER, "subscriber_fields": {"FIRST_NAME": "Eve"}}, other)
    assert (await wire.ok("GET", made))["subscriber_fields"] == {"FIRST_NAME": "Ana"}
    shown = await wire.ok("GET", f"{place}/subscriber/{md5(MAIL)}")
    assert values_of(shown, "status", "email_status", "groupOptions", "subscriber_fields", "gdpr_fields") == [
        "UNSUBSCRIBED", "SUBSCRIBED", [options["Meat"]], {"VISITS": 2}, {"NEWS": {"email": True}},
    ]  # fmt: skip


async def test_many_are_changed_when_asked_to_and_the_last_write_wins(wire: Wire) -> None:
    place, options = await list_with_fields(wire)
    made = await add(wire, place, status="UNSUBSCRIBED", groupOptions=[options["Fish"]])
    await wire.bulk(
        place, {"destination": NUMBER, "status": "SUBSCRIBED", "groupOptions": [options["Meat"]]},
        {"destination": NUMBER, "email": MAIL, "subscriber_fields": {"FIRST_NAME": "Eve"}}, update_on_duplicate="true",
    )  # fmt: skip
    shown = await wire.ok("GET", made)
    assert values_of(shown, "status", "groupOptions", "email") == ["SUBSCRIBED", [options["Meat"]], MAIL]


async def test_a_row_that_cannot_be_used_costs_only_itself(wire: Wire) -> None:
    place, _ = await list_with_fields(wire)
    rows: list[Any] = [{"destination": "12"}, {"destination": NUMBER, "status": "X"}, {}, "x", [1], None,
                       {"destination": "6910000001", "subscriber_fields": {"NONE": 1}},
                       {"destination": "6910000002"}]  # fmt: skip
    await wire.bulk(place, *rows)
    assert await found(wire, place) == ["306910000002"]


async def test_blocked_ones_are_left_out_of_many(wire: Wire) -> None:
    place = await wire.made_list()
    for destination in ("306910000001", MAIL):
        await wire.block(destination)
    rows = [{"destination": "6910000001"}, {"destination": "6910000001", "email": "x@mail.example"}, {"email": MAIL}]
    await wire.bulk(place, *rows, {"destination": "6910000002"})
    body = await wire.ok("GET", f"{place}/subscriber?fields=destination,status")
    assert body["results"] == [
        {"destination": "306910000001", "status": "UNSUBSCRIBED"},
        {"destination": "306910000002", "status": "SUBSCRIBED"},
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "subscribers"),
        ({"subscribers": []}, "subscribers"),
        ({"subscribers": [{}] * 10_001}, "request"),
        ({"subscribers": [{}], "update_on_duplicate": "perhaps"}, "update_on_duplicate"),
        (b"{", "body"),
    ],
)
async def test_what_many_cannot_be_is_400(wire: Wire, body: Any, field: str) -> None:
    status, details = await wire.refusal("POST", f"{await wire.made_list()}/subscriber/bulk", body)
    assert (status, list(details)) == (400, [field])


async def test_twenty_callers_at_once_add_one_subscriber(wire: Wire) -> None:
    place = await wire.made_list()
    calls = (wire.call("POST", f"{place}/subscriber", {"destination": NUMBER}) for _ in range(20))
    statuses = sorted(reply.status_code for reply in await asyncio.gather(*calls))
    assert statuses == [201, *([409] * 19)]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("POST", ""), ("POST", "/bulk"), ("POST", "/query"), ("GET", f"/{md5(NUMBER)}"),
        ("PUT", f"/{md5(NUMBER)}"), ("DELETE", f"/{md5(NUMBER)}"), ("POST", f"/{md5(NUMBER)}/subscribe"),
        ("POST", f"/{md5(NUMBER)}/unsubscribe"),
    ],
)  # fmt: skip
async def test_lists_of_others_and_none_are_404(wire: Wire, method: str, path: str) -> None:
    other = await wire.runtime.db.run(create_account, OPERATOR, CreateAccount(name="Others", country="GR"))
    body = {"destination": NUMBER, "subscribers": [{"destination": NUMBER}]}
    for list_id in (other.audience_id, 999, "x"):
        sent = None if method == "GET" else body
        assert (await wire.refusal(method, f"{LISTS}/{list_id}/subscriber{path}", sent))[0] == 404


@pytest.mark.parametrize("digest", [md5(NUMBER), "x", "x" * 32, NUMBER])
async def test_a_subscriber_that_is_not_there_is_404(wire: Wire, digest: str) -> None:
    made = f"{await wire.made_list()}/subscriber/{digest}"
    for method, path in (("GET", made), ("PUT", made), ("DELETE", made), ("POST", f"{made}/subscribe")):
        assert (await wire.refusal(method, path))[0] == 404


async def test_scopes_are_those_of_the_reference(wire: Wire) -> None:
    place = await wire.made_list()
    readers = await wire.limited(scopes=frozenset({"audience:read"}))
    assert (await readers.refusal("POST", f"{place}/subscriber", {"destination": NUMBER}))[0] == 403
    token = (await wire.token(scope="readList")).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert (await wire.client.get(place, headers=headers)).status_code == 200
    assert (await wire.client.get(f"{place}/subscriber", headers=headers)).status_code == 403
