"""The model's check of trees says what pydantic says, of sound records and of spoilt ones."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from gateway.model import sound as judged
from gateway.model.person import Datensatz
from gateway.model.sound import sound
from gateway.model.trees import to_tree
from gateway.model.types import Tree, Value
from tests.strategies import datensaetze
from tests.unit.model.records import record

law = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])

ODD: tuple[object, ...] = (
    *(None, "", " ", "x" * 200, "e\u0301", "Ş\u0301", "2024-02-30", "2024-13", "2024-01-01T00:00:00Z", "1", "true"),
    *(
        True,
        False,
        0,
        1,
        -1,
        2**53,
        2**63,
        1.5,
        b"x",
        [],
        {},
        [{}],
        [None],
        [[]],
        ["A"],
        {"art": "x"},
        {"unbekannt": "x"},
    ),
)


def judged_by_pydantic(tree: object) -> Tree | None:
    try:
        return to_tree(Datensatz.model_validate(tree))
    except ValidationError:
        return None


def judged_here(tree: Tree) -> Tree | None:
    try:
        return sound(tree)
    except ValidationError:
        return None


@law
@given(datensaetze())
def test_sound_records_are_accepted_at_once(tree: Tree) -> None:
    """A sound record is accepted without pydantic, and kept as `to_tree` gives it."""
    before = deepcopy(tree)
    assert judged._taken(tree) == to_tree(Datensatz.model_validate(tree))
    assert tree == before


@law
@given(datensaetze(), st.data())
def test_spoilt_records_are_judged_as_pydantic_judges_them(tree: Tree, data: DataObject) -> None:
    """One value taken out, put in or replaced by any odd one: the same tree, or refused by both."""
    change, odd = data.draw(st.sampled_from(_places(tree))), data.draw(st.sampled_from(ODD))
    change(deepcopy(odd))
    assert judged_here(deepcopy(tree)) == judged_by_pydantic(tree)


@pytest.mark.parametrize("missing", ["familienname", "geschlecht"])
def test_what_is_missing_is_refused(missing: str) -> None:
    """A required field that is not there."""
    tree = record()
    del tree["person"][missing]  # type: ignore[arg-type, union-attr]  # a group
    with pytest.raises(ValidationError):
        sound(tree)


def test_refusals_are_told_by_pydantic() -> None:
    """Every finding is in the error, and no rule of ours comes out by itself."""
    tree = record(familienname="", geburtsname="\u4e2d")
    with pytest.raises(ValidationError) as caught:
        sound(tree)
    assert caught.value.error_count() == 2
    with pytest.raises(PydanticCustomError):
        judged._taken(tree)


def _places(tree: Tree) -> list[Callable[[object], None]]:
    """Every way to spoil a tree in one place."""
    found: list[Callable[[object], None]] = []

    def look(value: Value) -> None:
        if isinstance(value, dict):
            found.append(lambda odd: value.update({"unbekannt": odd}))  # type: ignore[dict-item]  # odd
            for name in value:
                found.append(lambda odd, name=name: value.update({name: odd}))  # type: ignore[misc]  # odd
                found.append(lambda _odd, name=name: value.pop(name))  # type: ignore[misc]  # as above
                look(value[name])
        elif isinstance(value, list):
            found.append(value.append)  # type: ignore[arg-type]  # odd
            found.append(lambda _odd: value.extend(value * 4))
            for number, item in enumerate(value):
                found.append(lambda odd, number=number: value.__setitem__(number, odd))  # type: ignore[misc]  # odd
                look(item)

    look(tree)
    return found
