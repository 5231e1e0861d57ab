"""The special persons of the population: groups A to I of edge cases, and which of them a small population has.

Group H (life events) happens in `history`; group J (technical) is in `faults` and in how some records are written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from gateway.simulator import edge_addresses, edge_births, edge_families, edge_identity, edge_names, edge_status
from gateway.simulator.cases import Fall, Patch


def all_cases() -> tuple[Fall, ...]:
    """Every case, plain families first; 240 persons in all."""
    return (
        *edge_families.plain(),
        *edge_status.singles(),
        *_in_one_shelter(edge_names.cases()),
        *edge_status.with_titles(edge_births.cases()),
        *edge_identity.cases(),
        *edge_families.cases(),
        *edge_addresses.cases(),
        *edge_status.blocks(),
    )


def cases_for(persons: int) -> tuple[Fall, ...]:
    """All cases if `persons` holds them, else a proportional sample that begins with plain families."""
    cases = all_cases()
    total = sum(len(case.mitglieder) for case in cases)
    if persons >= total:
        return cases
    size = Counter[str]()
    for case in cases:
        size[case.gruppe] += len(case.mitglieder)
    quota = {group: count * persons // total for group, count in size.items()}
    return tuple(_sample(cases, quota, persons))


def _sample(cases: Iterable[Fall], quota: dict[str, int], room: int) -> Iterator[Fall]:
    for case in cases:
        count = len(case.mitglieder)
        if count <= room and (count <= quota[case.gruppe] or (case.gruppe == "A" and quota["A"] > 0)):
            quota[case.gruppe] -= count
            room -= count
            yield case


def _in_one_shelter(cases: Iterable[Fall]) -> Iterator[Fall]:
    for bed, case in enumerate(cases):
        if bed >= 40:
            yield case
            continue
        member = case.mitglieder[0]
        patch: Patch = {**member.patch, "wohnung": [edge_addresses.shared_shelter(bed)]}
        yield replace(case, mitglieder=(replace(member, patch=patch, auch=(("F", "eine Sammelunterkunft"),)),))
