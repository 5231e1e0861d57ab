"""Projections computed anew: another agreement, another day, and nothing when nothing is due."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from gateway.agreements.agreement import Condition
from gateway.errors import StoreError
from gateway.store import audit_tables, ingest, reprojecting, tables
from gateway.store.around import same_home
from gateway.store.basis import basis, decisive
from gateway.store.dossier import neighbour_ids
from tests.unit.store.store_kit import FIELDS, TODAY, House, address, agreement, upsert

TONIGHT = [{"art": "3", "bis": TODAY.isoformat()}]


def renew(house: House, **changes: object) -> int:
    house.agreements = {"wohnung": replace(house.agreements["wohnung"], **changes)}  # type: ignore[arg-type]  # fields of an Agreement
    return house.reproject()


def test_a_new_application_gets_everyone(house: House) -> None:
    """An agreement added later announces everyone in its scope, with their links, whoever is computed first."""
    people = [upsert(str(number), number) for number in range(2, ingest.piece_size(1) + 5)]
    family = [{"art": "elternteil", "personennummer": "999", "familienname": "M"}]
    house.take(*people, upsert("1", 1, familie=family), upsert("999", 999, person={"familienname": "Mutter"}))
    house.reproject()
    house.agreements["schule"] = agreement("schule")
    assert house.reproject() == len(people) + 2
    trees = [one.person.tree for one in house.changes(500, "schule").changes if one.person]
    (child,) = [tree for tree in trees if "familienbeziehung" in tree]
    (mother,) = [tree["personenkennung"] for tree in trees if tree["familienname"] == "Mutter"]
    assert child["familienbeziehung"] == [{"art": "elternteil", "person": {"personenkennung": mother}}]


def test_a_wider_or_narrower_agreement_is_announced(house: House) -> None:
    """Another field, another scope: whoever it changes is announced, nobody else."""
    house.take(upsert("1", 1, person={"telefonnummer": ["0221 1"]}), upsert("2", 2))
    house.reproject()
    house.settle()
    assert renew(house, fields=(*FIELDS, "telefonnummer")) == 1
    assert house.kinds() == ["geaendert"]
    house.settle()
    assert renew(house, scope=(Condition("anschrift.strasse", one_of=frozenset({"Ringstraße"})),)) == 2
    assert house.kinds() == ["entfallen", "entfallen"]


def test_what_changes_nobodys_view_announces_nothing(house: House) -> None:
    """Another paper, limit, or an unused field is computed and not announced."""
    house.take(upsert("1", 1))
    house.reproject()
    house.settle()
    assert renew(house, version=2, reference="neu", fields=(*FIELDS, "telefonnummer")) == 0
    assert house.kinds() == []


def test_a_day_is_reason_enough(house: House) -> None:
    """A block that ends announces its person on the next day, and the relative whose address it masked."""
    mother = [{"art": "elternteil", "personennummer": "1", "familienname": "M"}]
    house.take(upsert("1", 1, auskunftssperre=TONIGHT), upsert("2", 2, familie=mother))
    house.reproject()
    house.settle()
    assert house.reproject() == 0
    house.today += timedelta(days=1)
    assert house.reproject() == 2
    assert sorted(house.kinds()) == ["geaendert", "neu"]


@pytest.mark.parametrize("days", [2, 300, 5000])
def test_days_that_were_slept_through_are_made_up(house: House, days: int) -> None:
    """However long nobody polled, whatever was due in between is computed."""
    house.agreements = {"wohnung": agreement(valid_to=date(2060, 1, 1))}
    house.take(upsert("1", 1, auskunftssperre=TONIGHT))
    house.reproject()
    house.today += timedelta(days=days)
    assert house.reproject() == 1


def test_nothing_is_due_nothing_is_computed(house: House) -> None:
    """Repeated on the same day it computes no one; a clock set back is no harm."""
    house.take(upsert("1", 1))
    house.reproject()
    assert house.holding.reproject(house.agreements, now=house.now, stichtag=house.today).persons == 0
    house.today -= timedelta(days=3)
    assert house.reproject() == 0


@pytest.mark.parametrize("days", [1, 400])
def test_a_clock_that_was_ahead_takes_nobody_away(house: House, days: int) -> None:
    """Who left the scope on a day that has not come is computed anew once the clock is set, and told of again."""
    entitled = Condition("unterbringungsanspruch.art", one_of=frozenset({"FLUEAG"}))
    house.agreements = {"wohnung": agreement(valid_to=date(2060, 1, 1), scope=(entitled,))}
    status = [{"art": "AN01", "beginn": "2026-01-01", "ende": TODAY.isoformat()}]
    house.take(upsert("1", 1, person={"aufenthaltsstatus": status}))
    house.reproject()
    assert len(house.kennungen()) == 1
    house.today += timedelta(days=days)
    house.reproject()
    assert house.kennungen() == {}
    house.today -= timedelta(days=days)
    house.reproject()
    assert len(house.kennungen()) == 1
    assert house.holding.reproject(house.agreements, now=house.now, stichtag=house.today).persons == 0


def test_the_next_day_does_not_stand_in_clear(house: House) -> None:
    """The day on which something changes is stored as a keyed hash: it may be a birthday."""
    house.take(upsert("1", 1, auskunftssperre=TONIGHT))
    with house.database.read() as connection:
        (due,) = connection.execute(sa.select(tables.person.c.due)).scalars()
    assert len(due) == 32
    assert b"2026" not in due


def test_broken_off_it_is_done_again(light_house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it breaks off between two pieces, the next run completes it; nobody is announced twice."""
    house = light_house
    house.take(*(upsert(str(number), number) for number in range(1, ingest.piece_size(1) + 5)))
    house.agreements["schule"] = agreement("schule")
    write, calls = reprojecting.write_outcome, iter(range(9))

    def breaking(*args: object) -> int:
        if next(calls) == 1:
            raise StoreError("power cut")
        return write(*args)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(reprojecting, "write_outcome", breaking)
    with pytest.raises(StoreError, match="power cut"):
        house.reproject()
    monkeypatch.setattr(reprojecting, "write_outcome", write)
    house.reproject()
    page = house.changes(500, "schule")
    assert [change.number for change in page.changes] == list(range(1, ingest.piece_size(1) + 5))


