"""Health: every check is made to fail for real, and says so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway.agreements.document import ROLES
from gateway.app import build
from gateway.health import CHECKS, Finding, State, examine, worst
from gateway.store import backup
from gateway.store.reconciled import Outcome, Reconciled
from gateway.wire import issuing
from gateway.wire.issuing import Term
from tests.unit.exchange.house import message
from tests.unit.place import NOW, Place
from tests.unit.store.store_kit import Holding

Spoil = Callable[[Place], object]


@pytest.fixture(autouse=True)
def _no_source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is asked only where it is the subject: it is asked more than once, with pauses."""
    if "source" not in request.node.name:
        monkeypatch.delitem(CHECKS, "source")


def findings(place: Place, *, now: datetime = NOW) -> dict[str, Finding]:
    return {finding.check: finding for finding in examine(place.settings, now)}


def finding(place: Place, name: str, *, now: datetime = NOW) -> Finding:
    """One finding; checks of other things, some of them dear, are not run."""
    word = name.split(maxsplit=1)[0].rstrip("s")
    with pytest.MonkeyPatch.context() as patch:
        for check in [one for one in CHECKS if one.split()[0].rstrip("s") != word]:
            patch.delitem(CHECKS, check)
        assert CHECKS, name
        return findings(place, now=now)[name]


def state(place: Place, check: str, *, now: datetime = NOW) -> State:
    return finding(place, check, now=now).state


def audited(place: Place, requests: int = 1, *, at: datetime = NOW) -> None:
    """Some requests were answered, and the process ended in good order."""
    with build(place.settings, clock=lambda: at) as app:
        for _ in range(requests):
            place.ask(app, "wohnung2000", message())


def polled(place: Place, stand: datetime) -> None:
    with build(place.settings, clock=lambda: NOW) as app:
        Holding(app.store, app.database).finish_poll("okvisa", stand, stand)
        app.store.note_reconciliation("okvisa", Reconciled(Outcome.BEGUN, stand, None, {}))


def test_a_sound_installation_is_ok_where_it_stands(place: Place) -> None:
    """What needs neither server nor source is OK after a poll, an answer and a backup."""
    audited(place)
    polled(place, NOW)
    with build(place.settings, clock=lambda: NOW) as app:
        backup.remember(app.database, NOW)
    found = findings(place)
    wrong = {name for name, one in found.items() if one.state is not State.OK and not name.startswith("approval ")}
    assert wrong == {"server", "workers"}


def test_a_server_or_source_that_does_not_answer_is_critical(place: Place) -> None:
    """Nobody listens on either port: both are named, and the whole is CRITICAL."""
    place.edit("settings.toml", "port = 8443", "port = 1")
    found = findings(place)
    assert found["server"].state is found["source"].state is State.CRITICAL
    assert worst(list(found.values())) is State.CRITICAL


def test_a_missing_database_is_critical_and_stays_missing(place: Place) -> None:
    """Looking never creates what it looks for."""
    (place.folder / "gateway.sqlite").unlink()
    assert state(place, "database") is State.CRITICAL
    assert not list(place.folder.glob("gateway.sqlite*"))


def test_tables_of_an_older_version_are_critical(place: Place) -> None:
    """A database that lacks the last migration is named with its remedy."""
    place.execute("UPDATE alembic_version SET version_num = '0001'")
    found = finding(place, "database")
    assert found.state is State.CRITICAL
    assert "gateway db upgrade" in found.remedy + found.text


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [(0, State.OK), (30, State.OK), (31, State.WARNING), (121, State.CRITICAL), (-4, State.OK), (-6, State.CRITICAL)],
)
def test_the_age_of_the_data_is_told(place: Place, minutes: int, expected: State) -> None:
    """Older than agreed warns, four times as old is critical, and so is a moment that has not come yet."""
    polled(place, NOW - timedelta(minutes=minutes))
    assert state(place, "freshness") is expected


def test_no_poll_yet_is_critical(place: Place) -> None:
    """An empty store is never fresh."""
    assert state(place, "freshness") is State.CRITICAL


def test_a_certificate_is_judged_by_the_clock(place: Place) -> None:
    """It warns before its end, is critical at its end, after it, and before its beginning."""
    days = {300: State.OK, 340: State.WARNING, 360: State.CRITICAL, 400: State.CRITICAL, -1: State.CRITICAL}
    for after, expected in days.items():
        for name in ("certificate server", "certificate signing rsa-sha256"):
            assert state(place, name, now=NOW + timedelta(days=after)) is expected, (name, after)


