"""The named rules of the model as a contract publishes them: those that speak of fields it has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.errors import ContractError
from gateway.model.rules import RULES

SPEAKS_OF: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "genau-eine-vornamensangabe": frozenset({"vornamen", "vornamenNichtVorhanden"}),
        "nicht-vorhanden-nur-true": frozenset({"vornamenNichtVorhanden"}),
        "kein-platzhalter": frozenset(),
        "keine-ueberzaehligen-leerzeichen": frozenset(),
        "kalendertag": frozenset(),
        "geburt-nicht-in-der-zukunft": frozenset({"geburt.datum"}),
        "tod-nicht-in-der-zukunft": frozenset({"sterbedatum"}),
        "tod-nach-geburt": frozenset({"sterbedatum", "geburt.datum"}),
        "fortzug-nach-zuzug": frozenset({"fortzugsdatum", "zuzugsdatum"}),
        "auszug-nach-einzug": frozenset({"anschrift.einzugsdatum", "anschrift.auszugsdatum"}),
        "statusende-nach-statusbeginn": frozenset({"aufenthaltsstatus.beginn", "aufenthaltsstatus.ende"}),
        "staatsangehoerigkeit-angegeben": frozenset({"staatsangehoerigkeit"}),
    }
)
"""The paths that a rule's sentence names: without all of them it would tell of fields that are not agreed."""


def person_note(documentation: str, paths: frozenset[str]) -> str:
    """The documentation of a person type with the fields `paths`, and the rules an application may rely on.

    ContractError if a published rule of the model is not in SPEAKS_OF.
    """
    visible = {rule.name: rule.sentence for rule in RULES.values() if rule.visible}
    if unmapped := sorted(visible.keys() - SPEAKS_OF.keys()):
        raise ContractError(f"which fields do these rules speak of: {', '.join(unmapped)}")
    lines = [f"{name}: {sentence}" for name, sentence in visible.items() if SPEAKS_OF[name] <= paths]
    return "\n".join([documentation, "Regeln, die über die Muster hinaus gelten:", *lines]) if lines else documentation
