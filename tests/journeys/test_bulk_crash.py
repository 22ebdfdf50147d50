"""Apifon's bulk across kills: what was accepted is written, once, and its list comes to rest."""

import random
from typing import Any

import httpx
from tests.journeys.serving import Home, Process, home, until

KILLS, CALLS, ROWS = 4, 6, 400
LISTS = "/services/api/v1/list"


def client_of(process: Process, headers: dict[str, str]) -> httpx.Client:
    return httpx.Client(base_url=process.url, headers=headers, timeout=60)


def signed_in(place: Home, process: Process) -> dict[str, str]:
    """Return the headers of a caller with a token, which outlives the servers."""
    made = place.command("credential", "create", "--account", 1, "--dialect", "apifon", "--rate", 0)
    auth = (made["client_id"], made["client_secret"])
    reply = httpx.post(f"{process.url}/oauth2/token", auth=auth)
    return {"Authorization": f"Bearer {reply.json()['access_token']}"}


def rows(call: int) -> list[dict[str, Any]]:
    """Every call changes the subscribers of the one before it, and brings as many."""
    numbers = range(call * ROWS, (call + 2) * ROWS)
    status = "UNSUBSCRIBED" if call % 2 else "SUBSCRIBED"
    return [{"destination": f"+3069{number:08d}", "status": status} for number in numbers]


def test_many_that_were_accepted_are_written_in_their_order_whatever_is_killed() -> None:
    seed = random.randrange(10**6)  # noqa: S311 - moments of crashes
    print(f"seed {seed}")  # shown when the test fails
    rng = random.Random(seed)  # noqa: S311 - the same
    with home() as place:
        process = place.serve()
        headers = signed_in(place, process)
        with client_of(process, headers) as client:
            asked = {"title": "Guests", "type": "ADVANCED", "prefix": "+30"}
            made = client.post(LISTS, json=asked).headers["location"].partition(LISTS)[2]
        calls = 0
        for _ in range(KILLS):
            with client_of(process, headers) as client:
                for _ in range(rng.randint(1, CALLS)):
                    body = {"subscribers": rows(calls), "update_on_duplicate": True}
                    assert client.post(f"{LISTS}{made}/subscriber/bulk", json=body).status_code == 200
                    calls += 1
            process.popen.kill()
            process.popen.wait()
            if rng.random() < 0.5:
                place.kill_postgres()
            process = place.serve()
        with client_of(process, headers) as client:

            def shown() -> dict[str, Any]:
                found: dict[str, Any] = client.get(f"{LISTS}{made}").json()
                return found

            until(lambda: shown()["status"] != "UPDATING", "the end of the uploads")
            counts = [shown()[name] for name in ("status", "total_subscribers", "active_subscribers")]
        last_words = {row["destination"]: row["status"] for call in range(calls) for row in rows(call)}
        active = sum(status == "SUBSCRIBED" for status in last_words.values())
        assert counts == ["IDLE", len(last_words), active]
        assert process.end() == 0
