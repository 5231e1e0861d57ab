"""Reports as data: what is counted of whom, by which features, on which legal basis, and for whom it is published.

A definition is a file `<kennung>.toml` in the folder `statistik` beside the agreements; there is no other way to ask
for numbers. Whoever changes one gives it another `fassung`: a table that was released keeps the text it was counted by.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from gateway.agreements.document import Line, Section
from gateway.errors import StatisticError
from gateway.model.statistic import Dimension, Margin
from gateway.statistics.countings import COUNTINGS
from gateway.statistics.features import FEATURES, Choice, dimension

FOLDER: Final = "statistik"
"""Where definitions lie, below the folder of the agreements."""

_LEAST: Final = 3
"""Whoever may see a table: numbers from 1 below this are never told, nor what is withheld more closely."""

_MOST_CELLS: Final = 200_000
"""More cells than that nobody can read, and nobody can prove safe."""


class Audience(StrEnum):
    """For whom a table is, the narrowest circle first."""

    INTERN = "intern"
    RAT = "rat"
    OEFFENTLICH = "oeffentlich"


class Span(StrEnum):
    """How long a period is: a day, or a whole month, quarter or year of the calendar."""

    STICHTAG = "stichtag"
    MONAT = "monat"
    QUARTAL = "quartal"
    JAHR = "jahr"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a table is made safe for one audience.

    Numbers from 1 below `threshold` are withheld; zeros too, unless they are `zeros`. Of what is withheld nothing may
    follow that is narrower than `interval`. Numbers are moved by at most `noise`, then rounded to multiples of `base`.
    `margins` are published and no other.
    """

    threshold: int
    interval: int
    zeros: bool
    base: int
    noise: int
    margins: tuple[Margin, ...]

    def told(self) -> dict[str, int | str]:
        """The numbers of the rule under the names of the definition."""
        return {
            "mindestzahl": self.threshold,
            "mindestintervall": self.interval,
            "nullen": "zeigen" if self.zeros else "sperren",
            "rundung": self.base,
            "stoerung": self.noise,
        }


@dataclass(frozen=True)
class Definition:
    """One report in one version. `text` is the file as it was read, `digest` its SHA-256 in hexadecimal.

    `features` are what is counted by, in the order of the table; `margins` which of their sums may be published at
    all; `filters` narrow the persons that `counting` counts to those in one of the named categories.
    """

    name: str
    version: int
    title: str
    purpose: str
    legal_bases: tuple[str, ...]
    span: Span
    counting: str
    features: tuple[tuple[str, Choice], ...]
    margins: tuple[Margin, ...]
    rules: Mapping[Audience, Rule]
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    text: str = field(default="", repr=False)

    @property
    def digest(self) -> str:
        return sha256(self.text.encode()).hexdigest()

    @property
    def population(self) -> str:
        """Who is counted, in one word: equal if and only if counting and filters are."""
        filters = [f"{name}={'|'.join(sorted(codes))}" for name, codes in sorted(self.filters.items())]
        return f"{self.counting}[{';'.join(filters)}]" if filters else self.counting

    @property
    def measure(self) -> str:
        """What is counted, as it is said in German: "Personen"."""
        return COUNTINGS[self.counting].measure

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """The features with their categories, labelled by the code lists in force."""
        return tuple(dimension(name, choice) for name, choice in self.features)

    @property
    def needs_keys(self) -> bool:
        """True if some audience's numbers are moved by record keys."""
        return any(rule.noise for rule in self.rules.values())


class Kopf(Section):
    """What the report is called and what it counts."""

    kennung: Annotated[str, Field(pattern="^[a-z][a-z0-9-]{1,19}$")]
    fassung: Annotated[int, Field(ge=1, le=999_999)]
    titel: Line
    art: Literal["stichtag", "monat", "quartal", "jahr"]
    zaehlung: str
    gliederungen: Annotated[list[list[str]], Field(min_length=1)]


class Rechtsgrundlage(Section):
    """Why it may be counted and what for."""

    normen: Annotated[list[Line], Field(min_length=1)]
    zweck: Line


class Merkmal(Section):
    """One feature. `einzeln`: these codes stand alone, all others are `uebrige`; `grenzen`: the least of each group."""

    name: str
    einzeln: Annotated[list[str], Field(min_length=1)] | None = None
    grenzen: Annotated[list[Annotated[int, Field(ge=0, le=10_000)]], Field(min_length=1)] | None = None
    bezeichnungen: Annotated[dict[str, Line], Field(default_factory=dict)]
    """What the codes of `einzeln` are called, where no code list says it."""


