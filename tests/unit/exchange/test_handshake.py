"""A handshake scan of the running server: everything it accepts is what BSI TR-02102-2 allows, and all of that."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.exchange.allowed import GROUPS, SUITES
from gateway.exchange.hello import (
    EXTENDED_MASTER_SECRET,
    HEARTBEAT,
    RENEGOTIATION_INFO,
    SESSION_TICKET,
    TLS12,
    TLS13,
    Offer,
    read,
)
from gateway.exchange.scan import Accepted, scan
from tests.unit.exchange.certificates import Issued, issue, rsa_key
from tests.unit.exchange.certificates import server as server_certificate
from tests.unit.exchange.test_server import Running, post, start, stop

GCM13 = {0x1301, 0x1302}
NIST, BRAINPOOL = {23, 24, 25}, {26, 27, 28}
ALL_SUITES = tuple(suite for suites in SUITES.values() for suite in suites)


@pytest.fixture(scope="module")
def ca() -> Issued:
    return issue("ca")


def place(folder: Path, ca: Issued, server: Issued) -> Path:
    ca.write(folder, "ca")
    server.write(folder, "server")
    issue("client", ca).write(folder, "client")
    return folder


@pytest.fixture(scope="module")
def running(ca: Issued, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with an RSA certificate."""
    folder = place(tmp_path_factory.mktemp("handshake"), ca, server_certificate(ca, rsa_key(3072)))
    running = start(folder, folder)
    yield running
    stop(running)


