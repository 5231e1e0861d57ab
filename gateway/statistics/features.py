"""The features there are to count by: each puts whatever is counted into exactly one of its categories.

What must not be told apart stands in one category with what is unknown: places of safety with other dwellings, where
hidden persons and their families live with where it is not known. A definition can only choose groups, never undo that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from gateway.model import codelists, release
from gateway.model.statistic import Category, Dimension
from gateway.statistics import flueag
from gateway.statistics.countings import Unit
from gateway.statistics.view import years

UNKNOWN: Final = "unbekannt"
OTHERS: Final = "uebrige"


@dataclass(frozen=True, slots=True)
class Choice:
    """What a definition has chosen of a feature: codes that stand alone, the least of each group, further labels."""

    single: tuple[str, ...] = ()
    bounds: tuple[int, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature with its German label, its categories, and into which of them something counted belongs.

    `option` is what a definition must choose ("einzeln", "grenzen"), None if nothing. `of`: only these countings have
    it; empty: all. `around`: neighbours must be known before. `problems` says what is wrong with a choice.
    """

    label: str
    categories: Callable[[Choice], tuple[Category, ...]]
    code: Callable[[Unit, Choice], str]
    option: str | None = None
    of: tuple[str, ...] = ()
    around: bool = False
    problems: Callable[[Choice], Iterator[str]] = lambda _choice: iter(())


def dimension(name: str, choice: Choice) -> Dimension:
    """The feature as it stands in a table; KeyError if there is no such feature."""
    feature = FEATURES[name]
    return Dimension(name, feature.label, feature.categories(choice))


# Whole code lists and fixed words.


def _words(*pairs: tuple[str, str]) -> Callable[[Choice], tuple[Category, ...]]:
    categories = tuple(Category(code, label) for code, label in pairs)
    return lambda _choice: categories


def _word(unit: Unit, _choice: Choice) -> str:
    return unit.word


def _status_groups(_choice: Choice) -> tuple[Category, ...]:
    groups = {entry.columns["gruppe"]: entry.columns["gruppe_text"] for entry in _statuses().values()}
    found = [Category(code, label) for code, label in sorted(groups.items()) if code != "9"]
    return (*found, Category(UNKNOWN, "ohne bekannten Status"))


def _status_group(unit: Unit, _choice: Choice) -> str:
    """Of several statuses the strongest: a title before a procedure, a procedure before a Duldung."""
    groups = {status.group for status in unit.view.statuses}
    return next((group for group in _STRONGEST_FIRST if group in groups), UNKNOWN)


def _statuses() -> Mapping[str, codelists.CodeEntry]:
    return codelists.load("aufenthaltsstatus").codes


def _sex(unit: Unit, _choice: Choice) -> str:
    sex = unit.view.value("geschlecht")
    return sex if sex in ("m", "w") else "dx"


def _dwelling(unit: Unit, _choice: Choice) -> str:
    kind = str(unit.view.group("anschrift").get("art", UNKNOWN))
    told = release.release_code("anschrift.art", kind)
    return "sonstige" if unit.around.hides(unit.view) else told


def _dwellings(_choice: Choice) -> tuple[Category, ...]:
    codes = codelists.load("anschriftart").codes
    shown = [code for code in codes if code not in release.PROTECTED_PLACES and code not in ("sonstige", UNKNOWN)]
    labelled = [Category(code, codes[code].label) for code in shown]
    return (*labelled, Category("sonstige", "sonstige oder nicht mitgeteilt"), Category(UNKNOWN, "unbekannt"))


# Codes of which some stand alone.


def _nationality(unit: Unit, choice: Choice) -> str:
    """The first that the record names: an EU state before others, as the source orders them."""
    named = unit.view.value("staatsangehoerigkeit")
    code = str(named[0]) if isinstance(named, list) and named else ""
    if code in choice.single:
        return code
    return UNKNOWN if code in ("", "998", "999") else OTHERS


