"""The HTTP client and certificates, with an authority that is made for the test."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from tests.integration.scripted_http import OK, replying, serving

from carillon.outbound.client import HttpClient
from carillon.outbound.exchange import Failure, HttpRequest, OutboundError

pytestmark = pytest.mark.any_database

HOST = "bells.example"


def loopback(_host: str) -> list[str]:
    return ["127.0.0.1"]


@asynccontextmanager
async def opened() -> AsyncIterator[HttpClient]:
    async with HttpClient([ip_network("127.0.0.0/8")], lookup=loopback) as client:
        yield client


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its self-signed certificate for HOST, which is its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    today = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "bells.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + made.public_bytes(Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


def get(host: str, port: int) -> HttpRequest:
    return HttpRequest(method="GET", url=f"https://{host}:{port}/")


async def failure_of(client: HttpClient, request: HttpRequest) -> OutboundError:
    with pytest.raises(OutboundError) as failed:
        await client.send(request)
    return failed.value


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_of_a_trusted_authority_for_the_host_is_taken(tls: ssl.SSLContext) -> None:
    async with serving(replying(OK), tls=tls) as server, opened() as client:
        for host in (HOST, HOST.upper(), f"{HOST}."):
            assert (await client.send(get(host, server.port))).body == b"ok"


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_host_is_refused_before_anything_is_sent(tls: ssl.SSLContext) -> None:
    async with serving(replying(OK), tls=tls) as server, opened() as client:
        for host in ("other.example", "127.0.0.1"):
            error = await failure_of(client, get(host, server.port))
            assert (error.failure, error.may_have_arrived) == (Failure.TLS, False)
        assert server.heads == []


async def test_a_certificate_of_an_unknown_authority_is_refused_before_anything_is_sent(tls: ssl.SSLContext) -> None:
    async with serving(replying(OK), tls=tls) as server, opened() as client:
        error = await failure_of(client, get(HOST, server.port))
        assert (error.failure, error.may_have_arrived) == (Failure.TLS, False)
        assert server.heads == []


async def test_a_server_that_speaks_no_tls_is_a_failure_of_tls() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server, opened() as client:
        error = await failure_of(client, get(HOST, server.sockets[0].getsockname()[1]))
    assert (error.failure, error.may_have_arrived) == (Failure.TLS, False)


async def test_a_server_that_ends_the_handshake_is_a_failure_before_anything_is_sent() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # With a reset, as a load balancer without a backend does.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, opened() as client:
        error = await failure_of(client, get(HOST, server.sockets[0].getsockname()[1]))
    assert (error.failure, error.may_have_arrived) == (Failure.CONNECT, False)
