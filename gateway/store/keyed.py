"""The database as one vault may use it: every transaction begins by asking which hash keys its rows were made with,
and what is seen at a glance says it itself.

A look-up hashed with an older key would find nothing, and "not found" would be a lie. So the generations in use stand
in the database, are read in the same snapshot as the rows, and a thread that hashes with others begins again with
those (`under_keys`), from the key folder if need be; if it cannot, it answers with an error. What the server took back
(a deadlock, a lost connection before the commit) is begun again in the same place.
"""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.errors import KeysMoved, TransactionAborted, VaultError
from gateway.store import dossier as d
from gateway.store.database import Database
from gateway.store.inserting import unless_there
from gateway.store.joined import GAP, Joined
from gateway.store.keyring import CHAINED
from gateway.store.statements import Statement, View, Writing
from gateway.store.tables import key_use, person
from gateway.store.tenure import Tenure
from gateway.store.vault import Vault

_ROUNDS = 5
_ABORTED = 3
"""How often a method is begun again because the database took a transaction back."""
_SWITCH_LOCK = 0x464C444F  # the next after the database's own two (PostgreSQL)

_Owner = TypeVar("_Owner")


class KeyedDatabase(Database):
    """A database in whose transactions KeysMoved is raised at once if its rows are hashed with other generations."""

    def __init__(self, database: Database, vault: Vault) -> None:
        super().__init__(database.url)
        self._inner = database
        self._vault = vault

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent snapshot in which the vault's hashes are those of the rows."""
        with self._inner.read() as connection:
            self._vault.require(in_use(connection))
            yield connection

    def view(self) -> AbstractContextManager[View]:
        """As `read`, for statements that were prepared."""
        return _Keyed(self._inner.view(), self._vault)

    @contextmanager
    def read_unkeyed(self) -> Iterator[sa.Connection]:
        """A consistent snapshot for who neither looks for a hash nor compares one."""
        with self._inner.read() as connection:
            yield connection

    def glance_unkeyed(self, statement: Statement, given: Mapping[str, Any] | None = None) -> list[Any]:
        """As the database's `glance`, for who neither looks for a hash nor compares one."""
        return self._inner.glance(statement, given)

    def glance(self, statement: Statement, given: Mapping[str, Any] | None = None) -> list[Any]:
        """What a statement `with_keys` finds, each behind one other octet, if the vault's hashes are those of the rows.

        Both are asked in one snapshot.
        """
        found = self._inner.glance(statement, given)
        self._vault.require(_named([row[1:] for row in found if row[:1] == _KEY]))
        return [row for row in found if row[:1] != _KEY]

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A writing transaction throughout which the hash keys cannot change."""
        with self._inner.write() as connection:
            if connection.dialect.name == "postgresql":
                # Writers do not hinder each other, but the switch to another key waits for all of them.
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock_shared(_SWITCH_LOCK)))
            found = in_use(connection)
            self._vault.require(found)
            if len(found) < len(CHAINED):
                _remember_first(connection, self._vault)
            yield connection

    def append(self) -> AbstractContextManager[Writing]:
        """As the database's, if the vault's hashes are those of the rows when it begins."""
        return _Keyed(self._inner.append(), self._vault)

    @contextmanager
    def tally(self) -> Iterator[sa.Connection]:
        """As the database's: no hash is looked for in counts."""
        with self._inner.tally() as connection:
            yield connection

    @contextmanager
    def switch(self) -> Iterator[sa.Connection]:
        """A writing transaction that no other user of the hash keys overlaps; it may change which are in use."""
        with self._inner.write() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SWITCH_LOCK)))
            found = in_use(connection)
            self._vault.require(found)
            if len(found) < len(CHAINED):
                _remember_first(connection, self._vault)
            yield connection

    def follow(self) -> dict[str, int]:
        """Afterwards the vault hashes with the generations in use here, which are given back."""
        with self._inner.read() as connection:
            found = in_use(connection)
        generations = {key: found[key][0] if key in found else 1 for key in CHAINED}
        self._vault.adopt(generations)
        return generations

    def scrub(self) -> bool:
        return self._inner.scrub()

    @contextmanager
    def poll_lock(self, randomness: Callable[[int], bytes] = os.urandom) -> Iterator[Tenure]:
        with self._inner.poll_lock(randomness) as tenure:
            yield tenure

    def close(self) -> None:
        self._inner.close()


