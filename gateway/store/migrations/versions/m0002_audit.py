"""The tables of the audit trail: the chain of batches, its entries, and the erasable personal texts beside it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("chain", sa.String(36), nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "audit_batch",
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("previous", sa.LargeBinary(32), nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("entries", sa.Integer, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("time", sa.String(24), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_batch"),
    )
    op.create_table(
        "audit_entry",
        sa.Column("batch", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("position", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("number", sa.String(36), nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("batch", "position", name="pk_audit_entry"),
        sa.ForeignKeyConstraint(["batch"], ["audit_batch.number"], name="fk_audit_entry_batch_audit_batch"),
    )
    op.create_index("audit_entry_number", "audit_entry", ["number"], unique=True)
    op.create_table(
        "audit_personal",
        sa.Column("number", sa.String(36), nullable=False),
        sa.Column("segment", sa.String(7), nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_personal"),
    )
    op.create_index("audit_personal_segment", "audit_personal", ["segment"])
    op.create_table(
        "audit_segment",
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("wrapped", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("month", name="pk_audit_segment"),
    )
    op.create_table(
        "audit_replay",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_audit_replay"),
    )
    op.create_index("audit_replay_until", "audit_replay", ["until"])


def downgrade() -> None:
    raise NotImplementedError("an audit trail is not taken down")
