"""The dialect as it is mounted: its operations, the spellings of paths, and what is not served yet."""

from carillon.dialects.apifon import auth, oauth
from carillon.dialects.apifon.callbacks import CALLBACK_FORMAT
from carillon.dialects.apifon.errors import present_error
from carillon.dialects.apifon.examples import first_calls
from carillon.dialects.apifon.forms import FORMS
from carillon.dialects.apifon.forms import ROUTES as FORM_ROUTES
from carillon.dialects.apifon.operations import OPERATIONS
from carillon.dialects.apifon.scopes import authenticate_for
from carillon.dialects.contract import Dialect
from carillon.dialects.rest import coverage_of, describe_operations, route_of
from carillon.http.site import Endpoint
from carillon.tenancy.scopes import Scope

BASE = "/services/api/v1"
CHANGING = {Scope.AUDIENCE_WRITE, Scope.MESSAGES_WRITE}
"""The scopes of what changes something: a signature of such a call is accepted once."""
_OTHER_BASE = "/services"

_HEAD = """\
# Apifon: what is served

Generated from the table of operations; do not edit. The reference is `001_94193108bab8683b.txt`; what is our own choice
is in the [dialect's README](../../src/carillon/dialects/apifon/README.md).

Every path is served with and without a slash at its end, under `/services/api/v1` and `/services`. Callers sign
(ApifonWS) or show a token of `POST /oauth2/token`; `POST /oauth2/revoke` ends one. Of the reference's resources
these are SMS, instant messages, one-time passwords, the balance, the bounce list, lists and subscribers. Callbacks
are POSTed as the
[dialect's README](../../src/carillon/dialects/apifon/README.md#callbacks) says.
"""

_SECURITY = {"type": "http", "scheme": "bearer", "description": "A token of POST /oauth2/token; or sign with ApifonWS."}


def canonical_path(path: str) -> str | None:
    """Return the path in `routes`: without a slash at its end, and under the longer of the two bases."""
    trimmed = path.rstrip("/")
    if trimmed.startswith(("/oauth2/", f"{BASE}/", f"{FORMS}/")):
        return trimmed
    if trimmed.startswith(f"{_OTHER_BASE}/"):
        return BASE + trimmed.removeprefix(_OTHER_BASE)
    return None


DIALECT = Dialect(
    name=auth.DIALECT,
    credential_format=auth.CREDENTIAL_FORMAT,
    routes=(
        *(route_of(one, authenticate_for(one.permission, changes=one.scope in CHANGING)) for one in OPERATIONS),
        *FORM_ROUTES,
        Endpoint(method="POST", path="/oauth2/token", function="token", handle=oauth.token),
        Endpoint(method="POST", path="/oauth2/revoke", function="revoke", handle=oauth.revoke),
    ),
    canonical_path=canonical_path,
    present_error=present_error,
    describe=lambda: describe_operations(auth.DIALECT, OPERATIONS, _SECURITY),
    coverage=lambda: coverage_of(_HEAD, OPERATIONS),
    first_calls=first_calls,
    callbacks=CALLBACK_FORMAT,
)
