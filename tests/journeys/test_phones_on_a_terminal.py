"""`carillon serve` on a terminal shows what the demo account's phones get; elsewhere it doesn't."""

import json
import os
import pty
import subprocess
import threading

import pytest
from tests.journeys.serving import CARILLON, Home, Process, home, until

TEXT = "Your table is ready."


def send(house: Home) -> None:
    command = [str(CARILLON), "send", "--account", "1", "--from", "Blue", "--to", "972541234567", TEXT, "--json"]
    environment = {**os.environ, "CARILLON_DATA_DIR": str(house.data_dir)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert json.loads(ended.stdout)["recipients"] == 1


@pytest.mark.any_database
def test_a_terminal_shows_what_the_phones_get() -> None:
    with home() as house:
        ours, theirs = pty.openpty()
        command = [str(CARILLON), "serve", "--data-dir", str(house.data_dir), "--port", "0"]
        with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL) as server:  # noqa: S603 - our own
            os.close(theirs)
            shown = bytearray()
            reader = threading.Thread(target=read_all, args=(ours, shown), daemon=True)
            reader.start()
            until(lambda: b"Ctrl-C stops it" in shown, "it serves")
            send(house)
            until(lambda: f"phone +972541234567 got from Blue: {TEXT}".encode() in shown, "it is shown")
            server.terminate()
            assert server.wait(60) == 0
        reader.join(5)


@pytest.mark.any_database
def test_a_file_has_no_texts() -> None:
    with home() as house:
        process: Process = house.serve()
        send(house)
        until(lambda: is_delivered(house), "it is delivered")
        assert TEXT not in process.out + process.log
        assert process.end() == 0


def is_delivered(house: Home) -> bool:
    command = [str(CARILLON), "message", "list", "--account", "1", "--json", "--data-dir", str(house.data_dir)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    return [one["state"] for one in json.loads(ended.stdout)] == ["delivered"]


def read_all(terminal: int, shown: bytearray) -> None:
    try:
        while piece := os.read(terminal, 65_536):
            shown.extend(piece)
    except OSError:  # its other end is closed
        pass
