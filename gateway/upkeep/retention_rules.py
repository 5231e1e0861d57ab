"""Deletion rules as data (DIN 66398): for each kind of data its period, from when it counts, and why.

The file is closed by default: every kind has exactly one rule, an unknown key or kind, a period without unit, one
shorter than the law demands or longer than it allows refuses the whole file, all problems at once.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import SettingsError
from gateway.upkeep.retention_periods import Period, Start, due

SHIPPED = "loeschregeln.toml"


class Datenart(StrEnum):
    """Every kind of data that is ever deleted by time."""

    PERSON = "person-ausserhalb"
    VERSTORBEN = "person-verstorben"
    ENTFERNT = "person-entfernt"
    ZUSAMMENGEFUEHRT = "person-zusammengefuehrt"
    FASSUNG = "personenfassung"
    GESUNDHEIT = "gesundheitsangabe"
    QUARANTAENE = "quarantaene-inhalt"
    VERMERK = "quarantaene-vermerk"
    UNSTIMMIGKEIT = "unstimmigkeit"
    ZUSTELLUNG = "zustellung"
    ANGABEN = "protokoll-angaben"
    INHALT = "protokoll-inhalt"


def _period(text: str) -> str:
    Period.parse(text)
    return text


_Words = Annotated[str, Field(min_length=3, max_length=400)]


class Rule(BaseModel):
    """One rule as it stands in the file; texts are German and are shown to the data-protection officer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    datenart: Datenart
    bezeichnung: _Words
    frist: Annotated[str, AfterValidator(_period)]
    startzeitpunkt: Start
    ereignis: _Words
    grund: _Words
    norm: _Words

    @property
    def period(self) -> Period:
        return Period.parse(self.frist)

    def due(self, day: date) -> date:
        """The first day on which what happened on `day` must be gone."""
        return due(self.startzeitpunkt, self.period, day)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A period that the law names, and where."""

    start: Start
    period: str
    norm: str


_SHORTEST = {
    Datenart.ANGABEN: _Bound(Start.EREIGNIS, "12 Monate", "BMG § 40 Abs. 4: mindestens zwölf Monate"),
    Datenart.INHALT: _Bound(Start.JAHRESENDE, "1 Jahr", "BDSG § 76 Abs. 4: Ende des folgenden Jahres"),
}
_LONGEST = {
    Datenart.PERSON: _Bound(Start.EREIGNIS, "10 Jahre", "AufenthV § 68: zehn Jahre in der Ausländerdatei B"),
    Datenart.VERSTORBEN: _Bound(Start.EREIGNIS, "5 Jahre", "AufenthV § 68: fünf Jahre nach dem Tod"),
    Datenart.ENTFERNT: _Bound(Start.EREIGNIS, "sofort", "was die Quelle gelöscht hat, wird nicht aufbewahrt"),
    Datenart.ZUSAMMENGEFUEHRT: _Bound(Start.QUARTALSENDE, "24 Monate", "eigene Festlegung: 24 Monate"),
    Datenart.FASSUNG: _Bound(Start.JAHRESENDE, "5 Jahre", "eigene Festlegung: nicht länger als fünf Jahre"),
    Datenart.GESUNDHEIT: _Bound(Start.QUARTALSENDE, "12 Monate", "AZRG-DV § 18 Abs. 3 Nr. 3: zwölf Monate"),
    Datenart.QUARANTAENE: _Bound(Start.EREIGNIS, "30 Tage", "eigene Festlegung: 30 Tage"),
    Datenart.VERMERK: _Bound(Start.JAHRESENDE, "1 Jahr", "eigene Festlegung: Ende des folgenden Jahres"),
    Datenart.UNSTIMMIGKEIT: _Bound(Start.JAHRESENDE, "2 Jahre", "eigene Festlegung: zwei Jahre"),
    Datenart.ZUSTELLUNG: _Bound(Start.EREIGNIS, "14 Tage", "eigene Festlegung: 14 Tage nach der Quittung"),
    Datenart.ANGABEN: _Bound(Start.JAHRESENDE, "1 Jahr", "BMG § 40 Abs. 4; BDSG § 76 Abs. 4: Ende des Folgejahres"),
    Datenart.INHALT: _Bound(Start.JAHRESENDE, "10 Jahre", "AufenthV § 68: zehn Jahre"),
}
_NOT_BEFORE = {Datenart.INHALT: Datenart.ANGABEN, Datenart.VERMERK: Datenart.QUARANTAENE}
"""What goes with something else must not go before it."""
_CYCLE = (date(2024, 1, 1) + timedelta(days=offset) for offset in range(4 * 365 + 1))
_LEAP_CYCLE = tuple(day for day in _CYCLE if day.day in (1, 2, 15) or day.day > 26)
"""The days of a leap cycle on which periods of different units differ."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A complete set: one sound rule for each kind, in the file's order."""

    rules: Mapping[Datenart, Rule]

    def __getitem__(self, kind: Datenart) -> Rule:
        return self.rules[kind]

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules.values())


