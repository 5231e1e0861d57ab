"""Law 3, field by field and person by person: an application is told a field exactly if its agreement grants it.

The whole simulated population, seven applications, every operation that tells persons; what must come out is worked
out anew by `tests.oracle` from the release matrix, the agreement and the source record.
"""

from __future__ import annotations

import base64
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from lxml import etree

from gateway.model.types import Tree, Value
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from tests.oracle import World, leaves
from tests.whole_house import FURTHER, NOW, REASON, SHIPPED, TODAY, House, elements, tree, whole_house

APPLICATIONS = (*SHIPPED, *FURTHER)
PERSONS = 252


@dataclass
class Stock:
    """The house after its first full load, the source's records, and what each application was told by `stock`."""

    house: House
    world: World
    numbers: tuple[str, ...]
    kennungen: dict[str, dict[str, str]]
    seen: dict[str, dict[str, str]] = field(default_factory=dict)
    """Application -> person number -> identifier of everyone it must see."""
    told: dict[str, dict[str, Tree]] = field(default_factory=dict)

    def expected(self, application: str, number: str, *, single: bool = False) -> dict[str, str]:
        """Every value that the application must be told of the person, by place."""
        terms, seen = self.house.terms[application], self.seen[application]
        return leaves(self.world.told(terms, number, seen, single=single)) | {"personenkennung[1]": seen[number]}

    def check(self, application: str, person: Tree, *, single: bool = False) -> None:
        """The person on the wire is what must be told, no value more or less; our own two fields are there."""
        got = leaves(person)
        number = next(n for n, kennung in self.seen[application].items() if kennung == got["personenkennung[1]"])
        for ours in ("stand[1]", "datensatzversion[1]"):
            assert got.pop(ours)
        assert got == self.expected(application, number, single=single), (application, number)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stock]:
    with whole_house(tmp_path_factory.mktemp("stock") / "house") as house:
        population = Population(1, PERSONS)
        house.poll(Simulator(population, clock=lambda: NOW))
        numbers = tuple(satz.personennummer for satz in population.records())
        found = Stock(house, World(house.records(numbers), TODAY), numbers, house.kennungen(numbers))
        for application, terms in house.terms.items():
            seen = [number for number in found.world.records if found.world.visible(terms, number)]
            found.seen[application] = {number: found.kennungen[application][number] for number in seen}
            found.told[application] = {
                str(_one(person, "personenkennung")): person for person in _pages(found, application)
            }
            _note_families(found, application)
        yield found


def _pages(stock: Stock, application: str) -> Iterator[Tree]:
    token: str | None = None
    while True:
        page = stock.house.ask(application, "bestandAbrufen", elements(seitenmarke=token, anzahl=90))
        yield from (tree(person) for person in page.iterfind("{*}person"))
        token = page.findtext("{*}naechsteSeitenmarke")
        if token is None:
            return


def _note_families(stock: Stock, application: str) -> None:
    """What the application calls each family: as first told; that all others agree is what the tests compare."""
    for number, kennung in stock.seen[application].items():
        person = stock.told[application].get(kennung, {})
        family = stock.world.records[number]["steuerung"].get("familienverband")  # type: ignore[union-attr]  # a group
        if family is not None and "familienverbandskennung" in person:
            stock.world.families.setdefault((application, str(family)), str(_one(person, "familienverbandskennung")))


def _one(person: Tree, name: str) -> object:
    values = person[name]
    assert isinstance(values, list)
    return values[0]


def test_the_population_is_one_worth_testing(stock: Stock) -> None:
    """Blocked, settled and contested persons, shelters, relatives and every granted field of the source occur."""
    world = stock.world
    assert len(world.records) > 200
    assert sum(world.blocked(number) for number in world.records) >= 3
    assert all(len(stock.seen[application]) >= 35 for application in APPLICATIONS)
    assert sum("azrNummer" not in told for told in stock.told["jobcenter"].values()) >= 3
    assert sum(told.get("anschrift") == [{"art": ["sonstige"]}] for told in stock.told["jugendamt"].values()) >= 3
    assert sum(told["verarbeitungEingeschraenkt"] == ["true"] for told in stock.told["jobcenter"].values()) >= 1


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_stock_is_everyone_in_scope_with_exactly_the_granted_fields(stock: Stock, application: str) -> None:
    """bestandAbrufen: each person once, each value that is granted and said, and nothing else."""
    assert set(stock.told[application]) == set(stock.seen[application].values())
    for person in stock.told[application].values():
        stock.check(application, person)


@pytest.mark.parametrize("application", APPLICATIONS)
def test_the_feed_tells_exactly_the_same(stock: Stock, application: str) -> None:
    """aenderungenAbrufen: after a full load everyone in scope is `neu`, told as in the stock."""
    seen: list[str] = []
    while True:
        page = stock.house.ask(application, "aenderungenAbrufen", elements(anzahl=100))
        for entry in page.iterfind("{*}aenderung"):
            assert entry.findtext("{*}art") == "neu"
            person = entry.find("{*}person")
            assert person is not None
            stock.check(application, tree(person))
            seen.append(entry.findtext("{*}personenkennung") or "")
        last, epoch = page.findtext("{*}letzteLaufnummer"), page.findtext("{*}epoche")
        stock.house.ask(application, "aenderungenQuittieren", elements(bis=last, epoche=epoch))
        if page.findtext("{*}weitere") == "false":
            break
    assert sorted(seen) == sorted(stock.seen[application].values())


