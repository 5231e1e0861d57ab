"""Which version of an agreement is responsible on which day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gateway.agreements.agreement import Agreement
from gateway.agreements.load import load_agreement
from gateway.agreements.versions import by_stream, in_force
from gateway.shipped import schemas

BASIC = load_agreement(schemas() / "wohnung2000" / "agreement.toml")


def version(number: int, first: date, last: date, **more: object) -> Agreement:
    return replace(BASIC, version=number, valid_from=first, valid_to=last, **more)  # type: ignore[arg-type]  # fields of an Agreement


FIRST = version(1, date(2024, 1, 1), date(2024, 12, 31))
SECOND = version(2, date(2025, 1, 1), date(2025, 6, 30))
LATER = version(3, date(2025, 9, 1), date(2025, 12, 31))
EVERY = by_stream([LATER, FIRST, SECOND])


@pytest.mark.parametrize(
    ("day", "number", "held"),
    [
        (date(2023, 1, 1), 1, False),
        (date(2024, 1, 1), 1, True),
        (date(2024, 12, 31), 1, True),
        (date(2025, 1, 1), 2, True),
        (date(2025, 7, 1), 2, False),
        (date(2025, 9, 1), 3, True),
        (date(2026, 1, 1), 3, False),
    ],
)
def test_each_day_has_its_version(day: date, number: int, held: bool) -> None:
    """The last version to have begun is responsible; in a gap and after the end nobody is served under it."""
    assert EVERY["wohnung2000/1"].on(day).version == number
    assert [one.version for one in in_force(EVERY, day).values()] == ([number] if held else [])


def test_a_following_version_carries_the_service_on() -> None:
    """The end of the service is that of the last version that follows without a gap."""
    versions = EVERY["wohnung2000/1"]
    assert versions.end(date(2024, 5, 1)) == date(2025, 6, 30)
    assert versions.end(date(2025, 10, 1)) == date(2025, 12, 31)
    assert versions.following(date(2025, 2, 1)) == LATER
    assert versions.following(date(2025, 10, 1)) is None
    unlimited = by_stream([FIRST, version(2, date(2025, 1, 1), date.max)])["wohnung2000/1"]
    assert unlimited.end(date(2025, 5, 1)) == date.max


def test_majors_are_apart() -> None:
    """Two contract majors of one application are in force side by side, each with versions of its own."""
    both = by_stream([FIRST, replace(SECOND, major=2, valid_from=FIRST.valid_from)])
    assert sorted(in_force(both, date(2024, 6, 1))) == ["wohnung2000/1", "wohnung2000/2"]
