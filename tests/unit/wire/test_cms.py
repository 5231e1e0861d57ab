"""A detached signature counts only for exactly its bytes, by exactly one trusted signer, by sound algorithms."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha1, sha256
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, ObjectIdentifier

from gateway.errors import ApprovalRefused, SettingsError
from gateway.wire import cms, issuing
from gateway.wire.cms import SigningPair, sign_detached, verify_detached
from gateway.wire.issuing import KeyKind, Term

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
CONTENT = b'[anwendung]\nname = "wohnung2000"\nfassung = 3\n'
SHA1 = ObjectIdentifier("1.3.14.3.2.26")
SHA384 = ObjectIdentifier("2.16.840.1.101.3.4.2.2")
ECDSA_SHA384 = ObjectIdentifier("1.2.840.10045.4.3.3")
DIGEST = ObjectIdentifier("1.2.840.113549.1.9.4")
TYPE = ObjectIdentifier("1.2.840.113549.1.9.3")

Change = Callable[[cms._Message], None]


def pair(name: str = "abgebende-stelle", kind: KeyKind = "ec-p256", serial: int = 7) -> SigningPair:
    issued = issuing.approver(name, Term(NOW, 365, serial), unit="Amt 33", kind=kind)
    return SigningPair(issued.key, issued.certificate)


OFFICE, OTHER = pair(), pair("empfangende-stelle", serial=8)


def trusted(*pairs: SigningPair) -> set[str]:
    return {cms.signer(one.certificate).fingerprint for one in pairs or (OFFICE,)}


def refused(signature: bytes, content: bytes = CONTENT, by: set[str] | None = None) -> str:
    with pytest.raises(ApprovalRefused) as refusal:
        verify_detached(signature, content, trusted() if by is None else by)
    return str(refusal.value)


def info(message: cms._Message) -> cms._OneSignature:
    return message.content.signers.as_list()[0]


def changed(change: Change, *, content: bytes = CONTENT) -> bytes:
    """A good signature with some of its structure replaced."""
    message = asn1.decode_der(cms._Message, sign_detached(content, OFFICE))
    change(message)
    return asn1.encode_der(message)


def attributes(message: cms._Message, keep: Callable[[cms._Attribute], bool], *more: cms._Attribute) -> None:
    """Other signed attributes, signed anew by the office: only what they say is wrong."""
    one = info(message)
    assert one.attributes is not None
    kept = [attribute for attribute in one.attributes.as_list() if keep(attribute)] + list(more)
    one.attributes = asn1.SetOf(sorted(kept, key=asn1.encode_der))
    message.content.signers = asn1.SetOf([one])
    signed_again(message)


def signed_again(message: cms._Message, algorithm: hashes.HashAlgorithm | None = None) -> None:
    one, key = info(message), OFFICE.key
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    one.signature = key.sign(asn1.encode_der(one.attributes), ec.ECDSA(algorithm or hashes.SHA256()))
    message.content.signers = asn1.SetOf([one])


@asn1.sequence
class Octets:
    value: bytes


def value(content: bytes) -> asn1.SetOf[asn1.TLV]:
    """A SET OF with one OCTET STRING."""

    @asn1.sequence
    class One:
        one: asn1.TLV

    return asn1.SetOf([asn1.decode_der(One, asn1.encode_der(Octets(value=content))).one])


@pytest.mark.parametrize("kind", ["ec-p256", "rsa-3072"])
def test_a_signature_says_who_signed(kind: KeyKind) -> None:
    """Both kinds of key sign the exact bytes; DER and PEM are the same signature."""
    office = pair(kind=kind)
    der = sign_detached(CONTENT, office)
    text = base64.encodebytes(der)
    for signature in (der, *(b"-----BEGIN %s-----\n%s-----END %s-----\n" % (n, text, n) for n in (b"CMS", b"PKCS7"))):
        found = verify_detached(signature, CONTENT, trusted(office))
        assert (found.name, found.trial) == ("CN=abgebende-stelle,OU=Amt 33", False)
        assert found.fingerprint == cms.signer(office.certificate).fingerprint


@pytest.mark.parametrize(
    "other",
    [
        CONTENT + b" ",
        CONTENT + b"\n",
        b"\xef\xbb\xbf" + CONTENT,
        CONTENT.replace(b" = 3", b"  = 3"),
        CONTENT.replace(b"\n", b"\r\n"),
        CONTENT.replace(b"3", b"4"),
        CONTENT[:-1],
        b"",
    ],
)
def test_one_byte_is_another_file(other: bytes) -> None:
    """White space, line ends and marks count: what was signed is the file, not its meaning."""
    assert "other bytes" in refused(sign_detached(CONTENT, OFFICE), other)


def test_no_byte_of_a_signature_may_change() -> None:
    """Whichever bit of the message is flipped, it is refused, and never by another error than the declared one."""
    good = sign_detached(CONTENT, OFFICE)
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 1 << place % 8
        refused(bytes(bad))


def test_what_stands_behind_is_refused() -> None:
    """Garbage behind the message, before it, or around its PEM block; and no part of it alone."""
    good = sign_detached(CONTENT, OFFICE)
    pem = b"-----BEGIN CMS-----\n" + base64.encodebytes(good) + b"-----END CMS-----\n"
    for bad in (
        good + b"\0",
        good + good,
        b" " + good,
        good[:-1],
        b"",
        b"x",
        pem + b"x",
        b"x" + pem,
        pem + pem,
        pem[:-9],
    ):
        assert "strict DER" in refused(bad)
    assert "strict DER" in refused(pem.replace(b"END CMS", b"END PKCS7"))
    assert "S/MIME" in refused(b"MIME-Version: 1.0\n\n" + pem)


def test_a_huge_file_is_not_read() -> None:
    """More than any signature needs is refused before it is parsed."""
    assert "larger" in refused(b"\x30" * (cms.MOST_BYTES + 1))


def test_a_stranger_approves_nothing() -> None:
    """A good signature of someone else, or of nobody who is trusted, counts for nothing."""
    told = refused(sign_detached(CONTENT, OTHER))
    assert f"signed with {cms.signer(OTHER.certificate).fingerprint}, which the settings do not trust" in told
    assert "empfangende-stelle" not in told
    assert "do not trust" in refused(sign_detached(CONTENT, OFFICE), by=set())


def test_a_namesake_is_a_stranger() -> None:
    """The same issuer, serial number and name with another key is another certificate."""
    assert "do not trust" in refused(sign_detached(CONTENT, pair()))


def test_a_trusted_certificate_without_its_key_signs_nothing() -> None:
    """An attacker's signature under the office's certificate does not hold."""

    def swap(message: cms._Message) -> None:
        stranger = asn1.decode_der(cms._Message, sign_detached(CONTENT, OTHER))
        one = info(message)
        one.signature = info(stranger).signature
        message.content.signers = asn1.SetOf([one])

    assert "does not hold" in refused(changed(swap))


def test_it_must_be_detached() -> None:
    """A message that carries content of its own is refused, even if the content is the right one."""

    def attach(message: cms._Message) -> None:
        message.content.content = cms._Content(kind=message.content.content.kind, octets=CONTENT)

    assert "detached" in refused(changed(attach))


def test_signed_attributes_are_needed() -> None:
    """A signature without them, or with the digest among the unsigned ones only, is refused."""

    def bare(message: cms._Message) -> None:
        one, key = info(message), OFFICE.key
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        one.attributes, one.unsigned = None, one.attributes
        one.signature = key.sign(CONTENT, ec.ECDSA(hashes.SHA256()))
        message.content.signers = asn1.SetOf([one])

    assert "no signed attributes" in refused(changed(bare))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda m: attributes(m, lambda a: a.kind != DIGEST), "messageDigest"),
        (lambda m: attributes(m, lambda a: a.kind != TYPE), "contentType"),
        (
            lambda m: attributes(m, lambda a: a.kind != DIGEST, cms._Attribute(kind=DIGEST, values=value(b"x" * 32))),
            "other",
        ),
        (lambda m: attributes(m, lambda a: True, cms._Attribute(kind=DIGEST, values=value(b"x" * 32))), "twice"),
        (
            lambda m: attributes(m, lambda a: a.kind != TYPE, cms._Attribute(kind=TYPE, values=value(b"x"))),
            "contentType",
        ),
    ],
)
def test_the_attributes_say_what_was_signed(change: Change, rule: str) -> None:
    """contentType and messageDigest are there exactly once and right, however well they are signed."""
    assert rule in refused(changed(change))


def test_other_signed_attributes_do_no_harm() -> None:
    """What a signing program adds (time, policy) is signed and not looked at; nothing unsigned is."""
    extra = cms._Attribute(kind=ObjectIdentifier("1.2.3.4"), values=value(b"x"))

    def add(message: cms._Message) -> None:
        attributes(message, lambda _: True, extra)
        one = info(message)
        one.unsigned = asn1.SetOf([extra])
        message.content.signers = asn1.SetOf([one])

    assert verify_detached(changed(add), CONTENT, trusted()).name.startswith("CN=")


def test_old_digests_are_refused() -> None:
    """SHA-1, correct throughout, is refused by its name."""

    def weaken(message: cms._Message) -> None:
        weak = cms._Algorithm(algorithm=SHA1, parameters=None)
        one = info(message)
        one.digest = weak
        message.content.digests = asn1.SetOf([weak])
        message.content.signers = asn1.SetOf([one])
        digest = cms._Attribute(kind=DIGEST, values=value(sha1(CONTENT).digest()))
        attributes(message, lambda a: a.kind != DIGEST, digest)
        signed_again(message, hashes.SHA1())

    assert "only SHA-256" in refused(changed(weaken))


def test_a_swapped_digest_is_noticed() -> None:
    """Another digest algorithm in one place contradicts the other; in all of them it contradicts the digest."""
    other = cms._Algorithm(algorithm=SHA384, parameters=None)

    def one_place(message: cms._Message) -> None:
        message.content.digests = asn1.SetOf([other])

    def every_place(message: cms._Message) -> None:
        one = info(message)
        one.digest, one.algorithm = other, cms._Algorithm(algorithm=ECDSA_SHA384, parameters=None)
        message.content.digests, message.content.signers = asn1.SetOf([other]), asn1.SetOf([one])

    def signature_only(message: cms._Message) -> None:
        one = info(message)
        one.algorithm = cms._Algorithm(algorithm=ECDSA_SHA384, parameters=None)
        message.content.signers = asn1.SetOf([one])

    assert "contradict" in refused(changed(one_place))
    assert "other bytes" in refused(changed(every_place))
    assert "does not fit" in refused(changed(signature_only))


def test_there_is_exactly_one_signer() -> None:
    """None and two are refused, even if one of two is trusted."""
    other = asn1.decode_der(cms._Message, sign_detached(CONTENT, OTHER))

    def two(message: cms._Message) -> None:
        signers = sorted([info(message), info(other)], key=asn1.encode_der)
        message.content.signers = asn1.SetOf(signers)

    def none(message: cms._Message) -> None:
        message.content.signers = asn1.SetOf([])

    assert "2 signers" in refused(changed(two))
    assert "0 signers" in refused(changed(none))


def test_the_certificate_is_in_it_exactly_once() -> None:
    """Without the signer's certificate, or with another of the same issuer and number beside it, it is refused."""

    def none(message: cms._Message) -> None:
        message.content.certificates = None

    def two(message: cms._Message) -> None:
        both = sorted([OFFICE.certificate, pair().certificate], key=asn1.encode_der)
        message.content.certificates = asn1.SetOf(both)

    assert "exactly once" in refused(changed(none))
    assert "exactly once" in refused(changed(two))


