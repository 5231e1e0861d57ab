"""An agreement in plain German, for the data-protection officer: the file itself, not a description of it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.agreements.agreement import Agreement, Condition, Limits, Statistics
from gateway.agreements.operation import OF_PERSONS, OF_STATISTICS, Kind, Operation
from gateway.agreements.versions import Succession
from gateway.model.codelists import load as load_codelist
from gateway.model.freigabe import release
from gateway.model.person import Person
from gateway.model.structure import Node, grantable, nodes
from gateway.model.types import Code

RELEASE = {
    "+": "wird mitgeteilt",
    "k": "nur zur Zuordnung, zusätzlich zu den Grundpersonalien, solange AZRG § 10 Abs. 4 es erlaubt",
    "e": "nur im Einzelabruf mit Aktenzeichen und Begründung",
}
PROFILES = {
    "umschlag": "XML-Signatur über die ganze Nachricht im Kopf der SOAP-Nachricht",
    "wsse": "WS-Security: Signatur über Body und Zeitstempel",
}
METHODS = {
    "rsa-sha256": "RSA (mindestens 3072 Bit, PKCS#1 v1.5) mit SHA-256; PKCS#1 v1.5 ist eine befristete Abweichung von "
    "der Empfehlung des BSI, weil .NET es verlangt (docs/decisions.md)",
    "ecdsa-p256-sha256": "ECDSA auf P-256 mit SHA-256",
}


def explain(agreement: Agreement, succession: Succession | None = None) -> str:
    """The agreement as German text: who, why, which persons, which operations, every field with its law.

    `succession` tells that a later contract major is agreed, and when this one ends.
    """
    lines = [line for section in _SECTIONS for line in section(agreement)]
    if succession is not None:
        lines.insert(lines.index(_major(agreement)) + 1, _superseded(succession))
    return "\n".join(lines)


def _major(a: Agreement) -> str:
    return f"Vertrag:          Hauptversion {a.major}"


def _superseded(end: Succession) -> str:
    return (
        f"                  abgelöst durch Hauptversion {end.major} ab {end.since:%d.%m.%Y}; bedient bis "
        f"{end.until:%d.%m.%Y}, danach wird jede Anfrage mit einem Hinweis auf sie abgewiesen"
    )


def _head(a: Agreement) -> Iterator[str]:
    yield f"Datenschutzvereinbarung {a.reference}, Fassung {a.version}: Anwendung {a.application}"
    yield "=" * 78
    yield f"Empfänger:        {a.office} (Spalte {a.recipient} der Freigabematrix)"
    yield f"Zweck:            {a.purpose}"
    yield f"Gültig:           {a.valid_from:%d.%m.%Y} bis {a.valid_to:%d.%m.%Y}"
    yield "                  An jedem anderen Tag wird nichts mitgeteilt."
    yield f"Schutzstufe:      {a.protection_level}"
    yield _major(a)
    yield f"Antwortsignatur:  {PROFILES[a.signature_profile]}"
    yield f"Verfahren:        {METHODS[a.signature_method]}"
    yield f"Anfragesignatur:  {'verlangt' if a.request_signature else 'nicht verlangt (TLS mit Client-Zertifikat)'}"
    yield f"Client-Zertifikate in der Vereinbarung: {len(a.pins)}"
    yield f"Freigabe:         wirksam nur mit der Unterschrift von: {', '.join(a.roles)}"
    if a.one_way:
        yield "Einseitig:        an die Ausländerbehörde fließt nichts zurück"


def _law(a: Agreement) -> Iterator[str]:
    yield "\nRechtsgrundlagen"
    yield from (f"  - {norm}" for norm in a.legal_bases)
    yield "Verwendungszwecke (jede Anfrage nennt einen)"
    yield from (f"  - {key}: {text}" for key, text in a.purposes.items())


def _persons(a: Agreement) -> Iterator[str]:
    if a.statistics is not None:
        yield "\nPersonen: keine"
        yield from (f"  - {line}" for line in describe_statistics(a.statistics))
        return
    yield "\nPersonen (alle Bedingungen müssen gelten; gesperrte Personen sind nie dabei)"
    yield from (f"  - {describe_condition(condition)}" for condition in a.scope)


def describe_statistics(told: Statistics) -> Iterator[str]:
    """What an agreement on statistics lets out, in German sentences."""
    yield "Niemand gehört zum Personenkreis: mitgeteilt werden nur Tabellen, die freigegeben sind"
    yield f"Berichte: {', '.join(sorted(told.reports))}"
    yield f"Empfängerkreise, für die eine Tabelle geschützt sein muss: {', '.join(sorted(told.audiences))}"


def describe_condition(condition: Condition) -> str:
    """The condition in German words, with the field's path and what its codes mean."""
    label = f"{_documentation(condition.field)} ({condition.field})"
    if condition.one_of is not None:
        return f"{label} ist eines von: " + "; ".join(_codes(condition.field, condition.one_of))
    if condition.none_of is not None:
        return f"{label} ist keines von: " + "; ".join(_codes(condition.field, condition.none_of))
    if condition.present:
        return f"{label} ist vorhanden"
    limits = [f"ab {condition.earliest:%d.%m.%Y}" if condition.earliest else ""]
    limits.append(f"bis {condition.latest:%d.%m.%Y}" if condition.latest else "")
    return f"{label} liegt {' '.join(limit for limit in limits if limit)}"


