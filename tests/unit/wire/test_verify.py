"""Signed requests and answers: what is accepted, and that no byte of what was signed can change."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import timedelta

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from gateway.errors import MessageRefused, SignatureRefused
from gateway.wire.certificates import fingerprint_of
from gateway.wire.seal import SigningKey, body_pieces, sign
from gateway.wire.soap import SOAP11, Envelope, MediaType, Version, fault_payload, open_envelope
from gateway.wire.verify import Proof, verify_answer, verify_request
from gateway.wire.xml import canonical, parse

from .client import DS, EXC, NOW, NS, PAYLOAD, WSSE, WSU, Client, Ref

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
OCTETS = PAYLOAD.encode()
QUITTUNG = f'<quittung xmlns="{NS}"><salt>ab</salt></quittung>'.encode()
UNDERSTOOD = frozenset({f"{{{WSSE}}}Security"})


def key_pem(key: SigningKey) -> bytes:
    """The private key for another library."""
    return key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def opened(raw: bytes, version: Version = SOAP11) -> Envelope:
    """The request, opened as the pipeline opens it."""
    return open_envelope(parse(raw), MediaType(version, None, None), understood=UNDERSTOOD)


def proved(raw: bytes, key: SigningKey, profile: str, now=NOW) -> Proof:
    """The proof of a request, with the certificate of `key` pinned."""
    pins = frozenset({"sha256:" + "0" * 64, fingerprint_of(key.certificate)})
    return verify_request(opened(raw), pins, profile=profile, now=now)


def refusal(raw: bytes, key: SigningKey, profile: str, now=NOW) -> str:
    """The code of the refusal."""
    with pytest.raises(SignatureRefused) as caught:
        proved(raw, key, profile, now)
    assert "c0ffee" not in str(caught.value)
    return caught.value.code


@pytest.fixture(params=["rsa-sha256", "ecdsa-p256-sha256"])
def key(request, client_keys) -> SigningKey:
    """A client key of each method."""
    return client_keys[request.param]


@pytest.fixture
def client(client_keys) -> Client:
    """A client with an EC key."""
    return Client(client_keys["ecdsa-p256-sha256"])


def test_wsse_request_is_proved(key) -> None:
    """A request signed over Timestamp and Body is proved; the proof names certificate, value and instant."""
    raw = Client(key).wsse()
    proof = proved(raw, key, "wsse")
    assert proof.fingerprint == fingerprint_of(key.certificate)
    assert proof.created == NOW
    assert len(proof.signature_value) == (384 if key.method == "rsa-sha256" else 64)


def test_umschlag_request_is_proved(key) -> None:
    """A request signed as a whole is proved, with a Timestamp and without."""
    assert proved(Client(key).umschlag(), key, "umschlag").created == NOW
    assert proved(Client(key).umschlag(timestamp=False), key, "umschlag").created is None


@pytest.mark.parametrize("profile", ["umschlag", "wsse"])
def test_our_own_signer_is_read(profile, key) -> None:
    """What `sign` makes is a request too."""
    raw = sign(profile, SOAP11, [], body_pieces(SOAP11, OCTETS, profile), key, now=NOW)
    assert proved(raw, key, profile).fingerprint == fingerprint_of(key.certificate)


@pytest.mark.parametrize("prefixes", ["", "s", "s wsu", "s q", "unknown"])
def test_inclusive_namespaces_of_wss4j_are_read(client, prefixes) -> None:
    """A PrefixList in SignedInfo and references is honoured, also for declarations on ancestors."""
    refs = (Ref("#TS", prefixes=prefixes), Ref("#B", prefixes=prefixes))
    habits = client.but(prefixes=prefixes, refs=refs, namespaces={"q": "urn:q", "r": "urn:r"})
    proved(habits.wsse(), client.key, "wsse")
    whole = (Ref("", (DS + "enveloped-signature", EXC), prefixes=prefixes),)
    proved(habits.but(refs=whole).umschlag(), client.key, "umschlag")


def test_an_ancestors_declaration_in_the_prefix_list_is_signed(client) -> None:
    """With a PrefixList a changed declaration of that prefix breaks the signature."""
    refs = (Ref("#TS"), Ref("#B", prefixes="q"))
    raw = client.but(refs=refs, namespaces={"q": "urn:q"}).wsse()
    proved(raw, client.key, "wsse")
    assert refusal(raw.replace(b'"urn:q"', b'"urn:p"'), client.key, "wsse") == "signatur-ungueltig"


@pytest.mark.parametrize("prefixes", ["#default", "a:b", "1", " ".join(f"p{n}" for n in range(40))])
def test_an_unreadable_prefix_list_is_refused(client, prefixes) -> None:
    """A PrefixList of no prefixes, too many, or the default namespace is refused."""
    assert refusal(client.but(prefixes=prefixes).wsse(), client.key, "wsse") == "signatur-aufbau"


def test_references_may_come_in_any_order(client) -> None:
    """Body first or Timestamp first is the same."""
    proved(client.but(refs=(Ref("#B"), Ref("#TS"))).wsse(), client.key, "wsse")


def test_xmlsec_signed_request_is_proved(client_keys) -> None:
    """A request signed by python-xmlsec is proved."""
    key = client_keys["rsa-sha256"]
    root = etree.fromstring(Client(key).wsse())
    security = root.find(f".//{{{WSSE}}}Security")
    info = security[-1][2]
    security.remove(security[-1])
    template = xmlsec.template.create(root, xmlsec.constants.TransformExclC14N, xmlsec.constants.TransformRsaSha256)
    for uri in ("#B", "#TS"):
        reference = xmlsec.template.add_reference(template, xmlsec.constants.TransformSha256, uri=uri)
        xmlsec.template.add_transform(reference, xmlsec.constants.TransformExclC14N)
    template.append(info)
    security.append(template)
    context = xmlsec.SignatureContext()
    context.key = xmlsec.Key.from_memory(key_pem(key), xmlsec.constants.KeyDataFormatPem, None)
    for part in (root[1], security[1]):
        context.register_id(part, "Id", WSU)
    # KeyInfo stays as it is: xmlsec must not add a certificate of its own.
    context.sign(template)
    proved(etree.tostring(root), key, "wsse")


@pytest.mark.parametrize("minutes", [-5, -1, 0, 5])
def test_window_of_five_minutes(client, minutes) -> None:
    """A request is fresh from five minutes before to five minutes after Created, before it expires."""
    raw = client.but(expires="2026-11-23T12:06:00Z").wsse()
    proved(raw, client.key, "wsse", NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("profile", ["umschlag", "wsse"])
@pytest.mark.parametrize(
    ("created", "expires"),
    [
        ("2026-11-23T11:54:59Z", "2026-11-23T13:00:00Z"),
        ("2026-11-23T12:05:01Z", "2026-11-23T13:00:00Z"),
        ("2026-11-23T11:58:00Z", "2026-11-23T11:59:00Z"),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z"),
        ("2026-11-23T12:04:00Z", "2026-11-23T12:03:00Z"),
        ("2026-11-23T12:00:00", "2026-11-23T12:05:00Z"),
        ("2026-11-23T12:00:00+00:00", "2026-11-23T12:05:00Z"),
        ("2026-11-23T24:00:00Z", "2026-11-23T12:05:00Z"),
        ("2026-02-30T12:00:00Z", "2026-11-23T12:05:00Z"),
        ("", "2026-11-23T12:05:00Z"),
        ("2026-11-23T12:00:00Z", "٢026-11-23T12:05:00Z"),
    ],
)
def test_stale_and_unreadable_timestamps_are_refused(client, profile, created, expires) -> None:
    """Outside the window, expired, without zone or not a date: refused although the signature holds."""
    habits = client.but(created=created, expires=expires)
    raw = habits.wsse() if profile == "wsse" else habits.umschlag()
    assert refusal(raw, client.key, profile) == "signatur-zeit"


def test_fractions_of_a_second_are_read(client) -> None:
    """Created may have one to nine digits of a second's fraction."""
    for fraction in ("1", "123", "123456789"):
        proof = proved(client.but(created=f"2026-11-23T12:00:00.{fraction}Z").wsse(), client.key, "wsse")
        assert NOW < proof.created < NOW + timedelta(seconds=1)


