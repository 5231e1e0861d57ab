"""`gateway codelist`: an import says what it changes, and refuses what somebody must answer for first."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from gateway.model import codelists
from gateway.model.person import Datensatz
from gateway.store.batch import Batch, Upsert
from tests.genericode import PUBLISHED, genericode, published
from tests.unit.cli.lists import process, run, with_lists
from tests.unit.model.records import record
from tests.unit.place import NOW, Place
from tests.unit.store.store_kit import Holding


@pytest.fixture
def lists(place: Place) -> Path:
    """The folder of imported lists, still empty."""
    return with_lists(place)


def file(place: Place, raw: bytes) -> str:
    path = place.folder / "list.gc.xml"
    path.write_bytes(raw)
    return str(path)


def imported(place: Place, monkeypatch: pytest.MonkeyPatch, raw: bytes, *options: str) -> tuple[int, str]:
    return run(place, monkeypatch, "codelist", "import", file(place, raw), *options)


def written(lists: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(lists)) for path in lists.rglob("list.gc.xml"))


def test_what_is_shipped_is_not_imported_again(place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The published file of every shipped list is recognised, code by code, and nothing is done."""
    for name in PUBLISHED:
        status, text = imported(place, monkeypatch, published(name), "--list", name)
        assert (status, "is there already, and nothing was done" in text) == (0, True), text
    assert written(lists) == []


