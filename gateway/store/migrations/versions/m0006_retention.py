"""What deletion rules need to know of when things ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards the store can note when persons ended; who has already is noticed by the first run."""
    op.create_table(
        "person_end",
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("since", Utc(), nullable=False),
        sa.CheckConstraint("kind IN ('umfang', 'zusammengefuehrt')", name=op.f("ck_person_end_kind")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_end_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_person_end")),
    )
    op.create_index(op.f("ix_person_end_since"), "person_end", ["since"], unique=False)
    op.add_column("quarantine", sa.Column("emptied", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table(
        "audit_dropped",
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("month", name=op.f("pk_audit_dropped")),
    )
    op.create_table(
        "retention_run",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("finished_at", Utc(), nullable=False),
        sa.Column("held", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_retention_run_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_run")),
    )


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
