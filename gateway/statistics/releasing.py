"""From a counted report to a released table: made safe, checked against all released before, and entered, or refused.

Between reading the register and entering the table nobody else may have entered one: then the table is made safe and
checked anew against that one too, and only who has seen the last row can add the next.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from gateway.errors import NotFound, RegisterMoved, ReleaseRefused, StatisticError
from gateway.model.statistic import Counted, Period, Published
from gateway.statistics.counting import period_of
from gateway.statistics.definition import Audience, Definition, Rule, require_unchanged
from gateway.statistics.running import Run
from gateway.store import released
from gateway.store.audit import AuditTrail, Personal
from gateway.store.database import Database
from gateway.store.released import Head, Reason, Register, Registered, Report
from gateway.store.released_check import require_whole

AGAIN: Final = 5
"""How often a table is checked anew because another was released meanwhile."""


@dataclass(frozen=True)
class Earlier:
    """A table that was released before, with what was asked of it; also one that was withdrawn: it was told."""

    registered: Registered
    table: Published = field(repr=False)


Safety = Callable[[Counted, Rule, Audience, Sequence[Earlier]], Published]
"""Makes a table safe for one audience, given all that was told; ReleaseRefused with the reason if that cannot be."""


@dataclass(frozen=True)
class Draft:
    """A table that may be released as long as `head` is the last row of the register. It is shown to nobody outside."""

    definition: Definition
    audience: Audience
    table: Published = field(repr=False)
    head: Head

    @property
    def rule(self) -> Rule:
        return self.definition.rules[self.audience]

    @property
    def report(self) -> Report:
        """What the register says of it."""
        one = self.definition
        return Report(
            name=one.name,
            version=one.version,
            title=one.title,
            purpose=one.purpose,
            legal_bases=one.legal_bases,
            audience=self.audience.value,
            rule=self.rule.told(),
            definition=one.text,
        )


def draft(run: Run, audience: Audience, *, database: Database, safety: Safety) -> Draft:
    """The table for that audience, safe against everything that is in the register now; nothing is released by it.

    ReleaseRefused if it cannot be made safe. StatisticError if the report is not for that audience, if it was released
    in this version by another text, or if this audience has a valid table of it for this period.
    """
    with database.read() as connection:
        require_whole(connection)
        register = released.read(connection)
        earlier = [Earlier(one, released.load(connection, one)[0]) for one in register.tables]
    _require_due(run.definition, audience, run.counted.subject.period, register)
    table = safety(run.counted, run.definition.rules[audience], audience, earlier)
    _require_kept(run, audience, table)
    return Draft(run.definition, audience, table, register.head)


def require_due(definition: Definition, audience: Audience, day: date, *, database: Database) -> None:
    """StatisticError if a release of the period that `day` is in would be refused whatever is counted."""
    with database.read() as connection:
        register = released.read(connection)
    _require_due(definition, audience, period_of(definition.span, day), register)


def require_recalled(*, database: Database, audit: AuditTrail) -> None:
    """ReleaseRefused if the database was restored since the last release: tables may be out that it does not know."""
    restored = audit.restored_at()
    if restored is None:
        return
    with database.read() as connection:
        told = [one.time for one in released.read(connection).tables]
    if max(told, default=restored) <= restored:
        raise ReleaseRefused(
            "the database was restored since the last release: what was told after the backup must be released "
            "again first, as it was known then; --after-restore says that this is it, or that there is none"
        )


def release(
    run: Run,
    audience: Audience,
    *,
    database: Database,
    audit: AuditTrail,
    safety: Safety,
    now: Callable[[], datetime],
    clerk: Personal,
) -> Registered:
    """The table is in the register, and the trail tells of it: both or neither. Refusals as for `draft`.

    RegisterMoved if others release all the time.
    """
    for _ in range(AGAIN):
        one = draft(run, audience, database=database, safety=safety)
        try:
            with database.write() as connection:
                return released.release(
                    connection, audit, one.report, one.table, after=one.head, now=now(), clerk=clerk
                )
        except RegisterMoved:
            continue
    raise RegisterMoved


def withdraw(
    number: int, reason: Reason, *, database: Database, audit: AuditTrail, now: datetime, clerk: Personal
) -> Registered:
    """The table is marked as no longer to be used; it stays, for it was told. StatisticError if there is none."""
    with database.write() as connection:
        register = released.read(connection)
        try:
            one = register.table(number)
        except NotFound:
            raise StatisticError(f"there is no release {number}") from None
        return released.withdraw(connection, audit, one, reason, after=register.head, now=now, clerk=clerk)


def opened(number: int, *, database: Database) -> tuple[Registered, Published, str, tuple[Published, ...]]:
    """A released table, the text it was counted by, and what was released of it for earlier periods, oldest first.

    StatisticError if there is none.
    """
    with database.read() as connection:
        register = released.read(connection)
        try:
            one = register.table(number)
        except NotFound:
            raise StatisticError(f"there is no release {number}") from None
        table, text = released.load(connection, one)
        before = {other.period: other for other in register.tables if _precedes(other, one)}
        ordered = (before[period] for period in sorted(before, key=lambda each: each.last))
        return one, table, text, tuple(released.load(connection, each)[0] for each in ordered)


def changed_definitions(definitions: Sequence[Definition], register: Register) -> list[str]:
    """What is wrong with definitions in the light of what was released by them; nothing if all is well."""
    known = {one.name: one for one in definitions}
    problems = []
    for one in register.tables:
        try:
            if one.name in known:
                require_unchanged(known[one.name], one.version, one.definition)
        except StatisticError as error:
            problems.append(str(error))
    return list(dict.fromkeys(problems))


def nothing_is_safe(_counted: Counted, _rule: Rule, _audience: Audience, _earlier: Sequence[Earlier]) -> Published:
    """The safety of a house that has none: nothing is released."""
    raise ReleaseRefused("this program cannot prove that a table is safe")


def _require_due(definition: Definition, audience: Audience, period: Period, register: Register) -> None:
    if audience not in definition.rules:
        raise StatisticError(f"{definition.name} is not for the audience {audience.value}")
    if problems := changed_definitions([definition], register):
        raise StatisticError(problems=problems)
    for one in register.tables:
        same = (one.name, one.audience, one.period) == (definition.name, audience.value, period)
        if same and one.withdrawn is None:
            raise StatisticError(f"release {one.number} is this report for this period and audience: withdraw it first")


def _require_kept(run: Run, audience: Audience, table: Published) -> None:
    """What made the table safe may hold back, but not speak of something else or of more than was asked for."""
    rule = run.definition.rules[audience]
    if table.subject != run.counted.subject or not set(table.margins) <= set(rule.margins):
        raise ReleaseRefused("the table is not the one that was asked for")


def _precedes(other: Registered, one: Registered) -> bool:
    same = (other.name, other.audience) == (one.name, one.audience)
    return same and other.withdrawn is None and other.period.last < one.period.first


def with_reason(clerk: str, second: str | None) -> Personal:
    """Who does it, and who has agreed to it, as it is sealed in the trail."""
    return Personal(kennung=clerk, begruendung=f"Vier Augen: {second}" if second else None)