def test_certificate_must_be_pinned(client, stranger) -> None:
    """A sound signature of the same authority, but not of a pinned certificate, is refused."""
    for profile, raw in (("wsse", Client(stranger).wsse()), ("umschlag", Client(stranger).umschlag())):
        assert refusal(raw, client.key, profile) == "signatur-zertifikat"
        envelope = opened(raw)
        with pytest.raises(SignatureRefused):
            verify_request(envelope, frozenset(), profile=profile, now=NOW)


def test_pinned_certificate_with_another_key_is_refused(client, stranger) -> None:
    """The pinned certificate in the token does not help who does not have its key."""
    own = client.token.encode()
    raw = Client(stranger).wsse().replace(Client(stranger).token.encode(), own)
    assert refusal(raw, client.key, "wsse") == "signatur-ungueltig"


def test_certificate_must_be_one_for_signatures(unfit) -> None:
    """A pinned certificate whose keyUsage does not allow digital signatures does not prove anything."""
    assert refusal(Client(unfit).wsse(), unfit, "wsse") == "signatur-zertifikat"


@pytest.mark.parametrize("many", [True, False])
def test_only_one_timestamp_in_the_header_is_read(client, many) -> None:
    """With two Timestamps, or one inside the payload, no instant is believed."""
    instant = "<wsu:Created>2026-11-23T12:00:00Z</wsu:Created><wsu:Expires>2026-11-23T12:05:00Z</wsu:Expires>"
    block = f'<wsu:Timestamp xmlns:wsu="{WSU}">{instant}</wsu:Timestamp>'
    inside = f'<wsse:Security xmlns:wsse="{WSSE}">{block}</wsse:Security>'
    assert proved(client.but(header=inside).umschlag(timestamp=False), client.key, "umschlag").created == NOW
    raw = client.but(header=inside).umschlag() if many else client.but(payload=block).umschlag(timestamp=False)
    assert refusal(raw, client.key, "umschlag") == "signatur-zeit"


