"""The safety of the house: a table is made safe, then attacked with everything that is in the register."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.model.statistic import Counted, Published
from gateway.statistics.asked import Asked, Told
from gateway.statistics.definition import Audience, Rule
from gateway.statistics.differencing import require_safe
from gateway.statistics.protecting import protect
from gateway.statistics.releasing import Earlier


def make_safe(counted: Counted, rule: Rule, audience: Audience, earlier: Sequence[Earlier]) -> Published:
    """The table as this audience may have it, safe beside all tables told before; ReleaseRefused if it cannot be."""
    told = [
        Told(f"release {one.registered.number}", Asked.read(one.registered.audience, one.registered.rule), one.table)
        for one in earlier
    ]
    asked = Asked.read(audience.value, rule.told())
    table = protect(counted, rule.margins, asked, told)
    require_safe(Told("this table", asked, table), told)
    return table
