"""Certificates: their names, their validity, who may be a client, and that a small CA satisfies strict TLS."""

from __future__ import annotations

import hashlib
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.verification import PolicyBuilder, Store

from gateway.errors import CallerUnknown, SettingsError
from gateway.wire import certificates, issuing
from gateway.wire.issuing import Issued, Term

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC)
TERM = Term(START, 365, 7)


@pytest.fixture(scope="module")
def authority() -> Issued:
    """An authority."""
    return issuing.authority("Test authority", Term(START, 400, 1), kind="ec-p256")


@pytest.fixture(scope="module")
def client(authority: Issued) -> Issued:
    """A client of it."""
    return issuing.client(authority, "wohnung2000", TERM, kind="ec-p256")


def der(issued: Issued) -> bytes:
    """The certificate as TLS hands it over."""
    return issued.certificate.public_bytes(Encoding.DER)


def test_fingerprint_is_sha256_of_the_der(client: Issued) -> None:
    """The name of a certificate is the SHA-256 of its DER, as openssl prints it, in lower case."""
    assert certificates.fingerprint(der(client)) == "sha256:" + hashlib.sha256(der(client)).hexdigest()
    assert client.fingerprint == certificates.fingerprint(der(client))


def test_validity_has_two_ends(client: Issued) -> None:
    """A certificate holds from its first to its last second; the days left are whole days."""
    end = START + timedelta(days=365)
    second = timedelta(seconds=1)
    assert [certificates.holds(client.certificate, now=at) for at in (START - second, START, end, end + second)] == [
        False,
        True,
        True,
        False,
    ]
    assert certificates.days_left(client.certificate, now=end - timedelta(days=10, hours=1)) == 10
    assert certificates.days_left(client.certificate, now=end + second) == -1


def test_sound_client_is_named(client: Issued, authority: Issued) -> None:
    """A pinned client certificate of a configured authority is known by its fingerprint."""
    name = certificates.check_client(
        der(client), now=NOW, pins=frozenset({client.fingerprint}), authorities=[authority.certificate]
    )
    assert name == client.fingerprint
    assert certificates.check_client(der(client), now=NOW) == name


def test_unfit_clients_are_unknown(client: Issued, authority: Issued) -> None:
    """None, garbage, unpinned, expired, of another authority, a server's, a CA's: all unknown."""
    server = issuing.server(authority, "localhost", TERM, kind="ec-p256")
    other = issuing.authority("Test authority", Term(START, 400, 1), kind="ec-p256")
    cases = [
        {"der": None},
        {"der": b""},
        {"der": b"Geheimnis"},
        {"der": der(client) + b"x"},
        {"der": der(client), "pins": frozenset()},
        {"der": der(client), "pins": frozenset({authority.fingerprint})},
        {"der": der(client), "now": START - timedelta(days=1)},
        {"der": der(client), "now": START + timedelta(days=366)},
        {"der": der(client), "authorities": [other.certificate]},
        {"der": der(client), "authorities": [client.certificate]},
        {"der": der(server)},
        {"der": der(authority)},
    ]
    for case in cases:
        with pytest.raises(CallerUnknown) as caught:
            certificates.check_client(**{"now": NOW, **case})
        assert "Geheimnis" not in str(caught.value)


def test_expired_authority_vouches_for_nobody(authority: Issued) -> None:
    """A certificate that outlives its authority is not accepted after the authority's end."""
    long = issuing.client(authority, "x", Term(START, 800, 8), kind="ec-p256")
    with pytest.raises(CallerUnknown):
        certificates.check_client(der(long), now=START + timedelta(days=401), authorities=[authority.certificate])


def test_chain_files_are_read(tmp_path: Path, client: Issued, authority: Issued) -> None:
    """A PEM file may hold text and several certificates; the first is the one that is meant."""
    path = tmp_path / "chain.pem"
    path.write_bytes(b"text\n" + client.certificate_pem + authority.certificate_pem)
    assert certificates.load(path) == client.certificate
    assert certificates.load_chain(path) == (client.certificate, authority.certificate)


@pytest.mark.parametrize(
    "content", [b"", b"Geheimnis", b"-----BEGIN CERTIFICATE-----\nGeheimnis\n-----END CERTIFICATE-----\n"]
)
def test_unreadable_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """A file without certificate is refused by its name, and not quoted."""
    path = tmp_path / "x.pem"
    path.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        certificates.load(path)
    assert "Geheimnis" not in str(caught.value)
    with pytest.raises(SettingsError):
        certificates.load(tmp_path / "missing.pem")


