"""The databases of the store's tests, for what changes them."""

from __future__ import annotations

import pytest

from tests.unit.store.conftest import (  # the fixtures of another room, under their own names
    database,
    database_url,
    folder,
    memory,
    postgresql,
    postgresql_url,
    sqlite_template,
)

__all__ = ["database", "database_url", "folder", "memory", "postgresql", "postgresql_url", "sqlite_template"]

REPEATED = ("test_nobody_notices_a_change_of_keys", "test_a_change_that_was_killed_is_finished")
"""Tried with every key on SQLite; on PostgreSQL with one that is changed row by row, and one that is by a switch."""
THERE = ("vault", "index")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The other keys on PostgreSQL repeat what these say, and take a quarter of a minute: they run in make long."""
    for item in items:
        name, _, case = item.name.partition("[")
        if name in REPEATED and case.startswith("postgresql-") and not case.rstrip("]").endswith(THERE):
            item.add_marker(pytest.mark.long)
