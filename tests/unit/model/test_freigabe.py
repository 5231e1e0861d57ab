"""The release matrix, and that the model is exactly what it allows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from gateway.model import codelists
from gateway.model.freigabe import OFFICES, release
from gateway.model.person import Person, Steuerdaten
from gateway.model.structure import Node, grantable, nodes
from gateway.model.types import Code

_CATALOGUE = {
    row["id"]: row
    for row in csv.DictReader(Path("gateway/model/attributkatalog.csv").read_text("utf-8").splitlines(keepends=True))
}
_MATRIX = list(csv.reader(Path("gateway/model/freigabematrix.csv").read_text("utf-8").splitlines(keepends=True)))

_CONTROL = {"A02", "O02"}
"""Steer the house and never leave it."""
_NOT_DELIVERED = {"P03"}
"""`anlass`: no reason is given with a change, a block would be announced."""


def _wanted() -> set[str]:
    """Attributes that at least one office may get."""
    return {i for i in _CATALOGUE if any(release(office, i) in "+kve" for office in OFFICES)} - _NOT_DELIVERED


def test_the_model_is_the_catalogue() -> None:
    """Every attribute that an office may get can be granted, and nothing else can."""
    assert {node.attribut.id for node in grantable(Person) if node.attribut} == _wanted()


def test_what_nobody_may_get_is_not_in_the_model() -> None:
    """Doctorate and tax number do not exist here (they could not be imported by mistake)."""
    every = [node.name for part in (Person, Steuerdaten) for top in nodes(part) for node in top.walk()]
    assert set(_CATALOGUE) - _wanted() - _CONTROL - _NOT_DELIVERED == {"A07", "B08"}
    assert not {"doktorgrad", "identifikationsnummer", "anlass"} & set(every)


def test_control_data_is_control_data() -> None:
    """Source number and kind of block stand in the control part alone."""
    assert {node.attribut.id for node in grantable(Steuerdaten) if node.attribut} == _CONTROL


@pytest.mark.parametrize("node", grantable(Person), ids=lambda node: node.path)
def test_a_field_is_what_the_catalogue_says(node: Node) -> None:
    """Name, sensitivity, cardinality and code list of each field are those of its catalogue row."""
    assert node.attribut is not None
    row = _CATALOGUE[node.attribut.id]
    assert node.attribut.schutzklasse.name == row["schutzklasse"].rstrip("*")
    if node.attribut.id in ("B02", "B03"):
        return  # vornamen and vornamenNichtVorhanden instead of a choice (design, Formats)
    path = row["xml_element"].partition(" ")[0].replace("/", ".")
    assert node.path in {path, f"{path}Zusatz", "anschrift.teilnummer" if node.attribut.id == "E02" else path}
    if row["kardinalitaet"] in ("0..n", "1..4"):
        top = next(top for top in nodes(Person) if top.name == node.path.partition(".")[0])
        assert top.maximum == (4 if row["kardinalitaet"] == "1..4" else None)
    if row["codeliste"].startswith("urn:de:bund") and isinstance(node.simple, Code):
        assert codelists.load(node.simple.codelist).uri == row["codeliste"]


def test_offices_are_the_columns() -> None:
    """The offices are exactly the columns of the matrix, in its order."""
    assert tuple(_MATRIX[0][2:]) == OFFICES


def test_every_cell_is_read() -> None:
    """What release says is what the cell says, for every attribute and office."""
    for row in _MATRIX[1:]:
        assert [release(office, row[0]) for office in OFFICES] == row[2:]


def test_unknown_is_never() -> None:
    """An office or attribute that the matrix does not know gets nothing."""
    assert release("W57", "B01") == "-"
    assert release("W56", "Z99") == "-"
    assert release("W56", "B01") == "+"