def made(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, signs: bool = True) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "schwach")])
    usage = x509.KeyUsage(signs, False, not signs, False, False, False, False, False, False)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
    builder = builder.not_valid_before(NOW).not_valid_after(NOW + timedelta(days=1)).public_key(key.public_key())
    return builder.add_extension(usage, critical=True).sign(key, hashes.SHA256())


@pytest.mark.parametrize(
    ("key", "signs", "rule"),
    [
        (lambda: rsa.generate_private_key(65537, 2048), True, "too weak"),
        (lambda: ec.generate_private_key(ec.SECP224R1()), True, "too weak"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), True, "too weak"),
        (lambda: ec.generate_private_key(ec.SECP256R1()), False, "keyUsage"),
    ],
)
def test_weak_keys_sign_nothing(key: Callable[[], rsa.RSAPrivateKey], signs: bool, rule: str) -> None:
    """A key below the advice of the BSI, or not made for signing, is refused even where it is trusted."""
    private = key()
    certificate = made(private, signs=signs)
    weak = SigningPair(private, certificate)
    name = f"sha256:{sha256(certificate.public_bytes(Encoding.DER)).hexdigest()}"
    assert rule in refused(sign_detached(CONTENT, weak), by={name})
    with pytest.raises(SettingsError, match=rule):
        cms.signer(certificate)


