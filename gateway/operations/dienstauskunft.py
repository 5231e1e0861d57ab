"""`dienstauskunft`: what this service is and how fresh it is; no personal data."""

from __future__ import annotations

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.model import vocabulary as v
from gateway.model.structure import Part
from gateway.model.types import Tree
from gateway.operations.messages import Answer, Epoche, Hash, Services, Zeile


class Anfrage(Part):
    """Auskunft über den Dienst."""


class Verwendungszweck(Part):
    """Ein Verwendungszweck der Vereinbarung."""

    schluessel: v.TextC20 = Field(description="Schlüssel für abrufkontext.verwendungszweck")
    bezeichnung: Zeile = Field(description="Bezeichnung")


class Abloesung(Part):
    """Eine spätere Hauptversion des Vertrags löst diese ab."""

    hauptversion: v.Anzahl = Field(description="Die neueste Hauptversion")
    ab: v.Datum = Field(description="Erster Tag der neuen Hauptversion")
    bedient_bis: v.Datum = Field(description="Letzter Tag, an dem diese Hauptversion bedient wird")


class Antwort(Part):
    """Der Dienst, seine Vereinbarung und die Aktualität seiner Daten."""

    anwendung: Zeile = Field(description="Name der Anwendung")
    vereinbarung: Zeile = Field(description="Aktenzeichen der Datenschutzvereinbarung")
    fassung: v.Anzahl = Field(description="Fassung der Vereinbarung")
    gueltig_von: v.Datum = Field(description="Erster Tag der Vereinbarung")
    gueltig_bis: v.Datum = Field(description="Letzter Tag der Vereinbarung")
    vertrag: v.Anzahl = Field(description="Hauptversion des Vertrags")
    vertrags_hash: Hash = Field(description="Hash des Vertrags, wie er in XSD und WSDL steht")
    epoche: Epoche = Field(description="Kennzeichen des Datenbestands; wechselt nach einer Rücksicherung")
    stand: v.Zeitpunkt | None = Field(None, description="Letzte vollständige Abholung; fehlt vor der ersten")
    operation: tuple[Zeile, ...] = Field((), description="Vereinbarte Operationen")
    verwendungszweck: tuple[Verwendungszweck, ...] = Field((), description="Vereinbarte Verwendungszwecke")
    abloesung: Abloesung | None = Field(None, description="Fehlt, solange keine spätere Hauptversion vereinbart ist")


def run(services: Services, grant: Grant, _request: Tree) -> Answer:
    """Version, agreement and freshness of this service."""
    agreement = grant.agreement
    tree: Tree = {
        "anwendung": agreement.application,
        "vereinbarung": agreement.reference,
        "fassung": agreement.version,
        "gueltigVon": agreement.valid_from.isoformat(),
        "gueltigBis": agreement.valid_to.isoformat(),
        "vertrag": agreement.major,
        "vertragsHash": services.contract_hash,
        "epoche": services.store.epoch(),
        "operation": [operation.value for operation in agreement.operations],
        "verwendungszweck": [{"schluessel": key, "bezeichnung": text} for key, text in agreement.purposes.items()],
    }
    if (end := services.succession) is not None:
        tree["abloesung"] = {
            "hauptversion": end.major,
            "ab": end.since.isoformat(),
            "bedientBis": end.until.isoformat(),
        }
    if (fresh := services.store.freshness()) is not None:
        tree["stand"] = fresh.strftime("%Y-%m-%dT%H:%M:%SZ")
    return Answer(tree)
