"""Every sample request over TLS: good ones are answered, bad ones get their declared fault; all audited and signed."""

from __future__ import annotations

import json
import tomllib
from functools import cache
from hashlib import sha256
from pathlib import Path

import pytest
import xmlschema
from click.testing import CliRunner
from lxml import etree

from fixtures.make_requests import FOLDER, SOAP11, files
from gateway.agreements.city import load_city
from gateway.agreements.load import load_all
from gateway.cli.contract import validate
from gateway.cli.options import now
from gateway.contract.catalogue import meaning
from gateway.contract.compiled import Contract, compile_contract
from gateway.contract.diagnosis import explain
from gateway.shipped import schemas
from tests.interop.calling import Answer, House, as_soap12, sample, samples
from tests.interop.verifiers import PROFILES, NotVerified, by_signxml, by_xmlsec
from tests.running import APPLICATIONS

BAD = tomllib.loads((FOLDER / "bad.toml").read_text("utf-8"))
EVERY = [(application, kind, name) for kind in ("good", "bad") for application, name in samples(kind)]
VERSIONS = pytest.mark.parametrize("soap12", [False, True], ids=["1.1", "1.2"])


def published(application: str) -> xmlschema.XMLSchema10:
    """The published schema in another engine than the house validates with."""
    return _engine(schemas() / application / f"{application}-1.xsd")


@cache
def _engine(path: Path) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(str(path))


@cache
def contract(application: str) -> Contract:
    city = load_city(schemas() / "stadt.toml")
    return compile_contract(load_all(schemas(), today=city.today(now()))[f"{application}/1"], city)


def check_sealed(house: House, application: str, answer: Answer) -> None:
    """Two foreign programs verify the signature, and a third engine finds header and payload valid."""
    certificate = house.running.installation.signing_certificate
    by_xmlsec(answer.raw, certificate, PROFILES[application])
    by_signxml(answer.raw, certificate, PROFILES[application])
    parts = list(answer.parts)
    assert len(parts) == 2
    for part in parts:
        published(application).validate(part)


def check_audited(house: House, application: str, message: bytes, answer: Answer, before: int) -> dict[str, object]:
    """Exactly one entry was added, and the caller can prove with his `quittung` what it says of his message."""
    (content,) = house.entries(before)
    entry: dict[str, object] = json.loads(content)
    (body,) = answer.envelope.iterchildren("{*}Body")
    commitment = sha256(bytes.fromhex(answer.text("salt")) + etree.tostring(body, method="c14n", exclusive=True))
    assert entry["protokollnummer"] == answer.text("protokollnummer")
    assert entry["anwendung"] == application
    assert entry["festlegung"] == commitment.hexdigest()
    assert entry["anfrageDigest"] == answer.text("anfrageDigest") == sha256(message).hexdigest()
    assert sha256(content).hexdigest() == answer.text("eintragsHash")
    assert str(entry["fassung"]) == answer.envelope.findtext("{*}Header/{*}quittung/{*}fassung")
    return entry


def check_helps(answer: Answer, message: bytes) -> None:
    """The fault says what to do, under which number to ask, and every place it names is in the caller's message."""
    told = meaning(str(answer.code))
    assert answer.text("abhilfe") == told.abhilfe
    assert answer.text("abhilfeEnglisch") == told.abhilfe_englisch
    assert answer.text("vorgangsnummer")
    places = [str(place.text) for place in answer.envelope.iterfind(".//{*}stelle/{*}xpath")]
    try:
        root = etree.fromstring(message)
    except etree.XMLSyntaxError:
        assert places == []
        return
    for place in places:
        found = root.xpath(place)
        assert len(found) == 1, place
    if answer.code == "nicht-schemakonform":
        assert len(places) == len(list(answer.envelope.iterfind(".//{*}befund")))


@VERSIONS
@pytest.mark.parametrize(("application", "name"), samples("good"))
def test_good_requests_are_answered(house: House, application: str, name: str, soap12: bool) -> None:
    """A good request is answered in its own SOAP version, audited once, signed and valid."""
    message = house.filled(application, sample(application, "good", name))
    message = as_soap12(message) if soap12 else message
    before = house.count()
    answer = house.post(application, message)
    assert (answer.status, answer.is_fault) == (200, False), answer.raw
    assert answer.payload.tag == f"{{urn:de:koeln:fldm:{application}:1}}{name.partition('-')[0]}Response"
    assert (
        answer.content_type == f"{'text/xml' if SOAP11.encode() in message else 'application/soap+xml'}; charset=utf-8"
    )
    assert check_audited(house, application, message, answer, before)["ergebnis"] == "ok"
    check_sealed(house, application, answer)


