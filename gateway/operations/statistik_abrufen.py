"""`statistikAbrufen`: released statistics, as a list or one table; nothing is counted for it and no person is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import Field

from gateway.agreements.agreement import Grant
from gateway.errors import NotFound
from gateway.model import vocabulary as v
from gateway.model.statistic import Cell, Dimension, Margin, Published
from gateway.model.structure import Part
from gateway.model.types import Pattern, Tree, Value, Whole
from gateway.operations.messages import Answer, Hash, Services, Zeile
from gateway.store.persons import Registered

Berichtskennung = Annotated[
    str, Pattern("Berichtskennung", "Kennung einer Berichtsdefinition", "[a-z][a-z0-9\\-]{1,19}")
]
Empfaengerkreis = Annotated[
    str,
    Pattern(
        "Empfaengerkreis",
        "Für wen die Tabelle geschützt ist: intern (Verwaltung), rat (Rat und Ausschüsse), oeffentlich",
        "intern|rat|oeffentlich",
    ),
]
Ruecknahmegrund = Annotated[
    str,
    Pattern(
        "Ruecknahmegrund",
        "fehler: Die Tabelle ist falsch; ersetzt: eine spätere gilt; anordnung: sie darf nicht mehr verwendet werden",
        "fehler|ersetzt|anordnung",
    ),
]
Zaehlwert = Annotated[int, Whole("Zaehlwert", "Ganze Zahl ab 0", 0, 2_147_483_647)]


class Anfrage(Part):
    """Abruf freigegebener Statistiken.

    Bericht, Kreis und Stichtag zusammen ergeben die neueste gültige Tabelle, ebenso die Nummer allein; sonst kommt die
    Liste der Freigaben, auf die alle Angaben zutreffen.
    """

    bericht: Berichtskennung | None = Field(None, description="Kennung des Berichts")
    kreis: Empfaengerkreis | None = Field(None, description="Empfängerkreis")
    stichtag: v.Datum | None = Field(None, description="Stichtag, bei Zeiträumen ihr letzter Tag")
    nummer: v.Anzahl | None = Field(None, description="Nummer der Freigabe, auch einer zurückgezogenen")


class StatistikFreigabe(Part):
    """Eine freigegebene Tabelle, ohne ihre Zahlen."""

    nummer: v.Anzahl = Field(description="Nummer im Register der Freigaben")
    bericht: Berichtskennung = Field(description="Kennung des Berichts")
    fassung: v.Anzahl = Field(description="Fassung der Berichtsdefinition")
    titel: Zeile = Field(description="Titel des Berichts")
    zweck: Zeile = Field(description="Zweck des Berichts")
    rechtsgrundlage: tuple[Zeile, ...] = Field((), description="Rechtsgrundlagen des Berichts")
    kreis: Empfaengerkreis = Field(description="Empfängerkreis, für den die Tabelle geschützt ist")
    von: v.Datum = Field(description="Erster Tag, über den die Tabelle etwas sagt")
    bis: v.Datum = Field(description="Letzter Tag; bei einem Stichtag derselbe")
    freigegeben_am: v.Zeitpunkt = Field(description="Zeitpunkt der Freigabe")
    protokollnummer: v.Kennung = Field(description="Eintrag im Protokoll, der von der Freigabe zeugt")
    definition: Hash = Field(description="SHA-256 der Berichtsdefinition, nach der gezählt wurde")
    inhalt: Hash = Field(description="SHA-256 der Tabelle, wie sie im Register steht")
    zurueckgezogen_am: v.Zeitpunkt | None = Field(None, description="Seit wann sie nicht mehr zu verwenden ist")
    grund: Ruecknahmegrund | None = Field(None, description="Grund der Rücknahme")


class StatistikAuspraegung(Part):
    """Eine Ausprägung eines Merkmals."""

    code: Zeile = Field(description="Code, wie er in den Zellen steht")
    bezeichnung: Zeile = Field(description="Bedeutung")


class StatistikMerkmal(Part):
    """Ein Merkmal, nach dem gezählt ist."""

    name: Zeile = Field(description="Name, wie er in den Gliederungen steht")
    bezeichnung: Zeile = Field(description="Bedeutung")
    auspraegung: tuple[StatistikAuspraegung, ...] = Field((), description="Ausprägungen in ihrer Reihenfolge")


class StatistikZelle(Part):
    """Eine Zahl der Tabelle. Eine gesperrte Zahl fehlt; sie ist nicht 0 und darf nicht als 0 verarbeitet werden."""

    auspraegung: tuple[Zeile, ...] = Field((), description="Je Merkmal der Gliederung ein Code; keiner für die Summe")
    gesperrt: v.Wahrheit = Field(description="true: Die Zahl ist zum Schutz der Personen nicht angegeben")
    anzahl: Zaehlwert | None = Field(None, description="Die Zahl; fehlt, wenn sie gesperrt ist")


class StatistikGliederung(Part):
    """Alle Zellen nach einer Auswahl der Merkmale, über die übrigen summiert."""

    merkmal: tuple[Zeile, ...] = Field((), description="Namen der Merkmale; keiner für die Summe über alle")
    zelle: tuple[StatistikZelle, ...] = Field((), description="Jede Zelle")


class StatistikTabelle(Part):
    """Die Zahlen einer freigegebenen Tabelle."""

    gesamtheit: Zeile = Field(description="Was gezählt ist, zum Beispiel bestand")
    merkmal: tuple[StatistikMerkmal, ...] = Field((), description="Merkmale der Tabelle")
    gliederung: tuple[StatistikGliederung, ...] = Field((), description="Veröffentlichte Gliederungen")
    rundung: v.Anzahl = Field(description="Zahlen sind auf Vielfache hiervon gerundet; 1: nicht gerundet")
    ueberlagerung: Zaehlwert = Field(description="Zahlen sind zuvor höchstens um so viel verändert; 0: unverändert")


class Antwort(Part):
    """Freigegebene Statistiken, soweit die Vereinbarung sie nennt."""

    freigabe: tuple[StatistikFreigabe, ...] = Field((), description="Freigaben, die älteste zuerst")
    tabelle: StatistikTabelle | None = Field(None, description="Die Zahlen, wenn genau eine Tabelle verlangt ist")


def run(services: Services, grant: Grant, request: Tree) -> Answer:
    """The list of released tables that fit, or the one that is meant; NotFound if there is no such for this caller."""
    found = [one for one in services.store.statistics(grant) if _fits(one, request)]
    if "nummer" not in request and not {"bericht", "kreis", "stichtag"} <= request.keys():
        return Answer({"freigabe": [_release(one) for one in found]})
    meant = [one for one in found if "nummer" in request or one.withdrawn is None]
    if not meant:
        raise NotFound("no released table is meant by this request", code="statistik-nicht-freigegeben")
    one, table = services.store.statistic(grant, meant[-1].number)
    return Answer({"freigabe": [_release(one)], "tabelle": told(table)})


def told(table: Published) -> Tree:
    """The table as it is told."""
    return {
        "gesamtheit": table.subject.population,
        "merkmal": [_dimension(one) for one in table.dimensions],
        "gliederung": [_margin(table, margin) for margin in table.margins],
        "rundung": table.base,
        "ueberlagerung": table.noise,
    }


def _fits(one: Registered, request: Tree) -> bool:
    about: Tree = {"bericht": one.name, "kreis": one.audience, "nummer": one.number}
    about["stichtag"] = one.period.last.isoformat()
    return all(about[name] == value for name, value in request.items())


def _release(one: Registered) -> Tree:
    tree: Tree = {
        "nummer": one.number,
        "bericht": one.name,
        "fassung": one.version,
        "titel": one.title,
        "zweck": one.purpose,
        "rechtsgrundlage": list[Value](one.legal_bases),
        "kreis": one.audience,
        "von": one.period.first.isoformat(),
        "bis": one.period.last.isoformat(),
        "freigegebenAm": _instant(one.time),
        "protokollnummer": one.entry,
        "definition": one.definition,
        "inhalt": one.content,
    }
    if one.withdrawn is not None:
        tree |= {"zurueckgezogenAm": _instant(one.withdrawn.time), "grund": one.withdrawn.reason.value}
    return tree


def _dimension(one: Dimension) -> Tree:
    categories: list[Value] = [{"code": category.code, "bezeichnung": category.label} for category in one.categories]
    return {"name": one.name, "bezeichnung": one.label, "auspraegung": categories}


def _margin(table: Published, margin: Margin) -> Tree:
    """The cells in the order of the categories."""
    order = {
        one.name: {category.code: place for place, category in enumerate(one.categories)} for one in table.dimensions
    }
    places = [order[name] for name in margin]

    def place(cell: Cell) -> tuple[int, ...]:
        return tuple(known[code] for known, code in zip(places, cell, strict=True))

    cells = table.margins[margin]
    return {"merkmal": list[Value](margin), "zelle": [_cell(cell, cells[cell]) for cell in sorted(cells, key=place)]}


def _cell(cell: Cell, count: int | None) -> Tree:
    tree: Tree = {"auspraegung": list[Value](cell), "gesperrt": count is None}
    return tree if count is None else {**tree, "anzahl": count}


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
