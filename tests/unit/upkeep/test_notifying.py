"""How late a notification is, and what the letter says: fields by name, never a value."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.agreements.city import load_city
from gateway.model.person import Person
from gateway.model.structure import grantable
from gateway.shipped import schemas
from gateway.store.persons import Notice, NoticeKind, Outstanding
from gateway.upkeep.notifying import Urgency, delays, field_names, letter
from tests.unit.store.store_kit import agreement

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
STREET = 1 << next(place for place, node in enumerate(grantable(Person)) if node.path == "anschrift.strasse")


@pytest.mark.parametrize(
    ("days", "urgency"),
    [(0, Urgency.FRESH), (3, Urgency.FRESH), (3.01, Urgency.LATE), (7, Urgency.LATE), (7.01, Urgency.TOO_LATE)],
)
def test_the_oldest_decides_how_late_it_is(days: float, urgency: Urgency) -> None:
    """More than three days are late, more than seven too late."""
    (found,) = delays([Outstanding("wohnung/1", True, 2, NOW - timedelta(days=days))], NOW)
    assert found.urgency is urgency


def test_a_letter_says_whom_what_and_why() -> None:
    """Office, sign, identifier, fields and what to do stand in it; without agreement it still can be written."""
    city = load_city(schemas() / "stadt.toml")
    for kind in NoticeKind:
        notice = Notice("n-1", "wohnung", kind, NOW, STREET, None, "kennung-1")
        text = letter(notice, agreement(), city, NOW.date())
        assert all(part in text for part in ("An: 56", "n-1", "kennung-1", "(anschrift.strasse)", "Artikel 19 DSGVO"))
        assert {"Berichtigung", "Löschung", "Einschränkung"} & set(text.split())
        assert max(map(len, text.splitlines())) < 160
        assert "das Amt, das die Anwendung betreibt" in letter(notice, None, city, NOW.date())


def test_no_fields_means_all() -> None:
    """A notice without fields is about everything that was told."""
    assert field_names(0) == ["alle Angaben, die Sie zu der Person erhalten haben"]
    assert len(field_names((1 << len(grantable(Person))) - 1)) == len(grantable(Person))
