"""Photograph and religion are stored only of persons of whom some application may be told them (Datenminimierung)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from gateway.agreements.agreement import Agreement
from gateway.model.types import Tree
from gateway.store import dossier as d
from gateway.store import ending

FIELDS = ("lichtbild", "religionszugehoerigkeit")


def without_untellable(agreements: Mapping[str, Agreement], document: Tree, now: datetime) -> Tree:
    """The document without those of `FIELDS` that no agreement grants whose persons include this one today.

    Blocks and restrictions pass, so they take nothing away. Today is the day of `now` in UTC or the next one: the
    city's is one of them.
    """
    days = [(now + timedelta(days=offset)).date() for offset in (0, 1)]
    kept = dict(d.group(document, "person"))
    for name in FIELDS:
        if name not in kept:
            continue
        granting = {stream: one for stream, one in agreements.items() if name in one.fields}
        if not granting or not any(ending.in_some_scope(granting, document, day) for day in days):
            del kept[name]
    return {**document, "person": kept}
