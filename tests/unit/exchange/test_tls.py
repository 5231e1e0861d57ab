"""The server's own certificates and authorities, and the proof that nothing too weak is accepted."""

from __future__ import annotations

import re
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID

from gateway.errors import SettingsError
from gateway.exchange import scan, server
from gateway.exchange.allowed import GROUPS, SUITES
from gateway.exchange.hello import TLS12, TLS13, Offer
from gateway.exchange.http import CERTIFICATE_HEADERS
from gateway.exchange.tls import context_for, prove, server_context
from tests.unit.exchange.certificates import Issued, issue, rsa_key
from tests.unit.exchange.certificates import server as server_certificate
from tests.unit.exchange.test_server import settings

SERVER = ExtendedKeyUsageOID.SERVER_AUTH


def written(folder: Path, ca: Issued, end: Issued) -> Path:
    ca.write(folder, "ca")
    end.write(folder, "server")
    return folder


@pytest.mark.parametrize(("told", "reason"), [
    ({"key": rsa_key(2048)}, "RSA key of 2048 bit"),
    ({"key": ed25519.Ed25519PrivateKey.generate()}, "neither RSA nor ECDSA"),
    ({"key": ec.generate_private_key(ec.SECP256K1())}, "neither RSA nor ECDSA"),
    ({"key": ec.generate_private_key(ec.SECP224R1())}, "neither RSA nor ECDSA"),
    ({"digest": hashes.SHA224()}, "weaker than SHA-256"),
    ({"usage": ExtendedKeyUsageOID.CLIENT_AUTH}, "does not allow it to serve"),
    ({"signs": False}, "does not allow it to serve"),
])  # fmt: skip
def test_a_weak_server_certificate_refuses_to_start(tmp_path: Path, told: dict[str, Any], reason: str) -> None:
    """RSA from 3,072 bit or ECDSA, SHA-256 and up, and made for a server; the reason is said."""
    ca = issue("ca")
    place = written(tmp_path, ca, issue("localhost", ca, **{"usage": SERVER, **told}))
    with pytest.raises(SettingsError, match=reason):
        server_context(settings(place, 8443))


@pytest.mark.parametrize("missing", ["server.crt", "server.key", "ca.crt"])
def test_a_missing_file_refuses_to_start(tmp_path: Path, missing: str) -> None:
    """Without certificate, key or client CA there is no context, and the settings' name is said."""
    ca = issue("ca")
    place = written(tmp_path, ca, server_certificate(ca))
    assert server_context(settings(place, 8443))
    (place / missing).unlink()
    with pytest.raises(SettingsError, match=r"server\.(certificate|client_ca)"):
        server_context(settings(place, 8443))


@pytest.mark.parametrize("key", [
    rsa_key(3072),
    ec.generate_private_key(ec.SECP384R1()),
    ec.generate_private_key(ec.SECP521R1()),
])  # fmt: skip
def test_a_strong_one_is_taken(tmp_path: Path, key: Any) -> None:
    """RSA 3,072 bit and the NIST curves."""
    ca = issue("ca")
    assert server_context(settings(written(tmp_path, ca, server_certificate(ca, key)), 8443))


@pytest.mark.parametrize(("authority", "reason"), [
    (issue("ca", key=rsa_key(2048)), "client_ca: certificate 1: an RSA key of 2048 bit"),
    (issue("ca", digest=hashes.SHA224()), "client_ca: certificate 1: it is signed with a digest weaker"),
    (issue("client", issue("ca")), "client_ca: certificate 1: it is no certificate authority's"),
])  # fmt: skip
@pytest.mark.parametrize("proxy", [None, {"addresses": ["10.0.0.1"], "tls": False}])
def test_a_weak_authority_refuses_to_start(
    tmp_path: Path, authority: Issued, reason: str, proxy: dict[str, Any] | None
) -> None:
    """Also behind a proxy: what it lets in is verified against the same authorities."""
    ca = issue("ca")
    written(tmp_path, ca, server_certificate(ca))
    authority.write(tmp_path, "ca")
    with pytest.raises(SettingsError, match=reason):
        context_for(settings(tmp_path, 8443, proxy=proxy))


