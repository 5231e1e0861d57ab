"""Signed answers: their octets, their form, and that independent verifiers accept them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import xmlsec
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from gateway.errors import SettingsError, SigningError
from gateway.wire import issuing, seal, signing
from gateway.wire.canonical import proved
from gateway.wire.issuing import Issued, Term
from gateway.wire.names import DS, WSSE, WSU
from gateway.wire.proving import prove
from gateway.wire.seal import Method, Profile, SigningKey, body_pieces, sign
from gateway.wire.soap import SOAP11, SOAP12, Version, fault_payload, open_answer
from gateway.wire.verify import verify_answer
from gateway.wire.xml import canonical, parse

NOW = datetime(2026, 11, 23, 12, 0, 0, 654321, tzinfo=UTC)
NS = "urn:de:koeln:fldm:wohnung2000:1"
PAYLOAD = f'<antwort xmlns="{NS}"><name zusatz="a&amp;b">Jürgen &lt;Ö&gt; &#xD;ş̌</name><leer></leer></antwort>'.encode()
QUITTUNG = f'<quittung xmlns="{NS}"><salt>ab</salt></quittung>'.encode()

PROFILES: tuple[Profile, ...] = ("umschlag", "wsse")
METHODS: tuple[Method, ...] = ("rsa-sha256", "ecdsa-p256-sha256")
EVERY = [(profile, version, method) for profile in PROFILES for version in Version for method in METHODS]


def fault(version: Version) -> bytes:
    """A fault with a detail."""
    detail = f'<fehler xmlns="{NS}"><code>x</code></fehler>'.encode()
    return fault_payload(version, client=True, reason_de="Größe", reason_en="size", detail=detail)


@pytest.fixture(params=EVERY, ids=lambda case: f"{case[0]}-{case[1].name}-{case[2]}")
def case(request: pytest.FixtureRequest) -> tuple[Profile, Version, Method]:
    """Every profile, SOAP version and method."""
    return request.param


@pytest.fixture
def answer(case: tuple[Profile, Version, Method], house_keys: dict[str, SigningKey]) -> bytes:
    """A signed answer of the case."""
    profile, version, method = case
    body = body_pieces(version, PAYLOAD, profile)
    return sign(profile, version, [QUITTUNG], body, house_keys[method], now=NOW)


def proven(octets: bytes) -> bytes:
    """The octets as the contract hands them on once they are checked."""
    return proved(octets, parse(octets).root)


PLAIN = PAYLOAD.replace(b' zusatz="a&amp;b"', b"")
BLOCKS = ([QUITTUNG], [proven(QUITTUNG)], [])
PAYLOADS = (lambda _: PAYLOAD, lambda _: proven(PAYLOAD), lambda _: proven(PLAIN), fault)


@pytest.mark.parametrize("make", PAYLOADS)
@pytest.mark.parametrize("blocks", BLOCKS)
def test_proved_parts_are_signed_like_parts_that_are_read_again(case, make, blocks, house_keys) -> None:
    """Whether parts come with their proof or not, independent verifiers accept the message and its form is the same."""
    profile, version, method = case
    key = house_keys[method]
    payload = make(version)
    raws = [
        sign(profile, version, some, body_pieces(version, given, profile), key, now=NOW)
        for some, given in ((blocks, payload), ([bytes(one) for one in blocks], bytes(payload)))
    ]
    for raw in raws:
        accepted_by_signxml(case, raw, key)
        accepted_by_xmlsec(raw, key)
        verify_answer(raw, key.certificate, now=NOW)
    if method == "rsa-sha256":
        assert raws[0] == raws[1]


@pytest.mark.parametrize("make", [lambda _: PAYLOAD, fault])
def test_the_body_in_the_message_is_the_body_that_was_audited(case, make, house_keys) -> None:
    """The exclusive-canonical octets of the Body in the finished message are exactly `body_pieces`."""
    profile, version, method = case
    body = body_pieces(version, make(version), profile)
    raw = sign(profile, version, [QUITTUNG], body, house_keys[method], now=NOW)
    assert canonical(open_answer(parse(raw)).body) == b"".join(body)
    assert b"".join(body) in raw


def test_own_verifier_accepts(case, answer, house_keys) -> None:
    """Our own verifier finds the profile and says what was signed."""
    profile, _, method = case
    signed = verify_answer(answer, house_keys[method].certificate, now=NOW)
    root = signed.envelope.document.root
    timestamp = root.find(f".//{{{WSU}}}Timestamp")
    assert signed.profile == profile
    assert signed.covered == ((root,) if profile == "umschlag" else (signed.envelope.body, timestamp))
    assert signed.envelope.header[0].tag == f"{{{NS}}}quittung"


def test_a_block_that_declares_the_envelopes_prefix_is_signed_as_it_stands(case, house_keys) -> None:
    """A declaration that is superfluous in the Envelope is not in its canonical form, though it is in the block's."""
    profile, version, method = case
    block = f'<soap:x xmlns:soap="{version.namespace}"></soap:x>'.encode()
    body = body_pieces(version, proven(PLAIN), profile)
    raw = sign(profile, version, [proven(block)], body, house_keys[method], now=NOW)
    accepted_by_xmlsec(raw, house_keys[method])
    verify_answer(raw, house_keys[method].certificate, now=NOW)


