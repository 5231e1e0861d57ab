"""What a code list is: its published versions, and the one list that follows from all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import pairwise
from types import MappingProxyType

from gateway.errors import CodelistError


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """What a code means, the first and last day of its validity (inclusive; None: not limited), all its columns.

    `versions` names the known versions of the list in which it stands, oldest first.
    """

    label: str
    valid_from: date | None
    valid_to: date | None
    columns: Mapping[str, str]
    versions: tuple[str, ...] = ()

    def valid_on(self, day: date) -> bool:
        """True if the code could be used of something that is so on that day."""
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class ListVersion:
    """One version of the list `name` as published; `begins` is its first day here, None if there was always this one.

    `file` says what it was read from: "shipped", or the SHA-256 of the imported file; `entry` is the SHA-256 of what
    was decided about that file, exactly as it was read.
    """

    name: str
    version: str
    begins: date | None
    codes: Mapping[str, CodeEntry]
    file: str
    entry: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class CodeList:
    """A code list as it is known here; `uri` is XÖV's listURI, `versions` are all known ones, oldest first.

    `version` is the newest, also if its first day is still to come: what is published must not depend on the clock.
    `codes` are those of all versions, those of the newest first: a code that a later version no longer has stays
    known, because old records carry it, and ends with the day before that version. Of several versions of a code the
    newest says what it means.
    """

    name: str
    uri: str
    title: str
    source: str
    versions: tuple[ListVersion, ...]
    codes: Mapping[str, CodeEntry]

    @property
    def version(self) -> str:
        return self.versions[-1].version

    def in_force(self, day: date) -> ListVersion:
        """The version whose period holds that day; before the first day of the oldest it is the oldest."""
        begun = [one for one in self.versions if one.begins is None or one.begins <= day]
        return begun[-1] if begun else self.versions[0]

    def end_of(self, version: ListVersion) -> date | None:
        """The last day of a version of this list; None while no later one is known."""
        later = self.versions[self.versions.index(version) + 1 :]
        return _before(later[0]) if later else None


def united(name: str, uri: str, title: str, source: str, versions: Iterable[ListVersion]) -> CodeList:
    """The list of all these versions; CodelistError if two are the same or begin on the same day."""
    ordered = sorted(versions, key=lambda one: one.begins or date.min)
    for earlier, later in pairwise(ordered):
        if (earlier.begins or date.min) == (later.begins or date.min):
            raise CodelistError(f"{name}: versions {earlier.version} and {later.version} begin on the same day")
    if len({one.version for one in ordered}) < len(ordered):
        raise CodelistError(f"{name}: one version is there twice")
    return CodeList(name, uri, title, source, tuple(ordered), MappingProxyType(dict(_codes(ordered))))


def _codes(versions: Sequence[ListVersion]) -> Iterator[tuple[str, CodeEntry]]:
    told: set[str] = set()
    for place in reversed(range(len(versions))):
        for code, entry in versions[place].codes.items():
            if code not in told:
                told.add(code)
                yield code, _effective(versions, place, code, entry)


def _effective(versions: Sequence[ListVersion], place: int, code: str, entry: CodeEntry) -> CodeEntry:
    """`entry` is that of the last version, at `place`, that has the code."""
    holders = [one for one in versions if code in one.codes]
    ends = [day for day in (entry.valid_to, _before(versions[place + 1]) if place + 1 < len(versions) else None) if day]
    first = holders[0].begins if holders[0] is not versions[0] else None
    return replace(
        entry,
        valid_from=entry.valid_from or first,
        valid_to=min(ends, default=None),
        versions=tuple(one.version for one in holders),
    )


def _before(version: ListVersion) -> date | None:
    return None if version.begins is None else version.begins - timedelta(days=1)