def _nationalities(choice: Choice) -> tuple[Category, ...]:
    codes = codelists.load("staatsangehoerigkeit").codes
    labelled = [Category(code, codes[code].label) for code in choice.single]
    return (*labelled, Category(OTHERS, "übrige"), Category(UNKNOWN, "ungeklärt oder ohne Angabe"))


def _nationality_problems(choice: Choice) -> Iterator[str]:
    codes = codelists.load("staatsangehoerigkeit").codes
    yield from (f"einzeln: {code} is no nationality" for code in choice.single if code not in codes)
    yield from (f"einzeln: {code} belongs to {UNKNOWN}" for code in choice.single if code in ("998", "999"))


def _place(length: int, unit: Unit, choice: Choice) -> str:
    """The Stadtteil, or as many of its first digits as name the Stadtbezirk; not where it must not be told."""
    address = unit.view.group("anschrift")
    code = str(address.get("stadtteil", ""))[:length]
    here = address.get("gemeindeschluessel", unit.around.ags) == unit.around.ags
    return code if here and code in choice.single and not unit.around.hides(unit.view) else UNKNOWN


def _places(choice: Choice) -> tuple[Category, ...]:
    labels = dict(choice.labels)
    return (*(Category(code, labels.get(code, code)) for code in choice.single), Category(UNKNOWN, _NO_PLACE))


_NO_PLACE: Final = "ohne Angabe oder außerhalb der Stadt"


# Numbers in groups.


def _bounded(value: int | None, choice: Choice) -> str:
    """The group a number belongs to; below the first bound, or not known: unknown."""
    if value is None or value < choice.bounds[0]:
        return UNKNOWN
    low = max(bound for bound in choice.bounds if bound <= value)
    return _group_code(low, next((bound for bound in choice.bounds if bound > value), None))


def _group_code(low: int, following: int | None) -> str:
    if following is None:
        return f"{low}+"
    return str(low) if following == low + 1 else f"{low}-{following - 1}"


def _groups(said: str, choice: Choice) -> tuple[Category, ...]:
    """The groups between the bounds; `said` shows one of them in words, {} for its numbers."""
    codes = [_group_code(low, high) for low, high in pairwise((*choice.bounds, None)) if low is not None]
    labels = [code.replace("-", "–").replace("+", " und mehr") for code in codes]
    named = [Category(code, said.format(label)) for code, label in zip(codes, labels, strict=True)]
    return (*named, Category(UNKNOWN, "unbekannt"))


def _age(unit: Unit, choice: Choice) -> str:
    return _bounded(unit.view.age, choice)


def _duration(unit: Unit, choice: Choice) -> str:
    """Completed years since the first entry, else since the arrival here."""
    view = unit.view
    since = view.day_of("ersteinreisedatum") or view.day_of("zuzugsdatum")
    return _bounded(None if since is None else years(since, view.day), choice)


def _household(unit: Unit, choice: Choice) -> str:
    return _bounded(unit.around.household(unit.view), choice)


def _decision(unit: Unit, _choice: Choice) -> str:
    """How far the last asylum procedure is: a decision counts from the day it is known to be final."""
    day = unit.view.day.isoformat()
    procedures = [one for one in unit.view.items("asylverfahren") if _begun(one, day)]
    if not procedures:
        return "keins"
    last = max(procedures, key=lambda one: str(one.get("antragsdatum") or one.get("entscheidungsdatum") or ""))
    final = last.get("bestandskraftdatum")
    if not isinstance(final, str) or final > day:
        return "offen"
    return "schutz" if last.get("status") in ("AS09", "AS10", "AS11", "AS12") else "ohneSchutz"


def _begun(procedure: Mapping[str, object], day: str) -> bool:
    asked = procedure.get("antragsdatum")
    return not isinstance(asked, str) or asked <= day


_STRONGEST_FIRST: Final = ("6", "2", "3", "7", "1", "4", "5")

