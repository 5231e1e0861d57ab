"""What stands in the samples of one contract beside persons: the trees of its requests, answers and headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.operation import Operation
from gateway.contract.catalogue import meaning
from gateway.contract.compiled import Contract
from gateway.contract.samples.persons import persons
from gateway.model import codelists
from gateway.model.statistic import Category, Dimension, Period, Published, Subject
from gateway.model.types import Code, Tree, Value
from gateway.operations import codeliste_abrufen, statistik_abrufen

BORN = "1992-04-15"
EPOCHE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
STAND = "2026-11-23T09:00:00Z"
MARKE = "c2VpdGVubWFya2UtZGVyLXZvcmlnZW4tc2VpdGU"
VORGANG = "5d0c7b1e-3f2a-4c6d-9b8e-7a6f5e4d3c2b"
TYPICAL: Mapping[Operation, str] = {
    Operation.DIENSTAUSKUNFT: "grenze-erreicht",
    Operation.PERSON_ABRUFEN: "person-nicht-gefunden",
    Operation.PERSON_SUCHEN: "suchangaben-unvollstaendig",
    Operation.BESTAND_ABRUFEN: "bestand-neu-abrufen",
    Operation.AENDERUNGEN_ABRUFEN: "nicht-schemakonform",
    Operation.AENDERUNGEN_QUITTIEREN: "bestand-neu-abrufen",
    Operation.CODELISTE_ABRUFEN: "codeliste-nicht-vereinbart",
    Operation.UNSTIMMIGKEIT_MELDEN: "feld-nicht-vereinbart",
    Operation.STATISTIK_ABRUFEN: "statistik-nicht-freigegeben",
}
"""The fault that a caller of the operation is most likely to meet."""


def context(agreement: Agreement) -> Tree:
    """The request header with all its parts."""
    return {
        "kennung": "sb-4711",
        "verwendungszweck": next(iter(agreement.purposes)),
        "aktenzeichen": "AZ 2026/0815",
        "begruendung": "Prüfung des Anspruchs nach Vorsprache",
    }


def request(operation: Operation, contract: Contract, agreement: Agreement, city: City) -> Tree:
    """The request of the operation with all its fields."""
    person = persons(city)[0]
    kennung = person["personenkennung"]
    match operation:
        case Operation.DIENSTAUSKUNFT:
            return {}
        case Operation.PERSON_ABRUFEN:
            return {"personenkennung": kennung}
        case Operation.PERSON_SUCHEN:
            names = {name: person[name] for name in ("familienname", "vornamen", "azrNummer")}
            return {**names, "geburtsdatum": BORN}
        case Operation.BESTAND_ABRUFEN:
            return {"seitenmarke": MARKE, "anzahl": agreement.operations[operation].page_size}
        case Operation.AENDERUNGEN_ABRUFEN:
            return {"anzahl": agreement.operations[operation].page_size}
        case Operation.AENDERUNGEN_QUITTIEREN:
            return {"bis": 42, "epoche": EPOCHE}
        case Operation.CODELISTE_ABRUFEN:
            return {"codeliste": _codelist(contract).uri}
        case Operation.UNSTIMMIGKEIT_MELDEN:
            text = "Die Schreibweise weicht vom vorgelegten Ausweis ab."
            return {"personenkennung": kennung, "feld": agreement.fields[-1], "beschreibung": text}
        case Operation.STATISTIK_ABRUFEN:
            return {"bericht": _report(agreement), "kreis": "rat", "stichtag": "2026-10-31", "nummer": 7}


def answers(operation: Operation, contract: Contract, agreement: Agreement, city: City) -> Iterator[tuple[str, Tree]]:
    """Title and tree of the operation's answers; between them every field of the operation occurs."""
    mother, child, dead = persons(city)
    match operation:
        case Operation.DIENSTAUSKUNFT:
            yield "Auskunft über den Dienst", _service(contract, agreement)
        case Operation.PERSON_ABRUFEN:
            yield "eine Person", {"person": mother}
            yield "ein Kind", {"person": child}
            yield "ein Verstorbener ohne Vornamen", {"person": dead}
        case Operation.PERSON_SUCHEN:
            yield "genau ein Treffer", {"ergebnisstatus": "01", "person": mother}
            yield "mehrere Treffer", {"ergebnisstatus": "02"}
            yield "kein Treffer", {"ergebnisstatus": "03"}
        case Operation.BESTAND_ABRUFEN:
            page: Tree = {"bestandsnummer": 42, "epoche": EPOCHE}
            yield "eine Seite", {**page, "person": [mother, child, dead], "naechsteSeitenmarke": MARKE}
            yield "leerer Bestand", page
        case Operation.AENDERUNGEN_ABRUFEN:
            page = {"letzteLaufnummer": 42, "weitere": False, "epoche": EPOCHE}
            yield "vier Änderungen", {**page, "aenderung": _changes(mother, child, dead)}
            yield "keine Änderungen", page
        case Operation.AENDERUNGEN_QUITTIEREN:
            yield "quittiert", {"quittiertBis": 42}
        case Operation.CODELISTE_ABRUFEN:
            yield "eine Codeliste", codeliste_abrufen.entries(_codelist(contract))
        case Operation.UNSTIMMIGKEIT_MELDEN:
            yield "angenommen", {"meldungsnummer": VORGANG}
        case Operation.STATISTIK_ABRUFEN:
            one, gone = _releases(agreement)
            yield "eine Tabelle", {"freigabe": [one], "tabelle": statistik_abrufen.told(_statistic())}
            yield "die Liste der Freigaben", {"freigabe": [gone, one]}


