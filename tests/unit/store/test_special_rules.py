"""The special rules of data protection, where no other test shows them through the real store; and their table.

`docs/special-rules.md` names for each rule the tests that fail when it is broken.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.agreements.operation import Operation
from gateway.errors import ContractViolation
from gateway.model.release import release_code
from gateway.store import dossier
from gateway.store.batch import Batch, Upsert
from gateway.store.search import Criteria
from tests.unit.contract.sample import contract, request
from tests.unit.sources import test_simulated as simulated
from tests.unit.store.store_kit import BLOCK, FIELDS, SOURCE, House, agreement, removal, upsert

ROOT = Path(__file__).parents[3]
TABLE = ROOT / "docs" / "special-rules.md"
NUMBER = "991300000001"


def settled_from(day: str) -> dict[str, Any]:
    """A Niederlassungserlaubnis from that day on, and an AZR number."""
    return {"azrNummer": NUMBER, "aufenthaltsstatus": [{"art": "NE01", "beginn": day}]}


def azr_numbers(house: House) -> list[object]:
    page = house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN), None, 100, house.now)
    return [one.tree.get("azrNummer") for one in page.persons]


def test_nobody_is_looked_for_by_the_azr_number_alone() -> None:
    """AZRG § 10 Abs. 4: the published contract itself refuses a search without family name, and one without more."""
    published = contract("wohnung2000")
    body = f"<personSuchen xmlns='NS'><azrNummer>{NUMBER}</azrNummer></personSuchen>"
    with pytest.raises(ContractViolation):
        published.check_request(request(published, body))
    with pytest.raises(ValueError, match="vornamen or geburtsdatum"):
        Criteria("Ünal", None, None, NUMBER)


def test_a_niederlassungserlaubnis_takes_the_azr_number_back(house: House) -> None:
    """AZRG § 10 Abs. 4: once it is granted the application is told of the change, and the number is not there."""
    house.take(upsert("1", 1, person={"azrNummer": NUMBER}))
    assert azr_numbers(house) == [NUMBER]
    house.settle()
    house.take(upsert("1", 2, person=settled_from("2026-11-01")))
    assert house.kinds() == ["geaendert"]
    assert azr_numbers(house) == [None]


def test_a_niederlassungserlaubnis_takes_effect_on_its_day(house: House) -> None:
    """Granted from tomorrow on: today the number is told, tomorrow it is not, without a word of the source."""
    house.take(upsert("1", 1, person=settled_from("2026-11-24")))
    assert azr_numbers(house) == [NUMBER]
    house.settle()
    house.today = house.today.replace(day=24)
    assert azr_numbers(house) == [None]
    house.reproject()
    assert house.kinds() == ["geaendert"]


def test_fields_of_class_e_are_in_no_bulk_answer_and_change_nothing_there(house: House) -> None:
    """Such a field comes in a single query only, and a change of it is announced to nobody who was not told it."""
    house.agreements["wohnung"] = agreement(fields=(*FIELDS, "rufname"), single_only=frozenset({"rufname"}))
    house.take(upsert("1", 1, person={"rufname": "Ada"}))
    page = house.changes()
    person = page.changes[0].person
    assert person is not None
    assert "rufname" not in person.tree
    house.settle()
    house.take(upsert("1", 2, person={"rufname": "Bea"}))
    assert house.kinds() == []
    found = house.store.find(house.grant(Operation.PERSON_ABRUFEN), person.kennung)
    assert found is not None
    assert found.tree["rufname"] == "Bea"


@pytest.mark.parametrize("kind", ["3", "11"])
def test_a_block_looks_like_an_end_and_like_nobody(house: House, kind: str) -> None:
    """Blocked and removed give the same entry of the feed, without a reason; asked for, both are not there."""
    house.take(upsert("1", 1), upsert("2", 2))
    known = house.kennungen()
    house.settle()
    house.take(upsert("1", 3, auskunftssperre=[{"art": kind}]), removal("2", 4))
    entries = house.changes().changes
    assert {(one.kind.value, one.merged_into, one.person) for one in entries} == {("entfallen", None, None)}
    single = house.grant(Operation.PERSON_ABRUFEN)
    assert [house.store.find(single, kennung) for kennung in known.values()] == [None, None]
    assert house.kennungen() == {}


def test_nothing_of_a_forbidden_field_is_in_the_store(light_house: House) -> None:
    """The case system sends them all; no version, no refused record, opened with our own keys, holds one."""
    house, sent = light_house, simulated._good()
    page = Batch(SOURCE, tuple(sent.people.values()), tuple(sent.quarantine))
    house.holding.ingest(page, house.agreements, now=house.now, stichtag=house.today)
    opened = [house.store.quarantine_entry(entry.number).cut for entry in house.store.quarantine_entries()]
    people = [change.personennummer for change in sent.people.values() if isinstance(change, Upsert)]
    subjects = [house.store.subject(SOURCE, number) for number in people]
    held = [version.datensatz for one in subjects if one is not None for version in one.versions]
    forbidden = [text for text in simulated._population().forbidden_values() if "CANARY" in text]
    assert len(held) > 200
    assert len(forbidden) > 10
    everything = repr(held) + repr(opened)
    assert not [text for text in forbidden if text in everything]


def test_kinds_of_block_never_leave(house: House) -> None:
    """The kind of a block is control data: no agreement can name it, no projection holds it."""
    house.take(upsert("1", 1, auskunftssperre=[{"art": "1"}]), upsert("2", 2, auskunftssperre=BLOCK))
    page = house.store.snapshot(house.grant(Operation.BESTAND_ABRUFEN), None, 100, house.now)
    assert len(page.persons) == 1
    assert "auskunftssperre" not in repr([dossier.packed(one.tree) for one in page.persons])


def test_the_medical_reason_is_generic_everywhere() -> None:
    """AufenthG § 88 Abs. 2: DU02 leaves the house as DU04."""
    assert release_code("aufenthaltsstatus.art", "DU02") == "DU04"


def named_tests() -> list[tuple[str, str]]:
    """(file, test) of everything the table names."""
    return re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", TABLE.read_text("utf-8"))


def test_every_test_that_the_table_names_is_there() -> None:
    """Who renames or deletes a test of a special rule must say which one takes its place."""
    found: dict[str, set[str]] = {}
    for path, _ in named_tests():
        if path not in found:
            module = ast.parse((ROOT / path).read_text("utf-8"))
            found[path] = {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}
    assert len(named_tests()) >= 40
    assert [(path, name) for path, name in named_tests() if name not in found[path]] == []


def test_every_rule_of_the_table_has_a_test() -> None:
    """No row without one."""
    rows = [line for line in TABLE.read_text("utf-8").splitlines() if line.startswith("| ") and "---" not in line]
    assert len(rows) > 15
    assert [row for row in rows[1:] if "::test_" not in row] == []
