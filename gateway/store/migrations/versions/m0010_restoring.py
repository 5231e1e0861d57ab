"""What a restore needs to say: that it is under way, who must fetch anew, and when a copy was last made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards no restore is under way, nobody must fetch anew, and no backup is known of."""
    op.add_column("epoch", sa.Column("restoring", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("feed_counter", sa.Column("anew", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "backup_run",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("taken_at", Utc(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_backup_run_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_run")),
    )


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