def test_a_body_is_signed_as_it_stands_however_it_is_parted(case, house_keys) -> None:
    """What was proved in pieces and what is read as a whole give one message."""
    profile, version, _ = case
    pieces = body_pieces(version, proven(PLAIN), profile)
    parted, key = (pieces, (b"".join(pieces),), (pieces[0], PLAIN[:9], PLAIN[9:], pieces[2])), house_keys["rsa-sha256"]
    assert len({sign(profile, version, [proven(QUITTUNG)], one, key, now=NOW) for one in parted}) == 1


def test_a_payload_that_declares_the_bodys_prefix_again_is_not_signed(case, house_keys) -> None:
    """Though it was proved for itself: in the canonical form of the Body it would not stand so."""
    profile, version, method = case
    start, _, end = body_pieces(version, proven(PLAIN), profile)
    pieces = (start, proven(f'<soap:x xmlns:soap="{version.namespace}"></soap:x>'.encode()), end)
    with pytest.raises(SigningError):
        sign(profile, version, [], pieces, house_keys[method], now=NOW)


def test_other_tags_than_the_bodys_own_are_not_taken_for_proved(case, house_keys) -> None:
    """A proved payload proves nothing of what stands around it."""
    profile, version, method = case
    start, payload, end = body_pieces(version, proven(PLAIN), profile)
    for pieces in ((start[:-1] + b" >", payload, end), (start, payload, end[:-1] + b" >"), (start, payload)):
        with pytest.raises(SigningError):
            sign(profile, version, [], pieces, house_keys[method], now=NOW)


def test_a_block_that_stands_twice_is_not_signed(case, house_keys) -> None:
    """Not even if each of the two comes with its proof: no client would read the message."""
    profile, version, method = case
    body = body_pieces(version, proven(PLAIN), profile)
    with pytest.raises(SigningError, match="kopf-doppelt"):
        sign(profile, version, [proven(QUITTUNG)] * 2, body, house_keys[method], now=NOW)


def test_xmlsec_accepts(case, answer, house_keys) -> None:
    """python-xmlsec (xmlsec1, libxml2) verifies the answer with the certificate's key."""
    accepted_by_xmlsec(answer, house_keys[case[2]])


def accepted_by_xmlsec(answer: bytes, key: SigningKey) -> None:
    """xmlsec raises nothing."""
    root = etree.fromstring(answer)
    context = xmlsec.SignatureContext()
    pem = key.certificate.public_bytes(Encoding.PEM)
    context.key = xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem, None)
    for element in root.iter():
        if f"{{{WSU}}}Id" in element.attrib:
            context.register_id(element, "Id", WSU)
    context.verify(root.find(f".//{{{DS}}}Signature"))


