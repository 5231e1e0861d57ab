"""The codes and columns of code lists that our own code names: a version without them cannot be taken.

Also what the law of a column is here: `unterbringung` decides who is in scope, so a change of it is no mere wording.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.model.derived import HIDING_BLOCKS
from gateway.model.release import GENERIC, PROTECTED_PLACES

CODES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "auskunftssperre": HIDING_BLOCKS,
        "aufenthaltsstatus": frozenset({*GENERIC["aufenthaltsstatus.art"], *GENERIC["aufenthaltsstatus.art"].values()}),
        "anschriftart": PROTECTED_PLACES | {"sonstige", "ohne"},
        "unterbringungsanspruch": frozenset({"P53", "FLUEAG", "ORDNUNG", "KEINER"}),
        "fortzugsart": frozenset({"verstorben"}),
    }
)
"""By list: what is compared with or told by derivation, release, deletion."""

COLUMNS: Final[Mapping[str, Mapping[str, frozenset[str]]]] = MappingProxyType(
    {
        "aufenthaltsstatus": {
            "unterbringung": frozenset({"P53", "FLUEAG", "\N{EN DASH}"}),
            "gruppe": frozenset("123456789"),
            "rechtsgrundlage": frozenset(),
        }
    }
)
"""By list: the columns that decide what is told, and the values they may have (none named: any but nothing)."""