def test_only_strong_keys_count(authority: Issued) -> None:
    """P-256 counts; P-384 and RSA 2048 do not."""
    assert certificates.public_key(authority.certificate) is not None
    key = ec.generate_private_key(ec.SECP384R1())
    name = x509.Name([])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(START).not_valid_after(NOW)
    issued = builder.sign(authority.key, issuing.hashes.SHA256())
    assert certificates.public_key(issued) is None


def extensions(issued: Issued) -> dict[str, bool]:
    """The names of a certificate's extensions, and whether they are critical."""
    return {type(one.value).__name__: one.critical for one in issued.certificate.extensions}


def test_extensions_are_those_of_rfc_5280(authority: Issued, client: Issued) -> None:
    """basicConstraints and keyUsage are critical; SKI, AKI and extendedKeyUsage are there; a server has its names."""
    always = {
        "BasicConstraints": True,
        "KeyUsage": True,
        "SubjectKeyIdentifier": False,
        "AuthorityKeyIdentifier": False,
    }
    server = issuing.server(authority, "localhost", TERM, kind="ec-p256")
    signing = issuing.signing(authority, "gateway", TERM, kind="ec-p256")
    assert extensions(authority) == extensions(signing) == always
    assert extensions(client) == {**always, "ExtendedKeyUsage": False}
    assert extensions(server) == {**always, "ExtendedKeyUsage": False, "SubjectAlternativeName": False}
    names = server.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1", "::1"]
    assert certificates.may_sign(signing.certificate)
    assert not certificates.may_sign(authority.certificate)


def test_term_is_kept(client: Issued) -> None:
    """Validity and serial number are the given ones."""
    certificate = client.certificate
    assert (certificate.serial_number, certificate.not_valid_before_utc) == (7, START)
    assert certificate.not_valid_after_utc == START + timedelta(days=365)


def test_rsa_is_the_default_with_3072_bit(authority: Issued) -> None:
    """Without a wish the key is RSA of 3,072 bit."""
    assert issuing.signing(authority, "gateway", TERM).key.key_size == 3072


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_strict_tls_accepts_both_sides(tmp_path: Path, host: str) -> None:
    """OpenSSL with VERIFY_X509_STRICT (the default of Python 3.13) completes a handshake with both certificates."""
    term = Term(datetime.now(UTC) - timedelta(days=1), 30, 5)
    authority = issuing.authority("Test authority", term, kind="ec-p256")
    pairs = {
        "server": issuing.server(authority, "localhost", term, kind="ec-p256"),
        "client": issuing.client(authority, "wohnung2000", term, kind="ec-p256"),
    }
    contexts = {}
    for side, purpose in (("server", ssl.PROTOCOL_TLS_SERVER), ("client", ssl.PROTOCOL_TLS_CLIENT)):
        (tmp_path / f"{side}.pem").write_bytes(pairs[side].certificate_pem + pairs[side].key_pem)
        context = contexts[side] = ssl.SSLContext(purpose)
        context.load_cert_chain(tmp_path / f"{side}.pem")
        context.load_verify_locations(cadata=authority.certificate_pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
        context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
    assert handshake(contexts["server"], contexts["client"], host) == der(pairs["client"])


def handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> bytes | None:
    """Both sides in memory; what the server knows of the client."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    left = client.wrap_bio(to_client, to_server, server_hostname=host)
    right = server.wrap_bio(to_server, to_client, server_side=True)
    open_sides = [left, right]
    for _ in range(10):
        for side in list(open_sides):
            try:
                side.do_handshake()
                open_sides.remove(side)
            except ssl.SSLWantReadError:
                continue
    assert open_sides == []
    return right.getpeercert(binary_form=True)


def test_an_independent_path_validation_accepts(authority: Issued) -> None:
    """cryptography's own RFC 5280 path validation accepts the server's certificate."""
    server = issuing.server(authority, "localhost", TERM, kind="ec-p256")
    builder = PolicyBuilder().store(Store([authority.certificate])).time(NOW)
    builder.build_server_verifier(x509.DNSName("localhost")).verify(server.certificate, [])
