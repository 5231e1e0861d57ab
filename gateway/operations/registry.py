"""Every operation with its messages and its function: what contract and dispatch are built from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from gateway.agreements.agreement import Grant
from gateway.agreements.operation import Operation
from gateway.model.structure import Part
from gateway.model.types import Tree
from gateway.operations import (
    aenderungen_abrufen,
    aenderungen_quittieren,
    bestand_abrufen,
    codeliste_abrufen,
    dienstauskunft,
    person_abrufen,
    person_suchen,
    statistik_abrufen,
    unstimmigkeit_melden,
)
from gateway.operations.messages import Answer, Services


@dataclass(frozen=True, slots=True)
class Definition:
    """One operation: request and response classes, its function, and its German documentation for the WSDL."""

    operation: Operation
    request: type[Part]
    response: type[Part]
    run: Callable[[Services, Grant, Tree], Answer]
    documentation: str


OPERATIONS: Mapping[Operation, Definition] = {
    definition.operation: definition
    for definition in (
        Definition(
            Operation.DIENSTAUSKUNFT,
            dienstauskunft.Anfrage,
            dienstauskunft.Antwort,
            dienstauskunft.run,
            "Auskunft über Dienst, Vereinbarung und Aktualität der Daten. Keine Personendaten.",
        ),
        Definition(
            Operation.PERSON_ABRUFEN,
            person_abrufen.Anfrage,
            person_abrufen.Antwort,
            person_abrufen.run,
            "Eine Person anhand ihrer Kennung. Unbekannte und gesperrte Personen sind nicht unterscheidbar.",
        ),
        Definition(
            Operation.PERSON_SUCHEN,
            person_suchen.Anfrage,
            person_suchen.Antwort,
            person_suchen.run,
            "Suche mit Familienname und Vornamen oder Geburtsdatum. Mehrere Treffer ergeben nur einen Status.",
        ),
        Definition(
            Operation.BESTAND_ABRUFEN,
            bestand_abrufen.Anfrage,
            bestand_abrufen.Antwort,
            bestand_abrufen.run,
            "Der vereinbarte Bestand seitenweise. Danach aenderungenQuittieren bis zur Bestandsnummer, "
            "dann aenderungenAbrufen.",
        ),
        Definition(
            Operation.AENDERUNGEN_ABRUFEN,
            aenderungen_abrufen.Anfrage,
            aenderungen_abrufen.Antwort,
            aenderungen_abrufen.run,
            "Noch nicht quittierte Änderungen. Sie werden wiederholt, bis sie quittiert sind.",
        ),
        Definition(
            Operation.AENDERUNGEN_QUITTIEREN,
            aenderungen_quittieren.Anfrage,
            aenderungen_quittieren.Antwort,
            aenderungen_quittieren.run,
            "Quittiert alle Änderungen bis einschließlich einer Laufnummer. Wiederholbar.",
        ),
        Definition(
            Operation.CODELISTE_ABRUFEN,
            codeliste_abrufen.Anfrage,
            codeliste_abrufen.Antwort,
            codeliste_abrufen.run,
            "Einträge einer Codeliste, die dieser Vertrag verwendet.",
        ),
        Definition(
            Operation.UNSTIMMIGKEIT_MELDEN,
            unstimmigkeit_melden.Anfrage,
            unstimmigkeit_melden.Antwort,
            unstimmigkeit_melden.run,
            "Meldet der Ausländerbehörde, dass eine Angabe nicht zu stimmen scheint.",
        ),
        Definition(
            Operation.STATISTIK_ABRUFEN,
            statistik_abrufen.Anfrage,
            statistik_abrufen.Antwort,
            statistik_abrufen.run,
            "Freigegebene Statistiken als Liste oder eine Tabelle davon. Keine Personendaten.",
        ),
    )
}