@pytest.mark.parametrize("application", APPLICATIONS)
def test_only_a_single_query_with_its_reason_tells_more(stock: Stock, application: str) -> None:
    """personAbrufen: fields of class `e` and of Art. 9 DSGVO with Aktenzeichen and Begründung, never without."""
    terms = stock.house.terms[application]
    step = 1 if application == "sozialamt" else 6
    for kennung in list(stock.seen[application].values())[::step]:
        content = elements(personenkennung=kennung)
        stock.check(application, _asked(stock, application, content, **REASON), single=True)
    for kennung in list(stock.seen[application].values())[::30]:
        stock.check(application, _asked(stock, application, elements(personenkennung=kennung), aktenzeichen="56-1"))
    if application in ("sozialamt", *FURTHER) and application != "meldebehoerde":
        assert terms.bulk < terms.single


def _asked(stock: Stock, application: str, content: str, **context: str) -> Tree:
    person = stock.house.ask(application, "personAbrufen", content, **context).find("{*}person")
    assert person is not None
    return tree(person)


@pytest.mark.parametrize("application", ["sozialamt", "wohnung2000"])
def test_a_search_finds_whom_the_application_sees_and_nobody_else(stock: Stock, application: str) -> None:
    """personSuchen: of the visible the granted fields or only `02`; of all others nothing."""
    seen = stock.seen[application]
    outside = [number for number in stock.world.records if number not in seen]
    for number in [*list(seen)[::4], *outside]:
        result = _search(stock, application, number)
        status, person = result.findtext("{*}ergebnisstatus"), result.find("{*}person")
        assert (status == "01") == (person is not None)
        if person is not None:
            stock.check(application, tree(person))
        if number in seen:
            assert status == "02" or (person is not None and person.findtext("{*}personenkennung") == seen[number])


def _search(stock: Stock, application: str, number: str) -> etree._Element:
    person = stock.world.records[number]["person"]
    assert isinstance(person, dict)
    birth = person.get("geburt")
    born = birth.get("datum") if isinstance(birth, dict) else None
    given = person.get("vornamen")
    content = elements(familienname=person["familienname"], vornamen=given, geburtsdatum=born)
    if given is None and born is None:
        content = elements(familienname=person["familienname"], vornamen="X")
    return stock.house.ask(application, "personSuchen", content, aktenzeichen="56-1")


def test_the_blocked_are_nowhere(stock: Stock) -> None:
    """Kinds 3 and 11: no application has an identifier for them, and none is told of anybody by their name."""
    blocked = [number for number in stock.world.records if stock.world.blocked(number)]
    everyone = {number: _name(record["person"]) for number, record in stock.world.records.items()}
    names = {everyone[number] for number in blocked} - {everyone[n] for n in everyone if n not in blocked}
    assert len(names) >= 3
    for application in APPLICATIONS:
        assert not stock.kennungen[application].keys() & set(blocked)
        for person in stock.told[application].values():
            assert not set(_names(person)) & names
            assert not [name for name in names if None not in name and _both(name, str(person.get("anschrift")))]


def test_no_identifier_links_what_two_applications_know(stock: Stock) -> None:
    """Each application has its own identifier of a person and of a family, and is told no other, nor one of ours."""
    kinds = [set(known.values()) for known in stock.kennungen.values()]
    kinds += [{v for (app, _), v in stock.world.families.items() if app == name} for name in APPLICATIONS]
    internal = set(_internal(stock))
    assert sum(map(len, kinds)) == len(set().union(*kinds))
    for application in APPLICATIONS:
        said = b"".join(stock.house.answers[application]).decode()
        own = set(stock.kennungen[application].values())
        families = {v for (name, _), v in stock.world.families.items() if name == application}
        assert own & set(_UUID.findall(said)) == set(stock.seen[application].values())
        foreign = set().union(*kinds) - own - families
        assert not foreign & set(_UUID.findall(said))
        assert not internal & set(re.split(r'[<>"\s]+', said))


_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def _internal(stock: Stock) -> Iterator[str]:
    """Person numbers and families of the source, internal keys in every spelling, the audit trail's identifiers."""
    yield from stock.world.records
    path = stock.house.installation.database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        keys = [key for row in connection.execute("SELECT id, source_key FROM person") for key in row]
    for key in keys:
        yield from (key.hex(), base64.b64encode(key).decode(), str(UUID(bytes=key[:16])))
    for number, record in stock.world.records.items():
        one = stock.house.app.store.subject("okvisa", number)
        yield from one.audit_ids if one is not None else ()
        steuerung = record["steuerung"]
        assert isinstance(steuerung, dict)
        yield str(steuerung.get("familienverband", number))


def _name(person: Value) -> tuple[object, object]:
    assert isinstance(person, dict)
    return person["familienname"], person.get("vornamen")


def _names(value: Value) -> Iterator[tuple[object, object]]:
    """Every family name with its given names, wherever a person is named."""
    for item in value if isinstance(value, list) else []:
        yield from _names(item)
    if isinstance(value, dict):
        if "familienname" in value:
            yield str(_one(value, "familienname")), str(_one(value, "vornamen")) if "vornamen" in value else None
        for below in value.values():
            yield from _names(below)


def _both(name: tuple[object, object], text: str) -> bool:
    return all(str(part) in text for part in name)
