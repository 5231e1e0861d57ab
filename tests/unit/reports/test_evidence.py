"""A stored answer as evidence: only what the house signed counts, and what it says is held against the log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import AuditError
from gateway.reports.evidence import Evidence, read_evidence
from gateway.reports.verification import ExitCode, report_match
from gateway.store.audit_match import match_all
from gateway.store.audit_verdict import Match
from gateway.store.database import Database
from tests.unit.exchange.certificates import issue
from tests.unit.exchange.house import NAMESPACE, SOAP11, SOAP12, House, fetch, message
from tests.unit.exchange.house import house as make_house

NOBODY = "99999999-2222-4333-8444-555555555555"
TYPES = {SOAP11: "text/xml", SOAP12: "application/soap+xml"}


@pytest.fixture(params=["umschlag", "wsse"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A house that signs in each profile."""
    made = make_house(tmp_path, signature_profile=request.param)
    yield made
    made.trail.real.close()


def stored(house: House, folder: Path, *, soap: str = SOAP11, kennung: str | None = None) -> Path:
    """An answer as an application has kept it."""
    asked = message(fetch(kennung) if kennung else None, soap=soap)
    path = folder / "answer.xml"
    path.write_bytes(house.ask(asked, content_type=TYPES[soap]).body)
    return path


def held(folder: Path, evidence: Evidence) -> Match:
    database = Database.open(f"sqlite:///{folder / 'gateway.sqlite'}")
    try:
        return match_all(database, [evidence.claim])[0]
    finally:
        database.close()


@pytest.mark.parametrize("soap", [SOAP11, SOAP12])
@pytest.mark.parametrize("kennung", [None, NOBODY])
def test_every_answer_of_the_house_is_recorded(house: House, tmp_path: Path, soap: str, kennung: str | None) -> None:
    """Answers and faults, SOAP 1.1 and 1.2, both profiles: the entry commits to exactly this Body."""
    evidence = read_evidence(stored(house, tmp_path, soap=soap, kennung=kennung), [house.signer.certificate])
    found = held(tmp_path, evidence)
    assert (found.holds, found.rule) == (True, "protokolliert")
    assert evidence.fault is (kennung is not None)
    assert evidence.covered is (house.service.agreement.signature_profile == "umschlag")
    said = report_match(found, evidence)
    assert said.exit_code is ExitCode.OK
    assert said.lines[0].startswith("PROTOKOLLIERT")
    assert ("Fehlerantwort" in said.lines[1]) is evidence.fault
    assert any("außerhalb der Signatur" in line for line in said.lines) is not evidence.covered


EXPOSED = {
    "DELETE FROM audit_entry": "NICHT PROTOKOLLIERT: Zu dieser Protokollnummer gibt es keinen Eintrag: entfernt.",
    "UPDATE audit_entry SET content = replace(content, 'U1', 'U2')": "ANDERS PROTOKOLLIERT: Der Eintrag ist nicht",
    "UPDATE audit_entry SET number = 'x'": "NICHT PROTOKOLLIERT: Zu dieser Protokollnummer",
    "UPDATE audit_head SET hash = zeroblob(32)": "NICHT PROTOKOLLIERT: Der Eintrag steht in keinem Block der Kette.",
}


@pytest.mark.parametrize("statement", EXPOSED)
def test_a_removed_or_changed_entry_is_exposed(house: House, tmp_path: Path, statement: str) -> None:
    """The answer in the application's hands says what the log no longer says; exit 2 in other words for each."""
    evidence = read_evidence(stored(house, tmp_path), [house.signer.certificate])
    database = Database.open(f"sqlite:///{tmp_path / 'gateway.sqlite'}")
    with database.write() as connection:
        connection.exec_driver_sql(statement)
    database.close()
    said = report_match(held(tmp_path, evidence), evidence)
    assert said.exit_code is ExitCode.CRITICAL
    assert said.lines[0].startswith(EXPOSED[statement])
    assert any("gilt dann der Quittung" in line for line in said.lines) is not evidence.covered


def test_an_older_certificate_is_good_enough(house: House, tmp_path: Path) -> None:
    """The right one of several is found in any order, whether or not it still holds today."""
    path, other = stored(house, tmp_path), issue("other").certificate
    signer = house.signer.certificate
    assert read_evidence(path, [other, signer]) == read_evidence(path, [signer, other])
    with pytest.raises(AuditError, match="mit keinem der angegebenen Zertifikate"):
        read_evidence(path, [other])
    with pytest.raises(AuditError, match="mit keinem der angegebenen Zertifikate"):
        read_evidence(path, [])


def test_an_altered_answer_proves_nothing(house: House, tmp_path: Path) -> None:
    """A changed Body is no evidence against the log, nor is an answer without signature or without quittung."""
    path = stored(house, tmp_path)
    whole = path.read_bytes()
    signer = [house.signer.certificate]
    for old, new, reason in [
        (b"Geheimfrau", b"Geheimmann", "nach dem Unterschreiben verändert"),
        (b"Signature", b"Signatura", "keine Signatur"),
        (b"Envelope", b"Envelopa", "keine signierte Antwort dieses Hauses"),
        (b"<", b"", "keine signierte Antwort dieses Hauses"),
    ]:
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(AuditError, match=reason) as refused:
            read_evidence(path, signer)
        assert "Geheim" not in str(refused.value)


def test_an_altered_quittung_is_no_evidence(house: House, tmp_path: Path) -> None:
    """In umschlag the signature covers it; in wsse it does not, so it must at least be one, and the report says so."""
    path = stored(house, tmp_path)
    whole, signer = path.read_bytes(), [house.signer.certificate]
    covered = read_evidence(path, signer).covered
    for old, new, reason in [
        (b"<salt>", b"<salt>zz", "fehlt salt"),
        (b"protokollnummer>", b"protokoll>", "fehlt protokollnummer"),
        (b"</eintragsHash>", b"0</eintragsHash>", "fehlt eintragsHash"),
        (b"quittung", b"quittunk", "nicht genau eine Quittung"),
    ]:
        assert old in whole
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(AuditError, match="nach dem Unterschreiben verändert" if covered else reason):
            read_evidence(path, signer)
    if not covered:
        number = read_evidence(write(path, whole), signer).claim.number
        forged = read_evidence(write(path, whole.replace(number.encode(), b"f" * 8 + number[8:].encode())), signer)
        assert held(tmp_path, forged).rule == "nicht-protokolliert"


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_quittung_put_elsewhere_is_not_read(house: House, tmp_path: Path) -> None:
    """Only a header block counts, and only if there is one: two of them are refused, signed or not."""
    path = stored(house, tmp_path)
    whole, signer = path.read_bytes(), [house.signer.certificate]
    twin = f'<q:quittung xmlns:q="{NAMESPACE}2"/></soap:Header>'.encode()
    path.write_bytes(whole.replace(b"</soap:Header>", twin))
    with pytest.raises(AuditError):
        read_evidence(path, signer)


def test_what_cannot_be_read_proves_nothing(house: House, tmp_path: Path) -> None:
    """A missing file, a folder, an empty file, bytes that are no XML."""
    signer = [house.signer.certificate]
    (tmp_path / "empty").touch()
    (tmp_path / "noise").write_bytes(b"\x00\xff" * 100)
    for name in ("missing", "keys", "empty", "noise", "a\x00b"):
        with pytest.raises(AuditError) as refused:
            read_evidence(tmp_path / name, signer)
        assert refused.value.code == "kein-beleg"
