"""A new version of a code list before it is taken: what it changes, and what speaks against it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from difflib import SequenceMatcher
from typing import Final

from gateway.agreements.agreement import Agreement
from gateway.errors import CodelistError
from gateway.model import codelists, relied
from gateway.model.codelists import SHIPPED, CodeEntry, CodeList, Known, ListVersion
from gateway.model.person import Person
from gateway.model.structure import nodes
from gateway.model.types import Code
from gateway.upkeep.codelist_folder import meant
from gateway.upkeep.genericode import Genericode

_ALIKE: Final = 0.6
"""From so much on, of 1, two labels are one in two wordings (`difflib`)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of the codes of a list; all by code, in the order of the list.

    `ended` gives the new last day (None: it is only not there); `redefined` are codes of which a column that decides
    something here says something else.
    """

    added: Mapping[str, str]
    ended: Mapping[str, date | None]
    relabelled: Mapping[str, tuple[str, str]]
    redefined: Mapping[str, tuple[str, ...]]
    resumed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.ended or self.relabelled or self.redefined or self.resumed)

    def renamed(self) -> tuple[str, ...]:
        """The codes whose new label is quite another, and those that were redefined: they need somebody's word."""
        other = {code for code, (old, new) in self.relabelled.items() if not _alike(old, new)}
        return tuple(code for code in {**self.relabelled, **self.redefined} if code in other or code in self.redefined)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version that could be imported: the list as it is, and as it would be."""

    version: ListVersion
    before: CodeList
    after: CodeList

    @property
    def difference(self) -> Difference:
        return difference(self.before.name, self.before.codes, self.after.codes)


@dataclass(frozen=True, slots=True)
class Uses:
    """Who goes by which codes of the list: our own code, the source's tables, agreements (by name), stored persons."""

    code: Collection[str] = ()
    source: Collection[str] = ()
    agreements: Mapping[str, Collection[str]] = field(default_factory=dict)
    persons: Mapping[str, int] = field(default_factory=dict)


def known_list(published: Genericode, name: str | None = None) -> Known:
    """The list of ours that the file is a version of; CodelistError if there is none, or it is not `name`."""
    for known in codelists.index().values():
        if known.uri == published.uri:
            if name not in (None, known.name):
                raise CodelistError(f"the file is a version of {known.name}, not of {name}")
            return known
    told = ", ".join(f"{known.name} ({known.uri})" for known in codelists.index().values())
    raise CodelistError(f"no field uses the list {published.uri}; known are {told}")


def propose(
    published: Genericode,
    before: CodeList,
    imported: Iterable[ListVersion],
    *,
    begins: date | None,
    file: str,
    history: bool = False,
) -> Proposal | None:
    """The list with the published version added; None if it is there already, with the very same codes.

    CodelistError for a version of that number with other codes or another first day, without a first day, or older
    than the newest unless `history` asks for it: old codes for old records.
    """
    known = codelists.index()[before.name]
    first = begins or published.begins
    there = next((one for one in before.versions if one.version == published.version), None)
    if first is None and there is None:
        raise CodelistError("the file does not say from which day it holds: give --valid-from DAY")
    version = meant(published, known, known.columns, begins=first or date.min, file=file)
    if there is not None:
        _require_same(there, version, begins)
        return None
    newest = before.versions[-1]
    if newest.begins is not None and version.begins == newest.begins:
        raise CodelistError(f"version {newest.version} begins on {newest.begins}, too")
    if newest.begins is not None and first is not None and first < newest.begins and not history:
        older = f"version {published.version} ({first}) is older than {newest.version} ({newest.begins})"
        raise CodelistError(f"{older}: --history takes it for the codes of old records")
    if before.versions[0].begins is None and first is not None and history:
        raise CodelistError(f"since when version {before.versions[0].version} holds is not known: no history before it")
    others = [one for one in imported if one.name == before.name]
    return Proposal(version, before, codelists.compose([*others, version])[before.name])


