"""The locks hold what setup.cfg asks for, and nothing without a hash."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REMEDY = "run `make lock`"


def wanted(*sections: tuple[str, str]) -> set[tuple[str, str]]:
    """Package and version of every pin."""
    parser = ConfigParser(interpolation=None)
    parser.read(ROOT / "setup.cfg", "utf-8")
    lines = "\n".join(parser[section][key] for section, key in sections).split("\n")
    named = (re.split(r"\s*==\s*|\s*;", line) for line in lines if line.strip() and not line.strip().startswith("#"))
    return {(name(found[0]), found[1]) for found in named}


def locked(lock: str) -> dict[tuple[str, str], list[str]]:
    """Package and version -> what else stands in its line: markers and hashes."""
    text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8").replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return {(name(line[0].partition("==")[0]), line[0].partition("==")[2]): line[1:] for line in lines}


def name(text: str) -> str:
    """PEP 503, and without extras."""
    return re.sub(r"[-_.]+", "-", text.partition("[")[0]).strip().lower()


@pytest.mark.parametrize(
    ("lock", "sections"),
    [
        ("run", [("options", "install_requires")]),
        ("test", [("options", "install_requires"), ("options.extras_require", "test")]),
    ],
)
def test_every_pin_is_locked(lock: str, sections: list[tuple[str, str]]) -> None:
    """Each package that setup.cfg pins stands in the lock in exactly that version, and every line has hashes."""
    found = locked(lock)
    assert wanted(*sections) <= found.keys(), REMEDY
    unhashed = [one for one, line in found.items() if not any(part.startswith("--hash=sha256:") for part in line)]
    assert unhashed == []


def test_the_tests_run_on_what_is_delivered() -> None:
    """Every package of the run lock stands in the test lock in the same version."""
    assert locked("run").keys() <= locked("test").keys()