def test_signxml_accepts(case, answer, house_keys) -> None:
    """signxml verifies the answer, and what it says was signed is what is read."""
    results = accepted_by_signxml(case, answer, house_keys[case[2]])
    profile, version, _method = case
    octets = [result.signed_data for result in results]
    body = b"".join(body_pieces(version, PAYLOAD, profile))
    assert body in octets if profile == "wsse" else PAYLOAD in octets[0]


def accepted_by_signxml(case: tuple[Profile, Version, Method], answer: bytes, key: SigningKey) -> list[VerifyResult]:
    """What signxml says was signed."""
    profile, version, _method = case
    places = {"umschlag": ("./{%s}Header/", 1), "wsse": ("./{%s}Header/{" + WSSE + "}Security/", 2)}
    place, references = places[profile]
    configuration = SignatureConfiguration(
        location=place % version.namespace,
        expect_references=references,
        signature_methods=frozenset({SignatureMethod.RSA_SHA256, SignatureMethod.ECDSA_SHA256}),
        digest_algorithms=frozenset({DigestAlgorithm.SHA256}),
    )
    found = XMLVerifier().verify(answer, x509_cert=key.certificate, expect_config=configuration)
    return found if isinstance(found, list) else [found]


def test_signxml_reads_a_key_before_it_is_used(house_keys, monkeypatch) -> None:
    """A key whose signatures are right is proved; if what we write by hand were wrong, nothing would be served."""
    for key in house_keys.values():
        prove(key, now=NOW)
    monkeypatch.setattr(signing, "_START", "<ds:SignedInfo >")
    prove(house_keys["rsa-sha256"], now=NOW)  # says the same: blanks in a tag do not survive canonicalisation
    monkeypatch.setattr(signing, "_CANONICAL_START", "<ds:SignedInfo>")
    for key in house_keys.values():
        with pytest.raises(SigningError, match="signxml"):
            prove(key, now=NOW)


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("wrong", [("soap:Body", "soap:Body "), ('wsu:Id="Body"', "wsu:Id='Body'")])
def test_signxml_reads_a_key_in_each_version_and_profile(house_keys, monkeypatch, version, wrong) -> None:
    """If what is digested were not canonical in one version or profile only, nothing would be served either."""
    begun = seal._body_start

    def spoilt(one: Version, profile: Profile) -> bytes:
        start = begun(one, profile)
        return start.replace(wrong[0].encode(), wrong[1].encode(), 1) if one is version else start

    monkeypatch.setattr(seal, "_body_start", spoilt)
    with pytest.raises(SigningError, match="signxml"):
        prove(house_keys["ecdsa-p256-sha256"], now=NOW)


def test_umschlag_signature_is_the_last_child_of_the_header(house_keys) -> None:
    """`umschlag`: URI="", enveloped then exclusive C14N, the certificate in KeyInfo, no mustUnderstand."""
    raw = sign(
        "umschlag", SOAP11, [QUITTUNG], body_pieces(SOAP11, PAYLOAD, "umschlag"), house_keys["rsa-sha256"], now=NOW
    )
    header = parse(raw).root[0]
    signature = header[-1]
    assert [child.tag for child in header] == [f"{{{NS}}}quittung", f"{{{DS}}}Signature"]
    assert [reference.get("URI") for reference in signature.iter(f"{{{DS}}}Reference")] == [""]
    assert [transform.get("Algorithm") for transform in signature.iter(f"{{{DS}}}Transform")] == [
        f"{DS}enveloped-signature",
        "http://www.w3.org/2001/10/xml-exc-c14n#",
    ]
    assert len(list(signature.iter(f"{{{DS}}}X509Certificate"))) == 1
    assert b"ustUnderstand" not in raw


def test_wsse_header_has_token_timestamp_and_signature(house_keys) -> None:
    """`wsse`: token, five minutes of Timestamp, signature over exactly Timestamp and Body, no mustUnderstand."""
    raw = sign("wsse", SOAP11, [QUITTUNG], body_pieces(SOAP11, PAYLOAD, "wsse"), house_keys["rsa-sha256"], now=NOW)
    root = parse(raw).root
    security = root[0][-1]
    token, timestamp, signature = security
    identity = f"{{{WSU}}}Id"
    assert security.tag == f"{{{WSSE}}}Security"
    assert [moment.text for moment in timestamp] == ["2026-11-23T12:00:00Z", "2026-11-23T12:05:00Z"]
    signed = {reference.get("URI") for reference in signature.iter(f"{{{DS}}}Reference")}
    assert signed == {f"#{timestamp.get(identity)}", f"#{root[1].get(identity)}"}
    pointers = [reference.get("URI") for reference in signature.iter(f"{{{WSSE}}}Reference")]
    assert pointers == [f"#{token.get(identity)}"]
    assert b"ustUnderstand" not in raw


