"""Which hash keys the rows are made with, and places on the pages of a snapshot that outlast them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards page tokens that are out still hold: everyone keeps the place that the first index key gave."""
    op.create_table(
        "key_use",
        sa.Column("purpose", sa.String(length=8), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("proof", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("purpose", name=op.f("pk_key_use")),
    )
    op.add_column("search_index", sa.Column("generation", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("projection", sa.Column("place", sa.LargeBinary(length=32), nullable=False, server_default=""))
    op.execute("UPDATE projection SET place = kennung_index")
    op.create_index(op.f("ix_projection_stream_place"), "projection", ["stream", "place"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
