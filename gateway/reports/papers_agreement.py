"""What papers say of one version of an agreement: every field, law, purpose, condition and limit of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from gateway.agreements.agreement import Agreement
from gateway.agreements.explain import METHODS, PROFILES, RELEASE, describe_condition, describe_statistics, hours
from gateway.agreements.operation import Kind
from gateway.model.freigabe import release
from gateway.model.person import Person
from gateway.model.structure import Node, Schutzklasse, grantable
from gateway.reports.papers import Bullets, Section, Table


def version_name(one: Agreement) -> str:
    """`Fassung 3 (gültig 01.01.2025 bis 31.12.2027)`."""
    return f"Fassung {one.version} (gültig {one.valid_from:%d.%m.%Y} bis {one.valid_to:%d.%m.%Y})"


def granted(one: Agreement) -> tuple[Node, ...]:
    """The fields of the agreement in the model's order."""
    return tuple(node for node in grantable(Person) if node.path in one.fields)


def transfer(one: Agreement) -> Section:
    """The whole of this version: recipient, law, purposes, persons, fields, operations, security."""
    return Section(f"Vereinbarung {one.reference}, {version_name(one)}", tuple(_blocks(one)))


def law(one: Agreement) -> Bullets:
    """The norms on which the transfer rests."""
    return Bullets(one.legal_bases)


def purposes(one: Agreement) -> Bullets:
    """What the data may be used for; every request names one of these."""
    return Bullets((f"Zweck: {one.purpose}", *(f"{code}: {text}" for code, text in one.purposes.items())))


def persons(one: Agreement) -> Bullets:
    """Whose data may be told: all conditions hold."""
    if one.statistics is not None:
        return Bullets(tuple(describe_statistics(one.statistics)))
    return Bullets((*map(describe_condition, one.scope), "Personen mit Auskunftssperre (Art 3 oder 11) sind nie dabei"))


def field_table(one: Agreement) -> Table:
    """Every field that may be told, with class, law and release."""
    return Table(
        f"Mitgeteilte Angaben ({len(granted(one))} von {len(grantable(Person))} Feldern des Datenmodells)",
        ("Feld", "Bedeutung", "Nummer", "Schutzklasse", "Beschrieben in", "Freigabe"),
        tuple(_field_row(one, node) for node in granted(one)),
    )


def class_tables(one: Agreement) -> Iterator[Table]:
    """The fields that may be told, a table for each sensitivity class."""
    header = ("Feld", "Bedeutung", "Nummer", "Beschrieben in", "Freigabe")
    for klass in Schutzklasse:
        found = [node for node in granted(one) if node.attribut is not None and node.attribut.schutzklasse is klass]
        if found:
            rows = tuple((row[0], row[1], row[2], row[4], row[5]) for row in (_field_row(one, node) for node in found))
            fields = "Feld" if len(found) == 1 else "Felder"
            yield Table(f"Schutzklasse {klass.name}, {klass.value}: {len(found)} {fields}", header, rows)


def classes(one: Agreement) -> str:
    """How many fields of each sensitivity class are told."""
    if one.statistics is not None:
        return "keine personenbezogenen Angaben"
    counted = Counter(node.attribut.schutzklasse for node in granted(one) if node.attribut is not None)
    return "; ".join(f"{klass.name} {klass.value}: {counted[klass]}" for klass in sorted(counted, key=lambda k: k.name))


def _blocks(one: Agreement) -> Iterator[str | Bullets | Table]:
    yield f"Empfänger: {one.office} (Spalte {one.recipient} der Freigabematrix), Anwendung {one.application}."
    yield f"Schutzstufe: {one.protection_level}. Vertrag: Hauptversion {one.major}."
    yield "Rechtsgrundlagen:"
    yield law(one)
    yield "Zwecke:"
    yield purposes(one)
    yield "Kategorien betroffener Personen (alle Bedingungen müssen gelten):"
    yield persons(one)
    yield field_table(one)
    yield operations(one)
    yield "Sicherheit der Übermittlung:"
    yield Bullets(tuple(security(one)))


def _field_row(one: Agreement, node: Node) -> tuple[str, ...]:
    attribut = node.attribut
    if attribut is None:
        raise TypeError(f"{node.path} cannot be granted")
    mark = "e" if node.path in one.single_only else release(one.recipient, attribut.id)
    klass = f"{attribut.schutzklasse.name} {attribut.schutzklasse.value}"
    return (node.path, node.documentation, attribut.id, klass, attribut.fundstelle, RELEASE[mark])


def operations(one: Agreement) -> Table:
    """What may be asked, and under which conditions."""
    rows = []
    for operation, terms in one.operations.items():
        notes = [f"{part} ist Pflicht" for part in sorted(terms.required)]
        if operation.kind is Kind.BULK:
            notes.append(f"höchstens {terms.page_size} Personen je Seite")
        rows.append((operation.value, operation.kind.value, "; ".join(notes) or "–"))
    return Table("Vereinbarte Abrufe; jeder andere wird abgewiesen", ("Abruf", "Art", "Auflagen"), tuple(rows))


def security(one: Agreement) -> Iterator[str]:
    """How it is told, up to which limits, on whose approval."""
    yield f"Signatur jeder Antwort: {PROFILES[one.signature_profile]}"
    yield f"Verfahren: {METHODS[one.signature_method]}"
    yield f"Signatur der Anfrage: {'verlangt' if one.request_signature else 'nicht verlangt'}"
    yield "Gegenseitige Anmeldung mit TLS; das Client-Zertifikat ist in der Vereinbarung oder Einstellung festgelegt"
    yield (
        f"Grenzen: {one.limits.requests_per_minute} Anfragen je Minute, {one.limits.persons_per_day} Personen je Tag, "
        f"Anfragen von {hours(one.limits)}"
    )
    yield f"Freigabe: wirksam nur mit der Unterschrift von {', '.join(one.roles)}"
    yield f"Rückfluss an die Ausländerbehörde: {'ausgeschlossen' if one.one_way else 'nur Meldung von Unstimmigkeiten'}"
