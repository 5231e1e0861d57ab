"""Changes of the ring's keys: what stands under older generations is brought under the newest.

Wrapped and sealed texts say which generation opens them, so they are done row by row in short transactions, while
everything else goes on. Hashes must all change at one moment: that is one transaction, under the poll lock, which
writers wait for and readers do not notice. Whatever breaks off is simply done again.

Progress is told after each short transaction. That is also the place to let others write: without a rest between
the transactions they would wait for their turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from gateway.errors import VaultError
from gateway.store.audit import AuditTrail, Entry
from gateway.store.database import Database
from gateway.store.key_places import FEED_SEALED, HASHED, WRAPPED, FeedSealed, Hashed, Wrapped
from gateway.store.keyed import KeyedDatabase
from gateway.store.keyring import VAULT
from gateway.store.progress import Progress, silent
from gateway.store.tables import family_kennung, key_use, search_index
from gateway.store.tenure import Fenced, Tenure
from gateway.store.vault import Vault

_STEP = 200
_TOKEN_STEP = 250
_BLOCK = 100_000


def rewrap(database: Database, vault: Vault, progress: Progress = silent) -> dict[str, int]:
    """Afterwards everything that was wrapped by older generations is by the newest; how much, by place."""
    done: dict[str, int] = {}
    newest = vault.newest(VAULT).to_bytes(4, "big")
    for place in WRAPPED:
        outdated = sa.and_(place.column.is_not(None), _generation(place) != newest)
        with database.read() as connection:
            total = connection.execute(sa.select(sa.func.count()).where(outdated)).scalar_one()
        done[place.name], after = 0, None
        progress(place.name, 0, total)
        while (found := _rewrap_step(database, vault, place, outdated, after)) is not None:
            count, after = found
            done[place.name] += count
            progress(place.name, done[place.name], total)
    database.scrub()
    return done


def wrapped_by(connection: sa.Connection) -> dict[str, Counter[int]]:
    """How much each generation of the vault key wraps, by place."""
    found: dict[str, Counter[int]] = {}
    for place in WRAPPED:
        generation = _generation(place)
        query = sa.select(generation, sa.func.count()).where(place.column.is_not(None)).group_by(generation)
        found[place.name] = Counter({int.from_bytes(row[0], "big"): row[1] for row in connection.execute(query)})
    return found


def reseal(database: Database, vault: Vault, progress: Progress = silent) -> dict[str, int]:
    """Afterwards everything that was sealed by older feed keys is by the newest; how much, by place."""
    done: dict[str, int] = {}
    newest = vault.newest("feed")
    for place in FEED_SEALED:
        with database.read() as connection:
            rows = _sealed_rows(connection, vault, place)
            outdated = [row for generation, row in rows if generation != newest]
        done[place.name] = 0
        for start in range(0, len(outdated), _STEP):
            done[place.name] += _reseal_step(database, vault, place, outdated[start : start + _STEP])
            progress(place.name, done[place.name], len(outdated))
    database.scrub()
    return done


def sealed_by(connection: sa.Connection, vault: Vault) -> dict[str, Counter[int]]:
    """How much each generation of the feed key seals, by place."""
    return {
        place.name: Counter(generation for generation, _ in _sealed_rows(connection, vault, place))
        for place in FEED_SEALED
    }


def prepare_tokens(
    tenure: Tenure, database: KeyedDatabase, vault: Vault, generation: int, progress: Progress = silent
) -> None:
    """Afterwards every search token stands also under `generation` of the index key."""
    with database.read() as connection:
        people = connection.execute(sa.select(search_index.c.person_id).distinct()).scalars().all()
    people = sorted(people)
    for start in range(0, len(people), _TOKEN_STEP):
        block = people[start : start + _TOKEN_STEP]
        with tenure.write(database) as connection:
            rows = connection.execute(sa.select(search_index).where(search_index.c.person_id.in_(block))).all()
            there = {(row.person_id, row.token) for row in rows if row.generation == generation}
            wanted = {
                (row.person_id, vault.further("index", generation, row.token))
                for row in rows
                if row.generation == generation - 1
            }
            if stale := there - wanted:  # of a run that broke off before the person changed
                _delete_tokens(connection, stale)
            if missing := wanted - there:
                new = [{"person_id": one, "token": token, "generation": generation} for one, token in sorted(missing)]
                connection.execute(sa.insert(search_index), new)
        progress("search tokens", start + len(block), len(people))


def switch(
    tenure: Tenure,
    database: KeyedDatabase,
    vault: Vault,
    trail: AuditTrail,
    key: str,
    generation: int,
    entry: Callable[[int], Entry],
) -> int:
    """Afterwards every hash of `key` is of `generation`, and the database says so, in one transaction; how many rows.

    The audit entry that `entry` makes of the number stands or falls with it. For the index key the caller has
    prepared the tokens.
    """

    def change(value: bytes) -> bytes:
        return vault.further(key, generation, value)

    families = _changed_families(database, vault, change) if key == "index" else []
    with database.switch() as unproved:
        connection = tenure.prove(unproved)
        changed = _replace_families(connection, families)
        for table in dict.fromkeys(place.column.table for place in HASHED[key]):
            changed += _rehash(connection, [place for place in HASHED[key] if place.column.table is table], change)
        values = {"generation": generation, "proof": vault.proof(key, generation)}
        connection.execute(sa.update(key_use).where(key_use.c.purpose == key).values(values))
        trail.stage(connection, [entry(changed)])
    return changed


def drop_tokens(tenure: Tenure, database: KeyedDatabase, generation: int, progress: Progress = silent) -> int:
    """Afterwards there are no search tokens but those of `generation`, the one in use; how many went."""
    other = search_index.c.generation != generation
    with database.read() as connection:
        people = connection.execute(sa.select(search_index.c.person_id).where(other).distinct()).scalars().all()
    people, gone = sorted(people), 0
    for start in range(0, len(people), _TOKEN_STEP):
        block = people[start : start + _TOKEN_STEP]
        with tenure.write(database) as connection:
            gone += connection.execute(
                sa.delete(search_index).where(search_index.c.person_id.in_(block), other)
            ).rowcount
        progress("old search tokens", start + len(block), len(people))
    database.scrub()
    return gone


def retire(
    tenure: Tenure,
    database: KeyedDatabase,
    vault: Vault,
    trail: AuditTrail,
    purpose: str,
    entry: Entry,
    generation: int,
    destroy: Callable[[], None],
) -> None:
    """Afterwards the key of that generation is destroyed, and the trail says so.

    VaultError if anything in the database still needs it: nothing can begin to while this looks.
    """
    with database.switch() as unproved:
        connection = tenure.prove(unproved)
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("LOCK TABLE audit_segment IN EXCLUSIVE MODE"))
        found = wrapped_by(connection) if purpose == VAULT else {}
        if purpose == "feed":
            found = sealed_by(connection, vault)
        left = {name: count[generation] for name, count in found.items() if count[generation]}
        if left:
            needed = ", ".join(f"{count} {name}" for name, count in left.items())
            raise VaultError(f"generation {generation} of the {purpose} key is still needed: {needed}")
        trail.stage(connection, [entry])
        destroy()


def tokens_left(connection: sa.Connection, generation: int) -> bool:
    """True if search tokens of another generation than the one in use stand beside."""
    query = sa.select(search_index.c.person_id).where(search_index.c.generation != generation).limit(1)
    return connection.execute(query).first() is not None


def _generation(place: Wrapped) -> sa.ColumnElement[bytes]:
    return sa.func.substr(place.column, 3 if place.box else 1, 4, type_=sa.LargeBinary)


def _rewrap_step(
    database: Database, vault: Vault, place: Wrapped, outdated: sa.ColumnElement[bool], after: Any
) -> tuple[int, Any] | None:
    """How many were wrapped anew, and the last one's key; None if none is left behind `after`."""
    query = sa.select(place.key, place.column).where(outdated).order_by(place.key).limit(_STEP)
    if after is not None:
        query = query.where(place.key > after)
    with database.write() as connection:
        rows = connection.execute(query.with_for_update()).all()
        if not rows:
            return None
        values: dict[str, Any] = {place.column.name: sa.bindparam("wrapped")}
        anew = vault.rewrapped_box if place.box else vault.rewrapped
        changed = [{"at": row[0], "wrapped": anew(row[1], place.purpose, place.subject(row[0]))} for row in rows]
        if place.also is not None:
            values[place.also.name] = sa.bindparam("generation")
            changed = [row | {"generation": int.from_bytes(row["wrapped"][:4], "big")} for row in changed]
        table = place.column.table
        connection.execute(sa.update(table).where(place.key == sa.bindparam("at")).values(values), changed)
    return len(rows), rows[-1][0]


