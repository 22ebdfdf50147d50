"""Finding a route: by literal segments, or by a template whose `{segments}` take any text that is not empty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from urllib.parse import unquote

from carillon.errors import NoSuchMethodError, NoSuchPathError

Target = TypeVar("Target")


@dataclass(slots=True)
class _Node(Generic[Target]):
    """A place in the tree of segments; `targets` are by method, `names` those of the segments that led here."""

    literals: dict[str, "_Node[Target]"] = field(default_factory=dict)
    wildcard: "_Node[Target] | None" = None
    targets: dict[str, tuple[Target, tuple[str, ...]]] = field(default_factory=dict)


class Router(Generic[Target]):
    """The routes of one site. A literal segment is preferred to a template's, without backtracking."""

    def __init__(self, routes: Sequence[tuple[str, str, Target]]) -> None:
        self._exact: dict[tuple[str, str], Target] = {}
        self._root: _Node[Target] = _Node()
        for method, path, target in routes:
            self._add(method, path, target)

    def _add(self, method: str, path: str, target: Target) -> None:
        node, names = self._root, []
        for segment in path.split("/"):
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.wildcard = node.wildcard or _Node()
                node = node.wildcard
            else:
                node = node.literals.setdefault(segment, _Node())
        node.targets[method] = (target, tuple(names))
        if not names:
            self._exact[method, path] = target

    def find(self, method: str, path: str) -> tuple[Target, Mapping[str, str]]:
        """Find what answers a path, which is still percent-encoded, and the texts of its segments.

        Raises NoSuchPathError, and NoSuchMethodError where the path has other methods.
        """
        if (target := self._exact.get((method, path))) is not None:
            return target, {}
        node, texts = self._root, []
        for segment in path.split("/"):
            following = node.literals.get(segment)
            if following is None and segment:
                following = node.wildcard
                texts.append(unquote(segment))
            if following is None:
                raise NoSuchPathError
            node = following
        if not node.targets:
            raise NoSuchPathError
        if method not in node.targets:
            raise NoSuchMethodError(sorted(node.targets))
        target, names = node.targets[method]
        return target, dict(zip(names, texts, strict=True))
