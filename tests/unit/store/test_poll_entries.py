"""What the audit trail says of a poll: each change of the stored persons once, in the fields that it concerns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.agreements.projection import field_bits
from gateway.errors import AuditError
from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.model.trees import to_tree
from gateway.store import audit_tables, ingest, tables
from gateway.store import dossier as d
from gateway.store.audit_verify import verify
from gateway.store.batch import Batch, Change, Quarantined, Withholding
from gateway.store.poll_entries import differing
from gateway.store.waiting import DropReason
from tests.unit.store.store_kit import BLOCK, SOURCE, House, address, merge, record, removal, upsert

PATHS = [node.path for node in grantable(Person)]


@dataclass(frozen=True)
class Said:
    """An entry as it stands: kind, operation, outcome, persons with the paths of their bits, counts."""

    kind: str
    operation: str
    outcome: str
    persons: dict[str, set[str]]
    counts: dict[str, int]


def entries(house: House) -> list[Said]:
    e = audit_tables.entry
    with house.database.read() as connection:
        contents = connection.execute(sa.select(e.c.content).order_by(e.c.batch, e.c.position)).scalars().all()
    return [said(json.loads(content)) for content in contents]


def said(tree: dict[str, Any]) -> Said:
    persons = {one["person"]: paths(int(one["felder"], 16)) for one in tree.get("personen", ())}
    return Said(tree["art"], tree["operation"], tree["ergebnis"], persons, tree["anzahlen"])


def paths(bits: int) -> set[str]:
    return {path for index, path in enumerate(PATHS) if bits >> index & 1}


def news(house: House, *changes: Change, refused: Iterable[Quarantined] = ()) -> list[Said]:
    """What the trail says more once these changes are taken."""
    before = len(entries(house))
    batch = Batch(SOURCE, changes, tuple(refused))
    house.holding.ingest(batch, house.agreements, now=house.now, stichtag=house.today)
    return entries(house)[before:]


def audit_id(house: House, number: str) -> str:
    with house.database.read() as connection:
        (one,) = d.load_source_keys(connection, house.vault, [d.source_key(house.vault, SOURCE, number)])
    return house.vault.open(one.key or b"", one.audit_cipher or b"", d.AUDIT_ID, one.id).decode()


BASIC = field_bits(to_tree(record("1", 1))["person"])  # type: ignore[arg-type] # a Datensatz has a person


def test_a_first_record_is_a_collection(house: House) -> None:
    """Who is stored for the first time stands in one Erhebung with the fields that came, whoever else came."""
    (told,) = news(house, upsert("1", 1), upsert("2", 2, person={"vornamen": None, "vornamenNichtVorhanden": True}))
    assert (told.kind, told.operation, told.outcome) == ("Erhebung", "erhebung", "ok")
    assert told.counts == {"datensaetze": 2}
    assert told.persons[audit_id(house, "1")] == paths(BASIC)
    assert told.persons[audit_id(house, "2")] == paths(BASIC) - {"vornamen"} | {"vornamenNichtVorhanden"}


def test_a_changed_record_is_a_change_in_its_fields(house: House) -> None:
    """A later version stands in one Veränderung with exactly the fields of which it says something else."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    (told,) = news(
        house,
        upsert("1", 4, person={"familienname": "Neu", "geschlecht": "m"}),
        upsert("2", 5, person={"anschrift": address("Ring", einzugsdatum="2026-01-01")}),
        upsert("3", 6, person={"vornamen": None, "vornamenNichtVorhanden": True}),
    )
    assert (told.kind, told.operation, told.outcome, told.counts) == (
        "Veränderung",
        "veraenderung",
        "ok",
        {"datensaetze": 3},
    )
    assert told.persons == {
        audit_id(house, "1"): {"familienname", "geschlecht"},
        audit_id(house, "2"): {"anschrift.strasse", "anschrift.einzugsdatum"},
        audit_id(house, "3"): {"vornamen", "vornamenNichtVorhanden"},
    }


def test_what_steers_counts_under_the_field_it_becomes(house: House) -> None:
    """A block, a restriction, a family and its relations are changes of the fields in which they are told."""
    house.take(upsert("1", 1))
    relation = {"art": "kind", "personennummer": "2"}
    (told,) = news(
        house,
        upsert("1", 2, auskunftssperre=BLOCK, eingeschraenkt=["azrNummer"], familienverband="F", familie=[relation]),
    )
    (found,) = told.persons.values()
    assert found == {
        *("sperrvermerk", "verarbeitungEingeschraenkt", "familienverbandskennung"),
        *("familienbeziehung.art", "familienbeziehung.person"),
    }


def test_what_says_nothing_new_is_no_change(house: House) -> None:
    """Old records, and the same content under a newer number, make neither an entry nor a version."""
    house.take(upsert("1", 5))
    assert news(house, upsert("1", 5), upsert("1", 3), removal("9", 1), merge("8", "7", 1)) == []
    assert news(house, upsert("1", 6)) == []
    assert news(house, upsert("1", 5, person={"familienname": "Alt"})) == []
    assert news(house) == []
    with house.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.person_version)).scalar_one() == 1


def test_a_removal_is_an_erasure_of_what_was_there(house: House) -> None:
    """Removed persons stand in one Löschung under the id that leads nowhere now, with all that went with them."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    gone = {audit_id(house, "1"), audit_id(house, "2"), audit_id(house, "3")}
    house.take(merge("2", "1", 4))
    (told,) = news(house, removal("1", 5), removal("3", 6))
    assert (told.kind, told.operation, told.outcome) == ("Löschung", "loeschung", "ok")
    assert told.persons == dict.fromkeys(gone, paths(BASIC))


def test_who_comes_back_is_collected_anew(house: House) -> None:
    """A person removed and stated again in one transaction is erased under the old and collected under a new id."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.take(merge("2", "1", 3))
    old = audit_id(house, "2")
    erasure, collection = news(house, removal("1", 4), upsert("2", 5))
    assert (erasure.kind, collection.kind) == ("Löschung", "Erhebung")
    assert old in erasure.persons
    assert list(collection.persons) == [audit_id(house, "2")] != [old]


