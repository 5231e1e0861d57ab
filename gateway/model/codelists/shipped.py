"""The lists of the package: one version each, as CSV; `index.toml` says which it is and what its columns mean."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from io import StringIO
from types import MappingProxyType

from gateway.model.codelists.versions import CodeEntry, ListVersion

SHIPPED = "shipped"


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a list's file hold the code, what it means, and the first and last day of its validity."""

    code: str
    label: str
    valid_from: str | None = None
    valid_to: str | None = None

    def entry(self, row: Mapping[str, str]) -> tuple[str, CodeEntry]:
        """The code of a row and what the row says of it; ValueError if a day is none."""
        valid_from, valid_to = (_day(row.get(name or "", "")) for name in (self.valid_from, self.valid_to))
        return row[self.code], CodeEntry(row[self.label], valid_from, valid_to, MappingProxyType(dict(row)))


@dataclass(frozen=True, slots=True)
class Known:
    """A list that the model speaks of, whichever versions of it are there."""

    name: str
    uri: str
    title: str
    source: str
    columns: Columns
    version: str
    begins: date | None


@cache
def index() -> Mapping[str, Known]:
    """Every list of the model by its short name."""
    found = tomllib.loads(files(__package__).joinpath("index.toml").read_text("utf-8"))
    return MappingProxyType({name: _known(name, entry) for name, entry in found.items()})


@cache
def shipped(name: str) -> ListVersion:
    """The version of that list that comes with the package; KeyError if there is no such list."""
    known = index()[name]
    text = files(__package__).joinpath(f"{name}.csv").read_text("utf-8")
    codes = dict(known.columns.entry(row) for row in csv.DictReader(StringIO(text, newline="")))
    return ListVersion(name, known.version, known.begins, MappingProxyType(codes), SHIPPED)


def _known(name: str, entry: dict[str, str | date]) -> Known:
    text = {key: value for key, value in entry.items() if isinstance(value, str)}
    begins = entry.get("begins")
    columns = Columns(text["code"], text["label"], text.get("valid_from"), text.get("valid_to"))
    day = begins if isinstance(begins, date) else None
    return Known(name, text["uri"], text["title"], text["source"], columns, text["version"], day)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
