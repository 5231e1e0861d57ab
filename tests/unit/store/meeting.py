"""Two machines whose transactions meet at a chosen moment: one stands still at a step while the other goes on.

A step is a statement of a writing transaction, or its COMMIT. The other goes on until it has ended or waits for a lock.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.statements import Writing
from gateway.store.vault import Vault
from tests.unit.store.store_kit import House, ring
from tests.unit.store.twice import store_of

_PATIENCE = 30
_WAITING = "SELECT count(*) FROM pg_locks WHERE NOT granted"


@dataclass
class Machine:
    """A store on its own connections. `deadlocks` are those that the server has broken, also if nobody noticed."""

    house: House
    deadlocks: int = 0
    _stop_at: int | None = None
    _steps: int = 0
    _stands: threading.Event = field(default_factory=threading.Event)
    _goes_on: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        with self.house.database.read() as connection:
            engine = connection.engine
        sa.event.listen(engine, "before_cursor_execute", lambda connection, *_: self._step(connection))
        sa.event.listen(engine, "commit", self._step)
        sa.event.listen(engine, "handle_error", self._failed)
        self._watch_appending()

    def _watch_appending(self) -> None:
        """The same steps where the driver runs the statements itself."""
        _, lines = self.house.database._opened()[1]
        manner, machine = lines._manner, self

        class Watched(Writing):
            def __init__(self, raw: Any, dialect: Any) -> None:
                super().__init__(_Cursors(raw, machine), dialect)

        def commit(raw: Any) -> None:
            self._stand()
            manner.commit(raw)

        lines._manner = replace(manner, kind=Watched, commit=commit)

    def stop_at(self, step: int) -> None:
        self._steps, self._stop_at = 0, step
        self._stands.clear()
        self._goes_on.clear()

    def stands(self, ended: Callable[[], bool]) -> bool:
        """True as soon as it stands still; False if it has ended before."""
        while not self._stands.wait(0.005):
            if ended():
                return self._stands.is_set()
        return True

    def go_on(self) -> None:
        self._stop_at = None
        self._goes_on.set()

    def _step(self, connection: sa.Connection) -> None:
        if self._stop_at is None or connection.get_execution_options().get("postgresql_readonly") is not False:
            return
        self._stand()

    def _stand(self) -> None:
        if self._stop_at is None:
            return
        self._steps += 1
        if self._steps > self._stop_at:
            self._stop_at = None
            self._stands.set()
            assert self._goes_on.wait(_PATIENCE)

    def _failed(self, context: Any) -> None:
        self._count(context.original_exception)

    def _count(self, error: BaseException) -> None:
        self.deadlocks += getattr(error, "sqlstate", None) == "40P01"


class _Cursors:
    """A connection of the driver on which each statement is a step."""

    def __init__(self, raw: Any, machine: Machine) -> None:
        self._raw = raw
        self._machine = machine

    def cursor(self) -> _Cursors:
        return _Cursors(self._raw.cursor(), self._machine)

    def execute(self, *told: Any) -> Any:
        return self._step(self._raw.execute, told)

    def executemany(self, *told: Any) -> Any:
        return self._step(self._raw.executemany, told)

    @property
    def rowcount(self) -> Any:
        return self._raw.rowcount

    def _step(self, run: Callable[..., Any], told: Any) -> Any:
        self._machine._stand()
        try:
            return run(*told)
        except psycopg.Error as error:
            self._machine._count(error)
            raise


@contextmanager
def machines(url: str, folder: Path) -> Iterator[tuple[Machine, Machine]]:
    """Two machines with the same keys on one database."""
    made = []
    for _ in range(2):
        database, vault = Database.open(url), Vault(ring(), os.urandom)
        house = House(database, folder, vault=vault)
        house.trail = AuditTrail.open(database, vault, lambda house=house: house.now, os.urandom)  # type: ignore[misc]  # its own
        house.store = store_of(database, vault, house.ledger, lambda house=house: house.now, house.trail)  # type: ignore[misc]  # as above
        machine = Machine(house)
        machine.watch()
        made.append(machine)
    yield made[0], made[1]
    for machine in made:
        machine.house.trail.close()
        machine.house.database.close()


def meet(
    one: Machine,
    other: Machine,
    prepare: Callable[[], tuple[Callable[[House], object], Callable[[House], object]]],
    examine: Callable[[object, object], None],
) -> int:
    """The work of both, made anew by `prepare`, with `one` standing still at its first step, then its second, ...

    `examine` gets what came of each, an error for an error. How many moments there were.
    """
    with ThreadPoolExecutor(2) as pool:
        for step in range(100):
            mine, others = prepare()
            one.stop_at(step)
            first = pool.submit(_outcome, mine, one.house)
            if not one.stands(first.done):
                one.go_on()
                examine(first.result(), _outcome(others, other.house))
                return step
            second = pool.submit(_outcome, others, other.house)
            _ended_or_waits(second.done, other.house.database)
            one.go_on()
            examine(first.result(_PATIENCE), second.result(_PATIENCE))
            assert one.deadlocks == other.deadlocks == 0, f"deadlock when the first stood at step {step}"
    raise AssertionError("a work of more than a hundred steps")


def _outcome(work: Callable[[House], object], house: House) -> object:
    try:
        return work(house)
    except Exception as error:  # noqa: BLE001  # what came of it is examined
        return error


def _ended_or_waits(done: Callable[[], bool], database: Database) -> None:
    pause = threading.Event()
    while not done():
        with database.tally() as connection:
            if connection.execute(sa.text(_WAITING)).scalar_one():
                return
        pause.wait(0.002)
