"""Findings of the XSD name elements of the contract and rules, and nothing that stood in the record."""

from __future__ import annotations

import pytest

from gateway.sources.okvisa import contract
from gateway.sources.record_schema import RecordSchema

from .okvisa_fake import NS, element, record


@pytest.fixture(scope="module")
def schema():
    return RecordSchema(contract())


def test_a_sound_record_has_no_findings(schema):
    """Also where it stands inside a page, under any prefix."""
    assert schema.findings(element(record())) == ()
    page = element(f'<a xmlns="{NS}">{record()}{record()}</a>')
    assert schema.findings(page[1]) == ()


@pytest.mark.parametrize("prefix", ["", "ov:"])
def test_findings_name_the_place(schema, prefix):
    """The path is told by local names, whatever prefix the source uses."""
    xml = record().replace("05.04.1990", "GEHEIM").replace("<geschl>", "<fremdGEHEIM/><geschl>")
    if prefix:
        xml = xml.replace("</", "\0").replace("<", "<ov:").replace("\0", "</ov:").replace("xmlns=", "xmlns:ov=")
    page = element(f"<a>{record()}{xml}</a>")
    findings = schema.findings(page[1])
    assert "personalien/gebDat: Muster; erwartet die Form TT.MM.JJJJ" in findings
    assert any(one.startswith("personalien/?: ") for one in findings)
    assert "GEHEIM" not in "".join(findings)


def test_attributes_are_refused_before_the_validator_sees_them(schema):
    """The contract has none; xsi:schemaLocation could make a validator fetch files."""
    xsi = 'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="urn:x file:///etc/hostname"'
    one = element(record().replace("<personalien>", f"<personalien {xsi}>"))
    assert schema.findings(one) == ("datensatz: Attribut nicht vorgesehen",)


def test_a_foreign_element_is_not_named(schema):
    """What a stranger calls his element is not repeated."""
    assert schema.findings(element("<GEHEIM/>")) == ("?: unbekanntes Element",)


def test_findings_are_bounded(schema):
    """A record that is wrong everywhere does not fill the quarantine."""
    wrong = "<kontakt><art></art><wert></wert></kontakt>" * 100
    assert 0 < len(schema.findings(element(record(inner=wrong)))) <= 20
