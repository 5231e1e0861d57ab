"""Who still has to be told of corrections, erasures, restrictions (DSGVO Art. 19): how late it is, and the letter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import IntEnum

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.model.audited import audited
from gateway.model.person import Person
from gateway.model.structure import Node, nodes
from gateway.store.persons import Notice, NoticeKind, Outstanding

LATE, TOO_LATE = timedelta(days=3), timedelta(days=7)
"""So long may the oldest notification of an application wait before it is late, and before it is too late."""


class Urgency(IntEnum):
    """How long the oldest notification of an application has been waiting."""

    FRESH = 0
    LATE = 1
    TOO_LATE = 2


@dataclass(frozen=True, slots=True)
class Delay:
    """What one application has not been told, or has not confirmed, and how late that is; `days` of the oldest."""

    outstanding: Outstanding
    days: float
    urgency: Urgency


def delays(outstanding: Iterable[Outstanding], now: datetime) -> list[Delay]:
    """Each with its urgency, by application."""
    return [
        _delay(one, now - one.oldest) for one in sorted(outstanding, key=lambda one: (one.application, one.by_feed))
    ]


def letter(notice: Notice, agreement: Agreement | None, city: City, today: date) -> str:
    """The letter to the office that runs the application, in German: whom, which fields, what to do; no value.

    `notice` must have been opened. `agreement` None: the application has none any more.
    """
    sender = city.controller
    office = agreement.office if agreement is not None else "das Amt, das die Anwendung betreibt"
    lines = [
        *((sender.name, sender.anschrift) if sender is not None else (city.name,)),
        "",
        f"An: {office}",
        f"Anwendung: {notice.application}" + (f", Vereinbarung {agreement.reference}" if agreement is not None else ""),
        f"Datum: {today:%d.%m.%Y}",
        f"Zeichen: {notice.number}",
        "",
        f"{_SUBJECTS[notice.kind]} (Mitteilung nach Artikel 19 DSGVO)",
        "",
        f"Person mit der Kennung {notice.kennung}, unter der Sie sie von uns erhalten haben.",
        f"Festgestellt am {city.today(notice.created_at):%d.%m.%Y}.",
        "",
        _TEXTS[notice.kind],
        "",
        "Betroffene Angaben:",
        *(f"  - {name}" for name in field_names(notice.fields)),
        "",
        "Bitte bestätigen Sie die Erledigung unter Angabe des Zeichens.",
    ]
    return "\n".join(lines) + "\n"


def field_names(fields: int) -> list[str]:
    """The German names of the fields of a bitmap, with their paths; 0 stands for all that was told."""
    if fields == 0:
        return ["alle Angaben, die Sie zu der Person erhalten haben"]
    groups = {node.path: node for top in nodes(Person) for node in top.walk()}
    return [_name(node, groups) for place, node in audited() if fields >> place & 1]


def _name(node: Node, groups: Mapping[str, Node]) -> str:
    text = node.documentation.partition(".")[0]
    above = groups.get(node.path.rpartition(".")[0])
    if above is not None:
        text = f"{above.documentation.partition('.')[0]}: {text}"
    return f"{text} ({node.path})"


def _delay(one: Outstanding, waiting: timedelta) -> Delay:
    urgency = Urgency.TOO_LATE if waiting > TOO_LATE else Urgency.LATE if waiting > LATE else Urgency.FRESH
    return Delay(one, round(waiting / timedelta(days=1), 1), urgency)


_SUBJECTS = {
    NoticeKind.BERICHTIGUNG: "Berichtigung personenbezogener Daten",
    NoticeKind.LOESCHUNG: "Löschung personenbezogener Daten",
    NoticeKind.EINSCHRAENKUNG: "Einschränkung der Verarbeitung",
}
_TEXTS = {
    NoticeKind.BERICHTIGUNG: (
        "Angaben zu dieser Person, die Sie von uns erhalten haben, haben sich geändert.\n"
        "Bitte rufen Sie die Person neu ab und berichtigen Sie Ihren Bestand. Die neuen\n"
        "Werte stehen aus Gründen der Datensparsamkeit nicht in diesem Schreiben."
    ),
    NoticeKind.LOESCHUNG: (
        "Die Daten dieser Person dürfen Ihnen nicht mehr bereitgestellt werden. Bitte\n"
        "löschen Sie, was Sie von uns zu ihr erhalten haben, soweit Sie es nicht aufgrund\n"
        "einer eigenen Rechtsvorschrift weiter speichern müssen."
    ),
    NoticeKind.EINSCHRAENKUNG: (
        "Die Verarbeitung der unten genannten Angaben ist eingeschränkt (Artikel 18\n"
        "DSGVO). Bitte kennzeichnen Sie sie und verarbeiten Sie sie außer zur Speicherung\n"
        "nicht weiter, bis wir Ihnen die Aufhebung mitteilen."
    ),
}
