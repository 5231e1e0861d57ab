"""The databases of the store's tests, for what is read into them."""

from __future__ import annotations

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
