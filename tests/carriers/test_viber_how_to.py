"""The how-to page's carrier does what the page says of its provider: by itself, and against one on a real socket."""

import asyncio
import json
import re
import shlex
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from tests import background
from tests.carriers.harness import running
from tests.carriers.pieces import CARRIER_ID, SECRET, TEXT, message
from tests.integration.messaging.sandbox import Sandbox
from tests.integration.scripted_http import ScriptedServer, serving
from tests.support import Tenant

from carillon.carriers.content import Button, Content, File, Video
from carillon.carriers.contract import Accepted, Carrier, Failed, Receipt, ReceiptState, Reply
from carillon.carriers.failures import Failure
from carillon.carriers.http.inbound import InboundRequest, read_inbound, read_inbound_template
from carillon.carriers.http.provider import read_provider
from carillon.carriers.http.tokens import CallbackToken
from carillon.carriers.registry import CarrierConfig, Surroundings, check_carrier, make_carrier
from carillon.db.database import Database, Tx
from carillon.messaging import accept_many
from carillon.messaging.sendings import Fallback, Recipients
from carillon.messaging.verify import verify_account
from carillon.outbound.client import HttpClient
from carillon.outbound.exchange import HttpReply
from carillon.routing.choice import BUILT_IN_SIMULATORS
from carillon.text.placeholders import PlaceholderStyle

pytestmark = pytest.mark.any_database

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "connect-a-viber-provider.md"
TOKEN = CallbackToken(account_id=0, carrier_id=CARRIER_ID)
IM = BUILT_IN_SIMULATORS["im"]


def command() -> tuple[str, dict[str, str]]:
    """The URL and the options of the page's command."""
    block = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)[0]
    words = shlex.split(block)
    options = [words[at + 1].partition("=") for at, word in enumerate(words) if word == "--option"]
    return words[words.index("--url") + 1], {name: value for name, _, value in options}


def test_the_command_makes_a_carrier() -> None:
    url, options = command()
    check_carrier(CarrierConfig(carrier_id=CARRIER_ID, kind="http", url=url, options=options, secret=SECRET), "im")


@pytest.mark.parametrize(
    ("text", "content", "expected"),
    [
        (TEXT, Content(), {"text": TEXT}),
        (
            TEXT,
            Content(
                channel_id="s-1",
                image_url="https://www.example.com/1.png",
                button=Button(title='"Book"', url="viber://pa?chatURI=x"),
                expiry_text="Too late",
            ),
            {
                "text": TEXT,
                "service": "s-1",
                "image": "https://www.example.com/1.png",
                "button": {"caption": '"Book"', "action": "viber://pa?chatURI=x"},
                "expired_text": "Too late",
            },
        ),
        (
            "",
            Content(
                video=Video(
                    url="https://v.example/1", size=7, seconds=15, thumbnail_url="https://v.example/2", format="mp4"
                )
            ),
            {"video": {"url": "https://v.example/1", "bytes": 7, "seconds": 15, "preview": "https://v.example/2"}},
        ),
        (
            "",
            Content(file=File(url="https://f.example/1", name="menu.pdf", format="pdf")),
            {"file": {"url": "https://f.example/1", "name": "menu.pdf"}},
        ),
    ],
)
def test_the_request_has_what_the_message_has_and_nothing_else(
    text: str, content: Content, expected: dict[str, Any]
) -> None:
    url, options = command()
    sent = message(channel="im", text=text, content=content)
    request = read_provider(url, SECRET, options).request.build(sent, callback="", secret=SECRET)
    assert (request.method, request.url) == ("POST", url)
    assert ("X-Api-Key", SECRET) in request.headers
    assert json.loads(request.body) == {"phone": "306912340000", "sender": "Carillon", "ttl": 21_600, **expected}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, '{"token": "t-1"}', Accepted(reference="t-1")),
        (400, '{"code": 5}', Failed(failure=Failure.UNKNOWN_SUBSCRIBER, code="5")),
        (400, '{"code": 7}', Failed(failure=Failure.SENDER_DISABLED, code="7")),
        (400, '{"code": 9}', Failed(failure=Failure.URL_INVALID, code="9")),
        (400, '{"code": 99}', Failed(failure=Failure.REFUSED_BY_CARRIER, code="99")),
    ],
)
def test_the_answers_are_read(status: int, body: str, outcome: Accepted | Failed) -> None:
    url, options = command()
    answers = read_provider(url, SECRET, options).answers
    assert answers.read(HttpReply(status=status, headers=(), body=body.encode()), None) == outcome


def inbound(**body: object) -> Receipt | Reply:
    (found,) = read_inbound(InboundRequest(body=json.dumps(body).encode()), read_inbound_template(command()[1]), TOKEN)
    return found


@pytest.mark.parametrize(
    ("body", "state", "failure"),
    [
        ({"event": "delivered"}, ReceiptState.DELIVERED, None),
        ({"event": "seen"}, ReceiptState.SEEN, None),
        ({"event": "expired"}, ReceiptState.EXPIRED, Failure.EXPIRED),
        ({"event": "failed", "code": 5}, ReceiptState.UNDELIVERED, Failure.UNKNOWN_SUBSCRIBER),
        ({"event": "failed", "code": 6}, ReceiptState.UNDELIVERED, Failure.NETWORK_ERROR),
    ],
)
def test_the_reports_are_read(body: dict[str, object], state: ReceiptState, failure: Failure | None) -> None:
    receipt = inbound(token="t-1", **body)
    assert isinstance(receipt, Receipt)
    assert (receipt.reference, receipt.state, receipt.failure) == ("t-1", state, failure)


