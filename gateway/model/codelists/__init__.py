"""The code lists of the model, official and our own: which codes there are, since when, and what they mean.

The files lie beside this one; `index.toml` says which list and version each is and what its columns mean.
"""

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


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """What a code means, the first and last day of its validity (inclusive; None: not limited), all its columns."""

    label: str
    valid_from: date | None
    valid_to: date | None
    columns: Mapping[str, str]

    def valid_on(self, day: date) -> bool:
        """True if the code could be used of something that is so on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class CodeList:
    """One version of a code list; `uri` and `version` are XÖV's listURI and listVersionID, `codes` in file order."""

    name: str
    uri: str
    version: str
    title: str
    source: str
    codes: Mapping[str, CodeEntry]


@cache
def load(name: str) -> CodeList:
    """The list with that short name; KeyError if there is none. Read once per process."""
    entry = _index()[name]
    text = files(__package__).joinpath(f"{name}.csv").read_text("utf-8")
    codes = dict(_entry(row, entry) for row in csv.DictReader(StringIO(text, newline="")))
    return CodeList(name, entry["uri"], entry["version"], entry["title"], entry["source"], MappingProxyType(codes))


def names() -> tuple[str, ...]:
    """The short names of all lists, in the order of the index."""
    return tuple(_index())


def _entry(row: dict[str, str], entry: Mapping[str, str]) -> tuple[str, CodeEntry]:
    valid_from, valid_to = (_day(row.get(entry.get(bound, ""), "")) for bound in ("valid_from", "valid_to"))
    return row[entry["code"]], CodeEntry(row[entry["label"]], valid_from, valid_to, MappingProxyType(row))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


@cache
def _index() -> Mapping[str, Mapping[str, str]]:
    return tomllib.loads(files(__package__).joinpath("index.toml").read_text("utf-8"))