FEATURES: Final[Mapping[str, Feature]] = MappingProxyType(
    {
        "statusgruppe": Feature("Statusgruppe", _status_groups, _status_group),
        "staatsangehoerigkeit": Feature(
            "Staatsangehörigkeit", _nationalities, _nationality, "einzeln", problems=_nationality_problems
        ),
        "geschlecht": Feature(
            "Geschlecht", _words(("m", "männlich"), ("w", "weiblich"), ("dx", "divers oder ohne Angabe")), _sex
        ),
        "altersgruppe": Feature("Alter in Jahren", partial(_groups, "{}"), _age, "grenzen"),
        "unterkunft": Feature("Art der Unterkunft", _dwellings, _dwelling, around=True),
        "stadtbezirk": Feature("Stadtbezirk", _places, partial(_place, 1), "einzeln", around=True),
        "stadtteil": Feature("Stadtteil", _places, partial(_place, 3), "einzeln", around=True),
        "haushaltsgroesse": Feature(
            "Haushaltsgröße (Personen)", partial(_groups, "{}"), _household, "grenzen", around=True
        ),
        "aufenthaltsdauer": Feature("Aufenthaltsdauer in Jahren", partial(_groups, "{}"), _duration, "grenzen"),
        "entscheidung": Feature(
            "Asylverfahren",
            _words(
                ("schutz", "bestandskräftig: Schutz"),
                ("ohneSchutz", "bestandskräftig: kein Schutz"),
                ("offen", "nicht bestandskräftig entschieden"),
                ("keins", "kein Asylverfahren bekannt"),
            ),
            _decision,
        ),
        "zugangsart": Feature(
            "Art des Zugangs",
            _words(("geburt", "Geburt"), ("zuzug", "Zuzug"), ("sonstiges", "sonstiger Zugang")),
            _word,
            of=("zugang",),
        ),
        "abgangsart": Feature(
            "Art des Abgangs",
            _words(
                ("ausland", "Fortzug ins Ausland"),
                ("unbekannt", "Fortzug nach unbekannt"),
                ("behoerde", "andere Ausländerbehörde"),
                ("verstorben", "verstorben"),
                ("eingebuergert", "eingebürgert"),
                ("sonstiges", "sonstiger Abgang"),
            ),
            _word,
            of=("abgang",),
        ),
        "flueagNummer": Feature(
            "FlüAG § 2 Nummer",
            _words(
                *((number, f"Nr. {number}") for number in flueag.NUMBERS),
                (flueag.UNCLEAR, "Beginn der Anrechnung nicht bekannt"),
            ),
            _word,
            of=("flueag",),
        ),
        "schulbeginn": Feature(
            "Beginn der Schulpflicht",
            _words(
                ("begonnen", "schulpflichtig"),
                ("laufend", "im laufenden Schuljahr"),
                ("naechstes", "im nächsten Schuljahr"),
                ("uebernaechstes", "im übernächsten Schuljahr"),
                ("spaeter", "später"),
            ),
            _word,
            of=("schulpflicht",),
        ),
        "auszugsgrund": Feature(
            "Grund des Auszugs",
            _words(
                ("titel", "Aufenthaltstitel erteilt"),
                ("anerkannt", "Schutz bestandskräftig, Titel steht aus"),
                ("entschieden", "Schutz zuerkannt, nicht bestandskräftig"),
            ),
            _word,
            of=("auszug",),
        ),
        "volljaehrigIn": Feature(
            "Volljährig",
            _words(
                ("1", "in den nächsten 3 Monaten"),
                ("2", "in 4 bis 6 Monaten"),
                ("3", "in 7 bis 9 Monaten"),
                ("4", "in 10 bis 12 Monaten"),
            ),
            _word,
            of=("volljaehrigkeit",),
        ),
        "endeDerPflicht": Feature(
            "Ende der Wohnsitzverpflichtung",
            _words(
                ("0", "im laufenden Quartal"),
                *((str(ahead), f"im {ahead}. folgenden Quartal") for ahead in range(1, 5)),
                ("spaeter", "später"),
                ("unbefristet", "ohne bekanntes Ende"),
            ),
            _word,
            of=("wohnsitzpflicht",),
        ),
    }
)
"""Each feature by its name in definitions and tables."""
