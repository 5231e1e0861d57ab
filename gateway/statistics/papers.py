"""Papers of tables: what the definition, by which a table was counted, says of it, in words of the office."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from gateway.agreements.city import City
from gateway.errors import StatisticError
from gateway.model.statistic import Published
from gateway.statistics.countings import COUNTINGS
from gateway.statistics.features import FEATURES, Choice
from gateway.statistics.paper import Paper

_CASES: Final = "Fälle"
"""What was counted by a counting that there is no more."""


def paper_of(
    definition: str,
    audience: str,
    rule: Mapping[str, int | str],
    table: Published,
    *,
    city: City,
    made: date,
    number: int | None = None,
    earlier: tuple[Published, ...] = (),
    withdrawn: bool = False,
) -> Paper:
    """The paper of a table that was counted by the text `definition` and made safe by `rule`, as the register has them.

    Without `number` it is a draft and says so. The text is taken as it is, so that a table stays readable when its
    definition would no longer be accepted; StatisticError if it is none.
    """
    try:
        told = tomllib.loads(definition)
        head, law = told["statistik"], told["rechtsgrundlage"]
        counting = COUNTINGS.get(head["zaehlung"])
        return Paper(
            name=str(head["kennung"]),
            version=int(head["fassung"]),
            title=str(head["titel"]),
            purpose=str(law["zweck"]),
            legal_basis=tuple(map(str, law["normen"])),
            measure=_CASES if counting is None else counting.measure,
            audience=audience,
            threshold=int(rule["mindestzahl"]),
            zeros=rule["nullen"] == "zeigen",
            city=city.name,
            source=city.name if city.controller is None else city.controller.name,
            made=made,
            published=table,
            number=number,
            filters=tuple(_filter(name, codes) for name, codes in told.get("filter", {}).items()),
            earlier=earlier,
            withdrawn=withdrawn,
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StatisticError("the definition of a table cannot be read") from error


def _filter(name: str, codes: Any) -> str:
    """`Statusgruppe: Duldung, Gestattung`; words that are not known any more stand as they are."""
    feature = FEATURES.get(name)
    if feature is None or feature.option is not None:
        return f"{name}: {', '.join(map(str, codes))}"
    labels = {one.code: one.label for one in feature.categories(Choice())}
    return f"{feature.label}: {', '.join(labels.get(code, str(code)) for code in codes)}"
