"""The folder of imported lists: whole versions or none, and nothing in it that was not imported so."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from gateway.errors import CodelistError
from gateway.upkeep import codelist_folder
from gateway.upkeep.codelist_folder import ENTRY, FILE, read
from tests.genericode import genericode, lay

FIRST = date(2027, 1, 1)


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    """One imported version."""
    lay(tmp_path / "lists", "geschlecht", "2", genericode("geschlecht", "2", labels={"n": "neu"}), FIRST)
    return tmp_path / "lists"


def test_what_was_written_is_read(lists: Path) -> None:
    """Codes, first day and the digest of the file come back; the file is the very bytes."""
    (found,) = read(lists)
    assert (found.name, found.version, found.begins, list(found.codes)) == ("geschlecht", "2", FIRST, [*"mwxdn"])
    assert (lists / "geschlecht/2" / FILE).read_bytes() == genericode("geschlecht", "2", labels={"n": "neu"})


def test_a_version_is_never_written_over(lists: Path) -> None:
    """A second one of the same name is refused, and nothing of it is read."""
    with pytest.raises(CodelistError, match="geschlecht/2 cannot be written"):
        lay(lists, "geschlecht", "2", genericode("geschlecht", "2"), FIRST)
    assert sorted(path.name[0] for path in (lists / "geschlecht").iterdir()) == [".", "2"]
    assert "n" in read(lists)[0].codes


def test_what_a_crash_left_is_not_looked_at(lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the rename there is only a name with a dot, afterwards everything; repeating takes what is left away."""
    raw = genericode("geschlecht", "3")

    def crash(_self: Path, _target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            lay(lists, "geschlecht", "3", raw, date(2028, 1, 1))
    assert sorted(path.name[0] for path in (lists / "geschlecht").iterdir()) == [".", "2"]
    assert [one.version for one in read(lists)] == ["2"]
    lay(lists, "geschlecht", "3", raw, date(2028, 1, 1))
    assert [one.version for one in read(lists)] == ["2", "3"]
    assert sorted(path.name for path in (lists / "geschlecht").iterdir()) == ["2", "3"]


def test_two_imports_do_not_meet(lists: Path) -> None:
    """While somebody else writes into the folder nothing is written."""
    descriptor = os.open(lists, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(CodelistError, match="cannot be written"):
            lay(lists, "geschlecht", "3", genericode("geschlecht", "3"), date(2028, 1, 1))
    finally:
        os.close(descriptor)
    assert [path.name for path in (lists / "geschlecht").iterdir()] == ["2"]


SPOILED: dict[str, tuple[Callable[[Path], object], str]] = {
    "file changed": (lambda one: (one / FILE).write_bytes((one / FILE).read_bytes() + b" "), "SHA-256"),
    "file missing": (lambda one: (one / FILE).unlink(), "nothing else"),
    "entry missing": (lambda one: (one / ENTRY).unlink(), "nothing else"),
    "something else": (lambda one: (one / "notes.txt").write_text("x"), "nothing else"),
    "no TOML": (lambda one: (one / ENTRY).write_text("["), "TOMLDecodeError"),
    "unknown key": (lambda one: (one / ENTRY).write_text((one / ENTRY).read_text() + 'x = "y"\n'), "x: Extra"),
    "key missing": (lambda one: (one / ENTRY).write_text('list = "geschlecht"\n'), "begins: Field required"),
    "moved": (lambda one: one.rename(one.parent / "7"), "not of this folder"),
    "unknown list": (lambda one: one.parent.rename(one.parents[1] / "nirgends"), "there is no such list; known are"),
    "a file among the lists": (lambda one: (one.parents[1] / "README").write_text("x"), "there is no such list"),
    "another column": (
        lambda one: (one / ENTRY).write_text((one / ENTRY).read_text().replace('"beschreibung"', '"nirgends"')),
        "there is no column nirgends",
    ),
}


@pytest.mark.parametrize("what", SPOILED)
def test_what_was_not_imported_so_is_refused(lists: Path, what: str) -> None:
    """Changed, incomplete, moved or unknown: nothing is read of any list, and the version is named."""
    spoil, rule = SPOILED[what]
    spoil(lists / "geschlecht/2")
    with pytest.raises(CodelistError, match=rule):
        read(lists)


def test_everything_is_said_at_once(lists: Path) -> None:
    """Two broken versions are two problems."""
    lay(lists, "staat", "2027", genericode("staat", "2027"), FIRST)
    for place in ("geschlecht/2", "staat/2027"):
        (lists / place / FILE).write_bytes(b"changed")
    with pytest.raises(CodelistError) as refused:
        read(lists)
    assert [problem.split(":")[0] for problem in refused.value.problems] == ["geschlecht/2", "staat/2027"]


def test_a_missing_folder_is_no_empty_one(tmp_path: Path) -> None:
    """Settings that name a folder mean it."""
    with pytest.raises(CodelistError, match="no such folder"):
        read(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    assert codelist_folder.read(tmp_path / "empty") == ()
