"""What the office has to correct at the source so that refused records can be taken; mistakes of ours apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache

from gateway.agreements.city import City
from gateway.model import reasons
from gateway.model.person import Datensatz
from gateway.model.structure import nodes
from gateway.reports.rendering import german_day, german_moment, html_environment
from gateway.reports.sheet import sheet
from gateway.store.quarantine import QuarantineEntry
from gateway.store.waiting import Meanwhile, Standing

MEANWHILE: Mapping[Meanwhile, str] = {
    Meanwhile.HIDDEN: "Die Person ist wegen einer Sperre für alle Ämter verborgen.",
    Meanwhile.OLDER: "Die Ämter bekommen weiter die ältere Fassung.",
    Meanwhile.UNTOLD: "Gespeichert ist eine ältere Fassung; zurzeit erhält sie kein Amt.",
    Meanwhile.UNKNOWN: "Die Person ist im Webservice nicht bekannt: Kein Amt erfährt von ihr.",
    Meanwhile.UNCLEAR: "Um wen es geht, ist nicht festzustellen.",
}
_ITEM = re.compile(r"\[([0-9]+)\]")
_FIRST = re.compile(r"[;:(,]")
_COLUMNS = (
    *("Zu tun von", "Personennummer", "Änderungsnummer", "Wartet seit", "Angabe", "Stelle in OK.VISA"),
    *("Was nicht stimmt", "Erwartet", "Bis dahin", "Regel", "Vorgang"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One reason of one record: where and when, in the office's words, and what is expected there."""

    entry: QuarantineEntry = field(repr=False)
    meanwhile: Meanwhile
    explained: reasons.Explained
    label: str
    element: str
    expected: str

    @property
    def consequence(self) -> str:
        """What the record means as long as it waits."""
        return MEANWHILE[self.meanwhile]


@dataclass(frozen=True, slots=True)
class Group:
    """All lines that one rule stands for."""

    sentence: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class OfficeReport:
    """What is to correct at the source, grouped by rule, and what the operator has to mend (`ours`)."""

    number: str
    time: datetime
    city: City
    groups: tuple[Group, ...]
    ours: tuple[Line, ...]

    @property
    def records(self) -> int:
        """How many records the report is about."""
        lines = [line for group in self.groups for line in group.lines]
        return len({line.entry.number for line in (*lines, *self.ours)})


def reportable(standing: Iterable[Standing]) -> list[Standing]:
    """Those that the office can be told about: the content of the others has been deleted by time."""
    return [one for one in standing if not one.entry.emptied]


def compile_report(
    standing: Sequence[Standing],
    *,
    number: str,
    time: datetime,
    city: City,
    targets: Mapping[str, str],
    words: Mapping[str, str],
) -> OfficeReport:
    """The report about these records, oldest first within each rule.

    `targets` are paths of the source and their fields, `words` what its parts are called that are no field's.
    """
    groups: dict[tuple[str, str], list[Line]] = {}
    ours: list[Line] = []
    for line in _lines(standing, targets, words):
        if line.explained.ours:
            ours.append(line)
        else:
            groups.setdefault((line.explained.code, line.explained.sentence), []).append(line)
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    told = tuple(Group(sentence, tuple(lines)) for (_, sentence), lines in ordered)
    return OfficeReport(number, time, city, told, tuple(ours))


def render_page(report: OfficeReport) -> bytes:
    """The report as one printable page, HTML in UTF-8; every value is escaped, nothing is fetched to show it."""
    zone = report.city.timezone
    page = html_environment().get_template("quarantaene.html")
    return page.render(report=report, moment=german_moment(zone), day=german_day(zone)).encode("utf-8")


def render_csv(report: OfficeReport) -> bytes:
    """The report as a table for a spreadsheet."""
    return sheet(_COLUMNS, (_row(report, who, line) for who, line in _tasks(report)))


def _row(report: OfficeReport, who: str, line: Line) -> tuple[str, ...]:
    entry, told = line.entry, line.explained
    return (
        who,
        entry.personennummer or "nicht lesbar",
        "nicht lesbar" if entry.change_number is None else str(entry.change_number),
        entry.waiting_since.astimezone(report.city.timezone).strftime("%d.%m.%Y"),
        line.label,
        line.element,
        told.sentence,
        line.expected,
        line.consequence,
        told.code or told.rule,
        entry.number,
    )


def _tasks(report: OfficeReport) -> Iterator[tuple[str, Line]]:
    yield from (("Ausländeramt", line) for group in report.groups for line in group.lines)
    yield from (("Betreiber des Webservice", line) for line in report.ours)


def _lines(standing: Iterable[Standing], targets: Mapping[str, str], words: Mapping[str, str]) -> Iterator[Line]:
    elements = _elements(targets)
    for one in standing:
        for reason in one.entry.reasons:
            told, path = reasons.explain(reason), reasons.place_of(reason)
            which = _ITEM.search(told.place)
            label = _label(path, targets.get(path, "").removeprefix("person."), words)
            label += f" ({which[1]}. Eintrag)" if which else ""
            element = path if path in targets or "/" in path else elements.get(path, path)
            expected = told.expected or (_forms().get(path, "") if told.code == "form" else "")
            yield Line(one.entry, one.meanwhile, told, label, element, expected)


def _label(path: str, target: str, words: Mapping[str, str]) -> str:
    """What the office calls the place: the field, else the part of the record, else the group the field is in."""
    labels, top = _labels(), path.partition("/")[0]
    group = labels.get((target or path).rpartition(".")[0])
    field = labels.get(target) or labels.get(path)
    if field is not None:
        return f"{group}: {field}" if group is not None else field
    return words.get(path) or group or words.get(top) or "Datensatz"


def _elements(targets: Mapping[str, str]) -> dict[str, str]:
    """Field of the model -> the element of the source it comes from; of several the first."""
    found: dict[str, str] = {}
    for source, target in targets.items():
        field = target.removeprefix("person.")
        found.setdefault(field, source)
        found.setdefault(f"{field}.{source.rpartition('/')[2]}", source)  # one that is several fields of the model
    return found


@cache
def _labels() -> Mapping[str, str]:
    """Dotted field -> what it is called: the first words of its documentation, unless they are a value ("true")."""
    every = (node for top in nodes(Datensatz) for node in top.walk())
    return {
        node.path.removeprefix("person."): first
        if (first := _FIRST.split(node.documentation)[0].strip()) != "true"
        else node.documentation
        for node in every
    }


@cache
def _forms() -> Mapping[str, str]:
    """Dotted field -> what its type asks for."""
    every = (node for top in nodes(Datensatz) for node in top.walk())
    return {node.path.removeprefix("person."): node.simple.documentation for node in every if node.simple is not None}