def test_message_is_text_with_declaration(answer) -> None:
    """An answer starts with an XML declaration for UTF-8, and has no white space between its elements."""
    declaration, _, rest = answer.partition(b"\n")
    assert declaration == b'<?xml version="1.0" encoding="UTF-8"?>'
    assert rest.startswith(b"<soap:Envelope ")
    assert b">\n<" not in rest


def test_local_time_is_written_as_utc(house_keys) -> None:
    """Created is UTC whatever zone `now` is in."""
    local = NOW.astimezone(timezone(timedelta(hours=2)))
    body = body_pieces(SOAP11, PAYLOAD, "wsse")
    raw = sign("wsse", SOAP11, [], body, house_keys["ecdsa-p256-sha256"], now=local)
    assert b"<wsu:Created>2026-11-23T12:00:00Z</wsu:Created>" in raw


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    ("blocks", "body"),
    [
        ([QUITTUNG], PAYLOAD),
        ([QUITTUNG], b""),
        ([QUITTUNG], b"<soap:Body>"),
        ([QUITTUNG], b"<soap:Body><a>Geheimnis</a></soap:Body>"),
        ([QUITTUNG + QUITTUNG], None),
        ([b""], None),
        ([b"Geheimnis"], None),
        ([QUITTUNG + b"Geheimnis"], None),
        ([b"</soap:Header><soap:Header>"], None),
        ([b"<Geheimnis>"], None),
        ([b"<!-- Geheimnis -->"], None),
        ([b"<?Geheimnis x?>"], None),
    ],
)
def test_what_is_not_exactly_the_answer_is_not_signed(profile, blocks, body, house_keys) -> None:
    """Only a canonical Body and header blocks of one element each are signed; the error quotes nothing."""
    pieces = body_pieces(SOAP11, PAYLOAD, profile) if body is None else (body,)
    with pytest.raises(SigningError) as caught:
        sign(profile, SOAP11, blocks, pieces, house_keys["ecdsa-p256-sha256"], now=NOW)
    assert "Geheimnis" not in str(caught.value)


@pytest.mark.parametrize(
    "payload",
    [
        b"<a></a><b></b>",
        b"<a/>",
        b"<a b='1'></a>",
        b"<a><![CDATA[x]]></a>",
        b"<a><!-- x --></a>",
        b"<a>\r</a>",
        b"<a>Geheimnis",
        b"Geheimnis",
        b"",
        b'<a c="" b=""></a>',
        b"<a>\x00</a>",
    ],
)
def test_a_payload_that_is_not_canonical_is_not_signed(payload, house_keys) -> None:
    """If the octets that were audited are not those of the message, nothing is signed."""
    body = body_pieces(SOAP11, payload, "umschlag")
    with pytest.raises(SigningError) as caught:
        sign("umschlag", SOAP11, [], body, house_keys["ecdsa-p256-sha256"], now=NOW)
    assert "Geheimnis" not in str(caught.value)


def test_a_payload_that_uses_the_bodys_prefixes_stays_canonical() -> None:
    """A prefix that the Body declares is not declared again below it; text that only looks so is kept."""
    octets = b"".join(body_pieces(SOAP12, b'<a>xmlns:soap="</a>', "wsse"))
    assert canonical(parse(octets).root) == octets
    with pytest.raises(SigningError):
        body_pieces(SOAP12, b'<a xmlns:soap="x">', "wsse")


