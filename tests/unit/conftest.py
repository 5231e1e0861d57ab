"""Fixtures of several rooms: one installation, made once because RSA keys take their time, and copies to spoil."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.place import Place, copy, make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One installation, not to be changed."""
    return make(tmp_path_factory.mktemp("place"))


@pytest.fixture
def place(made: Place, tmp_path: Path) -> Place:
    """A copy that a test may spoil."""
    return copy(made, tmp_path)


@pytest.fixture(scope="session")
def made_now(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One installation of today, not to be changed: for commands, which know no other clock."""
    return make(tmp_path_factory.mktemp("now"), now=datetime.now(UTC))


@pytest.fixture
def place_now(made_now: Place, tmp_path: Path) -> Place:
    """A copy of it that a test may spoil."""
    return copy(made_now, tmp_path)
