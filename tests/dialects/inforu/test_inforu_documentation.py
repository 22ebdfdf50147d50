"""The functions' own pages, the OpenAPI document, and the coverage page."""

import re
from html import unescape
from typing import Any

import pytest
from tests.dialects.inforu.wire import PATHS, Wire
from tests.dialects.sent_texts import last_text

from carillon.dialects.inforu.coverage import covered
from carillon.dialects.inforu.operations import OPERATIONS
from carillon.kit.xml import read_xml

pytestmark = pytest.mark.any_database

NAMES = [one.name for one in OPERATIONS]


async def page(wire: Wire, function: str, view: str) -> str:
    reply = await wire.client.get(f"{PATHS[function]}?view={view}")
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return reply.text


def body_to_copy(text: str) -> str:
    found = re.search(r'<pre id="request">(.*?)</pre>', text, re.DOTALL)
    assert found
    return unescape(found.group(1))


@pytest.mark.parametrize("view", ["json", "xml"])
@pytest.mark.parametrize("function", NAMES)
async def test_the_body_of_a_functions_page_works_when_it_is_posted(wire: Wire, function: str, view: str) -> None:
    # The samples are of the same things: a contact in Customers, a group Newsletter, an unsubscribed phone.
    for step in ("CreateOrUpdateContacts", "CreateOrUpdateGroup", "Unsubscribe"):
        await wire.data(step, next(one.sample for one in OPERATIONS if one.name == step))
    body = body_to_copy(await page(wire, function, view))
    if function == "CheckJobStatusByToken":
        report = await wire.add({"PhoneNumber": "0501234567"})
        body = re.sub(r"BodyPart_[0-9a-f-]+", report["UploadToken"], body)
    if function == "Authenticate":
        await wire.post("SendOtp", next(one.sample for one in OPERATIONS if one.name == "SendOtp"))
        body = body.replace("902418", await last_text(wire.runtime, wire.account.account_id))
    headers = {"Content-Type": f"application/{view}"}
    reply = await wire.post(function, content=body, headers=headers)
    read: Any = reply.json() if view == "json" else read_xml(reply.content)
    assert str(read["StatusId"]) == "1", read
    if function == "CreateOrUpdateContacts":
        assert str(read["Data"]["ContactsExisting"]) == "1"
    if function.startswith("Get") and function != "GetFields":
        assert re.search(r'Count"?[:>]\s*[1-9]', reply.text)


@pytest.mark.parametrize("function", NAMES)
async def test_a_page_names_every_parameter_and_every_key_of_the_reply(wire: Wire, function: str) -> None:
    text = await page(wire, function, "json")
    known = next(one for one in OPERATIONS if one.name == function)
    for name in covered(known).served():
        assert name in text
    assert "&quot;StatusId&quot;" in text or '"StatusId"' in text


async def test_without_a_view_the_page_is_about_json(wire: Wire) -> None:
    reply = await wire.client.get("/api/V2/contact/getcontact")
    assert '"Data"' in body_to_copy(reply.text)
    assert "POST /api/V2/contact/getcontact" in reply.text


async def test_a_path_cannot_put_markup_into_its_page(wire: Wire) -> None:
    reply = await wire.client.get("/api/v2/Contact/GetContact?view=<script>alert(1)</script>")
    assert "<script>" not in reply.text


async def test_the_openapi_document_describes_every_function(wire: Wire) -> None:
    document = (await wire.client.get("/schema/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    ours = {path for path in document["paths"] if path.startswith("/api/v2/")}
    assert ours == {PATHS[name] for name in NAMES}
    for name in NAMES:
        operation = document["paths"][PATHS[name]]["post"]
        assert set(operation["responses"]) == {"200", "401", "403", "404", "405", "413", "429", "500", "503"}
        assert operation["security"] == [{"inforu.basic": []}, {}]


async def test_every_reference_of_the_openapi_document_leads_somewhere(wire: Wire) -> None:
    reply = await wire.client.get("/schema/openapi.json")
    schemas = reply.json()["components"]["schemas"]
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', reply.text))
    assert references
    assert references <= set(schemas)


async def test_openapi_says_what_is_required(wire: Wire) -> None:
    schemas = (await wire.client.get("/schema/openapi.json")).json()["components"]["schemas"]
    assert schemas["inforu.GetContact"]["required"] == ["Type", "Value"]
    assert schemas["inforu.GetContactList"]["required"] == ["FromDate", "ToDate"]
    assert schemas["inforu.CreateOrUpdateContacts"]["properties"]["List"]["maxItems"] == 5000
    assert schemas["inforu.DeleteContacts"]["properties"]["List"]["maxItems"] == 100


def test_every_function_and_parameter_of_the_reference_is_served() -> None:
    named = {one.name: covered(one) for one in OPERATIONS if one.reference}
    assert len(named) == 18
    missing = {name: set(one.reference) - one.served() for name, one in named.items()}
    assert {name: gone for name, gone in missing.items() if gone} == {}
