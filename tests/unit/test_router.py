"""Routes with words and with segments."""

import pytest

from carillon.errors import NoSuchMethodError, NoSuchPathError
from carillon.http.router import Router

ROUTES = (
    ("GET", "/list"),
    ("POST", "/list"),
    ("GET", "/list/{list_id}"),
    ("DELETE", "/list/{list_id}"),
    ("GET", "/list/{list_id}/subscriber/{md5}"),
    ("POST", "/list/{list_id}/query"),
    ("PUT", "/list/{list_id}/{kind}"),
)
ROUTER = Router([(method, path, f"{method} {path}") for method, path in ROUTES])


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/list", ("GET /list", {})),
        ("POST", "/list", ("POST /list", {})),
        ("GET", "/list/5a", ("GET /list/{list_id}", {"list_id": "5a"})),
        ("GET", "/list/5a/subscriber/ff", ("GET /list/{list_id}/subscriber/{md5}", {"list_id": "5a", "md5": "ff"})),
        ("POST", "/list/5a/query", ("POST /list/{list_id}/query", {"list_id": "5a"})),
        ("PUT", "/list/a%2Fb/%D7%90", ("PUT /list/{list_id}/{kind}", {"list_id": "a/b", "kind": "א"})),
    ],
)
def test_a_path_finds_its_route_and_its_segments(method: str, path: str, found: tuple[str, dict[str, str]]) -> None:
    assert ROUTER.find(method, path) == found


@pytest.mark.parametrize("path", ["/", "/lists", "/list/", "/list//query", "/list/5a/b/c/d"])
def test_a_path_that_no_route_has_is_unknown(path: str) -> None:
    with pytest.raises(NoSuchPathError):
        ROUTER.find("GET", path)


def test_a_path_with_other_methods_names_them() -> None:
    with pytest.raises(NoSuchMethodError) as refused:
        ROUTER.find("PATCH", "/list/5a")
    assert refused.value.allowed == ("DELETE", "GET")
