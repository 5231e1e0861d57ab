"""What changes from one version of an agreement to the next, in German, for those who are to sign it.

Who is concerned by how much is counted in the store (`Effect`); everything else is in the two agreements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from gateway.agreements.agreement import Agreement, Condition, Statistics
from gateway.agreements.explain import METHODS, PROFILES, describe_condition, hours, law_of_field
from gateway.agreements.operation import Kind, Operation
from gateway.model.person import Person
from gateway.model.structure import Node, grantable


@dataclass(frozen=True, slots=True)
class Effect:
    """What the change means in today's store, were both in force today.

    `before` and `after` persons are visible, `gained` newly and `lost` no longer; `fields` counts for each newly
    granted field the persons of whom it is told for the first time, `withdrawn` those of whom it no longer is.
    """

    before: int
    after: int
    gained: int
    lost: int
    fields: Mapping[str, int]
    withdrawn: Mapping[str, int]


def differs(old: Agreement, new: Agreement) -> bool:
    """Whether anything at all is different."""
    return old != new


def difference(old: Agreement, new: Agreement, *, effect: Effect | None, contract: str) -> str:
    """The change as German text; `contract` says what becomes of the published interface."""
    lines = [f"Änderung der Datenschutzvereinbarung für {new.application}", "=" * 78]
    lines += [
        f"Bisher: {old.reference}, Fassung {old.version}, {_term(old)}",
        f"Neu:    {new.reference}, Fassung {new.version}, {_term(new)}",
    ]
    if not differs(old, new):
        return "\n".join([*lines, "", "Kein Unterschied."])
    for title, section in _SECTIONS:
        found = list(section(old, new))
        lines += ["", title, *(f"  - {line}" for line in found or ["unverändert"])]
    lines += ["", "Felder", *_fields(old, new, effect)]
    lines += ["", "Betroffene Personen im heutigen Bestand", *_persons(effect)]
    lines += ["", "Schnittstelle (XSD, WSDL)", f"  - {contract}"]
    return "\n".join(lines)


def _term(agreement: Agreement) -> str:
    return f"gültig {agreement.valid_from:%d.%m.%Y} bis {agreement.valid_to:%d.%m.%Y}"


def _head(old: Agreement, new: Agreement) -> Iterator[str]:
    told: list[tuple[str, Callable[[Agreement], object]]] = [
        ("Anwendung", lambda a: a.application),
        ("Empfänger", lambda a: f"{a.office} (Spalte {a.recipient} der Freigabematrix)"),
        ("Aktenzeichen", lambda a: a.reference),
        ("Fassung", lambda a: a.version),
        ("Gültig ab", lambda a: f"{a.valid_from:%d.%m.%Y}"),
        ("Gültig bis", lambda a: f"{a.valid_to:%d.%m.%Y}"),
        ("Schutzstufe", lambda a: a.protection_level),
        ("Zweck", lambda a: a.purpose),
        ("Einseitig", lambda a: "ja" if a.one_way else "nein"),
    ]
    yield from _changed(told, old, new)


def _security(old: Agreement, new: Agreement) -> Iterator[str]:
    told: list[tuple[str, Callable[[Agreement], object]]] = [
        ("Antwortsignatur", lambda a: PROFILES[a.signature_profile]),
        ("Verfahren", lambda a: METHODS[a.signature_method]),
        ("Anfragesignatur", lambda a: "verlangt" if a.request_signature else "nicht verlangt"),
        ("Anfragen je Minute", lambda a: a.limits.requests_per_minute),
        ("Personen je Tag", lambda a: a.limits.persons_per_day),
        ("Anfragen zur gleichen Zeit", lambda a: a.limits.parallel_requests),
        ("Bytes je Tag", lambda a: a.limits.bytes_per_day),
        ("Uhrzeiten", lambda a: hours(a.limits)),
    ]
    yield from _changed(told, old, new)
    yield from _listed("Client-Zertifikat", old.pins, new.pins)


def _roles(old: Agreement, new: Agreement) -> Iterator[str]:
    yield from _listed("Unterschrift von", old.roles, new.roles)


def _law(old: Agreement, new: Agreement) -> Iterator[str]:
    yield from _listed("Rechtsgrundlage", old.legal_bases, new.legal_bases)
    for key in dict.fromkeys((*old.purposes, *new.purposes)):
        before, after = old.purposes.get(key), new.purposes.get(key)
        if before is None:
            yield f"neuer Verwendungszweck {key}: {after}"
        elif after is None:
            yield f"Verwendungszweck {key} entfällt: {before}"
        elif before != after:
            yield f"Verwendungszweck {key}: bisher „{before}“, neu „{after}“"


def _scope(old: Agreement, new: Agreement) -> Iterator[str]:
    before, after = ([one for one in a.scope if one not in b.scope] for a, b in ((old, new), (new, old)))
    for one in list(before):
        values = [other for other in after if other.field == one.field and other.one_of and one.one_of]
        if len(values) == 1:
            before.remove(one)
            after.remove(values[0])
            yield from _values(one, values[0])
    yield from (f"neue Bedingung (schränkt ein): {describe_condition(one)}" for one in after)
    yield from (f"Bedingung entfällt (erweitert): {describe_condition(one)}" for one in before)


def _values(old: Condition, new: Condition) -> Iterator[str]:
    before, after = old.one_of or frozenset(), new.one_of or frozenset()
    if added := after - before:
        yield f"erweitert, hinzu kommt: {describe_condition(replace(new, one_of=added))}"
    if removed := before - after:
        yield f"eingeschränkt, es entfällt: {describe_condition(replace(new, one_of=removed))}"


def _statistics(old: Agreement, new: Agreement) -> Iterator[str]:
    nothing = Statistics(frozenset(), frozenset())
    before, after = old.statistics or nothing, new.statistics or nothing
    yield from _listed("Bericht", before.reports, after.reports)
    yield from _listed("Empfängerkreis", before.audiences, after.audiences)


def _operations(old: Agreement, new: Agreement) -> Iterator[str]:
    for operation in Operation:
        before, after = old.operations.get(operation), new.operations.get(operation)
        if before == after:
            continue
        if before is None:
            yield f"neu: {operation.value} ({operation.kind.value})"
        elif after is None:
            yield f"entfällt: {operation.value} ({operation.kind.value})"
        else:
            if operation.kind is Kind.BULK and before.page_size != after.page_size:
                yield f"{operation.value}: bisher {before.page_size} Einträge je Seite, neu {after.page_size}"
            yield from _listed(f"{operation.value}: Pflichtangabe", before.required, after.required)


def _fields(old: Agreement, new: Agreement, effect: Effect | None) -> Iterator[str]:
    before, after = set(old.fields), set(new.fields)
    every = {node.path: node for node in grantable(Person)}
    gained = [node for path, node in every.items() if path in after - before]
    lost = [node for path, node in every.items() if path in before - after]
    moved = [
        path for path in every if path in before & after and (path in old.single_only) != (path in new.single_only)
    ]
    if not gained and not lost and not moved:
        yield "  - unverändert"
    for node in gained:
        count = effect.fields.get(node.path, 0) if effect else None
        yield from _field(f"NEU SIEHT {new.office}", node, new, count)
    for node in lost:
        count = effect.withdrawn.get(node.path, 0) if effect else None
        yield from _field(f"NICHT MEHR SIEHT {old.office}", node, old, count)
    for path in moved:
        now = "nur noch im Einzelabruf mit Begründung" if path in new.single_only else "neu auch in Massenabrufen"
        yield f"  - {path}: {now}"


def _field(what: str, node: Node, agreement: Agreement, count: int | None) -> Iterator[str]:
    number, law = law_of_field(agreement, node)
    yield f"  - {what}: {node.path} [{number}]"
    yield f"      {node.documentation}"
    yield f"      {law}"
    if count is not None:
        yield f"      betrifft heute {count} Personen"


def _persons(effect: Effect | None) -> Iterator[str]:
    if effect is None:
        yield "  - nicht gezählt: ohne Einstellungen (--settings) gibt es keinen Bestand"
        return
    yield f"  - bisher sichtbar: {effect.before}, neu sichtbar insgesamt: {effect.after}"
    yield f"  - kommen hinzu: {effect.gained}"
    yield f"  - fallen weg: {effect.lost} (die Anwendung erhält „entfallen“)"
    yield "  - gezählt, als gälten beide Fassungen heute"


def _changed(told: list[tuple[str, Callable[[Agreement], object]]], old: Agreement, new: Agreement) -> Iterator[str]:
    for name, part in told:
        if part(old) != part(new):
            yield f"{name}: bisher {part(old)}, neu {part(new)}"


def _listed(name: str, old: frozenset[str] | tuple[str, ...], new: frozenset[str] | tuple[str, ...]) -> Iterator[str]:
    yield from (f"{name}: neu: {one}" for one in sorted(set(new) - set(old)))
    yield from (f"{name}: entfällt: {one}" for one in sorted(set(old) - set(new)))


_SECTIONS: tuple[tuple[str, Callable[[Agreement, Agreement], Iterator[str]]], ...] = (
    ("Vereinbarung", _head),
    ("Rechtsgrundlagen und Verwendungszwecke", _law),
    ("Personenkreis", _scope),
    ("Freigegebene Statistiken", _statistics),
    ("Was gefragt werden darf", _operations),
    ("Signatur, Zertifikate, Grenzen", _security),
    ("Wer unterschreibt", _roles),
)
