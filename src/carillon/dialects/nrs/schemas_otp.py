"""What the operations on one-time passwords read, under 360NRS's names."""

from typing import Annotated

from msgspec import Meta

from carillon.dialects.nrs.schemas import Request

LENGTH, ATTEMPTS, SECONDS = (3, 10), (1, 10), (30, 600)
MAX_APP_ID_CHARACTERS = 100

_RECIPIENT = Meta(description="The user's phone or e-mail. Required.")
_APP = Meta(description=f"One recipient has a code for each of these; up to {MAX_APP_ID_CHARACTERS} characters.")


class GenerateOtp(Request):
    """A code for a recipient."""

    recipient: Annotated[str, _RECIPIENT] = ""
    alpha: Annotated[bool | None, Meta(description="true: letters and digits, else digits.")] = None
    length: Annotated[int | None, Meta(description="From 3 to 10 characters; 4 if absent.")] = None
    max_attempts: Annotated[int | None, Meta(description="From 1 to 10 attempts; 3 if absent.")] = None
    max_seconds_validity: Annotated[int | None, Meta(description="From 30 to 600 seconds; 60 if absent.")] = None
    app_id: Annotated[str, _APP] = ""
    reject_if_pending_code: Annotated[
        bool | None, Meta(description="true: a code that can still be valid is not replaced, the answer is 422.")
    ] = None


class CheckOtp(Request):
    """A code that a user has given."""

    recipient: Annotated[str, _RECIPIENT] = ""
    code: Annotated[str, Meta(description="The code to check. Required.")] = ""
    case_sensitive: Annotated[bool | None, Meta(description="true: capitals count.")] = None
    app_id: Annotated[str, _APP] = ""
