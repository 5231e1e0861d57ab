"""The report to a person about itself (DSGVO Art. 15), as values; pages and XML are made from it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.model.audited import audited
from gateway.model.derived import derive
from gateway.model.types import Tree, Value
from gateway.reports.periods import Period
from gateway.reports.subject_recipients import Recipient, earlier_reports, recipients
from gateway.reports.subject_values import (
    CONTROL,
    PROTECTING_BLOCKS,
    Content,
    Held,
    Rule,
    Withheld,
    blocks,
    content,
    derived_content,
    refused_content,
    visible_document,
)
from gateway.store.audit_index import IndexedEntry
from gateway.store.subjects import Record, Subject, Version

Targets = Callable[[str], Mapping[str, str]]
"""Of a source: source path ("personalien/famName") -> dotted path of the model, for records that were refused."""


@dataclass(frozen=True, slots=True)
class Span:
    """One value and how long it was held here: `until` None while it is the current one."""

    held: Held
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a record that differs, for the person, from the one before."""

    number: int
    recorded_at: datetime
    stand: str
    change_number: int


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A newer record of the source that could not be taken; its values stand as the source wrote them.

    Why it could not is not told: it may be for a silent block, and a reason that is missing would speak of it.
    """

    recorded_at: datetime
    held: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """That an application has reported something as wrong; its words are withheld."""

    application: str
    recorded_at: datetime
    path: str | None


@dataclass(frozen=True, slots=True)
class RecordReport:
    """One record about the person: what is held now, what was held before, what waits."""

    title: str
    source: str
    editions: tuple[Edition, ...]
    current: tuple[Span, ...]
    former: tuple[Span, ...]
    derived: tuple[Held, ...]
    refused: tuple[RefusedRecord, ...]
    reported: tuple[Reported, ...]


@dataclass(frozen=True, slots=True)
class SubjectReport:
    """The whole report. `number` is the protokollnummer of its own audit entry; `records` are empty: nothing is held.

    `withheld` counts by rule and label.
    """

    number: str
    time: datetime
    city: City
    records: tuple[RecordReport, ...] = field(repr=False)
    recipients: tuple[Recipient, ...] = field(repr=False)
    withheld: tuple[tuple[Rule, str, int], ...]
    earlier: tuple[datetime, ...]
    periods: tuple[Period, ...]

    @property
    def found(self) -> bool:
        """Whether anything is held."""
        return bool(self.records)


def is_protected(subject: Subject) -> bool:
    """Whether the person is in danger by what is known here: its report needs a second person's word."""
    documents = [one.current for one in subject.records if one.current is not None]
    refused = [entry for one in subject.records for entry in one.refused]
    return any(blocks(document) & PROTECTING_BLOCKS for document in documents) or any(
        entry.cut is not None and "sperre" in entry.cut for entry in refused
    )


def told_bits(subject: Subject) -> tuple[tuple[str, int], ...]:
    """For the audit trail: (audit id, bitmap of the fields told) of every record about the person."""
    return tuple((one.audit_id, _bits(one)) for one in subject.records if one.audit_id is not None)


def compile_report(
    subject: Subject | None,
    entries: Sequence[IndexedEntry],
    *,
    number: str,
    time: datetime,
    city: City,
    agreements: Sequence[Agreement],
    periods: Sequence[Period],
    targets: Targets,
) -> SubjectReport:
    """The report over everything held and everything disclosed; None makes the report that nothing is held.

    `entries` are those of the audit trail about this person, oldest first; `agreements` all versions there are.
    """
    if subject is None:
        return SubjectReport(number, time, city, (), (), (), (), tuple(periods))
    counted: Counter[tuple[Rule, str]] = Counter()
    records = [_record(one, index, city.today(time), targets, counted) for index, one in enumerate(subject.records, 1)]
    return SubjectReport(
        number=number,
        time=time,
        city=city,
        records=tuple(records),
        recipients=recipients(entries, agreements, subject.kennungen),
        withheld=tuple((rule, label, count) for (rule, label), count in counted.items()),
        earlier=earlier_reports(entries),
        periods=tuple(periods),
    )


