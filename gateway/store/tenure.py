"""Who may write persons: of all that ever held the poll lock only the last, and the database itself says who that is.

The lock alone is not enough. On PostgreSQL it lives as long as one connection: cut that, or promote a standby, and
another poller holds it while the first, who noticed nothing, still writes over other connections. So whoever takes
the lock begins a new term, and each of its writing transactions proves first that this is still the current one
("fencing"). A new term waits for a transaction that has proved it; from then on the old one's writes are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import NewType, Protocol

import sqlalchemy as sa

from gateway.errors import StoreError
from gateway.store.tables import poll_term

SUPERSEDED = "abruf-abgeloest"
"""The code of what is refused because another has taken the poll lock since."""

Fenced = NewType("Fenced", sa.Connection)
"""A writing transaction in which nobody else can be writing persons; what writes them takes no other connection."""


class Writes(Protocol):
    """A database: `gateway.store.database.Database`, or the same under a vault's keys."""

    def write(self) -> AbstractContextManager[sa.Connection]: ...


@dataclass(frozen=True, slots=True)
class Tenure:
    """The right to write persons, until another takes the poll lock; made only by `begin`, for its holder.

    `term` counts how often the lock was taken. The number alone would come twice after a restore, so `mark` is random.
    """

    term: int
    mark: str = field(repr=False)

    @contextmanager
    def write(self, database: Writes) -> Iterator[Fenced]:
        """A writing transaction of `database`; StoreError (code "abruf-abgeloest") if the tenure is over."""
        with database.write() as connection:
            yield self.prove(connection)

    def prove(self, connection: sa.Connection) -> Fenced:
        """The same transaction: no other term begins before it ends. StoreError as for `write`."""
        # FOR SHARE: the UPDATE that begins another term waits; or, if it was first, this waits and reads what it wrote.
        row = connection.execute(_CURRENT).one_or_none()
        if row is None or (row.term, row.mark) != (self.term, self.mark):
            raise StoreError("another has taken the poll lock since: nothing was written", code=SUPERSEDED)
        return Fenced(connection)


def begin(database: Writes, randomness: Callable[[int], bytes]) -> Tenure:
    """A new term: whoever held the one before writes nothing any more. The caller has just taken the poll lock."""
    mark = randomness(16).hex()
    raised = sa.update(poll_term).values(term=poll_term.c.term + 1, mark=mark).returning(poll_term.c.term)
    with database.write() as connection:
        term = connection.execute(raised).scalar_one_or_none()
        if term is None:
            term = 1
            connection.execute(sa.insert(poll_term), [{"id": 1, "term": term, "mark": mark}])
    return Tenure(term, mark)


_CURRENT = sa.select(poll_term.c.term, poll_term.c.mark).with_for_update(read=True)
