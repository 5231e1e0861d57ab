"""From exact counts to what may be said: small numbers withheld, and so many others that nobody can compute them."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Counted, Margin, Published
from gateway.statistics.asked import Asked, Told
from gateway.statistics.viewing import Sheet, View


def protect(counted: Counted, margins: Sequence[Margin], asked: Asked, earlier: Sequence[Told] = ()) -> Published:
    """What may be said of these counts to one audience, given all that was told `earlier`.

    Every withheld cell of a published margin, and every cell of any margin, published or not, that is small by `asked`,
    has other whole-numbered values in a range of at least `asked.interval`, whatever is computed from this table, from
    earlier ones of the same subject and from those of the same persons on other days, as docs/statistik.md says; also
    for a person who is alone in another cell. Cells that an earlier table of the same persons withheld stay withheld.
    Tables that have only some features in common with this one are the part of `differencing`.

    ReleaseRefused if that cannot be had, or if noise is asked for and there are no keys.
    """
    sheet = Sheet(counted, margins, asked, earlier)
    views = sheet.views()
    before = -1
    while before < len(sheet.withheld):
        before = len(sheet.withheld)
        for view in views:
            _make_safe(sheet, views, view)
    return sheet.published()


def _make_safe(sheet: Sheet, views: Sequence[View], view: View) -> None:
    """Every protected row of this view is proved, or given up where it was known before."""
    proof = view.proof
    proof.gather()
    while still := proof.open():
        for row in still:
            while (against := proof.settle(row)) is not None:
                given = proof.sacrifice(row, against, sheet.prices)
                if given == []:  # it would do with parts of persons only: make more room around it
                    given = proof.touching(row, sheet.prices)
                if given:
                    _withhold(sheet, views, given)
                elif view.must:
                    raise ReleaseRefused("a small number follows from what was told before, whatever is withheld now")
                else:
                    proof.give_up(row)
                    break


def _withhold(sheet: Sheet, views: Sequence[View], rows: Sequence[int]) -> None:
    for row in rows:
        sheet.withhold(row)
    for view in views:
        for row in rows:
            view.proof.withhold(row)
        if view.mine:
            view.proof.protect(row for row in rows if row not in view.known)
