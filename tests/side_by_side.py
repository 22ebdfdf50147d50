"""Run commands at the same time: while the one waits, the other computes.

    python tests/side_by_side.py "first command" "second command"

What the first prints is shown as it comes, then what the others have printed, in their order. Fails when one of them
does; the end of its output is then shown once more, so that it is the last.
"""

import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

_FAILURES = b" short test summary info "
_LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A command, and the file that has what it prints."""

    popen: "subprocess.Popen[bytes]"
    printed: Path

    def show(self) -> None:
        """Show what it prints, until it has ended."""
        with self.printed.open("rb") as printed:
            while True:
                has_ended = self.popen.poll() is not None
                show(printed.read())
                if has_ended:
                    return
                time.sleep(_LOOK_SECONDS)

    def end_of_output(self) -> bytes:
        """Return what it has printed from the test runner's summary of failures on, or all."""
        printed = self.printed.read_bytes()
        return printed[printed.rfind(b"\n", 0, max(0, printed.rfind(_FAILURES))) + 1 :]


def show(printed: bytes) -> None:
    sys.stdout.buffer.write(printed)
    sys.stdout.buffer.flush()


def start(command: str, printed: Path) -> Running:
    with printed.open("wb") as file:
        popen = subprocess.Popen(shlex.split(command), stdout=file, stderr=subprocess.STDOUT)  # noqa: S603 - the caller's own
    return Running(popen=popen, printed=printed)


def main(commands: list[str]) -> int:
    with TemporaryDirectory(prefix="carillon-output-") as place:
        running = [start(one, Path(place, str(number))) for number, one in enumerate(commands)]
        for one in running:
            one.show()
        failed = [one for one in running if one.popen.returncode != 0]
        if not failed:
            return 0
        if failed[-1] is not running[-1]:
            show(failed[-1].end_of_output())
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