def _sealed_rows(connection: sa.Connection, vault: Vault, place: FeedSealed) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in connection.execute(sa.select(place.column.table).where(place.where)).mappings():
        yield vault.open_feed_under(row[place.column.name], *place.bound(row))[0], dict(row)


def _reseal_step(database: Database, vault: Vault, place: FeedSealed, rows: Sequence[dict[str, Any]]) -> int:
    table, name = place.column.table, place.column.name
    changed = []
    for row in rows:
        text = vault.open_feed(row[name], *place.bound(row))
        keys = {f"at_{column.name}": row[column.name] for column in table.primary_key}
        changed.append(keys | {"old": row[name], "new": vault.seal_feed(text, *place.bound(row))})
    # Only what still stands as it was read: it may have been acknowledged, or settled, meanwhile.
    same = sa.and_(*(column == sa.bindparam(f"at_{column.name}") for column in table.primary_key))
    statement = sa.update(table).where(same, place.column == sa.bindparam("old")).values({name: sa.bindparam("new")})
    with database.write() as connection:
        connection.execute(statement, changed)
    return len(changed)


def _delete_tokens(connection: Fenced, tokens: set[tuple[bytes, bytes]]) -> None:
    same = sa.and_(search_index.c.person_id == sa.bindparam("one"), search_index.c.token == sa.bindparam("made"))
    connection.execute(sa.delete(search_index).where(same), [{"one": one, "made": made} for one, made in tokens])


