"""The record of processing activities (DSGVO Art. 30): one for the gateway, one for each transfer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.agreements.agreement import Agreement
from gateway.model.person import Person, Stammdaten, Steuerdaten
from gateway.model.structure import Node, grantable, nodes
from gateway.reports.papers import Bullets, Paper, Section, Sources, Table, contacts, period_table
from gateway.reports.papers_agreement import transfer, version_name
from gateway.reports.papers_measures import MEASURES

NO_THIRD_COUNTRY = "Eine Übermittlung in ein Drittland oder an eine internationale Organisation findet nicht statt."


def whole_record(sources: Sources) -> Paper:
    """The gateway itself: what it collects, keeps, tells to whom, how long, how secured."""
    return Paper(
        "verzeichnis",
        "Verzeichnis der Verarbeitungstätigkeiten: Webservice Flüchtlingsdatenmanagement (DSGVO Art. 30)",
        (
            Section("Verantwortliche Stelle", (contacts(sources.city),)),
            Section("Tätigkeit 1: Erheben und Bereithalten", tuple(_holding(sources))),
            Section("Tätigkeit 2: Protokollieren", tuple(_logging())),
            Section("Empfänger", (_recipients(sources), NO_THIRD_COUNTRY)),
            Section("Löschfristen", (period_table(sources.periods),)),
            Section("Technische und organisatorische Maßnahmen (DSGVO Art. 32)", (measure_table(),)),
        ),
    )


def transfer_record(versions: Sequence[Agreement], sources: Sources) -> Paper:
    """The transfer to one application, every version of its agreement."""
    newest = versions[-1]
    return Paper(
        f"verzeichnis-{newest.application}-{newest.major}",
        f"Verzeichnis der Verarbeitungstätigkeiten: Übermittlung an {newest.office}, {newest.application} "
        "(DSGVO Art. 30)",
        (
            Section("Verantwortliche Stelle", (contacts(sources.city),)),
            *(transfer(one) for one in versions),
            Section("Quelle und Drittland", ("Quelle: OK.VISA, Fachverfahren der Ausländerbehörde.", NO_THIRD_COUNTRY)),
            Section("Löschfristen beim Webservice", (period_table(sources.periods),)),
            Section("Technische und organisatorische Maßnahmen (DSGVO Art. 32)", (measure_table(),)),
        ),
    )


def measure_table() -> Table:
    """Every security measure."""
    rows = tuple((one.id, one.title, one.goal, one.text) for one in MEASURES)
    return Table("Maßnahmen", ("Nummer", "Maßnahme", "Gewährleistungsziel (SDM)", "Beschreibung"), rows)


def _holding(sources: Sources) -> Iterator[str | Bullets | Table]:
    yield (
        "Zweck: Der Webservice hält Angaben aus dem Fachverfahren OK.VISA bereit, damit die angeschlossenen Ämter "
        "genau die Angaben bekommen, die sie für ihre gesetzlichen Aufgaben brauchen."
    )
    yield "Rechtsgrundlagen: die der Übermittlungen, denen das Bereithalten dient:"
    yield Bullets(tuple(sorted({norm for one in sources.agreements for norm in one.legal_bases})))
    yield "Kategorien betroffener Personen: Ausländerinnen und Ausländer, deren Akte die Ausländerbehörde führt."
    stated = tuple(node for node in grantable(Stammdaten))
    computed = tuple(node for node in grantable(Person) if node not in stated)
    yield Table("Angaben der Quelle", _HEADER, tuple(_row(node) for node in stated))
    yield Table("Abgeleitete und eigene Angaben", _HEADER, tuple(_row(node) for node in computed))
    steering = tuple((node.path, node.documentation) for node in nodes(Steuerdaten))
    yield Table("Steuerdaten; sie verlassen den Webservice nie", ("Feld", "Bedeutung"), steering)


def _logging() -> Iterator[str | Bullets | Table]:
    yield (
        "Zweck: Nachweis, wer wann welche Felder welcher Person zu welchem Zweck bekommen hat; Auskunft, "
        "Unterrichtung der Empfänger und Kontrolle der Rechtmäßigkeit (DSGVO Art. 5 Abs. 2, Art. 15, 19, 32)."
    )
    yield "Kategorien betroffener Personen: die Personen, deren Angaben mitgeteilt werden, und die abrufenden Stellen."
    yield Bullets(
        (
            "Nummer, Zeitpunkt, Art des Vorgangs, Anwendung, Abruf, Verwendungszweck, Vereinbarung und Fassung",
            "je Person eine nur hier verwendete Kennung und die Namen der mitgeteilten Felder, keine Werte",
            "Kennung, Aktenzeichen und Begründung der abrufenden Stelle: verschlüsselt",
            "Prüfwerte, aus denen nichts über den Inhalt hervorgeht",
        )
    )


def _recipients(sources: Sources) -> Table:
    rows = tuple(
        (one.application, one.office, one.purpose, one.reference, version_name(one), "; ".join(one.legal_bases))
        for one in sources.agreements
    )
    header = ("Anwendung", "Amt", "Zweck", "Vereinbarung", "Fassung", "Rechtsgrundlagen")
    return Table("Empfänger und Vereinbarungen", header, rows)


_HEADER = ("Feld", "Bedeutung", "Nummer", "Schutzklasse", "Beschrieben in")


def _row(node: Node) -> tuple[str, ...]:
    attribut = node.attribut
    if attribut is None:
        raise TypeError(f"{node.path} has no entry in the catalogue")
    klass = f"{attribut.schutzklasse.name} {attribut.schutzklasse.value}"
    return (node.path, node.documentation, attribut.id, klass, attribut.fundstelle)
