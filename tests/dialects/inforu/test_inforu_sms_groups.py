"""SendSms to groups: who is in them when it is accepted, written in the background."""

from typing import Any

from tests.background import materialise_all
from tests.dialects.inforu.test_inforu_sms import DANA, SENDINGS, TAL, order, rows, texts
from tests.dialects.inforu.wire import Wire

GIL = "0521110003"


async def people(wire: Wire) -> tuple[int, int]:
    """Three in Friends, one of whom is in Staff, too: the numbers of the groups."""
    for phone, name in ((DANA, "Dana"), (TAL, "Tal"), (GIL, "Gil")):
        await wire.add({"Phone": phone, "FirstName": name, "AddToGroupName": "Friends"})
    await wire.add({"Phone": GIL, "AddToGroupName": "Staff"})
    return (await wire.group("Friends"))["GroupNumber"], (await wire.group("Staff"))["GroupNumber"]


async def write(wire: Wire) -> None:
    await materialise_all(wire.runtime.db, wire.account.account_id)


async def test_the_members_of_a_group_get_it_but_for_those_of_another(wire: Wire) -> None:
    friends, staff = await people(wire)
    given = order(
        Message="Hi [#FirstName#]",
        GroupNumbers=[{"GroupNumber": friends}],
        ExcludeGroupNumbers=[{"GroupNumber": str(staff)}],
        Settings={"CampaignName": "Party"},
    )
    assert await wire.data("SendSms", given) == {"Recipients": 2, "Errors": []}
    assert await rows(wire) == []
    await write(wire)
    assert await texts(wire) == ["Hi Dana", "Hi Tal"]
    (sending,) = await rows(wire, SENDINGS)
    assert (sending["traffic_class"], sending["state"], sending["waiting"]) == (3, "active", 2)


async def test_the_members_of_a_group_have_one_short_link(wire: Wire) -> None:
    friends, _ = await people(wire)
    message = "Hi [#FirstName#] https://shop.example/a"
    given = order(Message=message, GroupNumbers=[friends], Settings={"ShortenUrlEnable": True})
    await wire.data("SendSms", given)
    await write(wire)
    found = await texts(wire)
    assert [text.split()[1] for text in found] == ["Dana", "Tal", "Gil"]
    assert len({text.split()[2] for text in found}) == 1
    ((url, message_id),) = await rows(wire, "SELECT url, message_id FROM link WHERE shard_key = $1")
    assert (url, message_id) == ("https://shop.example/a", None)
    reply = await wire.client.get(found[0].split()[2])
    assert (reply.status_code, reply.headers["location"]) == (302, url)


async def test_recipients_and_groups_get_it_once(wire: Wire) -> None:
    friends, _ = await people(wire)
    given = order(
        DANA, "0521110009", "12", Message="Hi [#FirstName#]", GroupNumbers=[friends], Settings={"Priority": 1}
    )
    answer = await wire.data("SendSms", given)
    assert (answer["Recipients"], [one["ErrorCode"] for one in answer["Errors"]]) == (4, [-92])
    await write(wire)
    assert await texts(wire) == ["Hi Dana", "Hi ", "Hi ", "Hi Tal", "Hi Gil"]
    (sending,) = await rows(wire, SENDINGS)
    assert (sending["traffic_class"], sending["recipients"], sending["excluded"]) == (2, 5, 1)


async def test_what_is_no_advertising_goes_to_a_group_as_such(wire: Wire) -> None:
    friends, _ = await people(wire)
    await wire.data("Unsubscribe", {"UnsubscribeReason": "x", "List": [{"Type": "Phone", "Value": DANA}]})
    ignoring = {"IgnoreUnsubscribeCheck": True}
    for settings in (ignoring, {}):
        await wire.data("SendSms", order(GroupNumbers=[friends], Settings=settings))
    await write(wire)
    found = await rows(wire, SENDINGS)
    assert [(row["traffic_class"], row["waiting"], row["excluded"]) for row in found] == [(2, 3, 0), (3, 2, 1)]


async def test_groups_are_repeated_elements_in_xml(wire: Wire) -> None:
    friends, staff = await people(wire)
    groups = f"<GroupNumbers><GroupNumber>{staff}</GroupNumber></GroupNumbers>"
    both = groups + f"<GroupNumbers><GroupNumber>{friends}</GroupNumber></GroupNumbers>"
    for given in (groups, both):
        data = f"<Data><Message>x</Message>{given}<Settings><Sender>Shop</Sender></Settings></Data>"
        reply = await wire.post("SendSms", content=f"<I>{data}</I>", headers={"Content-Type": "text/xml"})
        assert "<StatusId>1</StatusId>" in reply.text
    await write(wire)
    assert [row["recipients"] for row in await rows(wire, SENDINGS)] == [1, 3]


async def test_many_recipients_are_written_in_the_background(wire: Wire) -> None:
    recipients: list[dict[str, Any]] = [{"Phone": f"05200{place:05}"} for place in range(5_001)]
    answer = await wire.data("SendSms", order() | {"Recipients": [*recipients, recipients[0]]})
    assert (answer["Recipients"], len(answer["Errors"])) == (5_001, 1)
    await write(wire)
    (sending,) = await rows(wire, SENDINGS)
    assert (sending["state"], sending["recipients"], sending["excluded"]) == ("active", 5_002, 1)
