"""What HTTP itself says with a refusal, whatever the vendor's envelope is (RFC 9110)."""

from http import HTTPStatus

from carillon import errors

# How long a caller may wait before it tries again, where we have no better figure: a restart of the database.
_UNAVAILABLE_SECONDS = 5


def refusal_headers(error: errors.CarillonError, status: int, challenge: str) -> dict[str, str]:
    """Say how to come in (`challenge`, with a 401), when to try again, or which methods there are."""
    if status == HTTPStatus.UNAUTHORIZED:
        return {"WWW-Authenticate": challenge}
    match error:
        case errors.RateLimitedError(retry_after=seconds):
            # Whole seconds, rounded up: a client that waits so long is served.
            return {"Retry-After": str(max(1, -int(-seconds // 1)))}
        case errors.NoSuchMethodError(allowed=methods):
            return {"Allow": ", ".join(methods)}
        case errors.UnavailableError() | errors.SchemaMismatchError():
            return {"Retry-After": str(_UNAVAILABLE_SECONDS)}
    return {}
