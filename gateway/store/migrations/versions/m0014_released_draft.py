"""Drafts of statistics that are to be released."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards a draft can be kept until it is released; there is none yet."""
    op.create_table(
        "released_draft",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("entry", sa.String(length=36), nullable=False),
        sa.Column("made", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_released_draft")),
    )


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
