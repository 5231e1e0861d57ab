"""How many stored persons carry a code: counted piece by piece, never told who."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import sqlalchemy as sa

from gateway.model.person import Datensatz
from gateway.model.structure import Node, nodes
from gateway.model.types import Code, Tree, Value
from gateway.store import dossier as d
from gateway.store.database import Database
from gateway.store.ingest import PIECE
from gateway.store.tables import REAL, person
from gateway.store.vault import Vault


def persons_by_code(database: Database, vault: Vault, name: str) -> Counter[str]:
    """Of every code of the list `name` in a current record: how many persons carry it, whatever the field."""
    found: Counter[str] = Counter()
    after = b""
    while True:
        query = sa.select(person.c.id).where(REAL, person.c.state == "active", person.c.id > after)
        with database.read() as connection:
            ids = connection.execute(query.order_by(person.c.id).limit(PIECE)).scalars().all()
            people = d.load_ids(connection, vault, ids)
        if not ids:
            return found
        for one in people:
            found.update(set(_codes(one.document or {}, nodes(Datensatz), name)))
        after = ids[-1]


def _codes(tree: Tree, level: Iterable[Node], name: str) -> Iterator[str]:
    for node in level:
        for item in _items(tree.get(node.name)):
            if isinstance(item, dict):
                yield from _codes(item, node.children, name)
            elif isinstance(node.simple, Code) and node.simple.codelist == name:
                yield str(item)


def _items(value: Value | None) -> Iterable[Value]:
    return () if value is None else value if isinstance(value, list) else (value,)