@pytest.mark.parametrize("days", [-400, 37000])
def test_an_expired_certificate_does_not_sign(days, house_keys) -> None:
    """Outside the validity of the signing certificate nothing is signed."""
    body = body_pieces(SOAP11, PAYLOAD, "umschlag")
    with pytest.raises(SigningError):
        sign("umschlag", SOAP11, [], body, house_keys["ecdsa-p256-sha256"], now=NOW + timedelta(days=days))


def test_no_two_signers_share_state(house_keys) -> None:
    """The same answer is signed twice with the same result: RSA PKCS #1 v1.5 is deterministic."""
    body = body_pieces(SOAP11, PAYLOAD, "wsse")
    raws = {sign("wsse", SOAP11, [QUITTUNG], body, house_keys["rsa-sha256"], now=NOW) for _ in range(2)}
    assert len(raws) == 1


def stored(folder: Path, key: bytes, certificate: bytes) -> tuple[Path, Path]:
    """Both in files."""
    (folder / "key.pem").write_bytes(key)
    (folder / "certificate.pem").write_bytes(certificate)
    return folder / "key.pem", folder / "certificate.pem"


@pytest.fixture(scope="module")
def authority() -> Issued:
    """An authority of this module."""
    return issuing.authority("Test", Term(datetime(2026, 1, 1, tzinfo=UTC), 365, 1), kind="ec-p256")


def test_key_of_the_wrong_method_is_refused(tmp_path, house_keys, authority) -> None:
    """An EC key does not load as RSA key, nor the other way round."""
    issued = issuing.signing(authority, "x", Term(datetime(2026, 1, 1, tzinfo=UTC), 365, 2), kind="ec-p256")
    files = stored(tmp_path, issued.key_pem, issued.certificate_pem)
    assert SigningKey.load(*files, "ecdsa-p256-sha256").certificate == issued.certificate
    with pytest.raises(SettingsError, match="not a key for rsa-sha256"):
        SigningKey.load(*files, "rsa-sha256")


def test_certificate_of_another_key_is_refused(tmp_path, authority) -> None:
    """Key and certificate must be a pair."""
    term = Term(datetime(2026, 1, 1, tzinfo=UTC), 365, 2)
    one, two = (issuing.signing(authority, "x", term, kind="ec-p256") for _ in range(2))
    with pytest.raises(SettingsError, match="another key"):
        SigningKey.load(*stored(tmp_path, one.key_pem, two.certificate_pem), "ecdsa-p256-sha256")


def test_weak_rsa_key_is_refused(tmp_path, authority, monkeypatch) -> None:
    """RSA below 3,072 bit is refused."""
    monkeypatch.setattr(issuing, "MINIMUM_RSA_BITS", 2048)
    issued = issuing.signing(authority, "x", Term(datetime(2026, 1, 1, tzinfo=UTC), 365, 2))
    with pytest.raises(SettingsError, match="3072"):
        SigningKey.load(*stored(tmp_path, issued.key_pem, issued.certificate_pem), "rsa-sha256")


def test_certificate_that_must_not_sign_is_refused(tmp_path, authority) -> None:
    """A keyUsage without digitalSignature (that of a CA) is refused."""
    with pytest.raises(SettingsError, match="digitalSignature"):
        SigningKey.load(*stored(tmp_path, authority.key_pem, authority.certificate_pem), "ecdsa-p256-sha256")


@pytest.mark.parametrize(("key", "certificate"), [(b"", None), (b"Geheimnis", None), (None, b""), (None, b"Geheimnis")])
def test_unreadable_files_are_refused_without_quoting(tmp_path, authority, key, certificate) -> None:
    """A file that is no PEM is refused by its name; its content is not quoted."""
    files = stored(
        tmp_path,
        authority.key_pem if key is None else key,
        authority.certificate_pem if certificate is None else certificate,
    )
    with pytest.raises(SettingsError) as caught:
        SigningKey.load(*files, "ecdsa-p256-sha256")
    assert "Geheimnis" not in str(caught.value)


def test_missing_files_are_refused(tmp_path) -> None:
    """A missing file is a SettingsError, not an OSError."""
    with pytest.raises(SettingsError):
        SigningKey.load(tmp_path / "key.pem", tmp_path / "certificate.pem", "rsa-sha256")
