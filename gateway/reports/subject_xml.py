"""The report to a person as XML for machines (schemas/auskunft/auskunft-1.xsd), checked before it is given out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from lxml import etree

from gateway.errors import ContractError
from gateway.model.types import Code
from gateway.reports.subject import RecordReport, SubjectReport
from gateway.reports.subject_recipients import Recipient
from gateway.reports.subject_values import Held
from gateway.shipped import schemas

NAMESPACE = "urn:fldm:auskunft:1"

RIGHTS = (
    ("DSGVO Art. 15 Abs. 3", "Kopie der Daten"),
    ("DSGVO Art. 16", "Berichtigung"),
    ("DSGVO Art. 17", "Löschung"),
    ("DSGVO Art. 18", "Einschränkung der Verarbeitung"),
    ("DSGVO Art. 21", "Widerspruch"),
    ("DSGVO Art. 77", "Beschwerde bei der Aufsichtsbehörde"),
)
"""What the person may ask for next."""


def schema_path() -> Path:
    """The published schema of the report."""
    return schemas() / "auskunft" / "auskunft-1.xsd"


def render_xml(report: SubjectReport) -> bytes:
    """The report as XML in UTF-8, valid by its schema; ContractError (rule and line, no value) if it is not."""
    root = etree.Element(f"{{{NAMESPACE}}}auskunft", nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # None is lxml's name of the default namespace
    _set(
        root,
        vorgang=report.number,
        zeitpunkt=_moment(report.time),
        stadt=report.city.name,
        ergebnis="datenGespeichert" if report.found else "keineDatenGespeichert",
    )
    _contacts(root, report)
    for record in report.records:
        _record(root, record)
    for recipient in report.recipients:
        _recipient(root, recipient)
    for moment in report.earlier:
        _add(root, "fruehereAuskunft").text = _moment(moment)
    for rule, label, count in report.withheld:
        _add(root, "nichtMitgeteilt", bezeichnung=label, anzahl=str(count), grund=rule.value)
    for period in report.periods:
        _add(root, "frist", art=period.kind, dauer=period.length, beginn=period.start, grund=period.reason)
    for norm, text in RIGHTS:
        _add(root, "recht", norm=norm).text = text
    _require_valid(root)
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)


def _contacts(root: etree._Element, report: SubjectReport) -> None:
    city = report.city
    for role, one in (("verantwortlich", city.controller), ("datenschutz", city.officer), ("aufsicht", city.authority)):
        if one is not None:
            _add(root, "stelle", rolle=role, name=one.name, anschrift=one.anschrift, kontakt=one.kontakt)


def _record(root: etree._Element, record: RecordReport) -> None:
    told = _add(root, "datensatz", titel=record.title, quelle=record.source)
    for edition in record.editions:
        _add(
            told,
            "fassung",
            nummer=str(edition.number),
            gespeichertAm=_moment(edition.recorded_at),
            standDerQuelle=edition.stand,
            aenderungsnummer=str(edition.change_number),
        )
    for span in (*record.current, *record.former):
        until = None if span.until is None else _moment(span.until)
        _value(told, "angabe", span.held, seit=_moment(span.since), ersetztAm=until)
    for held in record.derived:
        _value(told, "abgeleitet", held)
    for refused in record.refused:
        waiting = _add(told, "abgewiesen", eingegangenAm=_moment(refused.recorded_at))
        for held in refused.held:
            _value(waiting, "angabe", held)
    for one in record.reported:
        _add(told, "unstimmigkeit", gemeldetAm=_moment(one.recorded_at), anwendung=one.application, pfad=one.path)


def _value(parent: etree._Element, name: str, held: Held, **times: str | None) -> None:
    attribut = held.attribut
    element = _add(
        parent,
        name,
        ort=held.place,
        bezeichnung=held.label,
        bedeutung=held.text if isinstance(held.node.simple, Code) and held.text != held.value else None,
        schutzklasse=None if attribut is None else attribut.schutzklasse.name,
        fundstelle=None if attribut is None else attribut.fundstelle,
        **times,
        bestritten="true" if held.contested else None,
    )
    element.text = str(held.value).lower() if isinstance(held.value, bool) else str(held.value)


def _recipient(root: etree._Element, recipient: Recipient) -> None:
    told = _add(root, "empfaenger", anwendung=recipient.application, amt=recipient.office)
    for kennung in recipient.kennungen:
        _add(told, "kennung").text = kennung
    for ground in recipient.grounds:
        fassung = None if ground.fassung is None else str(ground.fassung)
        element = _add(told, "grundlage", vereinbarung=ground.reference, fassung=fassung, zweck=ground.purpose)
        for norm in ground.norms:
            _add(element, "norm").text = norm
    for line in recipient.disclosed:
        _add(
            told,
            "mitteilung",
            art=line.how,
            erstmals=_moment(line.first),
            zuletzt=_moment(line.last),
            anzahl=str(line.count),
            verwendungszweck=line.why,
            vereinbarung=line.ground.reference,
            fassung=None if line.ground.fassung is None else str(line.ground.fassung),
            liste=str(line.field_set),
            ausgeliefert=str(line.delivered).lower(),
        )
    for number, fields in enumerate(recipient.field_sets, 1):
        listed = _add(told, "liste", nummer=str(number))
        for node in fields:
            _add(listed, "feld", pfad=node.path, bezeichnung=node.documentation)


def _require_valid(root: etree._Element) -> None:
    schema = _schema()
    if not schema.validate(root):
        raise ContractError(f"the report is not valid by its schema: {'; '.join(_rules(schema))}")


@cache
def _schema() -> etree.XMLSchema:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.XMLSchema(etree.fromstring(schema_path().read_bytes(), parser))


def _rules(schema: etree.XMLSchema) -> Iterator[str]:
    """Kinds of error only: libxml2's messages quote the values."""
    for entry in schema.error_log:  # type: ignore[attr-defined]  # lxml-stubs do not know it
        yield str(entry.type_name)


def _add(parent: etree._Element, tag: str, /, **attributes: str | None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}")
    _set(element, **attributes)
    return element


def _set(element: etree._Element, /, **attributes: str | None) -> None:
    for name, text in attributes.items():
        if text is not None:
            element.set(name, text)


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