def receipt(agreement: Agreement) -> Tree:
    """The answer header with all its parts."""
    return {
        "protokollnummer": "0193567a-4c00-7d2e-8f10-2a3b4c5d6e7f",
        "eintragsHash": "a1" * 32,
        "salt": "5c" * 32,
        "zeitpunkt": "2026-11-23T10:00:00Z",
        "anfrageDigest": "3e" * 32,
        "fassung": agreement.version,
        "stand": STAND,
    }


def fault(code: str) -> Tree:
    """The fault's detail with all parts that a code can have; ContractError if the catalogue does not know it."""
    told = meaning(code)
    tree: Tree = {
        "code": code,
        "meldung": told.meldung,
        "meldungEnglisch": told.meldung_englisch,
        "vorgangsnummer": VORGANG,
        "abhilfe": told.abhilfe,
        "abhilfeEnglisch": told.abhilfe_englisch,
    }
    if code == "grenze-erreicht":
        tree["wiederholungNach"] = 60
    place, rule = told.stelle, told.meldung
    if code == "nicht-schemakonform":
        place = "/*/*[local-name()='Header']/*[local-name()='abrufkontext']/*[local-name()='verwendungszweck']"
        rule = "ist zu lang (Typ TextC20)"
        tree["befund"] = [f"abrufkontext/verwendungszweck: {rule}"]
    if place:
        tree["stelle"] = [{"xpath": place, "regel": rule}]
    return tree


def _service(contract: Contract, agreement: Agreement) -> Tree:
    last = agreement.valid_to.isoformat()
    return {
        "anwendung": agreement.application,
        "vereinbarung": agreement.reference,
        "fassung": agreement.version,
        "gueltigVon": agreement.valid_from.isoformat(),
        "gueltigBis": last,
        "vertrag": agreement.major,
        "vertragsHash": contract.hash,
        "epoche": EPOCHE,
        "stand": STAND,
        "operation": [operation.value for operation in agreement.operations],
        "verwendungszweck": [{"schluessel": key, "bezeichnung": text} for key, text in agreement.purposes.items()],
        "abloesung": {"hauptversion": agreement.major + 1, "ab": last, "bedientBis": last},
    }


def _changes(mother: Tree, child: Tree, dead: Tree) -> list[Value]:
    other = "e1d2c3b4-a596-4788-9fa0-b1c2d3e4f506"
    return [
        {"laufnummer": 39, "art": "neu", "personenkennung": child["personenkennung"], "person": child},
        {"laufnummer": 40, "art": "geaendert", "personenkennung": mother["personenkennung"], "person": mother},
        {"laufnummer": 41, "art": "entfallen", "personenkennung": dead["personenkennung"]},
        {
            "laufnummer": 42,
            "art": "zusammengefuehrt",
            "personenkennung": other,
            "zusammengefuehrtMit": mother["personenkennung"],
        },
    ]


def _report(agreement: Agreement) -> str:
    reports = agreement.statistics.reports if agreement.statistics is not None else frozenset[str]()
    return "bestand" if "bestand" in reports or not reports else min(reports)


def _releases(agreement: Agreement) -> tuple[Tree, Tree]:
    """A released table and an earlier one that was withdrawn, without their numbers."""
    one: Tree = {
        "nummer": 7,
        "bericht": _report(agreement),
        "fassung": 1,
        "titel": "Personen nach Geschlecht und Altersgruppe",
        "zweck": "Planung",
        "rechtsgrundlage": ["LStatG NRW"],
        "kreis": "rat",
        "von": "2026-10-31",
        "bis": "2026-10-31",
        "freigegebenAm": "2026-11-03T08:15:00Z",
        "protokollnummer": "0193567a-4c00-7d2e-8f10-2a3b4c5d6e80",
        "definition": "7a" * 32,
        "inhalt": "9b" * 32,
    }
    gone: Tree = {"nummer": 6, "zurueckgezogenAm": "2026-11-03T08:10:00Z", "grund": "ersetzt"}
    return one, {**one, **gone}


def _statistic() -> Published:
    """A small table with a withheld cell of each sex."""
    sexes = (Category("m", "männlich"), Category("w", "weiblich"))
    ages = (Category("0-17", "unter 18 Jahre"), Category("18+", "18 Jahre und älter"))
    day = date(2026, 10, 31)
    return Published(
        Subject("bestand", Period(day, day)),
        (Dimension("geschlecht", "Geschlecht", sexes), Dimension("alter", "Altersgruppe", ages)),
        {
            (): {(): 40},
            ("geschlecht",): {("m",): 18, ("w",): 22},
            ("geschlecht", "alter"): {
                ("m", "0-17"): None,
                ("m", "18+"): None,
                ("w", "0-17"): None,
                ("w", "18+"): None,
            },
        },
    )


def _codelist(contract: Contract) -> codelists.CodeList:
    """The shortest list that the contract uses; that of the sexes, if it uses none."""
    used = {simple.codelist for simple in contract.description.simple_types if isinstance(simple, Code)}
    lists = [codelists.load(name) for name in sorted(used or {"geschlecht"})]
    return min(lists, key=lambda one: len(one.codes))