def load(path: Path | None = None) -> Rules:
    """The rules in the file, else the shipped ones; SettingsError names every problem at once."""
    file = path if path is not None else resources.files("gateway.upkeep").joinpath(SHIPPED)
    try:
        raw = tomllib.loads(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(problems=[f"{file.name}: {error}"]) from error
    return parse(raw, file.name)


def parse(raw: Mapping[str, Any], name: str = SHIPPED) -> Rules:
    """The rules of a file as read; SettingsError names every problem at once."""
    listed = raw.get("regel")
    problems = [f"unbekannt: {key}" for key in sorted(raw.keys() - {"regel"})]
    if not isinstance(listed, list):
        problems.append("regel: fehlt, oder ist keine Liste")
        listed = []
    found: list[Rule] = []
    for number, item in enumerate(listed, start=1):
        try:
            found.append(Rule.model_validate(item))
        except ValidationError as error:
            problems += [f"regel {number}: {_said(one)}" for one in error.errors(include_input=False)]
    problems += _incomplete(found, listed)
    problems += [f"{rule.datenart}: {problem}" for rule in found for problem in _outside(rule)]
    problems += _too_early({rule.datenart: rule for rule in found})
    if problems:
        raise SettingsError(problems=[f"{name}: {problem}" for problem in problems])
    return Rules({rule.datenart: rule for rule in found})


def _said(error: Mapping[str, Any]) -> str:
    place = ".".join(map(str, error["loc"]))
    return f"{place}: {error['msg']}"


def _incomplete(found: list[Rule], listed: list[Any]) -> Iterator[str]:
    """A kind that stands there in a broken rule is not called missing as well."""
    named = [str(item.get("datenart")) for item in listed if isinstance(item, dict)]
    yield from (f"{kind}: fehlt" for kind in Datenart if kind not in named)
    yield from (
        f"{kind}: mehr als eine Regel" for kind, times in Counter(r.datenart for r in found).items() if times > 1
    )


def _outside(rule: Rule) -> Iterator[str]:
    """Compared day by day over a leap cycle, because months, quarters and days have no common measure."""
    if (shortest := _SHORTEST.get(rule.datenart)) is not None:
        least = Period.parse(shortest.period)
        if any(rule.due(day) < due(shortest.start, least, day) for day in _LEAP_CYCLE):
            yield f"frist: kürzer als vorgeschrieben ({shortest.norm})"
    if (longest := _LONGEST.get(rule.datenart)) is not None:
        most = Period.parse(longest.period)
        if any(rule.due(day) > due(longest.start, most, day) for day in _LEAP_CYCLE):
            yield f"frist: länger als zulässig ({longest.norm})"


def _too_early(rules: Mapping[Datenart, Rule]) -> Iterator[str]:
    for kind, other in _NOT_BEFORE.items():
        mine, its = rules.get(kind), rules.get(other)
        if mine is not None and its is not None and any(mine.due(day) < its.due(day) for day in _LEAP_CYCLE):
            yield f"{kind}: frist: endet vor der von {other}"
