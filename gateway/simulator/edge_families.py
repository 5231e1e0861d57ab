"""Groups A and E: plain families, and families that no form foresees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from gateway.simulator.cases import Fall, Mitglied, Patch
from gateway.simulator.families import STICHTAG, Rolle
from gateway.simulator.record import Wert
from gateway.simulator.titles import NORMEN, day

_V, _M, _K, _S = Rolle.VATER, Rolle.MUTTER, Rolle.KIND, Rolle.ALLEIN

_PLAIN: Final = (
    (4, "475"), (3, "166"), (5, "423"), (4, "438"), (2, "166"), (5, "475"), (3, "439"), (5, "166"),
    (2, "224"),
)  # fmt: skip


def plain() -> Iterator[Fall]:
    """Ordinary families whose adults hold a checked passport."""
    for number, (size, land) in enumerate(_PLAIN):
        members = [_adult(land, _M if size == 2 else _V, number)]
        members += [_adult(land, _M, number + 50)] if size > 2 else []
        members += [Mitglied(rolle=_K) for _ in range(size - len(members))]
        yield Fall("A", "Familie", tuple(members), land, "AE-07" if land == "166" else ("AG-01", "AN-02")[number % 2])


def cases() -> Iterator[Fall]:
    """One case per kind of family."""
    baby = day(STICHTAG - timedelta(days=9))
    newborn: Patch = {
        "personalien.vorname": None, "personalien.ohneVorname": "J", "kennzeichen.azrNr": None,
        "personalien.gebOrt": "Köln", "personalien.gebStaat": "000", "personalien.gebDat": baby, "ausweis": None,
        "asylakte": None, "gesundheit": None, "aufenthalt": {"ersteinreise": baby, "zuzug": baby},
        "aufenthaltstitel": _title("AG-01", baby), "zuweisung": None, "wohnung": None,
    }  # fmt: skip
    yield _family("Neugeborenes ohne Vornamen", "475", "AG-01", (_V, {}), (_M, {}), (_K, {}), (_K, newborn))
    here: Patch = {"personalien.gebOrt": "Köln", "personalien.gebStaat": "000", "personalien.gebDat": "11.02.2025"}
    yield _family("Kind in Köln geboren, Eltern mit Gestattung", "423", "AG-01", (_V, {}), (_M, {}), (_K, here))
    yield _family(
        "gemischter Status", "438", "AG-01", (_V, {"aufenthaltstitel": _title("AE-11", "04.05.2023")}), (_M, {}),
        (_K, here | {"aufenthaltstitel": _title("AE-32", "12.02.2025")}),
    )  # fmt: skip
    away: Patch = {
        "zustaendigkeit.abhKz": "053160",
        "wohnung": [{"aktuell": "J", "wohnungsart": "WO", "str": "Birnbaumgasse", "hausNr": "940", "plz": "51373",
                     "ort": "Leverkusen", "ags": "05316000", "einzug": "01.07.2024"}],
    }  # fmt: skip
    yield _family("zwei Ausländerbehörden", "475", "AG-01", (_V, away), (_M, {}), (_K, {}), (_K, away))
    nameless: list[Wert] = [
        {"verhaeltnis": "EH", "famName": "Ḥaddād", "vorname": "Layth"}, {"verhaeltnis": "KI", "personennummer": "@1"},
    ]  # fmt: skip
    yield _family("Ehegatte nicht im Bestand", "475", "AG-01", (_M, {"familie.angehoeriger": nameless}), (_K, {}))
    unclear: Patch = {"personalien.famStand": "NB"}
    yield _family("nur religiös verheiratet", "423", "AN-02", (_V, unclear), (_M, unclear), (_K, {}), (_K, {}))
    yield _divorced()
    yield _polygamous()
    yield Fall("E", "unbegleitet, wird nächsten Monat volljährig", (_minor(),), "423", "DU-09")
    yield _grandparents()
    block: list[Wert] = [{"kennung": "3", "bis": day(STICHTAG + timedelta(days=700))}]
    yield _family("Elternteil mit Sperre, Kind ohne", "232", "AG-01", (_M, {"sperre": block}), (_K, {}))


def _adult(land: str, role: Rolle, number: int) -> Mitglied:
    passport: Wert = {
        "art": "07", "serienNr": f"P{number:08d}", "ausstStaat": land,
        "gueltigBis": day(STICHTAG + timedelta(days=900 + number)), "echtheit": "1",
    }  # fmt: skip
    return Mitglied({"ausweis": [passport]}, role)


def _title(key: str, since: str) -> list[Wert]:
    title: dict[str, Wert] = {"schluessel": key, "norm": NORMEN[key], "von": since, "bis": "01.05.2027"}
    return [title]


def _family(name: str, land: str, titel: str, *members: tuple[Rolle, Patch]) -> Fall:
    return Fall("E", name, tuple(Mitglied(patch, role) for role, patch in members), land, titel)


def _divorced() -> Fall:
    apart: Patch = {"personalien.famStand": "GS"}
    home: list[Wert] = [
        {"aktuell": "J", "wohnungsart": "WO", "str": "Am Alten Webstuhl", "hausNr": "1003", "plz": "51063",
         "ort": "Köln", "ags": "05315000", "stadtteilNr": "901", "einzug": "01.04.2026"},
    ]  # fmt: skip
    children: list[Wert] = [{"verhaeltnis": "KI", "personennummer": f"@{place}"} for place in (2, 3)]
    alone = apart | {"familie.angehoeriger": children}
    return _family(
        "geschieden", "439", "AE-11", (_V, alone | {"wohnung": home}), (_M, alone), (_K, {}), (_K, {})
    )  # fmt: skip


def _polygamous() -> Fall:
    def kin(*pairs: tuple[str, int]) -> Patch:
        return {"familie.angehoeriger": [{"verhaeltnis": kind, "personennummer": f"@{place}"} for kind, place in pairs]}

    return _family(
        "zwei Ehefrauen nach eigener Angabe", "273", "AG-01",
        (_V, kin(("EH", 1), ("EH", 2), ("KI", 3), ("KI", 4))), (_M, kin(("EH", 0), ("KI", 3))),
        (_M, kin(("EH", 0), ("KI", 4))), (_K, kin(("VA", 0), ("MU", 1), ("GE", 4))),
        (_K, kin(("VA", 0), ("MU", 2), ("GE", 3))),
    )  # fmt: skip


def _minor() -> Mitglied:
    guardian: list[Wert] = [{"art": "3", "stelle": "Stadt Köln, Amt für Kinder, Jugend und Familie"}]
    patch: Patch = {
        "personalien.gebDat": "05.12.2008", "personalien.gebDatHerkunft": "4", "familie.vertreter": guardian,
        "familie.uma": "J", "zustaendigkeit.jugendamt": "Jugendamt Köln",
        "zustaendigkeit.landeseinrichtung": "Landesstelle NRW", "kontakt": None,
        "wohnung": [{"aktuell": "J", "wohnungsart": "JH", "str": "Kastanienschleife", "hausNr": "905",
                     "plz": "50937", "ort": "Köln", "ags": "05315000", "stadtteilNr": "305", "einzug": "01.06.2024"}],
        "wohnsitzauflage": [{"grundlage": "12A", "ags": "05315000", "ort": "Köln", "bis": "29.02.2028"}],
    }  # fmt: skip
    return Mitglied(patch, _S)


def _grandparents() -> Fall:
    grandchild: list[Wert] = [{"verhaeltnis": "EN", "personennummer": "@2"}]
    carers: list[Wert] = [{"verhaeltnis": "GR", "personennummer": f"@{place}"} for place in (0, 1)]
    guardian: list[Wert] = [{"art": "2", "famName": "Tekle", "vorname": "Helen"}]
    child: Patch = {"familie.angehoeriger": carers, "familie.vertreter": guardian, "personalien.gebDat": "08.08.2016"}
    old: Patch = {"familie.angehoeriger": grandchild, "personalien.gebDat": "00.00.1957"}
    return _family("Großeltern sorgen", "224", "AG-01", (_V, old), (_M, old), (_K, child))