def _changed_families(database: KeyedDatabase, vault: Vault, change: Callable[[bytes], bytes]) -> list[dict[str, Any]]:
    """The identifier of a family is sealed for its hash: both change together. Only the poller writes these rows."""
    with database.read() as connection:
        rows = connection.execute(sa.select(family_kennung)).all()
    changed = []
    for row in rows:
        plain = vault.open_feed(row.sealed, row.application, row.family_key)
        key = change(row.family_key)
        sealed = vault.seal_feed(plain, row.application, key)
        changed.append({"application": row.application, "family_key": key, "sealed": sealed})
    return sorted(changed, key=lambda row: (row["application"], row["family_key"]))


def _replace_families(connection: Fenced, rows: Sequence[dict[str, Any]]) -> int:
    if rows:
        connection.execute(sa.delete(family_kennung))
        connection.execute(sa.insert(family_kennung), rows)
    return len(rows)


def _rehash(connection: Fenced, places: Sequence[Hashed], change: Callable[[bytes], bytes]) -> int:
    """Every value of these columns of one table is changed; how many rows."""
    if connection.dialect.name == "sqlite":
        return _rehash_sqlite(connection, places, change)
    return _rehash_postgresql(connection, places, change)


def _rehash_sqlite(connection: Fenced, places: Sequence[Hashed], change: Callable[[bytes], bytes]) -> int:
    """One pass over the table; its indexes are made anew, sorted: much faster than to change them value by value."""
    table, raw = places[0].column.table, connection.connection.driver_connection
    names = {place.column.name for place in places}
    indexes = [index for index in table.indexes if names & set(index.columns.keys())]
    values: dict[str, Any] = {}
    for number, place in enumerate(places):
        raw.create_function(f"rehashed{number}", 1, _of(place, change), deterministic=True)  # type: ignore[union-attr]  # an open connection has one
        values[place.column.name] = getattr(sa.func, f"rehashed{number}")(place.column)
    for index in indexes:
        index.drop(connection)
    changed = connection.execute(sa.update(table).values(values)).rowcount
    for index in indexes:
        index.create(connection)
    return changed


def _rehash_postgresql(connection: Fenced, places: Sequence[Hashed], change: Callable[[bytes], bytes]) -> int:
    """Each row is written once, found by its key; an index cannot be taken away here, because readers would wait."""
    table = places[0].column.table
    keys, columns = list(table.primary_key), [place.column for place in places]
    rows = connection.execute(sa.select(*keys, *columns)).all()
    arrays = [f"CAST(:k{n} AS {_array(key)}[])" for n, key in enumerate(keys)]
    arrays += [f"CAST(:v{n} AS bytea[])" for n in range(len(columns))]
    names = [f"k{n}" for n in range(len(keys))] + [f"v{n}" for n in range(len(columns))]
    statement = sa.text(
        f"UPDATE {table.name} AS t SET {', '.join(f'{column.name} = n.v{n}' for n, column in enumerate(columns))}"  # noqa: S608 - names of our own tables
        f" FROM unnest({', '.join(arrays)}) AS n({', '.join(names)})"
        f" WHERE {' AND '.join(f't.{key.name} = n.k{n}' for n, key in enumerate(keys))}"
    )
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        values: dict[str, list[Any]] = {f"k{n}": [row[n] for row in block] for n in range(len(keys))}
        for n, place in enumerate(places):
            of = _of(place, change)
            values[f"v{n}"] = [of(row[len(keys) + n]) for row in block]
        connection.execute(statement, values)
    return len(rows)


def _array(column: sa.Column[Any]) -> str:
    """The type of a key's values in an array of PostgreSQL."""
    kinds = {sa.LargeBinary: "bytea", sa.BigInteger: "bigint"}
    return next((name for kind, name in kinds.items() if isinstance(column.type, kind)), "text")


def _of(place: Hashed, change: Callable[[bytes], bytes]) -> Callable[[bytes | None], bytes | None]:
    return lambda value: None if value is None else place.each(value, change)
