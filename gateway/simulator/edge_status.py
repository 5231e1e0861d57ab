"""Groups G and I: every residence title once and the difficult ones, and blocks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Final

from gateway.simulator.cases import Fall, Patch, single
from gateway.simulator.families import STICHTAG
from gateway.simulator.names import LAENDER
from gateway.simulator.record import Inhalt, Schreibung, Wert
from gateway.simulator.titles import NORMEN, day

_IN_FRONT: Final = ("BE-01", "BE-02", "BE-03", "BE-04", "BE-05", *(key for key in NORMEN if key.startswith("NE")))
_KEYS: Final = (*_IN_FRONT, *(key for key in NORMEN if key not in _IN_FRONT))
_ENDED: Final = {"BE-01": "AUS", "BE-02": "UNB", "BE-03": "TOD", "BE-04": "ABH", "BE-05": "EIN"}
_BY_SINGLES: Final = 22


def singles() -> Iterator[Fall]:
    """Single persons: the first half of all titles once each, then the difficult situations."""
    lands = count()
    for place, key in enumerate(_KEYS[:_BY_SINGLES]):
        patch = _ended(key) if key in _ENDED else {}
        writing = list(Schreibung)[place % len(Schreibung)]
        yield single(
            "A", "einzeln", patch, LAENDER[next(lands) % len(LAENDER)].key, titel=key, schreibung=writing,
            auch=(("G", key), *((("J", writing.name),) if writing is not Schreibung.SCHLICHT else ())),
        )  # fmt: skip
    for label, change in _difficult().items():
        yield single("A", "einzeln", change, LAENDER[next(lands) % len(LAENDER)].key, auch=(("G", label),))


def with_titles(cases: Iterable[Fall]) -> Iterator[Fall]:
    """The same cases, one after the other on the titles that `singles` has left over."""
    left = iter(_KEYS[_BY_SINGLES:])
    for case in cases:
        key = next(left, "AG-01")
        members = tuple(replace(member, auch=(*member.auch, ("G", key))) for member in case.mitglieder)
        yield replace(case, titel=key, mitglieder=members)


def blocks() -> Iterator[Fall]:
    """Persons whose data must not be passed on, or only seem so."""
    soon, past = day(STICHTAG + timedelta(days=30)), day(STICHTAG - timedelta(days=10))
    for label, blocks_now in (
        ("Auskunftssperre 3", [{"kennung": "3", "bis": day(STICHTAG + timedelta(days=600))}]),
        ("Auskunftssperre 11", [{"kennung": "11"}]),
        ("Übermittlungssperre AZRG § 4", [{"kennung": "AZR"}]),
        ("Zeugenschutz", [{"kennung": "11"}, {"kennung": "3"}]),
        ("Sperre abgelaufen", [{"kennung": "3", "bis": past}]),
        ("Sperre endet bald", [{"kennung": "3", "bis": soon}]),
        ("Adoptionspflege", [{"kennung": "1"}]),
        ("nur Werbewiderspruch", [{"kennung": "5"}, {"kennung": "13"}]),
    ):
        listed: list[Wert] = [dict(block) for block in blocks_now]
        yield single("I", label, {"sperre": listed}, titel="AG-01")
    restricted: list[Wert] = [{"feld": "personalien/staatsang"}, {"feld": "wohnung"}]
    yield single("I", "Verarbeitung eingeschränkt", {"einschraenkung": restricted}, titel="AG-01")
    yield single("I", "wird nach der Auslieferung gesperrt", {}, titel="AG-01")


def _ended(key: str) -> Patch:
    gone = day(STICHTAG - timedelta(days=50))
    patch: Patch = {"datei": "B", "aufenthalt.fortzug": gone, "aufenthalt.fortzugGrund": _ENDED[key]}
    if key == "BE-03":
        patch["personalien.sterbeDat"] = gone
    if key == "BE-05":
        patch["personalien.staatsang"] = ["000"]
    return patch


def _difficult() -> dict[str, Patch]:
    past = day(STICHTAG - timedelta(days=40))
    soon = day(STICHTAG + timedelta(days=100))
    rejected: Inhalt = {"stand": "30", "antragVom": "05.02.2022", "bescheidVom": "09.09.2022"}
    return {
        "abgelaufener Titel mit Fiktion": _titles(("AE-12", "10.04.2023", past), ("FB-01", past, soon)),
        "Gestattung und Duldung überlappen": _titles(("AG-01", "01.03.2023", soon), ("DU-04", past, soon)),
        "Lücke zwischen Titeln": _titles(("AE-11", "01.03.2020", "28.02.2023"), ("AE-11", "01.09.2023", soon)),
        "Duldung aus medizinischen Gründen": _titles(("DU-02", past, soon)),
        "§ 24 seit 2022": _titles(("AE-07", "15.03.2022", "04.03.2027")),
        "Niederlassungserlaubnis erteilt": _titles(("AE-11", "01.03.2018", past), ("NE-01", past, None)),
        "Anerkennung nicht bestandskräftig": _titles(("AG-01", "01.02.2024", soon))
        | {"asylakte": [{"stand": "21", "antragVom": "05.02.2024", "bescheidVom": past}]},
        "§ 12a endet im Schaltjahr": {
            "wohnsitzauflage": [{"grundlage": "12A", "ags": "05315000", "ort": "Köln", "bis": "29.02.2028"}]
        },
        "Folgeantrag nach Ablehnung": _titles(("AG-02", past, soon))
        | {"asylakte": [rejected | {"bestandskraft": "01.11.2022"}, {"stand": "10", "antragVom": past}]},
        "Dublin-Überstellung entschieden": _titles(("AG-03", past, soon)) | {"asylakte": [{"stand": "32"}]},
        "vollziehbar ausreisepflichtig": _titles(("AP-01", past, None)) | {"aufenthalt.ausreisepflichtigSeit": past},
    }


def _titles(*entries: tuple[str, str, str | None]) -> Patch:
    titles: list[Wert] = []
    for key, since, until in entries:
        title: Inhalt = {"schluessel": key, "norm": NORMEN[key], "von": since}
        titles.append(title | ({"bis": until} if until else {}))
    return {"aufenthaltstitel": titles}
