"""Who may not come in, and what does not even become a request: certificates, TLS, sizes, media types, dates."""

from __future__ import annotations

import re
import socket
import ssl
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree

from fixtures.make_requests import UNKNOWN
from gateway import shipped
from gateway.cli.options import now
from gateway.wire import issuing
from gateway.wire.issuing import Issued, Term
from tests.interop.calling import House, Pair, as_soap12, sample
from tests.interop.verifiers import DS, PROFILES, WSU, NotVerified, by_signxml, by_xmlsec
from tests.running import APPLICATIONS

ASK = "dienstauskunft"


@pytest.fixture(scope="module")
def authority(house: House) -> Issued:
    """The configured CA itself, as its owner holds it."""
    folder = house.running.folder / "tls"
    key = load_pem_private_key((folder / "ca.key").read_bytes(), None)
    return Issued(key, x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes()))  # type: ignore[arg-type]  # an RSA key


def certificate(authority: Issued, folder: Path, *, days: int = 30) -> Pair:
    """A client certificate of this CA that nobody has pinned."""
    issued = issuing.client(authority, "wohnung2000", Term(now(), days, 4711), kind="ec-p256")
    pair = (folder / "stranger.pem", folder / "stranger.key")
    for path, content in zip(pair, (issued.certificate_pem, issued.key_pem), strict=True):
        path.write_bytes(content)
    return pair


def check_refused(house: House, answer_status: int, raw: bytes, before: int, status: int) -> None:
    """A constant 4xx: unsigned, unaudited, and nothing of the request in it."""
    assert answer_status == status
    assert b"kanarie" not in raw.lower()
    assert b"Signature" not in raw
    assert len(house.audit()) == before


@pytest.mark.parametrize("application", APPLICATIONS)
def test_without_a_certificate_there_is_no_answer(house: House, application: str) -> None:
    """Nobody without a client certificate is answered, and the trail does not hear of it."""
    before = len(house.audit())
    answer = house.post(application, sample(application, "good", ASK), anonymous=True)
    check_refused(house, answer.status, answer.raw, before, 403)


def test_an_unpinned_certificate_of_the_right_authority_is_refused(
    house: House, authority: Issued, tmp_path: Path
) -> None:
    """The CA alone admits nobody: the agreement names the certificate."""
    before = len(house.audit())
    answer = house.post("wohnung2000", sample("wohnung2000", "good", ASK), certificate=certificate(authority, tmp_path))
    check_refused(house, answer.status, answer.raw, before, 403)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_another_applications_certificate_is_refused(house: House, application: str) -> None:
    """A certificate opens the door of its own application only."""
    other = next(name for name in APPLICATIONS if name != application)
    before = len(house.audit())
    pair = house.running.installation.clients[other]
    answer = house.post(application, sample(application, "good", ASK), certificate=pair)
    check_refused(house, answer.status, answer.raw, before, 403)


def test_every_stranger_reads_the_same(house: House, authority: Issued, tmp_path: Path) -> None:
    """Whoever is not admitted gets the same bytes, whatever he asked and whoever he is."""
    pairs = [certificate(authority, tmp_path), house.running.installation.clients["sozialamt"], None]
    messages = [sample("wohnung2000", "good", ASK), sample("wohnung2000", "bad", "malformed")]
    answers = {
        house.post("wohnung2000", message, certificate=pair, anonymous=pair is None).raw
        for pair in pairs
        for message in messages
    }
    assert len(answers) == 1


def test_a_certificate_of_an_unknown_authority_ends_the_handshake(house: House, tmp_path: Path) -> None:
    """The TLS alert `unknown_ca` (RFC 8446, 6.2); no HTTP answer, no entry."""
    stranger = issuing.authority("Someone else", Term(now(), 30, 1), kind="ec-p256")
    chain, key = certificate(stranger, tmp_path)
    context = ssl.create_default_context(cafile=str(house.running.installation.ca))
    context.load_cert_chain(chain, key)
    before = len(house.audit())
    plan = house.running.installation.plan
    with (
        socket.create_connection((plan.host, plan.port), timeout=30) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as tls,
        pytest.raises(ssl.SSLError, match="UNKNOWN_CA"),
    ):
        tls.recv(1)  # TLS 1.3: the server's verdict comes after the client has finished its own handshake
    assert len(house.audit()) == before