class _Keyed(AbstractContextManager[Any]):
    """A transaction that begins by asking which hash keys its rows were made with."""

    __slots__ = ("_inner", "_vault")

    def __init__(self, inner: AbstractContextManager[View], vault: Vault) -> None:
        self._inner = inner
        self._vault = vault

    def __enter__(self) -> View:
        view = self._inner.__enter__()
        try:
            self._vault.require(in_use(view))
        except BaseException as error:
            self._inner.__exit__(type(error), error, error.__traceback__)
            raise
        return view

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inner.__exit__(kind, error, trace)


def under_keys(owner: type[_Owner]) -> type[_Owner]:
    """Afterwards each public method of the class runs under one set of hash keys, begun again if they have moved.

    Begun again, too, if the database took a transaction back; never if the outcome of a commit is unknown.
    What a method has written before stays: like after a crash, doing it again must be harmless.
    """
    for name, member in list(vars(owner).items()):
        if not name.startswith("_") and inspect.isfunction(member):
            setattr(owner, name, _steadied(member))
    return owner


def in_use(connection: sa.Connection | View) -> dict[str, tuple[int, bytes]]:
    """Generation and proof of each hash key that the rows of this database are made with; none before the first."""
    return _named(_IN_USE.values(connection))


def with_keys(values: sa.Select[Any]) -> Statement:
    """Finds `values`, one column of octets, and beside them the hash keys in use: see `KeyedDatabase.glance`."""
    key = Joined(sa.literal_column("'k'", sa.String), *_KEY_PARTS)
    value = Joined(sa.literal_column("'v'", sa.String), *(found := values.subquery()).c)
    return Statement(sa.union_all(sa.select(key.label("value")), sa.select(value.label("value")).select_from(found)))


def _named(keys: list[bytes]) -> dict[str, tuple[int, bytes]]:
    rows = [key.split(b" ", 2) for key in keys]
    return {purpose.decode(): (int(generation), proof) for purpose, generation, proof in rows}


def _steadied(method: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(method)
    def steadied(self: Any, *arguments: Any, **named: Any) -> Any:
        vault: Vault = self._vault
        if vault.steadied:
            return method(self, *arguments, **named)
        aborted = 0
        for _ in range(_ROUNDS + _ABORTED):
            with vault.steady():
                try:
                    return method(self, *arguments, **named)
                except KeysMoved as moved:
                    generations = moved.generations
                except TransactionAborted:
                    aborted += 1
                    if aborted > _ABORTED:
                        raise
                    continue
            vault.adopt(generations)
        raise VaultError("the hash keys change faster than they can be followed")

    return steadied


def _remember_first(connection: sa.Connection, vault: Vault) -> None:
    """From now on the database knows its hash keys; VaultError if a person in it was hashed with others."""
    query = sa.select(person.c.id).where(person.c.state == "active", person.c.wrapped_key.is_not(None)).limit(1)
    for one in d.load_ids(connection, vault, connection.execute(query).scalars().all()):
        number = d.control(one.document or {}).get("quellsystemPersonennummer")
        if isinstance(number, str) and d.source_key(vault, one.source, number) != one.source_key:
            raise VaultError("the index key is not the one this database was written with")
    rows = [{"purpose": key, "generation": 1, "proof": vault.proof(key, 1)} for key in CHAINED]
    connection.execute(unless_there(connection, key_use), rows)


_KEY = b"k"
_KEY_PARTS = (key_use.c.purpose, GAP, key_use.c.generation, GAP, key_use.c.proof)
_IN_USE = Statement(sa.select(Joined(*_KEY_PARTS).label("key")))
