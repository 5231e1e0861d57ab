"""The safety of the house: a table is made safe, then attacked with everything that is in the register."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Counted, Published
from gateway.statistics.asked import Asked, Told, frozen
from gateway.statistics.definition import Audience, Rule
from gateway.statistics.differencing import require_safe
from gateway.statistics.protecting import protect
from gateway.statistics.releasing import Earlier, Safety
from gateway.store.released_draft import Draft


def make_safe(counted: Counted, rule: Rule, audience: Audience, earlier: Sequence[Earlier]) -> Published:
    """The table as this audience may have it, safe beside all tables told before; ReleaseRefused if it cannot be."""
    told = _told(earlier)
    asked = Asked.read(audience.value, rule.told())
    table = protect(counted, rule.margins, asked, told)
    require_safe(Told("this table", asked, table), told)
    return table


def hold_safe(draft: Draft, earlier: Sequence[Earlier], since: Sequence[Earlier]) -> None:
    """The draft is as safe as if it were made now; ReleaseRefused if it is not, or only counting anew could tell.

    What is withheld in it was proved with the exact numbers, beside the tables of the same persons on this day and
    others: of these none may have come since. All that came is in the attack, which needs no exact numbers.
    """
    subject = draft.table.subject
    beside = [one for one in _told(since) if one.table.subject == subject or frozen(one.table.subject, subject)]
    if beside:
        names = ", ".join(one.name for one in beside)
        raise ReleaseRefused(f"of the same persons was told since the draft was made: {names}; run it again")
    report = draft.report
    require_safe(Told("this table", Asked.read(report.audience, report.rule), draft.table), _told(earlier))


SAFETY = Safety(make_safe, hold_safe)


def _told(earlier: Sequence[Earlier]) -> list[Told]:
    return [
        Told(f"release {one.registered.number}", Asked.read(one.registered.audience, one.registered.rule), one.table)
        for one in earlier
    ]
