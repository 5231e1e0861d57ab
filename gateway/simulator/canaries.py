"""What the case system holds and nobody else may ever store, with texts that can be found again."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Final

from gateway.simulator.record import Inhalt, Wert, changed, get, patched, texts

Word = Callable[[str], str]
"""The text for the field at a path."""

FORBIDDEN: Final = (
    "kennzeichen.steuerIdNr", "kennzeichen.visadateiNr", "kennzeichen.dNummer", "kennzeichen.eNummer",
    "personalien.doktorgrad", "gesundheit.befund", "sperre.sperrgrund", "einschraenkung.vortrag", "massnahmen",
    "begruendungstext", "sachbearbeitung",
)  # fmt: skip
"""Paths that are never imported (AZRG-DV Anlage Bl. 5a, 13-16, 20-29; AufenthV § 64 Abs. 1 Nr. 6)."""

MARK: Final = "CANARY-"
_MASSNAHMEN: Final = (
    "ausweisung", "abschiebung", "fahndung", "sicherheitsbefragung", "verdacht", "verurteilung", "ueberwachung",
    "einreisebedenken",
)  # fmt: skip
_REFUSED_TEXTS: Final = ("kennzeichen.aktenzeichen", "kennzeichen.ordnungsmerkmalEma", "zuweisung.durch")


def canary(*parts: object) -> str:
    """`CANARY-` and twelve hexadecimal digits, different for different parts; DIN 91379 types B and C accept it."""
    return MARK + hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:12]


def sober(path: str) -> str:
    """What stands in a forbidden field if it need not be found again."""
    return {"personalien.doktorgrad": "Dr. med.", "sachbearbeitung.kuerzel": "323/11"}.get(path, "siehe Akte")


def with_forbidden(inhalt: Inhalt, word: Word) -> Inhalt:
    """The record with every forbidden field filled by `word`."""
    measures: Inhalt = {"fingerabdruecke": {
        "referenz": word("massnahmen.fingerabdruecke.referenz"),
        "minutien": base64.b64encode(word("massnahmen.fingerabdruecke.minutien").encode()).decode("ascii"),
    }}  # fmt: skip
    for name in _MASSNAHMEN:
        measures[name] = [{"vom": "01.02.2024", "text": f"{name.capitalize()}: {word(f'massnahmen.{name}')}"}]
    inhalt = patched(inhalt, {
        **{path: word(path) for path in FORBIDDEN if path.startswith(("kennzeichen.", "personalien."))},
        "gesundheit.befund": [word("gesundheit.befund")],
        "massnahmen": measures,
        "begruendungstext": [word("begruendungstext")],
        "sachbearbeitung": {"kuerzel": word("sachbearbeitung.kuerzel"), "aktennotiz": [word("aktennotiz")]},
    })  # fmt: skip
    inhalt = _in_each(inhalt, "sperre", "sperrgrund", word)
    return _in_each(inhalt, "einschraenkung", "vortrag", word)


def with_marked_texts(inhalt: Inhalt, word: Word) -> Inhalt:
    """The record with free text fields that may be stored replaced by `word`: for records that will be refused."""
    inhalt = patched(inhalt, {path: word(path) for path in _REFUSED_TEXTS})
    inhalt = changed(inhalt, "kennzeichen.bamfAz", [word("kennzeichen.bamfAz")])
    inhalt = changed(inhalt, "integration.beruf", [word("integration.beruf")])
    inhalt = changed(inhalt, "kontakt", [{"art": "EML", "wert": f"{word('kontakt')}@example.org"}])
    inhalt = _in_each(inhalt, "ausweis", "serienNr", word)
    for field in ("bei", "zusatz"):
        inhalt = _in_each(inhalt, "wohnung", field, word)
    return inhalt


def forbidden_texts(inhalt: Inhalt) -> Iterator[str]:
    """Every text that stands in a forbidden field of the record."""
    for path, text in texts(inhalt):
        if any(path == forbidden or path.startswith(forbidden + ".") for forbidden in FORBIDDEN):
            yield text


def marks(inhalt: Inhalt) -> Iterator[str]:
    """Every canary in the record, without what stands around it."""
    width = len(MARK) + 12
    for _, text in texts(inhalt):
        start = text.find(MARK)
        if start >= 0:
            yield text[start : start + width]
        elif text.startswith(base64.b64encode(MARK.encode()).decode("ascii")[:8]):
            yield text


def _in_each(inhalt: Inhalt, name: str, field: str, word: Word) -> Inhalt:
    items = get(inhalt, name)
    if not isinstance(items, list):
        return inhalt
    marked: list[Wert] = [
        item | {field: word(f"{name}.{field}.{place}")} if isinstance(item, dict) else item
        for place, item in enumerate(items)
    ]
    return changed(inhalt, name, marked)
