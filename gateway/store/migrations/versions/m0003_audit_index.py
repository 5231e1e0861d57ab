"""Where in the audit trail each person stands: rebuildable, outside the chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_index",
        sa.Column("person", sa.String(64), nullable=False),
        sa.Column("batch", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("person", "batch", "position", name="pk_audit_index"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_undelivered",
        sa.Column("number", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_undelivered"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "audit_index_mark",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("batch", sa.BigInteger, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=True),
        sa.Column("clearing", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_index_mark"),
    )


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
