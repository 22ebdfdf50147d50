"""Binds: kept, refused, ended, in pairs and several, over TLS; and what is received over them."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from structlog.testing import capture_logs
from tests.carriers.harness import running
from tests.carriers.pieces import CARRIER_ID, SECRET, KeepingInbox, messages
from tests.carriers.scripted_smsc import ScriptedSmsc
from tests.carriers.smpp_peer import bound
from tests.carriers.smsc_script import Script

from carillon.carriers.contract import Accepted, Receipt, ReceiptState, Reply
from carillon.carriers.smpp import replies
from carillon.carriers.smpp.carrier import make_smpp
from carillon.carriers.smpp.link import backoff
from carillon.carriers.smpp.pdu import (
    BIND_RECEIVER,
    BIND_TRANSMITTER,
    DATA_SM,
    MESSAGE_PAYLOAD,
    MESSAGE_STATE,
    RECEIPT,
    RECEIPTED_MESSAGE_ID,
    UNBIND,
    UNBIND_RESP,
    Message,
    encode_data_sm,
    pdu,
)
from carillon.carriers.smpp.statuses import ESME_ROK, ESME_RX_T_APPN

pytestmark = pytest.mark.any_database


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def test_the_wait_between_attempts_grows_to_a_minute_and_varies() -> None:
    random = Random(7)  # noqa: S311
    waits = [backoff(failures, random) for failures in range(1, 2000)]
    assert waits[0] < 0.5
    assert 30 <= max(waits) <= 60
    assert len(set(waits[100:])) > 1000


async def test_a_pair_submits_over_the_one_and_receives_over_the_other() -> None:
    inbox = KeepingInbox()
    async with bound(Script(), inbox, bind_mode="pair") as (carrier, smsc):
        await until(lambda: len(smsc.receivers) == 1)
        assert sorted((one.submits, one.receives) for one in smsc.sessions) == [(False, True), (True, False)]
        await carrier.submit(messages(3))
        await inbox.until_taken(3)
    assert BIND_RECEIVER | BIND_TRANSMITTER == 3


async def test_several_binds_share_what_is_submitted() -> None:
    async with bound(Script(answer_seconds=0.02), binds="3", window="4") as (carrier, smsc):
        await until(lambda: len(smsc.receivers) == 3)
        assert carrier.window == 12
        outcomes = await carrier.submit(messages(60))
        assert all(isinstance(one, Accepted) for one in outcomes)
    assert smsc.most_unanswered <= 4


async def test_a_bind_that_is_refused_is_tried_again_and_says_why() -> None:
    smsc = ScriptedSmsc(Script(password="another"))
    port = await smsc.start()
    carrier = make_smpp(CARRIER_ID, f"smpp://tester@127.0.0.1:{port}", SECRET, {}, KeepingInbox())
    stopping = asyncio.Event()
    with capture_logs() as lines:
        task = asyncio.create_task(carrier.run(stopping))
        await until(lambda: len(smsc.binds) >= 2)
        assert not carrier.is_up
        smsc.script.password = SECRET
        await until(lambda: carrier.is_up)
        stopping.set()
        await task
    assert any("ESME_RINVPASWD" in str(line) for line in lines)
    assert SECRET not in str(lines)
    await smsc.close()


async def test_an_smsc_that_unbinds_is_answered_and_bound_to_again() -> None:
    async with bound(Script()) as (carrier, smsc):
        assert await smsc.sessions[0].ask(UNBIND, b"") == ESME_ROK
        await until(lambda: not carrier.is_up)
        await until(lambda: carrier.is_up)
        assert len(smsc.binds) == 2


async def test_the_end_is_in_order() -> None:
    async with bound(Script(answer_seconds=0.3)) as (carrier, smsc):
        submitting = asyncio.create_task(carrier.submit(messages(5)))
        await until(lambda: len(smsc.taken) == 5)
        peer = smsc.sessions[0]
    assert all(isinstance(one, Accepted) for one in await submitting)
    assert peer.transport.is_closing(), "the SMSC closes after it was asked to unbind"
    assert UNBIND | 0x8000_0000 == UNBIND_RESP


async def test_a_quiet_peer_is_asked_whether_it_is_there() -> None:
    async with bound(Script(), enquire_seconds="0.1", answer_seconds="0.5") as (carrier, smsc):
        await asyncio.sleep(1.0)
        assert carrier.is_up
        assert len(smsc.binds) == 1


async def test_an_enquiry_is_answered() -> None:
    async with bound(Script()) as (_, smsc):
        assert await smsc.sessions[0].ask(0x15, b"") == ESME_ROK


async def test_receipts_and_replies_may_come_as_data_sm() -> None:
    inbox = KeepingInbox()
    async with bound(Script(), inbox, receipt_ids="as_is") as (_, smsc):
        reply = Message(source="972500000001", destination="1", tlvs={MESSAGE_PAYLOAD: b"hello"})
        receipt = Message(esm_class=RECEIPT, tlvs={RECEIPTED_MESSAGE_ID: b"7a\0", MESSAGE_STATE: b"\2"})
        for one in (reply, receipt):
            assert await smsc.sessions[0].ask(DATA_SM, encode_data_sm(one)) == ESME_ROK
    first, second = inbox.taken
    assert isinstance(first, Reply)
    assert isinstance(second, Receipt)
    assert (first.text, second.reference, second.state) == ("hello", "7a", ReceiptState.DELIVERED)


async def test_receipts_are_handed_over_in_batches() -> None:
    inbox = KeepingInbox()
    async with bound(Script(receipts="delayed", receipt_seconds=0.05), inbox, window="500") as (carrier, smsc):
        await carrier.submit(messages(400))
        await inbox.until_taken(400)
        await until(lambda: smsc.receipts_acknowledged == 400)
    assert inbox.calls < 40


async def test_what_the_inbox_could_not_take_comes_again() -> None:
    inbox = KeepingInbox(failing=2)
    async with bound(Script(), inbox) as (carrier, smsc):
        await carrier.submit(messages(10))
        await inbox.until_taken(10)
        await until(lambda: smsc.receipts_acknowledged == 10)
    assert len({one.reference for one in inbox.taken if not isinstance(one, Reply)}) == 10


async def test_one_receipt_that_breaks_the_inbox_does_not_hold_up_the_others() -> None:
    class Broken(KeepingInbox):
        async def take(self, carrier_id: int, received: object) -> None:
            assert isinstance(received, list)
            if any(getattr(one, "text", None) == "poison" for one in received):
                raise RuntimeError("of our own making")
            await super().take(carrier_id, received)

    inbox = Broken()
    async with bound(Script(), inbox) as (_, smsc):
        texts = [b"one", b"poison", b"two"]
        answers = await asyncio.gather(
            *(smsc.deliver(Message(source="972500000001", destination="1", short_message=text)) for text in texts)
        )
    assert answers == [ESME_ROK, ESME_RX_T_APPN, ESME_ROK]
    assert [one.text for one in inbox.taken if isinstance(one, Reply)] == ["one", "two"]


async def test_a_receipt_that_names_no_message_is_acknowledged() -> None:
    inbox = KeepingInbox()
    async with bound(Script(), inbox) as (_, smsc):
        assert await smsc.deliver(Message(source="1", esm_class=RECEIPT, short_message=b"?")) == ESME_ROK
    assert inbox.taken == []


def part(number: int, text: bytes, total: int = 2) -> Message:
    header = bytes((5, 0, 3, 77, total, number))
    return Message(source="972500000001", destination="12345", esm_class=0x40, short_message=header + text)


async def test_a_long_reply_is_handed_over_once_and_its_parts_are_acknowledged_then() -> None:
    inbox = KeepingInbox()
    async with bound(Script(), inbox) as (_, smsc):
        second = asyncio.create_task(smsc.deliver(part(2, b"bells")))
        await asyncio.sleep(0.1)
        assert not second.done()
        assert inbox.taken == []
        assert await smsc.deliver(part(1, b"seven ")) == ESME_ROK
        assert await second == ESME_ROK
        (reply,) = inbox.taken
        assert isinstance(reply, Reply)
        assert (reply.address, reply.to, reply.text) == ("972500000001", "12345", "seven bells")
        assert await smsc.deliver(part(1, b"seven ")) == ESME_ROK, "it is known already"
        assert len(inbox.taken) == 1


async def test_a_part_that_waits_too_long_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "HOLD_SECONDS", 0.1)
    inbox = KeepingInbox()
    async with bound(Script(), inbox) as (_, smsc):
        assert await smsc.deliver(part(1, b"seven ")) == ESME_RX_T_APPN
        assert await smsc.deliver(part(1, b"seven ")) == ESME_ROK, "for the second time"
        assert await smsc.deliver(part(2, b"bells")) == ESME_ROK
        assert [one.text for one in inbox.taken if isinstance(one, Reply)] == ["seven bells"]


async def test_a_reply_that_stays_incomplete_is_handed_over_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "HOLD_SECONDS", 0.1)
    monkeypatch.setattr(replies, "INCOMPLETE_SECONDS", 0.5)
    inbox = KeepingInbox()
    async with bound(Script(), inbox) as (_, smsc):
        await asyncio.gather(smsc.deliver(part(3, b"bells", 3)), smsc.deliver(part(1, b"seven ", 3)))
        await inbox.until_taken(1)
        assert [one.text for one in inbox.taken if isinstance(one, Reply)] == ["seven bells"]


async def test_what_was_acknowledged_of_a_long_reply_is_handed_over_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "HOLD_SECONDS", 0.1)
    inbox = KeepingInbox()
    async with bound(Script(), inbox) as (_, smsc):
        assert await smsc.deliver(part(1, b"seven ")) == ESME_RX_T_APPN
        assert await smsc.deliver(part(1, b"seven ")) == ESME_ROK
    assert [one.text for one in inbox.taken if isinstance(one, Reply)] == ["seven "]


def authority(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate of 127.0.0.1 that signs itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "smsc")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "ca.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_path = folder / "key.pem"
    key_path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context


async def test_a_bind_over_tls_is_made_to_a_server_of_the_given_authority_only(tmp_path: Path) -> None:
    ca_file, context = authority(tmp_path)
    smsc = ScriptedSmsc(Script())
    port = await smsc.start(tls=context)
    url = f"smpps://tester@localhost:{port}"
    carrier = make_smpp(CARRIER_ID, url, SECRET, {"ca_file": str(ca_file)}, KeepingInbox())
    async with running(carrier):
        (outcome,) = await carrier.submit(messages(1))
        assert isinstance(outcome, Accepted)
    stranger = make_smpp(CARRIER_ID, url, SECRET, {}, KeepingInbox())
    stopping = asyncio.Event()
    with capture_logs() as lines:
        task = asyncio.create_task(stranger.run(stopping))
        await until(lambda: any("next_attempt_seconds" in line for line in lines))
        stopping.set()
        await task
    assert len(smsc.binds) == 1
    await smsc.close()


async def test_a_peer_that_never_reads_is_cut_off() -> None:
    async with bound(Script()) as (_, smsc):
        peer = smsc.sessions[0]
        peer.transport.pause_reading()
        enquiry = pdu(0x15, 0, 1) * 4096
        async with asyncio.timeout(30):
            while len(smsc.binds) < 2:
                if not peer.transport.is_closing():
                    peer.transport.write(enquiry)
                await asyncio.sleep(0.001)
