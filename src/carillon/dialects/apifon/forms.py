"""The addresses of forms, which will be served at them: a list's, and a subscriber's own."""

import hashlib
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from uuid import UUID

from carillon.audience.contacts.contact import Contact
from carillon.audience.form_tokens import FormTokens, find_form_tokens, make_form_tokens
from carillon.dialects.apifon.mapping import show_id
from carillon.dialects.contract import Handler, Services
from carillon.dialects.rest import Call
from carillon.http.pages import HtmlPage, add, page_reply
from carillon.http.request import Method, Reply, Request
from carillon.http.site import Endpoint
from carillon.kit.actor import Actor

FORM_URLS = "form_urls"
"""The key of the addresses."""

FORMS = "/listmanager"
_FORMS = ("subscribe", "unsubscribe", "profile", "profile/unsubscribe")


async def _show_form(_services: Services, _request: Request) -> Reply:
    """Answer whoever opens the address of a form with a page that says that it isn't there."""
    page = HtmlPage("This form is not available")
    add(page.body, "h1", "This form is not available")
    add(page.body, "p", "It can't be filled in here yet. Please contact whoever has sent you to this page.")
    return page_reply(page, status=HTTPStatus.NOT_IMPLEMENTED)


_METHODS: Sequence[Method] = ("GET", "POST")

ROUTES: Sequence[Endpoint[Handler]] = [
    Endpoint(method=method, path=f"{FORMS}/{{account}}/{form}", function="form", handle=_show_form)
    for form in _FORMS
    for method in _METHODS
]


def form_id(account_id: int, list_id: int) -> UUID:
    """Derive the id of the list's forms, which are public, so that it needs no place of its own."""
    return UUID(bytes=hashlib.sha256(f"form:{account_id}:{list_id}".encode()).digest()[:16])


def _place(call: Call, list_id: int) -> tuple[str, str]:
    account_id = call.actor.account_id
    query = f"l={show_id(list_id)}&f={form_id(account_id, list_id)}"
    return f"{call.request.base_url}{FORMS}/{account_id}", query


def list_forms(call: Call, list_id: int) -> dict[str, str]:
    """Return the addresses of a list's forms."""
    forms, query = _place(call, list_id)
    return {
        "SUBSCRIBE_MOBILE": f"{forms}/subscribe?{query}&c=mobile",
        "UNSUBSCRIBE_MOBILE": f"{forms}/unsubscribe?{query}&c=mobile",
        "SUBSCRIBE_EMAIL": f"{forms}/subscribe?{query}&c=email",
        "UNSUBSCRIBE_EMAIL": f"{forms}/unsubscribe?{query}&c=email",
        "SUBSCRIBE": f"{forms}/subscribe?{query}",
    }


def subscriber_forms(call: Call, list_id: int, tokens: FormTokens) -> dict[str, str]:
    """Return the addresses of a subscriber's forms."""
    forms, query = _place(call, list_id)
    profile, unsubscribe = f"u={tokens.profile}", f"u={tokens.unsubscribe}"
    return {
        "UNSUBSCRIBE_MOBILE": f"{forms}/unsubscribe?{query}&c=mobile&{unsubscribe}",
        "PROFILE_MOBILE": f"{forms}/profile?{query}&c=mobile&{profile}",
        "UNSUBSCRIBE_EMAIL": f"{forms}/unsubscribe?{query}&c=email&{unsubscribe}",
        "PROFILE_EMAIL": f"{forms}/profile?{query}&c=email&{profile}",
        "UNSUBSCRIBE": f"{forms}/profile/unsubscribe?{query}&{unsubscribe}",
        "PROFILE": f"{forms}/profile?{query}&{profile}",
    }


async def forms_of(call: Call, actor: Actor, contacts: Sequence[Contact]) -> Mapping[int, Mapping[str, str]]:
    """Return the addresses of forms by contact; those that were removed meanwhile have none."""
    contact_ids = [one.contact_id for one in contacts]
    tokens = await call.db.read(find_form_tokens, actor, contact_ids)
    if len(tokens) < len(contact_ids):
        tokens = await call.db.run(make_form_tokens, actor, contact_ids)
    return {contact_id: subscriber_forms(call, actor.audience_id, one) for contact_id, one in tokens.items()}