def test_certificate_must_be_valid_now(client) -> None:
    """Outside its validity a pinned certificate does not prove anything."""
    late = NOW + timedelta(days=40000)
    raw = client.but(created=f"{late:%Y-%m-%dT%H:%M:%SZ}", expires="2999-01-01T00:00:00Z").wsse()
    assert refusal(raw, client.key, "wsse", late) == "signatur-zertifikat"


@pytest.mark.parametrize(("good", "bad"), [("wsse", "umschlag"), ("umschlag", "wsse")])
def test_the_other_profile_is_refused(client, good, bad) -> None:
    """A request signed in the other profile than agreed is refused."""
    raw = client.wsse() if good == "wsse" else client.umschlag()
    assert refusal(raw, client.key, bad) in {"signatur-aufbau", "signatur-fehlt", "signatur-zertifikat"}


def test_unsigned_request_is_refused(client) -> None:
    """Where a signature is agreed, an unsigned request is refused."""
    raw = f'<s:Envelope xmlns:s="{SOAP11.namespace}"><s:Body>{PAYLOAD}</s:Body></s:Envelope>'.encode()
    for profile in ("umschlag", "wsse"):
        assert refusal(raw, client.key, profile) == "signatur-fehlt"


def test_ecdsa_variants_have_one_value(client) -> None:
    """(r, s) and (r, n-s) are both valid: both give the same value, so that a replay is seen as one."""
    raw = client.wsse()
    root = etree.fromstring(raw)
    node = root.find(f".//{{{DS}}}SignatureValue")
    octets = b64decode(node.text)
    other = octets[:32] + (ORDER - int.from_bytes(octets[32:], "big")).to_bytes(32, "big")
    node.text = b64encode(other).decode()
    assert proved(etree.tostring(root), client.key, "wsse") == proved(raw, client.key, "wsse")


