"""What the office reads of refused records: every place of the contract has a name, and what is empty is not told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lxml import etree

from gateway import shipped
from gateway.agreements.city import load_city
from gateway.reports.quarantine import compile_report, render_csv, render_page, reportable
from gateway.sources.okvisa import contract
from gateway.sources.okvisa_fields import RECORD
from gateway.sources.okvisa_reading import targets
from gateway.sources.okvisa_words import WORDS
from gateway.sources.record_contract import expectations
from gateway.store.quarantine import QuarantineEntry
from gateway.store.waiting import Meanwhile, Standing

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def waits(number: int, *reasons: str, emptied: bool = False) -> Standing:
    since = NOW - timedelta(days=number)
    entry = QuarantineEntry(
        f"v{number}",
        "okvisa",
        number,
        since,
        reasons,
        bytes(32),
        "x",
        since,
        None,
        None,
        None,
        emptied,
        b"k",
        f"P{number}",
    )
    return Standing(entry, Meanwhile.OLDER)


def report(*standing: Standing):
    city = load_city(shipped.schemas() / "stadt.toml")
    told = reportable(standing)
    return compile_report(told, number="1", time=NOW, city=city, targets=targets(RECORD), words=WORDS)


def test_every_place_of_the_contract_has_a_name() -> None:
    """No line is about just any part of the record; what becomes several fields is told as its own element."""
    paths = list(expectations(etree.parse(contract()).getroot(), "datensatz"))
    lines = [
        line
        for group in report(*(waits(n, f"{path}: zu lang") for n, path in enumerate(paths))).groups
        for line in group.lines
    ]
    assert len(lines) == len(paths)
    assert [line.element for line in lines if line.label == "Datensatz"] == []
    (house,) = report(waits(1, "anschrift.hausNr: keine Hausnummer mit Zusatz")).groups[0].lines
    assert (house.label, house.element) == ("Aktuelle Anschrift", "wohnung/hausNr")
    (second,) = report(waits(1, "aufenthaltsstatus[2].ende: statusende-nach-statusbeginn")).groups[0].lines
    assert (second.label, second.element) == ("Aufenthaltsstatus: Ende (2. Eintrag)", "aufenthaltstitel/bis")


def test_rules_are_groups_and_ours_stand_apart() -> None:
    """The commonest rule comes first; what is ours is in no group, and what is empty is nowhere."""
    made = report(
        waits(1, "ort: leer"),
        waits(2, "familienname: kein-platzhalter", "ort: leer"),
        waits(3, "datensatz: interner Fehler KeyError"),
        waits(4, "plz: leer", emptied=True),
    )
    assert [(group.sentence, len(group.lines)) for group in made.groups] == [
        ("Die Angabe ist leer.", 2),
        ("Namen, Straßen und Orte enthalten keine Platzhalter wie '-', 'XXX', 'N.N.' oder 'unbekannt'.", 1),
    ]
    assert [line.entry.personennummer for line in made.ours] == ["P3"]
    assert made.records == 3
    assert "P4" not in render_page(made).decode() + render_csv(made).decode()


def test_nothing_to_do_is_said() -> None:
    """An empty report is a page that says so, not an empty page."""
    assert "Es ist nichts zu berichtigen" in render_page(report()).decode()
