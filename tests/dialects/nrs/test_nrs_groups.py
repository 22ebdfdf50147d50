"""Groups through 360NRS's API."""

import pytest
from tests.dialects.nrs.wire import Wire


async def test_a_new_group_is_answered_with_201(wire: Wire) -> None:
    reply = await wire.send("POST", "/groups", {"name": " Clients of Vigo "})
    assert reply.status_code == 201
    data = reply.json()["data"]
    assert list(data.items()) == [("id", data["id"]), ("name", "Clients of Vigo")]
    assert await wire.get(f"/groups/{data['id']}") == {"data": data}


async def test_a_group_is_renamed(wire: Wire) -> None:
    group = await wire.group("Before")
    reply = await wire.send("PUT", f"/groups/{group}", {"name": "After"})
    assert (reply.status_code, reply.json()) == (200, {"data": {"id": group, "name": "After"}})
    assert (await wire.get("/groups"))["data"] == [{"id": group, "name": "After"}]


async def test_a_deleted_group_leaves_its_contacts(wire: Wire) -> None:
    contact = await wire.add(email="x@example.org", groupsNames=["A", "B"])
    first, second = (await wire.get("/groups"))["data"]
    reply = await wire.send("DELETE", f"/groups/{first['id']}")
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers.keys().isdisjoint({"content-type", "content-length"})
    assert (await wire.show(contact["id"]))["groups"]["data"] == [second]
    assert (await wire.refusal("DELETE", f"/groups/{first['id']}"))[:2] == (404, 404)


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "  "}, {"name": None}, {"other": 1}])
async def test_a_group_needs_a_name(wire: Wire, body: dict[str, object]) -> None:
    group = await wire.group("There")
    for method, path in (("POST", "/groups"), ("PUT", f"/groups/{group}"), ("PUT", "/groups/4000000")):
        assert await wire.refusal(method, path, body) == (422, 422, "The name field is required.")


@pytest.mark.parametrize("name", ["n" * 201, "a\0b", ["a"], {"a": "b"}, 5, 0, True, 1.5])
async def test_a_groups_name_is_a_text_of_200_characters(wire: Wire, name: object) -> None:
    status, code, description = await wire.refusal("POST", "/groups", {"name": name})
    assert (status, code) == (422, 422)
    assert description.startswith("The name field is invalid: ")


@pytest.mark.parametrize("group_id", ["4000000", "0", "-1", "x", "9007199254740992", "%00", "9" * 40])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_group_is_not_found(wire: Wire, method: str, group_id: str) -> None:
    body = {"name": "X"} if method == "PUT" else None
    assert await wire.refusal(method, f"/groups/{group_id}", body) == (404, 404, "There is no such group.")


async def test_groups_are_listed_in_pages(wire: Wire) -> None:
    ids = [await wire.group(f"G{number}") for number in range(3)]
    page = await wire.get("/groups", page=2, limit=2)
    assert page == {
        "data": [{"id": ids[2], "name": "G2"}],
        "meta": {
            "pagination": {
                "total": 3,
                "count": 1,
                "per_page": 2,
                "current_page": 2,
                "total_pages": 2,
                "links": {"previous": "http://carillon.example/api/rest/groups?limit=2&page=1"},
            }
        },
    }
