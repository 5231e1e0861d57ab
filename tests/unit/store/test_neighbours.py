"""What neighbours contribute to a person's tree, and that a change of one is a change of the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from gateway.model.types import Tree, Value
from gateway.store import dossier, projecting, reading
from tests.unit.store.store_kit import AWAY, BLOCK, FIELDS, House, address, agreement, merge, removal, upsert

MOTHER = [{"art": "elternteil", "personennummer": "1", "familienname": "Musterb", "vornamen": "Ada"}]


def child(change: int, **more: Any) -> Any:
    return upsert("2", change, familie=MOTHER, **more)


def told(house: House, name: str = "Musterc") -> Tree:
    (found,) = [
        one.person.tree for one in house.changes().changes if one.person and one.person.tree["familienname"] == name
    ]
    return found


def relation(house: House) -> Value:
    return told(house)["familienbeziehung"]


def test_a_visible_neighbour_is_named_by_its_identifier(house: House) -> None:
    """A relative whom the application sees stands there with its identifier, not with its name."""
    house.take(upsert("1", 1), child(2))
    (mother,) = [one.kennung for one in house.changes().changes if one.number and "familienbeziehung" not in _tree(one)]
    assert relation(house) == [{"art": "elternteil", "person": {"personenkennung": mother}}]


def test_a_neighbour_out_of_scope_is_named_by_name(house: House) -> None:
    """A relative whom the application does not see stands there as the source names it."""
    house.take(upsert("1", 1, person={"anschrift": AWAY}), child(2))
    assert relation(house) == [{"art": "elternteil", "person": {"familienname": "Musterb", "vornamen": "Ada"}}]


def test_a_blocked_neighbour_is_not_there(house: House) -> None:
    """A blocked relative is omitted, not named."""
    house.take(upsert("1", 1, auskunftssperre=BLOCK), child(2, person={"anschrift": address("Ringstraße")}))
    assert "familienbeziehung" not in told(house)


def test_whoever_comes_first_the_result_is_the_same(house: House) -> None:
    """A child stored before its mother is announced again when she becomes visible, blocked, or gone."""
    house.take(child(1))
    assert relation(house) == [{"art": "elternteil", "person": {"familienname": "Musterb", "vornamen": "Ada"}}]
    house.settle()
    house.take(upsert("1", 2))
    assert sorted(house.kinds()) == ["geaendert", "neu"]
    mother = house.kennungen()["Musterb"]
    assert relation(house) == [{"art": "elternteil", "person": {"personenkennung": mother}}]
    house.settle()
    house.take(upsert("1", 3, person={"anschrift": address("Ringstraße")}, auskunftssperre=BLOCK))
    assert sorted(house.kinds()) == ["entfallen", "geaendert"]
    assert "familienbeziehung" not in told(house)
    house.settle()
    house.take(removal("1", 4))
    assert relation(house) == [{"art": "elternteil", "person": {"familienname": "Musterb", "vornamen": "Ada"}}]


def test_a_merged_neighbour_is_no_longer_linked(house: House) -> None:
    """When the relative's record goes into another, its identifier leaves the neighbour's tree."""
    house.take(upsert("1", 1), child(2))
    house.settle()
    house.take(merge("1", "9", 3))
    assert relation(house) == [{"art": "elternteil", "person": {"familienname": "Musterb", "vornamen": "Ada"}}]


def test_an_unnamed_relation_ends_for_both(house: House) -> None:
    """When the source no longer states the relation, the old neighbour no longer matters."""
    house.take(upsert("1", 1), child(2))
    house.settle()
    house.take(upsert("2", 3))
    assert "familienbeziehung" not in told(house)
    house.settle()
    house.take(upsert("1", 4, auskunftssperre=BLOCK))
    assert house.kinds() == ["entfallen"]


def test_a_block_masks_the_home(house: House) -> None:
    """Who lives with a blocked relative has no address to tell; after the block it is there again."""
    house.take(upsert("1", 1, auskunftssperre=BLOCK), child(2))
    assert told(house)["anschrift"] == {"art": "sonstige"}
    house.settle()
    house.take(upsert("1", 3))
    assert told(house)["anschrift"] == {"strasse": "Domstraße", "art": "wohnung"}


def test_a_block_masks_the_home_of_the_family(house: House) -> None:
    """One family is enough, no relation is needed, and another flat of the house does not help."""
    flat = address(stockwerkWohnungsnummer="3")
    house.take(
        upsert("1", 1, auskunftssperre=BLOCK, familienverband="F"),
        upsert("2", 2, person={"anschrift": flat}, familienverband="F"),
        upsert("3", 3, familienverband="G"),
    )
    assert told(house)["anschrift"] == {"art": "sonstige"}
    assert told(house, "Musterd")["anschrift"] == {"strasse": "Domstraße", "art": "wohnung"}


def test_a_block_elsewhere_masks_nothing(house: House) -> None:
    """A blocked relative at another address does not hide this one."""
    house.take(upsert("1", 1, person={"anschrift": address("Ringstraße")}, auskunftssperre=BLOCK), child(2))
    assert told(house)["anschrift"] == {"strasse": "Domstraße", "art": "wohnung"}


def test_one_accommodation_is_one_home(house: House) -> None:
    """Two spellings of one accommodation, known by its number, are the same home."""
    here = address("Lager Süd", unterkunftskennung="U1", art="gemeinschaftsunterkunft")
    there = address("Südlager", unterkunftskennung="U1", art="gemeinschaftsunterkunft")
    house.take(upsert("1", 1, person={"anschrift": here}, auskunftssperre=BLOCK), child(2, person={"anschrift": there}))
    assert told(house)["anschrift"] == {"art": "sonstige"}


def test_a_neighbours_change_leaves_other_links_alone(house: House) -> None:
    """When one parent changes, the child is computed with both: nothing is announced of it."""
    parents = [
        {"art": "elternteil", "personennummer": number, "familienname": "M", "vornamen": "V"} for number in ("1", "3")
    ]
    house.take(upsert("1", 1), upsert("3", 2), upsert("2", 3, familie=parents))
    house.settle()
    house.take(upsert("1", 4, person={"vornamen": "Eva"}))
    assert [_tree(one)["familienname"] for one in house.changes().changes] == ["Musterb"]


def test_ungranted_links_are_not_kept_longer_than_the_neighbour(house: House) -> None:
    """Where relations are not told, nothing is announced, and yet a removed neighbour's identifier is kept nowhere."""
    house.agreements = {"wohnung": agreement(fields=tuple(field for field in FIELDS if "familie" not in field[:8]))}
    house.take(upsert("1", 1), child(2))
    house.settle()
    house.take(removal("1", 3))
    assert house.kinds() == ["entfallen"]
    with house.database.read() as connection:
        found = {}
        for row in connection.execute(reading.VISIBLE_ROWS, {"stream": "wohnung/1"}).mappings():
            key = house.vault.unwrap(row["wrapped_key"], dossier.KEY, row["id"])
            found = projecting.open_links(house.vault, key, row["sealed"], "wohnung/1", row["id"])
    assert found["links"] == {}


