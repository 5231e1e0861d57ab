"""Each thing counted is in exactly one category, and what must not be told apart is in one with the unknown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from gateway import shipped
from gateway.model.freigabe import release
from gateway.model.statistic import Cell
from gateway.statistics.definition import load_definitions
from gateway.statistics.features import FEATURES
from gateway.store.standing import Life
from tests.unit.statistics.lives import counted, document, home, life, status

DAY = date(2026, 3, 31)
SHIPPED = load_definitions(shipped.schemas())
FAMILY = {"familienverband": "F1"}
BLOCKED = {"auskunftssperre": [{"art": "3"}]}


def cells(report: str, *people: Life, day: date = DAY) -> dict[Cell, int]:
    return dict(counted(SHIPPED[report], day, *people).counts)


def only(report: str, *versions: Any, day: date = DAY) -> Cell | None:
    """The cell of the one person; None if it is not counted."""
    return next(iter(cells(report, life(*versions), day=day)), None)


def test_a_household_is_a_family_in_one_dwelling() -> None:
    """Family and dwelling together; in a shared accommodation its number is the dwelling; alone is one."""
    flat = [life(document(str(place), FAMILY)) for place in range(3)]
    elsewhere = life(document("4", FAMILY, anschrift=home(hausnummer="9")))
    stranger = life(document("5"))
    assert cells("unterbringung", *flat, elsewhere, stranger) == {
        ("wohnung", "1", "3"): 3,
        ("wohnung", "1", "1"): 2,
    }
    room = {"art": "gemeinschaftsunterkunft", "unterkunftskennung": "U1", "stadtteil": "901"}
    shared = [life(document(str(place), FAMILY, anschrift=home(**room, hausnummer=str(place)))) for place in range(7)]
    assert cells("unterbringung", *shared) == {("gemeinschaftsunterkunft", "9", "6+"): 7}


def test_who_is_hidden_counts_without_a_place() -> None:
    """Blocked, in a shelter or in prison: counted, with the others of whom the place is unknown; so is their family."""
    hidden = [
        document("1", BLOCKED),
        document("2", anschrift=home(art="schutzeinrichtung")),
        document("3", anschrift=home(art="jva")),
        document("4", {"auskunftssperre": [{"art": "11", "bis": "2026-03-31"}]}),
    ]
    assert cells("unterbringung", *map(life, hidden)) == {("sonstige", "unbekannt", "1"): 4}
    over = document("5", {"auskunftssperre": [{"art": "11", "bis": "2026-03-30"}]})
    other = document("6", {"auskunftssperre": [{"art": "1"}]})
    assert cells("unterbringung", life(over), life(other)) == {("wohnung", "1", "1"): 2}


def test_the_family_of_who_is_hidden_does_not_give_the_place_away() -> None:
    """Members of the family, whom the hidden person names, and who names it: none of them has a place."""
    blocked = life(document("1", {**BLOCKED, **FAMILY, "familie": [{"art": "kind", "personennummer": "3"}]}))
    member, named = life(document("2", FAMILY)), life(document("3"))
    naming = life(document("4", {"familie": [{"art": "elternteil", "personennummer": "1"}]}))
    neighbour = life(document("5"))
    assert cells("unterbringung", blocked, member, named, naming, neighbour) == {
        ("sonstige", "unbekannt", "2"): 2,
        ("sonstige", "unbekannt", "1"): 2,
        ("wohnung", "1", "1"): 1,
    }


def test_a_block_of_today_hides_in_every_earlier_table() -> None:
    """Who was blocked after the day, or after the moment of knowledge, is hidden in a table that is made today."""
    later = (datetime(2026, 6, 1, tzinfo=UTC), document("1", BLOCKED))
    assert only("unterbringung", document("1"), later) == ("sonstige", "unbekannt", "1")
    assert cells("unterbringung", life(document("1"), later, known=1)) == {("sonstige", "unbekannt", "1"): 1}
    lifted = (datetime(2026, 6, 1, tzinfo=UTC), document("1"))
    assert only("unterbringung", document("1", BLOCKED), lifted) == ("wohnung", "1", "1")


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ({"stadtteil": "913"}, "9"),
        ({"stadtteil": ""}, "unbekannt"),
        ({"stadtteil": "901", "gemeindeschluessel": "05313000"}, "unbekannt"),
    ],
)
def test_a_place_is_one_of_the_city_or_none(address: dict[str, str], place: str) -> None:
    """Another town and an unknown Stadtteil are one category."""
    assert only("unterbringung", document(anschrift=home(**address))) == ("wohnung", place, "1")


def test_nobody_without_address_is_lost() -> None:
    """Who has no address at all is counted as unknown."""
    assert only("unterbringung", document(anschrift=None)) == ("unbekannt", "unbekannt", "1")


def procedure(code: str, **days: str) -> dict[str, str]:
    return {"status": code, **days}


@pytest.mark.parametrize(
    ("stated", "cell"),
    [
        ({"ersteinreisedatum": "2025-04-01"}, ("unbekannt", "0", "keins")),
        ({"ersteinreisedatum": "2025-03-31"}, ("unbekannt", "1", "keins")),
        ({"ersteinreisedatum": "2021-04-01"}, ("unbekannt", "3-4", "keins")),
        ({"ersteinreisedatum": None, "zuzugsdatum": "2018-03-31"}, ("unbekannt", "8+", "keins")),
        ({"ersteinreisedatum": None, "zuzugsdatum": None}, ("unbekannt", "unbekannt", "keins")),
        (
            {"asylverfahren": [procedure("AS10", antragsdatum="2016-01-01", bestandskraftdatum="2026-03-31")]},
            ("unbekannt", "8+", "schutz"),
        ),
        (
            {"asylverfahren": [procedure("AS06", antragsdatum="2016-01-01", bestandskraftdatum="2026-04-01")]},
            ("unbekannt", "8+", "offen"),
        ),
        (
            {
                "asylverfahren": [
                    procedure("AS06", antragsdatum="2016-01-01", bestandskraftdatum="2017-01-01"),
                    procedure("AS03", antragsdatum="2026-01-01"),
                    procedure("AS03", antragsdatum="2026-04-01"),
                ]
            },
            ("unbekannt", "8+", "offen"),
        ),
        (
            {"asylverfahren": [procedure("AS06", antragsdatum="2016-01-01", bestandskraftdatum="2017-01-01")]},
            ("unbekannt", "8+", "ohneSchutz"),
        ),
    ],
)
def test_duration_of_stay_and_the_last_procedure(stated: dict[str, Any], cell: Cell) -> None:
    """Report (e): completed years since the entry; the last procedure that had begun, as far as it was final."""
    assert only("aufenthaltsdauer", document(**stated)) == cell


@pytest.mark.parametrize(
    ("born", "assigned", "begins"),
    [
        ("2019-09-30", None, "begonnen"),  # six by 30 September 2025
        ("2019-10-01", None, "naechstes"),  # 1 August 2026
        ("2020-09-30", None, "naechstes"),
        ("2020-10-01", None, "uebernaechstes"),
        ("2021-10-01", None, "spaeter"),
        ("2012-05-01", "2026-05-01", "laufend"),  # assigned to the city before 1 August
        ("2012-05-01", "2026-08-01", "naechstes"),
        ("2008-04-01", None, "begonnen"),  # 18 tomorrow
        ("2008-03-31", None, None),  # 18 today
    ],
)
def test_school_duty_by_school_year(born: str, assigned: str | None, begins: str | None) -> None:
    """A school year begins on 1 August; duty does not begin before the assignment, and ends with 18."""
    child = document(geburt={"datum": born}, zuzugsdatum=None, zuweisung={"datum": assigned} if assigned else None)
    assert only("schulpflicht", child) == (None if begins is None else ("101", begins))


def test_who_may_move_out_of_shared_accommodation() -> None:
    """AsylG § 53 Abs. 2: a title, or protection that is final, or not yet; who lives in a flat has moved already."""
    shared = {"anschrift": home(art="gemeinschaftsunterkunft")}
    granted = {"status": "AS10", "entscheidungsdatum": "2026-03-01", "bestandskraftdatum": "2026-03-31"}
    pending = {**granted, "bestandskraftdatum": "2026-04-01"}
    asking = [status("AG01", "2025-01-01")]
    assert only("auszug", document(**shared, aufenthaltsstatus=[status("AE11", "2026-03-31")])) == ("titel", "1", "1")
    told = document(**shared, aufenthaltsstatus=asking, asylverfahren=[granted])
    assert only("auszug", told) == ("anerkannt", "1", "1")
    open_yet = document(**shared, aufenthaltsstatus=asking, asylverfahren=[pending])
    assert only("auszug", open_yet) == ("entschieden", "1", "1")
    assert only("auszug", document(**shared, aufenthaltsstatus=asking)) is None
    assert only("auszug", document(aufenthaltsstatus=[status("AE11", "2026-03-31")])) is None


@pytest.mark.parametrize(
    ("born", "quarter"),
    [
        ("2008-03-31", None),  # 18 today
        ("2008-04-01", "1"),
        ("2008-06-30", "1"),  # three months from 31 March end on 30 June
        ("2008-07-01", "2"),
        ("2008-12-31", "3"),
        ("2009-03-31", "4"),
        ("2009-04-01", None),
    ],
)
def test_unaccompanied_minors_who_will_be_of_age(born: str, quarter: str | None) -> None:
    """Within twelve months from the day, by quarters of it."""
    minor = document(geburt={"datum": born}, unbegleiteterMinderjaehriger=True)
    assert only("volljaehrigkeit", minor) == (None if quarter is None else (quarter, "w"))
    assert only("volljaehrigkeit", document(geburt={"datum": born})) is None


def test_born_on_29_february_is_of_age_on_1_march() -> None:
    """BGB § 188 Abs. 2: 2026 has no 29 February."""
    minor = document(geburt={"datum": "2008-02-29"}, unbegleiteterMinderjaehriger=True)
    assert only("volljaehrigkeit", minor, day=date(2026, 2, 28)) == ("1", "w")
    assert only("volljaehrigkeit", minor, day=date(2026, 3, 1)) is None


@pytest.mark.parametrize(
    ("duties", "end"),
    [
        ([("W12A1", "2026-03-31")], "0"),
        ([("W12A1", "2026-03-30")], None),
        ([("W12A3", "2026-04-01")], "1"),
        ([("W12A1", "2027-03-31")], "4"),
        ([("W12A1", "2027-04-01")], "spaeter"),
        ([("W12A1", "2026-04-01"), ("W12A2", "2026-10-01")], "3"),
        ([("W12A1", None)], "unbefristet"),
        ([("W12A4", "2026-04-01")], None),
        ([("W60", "2026-04-01")], None),
        ([("W12A2", "2028-02-29")], "spaeter"),
    ],
)
def test_residence_duties_that_end_by_quarter(duties: list[tuple[str, str | None]], end: str | None) -> None:
    """A person counts once, by the last of its duties under § 12a; a duty holds on its last day."""
    told = [{"art": kind, **({"befristetBis": day} if day else {})} for kind, day in duties]
    assert only("wohnsitzpflicht", document(wohnsitzauflage=told)) == (None if end is None else ("unbekannt", end))


USES = {
    "statusgruppe": ("I01", "I03", "I04"),
    "staatsangehoerigkeit": ("C06",),
    "geschlecht": ("C05",),
    "altersgruppe": ("C01",),
    "unterkunft": ("E10",),
    "stadtbezirk": ("E08", "E09"),
    "stadtteil": ("E08", "E09"),
    "haushaltsgroesse": ("G01",),
    "aufenthaltsdauer": ("H01", "H02"),
    "entscheidung": ("J01", "J02", "J03", "J04"),
    "zugangsart": ("C01", "H02"),
    "abgangsart": ("C08", "H03", "H04"),
    "flueagNummer": ("I01", "I03", "I04", "I07", "H01", "K01"),
    "schulbeginn": ("M04",),
    "auszugsgrund": ("E10", "I01", "J01", "J03", "J04"),
    "volljaehrigIn": ("C01", "G05"),
    "endeDerPflicht": ("K03", "K05"),
}
"""The attributes of the catalogue that a feature tells something of."""


def test_the_release_matrix_allows_what_is_told() -> None:
    """Column ST15: aggregated or whole, for every attribute that any feature tells something of."""
    assert USES.keys() == FEATURES.keys()
    told = {attribute for attributes in USES.values() for attribute in attributes}
    assert {attribute: release("ST15", attribute) for attribute in told if release("ST15", attribute) not in "+v"} == {}
