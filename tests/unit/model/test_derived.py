"""What follows from a record on a given day."""

from __future__ import annotations

from datetime import date

import pytest

from gateway.model import codelists
from gateway.model.derived import Ableitung, derive
from gateway.model.types import Tree, Value
from tests.unit.model.records import record

TODAY = date(2026, 11, 23)


def _derive(tree: Tree, day: date = TODAY) -> Ableitung:
    return derive(tree, stichtag=day)


def _status(art: str, beginn: str | None = None, ende: str | None = None) -> Value:
    return {"art": art} | ({"beginn": beginn} if beginn else {}) | ({"ende": ende} if ende else {})


def _entitlement(*statuses: Value, **person: Value) -> Value:
    return _derive(record(None, aufenthaltsstatus=list(statuses), **person)).tree["unterbringungsanspruch"]


@pytest.mark.parametrize("code", codelists.load("aufenthaltsstatus").codes)
def test_each_status_entitles_as_its_row_says(code: str) -> None:
    """The entitlement of every status in force is that of its row; `–` means none."""
    row = codelists.load("aufenthaltsstatus").codes[code].columns["unterbringung"]
    assert _entitlement(_status(code)) == {"art": "KEINER" if row == "–" else row}


def test_a_plain_person() -> None:
    """Without status, blocks or restrictions nothing is claimed and nothing ever changes by itself."""
    assert _derive(record()) == Ableitung(
        tree={
            "unterbringungsanspruch": {"art": "KEINER"},
            "niederlassungserlaubnisErteilt": {"erteilt": False},
            "sperrvermerk": False,
            "verarbeitungEingeschraenkt": False,
        },
        azr_nummer_frei=True,
        gesperrt=False,
        verfallen=frozenset(),
        naechster_stichtag=None,
    )


def test_entitlement_carries_exact_days_only() -> None:
    """von and bis are told if they are known to the day."""
    assert _entitlement(_status("AG01", "2026-01-05", "2027-01-04")) == {
        "art": "P53",
        "von": "2026-01-05",
        "bis": "2027-01-04",
    }
    assert _entitlement(_status("AG01", "2026-01", "2027")) == {"art": "P53"}


def test_section_53_goes_before_flueag() -> None:
    """Who is both is told as P53, with the days of that status alone."""
    both = [_status("AE03", "2020-01-01"), _status("AG01", "2026-01-05")]
    assert _entitlement(*both) == {"art": "P53", "von": "2026-01-05"}


def test_overlapping_statuses_make_one_span() -> None:
    """Earliest beginning and latest end of those in force; an open one leaves the end open."""
    first, second = _status("AE07", "2024-01-01", "2026-12-31"), _status("AE08", "2026-06-01", "2027-02-28")
    assert _entitlement(first, second) == {"art": "FLUEAG", "von": "2024-01-01", "bis": "2027-02-28"}
    assert _entitlement(first, _status("AE07", "2026-01-01")) == {"art": "FLUEAG", "von": "2024-01-01"}


@pytest.mark.parametrize(
    ("beginn", "ende", "in_force"),
    [
        ("2026-11-23", "2026-11-23", True),
        ("2026-11-24", None, False),
        (None, "2026-11-22", False),
        ("2026-11", None, True),
        ("2026-12", None, False),
        (None, "2026-11", True),
        (None, "2026", True),
        (None, "2025", False),
        (None, "9999-12-31", True),
    ],
)
def test_bounds_are_inclusive(beginn: str | None, ende: str | None, in_force: bool) -> None:
    """A status is in force from its first possible to its last possible day."""
    found = _entitlement(_status("AE07", beginn, ende))
    assert isinstance(found, dict)
    assert (found["art"] == "FLUEAG") is in_force


def test_homeless_people_are_housed_by_public_order_law() -> None:
    """Without entitlement and without a dwelling: ORDNUNG; with an entitlement that stays."""
    assert _entitlement(anschrift={"art": "ohne"}) == {"art": "ORDNUNG"}
    assert _entitlement(_status("DU04"), anschrift={"art": "ohne"}) == {"art": "ORDNUNG"}
    assert _entitlement(_status("AE07"), anschrift={"art": "ohne"}) == {"art": "FLUEAG"}
    assert _entitlement(anschrift={"art": "unbekannt"}) == {"art": "KEINER"}


