"""Values of health go by time, from every version, while the person stays."""

from __future__ import annotations

from datetime import date

from gateway.store import dossier
from tests.unit.store.retention_kit import HEALTH, at, run
from tests.unit.store.store_kit import SOURCE, House, upsert


def held_of_health(house: House, number: str) -> list[list[str]]:
    """Of each version the days of its values of health."""
    subject = house.store.subject(SOURCE, number)
    assert subject is not None
    found = []
    for version in subject.versions:
        person = dossier.group(version.datensatz, "person")
        values = [*dossier.items(person.get("gesundheitsuntersuchung")), *dossier.items(person.get("impfung"))]
        values.append(dossier.group(person, "keineMedizinischenBedenkenGemeinschaftsunterkunft"))
        found.append([str(value["datum"]) for value in values if "datum" in value])
    return found


def test_health_goes_a_year_after_its_quarter_from_every_version(house: House) -> None:
    """Values of the first quarter of 2026 are there on 31 March 2027 and in no version on 1 April; no entry is made."""
    house.take(upsert("1", 1, person=HEALTH))
    house.take(upsert("1", 2, person={**HEALTH, "rufname": "Ada"}))
    house.settle()
    assert held_of_health(house, "1") == [["2026-02-10", "2026-11-10", "2026-03-31"]] * 2
    at(house, date(2027, 3, 31), hour=23)
    run(house)
    assert held_of_health(house, "1") == [["2026-02-10", "2026-11-10", "2026-03-31"]] * 2
    at(house, date(2027, 4, 1), hour=0)
    assert run(house) == {"gesundheitsangabe": 4}
    assert held_of_health(house, "1") == [["2026-11-10"]] * 2
    house.reproject()
    assert house.kinds() == []
    at(house, date(2028, 1, 1))
    run(house)
    assert held_of_health(house, "1") == [[]] * 2


def test_old_health_is_not_taken_in_again(house: House) -> None:
    """What the source still states after its time is left out when the record is stored."""
    at(house, date(2027, 4, 2))
    house.take(upsert("1", 1, person=HEALTH))
    assert held_of_health(house, "1") == [["2026-11-10"]]
    assert run(house) == {}


def test_contested_health_stays(house: House) -> None:
    """DSGVO Art. 18: a value whose processing is restricted is not taken away."""
    house.take(upsert("1", 1, person=HEALTH, eingeschraenkt=["gesundheitsuntersuchung"]))
    at(house, date(2027, 4, 1))
    run(house)
    assert held_of_health(house, "1") == [["2026-02-10", "2026-11-10"]]
