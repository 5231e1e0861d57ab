"""What deletion rules must remember: our own moments only, never a day of a person."""

from __future__ import annotations

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Integer, String, Table

from gateway.store.tables import Utc, metadata, person

person_end = Table(
    "person_end",
    metadata,
    Column("person_id", ForeignKey(person.c.id), primary_key=True),
    Column("kind", String(16), nullable=False),
    # When this was noticed here; what the case system says of days stays sealed.
    Column("since", Utc, nullable=False, index=True),
    CheckConstraint("kind IN ('umfang', 'zusammengefuehrt')", name="kind"),
)
"""Since when a living person is outside of every scope, or its record merged into another; no row: neither."""

audit_dropped = Table(
    "audit_dropped",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("done", Boolean, nullable=False),
)
"""Months of the audit trail whose contents an entry says are dropped; `done` once they all are."""

retention_run = Table(
    "retention_run",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("finished_at", Utc, nullable=False),
    # Persons due but held back: how many, never who or why.
    Column("held", Integer, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
"""The last run of the deletion rules that came to its end."""
