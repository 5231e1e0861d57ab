"""Photograph and religion are not kept in stock for nobody."""

from __future__ import annotations

from gateway.store import dossier
from tests.unit.store.store_kit import AWAY, BLOCK, FIELDS, SOURCE, House, agreement, upsert

PORTRAIT = {"lichtbild": "/9j/2w==", "religionszugehoerigkeit": "RK"}


def stored(house: House, number: str) -> set[str]:
    """Which of both stands in any version."""
    subject = house.store.subject(SOURCE, number)
    assert subject is not None
    names = {name for one in subject.versions for name in dossier.group(one.datensatz, "person")}
    return names & PORTRAIT.keys()


def test_what_no_agreement_grants_is_not_stored(house: House) -> None:
    """Without an agreement that names them both are left out."""
    house.take(upsert("1", 1, person=PORTRAIT))
    assert stored(house, "1") == set()


def test_only_persons_of_a_granting_agreement_are_stored_with_them(house: House) -> None:
    """Each field alone, and only of those in the scope of the agreement that grants it; a block takes nothing."""
    fields = (*FIELDS, "lichtbild")
    house.agreements["wohnung"] = agreement(fields=fields, single_only=frozenset({"lichtbild"}))
    house.take(upsert("1", 1, person=PORTRAIT), upsert("2", 2, person={**PORTRAIT, "anschrift": AWAY}))
    house.take(upsert("3", 3, person=PORTRAIT, auskunftssperre=BLOCK))
    assert [stored(house, number) for number in "123"] == [{"lichtbild"}, set(), {"lichtbild"}]