def test_replies_are_texts_or_media() -> None:
    text = inbound(event="message", phone="+30 691 234", sender="Blue", text="Thanks")
    media = inbound(event="message", phone="30691234", sender="Blue", media="https://m.example/1", name="1.jpg")
    assert text == Reply(address="30691234", to="Blue", text="Thanks")
    assert media == Reply(address="30691234", to="Blue", media_url="https://m.example/1", media_name="1.jpg")


# The whole way, over a socket.


class Provider:
    """The page's provider: the last digit of a phone says what becomes of it."""

    def __init__(self) -> None:
        self.server: ScriptedServer | None = None
        self.tokens: dict[str, str] = {}

    async def answer(self, _head: bytes, writer: asyncio.StreamWriter) -> None:
        assert self.server is not None
        phone = json.loads(self.server.bodies[-1])["phone"]
        if phone.endswith("5"):
            status, body = b"400 Bad Request", b'{"code": 5}'
        else:
            self.tokens[phone] = f"t-{len(self.server.bodies)}"
            status, body = b"200 OK", json.dumps({"token": self.tokens[phone]}).encode()
        writer.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


@pytest.fixture
async def sandbox(db: Database, account: Tenant) -> Sandbox:
    await db.run(Tx.execute, "UPDATE account SET sandbox = true WHERE account_id = $1", account.account_id)
    return Sandbox(db, account.actor)


@pytest.fixture
async def provider(sandbox: Sandbox) -> AsyncIterator[Provider]:
    """Put the page's carrier in the place of the simulated one."""
    made = Provider()
    _, options = command()
    async with serving(made.answer) as server, HttpClient([ip_network("127.0.0.0/8")]) as client:
        made.server = server
        config = CarrierConfig(carrier_id=IM, kind="http", url=f"{server.url}/v1/viber", options=options, secret=SECRET)
        carrier: Carrier = make_carrier(config, Surroundings(inbox=sandbox.inbox, outbound=client))
        sandbox.held.carriers[IM] = carrier
        async with running(carrier):
            yield made


async def test_messages_reports_and_replies_of_the_provider(sandbox: Sandbox, provider: Provider) -> None:
    delivered, refused, failing = "306944000001", "306944000005", "306944000006"
    await sandbox.send(
        *(delivered, refused, failing),
        channel="im",
        content=Content(button=Button(title="Book", url="https://www.example.com")),
        fallback=Fallback(sender="Shop", text="By SMS"),
    )
    await sandbox.work()
    for phone, body in (
        (delivered, {"event": "seen"}),
        (failing, {"event": "failed", "code": 5}),
    ):
        await sandbox.inbox.take(IM, [inbound(token=provider.tokens[phone], **body)])
    await sandbox.inbox.take(
        IM, [inbound(event="message", phone=delivered, sender="Blue", media="https://m.example/1")]
    )
    await sandbox.work()
    await sandbox.advance(timedelta(minutes=1))
    await sandbox.advance(timedelta(minutes=1))
    assert set((await sandbox.states()).values()) == {"delivered"}
    kinds = [row["kind"] for row in await sandbox.events()]
    assert (kinds.count("seen"), kinds.count("fallback"), kinds.count("reply")) == (1, 2, 1)
    assert provider.server is not None
    assert len(provider.server.bodies) == 3
    assert await sandbox.db.read(verify_account, sandbox.actor, retention_days=3000) == []


@pytest.mark.parametrize("way", ["claimed", "materialised"])
async def test_a_button_leads_each_recipient_to_a_place_of_its_own(
    sandbox: Sandbox, provider: Provider, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "materialised":
        monkeypatch.setattr(accept_many, "MAX_RECIPIENTS_AT_ONCE", 2)
    values = [{"name": "Ann Lee"}, {"name": "Ζωή"}, {"name": "x" * 1_000}]
    recipients = Recipients(addresses=["306944000001", "306944000002", "306944000003"], values=values, are_digits=True)
    sent = await sandbox.send(
        recipients=recipients,
        channel="im",
        placeholders=PlaceholderStyle.BRACES,
        content=Content(button=Button(title="Book", url="https://shop.example/?for={name}&amp=1%20")),
    )
    await background.materialise_all(sandbox.db, sandbox.actor.account_id)
    await sandbox.advance(timedelta(minutes=2))
    assert provider.server is not None
    bodies = [json.loads(one) for one in provider.server.bodies]
    assert {one["phone"]: one["button"]["action"] for one in bodies} == {
        "306944000001": "https://shop.example/?for=Ann%20Lee&amp=1%20",
        "306944000002": "https://shop.example/?for=%CE%96%CF%89%CE%AE&amp=1%20",
    }
    reasons = "SELECT reason FROM message WHERE shard_key = $1 AND state = 'excluded'"
    assert await sandbox.db.read(Tx.fetchval, reasons, sandbox.actor.account_id) == "url_invalid"
    assert sent.is_written
