"""From a counted report to a draft, and from a draft to a released table: the bytes that were looked at, or none.

A draft is made safe beside the register as it was then. When it is released nothing is counted or made safe anew: it is
attacked once more with all that was told meanwhile, and refused if its proof rested on less. Between that and the
entry nobody else may have entered one; only who has seen the last row can add the next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final
from unicodedata import normalize

from gateway.errors import NotFound, RegisterMoved, ReleaseRefused, StatisticError
from gateway.model.statistic import Counted, Period, Published
from gateway.statistics.counting import period_of
from gateway.statistics.definition import Audience, Definition, Rule, require_unchanged
from gateway.statistics.running import Run
from gateway.store import released, released_draft
from gateway.store.audit import AuditTrail, Personal
from gateway.store.database import Database
from gateway.store.released import Approved, Reason, Register, Registered
from gateway.store.released_check import require_whole
from gateway.store.released_draft import KEPT, Draft, Report, drafted

AGAIN: Final = 5
"""How often a table is checked anew because another was released meanwhile."""


@dataclass(frozen=True)
class Earlier:
    """A table that was released before, with what was asked of it; also one that was withdrawn: it was told."""

    registered: Registered
    table: Published = field(repr=False)


@dataclass(frozen=True)
class Safety:
    """What makes tables safe; ReleaseRefused with the reason if that cannot be.

    `make`: the table for one audience, given all that was told. `hold`: a draft that was made safe earlier is still,
    beside all that was told (the first sequence), of which some (the second) was told since.
    """

    make: Callable[[Counted, Rule, Audience, Sequence[Earlier]], Published]
    hold: Callable[[Draft, Sequence[Earlier], Sequence[Earlier]], None]


Approvals = Callable[[Draft], Sequence[Approved]]
"""Who has signed the draft; ApprovalRefused if a role has not that must."""


def draft(
    run: Run,
    audience: Audience,
    *,
    database: Database,
    audit: AuditTrail,
    safety: Safety,
    now: Callable[[], datetime],
    clerk: Personal,
) -> Draft:
    """The table for that audience, safe against everything that is in the register now; nothing is released by it.

    It is kept, and the trail tells that `clerk` had it made. ReleaseRefused if it cannot be made safe. StatisticError
    if the report is not for that audience, if it was released in this version by another text, or if this audience has
    a valid table of it for this period.
    """
    register, earlier = _told(database)
    definition = run.definition
    _require_due(definition, audience, run.counted.subject.period, register)
    table = safety.make(run.counted, definition.rules[audience], audience, earlier)
    _require_kept(run, audience, table)
    report = _report(definition, audience)
    one = drafted(report, table, run=run.number, known=run.known, seen=register.head, now=now())
    with database.write() as connection:
        released_draft.keep(connection, audit, one, clerk=clerk)
    return one


def require_due(definition: Definition, audience: Audience, day: date, *, database: Database) -> None:
    """StatisticError if a draft of the period that `day` is in would be refused whatever is counted; StoreError if the
    register is not whole.
    """
    with database.read() as connection:
        require_whole(connection)
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
    digest: bytes,
    *,
    definitions: Mapping[str, Definition],
    database: Database,
    audit: AuditTrail,
    safety: Safety,
    approvals: Approvals,
    now: Callable[[], datetime],
    clerk: Personal,
) -> Registered:
    """The draft is in the register as it is, and the trail tells of it: both or neither.

    ReleaseRefused if it is no longer safe, or if who releases it had it made (but for internal tables).
    ApprovalRefused if it is not signed. StatisticError as for `draft`, if there is no such draft, if it is older than
    KEPT, or if its definition is not in use as it was. RegisterMoved if others release all the time.
    """
    audit.check_anchor()
    for _ in range(AGAIN):
        register, earlier = _told(database)
        one, ran = find(digest, database=database, audit=audit)
        _require_current(one, definitions, register, database)
        if now() - one.made > KEPT:
            raise StatisticError(f"the draft is older than {KEPT.days} days: run it again")
        if one.report.audience != Audience.INTERN.value:
            _require_another(ran, clerk)
        given = approvals(one)
        safety.hold(one, earlier, [each for each in earlier if each.registered.number > one.seen.number])
        try:
            with database.write() as connection:
                found = released.release(
                    connection, audit, one, approvals=given, after=register.head, now=now(), clerk=clerk
                )
                released_draft.drop(connection, one)
                return found
        except RegisterMoved:
            continue
    raise RegisterMoved


def find(digest: bytes, *, database: Database, audit: AuditTrail) -> tuple[Draft, Personal | None]:
    """The draft, and who had it made, as long as that is known; StatisticError if there is none."""
    with database.read() as connection:
        try:
            one, entry = released_draft.load(connection, digest)
        except NotFound:
            raise StatisticError("there is no such draft: it was released, or is over, or was never made") from None
        return one, audit.personal(connection, entry)


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


def _told(database: Database) -> tuple[Register, list[Earlier]]:
    """The register, which has all that the trail tells of, with every table."""
    with database.read() as connection:
        require_whole(connection)
        register = released.read(connection)
        return register, [Earlier(one, released.load(connection, one)[0]) for one in register.tables]


def _report(one: Definition, audience: Audience) -> Report:
    return Report(
        name=one.name,
        version=one.version,
        title=one.title,
        purpose=one.purpose,
        legal_bases=one.legal_bases,
        audience=audience.value,
        rule=one.rules[audience].told(),
        definition=one.text,
    )


def _require_current(one: Draft, definitions: Mapping[str, Definition], register: Register, database: Database) -> None:
    report = one.report
    definition = definitions.get(report.name)
    if definition is None or definition.digest != report.digest:
        raise StatisticError(f"the definition of {report.name} was changed since: run it again")
    _require_due(definition, Audience(report.audience), one.period, register)
    with database.read() as connection:
        if not released.holds(connection, one.seen):
            raise StatisticError("the draft was found safe beside another register: run it again")


def _require_another(ran: Personal | None, clerk: Personal) -> None:
    """Four eyes, as far as names tell: whoever had it counted does not let it out."""
    if ran is None or ran.kennung is None or clerk.kennung is None or _plain(ran.kennung) == _plain(clerk.kennung):
        raise ReleaseRefused("somebody else must release the draft than had it made")


def _plain(name: str) -> str:
    """A name, however it is typed."""
    return "".join(normalize("NFKC", name).casefold().split())


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