class Kreis(Section):
    """How the table is made safe for one audience."""

    mindestzahl: Annotated[int, Field(ge=1, le=1000)]
    mindestintervall: Annotated[int, Field(ge=1, le=1000)]
    nullen: Literal["zeigen", "sperren"]
    rundung: Literal[1, 3, 5, 10] = 1
    stoerung: Annotated[int, Field(ge=0, le=10)] = 0
    gliederungen: Annotated[list[list[str]], Field(min_length=1)] | None = None


class Auswertung(Section):
    """A whole definition."""

    statistik: Kopf
    rechtsgrundlage: Rechtsgrundlage
    filter: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Field(default_factory=dict)]
    merkmale: list[Merkmal]
    kreis: Annotated[dict[Literal["intern", "rat", "oeffentlich"], Kreis], Field(min_length=1)]


def load_definition(path: Path) -> Definition:
    """The definition in `path`; StatisticError lists every mistake: form, names, codes, margins, rules."""
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise StatisticError(problems=[f"{path.name}: {type(error).__name__}: cannot be read"]) from error
    return read_definition(text, path.name)


def read_definition(text: str, name: str) -> Definition:
    """The definition that a file called `name` says; StatisticError as for `load_definition`."""
    try:
        document = Auswertung.model_validate(tomllib.loads(text))
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise StatisticError(problems=[f"{name}: {problem}" for problem in problems]) from None
    except (ValueError, RecursionError) as error:  # what is no TOML, or more of it than Python reads
        raise StatisticError(problems=[f"{name}: {error}"]) from error
    problems = list(_problems(document))
    if name.endswith(".toml") and name != f"{document.statistik.kennung}.toml":
        problems.append(f"statistik.kennung is {document.statistik.kennung}, not the file's name")
    if problems:
        raise StatisticError(problems=[f"{name}: {problem}" for problem in problems])
    return _definition(document, text)


def load_definitions(folder: Path) -> dict[str, Definition]:
    """Every definition of the folder `statistik` in `folder` by its name; none if there is no such folder.

    StatisticError lists the mistakes of all files.
    """
    problems: list[str] = []
    found: dict[str, Definition] = {}
    for path in sorted((folder / FOLDER).glob("*.toml")):
        try:
            one = load_definition(path)
        except StatisticError as error:
            problems += error.problems
        else:
            found[one.name] = one
    if problems:
        raise StatisticError(problems=problems)
    return found


def require_unchanged(definition: Definition, version: int, digest: str) -> None:
    """StatisticError if the definition was released in this version with another text, or in a later version."""
    if version > definition.version:
        raise StatisticError(f"{definition.name}: fassung {version} was released, the file says {definition.version}")
    if version == definition.version and digest != definition.digest:
        raise StatisticError(f"{definition.name}: fassung {version} was released with another text: raise fassung")


def _problems(document: Auswertung) -> Iterator[str]:
    head = document.statistik
    counting = COUNTINGS.get(head.zaehlung)
    names = [one.name for one in document.merkmale]
    if counting is None:
        yield f"statistik.zaehlung: {head.zaehlung} is no counting ({', '.join(COUNTINGS)})"
    elif head.art not in counting.spans:
        yield f"statistik.art: {head.zaehlung} counts by {' or '.join(counting.spans)}"
    if len(set(names)) < len(names):
        yield "merkmale: a feature is named twice"
    for one in document.merkmale:
        yield from (f"merkmale.{one.name}: {problem}" for problem in _feature_problems(one, head.zaehlung))
    yield from _filter_problems(document)
    yield from (f"statistik.{problem}" for problem in _margin_problems(head.gliederungen, names))
    for audience, rule in document.kreis.items():
        yield from (f"kreis.{audience}.{problem}" for problem in _rule_problems(rule, head.gliederungen))
        if not (rule.mindestzahl == 1 and audience == "intern" and _is_reported(document, rule)):
            yield from (f"kreis.{audience}.{problem}" for problem in _weak(rule))


