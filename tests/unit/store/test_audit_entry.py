"""The form of an entry: frozen for years, and without room for what a caller wrote."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import AuditError
from gateway.store.audit_chain import batch_content
from gateway.store.audit_entry import Disclosure, Entry, Kind, Personal, rfc3339
from gateway.store.audit_personal import seal
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


_ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_WORDS = st.from_regex("[A-Za-z0-9_.-]{1,60}", fullmatch=True)
_COUNTED = st.integers(0, 2**53 - 1)
ENTRIES = st.builds(
    Entry,
    kind=st.sampled_from([kind for kind in Kind if kind is not Kind.NICHT_AUSGELIEFERT]),
    operation=_WORDS,
    outcome=_WORDS,
    application=st.none() | _WORDS,
    purpose=st.none() | st.from_regex("[A-Za-z0-9._-]{1,20}", fullmatch=True),
    legal_basis=st.none() | _ANY.filter(lambda text: "\n" not in text),
    fassung=st.none() | _COUNTED,
    major=st.none() | _COUNTED,
    certificate=st.none() | st.from_regex("sha256:[0-9a-f]{64}", fullmatch=True),
    request_digest=st.none() | st.binary(min_size=32, max_size=32),
    persons=st.lists(
        st.builds(Disclosure, st.from_regex("[0-9A-Za-z_-]{1,64}", fullmatch=True), st.integers(0, 2**90)), max_size=3
    ).map(tuple),
    counts=st.dictionaries(st.from_regex("[A-Za-z0-9_-]{1,60}", fullmatch=True), _COUNTED, max_size=3),
    refers_to=st.none() | st.uuids().map(str),
    segment=st.none() | st.just("2026-11"),
)


@settings(max_examples=100, deadline=None)
@given(ENTRIES, st.none() | st.binary(min_size=32, max_size=32), st.none() | st.dictionaries(_WORDS, _ANY, max_size=3))
def test_every_entry_is_canonical_json(entry: Entry, commitment: bytes | None, personal: dict[str, str] | None) -> None:
    """Whatever an entry says, its bytes are those that the library for RFC 8785 makes of it."""
    tree = {
        "format": 1,
        "protokollnummer": NUMBER,
        "zeitpunkt": "2026-11-23T08:00:00.123Z",
        "art": entry.kind.value,
        "anwendung": entry.application,
        "operation": entry.operation,
        "zweck": entry.purpose,
        "rechtsgrundlage": entry.legal_basis,
        "fassung": entry.fassung,
        "vertrag": entry.major,
        "zertifikat": entry.certificate,
        "anfrageDigest": entry.request_digest.hex() if entry.request_digest is not None else None,
        "personen": [{"person": one.person, "felder": f"{one.fields:x}"} for one in entry.persons] or None,
        "anzahlen": dict(entry.counts) or None,
        "ergebnis": entry.outcome,
        "bezug": entry.refers_to,
        "segment": entry.segment,
        "festlegung": commitment.hex() if commitment is not None else None,
        "persoenlich": personal or None,
    }
    told = {name: part for name, part in tree.items() if part is not None}
    content = entry.content(number=NUMBER, time=TIME, commitment=commitment, personal=personal)
    assert content == rfc8785.dumps(told)  # type: ignore[arg-type]  # trees, as its types cannot say


@given(_COUNTED, st.binary(min_size=32, max_size=32))
def test_a_batch_is_canonical_json(number: int, digest: bytes) -> None:
    """What a batch's row says is hashed in the bytes that the library for RFC 8785 makes of it."""
    link: dict[str, int | bytes] = {
        "number": number,
        "previous": digest,
        "root": digest[::-1],
        "entries": number,
        "total": number,
    }
    names = {"number": "block", "previous": "vorgaenger", "root": "wurzel", "entries": "anzahl", "total": "gesamt"}
    told: dict[str, int | str] = {"format": 1, "zeitpunkt": "2026-11-23T08:00:00.123Z"}
    told |= {names[name]: part.hex() if isinstance(part, bytes) else part for name, part in link.items()}
    written = batch_content(**link, time="2026-11-23T08:00:00.123Z")  # type: ignore[arg-type]  # one dict serves both
    assert written == rfc8785.dumps(told)


class Glass:
    """A vault through which one sees."""

    def seal(self, _key: bytes, plain: bytes, *_bound: object) -> bytes:
        return plain


@settings(deadline=None)
@given(st.builds(Personal, *[st.none() | _ANY] * 3))
def test_personal_texts_are_sealed_as_canonical_json(personal: Personal) -> None:
    """What is sealed are the bytes that the library for RFC 8785 makes of the texts and their salts."""
    sealed = seal(personal, Glass(), b"", number=NUMBER, segment="2026-11", randomness=bytes).sealed  # type: ignore[arg-type]  # nothing else is asked of it
    told = {name: {"text": text, "salt": "00" * 32} for name, text in personal.texts().items()}
    assert sealed == rfc8785.dumps(told)


@settings(deadline=None)
@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_is_told_in_utc_to_the_millisecond(moment: datetime) -> None:
    """Any moment reads as the standard library writes it."""
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:  # before the year 1, or after 9999
        return
    assert rfc3339(moment) == utc.isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
        ("major", False),
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
