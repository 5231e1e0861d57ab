"""The closed list of operations an agreement can allow, and what kind each one is."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """How an operation touches persons; decides which fields it may carry."""

    NONE = "keine Personendaten"
    SINGLE = "Einzelabruf"
    BULK = "Massenabruf"


class Operation(Enum):
    """One member per operation; the value is its name on the wire and in agreements."""

    DIENSTAUSKUNFT = "dienstauskunft"
    PERSON_ABRUFEN = "personAbrufen"
    PERSON_SUCHEN = "personSuchen"
    BESTAND_ABRUFEN = "bestandAbrufen"
    AENDERUNGEN_ABRUFEN = "aenderungenAbrufen"
    AENDERUNGEN_QUITTIEREN = "aenderungenQuittieren"
    CODELISTE_ABRUFEN = "codelisteAbrufen"
    UNSTIMMIGKEIT_MELDEN = "unstimmigkeitMelden"
    STATISTIK_ABRUFEN = "statistikAbrufen"

    @property
    def kind(self) -> Kind:
        return _KINDS.get(self, Kind.NONE)


OF_STATISTICS = frozenset({Operation.DIENSTAUSKUNFT, Operation.STATISTIK_ABRUFEN})
"""What an agreement on statistics can allow: nothing that knows persons."""

OF_PERSONS = frozenset(Operation) - {Operation.STATISTIK_ABRUFEN}
"""What an agreement on persons can allow."""

_KINDS = {
    Operation.PERSON_ABRUFEN: Kind.SINGLE,
    Operation.PERSON_SUCHEN: Kind.SINGLE,
    Operation.BESTAND_ABRUFEN: Kind.BULK,
    Operation.AENDERUNGEN_ABRUFEN: Kind.BULK,
}
