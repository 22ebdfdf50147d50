"""Sendings to a large group across kills: everybody is written once, and the books agree."""

import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.journeys.serving import Home, home, until

KILLS, SENDINGS, UPLOADS, ROWS = 3, 3, 5, 5_000
MEMBERS = UPLOADS * ROWS  # more than are taken when a request is accepted


def fill(client: httpx.Client) -> int:
    """Make a group of so many, and return its number."""
    for upload in range(UPLOADS):
        numbers = range(upload * ROWS, (upload + 1) * ROWS)
        rows = [{"Phone": f"0520{one:06}", "FirstName": f"N{one}", "AddToGroupName": "Everybody"} for one in numbers]
        reply = client.post("/api/v2/Contact/CreateOrUpdateContacts", json={"Data": {"List": rows}})
        assert reply.json()["StatusId"] == 1, reply.text

    def shown() -> Any:
        asked = {"GetGroupBy": "GroupName", "Value": "Everybody"}
        found = client.post("/api/v2/Contact/GetGroup", json={"Data": asked}).json()["Data"]["List"]
        return found[0] if found else {"CountActiveContacts": 0}

    until(lambda: shown()["CountActiveContacts"] == MEMBERS, "the end of the uploads", 180)
    return int(shown()["GroupNumber"])


def send(client: httpx.Client, group: int) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d %H:%M:%S}"
    data = {
        "Message": "Shalom [#FirstName#]",
        "GroupNumbers": [{"GroupNumber": group}],
        "Settings": {"Sender": "Shop", "TimeToSend": later, "CampaignName": "Spring"},
    }
    reply = client.post("/api/v2/SMS/SendSms", json={"Data": data})
    assert reply.json()["Data"] == {"Recipients": MEMBERS, "Errors": []}, reply.text


def written(place: Home) -> list[tuple[str, int, int]]:
    found = place.command("sending", "list", "--account", 1)
    return [(one["state"], one["recipients"], one["waiting"]) for one in found]


def test_every_member_is_written_once_whatever_is_killed() -> None:
    seed = random.randrange(10**6)  # noqa: S311 - moments of crashes
    print(f"seed {seed}")  # shown when the test fails
    rng = random.Random(seed)  # noqa: S311 - the same
    with home() as place:
        process = place.serve()
        auth = place.unlimited()
        with httpx.Client(base_url=process.url, auth=auth, timeout=60) as client:
            group = fill(client)
            for _ in range(SENDINGS):
                send(client, group)
        for _ in range(KILLS):
            time.sleep(rng.uniform(0.1, 2))
            process.popen.kill()
            process.popen.wait()
            if rng.random() < 0.3:
                place.kill_postgres()
            process = place.serve()
        until(lambda: written(place) == [("active", MEMBERS, MEMBERS)] * SENDINGS, "the last recipient", 180)
        assert place.command("verify", "--account", 1) == []
        assert process.end() == 0