def test_wsdl_and_schema_are_public_and_carry_the_public_url(house: House) -> None:
    """Contracts are read without a certificate; a forged Host header changes nothing in them."""
    ca = str(house.running.installation.ca)
    for application in APPLICATIONS:
        wsdl = requests.get(f"{house.url(application)}?wsdl", verify=ca, headers={"Host": "evil.example"}, timeout=30)
        locations = re.findall(rb'address location="([^"]*)"', wsdl.content)
        assert locations == [house.url(application).encode()] * 2
        schema = requests.get(f"{house.url(application)}?xsd", verify=ca, timeout=30)
        assert schema.content == (shipped.schemas() / application / f"{application}-1.xsd").read_bytes()


def test_an_oversized_message_is_refused_unread(house: House) -> None:
    """More than a megabyte is HTTP 413, and its sender gets to read that."""
    before = len(house.audit())
    message = sample("wohnung2000", "good", ASK).replace(b"sb-kanarie", b"kanarie" * 3_000_000)
    answer = house.post("wohnung2000", message)
    check_refused(house, answer.status, answer.raw, before, 413)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": 'multipart/related; type="text/xml"'}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Encoding": "gzip"}, 415),
        ({"X-SSL-Client-Cert": "kanarie"}, 400),
    ],
)
def test_what_is_no_soap_over_http_is_refused(house: House, headers: dict[str, str], status: int) -> None:
    """Foreign media types, encodings, and headers that claim a certificate are a constant 4xx."""
    before = len(house.audit())
    answer = house.post("wohnung2000", sample("wohnung2000", "good", ASK), headers=headers)
    check_refused(house, answer.status, answer.raw, before, status)


@pytest.mark.parametrize(
    ("change", "headers", "code"),
    [
        (lambda raw: raw, {"SOAPAction": '"urn:de:koeln:fldm:wohnung2000:1:personAbrufen"'}, "soapaction-widerspruch"),
        (lambda raw: raw.replace(b"kanarie", b"kanarie\xff"), {}, "zeichensatz"),
        (lambda raw: raw, {"Content-Type": "text/xml; charset=utf-16"}, "zeichensatz"),
        (as_soap12, {"Content-Type": "text/xml; charset=utf-8"}, "soap-version"),
        (lambda raw: raw.replace(b"<abrufkontext", b"<a></a>" * 60_000 + b"<abrufkontext"), {}, "zu-viele-elemente"),
    ],
    ids=["soapaction", "not-utf8", "other-charset", "soap12-as-soap11", "too-many-elements"],
)
def test_a_message_that_cannot_be_read_is_a_declared_fault(house: House, change, headers, code) -> None:  # type: ignore[no-untyped-def]
    """The identified caller is told the rule, signed and audited, whatever the bytes were."""
    before = len(house.audit())
    answer = house.post("wohnung2000", change(sample("wohnung2000", "good", ASK)), headers=headers)
    assert (answer.status, answer.code) == (500, code), answer.raw
    by_xmlsec(answer.raw, house.running.installation.signing_certificate, "umschlag")
    assert [entry["ergebnis"] for entry in house.audit()[before:]] == [code]


