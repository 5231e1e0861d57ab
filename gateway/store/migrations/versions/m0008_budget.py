"""What applications have used of their budgets, for several machines on one database."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards servers on PostgreSQL count together; persons of today are taken over from the trail."""
    op.create_table(
        "budget",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("moments", sa.ARRAY(sa.BigInteger()).with_variant(sa.Text(), "sqlite"), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application", name=op.f("pk_budget")),
    )


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
