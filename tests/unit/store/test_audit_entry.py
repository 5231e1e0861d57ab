"""The form of an entry: frozen for years, and without room for what a caller wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.errors import AuditError
from gateway.store.audit_entry import Disclosure, Entry, Kind, Personal, rfc3339
from tests.unit.store.audit_kit import A_CLERK, an_entry

NUMBER = "019ab1f0-9b3b-7000-8000-000000000001"
TIME = datetime(2026, 11, 23, 8, 0, 0, 123999, tzinfo=UTC)


def test_the_canonical_form_never_changes() -> None:
    """An entry written today reads byte for byte like this for as long as logs are kept."""
    content = an_entry().content(
        number=NUMBER, time=TIME, commitment=bytes(32), personal={"segment": "2026-11", "versiegelt": "ab"}
    )
    assert content == (
        b'{"anfrageDigest":"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",'
        b'"anwendung":"wohnung2000","art":"Offenlegung","ergebnis":"ok","fassung":3,'
        b'"festlegung":"0000000000000000000000000000000000000000000000000000000000000000","format":1,'
        b'"operation":"personAbrufen","persoenlich":{"segment":"2026-11","versiegelt":"ab"},'
        b'"personen":[{"felder":"1ff","person":"5e2c7a1e-9f4b-4c1d-8a54-3f1c2b7d9e60"}],'
        b'"protokollnummer":"019ab1f0-9b3b-7000-8000-000000000001","rechtsgrundlage":"DSV-2019-056",'
        b'"vertrag":1,"zeitpunkt":"2026-11-23T08:00:00.123Z",'
        b'"zertifikat":"sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc","zweck":"U1"}'
    )


def test_what_is_absent_is_not_there() -> None:
    """An entry has no null: what was not the case has no name in it."""
    entry = Entry(kind=Kind.ERHEBUNG, operation="abruf", outcome="ok", counts={"neu": 2, "geaendert": 0})
    tree = json.loads(entry.content(number=NUMBER, time=TIME, commitment=None, personal=None))
    assert tree == {
        "format": 1,
        "protokollnummer": NUMBER,
        "zeitpunkt": "2026-11-23T08:00:00.123Z",
        "art": "Erhebung",
        "operation": "abruf",
        "ergebnis": "ok",
        "anzahlen": {"neu": 2, "geaendert": 0},
    }


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("operation", ""),
        ("operation", "person abrufen"),
        ("outcome", "Fehler: Müller"),
        ("application", "wohnung 2000"),
        ("application", ""),
        ("purpose", "weil Frau Ö. umzieht"),
        ("legal_basis", "x" * 501),
        ("certificate", "sha256:zz"),
        ("request_digest", b"short"),
        ("refers_to", "no-number"),
        ("segment", "2026-13"),
        ("fassung", -1),
        ("major", 2**53),
        ("fassung", True),
        ("persons", (Disclosure("Ali Ö.", 1),)),
        ("persons", (Disclosure("a", -1),)),
        ("counts", {"Name mit Raum": 1}),
        ("counts", {"neu": -1}),
        ("personal", Personal(begruendung="\ud800")),
    ],
)
def test_a_part_of_another_form_is_refused_by_name(part: str, value: object) -> None:
    """What is not a code, a number or an id of the agreed form never gets into the trail, nor into the error."""
    parts: dict[str, object] = {"kind": Kind.ABFRAGE, "operation": "personSuchen", "outcome": "ok", part: value}
    with pytest.raises(AuditError, match=f"^audit entry: {part}: not of the agreed form$"):
        Entry(**parts)  # type: ignore[arg-type]  # wrong on purpose


def test_a_second_entry_says_which_one_it_speaks_of() -> None:
    """`nicht ausgeliefert` without the number of the first entry is refused."""
    with pytest.raises(AuditError, match="refers_to"):
        Entry(kind=Kind.NICHT_AUSGELIEFERT, operation="personAbrufen", outcome="signatur-fehler")


def test_personal_texts_are_in_no_representation() -> None:
    """Whoever logs an entry by mistake logs no personal text."""
    shown = repr(an_entry(personal=A_CLERK))
    assert not any(text in shown for text in A_CLERK.texts().values())


def test_times_are_utc_to_the_millisecond() -> None:
    """A time of any zone is written in UTC, cut and never rounded up; a time without zone is refused."""
    summer = datetime(2026, 7, 1, 0, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(summer) == "2026-06-30T22:30:00.999Z"
    assert rfc3339(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
    with pytest.raises(AuditError, match="time zone"):
        rfc3339(datetime(2026, 1, 1))