@pytest.mark.parametrize(
    "gone", [{"sterbedatum": "2026-11-23"}, {"sterbedatum": "2026"}, {"fortzugsdatum": "2026-11-23"}]
)
def test_nobody_who_is_gone_is_entitled(gone: Tree) -> None:
    """From the day of death or Fortzug there is no entitlement, not even as homeless, and no school duty."""
    tree = record(
        None,
        aufenthaltsstatus=[_status("AG01")],
        anschrift={"art": "ohne"},
        **{"geburt": {"datum": "2019-01-01"}, **gone},
    )
    assert _derive(tree).tree["unterbringungsanspruch"] == {"art": "KEINER"}
    assert "schulpflichtAb" not in _derive(tree).tree


def test_fortzug_to_come_ends_the_entitlement() -> None:
    """A known Fortzug is the end: the day before is the last, and the day itself is a boundary."""
    tree = record(None, aufenthaltsstatus=[_status("AG01", "2026-01-05")], fortzugsdatum="2026-12-01")
    assert _derive(tree).tree["unterbringungsanspruch"] == {"art": "P53", "von": "2026-01-05", "bis": "2026-11-30"}
    assert _derive(tree).naechster_stichtag == date(2026, 12, 1)


def test_an_ended_stay_ends_every_entitlement() -> None:
    """A status of the group `Aufenthalt beendet` outweighs others left open."""
    assert _entitlement(_status("AG01"), _status("BE02", "2026-10-01")) == {"art": "KEINER"}


@pytest.mark.parametrize("code", ["NE01", "NE02", "NE03", "NE04", "NE05"])
def test_unlimited_title_keeps_the_azr_number_inside(code: str) -> None:
    """From the day an unlimited title is granted the AZR number is not told (AZRG § 10 Abs. 4)."""
    tree = record(None, aufenthaltsstatus=[_status(code, "2026-11-24")])
    assert _derive(tree).azr_nummer_frei
    assert _derive(tree).naechster_stichtag == date(2026, 11, 24)
    granted = _derive(tree, date(2026, 11, 24))
    assert not granted.azr_nummer_frei
    assert granted.tree["niederlassungserlaubnisErteilt"] == {"erteilt": True, "datum": "2026-11-24"}


def test_the_azr_number_does_not_come_back() -> None:
    """A title that ended, or was granted on an unknown day, still keeps the number inside."""
    ended = _derive(record(None, aufenthaltsstatus=[_status("NE02", "2020-01-01", "2022-01-01")]))
    assert not ended.azr_nummer_frei
    assert ended.tree["niederlassungserlaubnisErteilt"] == {"erteilt": False}
    unknown = _derive(record(None, aufenthaltsstatus=[_status("NE02")]))
    assert not unknown.azr_nummer_frei
    assert unknown.tree["niederlassungserlaubnisErteilt"] == {"erteilt": True}


@pytest.mark.parametrize("kind", codelists.load("auskunftssperre").codes)
def test_blocks(kind: str) -> None:
    """Every block in force is told as Sperrvermerk; kinds 3 and 11 hide the person; the last day counts."""
    tree = record({"auskunftssperre": [{"art": kind, "bis": "2026-11-23"}]})
    assert _derive(tree).gesperrt is (kind in ("3", "11"))
    assert _derive(tree).tree["sperrvermerk"] is True
    assert _derive(tree).naechster_stichtag == date(2026, 11, 24)
    after = _derive(tree, date(2026, 11, 24))
    assert not after.gesperrt
    assert after.tree["sperrvermerk"] is False
    assert after.naechster_stichtag is None


def test_a_block_without_end_holds_for_ever() -> None:
    """No end, or the last day of the calendar: no boundary."""
    for block in ({"art": "3"}, {"art": "3", "bis": "9999-12-31"}):
        assert _derive(record({"auskunftssperre": [block]}), date.max).gesperrt
        assert _derive(record({"auskunftssperre": [block]})).naechster_stichtag is None


@pytest.mark.parametrize(
    ("birth", "assigned", "start"),
    [
        ("2020-09-30", None, "2026-08-01"),
        ("2020-10-01", None, "2027-08-01"),
        ("2020-01-01", None, "2026-08-01"),
        ("2020-12-31", None, "2027-08-01"),
        ("2020-09", None, "2026-08-01"),
        ("2020-10", None, "2027-08-01"),
        ("2020", None, "2026-08-01"),
        ("2015-03-01", "2026-10-05", "2026-10-05"),
        ("2020-03-01", "2026-07-31", "2026-08-01"),
        ("2026-11-20", None, "2033-08-01"),
        ("2008-11-24", None, "2015-08-01"),
        ("2008-11-23", None, None),
        ("1990-05-17", None, None),
        (None, None, None),
        ("9999-01-01", None, None),
        ("2009-01-01", "2027-01-01", None),
    ],
)
def test_school_duty(birth: str | None, assigned: str | None, start: str | None) -> None:
    """1 August of the year in which a child is six by 30 September, not before Zuweisung, not from 18 on."""
    person: Tree = {"geburt": {"datum": birth} if birth else {}}
    if assigned:
        person["zuweisung"] = {"datum": assigned}
    assert _derive(record(None, **person)).tree.get("schulpflichtAb") == start


