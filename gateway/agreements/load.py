"""Reads agreements and finds every mistake in them at once; a wrong agreement never becomes an Agreement."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from gateway.agreements.agreement import Agreement, Condition, Limits, OperationTerms, Statistics
from gateway.agreements.document import ROLES, Bedingung, Felder, Grenzen, Statistik, Vereinbarung
from gateway.agreements.operation import OF_STATISTICS, Kind, Operation
from gateway.agreements.synthetic import EIGENPROBE
from gateway.agreements.versions import by_stream
from gateway.errors import AgreementError
from gateway.model.codelists import load as load_codelist
from gateway.model.freigabe import OFFICES, STATISTICS_OFFICE, release
from gateway.model.person import Person
from gateway.model.structure import Node, Schutzklasse, grantable, nodes
from gateway.model.types import Code, FullDate, PartialDate

GRUNDPERSONALIEN = ("familienname", "vornamen", "geburt.datum", "geschlecht", "staatsangehoerigkeit")
"""What an AZR number may only accompany (AZRG § 10 Abs. 4)."""


@dataclass(frozen=True, slots=True)
class Written:
    """An agreement with the exact bytes it was read from: what was signed is what holds."""

    path: Path
    content: bytes
    agreement: Agreement

    @property
    def name(self) -> str:
        """How it is called in messages: `wohnung2000/agreement.toml`."""
        return f"{self.path.parent.name}/{self.path.name}"


def load_agreement(path: Path) -> Agreement:
    """The agreement in `path`; AgreementError lists every mistake: form, fields, classes, operations, dates."""
    return load_written(path).agreement


def load_written(path: Path) -> Written:
    """The agreement in `path` with its bytes; AgreementError as for `load_agreement`."""
    name = f"{path.parent.name}/{path.name}"
    try:
        content = path.read_bytes()
        document = Vereinbarung.model_validate(tomllib.loads(content.decode("utf-8")))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise AgreementError(problems=[f"{name}: {problem}" for problem in problems]) from None
    except (OSError, ValueError, RecursionError) as error:  # what is no TOML, or more of it than Python reads
        raise AgreementError(problems=[f"{name}: {error}"]) from error
    if problems := list(_problems(document)):
        raise AgreementError(problems=[f"{name}: {problem}" for problem in problems])
    return Written(path, content, _agreement(document))


def load_every(folder: Path) -> tuple[Written, ...]:
    """Every version of every agreement in `folder` (`<application>/agreement*.toml`).

    AgreementError lists the mistakes of all files, versions that overlap and versions of one number.
    """
    problems: list[str] = []
    found: list[Written] = []
    for path in sorted(folder.glob("*/agreement*.toml")):
        try:
            one = load_written(path)
        except AgreementError as error:
            problems += error.problems or [str(error)]
            continue
        name = one.agreement.application
        if name != path.parent.name:
            problems.append(f"{path.parent.name}: anwendung.name is {name}, not the folder's name")
        if name == EIGENPROBE:
            problems.append(f"{path.parent.name}: anwendung.name {name} is the gateway's own probe")
        found.append(one)
    problems += _overlaps([one.agreement for one in found])
    if not found and not problems:
        problems.append(f"no agreement in {folder}")
    if problems:
        raise AgreementError(problems=problems)
    return tuple(found)


def load_all(folder: Path, *, today: date) -> dict[str, Agreement]:
    """The agreement of every application and contract major in `folder`, keyed "<application>/<major>".

    Of several versions of one (`agreement.toml`, others beside it) the one in force today is taken, else the last
    that has ended, else the first to come. AgreementError as for `load_every`.
    """
    return {key: one.on(today) for key, one in by_stream(one.agreement for one in load_every(folder)).items()}


def _problems(document: Vereinbarung) -> Iterator[str]:
    freigabe = document.anwendung.freigabe
    yield from (f"anwendung.freigabe: {role} is missing" for role in ROLES if role not in freigabe)
    if len(set(freigabe)) < len(freigabe):
        yield "anwendung.freigabe: a role is named twice"
    if document.anwendung.gueltig_bis < document.anwendung.gueltig_von:
        yield "anwendung.gueltig_bis is before gueltig_von"
    if document.anwendung.empfaenger not in OFFICES:
        yield f"anwendung.empfaenger {document.anwendung.empfaenger} is no column of the release matrix"
        return
    yield from _operation_problems(document)
    yield from _content_problems(document)
    for hours in document.grenzen.uhrzeiten:
        if _minute(hours[:5]) >= _minute(hours[6:]):
            yield f"grenzen.uhrzeiten: {hours} ends before it begins (two entries lead across midnight)"


def _content_problems(document: Vereinbarung) -> Iterator[str]:
    """An agreement is about persons or about statistics: never both, and never about nothing."""
    if document.statistik is not None:
        yield from _statistics_problems(document, document.statistik)
        return
    if document.personen is None or document.felder is None:
        yield "personen and felder are needed (or statistik instead of both)"
        return
    if Operation.STATISTIK_ABRUFEN.value in document.operationen:
        yield "operationen.statistikAbrufen needs statistik: which reports, for which audiences"
    yield from _field_problems(document, document.felder)
    for number, condition in enumerate(document.personen.bedingung, 1):
        yield from (f"personen.bedingung {number}: {problem}" for problem in _condition_problems(condition))


def _statistics_problems(document: Vereinbarung, told: Statistik) -> Iterator[str]:
    if document.anwendung.empfaenger != STATISTICS_OFFICE:
        yield f"statistik: only the office for statistics ({STATISTICS_OFFICE}) gets released tables by a service"
    if document.personen is not None or document.felder is not None:
        yield "statistik: no person and no field may be granted with it"
    allowed = {one.value for one in OF_STATISTICS}
    yield from (
        f"operationen.{name} knows persons: not with statistik" for name in document.operationen if name not in allowed
    )
    if Operation.STATISTIK_ABRUFEN.value not in document.operationen:
        yield "statistik: statistikAbrufen is not agreed, so nothing of it could go out"
    for key, names in (("berichte", told.berichte), ("kreise", list[str](told.kreise))):
        yield from (
            f"statistik.{key}: {name} is named twice" for name in sorted({n for n in names if names.count(n) > 1})
        )


def _operation_problems(document: Vereinbarung) -> Iterator[str]:
    known = {operation.value: operation for operation in Operation}
    for name, terms in document.operationen.items():
        operation = known.get(name)
        if operation is None:
            yield f"operationen.{name} is no operation"
        elif operation is Operation.UNSTIMMIGKEIT_MELDEN and document.anwendung.einseitig:
            yield f"operationen.{name}: nothing may flow back from this office (einseitig)"
        elif terms.je_seite is not None and operation.kind is not Kind.BULK:
            yield f"operationen.{name}.je_seite has a meaning only for paged operations"
    feed = {Operation.AENDERUNGEN_ABRUFEN.value, Operation.AENDERUNGEN_QUITTIEREN.value}
    if len(feed & set(document.operationen)) == 1:
        yield "operationen: aenderungenAbrufen and aenderungenQuittieren belong together"


def _field_problems(document: Vereinbarung, felder: Felder) -> Iterator[str]:
    office = document.anwendung.empfaenger
    known = {node.path: node for node in grantable(Person)}
    paths = felder.Person
    for path in sorted({path for path in paths if paths.count(path) > 1}):
        yield f"felder.Person: {path} is named twice"
    for path in dict.fromkeys(paths):
        node = known.get(path)
        if node is None or node.attribut is None:
            yield f"felder.Person: {path} is no field of the model that can be granted"
            continue
        mark = release(office, node.attribut.id)
        if mark == "o":
            yield f"felder.Person: {path} is open for {office}: denied until the data-protection officer decides"
        elif mark == "v":
            yield f"felder.Person: {path} may reach {office} only aggregated"
        elif mark not in ("+", "k", "e"):
            yield f"felder.Person: {path} is never released to {office}"
        elif single_only(node, office) and Operation.PERSON_ABRUFEN.value not in document.operationen:
            yield f"felder.Person: {path} needs single queries, but personAbrufen is not agreed"
    if "personenkennung" not in paths:
        yield "felder.Person: personenkennung is needed in every contract"
    if "azrNummer" in paths and not set(GRUNDPERSONALIEN) <= set(paths):
        yield "felder.Person: azrNummer only together with the Grundpersonalien (AZRG § 10 Abs. 4)"


def single_only(node: Node, office: str) -> bool:
    """Class `e`, and everything of Art. 9 DSGVO (AufenthG § 86 S. 2, AsylG § 7 Abs. 1: only in the single case)."""
    if node.attribut is None:
        return False
    return release(office, node.attribut.id) == "e" or node.attribut.schutzklasse is Schutzklasse.S4


def _condition_problems(condition: Bedingung) -> Iterator[str]:
    tests = [condition.in_, condition.nicht_in, condition.vorhanden, condition.von or condition.bis]
    if sum(test is not None for test in tests) != 1:
        yield "exactly one of in, nicht_in, vorhanden, von/bis"
    node = _every_node().get(condition.feld)
    if node is None or node.simple is None:
        yield f"{condition.feld} is no simple field of the model"
        return
    if node.attribut is not None and node.attribut.herkunft == "gateway":
        yield f"{condition.feld} is given by the gateway and cannot decide who is in scope"
    if (condition.von or condition.bis) and not isinstance(node.simple, FullDate | PartialDate):
        yield f"{condition.feld} is no date"
    if isinstance(node.simple, Code):
        codes = load_codelist(node.simple.codelist).codes
        for code in (condition.in_ or []) + (condition.nicht_in or []):
            if code not in codes:
                yield f"{code} is no code of {node.simple.codelist}"


@cache
def _every_node() -> Mapping[str, Node]:
    return {node.path: node for top in nodes(Person) for node in top.walk()}


def _overlaps(agreements: Sequence[Agreement]) -> Iterator[str]:
    for index, one in enumerate(agreements):
        for other in agreements[index + 1 :]:
            same = (one.application, one.major) == (other.application, other.major)
            if same and one.valid_from <= other.valid_to and other.valid_from <= one.valid_to:
                yield f"{one.application}/{one.major}: fassung {one.version} and {other.version} overlap"
            elif same and one.version == other.version:
                yield f"{one.application}/{one.major}: two versions are called fassung {one.version}"


def _agreement(document: Vereinbarung) -> Agreement:
    head, office = document.anwendung, document.anwendung.empfaenger
    paths = frozenset(document.felder.Person if document.felder is not None else ())
    conditions = document.personen.bedingung if document.personen is not None else []
    granted = [node for node in grantable(Person) if node.path in paths]
    return Agreement(
        application=head.name,
        office=head.amt,
        recipient=office,
        reference=head.vereinbarung,
        version=head.fassung,
        major=head.vertrag,
        valid_from=head.gueltig_von,
        valid_to=head.gueltig_bis,
        protection_level=head.schutzstufe,
        signature_profile=head.signatur,
        signature_method=head.signaturverfahren,
        request_signature=head.anfragesignatur,
        one_way=head.einseitig,
        pins=frozenset(head.zertifikate),
        legal_bases=tuple(document.rechtsgrundlage.normen),
        purpose=document.rechtsgrundlage.zweck,
        purposes=MappingProxyType(dict(document.rechtsgrundlage.verwendungszwecke)),
        scope=tuple(as_condition(condition) for condition in conditions),
        operations=MappingProxyType(dict(_terms(document))),
        fields=tuple(node.path for node in granted),
        single_only=frozenset(node.path for node in granted if single_only(node, office)),
        limits=_limits(document.grenzen),
        roles=tuple(head.freigabe),
        statistics=_statistics(document.statistik),
    )


def _statistics(told: Statistik | None) -> Statistics | None:
    return None if told is None else Statistics(frozenset(told.berichte), frozenset(told.kreise))


def _limits(told: Grenzen) -> Limits:
    return Limits(
        told.anfragen_je_minute,
        told.personen_je_tag,
        told.gleichzeitige_anfragen,
        told.megabyte_je_tag * 1_000_000,
        tuple((_minute(text[:5]), _minute(text[6:])) for text in told.uhrzeiten),
    )


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _terms(document: Vereinbarung) -> Iterable[tuple[Operation, OperationTerms]]:
    for operation in Operation:
        if (terms := document.operationen.get(operation.value)) is not None:
            yield operation, OperationTerms(frozenset(terms.pflicht), terms.je_seite or 100)


def as_condition(condition: Bedingung) -> Condition:
    """The condition as the house has it; the same object for the same condition of several agreements."""
    return _one(
        Condition(
            field=condition.feld,
            one_of=None if condition.in_ is None else frozenset(condition.in_),
            none_of=None if condition.nicht_in is None else frozenset(condition.nicht_in),
            present=condition.vorhanden is True,
            earliest=condition.von,
            latest=condition.bis,
        )
    )


@cache
def _one(condition: Condition) -> Condition:
    return condition