def test_an_import_is_looked_at_before_it_is_made(place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run writes nothing; the import writes the published bytes; repeated, nothing. `diff` says the same."""
    raw = genericode("sprache", "12", begins="2027-01-01", without=["abk"], labels={"zzz": "Neusprachig"})
    status, text = imported(place, monkeypatch, raw, "--dry-run")
    assert (status, list(lists.iterdir())) == (0, [])
    for expected in ("sprache: 11 -> 12", "zzz", "Neusprachig", "abk", "ends 2026-12-31"):
        assert expected in text
    assert imported(place, monkeypatch, raw)[0] == 0
    assert written(lists) == ["sprache/12"]
    assert (lists / "sprache/12/list.gc.xml").read_bytes() == raw
    assert "nothing was done" in imported(place, monkeypatch, raw)[1]

    status, text = run(place, monkeypatch, "codelist", "diff", "sprache", "11", "12", "--format", "json")
    change = json.loads(text)
    assert (status, change["added"], change["ended"]) == (1, {"zzz": "Neusprachig"}, {"abk": None})
    assert run(place, monkeypatch, "codelist", "diff", "sprache", "12", "12")[0] == 0
    listed = json.loads(run(place, monkeypatch, "codelist", "list", "--on", "2026-12-31", "--format", "json")[1])
    (row,) = [one for one in listed["lists"] if one["list"] == "sprache"]
    assert (row["version"], row["newest"], row["newest_begins"]) == ("11", "12", "2027-01-01")
    shown = json.loads(run(place, monkeypatch, "codelist", "show", "sprache", "--format", "json")[1])
    assert shown["codes"]["abk"]["to"] == "2026-12-31"
    assert shown["codes"]["zzz"] == {"label": "Neusprachig", "from": "2027-01-01", "to": None, "versions": ["12"]}
    on = json.loads(run(place, monkeypatch, "codelist", "show", "sprache", "--on", "2027-01-01", "--format", "json")[1])
    assert ("abk" in on["codes"], "zzz" in on["codes"]) == (False, True)
    for command in (("list",), ("show", "sprache")):
        assert "sprache" in run(place, monkeypatch, "codelist", *command)[1]


@pytest.mark.parametrize(
    ("raw", "options", "rule"),
    [
        (genericode("sprache", "11", without=["abk"]), (), "version 11 is there with other content (shipped)"),
        (published("sprache"), ("--valid-from", "2025-01-01"), "version 11 is there and begins on 2024-10-15"),
        (published("sprache"), ("--list", "staat"), "the file is a version of sprache, not of staat"),
        (genericode("sprache", "12"), (), "give --valid-from DAY"),
        (genericode("sprache", "10", begins="2020-01-01"), (), "--history takes it"),
        (genericode("sprache", "12", begins="2024-10-15"), (), "version 11 begins on 2024-10-15, too"),
        (genericode("religion", "0", begins="2020-01-01"), ("--history",), "no history before it"),
        (genericode("sprache", "12", begins="2027-01-01").replace(b"sprachen", b"x"), (), "no field uses the list"),
        (b"<x/>", (), "gc:CodeList"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_new_version_is_refused(
    place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch, raw: bytes, options: tuple[str, ...], rule: str
) -> None:
    """Other content, another list, no day, older, of the same day, unknown: one sentence, nothing written."""
    status, text = imported(place, monkeypatch, raw, *options)
    assert (status, written(lists)) == (2, [])
    assert rule in text


def test_history_is_taken_for_old_records(place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older version brings its codes back, ended; what is told of the others stays."""
    raw = genericode("sprache", "10", begins="2020-01-01", labels={"old": "Altsprachig", "abk": "anders"})
    assert imported(place, monkeypatch, raw, "--history")[0] == 0
    assert written(lists) == ["sprache/10"]
    shown = json.loads(run(place, monkeypatch, "codelist", "show", "sprache", "--format", "json")[1])
    assert shown["codes"]["old"] == {"label": "Altsprachig", "from": None, "to": "2024-10-14", "versions": ["10"]}
    assert shown["codes"]["abk"]["label"] == codelists.shipped("sprache").codes["abk"].label


def test_what_is_used_does_not_end_unnoticed(place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code, the source's tables, agreements and stored persons: all named by code, persons counted."""
    with process(place, monkeypatch) as app:
        for number in ("1", "2"):
            tree = record(
                {"quellsystemPersonennummer": number}, familienstand="LD", staatsangehoerigkeit=["475", "423"]
            )
            batch = Batch("okvisa", (Upsert(Datensatz.model_validate(tree)),))
            Holding(app.store, app.database).ingest(batch, app.rules.agreements, now=NOW, stichtag=NOW.date())
    without = genericode("familienstand", "3", begins="2027-01-01", without=["LD"])
    status, text = imported(place, monkeypatch, without)
    assert (status, written(lists)) == (2, [])
    assert "code LD ends but is still used: 2 stored persons; --accept-ended LD" in text
    assert "Al Masri" not in text
    assert imported(place, monkeypatch, without, "--accept-ended", "LD", "--accept-ended", "VH")[1].endswith(
        "VH does not end"
    )
    assert imported(place, monkeypatch, without, "--accept-ended", "LD")[0] == 0
    assert 'accepted_ended = ["LD"]' in (lists / "familienstand/3/entry.toml").read_text("utf-8")

    own = genericode("auskunftssperre", "6", begins="2027-01-01", without=["3", "5"])
    status, text = imported(place, monkeypatch, own, "--accept-ended", "3", "--accept-ended", "5")
    assert "code 3 is named by our own code and must not end" in text
    assert "code 5" not in text
    status, text = imported(place, monkeypatch, own)
    assert "code 5 ends but is still used: the tables of OK.VISA" in text

    scope = genericode("unterbringungsanspruch", "2", begins="2027-01-01", without=["P53"])
    assert "code P53 is named by our own code" in imported(place, monkeypatch, scope)[1]


def test_an_agreement_that_names_an_ended_code_is_named(
    place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its scope would shrink without anyone having signed that."""
    place.edit(
        "schemas/wohnung2000/agreement.toml", "bedingung = [", 'bedingung = [{ feld = "geschlecht", nicht_in = ["x"] },'
    )
    raw = genericode("geschlecht", "2", begins="2027-01-01", without=["x"])
    text = imported(place, monkeypatch, raw, "--without-store")[1]
    assert "code x ends but is still used: the tables of OK.VISA, wohnung2000/1 fassung 3; --accept-ended x" in text
    assert written(lists) == []


def test_a_code_that_comes_to_mean_something_else_needs_a_word(
    place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another wording passes; quite another label is refused until somebody answers for that very code."""
    labels = {"LD": "ledig (nie verheiratet)", "VH": "Kaffeetrinker"}
    raw = genericode("familienstand", "3", begins="2027-01-01", labels=labels)
    status, text = imported(place, monkeypatch, raw)
    assert (status, written(lists)) == (2, [])
    assert "code VH comes to mean something else" in text
    assert "code LD comes" not in text
    assert imported(place, monkeypatch, raw, "--accept-relabelled", "LD")[0] == 2
    assert imported(place, monkeypatch, raw, "--accept-relabelled", "VH")[0] == 0


def test_a_column_that_decides_counts_as_meaning(place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is entitled follows from a column of the list: a change of it is named, with the column."""
    rows = [dict(one.columns) for one in codelists.shipped("aufenthaltsstatus").codes.values()]
    changed = [{**row, "unterbringung": "P53"} if row["code"] == "AG02" else row for row in rows]
    raw = genericode("aufenthaltsstatus", "2", changed, begins="2027-01-01")
    text = imported(place, monkeypatch, raw)[1]
    assert "code AG02 comes to mean something else (unterbringung); --accept-relabelled AG02" in text
    assert imported(place, monkeypatch, raw, "--accept-relabelled", "AG02")[0] == 0
    assert written(lists) == ["aufenthaltsstatus/2"]


def test_the_trail_says_that_a_list_came_in(place: Place, lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counting and importing are entries with numbers, and of nobody; refused and repeated imports are none."""
    raw = genericode("familienstand", "3", begins="2027-01-01", without=["LV"])
    imported(place, monkeypatch, raw)
    imported(place, monkeypatch, raw)
    with sqlite3.connect(place.folder / "gateway.sqlite") as connection:
        rows = connection.execute("SELECT content FROM audit_entry ORDER BY number").fetchall()
    connection.close()
    found = [json.loads(content) for (content,) in rows]
    assert [(one["art"], one["operation"]) for one in found] == [
        ("Abfrage", "codelistePruefen"),
        ("Betrieb", "codelisteEinspielen"),
    ]
    counts = {"familienstand": 9, "hinzugekommen": 0, "beendet": 1, "umbenannt": 0}
    assert counts in found[1].values()


def test_without_a_folder_nothing_is_imported(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings must say where imported lists lie."""
    status, text = imported(place, monkeypatch, genericode("sprache", "12", begins="2027-01-01"))
    assert (status, "codelists.folder: not set" in text) == (2, True)
