"""Changes of the vault's keys: what stands under older ones is brought under the newest, in short transactions."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from gateway.store import dossier as d
from gateway.store.database import Database
from gateway.store.tables import person
from gateway.store.vault import Vault

_STEP = 200


def rewrap(database: Database, vault: Vault) -> int:
    """Afterwards every data key of a person is wrapped by the current generation; how many were not. Documents stay."""
    done = 0
    while True:
        old = sa.and_(person.c.wrapped_key.is_not(None), person.c.ring_key_id != vault.generation)
        with database.write() as connection:
            query = sa.select(person.c.id, person.c.wrapped_key).where(old).order_by(person.c.id).limit(_STEP)
            rows: list[dict[str, Any]] = []
            for row in connection.execute(query.with_for_update()):
                key = vault.unwrap(row.wrapped_key, d.KEY, row.id)
                rows.append({"key": row.id, "wrapped": vault.wrap(key, d.KEY, row.id)})
            if not rows:
                return done
            values = {"wrapped_key": sa.bindparam("wrapped"), "ring_key_id": vault.generation}
            connection.execute(sa.update(person).where(person.c.id == sa.bindparam("key")).values(values), rows)
            done += len(rows)
