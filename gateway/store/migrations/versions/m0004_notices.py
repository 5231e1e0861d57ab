"""Who must still be told of a correction, an erasure or a restriction (DSGVO Art. 19)."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards projections know what was told outside the feed and since when news is owed, and there are notices.

    What is pending already counts as owed since its `stand`: rather too long than never.
    """
    op.add_column("projection", sa.Column("told_fields", sa.LargeBinary(), nullable=True))
    op.add_column("projection", sa.Column("owed_since", Utc(), nullable=True))
    op.add_column("feed_shown", sa.Column("superseded_at", Utc(), nullable=True))
    op.execute(
        "UPDATE projection SET owed_since = stand WHERE number IS NOT NULL AND (acked_digest IS NOT NULL OR told)"
    )
    op.create_table(
        "notice",
        sa.Column("number", sa.String(length=36), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("fields", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.Column("settled_at", Utc(), nullable=True),
        sa.CheckConstraint("kind IN ('berichtigung', 'loeschung', 'einschraenkung')", name=op.f("ck_notice_kind")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_notice")),
    )
    op.create_index(op.f("ix_notice_person_id"), "notice", ["person_id"], unique=False)
    op.create_index(op.f("ix_notice_application"), "notice", ["application"], unique=False)


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
