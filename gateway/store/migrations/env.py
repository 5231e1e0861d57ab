"""Alembic's entry: runs the steps on the connection that `Database.upgrade` hands over, in its transaction.

Alembic executes this module instead of importing it; that is why it works at import.
"""

from alembic import context

from gateway.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