def difference(name: str, before: Mapping[str, CodeEntry], after: Mapping[str, CodeEntry]) -> Difference:
    """What changes from one set of codes to the other."""
    kept = [code for code in before if code in after]
    labels = {code: (_line(before[code].label), _line(after[code].label)) for code in kept}
    decisive = relied.COLUMNS.get(name, {})
    changed = {
        code: tuple(column for column in decisive if before[code].columns[column] != after[code].columns[column])
        for code in kept
    }
    return Difference(
        added={code: _line(entry.label) for code, entry in after.items() if code not in before},
        ended=dict(_ended(before, after)),
        relabelled={code: (old, new) for code, (old, new) in labels.items() if old != new},
        redefined={code: columns for code, columns in changed.items() if columns},
        resumed=tuple(code for code in kept if before[code].valid_to and not after[code].valid_to),
    )


def objections(
    proposal: Proposal, uses: Uses, *, ended: Collection[str] = (), relabelled: Collection[str] = ()
) -> tuple[str, ...]:
    """Why the version cannot be taken, one sentence each; `ended` and `relabelled` are codes somebody answers for."""
    change = proposal.difference
    found = [f"code {code} is named by our own code and must not end" for code in change.ended if code in uses.code]
    for code in (code for code in change.ended if code not in ended):
        if users := list(_users(code, uses)):
            found.append(f"code {code} ends but is still used: {', '.join(users)}; --accept-ended {code}")
    for code in (code for code in change.renamed() if code not in relabelled):
        told = ", ".join(change.redefined.get(code, ())) or " -> ".join(change.relabelled[code])
        found.append(f"code {code} comes to mean something else ({told}); --accept-relabelled {code}")
    surplus = [f"{code} does not end" for code in ended if code not in change.ended]
    surplus += [f"{code} keeps its meaning" for code in relabelled if code not in change.renamed()]
    return (*found, *surplus)


def agreed_codes(name: str, agreements: Iterable[Agreement]) -> dict[str, list[str]]:
    """By code of that list: the agreements whose conditions name it."""
    fields = set(code_paths(name))
    found: dict[str, list[str]] = {}
    for one in agreements:
        for condition in one.scope:
            if condition.field in fields:
                for code in sorted((condition.one_of or frozenset()) | (condition.none_of or frozenset())):
                    told = found.setdefault(code, [])
                    label = f"{one.application}/{one.major} fassung {one.version}"
                    told += [label] if label not in told else []
    return found


def code_paths(name: str) -> Iterator[str]:
    """The fields of a person that hold codes of that list."""
    for node in (node for top in nodes(Person) for node in top.walk()):
        if isinstance(node.simple, Code) and node.simple.codelist == name:
            yield node.path


def _require_same(there: ListVersion, version: ListVersion, begins: date | None) -> None:
    if begins is not None and there.begins != begins:
        raise CodelistError(f"version {there.version} is there and begins on {there.begins or 'no certain day'}")
    if _content(there) != _content(version):
        origin = "shipped" if there.file == SHIPPED else "imported"
        wrong = f"version {there.version} is there with other content ({origin})"
        raise CodelistError(f"{wrong}: a publisher never changes a version, so one of the two is not genuine")


def _content(version: ListVersion) -> dict[str, dict[str, str]]:
    return {code: {name: _line(text) for name, text in one.columns.items()} for code, one in version.codes.items()}


def _ended(before: Mapping[str, CodeEntry], after: Mapping[str, CodeEntry]) -> Iterator[tuple[str, date | None]]:
    for code, entry in before.items():
        last = after[code].valid_to if code in after else None
        if code not in after or (last is not None and (entry.valid_to is None or last < entry.valid_to)):
            yield code, last


def _users(code: str, uses: Uses) -> Iterator[str]:
    if code in uses.source:
        yield "the tables of OK.VISA"
    yield from uses.agreements.get(code, ())
    if count := uses.persons.get(code, 0):
        yield f"{count} stored persons"


def _alike(old: str, new: str) -> bool:
    """True for two wordings of one thing: one contains the words of the other, or most letters are the same."""
    one, other = set(old.casefold().split()), set(new.casefold().split())
    same = SequenceMatcher(None, old.casefold(), new.casefold(), autojunk=False).ratio() >= _ALIKE
    return one <= other or other <= one or same


def _line(text: str) -> str:
    return " ".join(text.split())
