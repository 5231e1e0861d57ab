"""Checks of what the gateway remembers: database, feeds, notices, limits, deletion."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

from gateway.health.finding import Examination, Finding, Levels, State
from gateway.store import notices
from gateway.store.backup_standing import backup_standing
from gateway.store.feed_told import has_feed
from gateway.store.ledger import LEDGER, Ledger
from gateway.store.overview import waiting_feeds
from gateway.store.usage import refused
from gateway.upkeep import notifying, retention_rules
from gateway.upkeep.retention_standing import standing

_HOUR = timedelta(hours=1)
_ASK_IT = "ask the application's operators: until it fetches, it works with what was so before"
_LIMITS = frozenset({"grenze-erreicht", "ausserhalb-der-uhrzeiten"})


def database(e: Examination) -> Iterator[Finding]:
    e.database.require_writable()
    if e.database.is_current():
        yield Finding("database", State.OK, f"{e.database.dialect}, durable, writable, tables of this version")
    else:
        yield Finding("database", State.CRITICAL, "tables of another version", "gateway db upgrade")


def erasures(e: Examination) -> Iterator[Finding]:
    """DSGVO Art. 17: the ledger is what keeps a restore or a full poll from bringing erased persons back."""
    ledger = Ledger(e.settings.keys.directory / LEDGER, e.vault)
    ledger.require(e.overview.erasures)
    if open_ones := len(ledger) - e.overview.erasures:
        text, remedy = f"{open_ones} erasures are not finished: nothing starts", "poll once, or repeat the command"
        yield Finding("erasures", State.CRITICAL, text, remedy, open_ones, "records")
    else:
        yield Finding("erasures", State.OK, f"{len(ledger)} records in the ledger, all applied")


def limits(e: Examination) -> Iterator[Finding]:
    """Applications that met a limit of their agreement within the last hour."""
    met = Counter[str]()
    for (application, code), count in refused(e.database, e.now - _HOUR).items():
        if code in _LIMITS:
            met[application] += count
    for application, count in sorted(met.items()):
        text, remedy = (
            f"{count} requests refused at its limits in the last hour",
            "ask its operators; see its agreement",
        )
        yield Finding(f"limits {application}", State.WARNING, text, remedy, count, "requests")
    if not met:
        yield Finding("limits", State.OK, "nobody met a limit in the last hour", "", 0, "requests")


def feeds(e: Examination) -> Iterator[Finding]:
    """Of applications that fetch changes: since when they acknowledge nothing, and what has come since."""
    health = e.settings.health
    age = Levels(health.feed_hours, health.feed_critical_hours)
    for stream, one in waiting_feeds(e.database).items():
        if (agreement := e.agreements.get(stream)) is None or not has_feed(agreement):
            continue
        name = f"feed {stream}"
        if not one.pending:
            yield Finding(name, State.OK, "everything is acknowledged", "", 0, "h", age)
            continue
        hours = None if one.since is None else round((e.now - one.since).total_seconds() / 3600, 1)
        silent = "not known since when" if hours is None else f"none acknowledged for {hours:.0f} hours"
        text = f"{one.pending} changes wait, {silent}" + ("" if one.begun else "; it has never acknowledged any")
        yield Finding(name, age.judge(hours or 0), text, _ASK_IT, hours, "h", age)
        if one.begun:
            grown, text = Levels(health.feed_changes), f"{one.come} changes have come since it last acknowledged any"
            yield Finding(f"feed growth {stream}", grown.judge(one.come), text, _ASK_IT, one.come, "changes", grown)


def notifications(e: Examination) -> Iterator[Finding]:
    """DSGVO Art. 19: who had data must learn without delay that it is wrong, restricted or to be erased."""
    with e.database.read() as connection:
        waiting = notices.outstanding(connection)
    for delay in notifying.delays(waiting, e.now):
        one, state = delay.outstanding, State(delay.urgency)
        name = f"notifications {one.application}" if one.by_feed else f"letters {one.application}"
        text = f"{one.count} corrections or erasures not {'acknowledged' if one.by_feed else 'sent'}"
        text += f", the oldest for {delay.days} days"
        remedy = "ask the office why it does not fetch" if one.by_feed else "gateway notice export, then settle"
        yield Finding(name, state, text, remedy, delay.days, "d")


def backups(e: Examination) -> Iterator[Finding]:
    """What can be known from here: copies by `gateway db backup`, and what PostgreSQL says of its WAL archive."""
    found = backup_standing(e.database, e.now)
    yield Finding("backup", State(found.grade), found.text, "docs/sicherung.md", found.hours, "h")


def retention(e: Examination) -> Iterator[Finding]:
    found = standing(e.database, retention_rules.load(e.settings.retention.rules), e.now, e.city.timezone)
    remedy = "run `gateway retention run` daily; see what it says"
    yield Finding("retention", State(found.grade), found.text, remedy, found.due, "items")
