"""Writes a new agreement.toml as a draft: every field with its meaning and class, and what else could be granted."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from textwrap import wrap

from gateway.agreements.agreement import (
    Agreement,
    Condition,
    Limits,
    OperationTerms,
    SignatureMethod,
    SignatureProfile,
)
from gateway.agreements.city import City
from gateway.agreements.document import ROLES
from gateway.agreements.operation import OF_PERSONS, Kind, Operation
from gateway.agreements.proposals import WHY_NOT, Choice, choices, proposal, proposed_fields, scope
from gateway.errors import AgreementError

_PAGE = 200
_MEGABYTE = 1_000_000
_USUAL_LIMITS = Limits(600, 50_000, 20, 2_000 * _MEGABYTE, ((0, 24 * 60),))
_REASONED = frozenset({Operation.PERSON_ABRUFEN, Operation.PERSON_SUCHEN})
_WIDTH = 44


@dataclass(frozen=True)
class Draft:
    """What is to stand in the new agreement; the rest is the same for all."""

    name: str
    title: str
    office: str
    reference: str
    valid_from: date
    valid_to: date
    signature_profile: SignatureProfile
    signature_method: SignatureMethod
    one_way: bool
    legal_bases: tuple[str, ...]
    purpose: str
    purposes: Mapping[str, str]
    scope: tuple[Condition, ...]
    operations: Mapping[Operation, OperationTerms]
    fields: tuple[str, ...]
    limits: Limits
    roles: tuple[str, ...] = ROLES
    protection_level: str = "D"
    request_signature: bool = False
    hints: tuple[str, ...] = ()


def propose(name: str, office: str, city: City, *, today: date) -> Draft:
    """The draft for the office, in force from today to the end of next year; AgreementError if it can have none."""
    found = proposal(office)
    return Draft(
        name=name,
        title=found.amt,
        office=office,
        reference=f"ENTWURF-{name}",
        valid_from=today,
        valid_to=date(today.year + 1, 12, 31),
        signature_profile="umschlag",
        signature_method="rsa-sha256",
        one_way=found.einseitig,
        legal_bases=tuple(one.norm for one in found.norm),
        purpose=found.zweck,
        purposes=dict(found.verwendungszwecke),
        scope=scope(office, city),
        operations=_terms(found.einseitig),
        fields=proposed_fields(office),
        limits=_USUAL_LIMITS,
        hints=tuple(found.hinweise),
    )


def resembling(draft: Draft, model: Agreement) -> tuple[Draft, tuple[str, ...]]:
    """The draft with what `model` has, and the fields of it that the matrix does not let this draft's office have.

    An application of another office takes over form, fields and limits only: law, purposes, persons and roles are its
    own.
    """
    allowed = {one.node.path for one in choices(draft.office) if one.possible}
    operations = {one: terms for one, terms in model.operations.items() if one in draft.operations or not draft.one_way}
    taken = replace(
        draft,
        signature_profile=model.signature_profile,
        signature_method=model.signature_method,
        request_signature=model.request_signature,
        limits=model.limits,
        operations=operations,
        fields=tuple(path for path in model.fields if path in allowed),
    )
    if model.recipient == draft.office:
        taken = replace(
            taken,
            title=model.office,
            legal_bases=model.legal_bases,
            purpose=model.purpose,
            purposes=dict(model.purposes),
            scope=model.scope,
            roles=model.roles,
            protection_level=model.protection_level,
        )
    return taken, tuple(path for path in model.fields if path not in allowed)


def selected(office: str, wanted: Iterable[str]) -> tuple[str, ...]:
    """The fields that `wanted` names, a group standing for all of it that the office may have, in the model's order.

    AgreementError names every one that is no field or that the release matrix forbids.
    """
    every = choices(office)
    found, problems = {"personenkennung"}, []
    for name in wanted:
        meant = [one for one in every if one.node.path == name or one.node.path.startswith(name + ".")]
        if not meant:
            problems.append(f"{name} is no field of the model that can be granted")
        elif not any(one.possible for one in meant):
            problems.append(f"{name}: {office} may not have it ({WHY_NOT[meant[0].mark]})")
        found |= {one.node.path for one in meant if one.possible}
    if problems:
        raise AgreementError(problems=problems)
    return tuple(one.node.path for one in every if one.node.path in found)


def operations(names: Iterable[str]) -> dict[Operation, OperationTerms]:
    """These operations under the usual terms; AgreementError names what is none."""
    known = {operation.value: operation for operation in Operation if operation in OF_PERSONS}
    if unknown := [name for name in names if name not in known]:
        raise AgreementError(problems=[f"{name} is no operation: {', '.join(known)}" for name in unknown])
    chosen = {known[name] for name in names}
    return {one: _usual(one) for one in Operation if one in chosen}


def text(draft: Draft) -> str:
    """The agreement.toml: the same draft gives the same text. It is a draft until somebody reviews and signs it."""
    return "\n".join(
        (*_head(draft), *_law(draft), *_persons(draft), *_operations(draft), *_fields(draft), *_limits(draft.limits))
    )


def _terms(one_way: bool) -> dict[Operation, OperationTerms]:
    backward = {Operation.UNSTIMMIGKEIT_MELDEN, Operation.PERSON_SUCHEN} if one_way else set()
    return {one: _usual(one) for one in Operation if one in OF_PERSONS - backward}


def _usual(operation: Operation) -> OperationTerms:
    required = frozenset({"aktenzeichen"}) if operation in _REASONED else frozenset()
    return OperationTerms(required, _PAGE) if operation.kind is Kind.BULK else OperationTerms(required)


def _head(draft: Draft) -> Iterator[str]:
    told = (
        f"ENTWURF einer Datenschutzvereinbarung mit: {draft.title}. Geschrieben von `gateway agreement new`. "
        f"Was hier nicht genannt ist, gibt es für {draft.name} nicht. Vor der Unterschrift zu prüfen: "
        "Rechtsgrundlagen, Zwecke, Personen, Felder, Grenzen. Wirksam erst mit den Unterschriften aller Rollen unter "
        "`freigabe`."
    )
    yield from wrap(told, 116, initial_indent="# ", subsequent_indent="# ")
    for hint in draft.hints:
        yield from wrap(f"Hinweis: {hint}", 116, initial_indent="# ", subsequent_indent="#   ")
    yield ""
    yield "[anwendung]"
    yield f"name = {_quoted(draft.name)}"
    yield f"amt = {_quoted(draft.title)}"
    yield _noted(f"empfaenger = {_quoted(draft.office)}", "Spalte der Freigabematrix")
    yield _noted(f"vereinbarung = {_quoted(draft.reference)}", "Aktenzeichen des unterschriebenen Papiers")
    yield "fassung = 1"
    yield _noted("vertrag = 1", "Hauptversion von XSD und WSDL")
    yield f"gueltig_von = {draft.valid_from.isoformat()}"
    yield _noted(f"gueltig_bis = {draft.valid_to.isoformat()}", "danach wird nichts mehr mitgeteilt")
    yield f"schutzstufe = {_quoted(draft.protection_level)}"
    yield _noted(f"signatur = {_quoted(draft.signature_profile)}", '"umschlag" (.NET, PHP, Delphi) oder "wsse" (Java)')
    yield _noted(f"signaturverfahren = {_quoted(draft.signature_method)}", '"rsa-sha256" oder "ecdsa-p256-sha256"')
    if draft.request_signature:
        yield _noted("anfragesignatur = true", "die Anwendung signiert jede Anfrage")
    if draft.one_way:
        yield _noted("einseitig = true", "an die Ausländerbehörde fließt nichts zurück")
    yield _noted("zertifikate = []", '"sha256:..." des Client-Zertifikats im Betrieb, höchstens zwei (Wechsel)')
    yield f"freigabe = [{', '.join(map(_quoted, draft.roles))}]"
    yield ""


def _law(draft: Draft) -> Iterator[str]:
    carried = {one.norm: one.traegt for one in proposal(draft.office).norm}
    yield "[rechtsgrundlage]"
    yield _noted("normen = [", "Vorschlag; die Datenschutzbeauftragte prüft")
    for norm in draft.legal_bases:
        yield _noted(f"    {_quoted(norm)},", carried.get(norm, ""))
    yield "]"
    yield f"zweck = {_quoted(draft.purpose)}"
    yield _noted("[rechtsgrundlage.verwendungszwecke]", "jede Anfrage nennt einen dieser Schlüssel")
    for key, told in draft.purposes.items():
        yield f"{_quoted(key)} = {_quoted(told)}"
    yield ""


def _persons(draft: Draft) -> Iterator[str]:
    yield _noted("[personen]", "alle Bedingungen müssen gelten; gesperrte Personen sind nie dabei")
    yield "bedingung = ["
    yield from (f"    {{ feld = {_quoted(one.field)}, {_test(one)} }}," for one in draft.scope)
    yield "]"
    yield ""


def _operations(draft: Draft) -> Iterator[str]:
    yield _noted("[operationen]", "jede andere wird abgewiesen")
    for operation in Operation:
        if operation in draft.operations:
            yield _operation(operation, draft.operations[operation])
        elif operation in OF_PERSONS and not (draft.one_way and operation is Operation.UNSTIMMIGKEIT_MELDEN):
            yield f"# {_operation(operation, _usual(operation))}"
    yield ""


def _operation(operation: Operation, terms: OperationTerms) -> str:
    told = [f"pflicht = [{', '.join(map(_quoted, sorted(terms.required)))}]"] if terms.required else []
    told += [f"je_seite = {terms.page_size}"] if operation.kind is Kind.BULK else []
    bound = f" {', '.join(told)} " if told else ""
    return _noted(f"{operation.value} = {{{bound}}}", operation.kind.value)


def _fields(draft: Draft) -> Iterator[str]:
    every = choices(draft.office)
    yield "[felder]"
    yield "# Nummer im Attributkatalog, Schutzklasse (S1 Identifikation, S2 Kontakt und Familie, S3 Rechtsstatus,"
    yield "# S4 besondere Kategorien nach DSGVO Art. 9) und Bedeutung."
    yield "Person = ["
    yield from (_field(one) for one in every if one.node.path in draft.fields)
    rest = [one for one in every if one.node.path not in draft.fields]
    if possible := [one for one in rest if one.possible]:
        yield "    # Nach der Freigabematrix auch möglich; nur aufnehmen, was der Zweck erfordert:"
        yield from (f"    # {_field(one).strip()}" for one in possible)
    yield "]"
    for mark, why in WHY_NOT.items():
        if names := [one.node.path for one in rest if one.mark == mark]:
            yield from _listed(f"Nicht aufzunehmen ({why})", names)
    yield ""


def _field(one: Choice) -> str:
    attribut = one.node.attribut
    if attribut is None:
        raise AgreementError(f"{one.node.path} cannot be granted")
    note = f"{attribut.id} {attribut.schutzklasse.name}: {one.node.documentation}"
    if one.single_only:
        note += "; nur im Einzelabruf mit Aktenzeichen und Begründung"
    return _noted(f"    {_quoted(one.node.path)},", note)


def _listed(heading: str, names: Iterable[str]) -> Iterator[str]:
    line = f"# {heading}:"
    for name in names:
        if len(line) + len(name) > 116:
            yield line
            line = "#  "
        line += f" {name}"
    yield line


def _test(one: Condition) -> str:
    """The test of a condition as TOML."""
    if one.one_of is not None:
        return f"in = [{', '.join(map(_quoted, sorted(one.one_of)))}]"
    if one.none_of is not None:
        return f"nicht_in = [{', '.join(map(_quoted, sorted(one.none_of)))}]"
    if one.present:
        return "vorhanden = true"
    ends = (("von", one.earliest), ("bis", one.latest))
    return ", ".join(f"{name} = {day.isoformat()}" for name, day in ends if day is not None)


def _noted(line: str, note: str) -> str:
    return f"{line.ljust(_WIDTH)} # {note}" if note else line


def _quoted(value: str) -> str:
    """A TOML basic string; JSON escapes the same."""
    return json.dumps(value, ensure_ascii=False)


def _limits(limits: Limits) -> Iterator[str]:
    spans = [f'"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"' for begin, end in limits.hours]
    yield _noted("[grenzen]", "was darüber hinausgeht, wird abgewiesen")
    yield f"anfragen_je_minute = {limits.requests_per_minute}"
    yield f"personen_je_tag = {limits.persons_per_day}"
    yield f"gleichzeitige_anfragen = {limits.parallel_requests}"
    yield f"megabyte_je_tag = {limits.bytes_per_day // _MEGABYTE}"
    yield _noted(f"uhrzeiten = [{', '.join(spans)}]", "Ortszeit der Stadt")
    yield ""