@pytest.fixture(scope="module")
def elliptic(ca: Issued, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with an ECDSA certificate."""
    folder = place(tmp_path_factory.mktemp("elliptic"), ca, server_certificate(ca))
    running = start(folder, folder)
    yield running
    stop(running)


def first_flight(running: Running, hello: bytes) -> bytes:
    """What the server sends to a ClientHello, until it falls silent or hangs up."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as connection:
        connection.sendall(hello)
        flight = b""
        while not whole(flight):
            piece = connection.recv(65536)
            if not piece:
                break
            flight += piece
        return flight


def whole(flight: bytes) -> bool:
    """Whether the flight is an alert, a hello that ends it (TLS 1.3 without a key share), or goes up to its end."""
    choice = read(flight) if flight[:1] != b"\x15" else None
    if flight[:1] == b"\x15" and len(flight) >= 7:
        return True
    return choice is not None and (choice.version == TLS13 or b"\x0e\x00\x00\x00" in flight)


def accepted(running: Running) -> Accepted:
    return scan(lambda hello: first_flight(running, hello), usual_groups=tuple(GROUPS))


def test_what_is_accepted_is_what_is_allowed(running: Running) -> None:
    """Of all suites and groups there are, in SSL 3.0 to TLS 1.3, exactly the allowed ones: with an RSA certificate."""
    found = accepted(running)
    assert found.suites == {TLS12: {0xC02F, 0xC030}, TLS13: GCM13}
    assert found.groups[TLS12] == NIST | BRAINPOOL
    assert found.groups[TLS13] - NIST <= {31, 32, 33}
    assert found.groups[TLS13] >= NIST


def test_the_same_with_an_elliptic_certificate(elliptic: Running) -> None:
    """The suites of ECDSA, and the groups; in TLS 1.2 without those that only come before the certificate's own."""
    found = accepted(elliptic)
    assert found.suites == {TLS12: {0xC02B, 0xC02C}, TLS13: GCM13}
    assert 23 in found.groups[TLS12] <= NIST | BRAINPOOL
    assert found.groups[TLS13] >= NIST


def test_nothing_of_old_tls_is_agreed(running: Running) -> None:
    """No session ticket, no heartbeat, no compression; extended master secret and secure renegotiation are."""
    offered = (SESSION_TICKET, HEARTBEAT, EXTENDED_MASTER_SECRET)
    suites = (*ALL_SUITES, 0x00FF)  # the signal for secure renegotiation (RFC 5746, 3.3)
    choice = read(first_flight(running, Offer(TLS12, suites, (23,), extensions=offered, compression=(1, 0)).encode()))
    assert choice is not None
    assert choice.compression == 0
    assert choice.extensions >= {EXTENDED_MASTER_SECRET, RENEGOTIATION_INFO}
    assert not {SESSION_TICKET, HEARTBEAT} & choice.extensions


@pytest.mark.parametrize("weak", [0x0201, 0x0203, 0x0202, 0x0101, 0x0807, 0x0301])
@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_weak_signatures_are_not_given(running: Running, version: int, weak: int) -> None:
    """Who takes only SHA-1, SHA-224, MD5, DSA or Ed25519 signatures gets no handshake."""
    flight = first_flight(running, Offer(version, ALL_SUITES, (23,), signatures=(weak,)).encode())
    # In TLS 1.3 the choice of a group comes before the signature: with a key share the alert would follow.
    assert version == TLS13 or read(flight) is None


def test_no_ticket_is_given(running: Running) -> None:
    """No session outlives the process: there are no tickets, and in TLS 1.3 no session is taken up again at all."""
    for most in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = ssl.create_default_context(cafile=running.place / "ca.crt")
        context.minimum_version = context.maximum_version = most
        session = None
        for _ in range(3):
            plain = socket.create_connection(("127.0.0.1", running.port), timeout=5)
            with context.wrap_socket(plain, server_hostname="localhost", session=session) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                assert connection.recv(100)
                assert most is ssl.TLSVersion.TLSv1_2 or not connection.session_reused
                session = connection.session
                assert session is None or not session.has_ticket


def refused(running: Running, client: Issued, folder: Path) -> bool:
    """Whether nobody can come with this certificate: an alert, or the client sees that it need not show it."""
    certificate, key = client.write(folder, "other")
    context = ssl.create_default_context(cafile=running.place / "ca.crt")
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(certificate, key)
    connection = http.client.HTTPSConnection("127.0.0.1", running.port, context=context, timeout=5)
    try:
        return post(connection)[1].startswith("nobody")
    except (ssl.SSLError, ConnectionError):
        return True
    finally:
        connection.close()


def test_weak_client_certificates_end_the_handshake(running: Running, ca: Issued, tmp_path: Path) -> None:
    """RSA below 3,072 bit, SHA-1, other keys, another use, expired, not yet valid: an alert; good ones pass."""
    assert not refused(running, issue("client", ca), tmp_path)
    assert not refused(running, issue("client", ca, key=rsa_key(3072)), tmp_path)
    assert not refused(running, issue("client", ca, key=ec.generate_private_key(ec.SECP384R1())), tmp_path)
    assert refused(running, issue("client", ca, key=rsa_key(2048)), tmp_path)
    assert refused(running, issue("client", ca, key=ed25519.Ed25519PrivateKey.generate()), tmp_path)
    assert refused(running, issue("client", ca, key=ec.generate_private_key(ec.SECP256K1())), tmp_path)
    assert refused(running, issue("client", ca, usage=ExtendedKeyUsageOID.SERVER_AUTH), tmp_path)
    assert refused(running, issue("client", ca, days=100), tmp_path)
    assert refused(running, issue("client", issue("stranger")), tmp_path)
    assert refused(running, issue("client", ca, digest=hashes.SHA224()), tmp_path)


def test_a_chain_is_as_strong_as_its_weakest_certificate(running: Running, ca: Issued, tmp_path: Path) -> None:
    """A good client certificate under an intermediate authority with RSA 2,048 bit is refused, under a good one not."""
    for key, weak in ((rsa_key(2048), True), (rsa_key(3072), False)):
        between = issue("between", ca, authority=True, key=key)
        client = issue("client", between)
        certificate, _ = client.write(tmp_path, "chain")
        certificate.write_bytes(certificate.read_bytes() + between.write(tmp_path, "between")[0].read_bytes())
        bundle = Bundle(client.certificate, client.key)
        bundle.pem = certificate.read_bytes()
        assert refused(running, bundle, tmp_path) is weak


class Bundle(Issued):
    """A certificate with the chain above it."""

    pem: bytes

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        certificate, key = super().write(folder, name)
        certificate.write_bytes(self.pem)
        return certificate, key


def test_an_answer_still_comes(running: Running, elliptic: Running) -> None:
    """After all these handshakes both servers serve."""
    for one in (running, elliptic):
        assert post(one.connect())[0] == 200
        one.close()
        assert "TIMEOUT" not in one.log.read_text()


def test_without_the_settings_nothing_listens(ca: Issued, tmp_path: Path) -> None:
    """If OpenSSL does not have our settings although it seems so, the server says what is accepted and ends."""
    folder = place(tmp_path, ca, server_certificate(ca))
    with pytest.raises(AssertionError, match="suite 0x1303 is accepted in version 0x0304"):
        start(folder, folder, environment={**os.environ, "GATEWAY_OPENSSL_STARTED": "1"})


def test_the_settings_of_the_operator_stay(ca: Issued, tmp_path: Path) -> None:
    """What the operator's own OPENSSL_CONF says is in force, as far as it is not what ours is for."""
    folder = place(tmp_path, ca, server_certificate(ca))
    own = tmp_path / "own.cnf"
    own.write_text(
        "openssl_conf = init\n[init]\nssl_conf = tls\n[tls]\nsystem_default = sect\n[sect]\n"
        "MaxProtocol = TLSv1.2\nCiphersuites = TLS_CHACHA20_POLY1305_SHA256\nGroups = X25519\n"
    )
    running = start(folder, folder, environment={**os.environ, "OPENSSL_CONF": str(own)})
    try:
        found = accepted(running)
        assert set(found.suites) == {TLS12}
        assert found.groups[TLS12] <= NIST | BRAINPOOL
    finally:
        stop(running)
