"""Which bit of the audit trail stands for which field: written down, because entries outlive a model."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from gateway.model.person import Person
from gateway.model.structure import Node, grantable

NAME = "protokollfelder.txt"


@cache
def audited() -> tuple[tuple[int, Node], ...]:
    """Bit and field, for every field an agreement can name; ValueError if one has no bit, or a bit has two fields.

    A field that the model no longer has keeps its bit, and is not in here.
    """
    nodes = {node.path: node for node in grantable(Person)}
    written = paths()
    if missing := nodes.keys() - set(written):
        raise ValueError(f"{NAME}: append {', '.join(sorted(missing))}")
    if len(set(written)) != len(written):
        raise ValueError(f"{NAME}: a field stands there twice")
    return tuple((bit, nodes[path]) for bit, path in enumerate(written) if path in nodes)


def paths() -> tuple[str, ...]:
    """The field of each bit, from bit 0 on, also of fields that are no more."""
    text = files(__package__).joinpath(NAME).read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))
