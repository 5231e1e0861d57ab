"""`bestandAbrufen`: the whole stock page by page, stable while it changes underneath."""

from __future__ import annotations

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.model import vocabulary as v
from gateway.model.person import Person
from gateway.model.structure import Part
from gateway.model.types import Tree
from gateway.operations.messages import Answer, Epoche, Seitengroesse, Seitenmarke, Services


class Anfrage(Part):
    """Eine Seite des Bestands. Ohne Seitenmarke beginnt ein neuer Abruf."""

    seitenmarke: Seitenmarke | None = Field(None, description="Marke aus der vorigen Seite; gilt 24 Stunden")
    anzahl: Seitengroesse | None = Field(
        None, description="Höchste Zahl von Personen auf der Seite; höchstens wie vereinbart"
    )


class Antwort(Part):
    """Eine Seite des Bestands."""

    bestandsnummer: v.Laufnummer = Field(
        description="Laufnummer der Änderungen, bis zu der dieser Bestand gilt; auf jeder Seite dieselbe"
    )
    epoche: Epoche = Field(description="Kennzeichen des Datenbestands")
    person: tuple[Person, ...] = Field((), description="Die Personen dieser Seite")
    naechste_seitenmarke: Seitenmarke | None = Field(
        None, description="Als seitenmarke für die nächste Seite; fehlt auf der letzten"
    )


def run(services: Services, grant: Grant, request: Tree) -> Answer:
    """One page; TokenRefused if the page token is foreign, too old or of another epoch."""
    token = request.get("seitenmarke")
    asked = request.get("anzahl")
    limit = min(asked, grant.page_size) if isinstance(asked, int) else grant.page_size
    page = services.store.snapshot(grant, None if token is None else str(token), limit, services.now())
    tree: Tree = {"bestandsnummer": page.number, "epoche": page.epoch}
    if page.persons:
        tree["person"] = [person.tree for person in page.persons]
    if page.token is not None:
        tree["naechsteSeitenmarke"] = page.token
    return Answer(tree, tuple(page.persons))
