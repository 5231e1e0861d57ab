"""How reconciliations with a source ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards the outcome of reconciliations can be remembered; the first is due some days from now."""
    op.create_table(
        "reconciliation",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("finished_at", Utc(), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "finished_at", name=op.f("pk_reconciliation")),
    )


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
