"""Rows that another transaction may be making at the same moment."""

from __future__ import annotations

import sqlalchemy as sa


def unless_there(connection: sa.Connection, table: sa.Table) -> sa.Insert:
    """An INSERT that leaves alone what is there by its key; if another transaction is making it, it waits for that."""
    # Only the dialect that is used is loaded: they are large.
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table).on_conflict_do_nothing()
