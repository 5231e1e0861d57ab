"""Trees: what is there, and their one byte form."""

from __future__ import annotations

import pytest

from gateway.model.person import Datensatz, Stammdaten
from gateway.model.trees import canonical, to_tree
from tests.unit.model.records import record


def test_absent_is_not_there() -> None:
    """None, empty lists, empty groups and lists of empty groups leave no trace."""
    person = Stammdaten.model_validate(
        {"familienname": "A", "geschlecht": "x", "geburt": {}, "zuweisung": {}, "abweichendeNamensschreibweise": [{}]}
    )
    assert to_tree(person) == {"familienname": "A", "geschlecht": "x"}


def test_false_and_zero_are_there() -> None:
    """Only absence is absent: false and 0 are values."""
    tree = record({"aenderungsnummer": 0}, unbegleiteterMinderjaehriger=False)
    assert to_tree(Datensatz.model_validate(tree)) == tree


def test_names_of_the_wire() -> None:
    """Fields stand under their XML names, repeated ones as lists."""
    tree = to_tree(Stammdaten(familienname="A", geschlecht="m", e_mail_adresse=("a@example.org",)))
    assert tree == {"familienname": "A", "geschlecht": "m", "eMailAdresse": ["a@example.org"]}


def test_canonical_is_rfc_8785() -> None:
    """Keys sorted, no white space, UTF-8 as it is."""
    assert canonical({"b": ["Ş", True, 7], "a": {"d": '"', "c": "\n"}}) == (
        '{"a":{"c":"\\n","d":"\\""},"b":["Ş",true,7]}'.encode()
    )


def test_foreign_values_are_refused() -> None:
    """A tree holds JSON leaves only; anything else is a mistake of ours."""
    part = Stammdaten.model_construct(familienname=object(), geschlecht="m")
    with pytest.raises(TypeError, match="no value of a tree"):
        to_tree(part)