def test_p384_signs() -> None:
    """P-384 is as good as P-256."""
    key = ec.generate_private_key(ec.SECP384R1())
    office = SigningPair(key, made(key))
    assert verify_detached(sign_detached(CONTENT, office), CONTENT, trusted(office)).name == "CN=schwach"


def test_a_certificate_with_an_unreadable_name_is_refused(tmp_path: Path) -> None:
    """It is none of those we can tell who stands behind, wherever it comes from."""
    der = OFFICE.certificate.public_bytes(Encoding.DER).replace(b"Amt 33", b"Amt\xff33")
    text = base64.encodebytes(der)
    (tmp_path / "c.pem").write_bytes(b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        cms.load_signer(tmp_path / "c.pem")


def test_key_and_certificate_belong_together(tmp_path: Path) -> None:
    """A key of someone else, no key, and a file with two certificates are refused in one sentence."""
    issued, other = (issuing.approver("x", Term(NOW, 1, 1), unit="y") for _ in range(2))
    (tmp_path / "c.pem").write_bytes(issued.certificate_pem)
    (tmp_path / "k.key").write_bytes(other.key_pem)
    (tmp_path / "two.pem").write_bytes(issued.certificate_pem + other.certificate_pem)
    with pytest.raises(SettingsError, match="not the key of"):
        cms.load_pair(tmp_path / "k.key", tmp_path / "c.pem")
    with pytest.raises(SettingsError, match="no private key"):
        cms.load_pair(tmp_path / "c.pem", tmp_path / "c.pem")
    with pytest.raises(SettingsError, match="more than one"):
        cms.load_signer(tmp_path / "two.pem")
    (tmp_path / "k.key").write_bytes(issued.key_pem)
    assert cms.load_pair(tmp_path / "k.key", tmp_path / "c.pem").certificate == issued.certificate
