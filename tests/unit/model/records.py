"""Records to try rules and derivations on, as short as they can be."""

from __future__ import annotations

from gateway.model.types import Tree, Value


def record(control: Tree | None = None, **person: Value) -> Tree:
    """A sound record of an adult, with these fields of the person and the control part added or replaced."""
    stated: Tree = {
        "familienname": "Al Masri",
        "vornamen": "Ahmad",
        "geburt": {"datum": "1990-05-17"},
        "geschlecht": "m",
        "staatsangehoerigkeit": ["475"],
        **person,
    }
    steering: Tree = {
        "quellsystemPersonennummer": "4711",
        "aenderungsnummer": 1,
        "stand": "2026-11-23T07:00:00Z",
        **(control or {}),
    }
    return {"person": stated, "steuerung": steering}
