"""Writes each dialect's coverage page: `python -m carillon.dialects.coverage docs/dialects`."""

import sys
from pathlib import Path

from carillon.dialects.registry import DIALECTS


def write_pages(folder: Path) -> list[Path]:
    """Write the pages into a folder and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for dialect in DIALECTS:
        page = folder / f"{dialect.name}.md"
        page.write_text(dialect.coverage(), "utf-8")
        written.append(page)
    return written


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