def test_every_certificate_of_a_file_counts(place: Place, made: Place) -> None:
    """A client CA file is as good as the first of its certificates to end."""
    later = finding(place, "certificate client CA", now=NOW + timedelta(days=340))
    path = place.folder / "tls" / "ca.pem"
    path.write_bytes(path.read_bytes() + b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n")
    broken = findings(place, now=NOW)
    assert later.state is State.WARNING
    assert broken["certificates"].state is State.CRITICAL


def test_an_agreement_that_ended_or_has_not_begun_is_critical(place: Place) -> None:
    """Both serve nobody."""
    path = "schemas/wohnung2000/agreement.toml"
    place.edit(path, "gueltig_bis = 2027-12-31", "gueltig_bis = 2026-11-22")
    assert "expired" in finding(place, "agreement wohnung2000/1").text
    assert state(place, "agreement wohnung2000/1") is State.CRITICAL
    assert state(place, "agreement sozialamt/1") is State.OK
    assert state(place, "agreement sozialamt/1", now=NOW - timedelta(days=9000)) is State.CRITICAL


def test_an_application_without_a_pin_is_a_warning(place: Place) -> None:
    """Nobody could call it."""
    text = (place.folder / "settings.toml").read_text("utf-8")
    (place.folder / "settings.toml").write_text(text[: text.index("[pins]")], "utf-8")
    assert state(place, "pins wohnung2000/1") is State.WARNING


@pytest.mark.parametrize("file", ["wsdl/wohnung2000-1.wsdl", "schemas/sozialamt/sozialamt-1.xsd"])
def test_one_byte_of_a_contract_is_critical(place: Place, file: str) -> None:
    """What is published is compared with what model and agreement give."""
    assert "contracts" not in findings(place)
    path = place.folder / file
    path.write_bytes(path.read_bytes() + b"\n")
    found = finding(place, "contracts")
    assert found.state is State.CRITICAL
    assert path.name in found.text


def test_an_edited_audit_entry_is_critical(place: Place) -> None:
    """The chain is read, not assumed."""
    audited(place)
    assert state(place, "audit") is State.OK
    place.execute("UPDATE audit_entry SET content = replace(content, 'a', 'b')")
    found = finding(place, "audit")
    assert found.state is State.CRITICAL
    assert found.text.startswith("VERLETZT")


def test_a_deleted_anchor_file_is_a_warning(place: Place) -> None:
    """A trail with entries and without checkpoints proves little, and the finding says why."""
    audited(place)
    (place.folder / "audit.anchor").unlink()
    found = finding(place, "audit")
    assert found.state is State.WARNING
    assert "Ankerdatei fehlt" in found.text
    assert not (place.folder / "audit.anchor").exists()


def test_a_removed_tail_is_critical(place: Place) -> None:
    """A database from before the last checkpoint is found out by the anchor."""
    before = (place.folder / "gateway.sqlite").read_bytes()
    audited(place)
    for path in place.folder.glob("gateway.sqlite*"):
        path.unlink()
    (place.folder / "gateway.sqlite").write_bytes(before)
    assert state(place, "audit") is State.CRITICAL


def test_entries_that_nobody_anchors_are_a_warning(place: Place, tmp_path: Path) -> None:
    """Entries older than five minutes without a checkpoint mean that none can be written."""
    audited(place)
    anchor = (place.folder / "audit.anchor").read_bytes()
    assert "audit checkpoint" not in findings(place)
    audited(place)
    (place.folder / "audit.anchor").write_bytes(anchor)
    assert state(place, "audit checkpoint", now=NOW + timedelta(minutes=1)) is State.OK
    late = finding(place, "audit checkpoint", now=NOW + timedelta(minutes=6))
    assert (late.state, late.value) == (State.WARNING, 1)


def test_who_meets_a_limit_appears(place: Place) -> None:
    """An application refused at a limit of its agreement is a warning for an hour, and then no more."""
    assert state(place, "limits") is State.OK
    place.edit("schemas/wohnung2000/agreement.toml", "anfragen_je_minute = 60000", "anfragen_je_minute = 1")
    audited(place, requests=3)
    met = finding(place, "limits wohnung2000")
    assert (met.state, met.value) == (State.WARNING, 2)
    assert state(place, "limits", now=NOW + timedelta(minutes=61)) is State.OK


def mode(name: str, bits: int) -> Spoil:
    return lambda place: (place.folder / name).chmod(bits)


@pytest.mark.parametrize(
    ("check", "spoil", "expected"),
    [
        ("keys", mode("keys/checkpoint.key", 0o644), State.CRITICAL),
        ("keys", mode("keys/index.key", 0o644), State.CRITICAL),
        ("key signing rsa-sha256", mode("signing/rsa.key", 0o644), State.CRITICAL),
        ("key signing ecdsa-p256-sha256", mode("signing/ec.key", 0o620), State.CRITICAL),
        ("key server", mode("tls/server.key", 0o604), State.CRITICAL),
        ("key server", mode("tls/server.key", 0o640), State.WARNING),
        ("keys", lambda place: shutil.copy(place.folder / "signing/ec.key", place.folder / "signing/rsa.key"), 2),
        ("keys", lambda place: shutil.rmtree(place.folder / "keys"), State.CRITICAL),
    ],
)
def test_a_key_that_others_may_read_or_that_does_not_fit_is_told(
    place: Place, check: str, spoil: Spoil, expected: State
) -> None:
    """Vault, checkpoint, signing and TLS keys alike."""
    spoil(place)
    assert state(place, check) is State(expected)


def test_a_full_disk_is_critical(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file system on which something must be written before an answer leaves is looked at."""
    usage = shutil.disk_usage(place.folder)._replace(free=499 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: usage)
    assert {one.state for name, one in findings(place).items() if name.startswith("disk")} == {State.CRITICAL}


def test_a_check_that_breaks_is_critical_without_its_error(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unforeseen error is named by its class; its text could hold anything."""

    def broken(*_args: object, **_more: object) -> None:
        raise RuntimeError("Geheimfrau")

    monkeypatch.setattr("gateway.health.finding.overview", broken)
    found = findings(place)
    assert (found["freshness"].state, found["erasures"].state) == (State.CRITICAL, State.CRITICAL)
    assert "RuntimeError" in found["freshness"].text
    assert "Geheimfrau" not in repr(found)


def test_the_worst_state_is_the_state_of_the_whole() -> None:
    """CRITICAL before UNKNOWN before WARNING before OK; nothing looked at is UNKNOWN."""
    one = {each: Finding("x", each, "") for each in State}
    assert worst([]) is State.UNKNOWN
    assert worst([one[State.OK]]) is State.OK
    assert worst([one[State.OK], one[State.WARNING]]) is State.WARNING
    assert worst([one[State.WARNING], one[State.UNKNOWN]]) is State.UNKNOWN
    assert worst(list(one.values())) is State.CRITICAL


def test_nothing_of_the_installation_is_changed_by_looking(place: Place) -> None:
    """Every file is as it was, and none is new."""
    audited(place)

    def picture() -> dict[Path, bytes]:
        left_by_sqlite = ("-wal", "-shm")
        files = (path for path in place.folder.rglob("*") if path.is_file() and path.name[-4:] not in left_by_sqlite)
        return {path: path.read_bytes() for path in files}

    before = picture()
    examine(place.settings, NOW)
    assert picture() == before
    assert os.access(place.folder / "gateway.sqlite", os.R_OK)


WOHNUNG = "schemas/wohnung2000/agreement.toml"
APPROVAL = "approval wohnung2000/1 fassung 3"


def sign_as_offices(place: Place, *, days: int = 3650) -> None:
    """Real offices, by certificates of their own, take the place of the trial keys."""
    for number, role in enumerate(ROLES, 1):
        issued = issuing.approver(role, Term(NOW, days, number), unit="Amt 33")
        files = place.folder / "approvals" / "keys" / role
        files.with_suffix(".pem").write_bytes(issued.certificate_pem)
        files.with_suffix(".key").write_bytes(issued.key_pem)
    place.approve()


def test_trial_approvals_are_a_warning(place: Place) -> None:
    """Keys that the installation made for itself stand for no office, and that is said until offices have signed."""
    found = finding(place, APPROVAL)
    assert (found.state, "trial approvals" in found.text) == (State.WARNING, True)
    sign_as_offices(place)
    found = finding(place, APPROVAL)
    assert (found.state, found.text) == (State.OK, "signed by 3 roles; first certificate: 3650 days left")


def test_a_missing_approval_is_critical(place: Place) -> None:
    """What would keep the gateway from starting is named, per agreement, with the role."""
    sign_as_offices(place)
    place.edit(WOHNUNG, "personen_je_tag = 1000000", "personen_je_tag = 1", approved=False)
    found = finding(place, APPROVAL)
    assert found.state is State.CRITICAL
    assert "datenschutzbeauftragte: made over other bytes" in found.text
    assert state(place, "approval sozialamt/1 fassung 2") is State.OK


NOTICES = [
    (61, 0, ""),
    (60, 1, "60"),
    (31, 1, "60"),
    (30, 1, "30"),
    (14, 1, "14"),
    (8, 1, "14"),
    (7, 2, "7"),
    (1, 2, "1"),
]


@pytest.mark.parametrize(("left", "expected", "notice"), NOTICES)
def test_ends_are_announced(place: Place, left: int, expected: int, notice: str) -> None:
    """An agreement and an approver's certificate warn 60 days before their end, anew at 30 and 14, critical from 7."""
    sign_as_offices(place, days=left)
    place.edit(WOHNUNG, "gueltig_bis = 2027-12-31", f"gueltig_bis = {NOW.date() + timedelta(days=left)}")
    agreement, approval = finding(place, "agreement wohnung2000/1"), finding(place, APPROVAL)
    text = f"{left} days left" + (f" (notice: {notice} days before)" if notice else "")
    assert (agreement.state, agreement.text) == (expected, text)
    assert (approval.state, text in approval.text) == (expected, True)


def test_an_expired_certificate_under_a_living_agreement_is_critical(place: Place) -> None:
    """It stays trusted, and somebody must sign anew."""
    sign_as_offices(place, days=3)
    found = finding(place, APPROVAL, now=NOW + timedelta(days=5))
    assert (found.state, "expired 2 days ago" in found.text) == (State.CRITICAL, True)


def test_a_version_that_follows_needs_no_announcement(place: Place) -> None:
    """An agreement that goes on under its next version without a gap is not about to end."""
    later = (place.folder / WOHNUNG).read_text("utf-8").replace("fassung = 3", "fassung = 4")
    later = later.replace("gueltig_von = 2025-01-01", "gueltig_von = 2026-11-26")
    place.edit(WOHNUNG, "gueltig_bis = 2027-12-31", "gueltig_bis = 2026-11-25")
    (place.folder / "schemas" / "wohnung2000" / "agreement-4.toml").write_text(later, "utf-8")
    found = finding(place, "agreement wohnung2000/1")
    assert (found.state, "fassung 4 begins on 2026-11-26" in found.text) == (State.OK, True)


def test_a_feed_that_nobody_acknowledges_is_told(place: Place) -> None:
    """After the settings' hours, and when too much has come since it was last acknowledged; OK when it is settled."""
    place.execute(
        "INSERT INTO feed_counter (stream, last, delivered, acked, snapshot, snapshot_done, waiting_since,"
        " waiting_from)"
        f" VALUES ('sozialamt/1', 50, 10, 10, 0, 0, '{NOW - timedelta(hours=49):%Y-%m-%dT%H:%M:%S.000000Z}', 10)",
    )
    told = finding(place, "feed sozialamt/1")
    assert (told.state, told.value) == (State.OK, 0)  # nothing waits
    place.execute("PRAGMA foreign_keys = OFF")
    place.execute(
        "INSERT INTO projection (stream, person_id, sealed, released, kennung_index, number, visible_since, version,"
        " stand, acked_version, acked_stand, told, place) VALUES ('sozialamt/1', x'01', x'', 0, x'', 11, 0, 1,"
        " '2026-11-20T00:00:00.000000Z', 0, '2026-11-20T00:00:00.000000Z', 0, x'01')",
    )
    told = finding(place, "feed sozialamt/1")
    assert (told.state, told.value, told.unit) == (State.WARNING, 49.0, "h")
    assert (finding(place, "feed growth sozialamt/1").state, finding(place, "feed growth sozialamt/1").value) == (
        State.OK,
        40,
    )
    place.edit("settings.toml", "feed_hours = 48", "feed_hours = 24\nfeed_critical_hours = 48\nfeed_changes = 39")
    assert finding(place, "feed sozialamt/1").state is State.CRITICAL
    assert finding(place, "feed growth sozialamt/1").state is State.WARNING
