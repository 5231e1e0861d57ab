"""The last look before a table is told: does it, beside everything that was told before, give a cell away?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gateway.errors import ReleaseRefused
from gateway.model.statistic import Subject
from gateway.statistics.asked import AUDIENCES, Told, frozen
from gateway.statistics.attacking import Attacker, Link, Target, flows
from gateway.statistics.beside import require_apart

_STEPS = 2
"""Over so many links numbers are followed; each step more doubles the months that one program holds."""


def require_safe(new: Told, earlier: Sequence[Told]) -> None:
    """Nobody who sees the new table can compute a withheld cell, of it or of a table told before, more narrowly than
    was asked for that table's audience; or not more narrowly than without the new table.

    Each audience has seen its own tables and those for audiences that see less; withdrawn ones too. Looked at are all
    tables of the new one's persons and of those that flows link to them; nor beside a table that `require_apart` names.
    ReleaseRefused names the tables.
    """
    require_apart(new, earlier)
    links = flows([*earlier, new])
    near = _near(new.table.subject, links)
    for audience in AUDIENCES[AUDIENCES.index(new.asked.audience) :]:
        seen = [one for one in earlier if one.table.subject in near and _visible(one, audience)]
        if seen or audience == new.asked.audience:
            _require(new, seen, links, audience)
        _require_unchanged(new, [one for one in earlier if _visible(one, audience)], audience)


def _require(new: Told, seen: Sequence[Told], links: Sequence[Link], audience: str) -> None:
    every = [*seen, new]
    targets = [target for one in every if one.asked.audience == audience for target in _targets(one)]
    if not targets:
        return
    attacker = _attacker(every, links)
    given = attacker.narrow(targets)
    if given and seen:
        before = _attacker(seen, links)
        given = [one for one in given if one.told is new or _narrower(one, attacker, before)]
    if given:
        names = list(dict.fromkeys(one.told.name for one in given))
        beside = list(dict.fromkeys(one.name for one in seen)) or ["nothing else"]
        raise ReleaseRefused(
            reasons=[
                f"withheld cells of {name} would follow for {audience}, beside {', '.join(beside)}" for name in names
            ]
        )


def _require_unchanged(new: Told, seen: Sequence[Told], audience: str) -> None:
    """The same for stocks of two days that may be the same persons, for all that was told: as if of one day."""
    subject = new.table.subject
    for day in dict.fromkeys(one.table.subject for one in seen if frozen(one.table.subject, subject)):
        alike = [
            replace(one, table=replace(one.table, subject=subject))
            for one in seen
            if one.table.subject in (day, subject)
        ]
        if Attacker([*alike, new]).possible():
            _require(new, alike, (), audience)


def _attacker(told: Sequence[Told], links: Sequence[Link]) -> Attacker:
    """With the links that hold: where they contradict what was told, nobody can conclude from them."""
    subjects = {one.table.subject for one in told}
    known = [link for link in links if subjects.issuperset(subject for subject, _ in link.terms)]
    for some in (known, [link for link in known if not link.margin]):
        for filled in (True, False):  # a cell may be withheld though it is empty, for the sake of a table not seen here
            attacker = Attacker(told, some, filled=filled)
            if some and attacker.possible():
                return attacker
    return Attacker(told)


def _narrower(target: Target, after: Attacker, before: Attacker) -> bool:
    """Whether the new table makes the interval narrower than it was."""
    place = (target.told.table.subject, target.margin, target.cell)
    first, second = before.interval(*place), after.interval(*place)
    return second[1] - second[0] < first[1] - first[0] - 1e-6


def _targets(one: Told) -> list[Target]:
    return [
        Target(one, margin, cell)
        for margin, cells in one.table.margins.items()
        for cell, number in cells.items()
        if number is None
    ]


def _near(subject: Subject, links: Sequence[Link]) -> set[Subject]:
    """The subjects of links in which this one is, and of links in which one of those is.

    What a stock withholds follows from the flows on either side of it; farther away than that it is not looked for.
    """
    near = {subject}
    for _ in range(_STEPS):
        linked = [{each for each, _ in link.terms} for link in links]
        near = near.union(*(each for each in linked if near & each))
    return near


def _visible(one: Told, audience: str) -> bool:
    return AUDIENCES.index(one.asked.audience) <= AUDIENCES.index(audience)
