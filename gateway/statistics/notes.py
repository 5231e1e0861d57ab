"""What stands beside every table: whose numbers, of when, by which definition, what the signs mean, what is hidden."""

from __future__ import annotations

from gateway.statistics.grid import NOTHING, Gap, Grid, Value
from gateway.statistics.paper import Paper

DRAFT = "Entwurf: Diese Zahlen sind nicht freigegeben und dürfen nicht weitergegeben werden."
WITHDRAWN = "Zurückgezogen: Diese Fassung gilt nicht mehr und darf nicht weiter verwendet werden."


def headline(paper: Paper) -> str:
    """City, period and audience in one line."""
    return f"{paper.city} · {paper.period} · {paper.audience_label}"


def origin(paper: Paper) -> str:
    """Definition, version and release in one line."""
    return f"{paper.name}, Fassung {paper.version}; Veröffentlichung {_release(paper)}"


def warnings(paper: Paper) -> tuple[str, ...]:
    """What must be seen before any number."""
    return (*([DRAFT] if paper.number is None else []), *([WITHDRAWN] if paper.withdrawn else []))


def facts(paper: Paper) -> tuple[tuple[str, str], ...]:
    """Source, dates, definition and purpose as pairs of term and text."""
    return (
        ("Zeitbezug", paper.period),
        ("Ort", paper.city),
        ("Gezählt werden", paper.measure),
        *(("Nur", one) for one in paper.filters),
        ("Quelle", paper.source),
        ("Veröffentlichung", _release(paper)),
        ("Definition", f"{paper.name}, Fassung {paper.version}"),
        ("Zweck", paper.purpose),
        ("Rechtsgrundlage", "; ".join(paper.legal_basis)),
        ("Empfänger", paper.audience_label),
    )


def legend(paper: Paper, tables: tuple[Grid, ...]) -> tuple[tuple[str, str], ...]:
    """The signs (DIN 55301, as the Statistische Bundesamt writes them) that stand in these tables."""
    used = {value for grid in tables for row in grid.rows for value in row.values}
    signs: list[tuple[Value, str, str]] = [
        (Gap.WITHHELD, ".", "Zahl geheim zu halten, oder sie würde eine solche verraten"),
        (0, NOTHING, "nichts vorhanden (genau null)"),
        (Gap.UNPUBLISHED, "x", "Summe, die diese Statistik nicht vorsieht"),
    ]
    if not paper.is_exact:
        signs[1] = (0, "0", "nichts vorhanden, oder weniger, als dargestellt wird")
    return tuple((sign, meaning) for value, sign, meaning in signs if value in used)


def confidentiality(paper: Paper) -> tuple[str, ...]:
    """How the numbers were made safe, in sentences; what stands here is public and helps nobody to undo it."""
    published = paper.published
    told = []
    if paper.threshold > 1:
        least = "von 1" if paper.zeros else "von 0"
        told.append(
            f"Zahlen {least} bis {paper.threshold - 1} sind nicht genannt, damit sie nichts über Einzelne "
            "sagen; weitere sind gesperrt, wo sich die ersten sonst durch Rechnen ergäben, auch aus früheren "
            "Veröffentlichungen."
        )
    if published.noise:
        told.append(
            f"Vor der Veröffentlichung wurde jede Zahl nach dem Cell-Key-Verfahren um höchstens {published.noise} "
            "verändert, dieselbe Zelle immer gleich. Summen weichen deshalb von ihren Teilen leicht ab."
        )
    if published.base > 1:
        told.append(
            f"Alle Zahlen sind auf Vielfache von {published.base} gerundet, jede für sich; Summen weichen deshalb von "
            "ihren Teilen ab."
        )
    return tuple(told) or ("Alle Zahlen sind genau; keine ist gesperrt.",)


def left_out(number: int) -> str:
    """How many rows are not shown, and why; "" if all are."""
    if not number:
        return ""
    rows = "Eine Zeile" if number == 1 else f"{number:,} Zeilen".replace(",", ".")
    return f"{rows} ohne jeden Fall {'ist' if number == 1 else 'sind'} nicht abgedruckt."


def _release(paper: Paper) -> str:
    number = "Entwurf" if paper.number is None else f"Nr. {paper.number}"
    return f"{number} vom {paper.made:%d.%m.%Y}"
