"""The readable diagnosis: line, path, rule and what the type means; values stay hidden here as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.agreements.operation import Operation
from gateway.contract.diagnosis import explain
from tests.unit.contract.sample import contract, full, response

SECRET = "Geheimwert"
ENVELOPE = """<s:Envelope xmlns:s="{soap}">
<s:Header>{header}</s:Header>
<s:Body>
{body}
</s:Body>
</s:Envelope>"""
SOAP11 = "http://schemas.xmlsoap.org/soap/envelope/"
SOAP12 = "http://www.w3.org/2003/05/soap-envelope"
HEADER = "<abrufkontext xmlns='NS'><kennung>sb-1</kennung><verwendungszweck>U1</verwendungszweck></abrufkontext>"


def diagnose(body: str, header: str = HEADER, soap: str = SOAP11) -> tuple[str, ...]:
    """The diagnosis of an envelope."""
    published = contract("wohnung2000")
    text = ENVELOPE.format(soap=soap, header=header, body=body).replace("NS", published.namespace)
    return explain(text.encode(), published)


@pytest.mark.parametrize("soap", [SOAP11, SOAP12])
def test_a_valid_message_has_no_findings(soap: str) -> None:
    """A valid request, with its header, in an envelope of either version."""
    assert diagnose("<dienstauskunft xmlns='NS'/>", soap=soap) == ()


def test_a_file_and_a_bare_payload_are_read(tmp_path: Path) -> None:
    """A file is read like bytes, and without an envelope the document is the payload."""
    published = contract("wohnung2000")
    operation = Operation.PERSON_ABRUFEN
    file = tmp_path / "answer.xml"
    file.write_bytes(published.render(operation, full(response(published, operation).type)))
    assert explain(file, published) == ()


def test_findings_say_line_path_rule_and_meaning() -> None:
    """One finding per error, with the meaning of the type from the schema."""
    (finding,) = diagnose(f"<personAbrufen xmlns='NS'><personenkennung>{SECRET}</personenkennung></personAbrufen>")
    assert finding == (
        "Zeile 4: personAbrufen/personenkennung: verletzt das Muster (Typ Kennung: UUID (RFC 9562) in Kleinbuchstaben)"
    )


@pytest.mark.parametrize(
    "body",
    [
        f"<personAbrufen xmlns='NS'><{SECRET}/></personAbrufen>",
        f"<{SECRET} xmlns='NS'/>",
        f"<personSuchen xmlns='NS'><familienname {SECRET}='{SECRET}'>{SECRET}1</familienname></personSuchen>",
        f"<bestandAbrufen xmlns='NS'><anzahl>{SECRET}</anzahl></bestandAbrufen>",
        f"<bestandAbrufen xmlns='NS'>{SECRET}</bestandAbrufen>",
        f"<dienstauskunft xmlns='NS'>{SECRET}</dienstauskunft>",
        f"<dienstauskunft xmlns='urn:{SECRET}'/>",
        f"<personSuchen xmlns='NS'><familienname>{SECRET * 20}</familienname></personSuchen>",
    ],
)
def test_no_value_is_told(body: str) -> None:
    """Nothing that the caller wrote is in a finding: no value, no foreign name."""
    findings = diagnose(body)
    assert findings
    assert SECRET not in " ".join(findings)


def test_expected_children_are_named() -> None:
    """What is missing is named as the contract names it."""
    (finding,) = diagnose("<aenderungenQuittieren xmlns='NS'><bis>1</bis></aenderungenQuittieren>")
    assert finding.endswith("aenderungenQuittieren: Pflichtangaben fehlen; erwartet: epoche")


def test_a_bad_header_is_found() -> None:
    """The contract's header blocks are diagnosed too, foreign ones are not."""
    findings = diagnose("<dienstauskunft xmlns='NS'/>", header=f"<abrufkontext xmlns='NS'/><x xmlns='urn:{SECRET}'/>")
    assert len(findings) == 1
    assert "abrufkontext: Pflichtangaben fehlen; erwartet: kennung" in findings[0]


def test_a_wrong_code_lists_the_right_ones() -> None:
    """For a short list the allowed codes are told, which are no secret."""
    published = contract("wohnung2000")
    operation = Operation.PERSON_ABRUFEN
    rendered = published.render(operation, full(response(published, operation).type))
    broken = rendered.replace(b"<geschlecht><code>m", b"<geschlecht><code>" + SECRET.encode())
    assert broken != rendered
    (finding,) = explain(broken, published)
    assert "geschlecht/code: ist kein Code der Liste" in finding
    assert "erlaubt: m, w" in finding
    assert SECRET not in finding


@pytest.mark.parametrize("raw", [b"", b"<a", b"<!DOCTYPE a><a/>", b"\xff\xfe\x00", SECRET.encode()])
def test_what_is_no_message_gives_one_finding(raw: bytes) -> None:
    """A file that the house does not read is told as such, without a word of it."""
    (finding,) = explain(raw, contract("wohnung2000"))
    assert SECRET not in finding


def test_an_empty_body_is_told() -> None:
    """An envelope with nothing in its Body is not valid."""
    assert diagnose("") == ("soap-aufbau: the Body holds exactly one element",)


def test_an_envelope_is_as_strict_as_the_service() -> None:
    """Two payloads, each valid by itself, are no message."""
    assert diagnose("<dienstauskunft xmlns='NS'/>" * 2) == ("soap-aufbau: the Body holds exactly one element",)


def test_an_unknown_xsi_type_is_a_finding() -> None:
    """The schema engine raises on a type it does not know; the diagnosis tells it and quotes nothing."""
    kennung = "00000000-0000-4000-8000-000000000000"
    xsi = "http://www.w3.org/2001/XMLSchema-instance"
    (finding,) = diagnose(
        f"<personAbrufen xmlns='NS' xmlns:x='{xsi}'><personenkennung x:type='{SECRET}'>{kennung}</personenkennung>"
        "</personAbrufen>"
    )
    assert finding == "Zeile 4: ein xsi:type nennt keinen Typ dieses Vertrags"


def test_what_the_service_refuses_is_never_called_valid() -> None:
    """xmlschema reads digits of other scripts as a number; the diagnosis asks the service's engine too."""
    (finding,) = diagnose("<bestandAbrufen xmlns='NS'><anzahl>٥</anzahl></bestandAbrufen>")
    assert finding.startswith("bestandAbrufen/anzahl: ")
