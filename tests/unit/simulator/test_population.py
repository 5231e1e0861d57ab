"""The population follows from its seed, is valid, and has what the field of the gateway is full of."""

from __future__ import annotations

import base64
import hashlib
import os
import subprocess
import sys
import tracemalloc
import unicodedata
from collections import Counter

import pytest

from gateway.simulator import canaries
from gateway.simulator.cases import Erwartung
from gateway.simulator.population import MAX_PERSONS, Population
from gateway.simulator.record import Satz, Satzart, get, render, texts
from gateway.simulator.titles import ANSPRUCH, NORMEN
from tests.unit.simulator.asking import parsed, schema, shape

PRINT = (
    "import hashlib; from gateway.simulator.population import Population; "
    "print(hashlib.sha256(repr([s for s in Population(9, 300).records()]).encode()).hexdigest())"
)


@pytest.fixture(scope="module")
def thousand() -> Population:
    return Population(1, 1000)


def test_every_record_is_valid(thousand: Population) -> None:
    """Odd people, too, arrive in records that the contract allows."""
    for satz in thousand.records():
        assert schema().validate(parsed(satz)), (satz.personennummer, schema().error_log)


@pytest.mark.parametrize("hash_seed", ["0", "4711"])
def test_seed_and_size_say_everything(hash_seed: str) -> None:
    """Same seed, same size, same records, in any run and under any hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    run = subprocess.run([sys.executable, "-c", PRINT], env=environment, capture_output=True, check=True, text=True)
    here = hashlib.sha256(repr(list(Population(9, 300).records())).encode()).hexdigest()
    assert run.stdout.strip() == here


def test_another_seed_is_another_population() -> None:
    """The seed reaches every ordinary person."""
    one, other = Population(1, 400), Population(2, 400)
    assert all(one.record(i).inhalt != other.record(i).inhalt for i in range(240, 400))


def test_a_person_can_be_made_alone(thousand: Population) -> None:
    """Record i does not depend on which records were made before it."""
    fresh = Population(1, 1000)
    assert [fresh.record(i) for i in (999, 3, 500)] == [list(thousand.records())[i] for i in (999, 3, 500)]


def test_numbers_are_unique_and_ascending(thousand: Population) -> None:
    """Person number and change number follow the index; AZR numbers are unique and none can be real."""
    records = list(thousand.records())
    assert [satz.aenderungsnummer for satz in records] == list(range(1, 1001))
    assert sorted({satz.personennummer for satz in records}) == [satz.personennummer for satz in records]
    azr = [str(number) for satz in records if (number := get(satz.inhalt, "kennzeichen.azrNr"))]
    assert len(set(azr)) == len(azr)
    assert all(number.startswith("9913") for number in azr)


def test_several_records_of_one_second(thousand: Population) -> None:
    """Changes of the same second exist from the beginning."""
    assert max(Counter(satz.geaendert_am for satz in thousand.records()).values()) > 1


def test_all_groups_are_there(thousand: Population) -> None:
    """The groups of special cases are complete: the counts asked for, all fifty titles, and some 240 persons."""
    cases = list(thousand.cases())
    persons = Counter({group: len({c.personennummer for c in cases if c.gruppe == group}) for group in "ABCDEFGIJ"})
    wanted = {"A": 80, "B": 40, "C": 30, "D": 30, "E": 35, "F": 25, "G": 40, "I": 10, "J": 10}
    assert {group: persons[group] >= count for group, count in wanted.items()} == dict.fromkeys(wanted, True)
    assert len({case.personennummer for case in cases}) == 240
    assert {satz.titel for satz in thousand.records()} >= set(NORMEN)
    assert len(NORMEN) == 50
    assert len({case.name for case in cases if case.gruppe == "E"}) == 11


def test_240_persons_are_enough_for_every_case() -> None:
    """From 240 persons on nothing special is missing."""
    small, large = Population(1, 240), Population(1, 5000)
    assert [(c.gruppe, c.name) for c in small.cases()] == [(c.gruppe, c.name) for c in large.cases()]


@pytest.mark.parametrize("persons", [1, 2, 3, 5, 12, 50, 100, 239])
def test_small_populations_begin_with_a_family(persons: int) -> None:
    """A small population has its size, is valid, and never a case with a person cut off."""
    population = Population(1, persons)
    records = list(population.records())
    assert len(records) == persons
    assert all(schema().validate(parsed(satz)) for satz in records)
    known = {satz.personennummer for satz in records}
    named = [
        text for satz in records for path, text in texts(satz.inhalt) if path.endswith("angehoeriger.personennummer")
    ]
    assert set(named) <= known
    if persons >= 5:
        assert next(population.cases()).name == "Familie"


def test_most_are_in_cologne_and_to_be_housed(thousand: Population) -> None:
    """About 60 % live in Cologne on a title that obliges the city to house them."""
    count = 0
    for satz in thousand.records():
        dwellings = satz.inhalt.get("wohnung")
        now = (
            [d for d in dwellings if isinstance(d, dict) and d["aktuell"] == "J"] if isinstance(dwellings, list) else []
        )
        count += bool(now) and now[0].get("ags") == "05315000" and satz.titel in ANSPRUCH
    assert 550 < count < 700


def test_special_letters_arrive() -> None:
    """The names of group B arrive as they are: decomposed, with look-alikes, at their full length."""
    population = Population(1, 240)
    cases = {case.name: int(case.personennummer[3:]) - 1 for case in population.cases() if case.gruppe == "B"}
    names = {name: str(get(population.record(at).inhalt, "personalien.famName")) for name, at in cases.items()}
    assert len(names["genau 90 und 60 Zeichen"]) == 90
    assert len(names["91 Zeichen"]) == 91
    assert not unicodedata.is_normalized("NFC", names["zerlegte Zeichen (NFD)"])
    assert names["kyrillischer Doppelgänger"][0] == "\u0410"


def test_alias_records_point_to_a_person(thousand: Population) -> None:
    """An alias record is live, is no person, and names the record it belongs to."""
    aliases = [satz for satz in thousand.records() if satz.satzart is Satzart.ALIAS]
    assert aliases
    known = {satz.personennummer: satz.satzart for satz in thousand.records()}
    assert all(known[str(satz.inhalt["hauptPersonennummer"])] is Satzart.PERSON for satz in aliases)


def test_family_ties_go_both_ways(thousand: Population) -> None:
    """In ordinary households whoever is named as family names the other, under the same file."""
    kin = {thousand.record(index).personennummer: _kin(thousand.record(index)) for index in range(240, 1000)}
    assert any(kin.values())
    assert all(one in kin[other] for one, others in kin.items() for other in others)


def test_photos_are_jpeg(thousand: Population) -> None:
    """A photo begins and ends as a JPEG file does, and each is different."""
    photos = [str(p) for satz in thousand.records() if (p := get(satz.inhalt, "personalien.lichtbild"))]
    assert len(set(photos)) == len(photos) > 20
    assert all(base64.b64decode(p)[:2] == b"\xff\xd8" and base64.b64decode(p)[-2:] == b"\xff\xd9" for p in photos)


def test_canaries_stand_in_every_forbidden_field(thousand: Population) -> None:
    """Every 40th person carries a text of its own in each forbidden field; all of them are announced."""
    announced = list(thousand.forbidden_values())
    marked = list(thousand.canaries())
    assert len(set(marked)) == len(marked) > 500
    assert all(len(mark) >= 12 for mark in marked)
    paths = {path for path, _ in texts(thousand.record(40).inhalt)}
    for forbidden in canaries.FORBIDDEN:
        if forbidden.partition(".")[0] not in ("sperre", "einschraenkung"):
            assert any(path == forbidden or path.startswith(forbidden + ".") for path in paths), forbidden
    for satz in thousand.records():
        for path, text in texts(satz.inhalt):
            if path.startswith(canaries.FORBIDDEN):
                assert text in announced, path


@pytest.mark.parametrize(
    "path",
    [
        "personalien.doktorgrad", "kennzeichen.dNummer", "kennzeichen.eNummer", "kennzeichen.steuerIdNr",
        "kennzeichen.visadateiNr", "massnahmen.fingerabdruecke.referenz", "massnahmen.fingerabdruecke.minutien",
        "massnahmen.ausweisung.text", "massnahmen.abschiebung.text", "massnahmen.fahndung.text",
        "massnahmen.sicherheitsbefragung.text", "massnahmen.verdacht.text", "massnahmen.verurteilung.text",
        "massnahmen.ueberwachung.text", "massnahmen.einreisebedenken.text", "begruendungstext", "gesundheit.befund",
        "sachbearbeitung.aktennotiz",
    ],
)  # fmt: skip
def test_what_must_never_be_imported_is_sent(thousand: Population, path: str) -> None:
    """Each field of the never-import list comes with a text of its own, and the text is announced as forbidden."""
    sent = [text for where, text in texts(thousand.record(40).inhalt) if where == path]
    assert sent
    assert set(sent) <= set(thousand.forbidden_values())
    assert not set(sent) & {text for _, text in texts(thousand.record(41).inhalt)}


def test_refused_records_carry_canaries_in_their_texts(thousand: Population) -> None:
    """What will be quarantined can be found again wherever it is kept in clear."""
    refused = {case.personennummer for case in thousand.cases() if case.erwartung is Erwartung.QUARANTAENE}
    marked = set(thousand.canaries())
    for number in refused:
        inhalt = thousand.record(int(number[3:]) - 1).inhalt
        assert get(inhalt, "kennzeichen.aktenzeichen") in marked


def test_without_canaries_there_are_none() -> None:
    """`canaries=False` leaves ordinary words in the forbidden fields."""
    plain = Population(1, 400, canaries=False)
    assert list(plain.canaries()) == []
    assert "siehe Akte" in set(plain.forbidden_values())
    assert canaries.MARK not in "".join(render(satz, shape()) for satz in plain.records())


def test_the_title_can_be_had_without_the_record(thousand: Population) -> None:
    """`titel` and `satzart` agree with the record."""
    for index, satz in enumerate(thousand.records()):
        assert (thousand.titel(index), thousand.satzart(index)) == (satz.titel, satz.satzart)


def test_a_large_population_takes_no_memory() -> None:
    """A hundred thousand persons are not kept: making one of them takes no more than a megabyte."""
    tracemalloc.start()
    population = Population(1, 100_000)
    population.record(99_999)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("persons", [0, -1, MAX_PERSONS + 1])
def test_sizes_have_limits(persons: int) -> None:
    """Nobody, or more than a million, is refused."""
    with pytest.raises(ValueError, match="persons must be between"):
        Population(1, persons)


def test_nobody_beyond_the_end(thousand: Population) -> None:
    """An index without a person is an IndexError."""
    with pytest.raises(IndexError):
        thousand.record(1000)


def _kin(satz: Satz) -> set[str]:
    return {text for path, text in texts(satz.inhalt) if path == "familie.angehoeriger.personennummer"}
