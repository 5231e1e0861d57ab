"""The model read as a tree of nodes, and the two names of a field."""

from __future__ import annotations

import pytest
from pydantic import Field, ValidationError

from gateway.model import vocabulary as v
from gateway.model.naming import to_python, to_type, to_xml
from gateway.model.person import Datensatz, Person, Stammdaten
from gateway.model.structure import Node, Part, grantable, nodes
from gateway.model.types import SimpleType


def _every(part: type[Part]) -> list[Node]:
    return [node for top in nodes(part) for node in top.walk()]


@pytest.mark.parametrize("part", [Person, Datensatz])
def test_names_translate_both_ways(part: type[Part]) -> None:
    """The name on the wire and the name in Python give each other, for every field."""
    for node in _every(part):
        assert to_xml(to_python(node.name)) == node.name
    for name in Stammdaten.model_fields:
        assert to_python(to_xml(name)) == name
    assert to_type("personAbrufen") == "PersonAbrufen"


@pytest.mark.parametrize("part", [Person, Datensatz])
def test_a_node_is_simple_or_a_group(part: type[Part]) -> None:
    """Every node is exactly one of both, documented, and lies under its path."""
    for node in _every(part):
        assert (node.simple is None) != (node.part is None)
        assert bool(node.children) == (node.part is not None)
        assert node.documentation
        assert node.path.rpartition(".")[2] == node.name
        assert all(child.path == f"{node.path}.{child.name}" for child in node.children)
        assert node.minimum in (0, 1)
        assert node.repeated == (node.maximum != 1)


def test_paths_are_unique() -> None:
    """A path names one field."""
    paths = [node.path for node in _every(Person)]
    assert len(paths) == len(set(paths))


def test_wire_order_is_the_catalogue() -> None:
    """What a person is told stands in the order of the catalogue numbers."""
    ids = [node.attribut.id for node in grantable(Person) if node.attribut]
    assert ids == sorted(ids)


def test_one_name_one_type() -> None:
    """Two fields with the same type name have the same type: the XSD declares it once."""
    named: dict[str, SimpleType] = {}
    for node in _every(Person) + _every(Datensatz):
        if node.simple is not None:
            assert named.setdefault(node.simple.name, node.simple) == node.simple


def test_what_the_source_states_is_what_is_told() -> None:
    """Every field of the Stammdaten is one of Person, at the same place and of the same type."""
    assert set(_every(Stammdaten)) <= set(_every(Person))


def test_a_nationality_may_be_told_four_times() -> None:
    """Four nationalities and no more."""
    stated = {"familienname": "A", "geschlecht": "m", "staatsangehoerigkeit": ["475", "998", "163", "000"]}
    assert len(Stammdaten.model_validate(stated).staatsangehoerigkeit) == 4
    with pytest.raises(ValidationError, match="mehr als 4 Angaben"):
        Stammdaten.model_validate({**stated, "staatsangehoerigkeit": ["475"] * 5})


def test_a_field_without_documentation_or_type_is_refused() -> None:
    """What cannot be published cannot be in the model."""

    class Silent(Part):
        name: v.NameA90

    class Untyped(Part):
        name: str = Field(description="Name")

    with pytest.raises(TypeError, match="no description"):
        nodes(Silent)
    with pytest.raises(TypeError, match="no simple type"):
        nodes(Untyped)
