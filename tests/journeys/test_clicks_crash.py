"""Clicks under way when the server is killed: what was taken a second before is there, once, and the books agree.

A server that is stopped loses none.
"""

import json
import threading
import time

import httpx
from tests.journeys.serving import Home, Process, home, until

BROWSER = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile Safari/537.36"}
KILLS, THREADS, RECIPIENTS = 3, 4, 40


def send(place: Home, process: Process) -> list[str]:
    """Send a link to each of some phones, and give the codes."""
    made = place.command("credential", "create", "--account", 1, "--dialect", "apifon", "--rate", 0)
    subscribers = [
        {"number": f"30694400{one:04d}", "params": {"apifon_lp": {"url": f"https://shop.example/{one}"}}}
        for one in range(RECIPIENTS)
    ]
    body = {"message": {"text": "{apifon_lp}", "sender_id": "Shop"}, "subscribers": subscribers}
    with httpx.Client(base_url=process.url) as client:
        auth = (made["client_id"], made["client_secret"])
        token = client.post("/oauth2/token", auth=auth).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        reply = client.post("/services/api/v1/sms/send", content=json.dumps(body), headers=headers)
    assert reply.status_code == 200, reply.text
    return [one["short_code"] for (one,) in reply.json()["results"].values()]


class Openers:
    """Threads that open links, and remember when each click was answered; a thread has an address line of its own."""

    def __init__(self, url: str, codes: list[str]) -> None:
        self.answered: list[tuple[float, str]] = []
        self._stopping = False
        self._threads = [threading.Thread(target=self._open, args=(url, codes[one::THREADS])) for one in range(THREADS)]
        for one in self._threads:
            one.start()

    def _open(self, url: str, codes: list[str]) -> None:
        with httpx.Client(base_url=url, headers=BROWSER) as client:
            while not self._stopping:
                for code in codes:
                    try:
                        reply = client.get(f"/l/{code}")
                    except httpx.TransportError:
                        return
                    assert reply.status_code == 302
                    self.answered.append((time.monotonic(), code))

    def end(self) -> None:
        self._stopping = True
        for one in self._threads:
            one.join()


def recorded(place: Home) -> list[str]:
    """Return the codes of all clicks that were written."""
    lines = place.printed("events", "--account", 1, "--after", 0, "--addresses").splitlines()
    events = [json.loads(line) for line in lines]
    return [one["data"]["short_code"] for one in events if one["kind"] == "clicked"]


def test_clicks_survive_a_kill_but_for_those_of_its_last_second() -> None:
    with home() as place:
        process = place.serve()
        codes = send(place, process)
        older, answered = 0, 0
        for _ in range(KILLS):
            openers = Openers(process.url, codes)
            until(lambda one=openers: len(one.answered) > 300, "clicks")  # type: ignore[misc]
            time.sleep(1.5)
            killed_at = time.monotonic()
            process.popen.kill()
            process.popen.wait()
            openers.end()
            answered += len(openers.answered)
            older += sum(at < killed_at - 1 for at, _ in openers.answered)
            process = place.serve()
        written = recorded(place)
        assert set(written) <= set(codes)
        assert older <= len(written) <= answered + KILLS * THREADS
        assert place.command("verify", "--account", 1) == []
        assert process.end() == 0


def test_a_server_that_stops_loses_no_click() -> None:
    with home() as place:
        process = place.serve()
        codes = send(place, process)
        answered = 0
        for _ in range(KILLS):
            openers = Openers(process.url, codes)
            until(lambda one=openers: len(one.answered) > 300, "clicks")  # type: ignore[misc]
            assert process.end() == 0
            openers.end()
            answered += len(openers.answered)
            process = place.serve()
        assert answered <= len(recorded(place)) <= answered + KILLS * THREADS
        assert place.command("verify", "--account", 1) == []
        assert process.end() == 0
