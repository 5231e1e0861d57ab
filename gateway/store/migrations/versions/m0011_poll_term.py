"""Who may write persons, and whose turn it is to ask the source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards the terms of poll lock holders are counted, and turns and failures of polling are remembered."""
    op.create_table(
        "poll_term",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("mark", sa.String(length=32), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_poll_term_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_poll_term")),
    )
    op.create_table(
        "poll_turn",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("taken_at", Utc(), nullable=False),
        sa.Column("pause_ms", sa.BigInteger(), nullable=False),
        sa.Column("rest", sa.Integer(), nullable=False),
        sa.Column("attempted_at", Utc(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", Utc(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("went_back", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_poll_turn")),
    )


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
