"""What `gateway audit verify` and `gateway audit match` say: plain German lines and an exit code, no decoration."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from gateway.reports.evidence import Evidence
from gateway.store.audit_match import TAKEN_BACK
from gateway.store.audit_verdict import Match, Verdict

_WORDS = {
    "protokolliert": "PROTOKOLLIERT",
    "inhalt-gelöscht": "PROTOKOLLIERT",
    "nicht-protokolliert": "NICHT PROTOKOLLIERT",
    "kette-gebrochen": "NICHT PROTOKOLLIERT",
    TAKEN_BACK: "ZURÜCKGESICHERT",
}
_LATE = 2_000
"""Entries without a checkpoint that no running gateway leaves: it writes one every 1,000."""


class ExitCode(IntEnum):
    """As monitoring plugins have it."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Report:
    """Lines to print and the code to end with."""

    lines: tuple[str, ...]
    exit_code: ExitCode


def report(verdict: Verdict) -> Report:
    """The verdict in words: OK intact, WARNING intact but hardly anchored, CRITICAL something is wrong.

    It always states what no verification of this kind can find.
    """
    warnings = tuple(_warnings(verdict))
    code = ExitCode.CRITICAL if not verdict.intact else ExitCode.WARNING if warnings else ExitCode.OK
    lines = (_headline(verdict), *_extent(verdict), *_findings(verdict), *warnings, *_limits(verdict))
    return Report(lines, code)


def unverifiable(reason: str) -> Report:
    """Nothing can be said about the trail: it, the anchor or a key cannot be read."""
    return Report((f"NICHT PRÜFBAR: {reason}",), ExitCode.UNKNOWN)


def report_match(match: Match, evidence: Evidence | None = None) -> Report:
    """Whether one stored answer is recorded: OK, CRITICAL, or UNKNOWN if it cannot be told.

    WARNING if a restore that the anchor tells of took its entry back: the answer itself is then all there is of it.
    """
    word = _WORDS.get(match.rule, "ANDERS PROTOKOLLIERT") if match.told else "NICHT PRÜFBAR"
    failed = ExitCode.WARNING if match.rule == TAKEN_BACK else ExitCode.CRITICAL
    code = ExitCode.OK if match.holds else failed if match.told else ExitCode.UNKNOWN
    lines = [f"{word}: {match.text}."]
    if evidence is not None:
        kind = "Fehlerantwort" if evidence.fault else "Antwort"
        lines.append(f"  {kind} vom {evidence.time}, Protokollnummer {evidence.claim.number}.")
        lines += _uncovered(match) if not evidence.covered else ()
    return Report(tuple(lines), code)


def _uncovered(match: Match) -> Iterator[str]:
    yield "  Die Quittung steht bei diesem Profil (wsse) außerhalb der Signatur: sie kann verändert worden sein."
    if not match.holds:
        yield "  Der Befund gilt dann der Quittung, nicht dem Protokoll."
    elif match.rule == "inhalt-gelöscht":
        yield "  Ohne den Inhalt des Eintrags ist nicht mehr belegt, dass er zu gerade dieser Antwort gehört."


def _headline(verdict: Verdict) -> str:
    if verdict.intact:
        return "UNVERSEHRT: Das Protokoll ist in sich vollständig und unverändert."
    found = "1 Befund" if verdict.broken == 1 else f"{verdict.broken} Befunde"
    return f"VERLETZT: {found}."


def _extent(verdict: Verdict) -> Iterator[str]:
    until = f", zuletzt {verdict.last_time}" if verdict.last_time else ""
    yield f"Geprüft: {verdict.entries} Einträge in {verdict.batches} Blöcken{until}."
    if verdict.chain is not None:
        yield f"Kette: {verdict.chain}"
    if (export := verdict.export) is not None:
        end = f" für die Zeit bis {export.until}" if export.until else ""
        yield f"Auszug: geschrieben {export.time}{end}, Schlüssel {export.key}."
    if verdict.anchored is not None:
        point, name = verdict.anchored, "Anker" if verdict.export is None else "Prüfpunkte"
        word = "Prüfpunkt" if verdict.export is None else "der letzte"
        yield f"{name}: {word} vom {point.zeitpunkt} über {point.gesamt} Einträge bis Block {point.block}."
    for restored in verdict.restores:
        yield f"Rücksicherung laut Anker: {restored.zeitpunkt}, weiter nach Block {restored.block}."
    if verdict.erased:
        yield f"Persönliche Angaben gelöscht für: {', '.join(verdict.erased)}."
    for month, number in verdict.dropped:
        yield f"Inhalte gelöscht für {month}: {number} Einträge, geprüft an ihren Hashwerten."