def test_an_agreement_that_was_away_is_caught_up(house: House) -> None:
    """What changed while an application had no agreement is announced when it has one again."""
    house.take(upsert("1", 1))
    house.reproject()
    house.settle()
    kept, house.agreements = house.agreements, {}
    house.take(upsert("1", 2, person={"anschrift": address("Ringstraße")}))
    house.reproject()
    house.agreements = kept
    assert house.reproject() == 1
    assert house.kinds() == ["geaendert"]


def told(house: House) -> list[tuple[object, ...]]:
    """What the audit trail says of agreements, oldest first."""
    with house.database.read() as connection:
        rows = connection.execute(sa.select(audit_tables.entry.c.content).order_by(audit_tables.entry.c.number))
        entries = [json.loads(content) for (content,) in rows]
    agreed = [entry for entry in entries if entry["operation"].startswith("vereinbarung")]
    return [(e["operation"], e["anwendung"], e["fassung"], e["vertrag"], e.get("anzahlen")) for e in agreed]


def test_the_trail_says_since_when_a_version_holds(house: House) -> None:
    """One entry when a version first takes effect, with how many it shows, none when it goes on, one when it ends."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.reproject()
    first = ("vereinbarungWirksam", "wohnung", 1, 1, {"aenderungen": 2, "personen": 2})
    assert told(house) == [first]
    house.settle()
    house.today += timedelta(days=1)
    house.reproject()
    renew(house, pins=frozenset({"sha256:" + "a" * 64}))
    assert told(house) == [first]
    renew(house, version=4, scope=(Condition("anschrift.strasse", one_of=frozenset({"Ringstraße"})),))
    second = ("vereinbarungWirksam", "wohnung", 4, 1, {"aenderungen": 2, "personen": 0})
    assert told(house) == [first, second]
    kept, house.agreements = house.agreements, {}
    house.reproject()
    house.reproject()
    ended = ("vereinbarungBeendet", "wohnung", 4, 1, None)
    assert told(house) == [first, second, ended]
    house.agreements = kept
    house.reproject()
    assert told(house) == [first, second, ended, second]


def test_a_version_that_changes_nothing_seen_is_audited_without_work(light_house: House) -> None:
    """Another number over the same scope and fields is told to the trail, and nobody is computed anew."""
    house = light_house
    house.take(upsert("1", 1))
    house.reproject()
    house.agreements = {"wohnung": replace(house.agreements["wohnung"], version=9)}
    assert house.holding.reproject(house.agreements, now=house.now, stichtag=house.today).persons == 0
    assert [entry[2] for entry in told(house)] == [1, 9]


def test_the_basis_names_what_decides(light_house: House) -> None:
    """Fields, scope, validity and major are part of the basis; pins, limits and the paper's number are not."""
    one = light_house.agreements["wohnung"]
    for changed in (
        {"fields": FIELDS[1:]},
        {"single_only": frozenset({"vornamen"})},
        {"scope": ()},
        {"valid_to": date(2027, 1, 1)},
        {"major": 2},
    ):
        assert basis(replace(one, **changed)) != basis(one)  # type: ignore[arg-type]  # fields of an Agreement
    assert basis(replace(one, pins=frozenset({"x"}), reference="andere", version=9)) == basis(one)


def test_no_code_that_decides_is_left_out_of_the_basis() -> None:
    """Whatever the rules of projection rest on is digested with them: a fragment or a place in the audit bitmap that
    an earlier version has written is not taken for one of this version."""
    covered = dict(decisive())
    waiting, seen = ["gateway.agreements.projection", "gateway.model.derived", "gateway.model.structure"], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen or name in INPUTS or not name.startswith("gateway."):
            continue
        seen.add(name)
        assert name in covered, f"{name} decides, but is not part of the basis"
        for found in ast.walk(ast.parse(covered[name])):
            if isinstance(found, ast.ImportFrom) and found.module is not None:
                waiting += [found.module, *submodules(found)]
    assert {"gateway.model.days", "gateway.model.release", "gateway.model.person"} <= seen
    assert same_home.__module__ in covered  # it decides whose address is masked
    assert neighbour_ids.__module__ in covered  # it decides who is a neighbour, and who is named


INPUTS = {"gateway.agreements.agreement", "gateway.errors"}
"""What is digested by its values, and what decides nothing."""


def submodules(statement: ast.ImportFrom) -> list[str]:
    """The modules among what is imported from a package."""
    package = importlib.import_module(str(statement.module))
    names = [f"{statement.module}.{one.name}" for one in statement.names]
    return [name for name in names if hasattr(package, "__path__") and importlib.util.find_spec(name) is not None]
