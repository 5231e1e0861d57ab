"""Why a record could not be taken, in words of the office: a German sentence for every rule that can be named.

A reason is "place: rule" or "place: rule; erwartet ...", where place and rule are of the model or of the source's
contract, never what a record said. The rule stands as the code of the part that found it; here is what it means.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.model.rules import RULES

INTERNAL: Final = "interner Fehler"
"""How the rule begins that stands in the reason for a mistake of ours."""

PLACE: Final = re.compile(r"[A-Za-z?][A-Za-z0-9]*(?:\[[0-9]+\])?(?:[./][A-Za-z?][A-Za-z0-9]*(?:\[[0-9]+\])?)*")
"""A field as agreements name it ("aufenthaltsstatus[2].ende"), or an element of the source ("personalien/gebDat")."""

_EXPECTED: Final = "; erwartet "


@dataclass(frozen=True, slots=True)
class Explained:
    """One reason: where, the rule as it was noted, its stable code, what it means (German), and what is expected.

    `ours`: there is nothing to correct at the source, our own program is wrong. `code` is "" for a rule that this
    version does not know any more.
    """

    place: str
    rule: str
    code: str
    sentence: str
    expected: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class _Meaning:
    """`pattern` finds the rule as it is noted; its groups go into the sentence."""

    code: str
    pattern: re.Pattern[str]
    sentence: str
    ours: bool = False


def explain(reason: str) -> Explained:
    """What the reason means; a rule of another version is told as it was noted."""
    place, _, rest = reason.partition(": ")
    rule, _, expected = rest.partition(_EXPECTED)
    for meaning in _MEANINGS:
        if found := meaning.pattern.fullmatch(rule):
            text = meaning.sentence.format(*found.groups())
            return Explained(place, rule, meaning.code, text, expected, meaning.ours)
    return Explained(place, rule, "", f"Nicht zulässig: {rule}.", expected)


def is_ours(reason: str) -> bool:
    """True if the reason is a mistake of ours, not of the source."""
    return explain(reason).ours


def place_of(reason: str) -> str:
    """The field alone, without saying which of several entries."""
    return re.sub(r"\[[0-9]+\]", "", reason.partition(": ")[0])


def _meaning(code: str, rule: str, sentence: str, *, ours: bool = False) -> _Meaning:
    return _Meaning(code, re.compile(rule), sentence, ours)


_MEANINGS: Final = (
    # A value as the source writes it.
    _meaning("ja-nein", "weder J noch N", "Hier steht weder J noch N."),
    _meaning("datum", r"kein Datum TT\.MM\.JJJJ", "Das ist kein Datum in der Form TT.MM.JJJJ."),
    _meaning(
        "teildatum",
        "kleinere Einheit bekannt, größere unbekannt",
        "Im Datum ist der Tag bekannt, aber nicht der Monat, oder der Monat, aber nicht das Jahr.",
    ),
    _meaning("zeitpunkt", "kein Zeitpunkt( mit Zeitzone)?", "Das ist kein Zeitpunkt mit Zeitzone."),
    _meaning("aenderungsnummer", "keine Änderungsnummer", "Das ist keine Änderungsnummer."),
    _meaning(
        "hausnummer",
        "keine Hausnummer mit Zusatz",
        "Das ist keine Hausnummer (bis zu vier Ziffern) mit oder ohne Zusatz; ohne Hausnummer: o.Nr.",
    ),
    _meaning("titelschluessel", "kein Schlüssel der Form AA-00", "Der Schlüssel hat nicht die Form AA-00."),
    _meaning(
        "schluessel-der-quelle",
        "unbekannter Schlüssel der Quelle",
        "Dieser Schlüssel von OK.VISA ist dem Webservice nicht bekannt. Ist er neu eingeführt, muss der Betreiber die "
        "Zuordnung erweitern; sonst ist er zu berichtigen.",
    ),
    _meaning(
        "feld-der-quelle",
        "unbekanntes Feld der Quelle",
        "Die Einschränkung der Verarbeitung nennt ein Feld, das es in OK.VISA nicht gibt.",
    ),
    # A value as the model has it.
    _meaning("leer", "leer", "Die Angabe ist leer."),
    _meaning("zu-lang", "länger als ([0-9]+) Zeichen", "Die Angabe ist länger als {0} Zeichen."),
    _meaning(
        "zeichen",
        "nicht DIN 91379 Datentyp ([ABC])",
        "Die Angabe enthält ein Zeichen, das DIN 91379 (Datentyp {0}) nicht zulässt.",
    ),
    _meaning("form", "Muster ([A-Za-z0-9]+)", "Die Angabe hat nicht die vorgeschriebene Form ({0})."),
    _meaning("tag", "kein Datum JJJJ-MM-TT", "Das ist kein vollständiges Datum mit Tag, Monat und Jahr."),
    _meaning("kalendertag", "kein Kalendertag", "Diesen Tag gibt es im Kalender nicht."),
    _meaning("zeitpunkt", "kein Zeitpunkt JJJJ-MM-TThh:mm:ssZ", "Das ist kein Zeitpunkt."),
    _meaning(
        "code",
        "unbekannter Code der Liste ([a-z0-9]+)",
        "Dieser Schlüssel steht nicht in der Schlüsselliste „{0}“. Ist er neu in der Liste, muss der Betreiber "
        "die neue Fassung einspielen; sonst ist er zu berichtigen.",
    ),
    _meaning("base64", "kein Base64", "Das Bild ist nicht in Base64 geschrieben."),
    _meaning("zu-viele", "mehr als ([0-9]+) Angaben", "Es sind mehr als {0} Angaben."),
    _meaning("fehlt", "fehlt", "Die Angabe fehlt."),
    # What belongs together.
    _meaning(
        "alias",
        "nur und immer bei einem Aliasdatensatz",
        "Die Nummer der Hauptperson steht bei jedem Aliasdatensatz, und nur bei einem solchen.",
    ),
    _meaning(
        "zwei-wohnungen", "mehr als eine aktuelle Wohnung", "Mehr als eine Wohnung ist als aktuell gekennzeichnet."
    ),
    _meaning(
        "ziel",
        "fehlt oder ist die Personennummer selbst",
        "Die Zielnummer der Zusammenführung fehlt oder ist die Nummer des Datensatzes selbst.",
    ),
    _meaning(
        "kreis",
        "Zusammenführung im Kreis",
        "Der Datensatz soll in einen aufgehen, der selbst (auch über andere) in diesen aufgegangen ist: Niemand bliebe "
        "übrig. Eine der Zusammenführungen ist zurückzunehmen.",
    ),
    _meaning(
        "zwei-personen",
        "zwei Personen unter einer Nummer",
        "Unter dieser Personennummer stehen zwei Datensätze, die nach Name, Geburtsdatum oder Geschlecht verschiedene "
        "Personen meinen.",
    ),
    # The contract of the source (XSD).
    _meaning("muster", "Muster", "Die Angabe hat nicht die Form, die die Schnittstelle vorschreibt."),
    _meaning("zu-kurz", "zu kurz", "Die Angabe ist leer oder zu kurz."),
    _meaning("zu-lang", "zu lang", "Die Angabe ist länger, als die Schnittstelle erlaubt."),
    _meaning("aufzaehlung", "nicht in der Aufzählung", "Dieser Wert ist hier nicht vorgesehen."),
    _meaning("datentyp", "falscher Datentyp", "Die Angabe ist nicht von der Art, die die Schnittstelle vorschreibt."),
    _meaning("zu-klein", "zu klein", "Die Zahl ist zu klein."),
    _meaning("zu-gross", "zu groß", "Die Zahl ist zu groß."),
    _meaning("element-fehlt", "Element fehlt", "Hier fehlt eine vorgeschriebene Angabe."),
    _meaning(
        "element-platz",
        "Element nicht vorgesehen oder nicht an diesem Platz",
        "Vor dieser Angabe fehlt eine vorgeschriebene, oder die Angabe ist hier nicht vorgesehen.",
    ),
    _meaning("element-unbekannt", "unbekanntes Element", "Diese Angabe kennt die Schnittstelle nicht."),
    _meaning(
        "element-attribut",
        "Attribut nicht vorgesehen",
        "Der Datensatz enthält XML-Attribute; das ist nicht vorgesehen.",
    ),
    _meaning("element-text", "Text statt Elementen", "Hier steht Text, wo einzelne Angaben stehen müssten."),
    _meaning("element-inhalt", "Elemente statt Text", "Hier stehen einzelne Angaben, wo Text stehen müsste."),
    _meaning("schema", "nicht schemakonform", "Der Datensatz entspricht nicht der Schnittstelle von OK.VISA."),
    # Ourselves.
    _meaning(
        "interner-fehler",
        INTERNAL + " [A-Za-z_]+",
        "Der Webservice hat den Datensatz durch einen eigenen Fehler nicht verarbeitet. In OK.VISA ist nichts zu "
        "berichtigen: Betreiber verständigen.",
        ours=True,
    ),
    *(_meaning(rule.name, re.escape(rule.name), rule.sentence) for rule in RULES.values()),
)
