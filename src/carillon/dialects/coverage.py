"""A dialect's coverage page: every parameter of the vendor's reference against what is served, with the deviations."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from carillon.dialects.reading import Parameter, parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """An endpoint as the page shows it.

    `reads` are the structs that it reads, each with what goes before its parameters' names; `path` says POST /so/{id};
    `reference` are the parameters that the vendor's reference names for it; `permission` are the vendor's scopes.
    """

    title: str
    path: str
    summary: str
    reads: Sequence[tuple[str, type[msgspec.Struct]]]
    reference: Sequence[str]
    notes: Sequence[str]
    permission: str = ""

    def rows(self) -> Iterator[tuple[str, Parameter]]:
        """Return every parameter, those inside items included, with its place."""
        for place, request in self.reads:
            yield from _inside(request, place)

    def served(self) -> set[str]:
        """Return every name that it reads: in the path, and all spellings of its parameters."""
        segments = {part.strip("{}") for part in self.path.split("/") if part.startswith("{")}
        return segments | {name for _, one in self.rows() for name in one.names}


def coverage_page(head: str, endpoints: Sequence[Covered]) -> str:
    """Write the page in Markdown."""
    lines = [
        head,
        "## Operations",
        "",
        "| operation | request | parameters of the reference | served |",
        "|---|---|---|---|",
    ]
    for one in endpoints:
        named = set(one.reference)
        served = len(named & one.served())
        lines.append(f"| [{one.title}](#{_anchor(one.title)}) | `{one.path}` | {len(named)} | {served} |")
    for one in endpoints:
        lines += ["", f"## {one.title}", "", f"`{one.path}`{_scopes(one)}", "", one.summary, "", *_table(one)]
        if one.notes:
            lines += ["", "Deviations and what the reference leaves open:", "", *(f"* {note}" for note in one.notes)]
    return "\n".join(lines) + "\n"


def _scopes(covered: Covered) -> str:
    return f", for tokens with {' and '.join(covered.permission.split())}" if covered.permission else ""


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _inside(request: type[msgspec.Struct], place: str) -> Iterator[tuple[str, Parameter]]:
    for one in parameters(request):
        where = f"{place}{one.names[0]}"
        yield where, one
        if "item" in one.extra:
            inner = "." if isinstance(one.type, msgspec.inspect.DictType) else "[]."
            yield from _inside(one.extra["item"], f"{where}{inner}")


def _table(covered: Covered) -> Iterator[str]:
    rows = list(covered.rows())
    missing = sorted(set(covered.reference) - covered.served())
    if not (rows or missing):
        yield "It has no parameters."
        return
    yield "| parameter | in the reference | required | also as | meaning |"
    yield "|---|---|---|---|---|"
    for where, one in rows:
        known = "yes" if set(one.names) & set(covered.reference) else "no"
        required = "required" if one.required else ""
        yield f"| {where} | {known} | {required} | {', '.join(one.names[1:])} | {one.description} |"
    for name in missing:
        yield f"| {name} | yes | | | **not served** |"
