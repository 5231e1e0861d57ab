"""What tests of the register share: a published table, and a house that releases it."""

from __future__ import annotations

from datetime import date

from gateway.model.statistic import Category, Dimension, Period, Published, Subject
from gateway.store import released as register
from gateway.store.audit import Personal
from gateway.store.released import Registered
from gateway.store.released_draft import EMPTY, Draft, Head, Report, drafted
from tests.unit.store.store_kit import NOW, House

SEX = Dimension(
    "geschlecht", "Geschlecht", (Category("1", "männlich"), Category("2", "weiblich"), Category("?", "n. b."))
)
AGE = Dimension("alter", "Altersgruppe", (Category("0-17", "unter 18"), Category("18+", "18 und älter")))
REPORT = Report(
    "bestand",
    1,
    "Bestand",
    "Probe",
    ("LStatG NRW",),
    "rat",
    {"mindestzahl": 5, "rundung": "keine"},
    'kennung = "bestand"\n',
)


def a_table(total: int = 20, day: date = date(2026, 10, 31)) -> Published:
    """A table by sex and by sex and age, in which a small number is withheld."""
    cells = {("1", "0-17"): None, ("1", "18+"): None, ("2", "0-17"): 8, ("2", "18+"): total, ("?", "18+"): 0}
    margins = {("geschlecht",): {("2",): 8 + total, ("1",): 7, ("?",): 0}, ("geschlecht", "alter"): cells, (): {(): 35}}
    return Published(Subject("bestand", Period(day, day)), (SEX, AGE), margins, base=1, noise=0)


def a_draft(report: Report, table: Published) -> Draft:
    """As a run would have made it that saw an empty register."""
    return drafted(report, table, run="0" * 36, known=NOW, seen=EMPTY, now=NOW)


def release(house: House, table: Published, after: Head | None = None, report: Report = REPORT) -> Registered:
    with house.database.write() as connection:
        head = register.read(connection).head if after is None else after
        return register.release(
            connection, house.trail, a_draft(report, table), after=head, now=house.now, clerk=Personal(kennung="sb1")
        )