def _record(
    record: Record, index: int, today: date, targets: Targets, counted: Counter[tuple[Rule, str]]
) -> RecordReport:
    editions, spans, withheld = _history(record.versions)
    refused = []
    for entry in record.refused:
        told = refused_content(list(_leaves(entry.cut or {}, targets(record.source))))
        withheld |= {replace(one, content=f"{entry.number} {one.content}") for one in told.withheld}
        refused.append(RefusedRecord(entry.recorded_at, told.held))
    withheld |= {Withheld(Rule.FREE_TEXT, "Wortlaut einer Unstimmigkeitsmeldung", one.number) for one in record.reports}
    counted.update((one.rule, one.label) for one in withheld)
    return RecordReport(
        title=_title(record, index),
        source=record.source,
        editions=tuple(editions),
        current=tuple(span for span in spans if span.until is None),
        former=tuple(span for span in spans if span.until is not None),
        derived=_derived(record, today),
        refused=tuple(refused),
        reported=tuple(Reported(one.application, one.recorded_at, one.path) for one in record.reports),
    )


def _title(record: Record, index: int) -> str:
    if record.state == "merged":
        kind = "mit Ihrem Datensatz zusammengeführt"
    elif record.state == "waiting":
        kind = "abgewiesen, noch nicht übernommen"
    elif CONTROL in (record.current or {}) and "hauptdatensatz" in _control(record.current or {}):
        kind = "Aliasdatensatz (AufenthV § 64 Abs. 3)"
    else:
        kind = "Hauptdatensatz"
    return f"Datensatz {index}: {kind}"


def _history(versions: Sequence[Version]) -> tuple[list[Edition], list[Span], set[Withheld]]:
    """Editions and spans; versions that do not differ for the person are one: nothing tells why there were two."""
    editions: list[Edition] = []
    open_spans: dict[str, Span] = {}
    closed: list[Span] = []
    withheld: set[Withheld] = set()
    before: Content | None = None
    for version in versions:
        told = content(version.datensatz)
        withheld |= set(told.withheld)
        if told == before:
            continue
        before, control = told, _control(version.datensatz)
        number = control.get("aenderungsnummer")
        editions.append(
            Edition(
                len(editions) + 1,
                version.recorded_at,
                str(control.get("stand", "")),
                number if isinstance(number, int) else 0,
            )
        )
        now = {held.place: held for held in told.held}
        for place in [place for place, span in open_spans.items() if now.get(place) != span.held]:
            closed.append(replace(open_spans.pop(place), until=version.recorded_at))
        for place, held in now.items():
            open_spans.setdefault(place, Span(held, version.recorded_at, None))
    order = {held.place: position for position, held in enumerate(before.held if before else ())}
    return editions, closed + sorted(open_spans.values(), key=lambda span: order[span.held.place]), withheld


def _derived(record: Record, today: date) -> tuple[Held, ...]:
    """What is computed about someone who is told to applications; alias and merged records are told to nobody."""
    if record.state != "active" or record.current is None or "hauptdatensatz" in _control(record.current):
        return ()
    return derived_content(derive(visible_document(record.current), stichtag=today).tree)


def _leaves(tree: Tree, targets: Mapping[str, str], around: str = "") -> Iterator[tuple[str | None, str]]:
    """Every text of a refused record with the model's path for it, None if there is none."""
    for name, values in tree.items():
        path = f"{around}/{name}" if around else name
        for value in values if isinstance(values, list) else [values]:
            if isinstance(value, dict):
                yield from _leaves(value, targets, path)
            elif not isinstance(value, list) and str(value):
                yield targets.get(path), str(value)


def _bits(record: Record) -> int:
    """The bitmap of the fields of which the report tells a current value; a group granted as a whole counts whole."""
    told = [held for held in content(record.current or {}).held if not held.place.startswith(f"{CONTROL}.")]
    paths = {held.node.path for held in told}
    return sum(
        1 << index
        for index, node in audited()
        if any(path == node.path or path.startswith(f"{node.path}.") for path in paths)
    )


def _control(document: Tree) -> Tree:
    control: Value = document.get(CONTROL, {})
    return control if isinstance(control, dict) else {}