@pytest.mark.parametrize(
    "value", [b"\x00" * 64, b"\xff" * 64, b"\x01" * 63, b"\x01" * 65, b"0", b"\x30\x06\x02\x01\x01\x02\x01\x01"]
)
def test_malformed_ecdsa_values_are_refused(client, value) -> None:
    """Zero, the order or more, DER, and wrong lengths are refused."""
    root = etree.fromstring(client.wsse())
    root.find(f".//{{{DS}}}SignatureValue").text = b64encode(value).decode()
    assert refusal(etree.tostring(root), client.key, "wsse") == "signatur-ungueltig"


def survivors(raw: bytes, verify) -> list[bytes]:
    """The neighbourhoods of the bytes whose change `verify` does not notice."""
    found = []
    for position, octet in enumerate(raw):
        changed = (
            raw[:position] + bytes([octet ^ 1 if octet ^ 1 not in b"<>&\x00" else octet ^ 2]) + raw[position + 1 :]
        )
        try:
            verify(changed)
        except (SignatureRefused, MessageRefused):
            continue
        found.append(raw[max(0, position - 20) : position + 20])
    return found


def test_no_byte_of_an_umschlag_answer_can_change(house_keys) -> None:
    """Each byte that is changed is noticed, or changes nothing that canonical form keeps."""
    key = house_keys["ecdsa-p256-sha256"]
    raw = sign("umschlag", SOAP11, [QUITTUNG], body_pieces(SOAP11, OCTETS, "umschlag"), key, now=NOW)
    before = without_signature(raw)

    def verify(changed: bytes) -> None:
        signed = verify_answer(changed, key.certificate, now=NOW)
        if without_signature(changed) == before and signed.proof == verify_answer(raw, key.certificate).proof:
            raise SignatureRefused("nothing was changed")

    assert survivors(raw, verify) == []


def without_signature(raw: bytes) -> bytes:
    """The canonical form of everything but the signature."""
    root = parse(raw).root
    root[0].remove(root[0][-1])
    return canonical(root)


def test_no_byte_of_body_timestamp_and_token_of_a_wsse_answer_can_change(house_keys) -> None:
    """Each byte of Body, Timestamp, token and signature that is changed is noticed."""
    key = house_keys["ecdsa-p256-sha256"]
    raw = sign("wsse", SOAP11, [], body_pieces(SOAP11, OCTETS, "wsse"), key, now=NOW)
    before = verify_answer(raw, key.certificate)
    kept = [canonical(part) for part in before.covered]

    def verify(changed: bytes) -> None:
        signed = verify_answer(changed, key.certificate, now=NOW)
        if [canonical(part) for part in signed.covered] == kept and signed.proof == before.proof:
            raise SignatureRefused("nothing was changed")

    assert survivors(raw, verify) == []


def test_signed_faults_are_verified(house_keys) -> None:
    """An answer may be a Fault, and is verified like any other."""
    key = house_keys["ecdsa-p256-sha256"]
    for profile in ("umschlag", "wsse"):
        fault = fault_payload(SOAP11, client=True, reason_de="a", reason_en="b")
        raw = sign(profile, SOAP11, [], body_pieces(SOAP11, fault, profile), key, now=NOW)
        assert verify_answer(raw, key.certificate).envelope.payload.tag == SOAP11.tag("Fault")


def test_answer_of_another_certificate_is_refused(house_keys) -> None:
    """An answer is verified against exactly the certificate that was given."""
    raw = sign("wsse", SOAP11, [], body_pieces(SOAP11, OCTETS, "wsse"), house_keys["rsa-sha256"], now=NOW)
    with pytest.raises(SignatureRefused) as caught:
        verify_answer(raw, house_keys["ecdsa-p256-sha256"].certificate)
    assert caught.value.code == "signatur-zertifikat"


def test_answer_can_be_verified_years_later(house_keys) -> None:
    """Without an instant the Timestamp is not asked, with one it is."""
    key = house_keys["ecdsa-p256-sha256"]
    raw = sign("wsse", SOAP11, [], body_pieces(SOAP11, OCTETS, "wsse"), key, now=NOW)
    verify_answer(raw, key.certificate)
    with pytest.raises(SignatureRefused):
        verify_answer(raw, key.certificate, now=NOW + timedelta(minutes=6))