def test_a_merge_names_both(house: House) -> None:
    """Each person that others are merged into has its Kombination: first that person, then the others, each once."""
    house.take(*(upsert(str(number), number) for number in range(1, 6)))
    ids = {number: audit_id(house, number) for number in "12345"}
    first, second = news(house, merge("1", "2", 6), merge("3", "4", 7), merge("5", "2", 8))
    assert {first.kind, second.kind} == {"Kombination"}
    assert first.operation == "zusammenfuehrung"
    assert [list(first.persons), list(second.persons)] == [[ids["2"], ids["1"], ids["5"]], [ids["4"], ids["3"]]]
    assert set().union(*first.persons.values()) == set()
    assert news(house, merge("1", "2", 9)) == []
    (unknown,) = news(house, merge("4", "77", 10))
    assert list(unknown.persons) == [ids["4"]]


def test_a_merge_into_nothing_is_an_erasure(house: House) -> None:
    """Merged into a person that is gone, or that goes in the same transaction, a record is erased, not combined."""
    house.take(upsert("1", 1), upsert("2", 2), upsert("3", 3))
    house.take(removal("3", 4))
    ids = {audit_id(house, "1"), audit_id(house, "2")}
    (first,) = news(house, merge("1", "3", 5))
    (second,) = news(house, merge("2", "9", 6), removal("9", 7))
    assert (first.kind, second.kind) == ("Löschung", "Löschung")
    assert {*first.persons, *second.persons} == ids


def test_a_merge_taken_back_is_a_change(house: House) -> None:
    """A merged record that the source states again on its own is a change, even if it says what it said."""
    house.take(upsert("1", 1), upsert("2", 2))
    house.take(merge("1", "2", 3))
    (told,) = news(house, upsert("1", 4))
    assert (told.kind, told.persons) == ("Veränderung", {audit_id(house, "1"): set()})


def test_a_withheld_person_is_a_change(house: House) -> None:
    """Who is hidden because of a refused record stands in a Veränderung; hidden already, in none."""
    house.take(upsert("1", 1))
    (told,) = news(house, Withholding("1", 2), Withholding("2", 2))
    assert (told.kind, told.persons) == ("Veränderung", {audit_id(house, "1"): {"sperrvermerk"}})
    assert news(house, Withholding("1", 3)) == []


def refused(number: str | None, change: int | None, content: str) -> Quarantined:
    digest = hashlib.sha256(content.encode()).digest()
    return Quarantined(number, change, ("x: y",), None, digest, basis=b"b" * 32)


def test_a_refused_record_is_told_of(house: House) -> None:
    """Records that could not be taken are counted in one entry, which names those persons that are stored."""
    house.take(upsert("1", 1))
    records = [refused("1", 2, "a"), refused("2", 3, "b"), refused(None, None, "c"), refused("1", 1, "old")]
    collected, told = news(house, upsert("3", 4), refused=records)
    assert collected.outcome == "ok"
    assert (told.kind, told.operation, told.outcome) == ("Erhebung", "erhebung", "quarantaene")
    assert (told.persons, told.counts) == ({audit_id(house, "1"): set()}, {"datensaetze": 3})
    assert news(house, refused=records) == []


def test_a_refused_record_thrown_away_is_told_of(house: House) -> None:
    """Dropping a record from quarantine is an erasure that names its person, if stored."""
    house.take(upsert("1", 1))
    news(house, refused=[refused("1", 2, "a"), refused("2", 3, "b")])
    for entry in house.store.quarantine_entries():
        house.store.waiting.drop(entry.number, DropReason.TESTSATZ)
    told = entries(house)[-2:]
    assert [(one.kind, one.outcome, one.counts) for one in told] == [
        ("Löschung", "quarantaene", {"datensaetze": 1})
    ] * 2
    assert sorted(map(len, (one.persons for one in told))) == [0, 1]


def test_data_and_entry_stand_or_fall_together(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the trail cannot be written nothing is stored; afterwards the same page goes in with one entry."""

    def fail(*_arguments: object) -> None:
        raise AuditError("the audit trail cannot be written")

    with monkeypatch.context() as patch:
        patch.setattr(house.trail, "stage", fail)
        with pytest.raises(AuditError):
            house.take(upsert("1", 1))
    with house.database.read() as connection:
        assert connection.execute(sa.select(tables.person)).all() == []
    assert len(news(house, upsert("1", 1))) == 1


def test_a_piece_is_one_entry_and_the_trail_verifies(house: House) -> None:
    """However many persons, there is one entry for each transaction and kind, and the chain stands."""
    told = news(house, *(upsert(str(number), number) for number in range(1, 2 * ingest.piece_size(1) + 2)))
    assert [one.counts["datensaetze"] for one in told] == [ingest.piece_size(1), ingest.piece_size(1), 1]
    assert verify(house.database).intact


def test_a_repeated_group_that_grows_changes_what_it_adds() -> None:
    """Of a further status only what it says is a difference; an end that neither says is none."""
    first, more = {"art": "AG01", "beginn": "2020-01-01"}, {"art": "AG03"}
    old: Any = {"person": {"aufenthaltsstatus": [first]}}
    new: Any = {"person": {"aufenthaltsstatus": [first, more]}}
    assert paths(differing(old, new)) == {"aufenthaltsstatus.art"}
    assert differing(new, new) == 0