def _findings(verdict: Verdict) -> Iterator[str]:
    for finding in verdict.findings:
        yield f"  [{finding.rule}] {finding.text}."
    if (more := verdict.broken - len(verdict.findings)) > 0:
        yield f"  ... und {more} weitere."


def _warnings(verdict: Verdict) -> Iterator[str]:
    if verdict.left:
        months = ", ".join(verdict.left)
        yield f"Warnung: Laut Protokoll sind die Inhalte von {months} gelöscht, es sind aber welche da."
    if verdict.unproven:
        months = ", ".join(verdict.unproven)
        yield f"Warnung: Gelöscht, und ein Beleg dafür steht nicht in diesem gekürzten Auszug: {months}."
    if verdict.with_anchor and verdict.entries and (verdict.anchored is None or verdict.anchor_empty):
        yield "Warnung: Die Ankerdatei fehlt oder enthält keinen gültigen Prüfpunkt; sie belegt nichts."
    elif verdict.export is not None and verdict.anchored is None and verdict.entries:
        yield "Warnung: Der Auszug enthält keinen gültigen Prüfpunkt; die Kette belegt nur sich selbst."
    elif (verdict.with_anchor or verdict.export is not None) and verdict.unanchored >= _LATE:
        yield f"Warnung: {verdict.unanchored} Einträge ohne Prüfpunkt; der Anker wird nicht fortgeschrieben."
    if verdict.torn:
        yield "Warnung: Die letzte Zeile der Ankerdatei ist unvollständig (Absturz beim Schreiben?)."


def _limits(verdict: Verdict) -> Iterator[str]:
    yield "Was diese Prüfung nicht erkennen kann:"
    if verdict.export is not None:
        yield from _limits_of_export(verdict)
    elif not verdict.with_anchor:
        yield "  - Entfernen am Ende, Zurücksetzen der Datenbank oder eine ganz neu gerechnete Kette:"
        yield "    dafür ist die Ankerdatei mit ihrem öffentlichen Schlüssel nötig (--anchor)."
    else:
        yield f"  - Änderungen an den {verdict.unanchored} Einträgen nach dem letzten Prüfpunkt, wenn die Kette"
        yield "    ab dort neu gerechnet oder gekürzt wurde."
        yield "  - Eine gemeinsam mit der Datenbank gekürzte Ankerdatei."
    if verdict.with_anchor or verdict.export is not None:
        yield "  - Was jemand neu rechnet und unterschreibt, der den privaten Prüfpunkt-Schlüssel hat."
    if verdict.dropped:
        yield "  - Die Protokollnummern von Einträgen, deren Inhalt gelöscht ist: belegt ist nur ihr Hashwert."
    yield "  - Auskünfte, die am Protokoll vorbei erteilt wurden. Die Quittung einer Antwort belegt deren Eintrag."


def _limits_of_export(verdict: Verdict) -> Iterator[str]:
    if verdict.unanchored:
        yield f"  - Änderungen an den letzten {verdict.unanchored} Einträgen vor dem Schreiben des Auszugs."
    if verdict.with_anchor:
        yield "  - Eine Ankerdatei, die schon gekürzt war, als ihre Kopie genommen wurde."
    else:
        yield "  - Entfernen am Ende oder Zurücksetzen der Datenbank, bevor der Auszug geschrieben wurde:"
        yield "    dafür ist eine anderswo verwahrte Kopie der Ankerdatei nötig (--anchor)."
    end = verdict.export.until or verdict.export.time if verdict.export is not None else ""
    yield f"  - Was nach {end} geschah, und ob es einen neueren Auszug gibt."
    if verdict.beyond is not None:
        yield f"    (Es gibt Prüfpunkte über spätere Einträge, zuletzt vom {verdict.beyond.zeitpunkt}.)"