def _operations(a: Agreement) -> Iterator[str]:
    yield "\nWas gefragt werden darf"
    for operation, terms in a.operations.items():
        notes = [operation.kind.value]
        if operation.kind is Kind.BULK:
            notes.append(f"höchstens {terms.page_size} Einträge je Seite")
        notes += [f"{part} ist Pflicht" for part in sorted(terms.required)]
        yield f"  - {operation.value}: {', '.join(notes)}"
    possible = OF_PERSONS if a.statistics is None else OF_STATISTICS
    missing = [one.value for one in Operation if one in possible and one not in a.operations]
    if missing:
        yield f"  Nicht vereinbart: {', '.join(missing)}"


def _fields(a: Agreement) -> Iterator[str]:
    if a.statistics is not None:
        return
    granted = [node for node in grantable(Person) if node.path in a.fields]
    yield f"\nWas mitgeteilt wird ({len(granted)} von {len(grantable(Person))} Feldern des Modells)"
    for node in granted:
        if node.attribut is None:
            continue
        number, law = law_of_field(a, node)
        yield f"  - {node.path} [{number}]"
        yield f"      {node.documentation}"
        yield f"      {law}"


def law_of_field(agreement: Agreement, node: Node) -> tuple[str, str]:
    """Number and class of a granted field, and the law with the way in which it may be told."""
    if node.attribut is None:
        return "", ""
    klass = node.attribut.schutzklasse
    mark = "e" if node.path in agreement.single_only else release(agreement.recipient, node.attribut.id)
    number = f"{node.attribut.id}, {klass.name} {klass.value}"
    return number, f"Fundstelle: {node.attribut.fundstelle}; {RELEASE[mark]}"


def _limits(a: Agreement) -> Iterator[str]:
    yield "\nGrenzen"
    limits = a.limits
    yield f"  - {limits.requests_per_minute} Anfragen je Minute, {limits.parallel_requests} zur gleichen Zeit"
    yield f"  - {limits.persons_per_day} Personen und {limits.bytes_per_day // 1_000_000} Megabyte je Tag"
    yield f"  - Anfragen von {hours(limits)}"


def hours(limits: Limits) -> str:
    """The times of day in which requests are taken, in German."""
    spans = (f"{start // 60:02}:{start % 60:02} bis {end // 60:02}:{end % 60:02} Uhr" for start, end in limits.hours)
    return " und ".join(spans)


_SECTIONS = (_head, _law, _persons, _operations, _fields, _limits)


def _documentation(path: str) -> str:
    return _node(path).documentation


def _codes(path: str, codes: frozenset[str]) -> Iterator[str]:
    simple = _node(path).simple
    labels = load_codelist(simple.codelist).codes if isinstance(simple, Code) else {}
    for code in sorted(codes):
        yield f"{code} ({labels[code].label})" if code in labels else code


def _node(path: str) -> Node:
    return next(node for top in nodes(Person) for node in top.walk() if node.path == path)