@pytest.mark.parametrize(("application", "name"), samples("bad"))
def test_bad_requests_get_their_declared_fault(house: House, application: str, name: str) -> None:
    """A bad request of an identified caller ends in the fault of its rule, audited once, signed and valid."""
    message = house.filled(application, sample(application, "bad", name))
    before = house.count()
    answer = house.post(application, message)
    assert (answer.status, answer.code) == (500, BAD[name]["code"]), answer.raw
    assert b"kanarie" not in answer.raw.lower()
    assert b"CVC_" not in answer.raw, "a rule without words"
    check_helps(answer, message)
    entry = check_audited(house, application, message, answer, before)
    assert (entry["art"], entry["ergebnis"]) == ("abgewiesen", BAD[name]["code"])
    check_sealed(house, application, answer)


@pytest.mark.parametrize("name", [name for application, name in samples("bad") if application == "sozialamt"])
def test_faults_are_the_same_in_soap_12(house: House, name: str) -> None:
    """The fault of SOAP 1.2 carries the same code; the sender's faults are HTTP 400."""
    answer = house.post("sozialamt", as_soap12(house.filled("sozialamt", sample("sozialamt", "bad", name))))
    assert answer.code == BAD[name]["code"]
    assert answer.status == (500 if answer.code in ("soap-version", "kopf-nicht-verstanden") else 400)
    check_sealed(house, "sozialamt", answer)


@pytest.mark.parametrize("application", APPLICATIONS)
@pytest.mark.parametrize("name", ["bestandAbrufen-seite", "personAbrufen"])
@pytest.mark.parametrize("tampered", [b"<familienname>", b"<soap:Body", b"<ds:SignatureValue>", b"<ds:DigestValue>"])
def test_a_changed_answer_does_not_verify(house: House, application: str, name: str, tampered: bytes) -> None:
    """Foreign verifiers notice a changed value, attribute, signature or digest."""
    answer = house.post(application, house.filled(application, sample(application, "good", name)))
    certificate = house.running.installation.signing_certificate
    changed = answer.raw.replace(tampered, tampered + (b' x="1"' if tampered.startswith(b"<soap") else b"X"), 1)
    assert changed != answer.raw
    for verify in (by_xmlsec, by_signxml):
        with pytest.raises(NotVerified):
            verify(changed, certificate, PROFILES[application])


@pytest.mark.parametrize("application", APPLICATIONS)
def test_another_certificate_does_not_verify(house: House, application: str) -> None:
    """The signature holds under the published signing certificate and under no other of the house."""
    answer = house.post(application, sample(application, "good", "dienstauskunft"))
    other = house.running.installation.clients["sozialamt"][0]
    for verify in (by_xmlsec, by_signxml):
        with pytest.raises(NotVerified):
            verify(answer.raw, other, PROFILES[application])


def test_the_receipt_of_an_umschlag_answer_is_covered(house: House) -> None:
    """Under the profile `umschlag` the header `quittung` cannot be changed either."""
    answer = house.post("wohnung2000", sample("wohnung2000", "good", "dienstauskunft"))
    changed = answer.raw.replace(b"<fassung>", b"<fassung>1", 1)
    with pytest.raises(NotVerified):
        by_xmlsec(changed, house.running.installation.signing_certificate, "umschlag")


def test_no_request_reaches_the_log(house: House) -> None:
    """Not a word of the free texts of all these requests stands in the server's log."""
    for application, kind, name in EVERY:
        if application == "wohnung2000":
            house.post(application, sample(application, kind, name))
    log = house.log().lower()
    assert "outcome=nicht-wohlgeformt" in log
    assert "kanarie" not in log


def test_the_files_are_what_the_script_writes() -> None:
    """The sample requests are derived, and every rule has its expectation."""
    wanted = files()
    assert {path: path.read_text("utf-8") for path in FOLDER.glob("*/*/*.xml")} == dict(wanted)
    assert {path.stem for path in wanted if path.parent.name == "bad"} == set(BAD)


@pytest.mark.parametrize(("application", "kind", "name"), EVERY)
def test_the_diagnosis_finds_what_a_schema_can_know(application: str, kind: str, name: str) -> None:
    """Good requests have no finding; bad ones have, unless only agreement or stock can know."""
    found = explain(sample(application, kind, name), contract(application))
    assert bool(found) is (kind == "bad" and BAD[name]["invalid"]), found
    assert "kanarie" not in " ".join(found).lower()


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for one, kind, name in EVERY if one == "wohnung2000"])
def test_validate_says_it_by_its_exit_code(kind: str, name: str) -> None:
    """`gateway validate` exits 0 for good requests and 1 for those that break the contract."""
    path = FOLDER / "wohnung2000" / kind / f"{name}.xml"
    told = CliRunner().invoke(validate, [str(path), "--application", "wohnung2000"])
    assert told.exit_code == (1 if kind == "bad" and BAD[name]["invalid"] else 0), told.output
