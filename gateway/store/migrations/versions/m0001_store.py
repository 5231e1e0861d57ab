"""The first tables: persons, change feed, positions, quarantine, discrepancies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards all tables of the store except the audit trail's are there."""
    op.create_table(
        "epoch",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("value", sa.String(length=32), nullable=False),
        sa.Column("erasures", sa.BigInteger(), nullable=False),
        sa.Column("reprojected", sa.String(length=10), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_epoch_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_epoch")),
    )
    op.create_table(
        "family_kennung",
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("family_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("application", "family_key", name=op.f("pk_family_kennung")),
    )
    op.create_table(
        "feed_counter",
        sa.Column("stream", sa.String(length=80), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("acked", sa.BigInteger(), nullable=False),
        sa.Column("snapshot", sa.BigInteger(), nullable=False),
        sa.Column("snapshot_done", sa.BigInteger(), nullable=False),
        sa.Column("snapshot_until", Utc(), nullable=True),
        sa.Column("basis", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_feed_counter")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("ring_key_id", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("merged_into", sa.LargeBinary(length=32), nullable=True),
        sa.Column("due", sa.LargeBinary(length=32), nullable=True),
        sa.Column("audit_cipher", sa.LargeBinary(), nullable=True),
        sa.CheckConstraint("state IN ('active', 'removed', 'merged')", name=op.f("ck_person_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("source_key", name=op.f("uq_person_source_key")),
    )
    op.create_index(op.f("ix_person_due"), "person", ["due"], unique=False)
    op.create_index(op.f("ix_person_merged_into"), "person", ["merged_into"], unique=False)
    op.create_index(op.f("ix_person_ring_key_id"), "person", ["ring_key_id"], unique=False)
    op.create_table(
        "poll_run",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("stand", Utc(), nullable=False),
        sa.Column("finished_at", Utc(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_poll_run")),
    )
    op.create_table(
        "position",
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("change_number", sa.BigInteger(), nullable=False),
        sa.Column("page_token", sa.Text(), nullable=True),
        sa.Column("full_load", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_position")),
    )
    op.create_table(
        "quarantine",
        sa.Column("number", sa.String(length=36), nullable=False),
        sa.Column("source", sa.String(length=40), nullable=False),
        sa.Column("source_key", sa.LargeBinary(length=32), nullable=True),
        sa.Column("change_number", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("recorded_at", Utc(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_quarantine")),
    )
    op.create_index(op.f("ix_quarantine_source_key"), "quarantine", ["source_key"], unique=False)
    op.create_index(op.f("ix_quarantine_source_sha256"), "quarantine", ["source", "sha256"], unique=True)
    op.create_table(
        "discrepancy",
        sa.Column("number", sa.String(length=36), nullable=False),
        sa.Column("application", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("recorded_at", Utc(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_discrepancy_person_id_person")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_discrepancy")),
    )
    op.create_index(op.f("ix_discrepancy_person_id"), "discrepancy", ["person_id"], unique=False)
    op.create_table(
        "family",
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("family_key", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_family_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_family")),
    )
    op.create_index(op.f("ix_family_family_key"), "family", ["family_key"], unique=False)
    op.create_table(
        "feed_shown",
        sa.Column("stream", sa.String(length=80), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_feed_shown_person_id_person")),
        sa.PrimaryKeyConstraint("stream", "number", name=op.f("pk_feed_shown")),
    )
    op.create_index(op.f("ix_feed_shown_person_id"), "feed_shown", ["person_id"], unique=False)
    op.create_table(
        "person_version",
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recorded_at", Utc(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_version_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", "version", name=op.f("pk_person_version")),
    )
    op.create_table(
        "projection",
        sa.Column("stream", sa.String(length=80), nullable=False),
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("kennung_index", sa.LargeBinary(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("acked_digest", sa.LargeBinary(length=32), nullable=True),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("visible_since", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("stand", Utc(), nullable=False),
        sa.Column("acked_version", sa.Integer(), nullable=False),
        sa.Column("acked_stand", Utc(), nullable=False),
        sa.Column("told", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_projection_person_id_person")),
        sa.PrimaryKeyConstraint("stream", "person_id", name=op.f("pk_projection")),
    )
    op.create_index(op.f("ix_projection_person_id"), "projection", ["person_id"], unique=False)
    op.create_index(op.f("ix_projection_stream_kennung_index"), "projection", ["stream", "kennung_index"], unique=True)
    op.create_index(op.f("ix_projection_stream_number"), "projection", ["stream", "number"], unique=True)
    op.create_table(
        "relation",
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("other_source_key", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_relation_person_id_person")),
        sa.PrimaryKeyConstraint("person_id", "other_source_key", name=op.f("pk_relation")),
    )
    op.create_index(op.f("ix_relation_other_source_key"), "relation", ["other_source_key"], unique=False)
    op.create_table(
        "search_index",
        sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.Column("person_id", sa.LargeBinary(length=16), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_search_index_person_id_person")),
        sa.PrimaryKeyConstraint("token", "person_id", name=op.f("pk_search_index")),
    )
    op.create_index(op.f("ix_search_index_person_id"), "search_index", ["person_id"], unique=False)