@pytest.mark.parametrize("application", APPLICATIONS)
def test_a_blocked_person_looks_like_an_unknown_one(house: House, application: str) -> None:
    """Both faults are the same but for numbers, times and the signature."""
    seen = set(_stock(house, application))
    while not (blocked := seen - set(_stock(house, application))):
        for _ in range(8):
            house.running.step("sperre-setzen")
        house.fetch()
    asked = sample(application, "bad", "unknown-person")
    answers = [house.post(application, asked.replace(UNKNOWN.encode(), k.encode())) for k in (blocked.pop(), UNKNOWN)]
    assert answers[0].status == answers[1].status == 500
    assert [answer.code for answer in answers] == ["person-nicht-gefunden"] * 2
    shapes = {_without_numbers(answer.raw) for answer in answers}
    assert len(shapes) == 1
    assert len({len(answer.raw) for answer in answers}) == 1
    first, second = house.audit()[-2:]
    assert _entry_shape(first) == _entry_shape(second)
    if application != "schulentwicklung":
        report = sample(application, "bad", "report-on-unknown-person")
        answer = house.post(
            application, report.replace(UNKNOWN.encode(), next(iter(seen - set(_stock(house, application)))).encode())
        )
        assert answer.code == "person-nicht-gefunden"


def test_an_expired_agreement_answers_nothing(variant: House) -> None:
    """Whatever is asked under an expired agreement ends in one declared fault, audited and signed."""
    for name in ("dienstauskunft", "personAbrufen", "bestandAbrufen"):
        before = len(variant.audit())
        answer = variant.post("sozialamt", sample("sozialamt", "good", name))
        assert (answer.status, answer.code) == (500, "vereinbarung-nicht-in-kraft")
        by_xmlsec(answer.raw, variant.running.installation.signing_certificate, PROFILES["sozialamt"])
        assert [entry["ergebnis"] for entry in variant.audit()[before:]] == ["vereinbarung-nicht-in-kraft"]


def test_an_expired_agreement_does_not_touch_the_others(variant: House) -> None:
    """The other applications are answered, here with an empty stock and no freshness."""
    answer = variant.post("wohnung2000", sample("wohnung2000", "good", "bestandAbrufen"))
    assert (answer.status, answer.is_fault) == (200, False)
    assert answer.payload.find("{*}person") is None
    assert answer.envelope.find("{*}Header/{*}quittung/{*}stand") is None
    by_xmlsec(answer.raw, variant.running.folder / "signing" / "ec.pem", "wsse")


def test_elliptic_curve_signatures_are_read_by_others(variant: House) -> None:
    """Under the agreed method ecdsa-p256-sha256 foreign verifiers accept the answer, and with that key alone."""
    signing = variant.running.folder / "signing"
    for application, profile in (("schulentwicklung", "umschlag"), ("wohnung2000", "wsse")):
        answer = variant.post(application, sample(application, "good", ASK))
        for verify in (by_xmlsec, by_signxml):
            verify(answer.raw, signing / "ec.pem", profile)
            with pytest.raises(NotVerified):
                verify(answer.raw, signing / "rsa.pem", profile)


def _stock(house: House, application: str) -> list[str]:
    """Everyone whom the application can see."""
    answer = house.post(application, sample(application, "good", "bestandAbrufen"))
    persons = [person.findtext("{*}personenkennung") or "" for person in answer.payload.iterfind("{*}person")]
    assert len(persons) > 10
    assert answer.payload.find("{*}naechsteSeitenmarke") is None, "more persons than on one page"
    return persons


def _without_numbers(raw: bytes) -> bytes:
    """The answer without what must differ: number, hash, salt, times, digest of the request, and the signature."""
    root = etree.fromstring(raw)
    own = ("protokollnummer", "eintragsHash", "salt", "zeitpunkt", "anfrageDigest", "stand", "vorgangsnummer")
    names = [f"{{*}}{name}" for name in own]
    for element in root.iter(*names, f"{DS}DigestValue", f"{DS}SignatureValue", f"{WSU}Created", f"{WSU}Expires"):
        element.text = ""
    assert list(root.iter(f"{DS}Signature"))
    return etree.tostring(root)


def _entry_shape(entry: dict[str, object]) -> dict[str, object]:
    differing = {"protokollnummer", "zeitpunkt", "anfrageDigest", "festlegung", "persoenlich"}
    return {name: value for name, value in entry.items() if name not in differing}
