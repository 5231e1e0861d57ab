"""Since when an application has not acknowledged the changes that wait for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.tables import Utc

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Afterwards it is noted when the next change begins to wait; of what waits already it is not known."""
    op.add_column("feed_counter", sa.Column("waiting_since", Utc(), nullable=True))
    waiting_from = sa.Column("waiting_from", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("feed_counter", waiting_from)


def downgrade() -> None:
    raise NotImplementedError("tables of the store are not taken down")