def test_a_family_has_one_identifier_per_application(light_house: House) -> None:
    """Members of a family share an identifier, which no other application has."""
    house = light_house
    house.agreements = {name: agreement(name) for name in ("wohnung", "schule")}
    house.take(upsert("1", 1, familienverband="F"), upsert("2", 2, familienverband="F"))
    house.take(upsert("3", 3, familienverband="F"), upsert("4", 4, familienverband="G"))
    found = {}
    for name in house.agreements:
        trees = [_tree(one) for one in house.changes(application=name).changes]
        found[name] = {str(tree["familienname"]): tree["familienverbandskennung"] for tree in trees}
    home, school = found["wohnung"], found["schule"]
    assert home["Musterb"] == home["Musterc"] == home["Musterd"] != home["Mustere"]
    assert not set(map(str, home.values())) & set(map(str, school.values()))


def _tree(change: Any) -> Tree:
    assert change.person is not None
    tree: Tree = change.person.tree
    return tree


def test_more_neighbours_than_a_statement_takes_parameters(house: House) -> None:
    """However many persons are looked at, no statement has more parameters than SQLite takes as it is shipped."""
    house.take(upsert("1", 1), child(2), upsert("3", 3))
    most = 0

    def watch(*given: Any) -> None:
        nonlocal most
        most = max(most, len(given[3]))

    with house.database.read() as connection:
        everybody = dossier.load(connection, house.vault, sa.true())
        at_once = dossier.neighbour_ids(connection, everybody)
        assert len(at_once) == 2
        many = [replace(one, id=number.to_bytes(16)) for one in everybody for number in range(6000)]
        sa.event.listen(connection, "before_cursor_execute", watch)
        assert dossier.neighbour_ids(connection, [*many, *everybody]) == at_once
    assert 1000 < most < 32_766