def test_everything_wrong_is_said_at_once(tmp_path: Path) -> None:
    """A weak server certificate and a weak authority in one go."""
    weak = issue("ca", key=rsa_key(2048))
    written(tmp_path, weak, issue("localhost", weak, usage=SERVER, key=rsa_key(2048)))
    with pytest.raises(SettingsError) as caught:
        server_context(settings(tmp_path, 8443))
    assert {problem.split(":")[0] for problem in caught.value.problems} >= {"server.certificate", "server.client_ca"}


def test_a_context_that_takes_more_does_not_pass_the_proof(tmp_path: Path) -> None:
    """Old versions, CBC suites and x25519 are each found and named, without a list of what is weak."""
    ca = issue("ca")
    server_certificate(ca, rsa_key(3072)).write(tmp_path, "server")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.crt", tmp_path / "server.key")
    context.set_ciphers("ECDHE-RSA-AES256-SHA384:@SECLEVEL=0")
    with pytest.raises(SettingsError) as caught:
        prove(context)
    said = "\n".join(caught.value.problems)
    assert "suite 0xc028 is accepted in version 0x0303" in said
    assert "suite 0x1303 is accepted in version 0x0304" in said
    assert "group 29 is accepted in version 0x0303" in said
    assert "group 29 is accepted in version 0x0304" in said


def test_a_context_that_takes_nothing_does_not_pass_either(tmp_path: Path) -> None:
    """A server that nobody can reach does not start."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate
    with pytest.raises(SettingsError, match="no handshake is possible"):
        prove(context)


def test_nobody_listens_without_tls_and_without_a_proxy(tmp_path: Path) -> None:
    """The server that is to end TLS itself refuses to be started without it."""
    with pytest.raises(SettingsError, match="needs a context"):
        server.serve(settings(tmp_path, 8443), None, lambda: None)  # type: ignore[arg-type, return-value]  # never opened


OPERATIONS = Path(__file__).parents[3] / "docs" / "operations"


@pytest.mark.parametrize("name", ["nginx.conf", "haproxy.cfg"])
def test_the_shipped_proxies_speak_the_same(name: str) -> None:
    """Suites and groups in the configurations of docs/operations are those the server itself allows."""
    text = (OPERATIONS / name).read_text("utf-8")
    assert ":".join(SUITES[TLS12].values()) + ":@SECLEVEL=3" in text
    assert ":".join(SUITES[TLS13].values()) in text
    assert ":".join(group for group in GROUPS.values() if not group.endswith("tls13")) in text


@pytest.mark.parametrize("name", ["nginx.conf", "nginx-legacy.conf"])
def test_nginx_removes_every_claim(name: str) -> None:
    """Each header with which a client could claim a certificate is overwritten."""
    text = (OPERATIONS / name).read_text("utf-8").lower()
    for header in CERTIFICATE_HEADERS:
        written = header.removeprefix("HTTP_").replace("_", "-").lower()
        assert re.search(rf"proxy_set_header {written} (\"\"|\$ssl_client_escaped_cert);", text), written


def test_haproxy_removes_every_claim() -> None:
    """The same by patterns, for names with - and _."""
    text = (OPERATIONS / "haproxy.cfg").read_text("utf-8")
    patterns = [re.compile(found) for found in re.findall(r"del-header (\S+) -m reg", text)]
    for header in CERTIFICATE_HEADERS:
        for written in (header.removeprefix("HTTP_").lower(), header.removeprefix("HTTP_").replace("_", "-").lower()):
            assert any(pattern.search(written) for pattern in patterns), written


def test_a_scan_leaves_no_number_out() -> None:
    """Every suite and every group that a server could take is offered, each once, but the two that are signals."""
    assert sorted((*scan.SUITES, 0x00FF, 0x5600)) == list(range(0x10000))
    assert list(scan.GROUPS) == list(range(1, 0x10000))
    some = scan.SUITES[-1000:], scan.GROUPS[:1000]
    offered = Offer(TLS12, *some).encode()
    for numbers in some:
        assert b"".join(number.to_bytes(2, "big") for number in numbers) in offered
