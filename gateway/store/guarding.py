"""Every new connection is looked at before anybody uses it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import sqlalchemy as sa

Question = Callable[[str], list[Any]]
"""Asks a connection in SQL and gives the rows."""
Guard = Callable[[Question], None]
"""Raises if what is behind a connection may not be used."""


def watch(engine: sa.Engine, guard: Guard) -> None:
    """From now on each new connection of the engine is shown to `guard`, and closed if that raises."""

    def connected(raw: Any, _record: object) -> None:
        try:
            guard(partial(_asked, raw))
            raw.rollback()
        except BaseException:
            raw.close()
            raise

    sa.event.listen(engine, "connect", connected)


def _asked(raw: Any, question: str) -> list[Any]:
    cursor = raw.cursor()
    try:
        cursor.execute(question)
        rows: list[Any] = cursor.fetchall()
        return rows
    finally:
        cursor.close()
