"""What a check finds, and what all checks look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import cached_property

from gateway import shipped
from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City, load_city
from gateway.agreements.load import Written, load_every
from gateway.agreements.versions import Versions, by_stream
from gateway.settings import Settings
from gateway.store import turns
from gateway.store.batch import Turn
from gateway.store.database import Database
from gateway.store.overview import Overview, overview
from gateway.store.vault import KeyRing, Vault

NOTICE = (1, 7, 14, 30, 60)
"""Days before the end of an agreement, or of an approver's certificate, at which it is announced anew."""


class State(IntEnum):
    """As monitoring plugins have it; the value is the exit code."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class Levels:
    """Above which value a check warns and is critical; with `falling`, from which value downwards."""

    warning: float | None = None
    critical: float | None = None
    falling: bool = False

    def judge(self, value: float) -> State:
        """The state of this value."""
        if self._reached(value, self.critical):
            return State.CRITICAL
        return State.WARNING if self._reached(value, self.warning) else State.OK

    def _reached(self, value: float, level: float | None) -> bool:
        return level is not None and (value <= level if self.falling else value > level)


ANNOUNCED = Levels(NOTICE[-1], 7, falling=True)
"""Days before the end of what must be agreed anew."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found just now: its number with unit and levels where it has one, and what to do if not OK."""

    check: str
    state: State
    text: str
    remedy: str = ""
    value: float | None = None
    unit: str = ""
    levels: Levels = Levels()


def worst(findings: Sequence[Finding]) -> State:
    """The state of the whole: CRITICAL before UNKNOWN before WARNING before OK; UNKNOWN without findings."""
    order = (State.CRITICAL, State.UNKNOWN, State.WARNING, State.OK)
    return next((state for state in order if any(f.state is state for f in findings)), State.UNKNOWN)


class Examination:
    """What the checks look at, each part read when first asked for."""

    def __init__(self, settings: Settings, now: datetime) -> None:
        self.settings = settings
        self.now = now
        self.schemas = settings.agreements or shipped.schemas()
        self.wsdl = settings.contracts or shipped.wsdl()

    @cached_property
    def city(self) -> City:
        return load_city(self.schemas / "stadt.toml")

    @cached_property
    def written(self) -> tuple[Written, ...]:
        return load_every(self.schemas)

    @cached_property
    def versions(self) -> dict[str, Versions]:
        return by_stream(one.agreement for one in self.written)

    @cached_property
    def agreements(self) -> dict[str, Agreement]:
        today = self.city.today(self.now)
        return {key: versions.on(today) for key, versions in self.versions.items()}

    @cached_property
    def database(self) -> Database:
        return Database.open(self.settings.database.url)

    @cached_property
    def vault(self) -> Vault:
        return Vault(KeyRing.load(self.settings.keys.directory), os.urandom)

    @cached_property
    def turn(self) -> Turn | None:
        """The last turn of polling the case system."""
        with self.database.read() as connection:
            return turns.read(connection, "okvisa")

    @cached_property
    def overview(self) -> Overview:
        return overview(self.database)
