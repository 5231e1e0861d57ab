"""Residence titles as the case system writes them, and what goes with each: norm, asylum file, right to work."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Final

from gateway.simulator.record import Inhalt, Wert

NORMEN: Final = {
    "AN-01": "AsylG § 13",
    "AN-02": "AsylG § 63a",
    "AG-01": "AsylG § 55",
    "AG-02": "AsylG §§ 71, 71a",
    "AG-03": "AsylG § 29",
    "UE-01": "AufenthG § 15a",
    "AE-01": "AufenthG § 22 S. 1",
    "AE-02": "AufenthG § 22 S. 2",
    "AE-03": "AufenthG § 23(1)",
    "AE-04": "AufenthG § 23(2)",
    "AE-05": "AufenthG § 23(4)",
    "AE-06": "AufenthG § 23a",
    "AE-07": "AufenthG § 24",
    "AE-08": "AufenthG §§ 24, 81",
    "AE-10": "AufenthG § 25(1)",
    "AE-11": "AufenthG § 25(2)",
    "AE-12": "AufenthG § 25(2)",
    "AE-13": "AufenthG § 25(3)",
    "AE-14": "AufenthG § 25(4) S. 1",
    "AE-15": "AufenthG § 25(4) S. 2",
    "AE-16": "AufenthG § 25(5)",
    "AE-17": "AufenthG § 25a(1)",
    "AE-18": "AufenthG § 25a(2)",
    "AE-19": "AufenthG § 25b(1)",
    "AE-20": "AufenthG § 25b(4)",
    "AE-30": "AufenthG §§ 30, 32, 36",
    "AE-31": "AufenthG § 36a",
    "AE-32": "AufenthG § 33",
    "AE-90": "AufenthG § 7 u. a.",
    "NE-01": "AufenthG § 26(3)",
    "NE-02": "AufenthG § 26(4)",
    "NE-03": "AufenthG § 23",
    "NE-04": "AufenthG § 9",
    "NE-05": "AufenthG § 9a",
    "FB-01": "AufenthG § 81",
    "DU-01": "AufenthG § 60a(2) S. 1",
    "DU-02": "AufenthG § 60a(2) S. 1",
    "DU-03": "AufenthG § 60a(2) S. 1",
    "DU-04": "AufenthG § 60a(2) S. 1",
    "DU-05": "AufenthG § 60a(2) S. 3",
    "DU-06": "AufenthG § 60c",
    "DU-07": "AufenthG § 60d",
    "DU-08": "AufenthG § 60b",
    "DU-09": "AufenthG §§ 58(1a), 60a",
    "AP-01": "AufenthG §§ 50, 58",
    "BE-01": "AufenthV § 67",
    "BE-02": "AufenthV § 67",
    "BE-03": "AufenthV § 67(1) Nr. 1",
    "BE-04": "AufenthV § 67",
    "BE-05": "AufenthV § 67(1) Nr. 3",
}
"""Every key of a title with its legal basis."""

ANSPRUCH: Final = (
    ("AG-01",) * 9 + ("AE-07",) * 7 + ("AN-02",) * 3 + ("AG-02", "AG-03", "UE-01", "AE-03", "AN-01", "AE-08")
)
"""Titles whose holders the city must house (AsylG § 53, FlüAG NRW § 2), weighted by repetition."""

OHNE_ANSPRUCH: Final = tuple(key for key in NORMEN if key not in ANSPRUCH and not key.startswith("BE"))

_ASYL: Final = {
    "AN-02": "10", "AG-01": "10", "AG-02": "10", "AG-03": "32", "AE-10": "20", "AE-11": "21", "AE-12": "22",
    "AE-13": "23", "NE-01": "21", "DU-01": "30", "DU-02": "30", "DU-03": "30", "DU-04": "31", "DU-05": "30",
    "DU-08": "31", "AP-01": "30",
}  # fmt: skip


def day(when: date) -> str:
    """A calendar day as the case system writes it: TT.MM.JJJJ."""
    return f"{when.day:02d}.{when.month:02d}.{when.year:04d}"


def title(random: Random, key: str, since: date, reference: date) -> Inhalt:
    """The title `key` in force on the day `reference`, unlimited where the law says so."""
    entry: Inhalt = {"schluessel": key, "norm": NORMEN[key], "von": day(since)}
    if not key.startswith(("NE", "BE", "AP", "AN")):
        entry["bis"] = day(reference + timedelta(days=random.randint(40, 900)))
    if key.startswith(("AE", "NE", "FB")):
        entry["dokNr"] = f"Y{random.randint(0, 99_999_999):08d}"
    elif key.startswith("AG"):
        entry["dokNr"] = f"V{random.randint(0, 9_999_999):07d}"
    return entry


def asylum(random: Random, key: str, entry: date) -> list[Wert]:
    """The asylum files that lead to the title `key`; none for those who never asked for asylum."""
    state = _ASYL.get(key)
    if state is None:
        return []
    applied = entry + timedelta(days=random.randint(5, 60))
    file: Inhalt = {"stand": state, "antragVom": day(applied)}
    if state != "10":
        decided = applied + timedelta(days=random.randint(90, 400))
        file |= {"bescheidVom": day(decided), "bestandskraft": day(decided + timedelta(days=random.randint(15, 60)))}
    if key == "AG-02":
        return [file | {"stand": "30"}, {"stand": "10", "antragVom": day(applied + timedelta(days=300))}]
    return [file]


def work(key: str) -> str:
    """The extent of the right to work that usually goes with the title."""
    if key.startswith(("AE", "NE", "FB")):
        return "E"
    return "Z" if key.startswith(("AG", "DU")) else "N"


def residence_rule(key: str, entry: date) -> list[Wert]:
    """The obligation to live somewhere that usually goes with the title."""
    koeln: Inhalt = {"ags": "05315000", "ort": "Köln", "kreis": "05315", "land": "05"}
    if key.startswith("AG"):
        return [{"grundlage": "60A"} | koeln]
    if key in ("AE-10", "AE-11", "AE-12", "AE-13"):
        return [{"grundlage": "12A"} | koeln | {"bis": day(_later(entry, years=3))}]
    return [{"grundlage": "61A", "land": "05"}] if key.startswith("DU") else []


def _later(when: date, *, years: int) -> date:
    leap_day = when.month == 2 and when.day == 29
    return date(when.year + years, 3, 1) if leap_day else when.replace(year=when.year + years)
