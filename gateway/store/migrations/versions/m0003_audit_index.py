"""Where in the audit trail each person stands: rebuildable, outside the chain."""

from __future__ import annotations

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
