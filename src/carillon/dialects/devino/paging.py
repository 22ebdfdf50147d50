"""Which part of a list is asked for: `limit` and `offset`."""

from carillon.dialects.devino import schemas
from carillon.errors import InvalidInputError


def read_span(limit: int | None, offset: int | None) -> tuple[int, int]:
    """Read limit and offset. Raises InvalidInputError."""
    if limit is not None and limit < 1:
        raise InvalidInputError("limit", "it is 1 at least")
    if offset is not None and not 0 <= offset <= schemas.MAX_OFFSET:
        raise InvalidInputError("offset", f"it is 0 to {schemas.MAX_OFFSET}")
    return min(limit or schemas.DEFAULT_LIMIT, schemas.MAX_LIMIT), offset or 0