def _feature_problems(one: Merkmal, counting: str) -> Iterator[str]:
    feature = FEATURES.get(one.name)
    if feature is None:
        yield f"is no feature ({', '.join(FEATURES)})"
        return
    if feature.of and counting not in feature.of:
        yield f"has no meaning for {counting}"
    for option in ("einzeln", "grenzen"):
        given = getattr(one, option) is not None
        if given and option != feature.option:
            yield f"{option} has no meaning here"
        if not given and option == feature.option:
            yield f"{option} is missing"
    if one.grenzen is not None and any(low >= high for low, high in pairwise(one.grenzen)):
        yield "grenzen must rise"
    if one.einzeln is not None and len(set(one.einzeln)) < len(one.einzeln):
        yield "einzeln: a code is named twice"
    if stray := sorted(set(one.bezeichnungen) - set(one.einzeln or ())):
        yield f"bezeichnungen: {', '.join(stray)} is not among einzeln"
    elif feature.option is None or getattr(one, feature.option) is not None:
        yield from feature.problems(_choice(one))


def _filter_problems(document: Auswertung) -> Iterator[str]:
    for name, codes in document.filter.items():
        feature = FEATURES.get(name)
        if feature is None or feature.option is not None:
            yield f"filter.{name}: is no feature with fixed categories"
            continue
        if feature.of and document.statistik.zaehlung not in feature.of:
            yield f"filter.{name}: has no meaning for {document.statistik.zaehlung}"
        known = {category.code for category in dimension(name, Choice()).categories}
        yield from (f"filter.{name}: {code} is no category" for code in codes if code not in known)


def _margin_problems(margins: Sequence[Sequence[str]], names: Sequence[str]) -> Iterator[str]:
    for margin in margins:
        said = " x ".join(margin) or "()"
        if unknown := [name for name in margin if name not in names]:
            yield f"gliederungen: {', '.join(unknown)} is none of the merkmale"
        elif [name for name in names if name in margin] != list(margin):
            yield f"gliederungen: {said} is not in the order of the merkmale, or names one twice"
    if len({tuple(margin) for margin in margins}) < len(margins):
        yield "gliederungen: one is named twice"


def _rule_problems(rule: Kreis, margins: Sequence[Sequence[str]]) -> Iterator[str]:
    for margin in rule.gliederungen or ():
        if margin not in margins:
            yield f"gliederungen: {' x '.join(margin) or '()'} is not among those of the report"
    if rule.gliederungen is not None and len({tuple(one) for one in rule.gliederungen}) < len(rule.gliederungen):
        yield "gliederungen: one is named twice"


def _is_reported(document: Auswertung, rule: Kreis) -> bool:
    """Whether these are no more than the numbers that the law demands exactly: FlüAG § 3 Abs. 3, each by itself."""
    head = document.statistik
    margins = [tuple(margin) for margin in rule.gliederungen or head.gliederungen]
    return head.zaehlung == "flueag" and not document.filter and set(margins) <= {(), ("flueagNummer",)}


def _weak(rule: Kreis) -> Iterator[str]:
    if rule.mindestzahl < _LEAST:
        yield f"mindestzahl: below {_LEAST} one person, or two who know each other, can be seen"
    if rule.mindestintervall < _LEAST:
        yield f"mindestintervall: a withheld number that may be known but for less than {_LEAST} is not withheld"


def _definition(document: Auswertung, text: str) -> Definition:
    head = document.statistik
    features = tuple((one.name, _choice(one)) for one in document.merkmale)
    margins = tuple(tuple(margin) for margin in head.gliederungen)
    found = Definition(
        name=head.kennung,
        version=head.fassung,
        title=head.titel,
        purpose=document.rechtsgrundlage.zweck,
        legal_bases=tuple(document.rechtsgrundlage.normen),
        span=Span(head.art),
        counting=head.zaehlung,
        features=features,
        margins=margins,
        rules={Audience(name): _rule(rule, margins) for name, rule in document.kreis.items()},
        filters={name: tuple(codes) for name, codes in document.filter.items()},
        text=text,
    )
    cells = 1
    for one in found.dimensions:
        cells *= len(one.categories)
    if cells > _MOST_CELLS:
        raise StatisticError(problems=[f"{head.kennung}.toml: {cells} cells are more than {_MOST_CELLS}"])
    return found


def _rule(rule: Kreis, margins: tuple[Margin, ...]) -> Rule:
    told = margins if rule.gliederungen is None else tuple(tuple(margin) for margin in rule.gliederungen)
    return Rule(rule.mindestzahl, rule.mindestintervall, rule.nullen == "zeigen", rule.rundung, rule.stoerung, told)


def _choice(one: Merkmal) -> Choice:
    labels = tuple(sorted(one.bezeichnungen.items()))
    return Choice(tuple(one.einzeln or ()), tuple(one.grenzen or ()), labels)
