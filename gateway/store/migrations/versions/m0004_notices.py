"""Who must still be told of a correction, an erasure or a restriction (DSGVO Art. 19)."""

from __future__ import annotations

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
