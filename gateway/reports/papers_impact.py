"""The input for the data-protection impact assessment (DSGVO Art. 35): facts, risks, measures and their proofs."""

from __future__ import annotations

from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.reports.papers import Bullets, Paper, Section, Sources, Table, contacts, period_table
from gateway.reports.papers_agreement import classes, granted, version_name
from gateway.reports.papers_measures import MEASURES, RISKS
from gateway.reports.papers_record import NO_THIRD_COUNTRY, measure_table

_RESIDUAL = (
    "Das Protokoll erkennt Änderungen, Einfügungen und Entfernungen; eine gemeinsam mit der Ankerdatei gekürzte "
    "Datenbank ist von einer jüngeren nicht zu unterscheiden, wenn keine Kopie der Ankerdatei woanders liegt.",
    "Sicherungen bleiben lesbar, bis sie ausgealtert sind; erst dann ist auch dort gelöscht.",
    "Was ein Amt mit mitgeteilten Angaben tut, kann der Webservice nicht sehen; dafür haftet die Vereinbarung.",
    "Ob die Quelle recht hat, kann der Webservice nicht prüfen.",
    "Wer die Anschrift einer Person schon vor einer Sperre bekommen hat, kennt sie; er wird unterrichtet, mehr nicht.",
)


def impact(sources: Sources) -> Paper:
    """What the assessment needs from the gateway; the weighing itself and the officer's opinion are the city's."""
    return Paper(
        "folgenabschaetzung",
        "Unterlage zur Datenschutz-Folgenabschätzung: Webservice Flüchtlingsdatenmanagement (DSGVO Art. 35)",
        (
            Section("Stellen", (contacts(sources.city),)),
            Section(
                "Warum eine Folgenabschätzung nötig ist",
                (
                    Bullets(
                        (
                            "umfangreiche Verarbeitung über schutzbedürftige Personen (DSGVO Art. 35 Abs. 1)",
                            "besondere Kategorien personenbezogener Daten (DSGVO Art. 9, Art. 35 Abs. 3 lit. b)",
                            "Zusammenführen und Weitergeben von Daten mehrerer Stellen",
                        )
                    ),
                ),
            ),
            Section("Beschreibung der Verarbeitung", (_description(sources), NO_THIRD_COUNTRY)),
            Section("Notwendigkeit und Verhältnismäßigkeit", (_necessity(sources), *_substitutes(sources))),
            Section("Löschfristen", (period_table(sources.periods),)),
            Section("Risiken für die betroffenen Personen", (_risks(),)),
            Section("Maßnahmen", (measure_table(),)),
            Section(
                "Nachweise", ("Jede Maßnahme ist durch Prüfungen belegt, die bei jeder Änderung laufen:", _proofs())
            ),
            Section("Was bleibt", (Bullets(_RESIDUAL),)),
            Section(
                "Von der Stadt zu ergänzen",
                (
                    Bullets(
                        (
                            "Abwägung und Ergebnis (DSGVO Art. 35 Abs. 7)",
                            "Rat der Datenschutzbeauftragten (DSGVO Art. 35 Abs. 2)",
                            "gegebenenfalls Standpunkt der Betroffenen (DSGVO Art. 35 Abs. 9)",
                        )
                    ),
                ),
            ),
        ),
    )


def _description(sources: Sources) -> Table:
    rows = tuple(
        (one.application, one.office, one.purpose, "; ".join(one.purposes.values()), "; ".join(one.legal_bases))
        for one in sources.agreements
    )
    header = ("Anwendung", "Amt", "Zweck", "Verwendungszwecke", "Rechtsgrundlagen")
    return Table("Übermittlungen", header, rows)


def _necessity(sources: Sources) -> Table:
    rows = tuple(
        (
            one.application,
            version_name(one),
            f"{len(granted(one))} von {len(grantable(Person))}",
            classes(one),
            ", ".join(sorted(one.single_only)) or "keine",
        )
        for one in sources.agreements
    )
    header = ("Anwendung", "Fassung", "Felder", "Nach Schutzklassen", "Nur im Einzelabruf mit Begründung")
    return Table("Umfang der Übermittlungen", header, rows)


def _substitutes(sources: Sources) -> tuple[str | Bullets, ...]:
    """Derived fields that replace more sensitive ones, by the recipients that get them."""
    lines = []
    for node in grantable(Person):
        if node.attribut is not None and node.attribut.herkunft == "abgeleitet":
            names = sorted({one.application for one in sources.agreements if node.path in one.fields})
            if names:
                lines.append(f"{node.path}: {node.documentation}. An: {', '.join(names)}")
    return ("Abgeleitete Angaben ersetzen empfindlichere:", Bullets(tuple(lines))) if lines else ()


def _risks() -> Table:
    rows = tuple((one.id, one.text, one.before, ", ".join(one.measures), one.after) for one in RISKS)
    header = ("Nummer", "Risiko", "Ohne Maßnahmen", "Maßnahmen", "Mit Maßnahmen")
    return Table("Risiken (Vorschlag; die Bewertung ist Sache der Stadt)", header, rows)


def _proofs() -> Table:
    rows = tuple((f"{one.id} {one.title}", test) for one in MEASURES for test in one.tests)
    return Table("Prüfungen", ("Maßnahme", "Prüfung"), rows)
