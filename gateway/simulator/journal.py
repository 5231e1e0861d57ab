"""A history that happens again after a new start: its steps are written down, each before it happens."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from gateway.simulator.history import Clock, History, Schritt
from gateway.simulator.population import Population


class Told(History):
    """All that the journal at `path` tells has happened; nothing is written.

    A history is a function of its population, its steps and their times; so the clock stands still during a step, and
    the same steps give the same records under the same numbers. ValueError if the journal is of another population.
    """

    def __init__(self, population: Population, clock: Clock, path: Path) -> None:
        self._real, self._path = clock, path
        self._moment: datetime | None = None
        super().__init__(population, self._now)
        self._replay([population.seed, len(population)])

    def _replay(self, population: list[int]) -> None:
        lines = list(map(json.loads, _whole_lines(self._path)))
        if lines and lines[0] != {"bestand": population}:
            raise ValueError(f"the journal {self._path} was written of another population")
        for line in lines[1:]:
            try:
                self._step_at(datetime.fromisoformat(line["um"]), line["ereignis"], line["person"])
            except (LookupError, ValueError):
                continue  # it came to nothing then, and does now

    def _step_at(self, moment: datetime, ereignis: str | None, person: str | None) -> Schritt:
        self._moment = moment
        try:
            return super().step(ereignis, person=person)
        finally:
            self._moment = None

    def _now(self) -> datetime:
        return self._moment or self._real()


class Written(Told):
    """As `Told`, and every further step is in the journal, on the disk, before it happens."""

    def __init__(self, population: Population, clock: Clock, path: Path) -> None:
        whole = b"".join(_whole_lines(path))
        if path.exists() and path.stat().st_size > len(whole):
            os.truncate(path, len(whole))  # what was cut off never happened
        super().__init__(population, clock, path)
        if not whole:
            self._append({"bestand": [population.seed, len(population)]})

    def step(self, ereignis: str | None = None, *, person: str | None = None) -> Schritt:
        """One event has happened and stands in the journal; errors as of any history."""
        with self._lock:
            moment = self._real()
            self._append({"um": moment.isoformat(), "ereignis": ereignis, "person": person})
            return self._step_at(moment, ereignis, person)

    def _append(self, line: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _whole_lines(path: Path) -> list[bytes]:
    content = path.read_bytes() if path.exists() else b""
    return content[: content.rfind(b"\n") + 1].splitlines(keepends=True)