def test_leap_day_children_are_of_age_on_1_march() -> None:
    """Who was born on 29 February is 18 on 1 March of a common year (BGB § 188 Abs. 2)."""
    tree = record(None, geburt={"datum": "2008-02-29"})
    assert "schulpflichtAb" in _derive(tree, date(2026, 2, 28)).tree
    assert _derive(tree, date(2026, 2, 28)).naechster_stichtag == date(2026, 3, 1)
    assert "schulpflichtAb" not in _derive(tree, date(2026, 3, 1)).tree


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ("2025-01-01", date(2026, 4, 1)),
        ("2025-03-31", date(2026, 4, 1)),
        ("2025-04-01", date(2026, 7, 1)),
        ("2025-12-31", date(2027, 1, 1)),
        ("2024-02-29", date(2025, 4, 1)),
    ],
)
def test_health_expires_a_year_after_its_quarter(told: str, end: date) -> None:
    """A value of health is told until 12 months after the end of its quarter and not a day longer."""
    tree = record(None, keineMedizinischenBedenkenGemeinschaftsunterkunft={"unbedenklich": True, "datum": told})
    before = _derive(tree, end.replace(day=1) - (date(2026, 1, 2) - date(2026, 1, 1)))
    assert before.verfallen == frozenset()
    assert before.naechster_stichtag == end
    assert _derive(tree, end).verfallen == {"keineMedizinischenBedenkenGemeinschaftsunterkunft"}


def test_of_a_list_only_what_is_in_time_is_told() -> None:
    """What has expired is left out of the list; nothing left, or no date: the field has expired."""
    old, new = {"art": "masern", "datum": "2020-01-01"}, {"art": "mumps", "datum": "2026-11-01"}
    assert _derive(record(None, impfung=[old, new])).tree["impfung"] == [new]
    assert "impfung" not in _derive(record(None, impfung=[new])).tree
    assert _derive(record(None, impfung=[old])).verfallen == {"impfung"}
    assert _derive(record(None, gesundheitsuntersuchung=[{"art": "ASYL62"}])).verfallen == {"gesundheitsuntersuchung"}


def test_medical_duldung_is_laid_over() -> None:
    """The statuses lie over the record in generic form if one is medical, and only then."""
    statuses: list[Value] = [_status("AG01", "2020-01-01"), _status("DU02", "2026-01-01")]
    assert _derive(record(None, aufenthaltsstatus=statuses)).tree["aufenthaltsstatus"] == [
        statuses[0],
        _status("DU04", "2026-01-01"),
    ]
    assert "aufenthaltsstatus" not in _derive(record(None, aufenthaltsstatus=[_status("DU03")])).tree


def test_residence_obligation_that_ends_is_a_boundary() -> None:
    """The day after an obligation ends everything is looked at again (leap year included)."""
    tree = record(None, wohnsitzauflage=[{"art": "W12A1", "befristetBis": "2028-02-28"}])
    assert _derive(tree).naechster_stichtag == date(2028, 2, 29)


def test_contested_values_are_not_used_for_what_is_told() -> None:
    """What is restricted neither entitles nor starts a duty; the hint remains (DSGVO Art. 18)."""
    tree = record(
        {"eingeschraenkt": ["aufenthaltsstatus.art", "geburt"]},
        aufenthaltsstatus=[_status("AG01", "2026-01-01"), _status("NE01", "2026-01-01")],
        geburt={"datum": "2019-01-01"},
    )
    found = _derive(tree)
    assert found.tree == {
        "unterbringungsanspruch": {"art": "KEINER"},
        "niederlassungserlaubnisErteilt": {"erteilt": False},
        "sperrvermerk": False,
        "verarbeitungEingeschraenkt": True,
    }
    assert not found.azr_nummer_frei


def test_the_earliest_boundary_is_named() -> None:
    """Of several days to come the next one is named, never today or the past."""
    tree = record(
        {"auskunftssperre": [{"art": "5", "bis": "2027-05-05"}]},
        aufenthaltsstatus=[_status("AG01", "2026-01-01", "2026-12-31"), _status("AE11", "2027-01-01")],
    )
    days = [TODAY]
    while (found := _derive(tree, days[-1]).naechster_stichtag) is not None:
        days.append(found)
    assert days == [TODAY, date(2027, 1, 1), date(2027, 5, 6)]
