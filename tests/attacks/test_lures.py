"""Messages that name another host: whatever names it and however, nobody goes there, and the answer stays here."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from gateway.wire.seal import SigningKey
from tests.attacks.attack import PLANTED, Fortress, refusal
from tests.attacks.hostile_xml import WSA, Change, before, in_header, in_payload, on_payload
from tests.attacks.test_messages import ASKED
from tests.attacks.test_signatures import Signer, of
from tests.unit.wire.client import ENVELOPED, EXC, WSSE, Ref

XSI = b"http://www.w3.org/2001/XMLSchema-instance"
OLD_WSA = b"http://schemas.xmlsoap.org/ws/2004/08/addressing"
ANSWERED = "answered"


@dataclass
class Lure:
    """A host that a message names; `nobody_came` looks whether anybody has knocked since."""

    listening: socket.socket

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}/{PLANTED}"

    def nobody_came(self) -> bool:
        """A connection would be here as soon as the other end calls it made: before its caller went on."""
        try:
            self.listening.accept()
        except BlockingIOError:
            return True
        return False


@pytest.fixture(scope="module")
def lure() -> Iterator[Lure]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        yield Lure(listening)


def addressing(name: bytes, namespace: bytes) -> Callable[[bytes], Change]:
    """A WS-Addressing block that nobody must understand, with an address."""
    return lambda url: in_header(b'<%b xmlns="%b"><Address>%b</Address></%b>' % (name, namespace, url, name))


def hinted(attribute: bytes) -> Callable[[bytes], Change]:
    """A hint where a schema could be had."""
    return lambda url: on_payload(b'xmlns:xsi="%b" xsi:%b="%b"' % (XSI, attribute, url))


LURES: dict[str, tuple[Callable[[bytes], Change], str]] = {
    "reply to": (addressing(b"ReplyTo", WSA), "antwortziel-fremd"),
    "fault to": (addressing(b"FaultTo", WSA), "antwortziel-fremd"),
    "reply to, as it was before": (addressing(b"ReplyTo", OLD_WSA), "antwortziel-fremd"),
    "to": (lambda url: in_header(b'<To xmlns="%b">%b</To>' % (WSA, url)), ANSWERED),
    "schema location": (
        lambda url: on_payload(
            b'xmlns:xsi="%b" xsi:schemaLocation="urn:de:koeln:fldm:schulentwicklung:1 %b"' % (XSI, url)
        ),
        ANSWERED,
    ),
    "schema without a namespace": (hinted(b"noNamespaceSchemaLocation"), ANSWERED),
    "schema in the header": (
        lambda url: in_header(b'<a xmlns="urn:a" xmlns:xsi="%b" xsi:schemaLocation="urn:a %b"/>' % (XSI, url)),
        ANSWERED,
    ),
    "external subset": (lambda url: before(b'<!DOCTYPE a SYSTEM "%b">' % url), "dtd-verboten"),
    "external entity": (lambda url: before(b'<!DOCTYPE a [<!ENTITY x SYSTEM "%b">]>' % url), "dtd-verboten"),
    "parameter entity": (
        lambda url: before(b'<!DOCTYPE a [<!ENTITY %% x SYSTEM "%b"> %%x;]>' % url),
        "dtd-verboten",
    ),
    "style sheet": (
        lambda url: before(b'<?xml-stylesheet type="text/xsl" href="%b"?>' % url),
        "anweisung-verboten",
    ),
    "inclusion": (
        lambda url: in_payload(b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="%b"/>' % url),
        "soap-kodierung",
    ),
    "inclusion in the header": (
        lambda url: in_header(b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="%b"/>' % url),
        ANSWERED,
    ),
    "part elsewhere": (
        lambda url: in_payload(b'<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="%b"/>' % url),
        "soap-kodierung",
    ),
    "encoded reference": (lambda url: in_payload(b'<a href="%b"/>' % url), "soap-kodierung"),
    "address of names": (lambda url: on_payload(b'xml:base="%b"' % url), "nicht-schemakonform"),
}


@pytest.mark.parametrize(("make", "meets"), LURES.values(), ids=list(LURES))
def test_nobody_follows_an_address(
    fortress: Fortress, lure: Lure, counted: None, make: Callable[[bytes], Change], meets: str
) -> None:
    """An address in a message is text: it is refused, or ignored and answered here, and never visited."""
    answer = fortress.house.post("schulentwicklung", make(lure.url.encode())(ASKED))
    assert refusal(answer) == meets
    assert lure.nobody_came()


@pytest.mark.parametrize("name", ["Content-Location", "X-Forwarded-Host", "Origin", "X-Original-URL", "Callback"])
def test_nobody_follows_a_header(fortress: Fortress, lure: Lure, counted: None, name: str) -> None:
    """The same for addresses in the headers of HTTP."""
    answer = fortress.house.post("schulentwicklung", ASKED, headers={name: lure.url})
    assert refusal(answer) == ANSWERED
    assert lure.nobody_came()


@pytest.mark.parametrize("profile", ["wsse", "umschlag"])
def test_nobody_follows_a_signature(fortress: Fortress, lure: Lure, counted: None, profile: str) -> None:
    """Neither references of a signature nor the ways to its key are fetched."""
    application, purpose = {"wsse": ("sozialamt", "L1"), "umschlag": ("wohnung2000", "U1")}[profile]
    certificate, key = fortress.running.installation.clients[application]
    signer = Signer(application, profile, of(SigningKey.load(key, certificate, "rsa-sha256"), application, purpose))
    sound = (Ref("#TS"), Ref("#B")) if profile == "wsse" else (Ref("", (ENVELOPED, EXC)),)
    elsewhere = f'<wsse:SecurityTokenReference xmlns:wsse="{WSSE}"><wsse:Reference URI="{lure.url}"/>'
    for habits in (
        {"refs": (*sound, Ref(lure.url, octets=b"x"))},
        {"refs": (Ref(lure.url, octets=b"x"),)},
        {"key_info": f'<ds:RetrievalMethod URI="{lure.url}"/>'},
        {"key_info": f"{elsewhere}</wsse:SecurityTokenReference>"},
    ):
        answer = fortress.house.post(application, signer.message(**habits))
        assert str(refusal(answer)).startswith("signatur-")
        assert lure.nobody_came()


def test_nobody_follows_a_certificate(fortress: Fortress, lure: Lure, counted: None, tmp_path: Path) -> None:
    """Addresses of issuer, revocation list and responder in a client's certificate are not visited in the handshake."""
    pair = luring(fortress.running.folder / "tls", tmp_path, lure.url)
    with suppress(ssl.SSLError, ConnectionError):  # refused in the handshake would be as good
        answer = fortress.house.post("schulentwicklung", ASKED, certificate=pair)
        assert refusal(answer) == 403
    assert lure.nobody_came()


def luring(tls: Path, folder: Path, url: str) -> tuple[Path, Path]:
    """A client certificate of the configured CA that names `url` wherever a certificate can."""
    issuer = x509.load_pem_x509_certificate((tls / "ca.pem").read_bytes())
    issuer_key = load_pem_private_key((tls / "ca.key").read_bytes(), None)
    key, now, where = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC), x509.UniformResourceIdentifier(url)
    access = [
        x509.AccessDescription(method, where)
        for method in (AuthorityInformationAccessOID.OCSP, AuthorityInformationAccessOID.CA_ISSUERS)
    ]
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, PLANTED)]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .serial_number(4720)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.public_key()), critical=False)  # type: ignore[arg-type]  # an RSA key
        .add_extension(x509.AuthorityInformationAccess(access), critical=False)
        .add_extension(x509.CRLDistributionPoints([x509.DistributionPoint([where], None, None, None)]), critical=False)
        .sign(issuer_key, hashes.SHA256())  # type: ignore[arg-type]  # an RSA key
    )
    certificate, private = folder / "luring.pem", folder / "luring.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, private
