"""What each refused record was judged by, since when it waits, and who was told of it or threw it away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards refused records are judged anew when the rules change; those that wait already are at once."""
    for column in (
        sa.Column("code", sa.String(length=40), nullable=True),
        sa.Column("basis", sa.LargeBinary(length=32), nullable=True),
        sa.Column("waiting_since", Utc(), nullable=False, server_default=""),
        sa.Column("seen_at", Utc(), nullable=True),
        sa.Column("reported_at", Utc(), nullable=True),
        sa.Column("dropped_at", Utc(), nullable=True),
        sa.Column("dropped_for", sa.String(length=24), nullable=True),
    ):
        op.add_column("quarantine", column)
    op.execute("UPDATE quarantine SET waiting_since = recorded_at")
    # Not to be fetched alone: that there are two persons is seen only where both stand.
    doubtful = "reasons LIKE '%zwei Personen unter einer Nummer%'"
    op.execute(f"UPDATE quarantine SET code = 'datensatz-widerspruechlich' WHERE {doubtful}")  # noqa: S608 # our text


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
