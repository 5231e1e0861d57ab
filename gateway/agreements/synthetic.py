"""What is invented, and who may see it: the one person of the gateway's own probe (`eigenprobe`)."""

from __future__ import annotations

from typing import Final

from gateway.model.types import Tree

EIGENPROBE: Final = "eigenprobe"
"""The name of the probe as application and as source; no agreement may take it, no register has it."""

_MARK: Final = "eigenprobe"


def marked(source: str, document: Tree) -> Tree:
    """The Datensatz as it is stored: one of the probe's source says so among its Steuerdaten, no other can."""
    control = document.get("steuerung")
    steering: Tree = (
        {name: part for name, part in control.items() if name != _MARK} if isinstance(control, dict) else {}
    )
    return {**document, "steuerung": {**steering, _MARK: True} if source == EIGENPROBE else steering}


def is_marked(document: Tree) -> bool:
    """True if the person in this Datensatz is invented."""
    control = document.get("steuerung")
    return isinstance(control, dict) and _MARK in control


def is_stream(name: str) -> bool:
    """True for a feed of the probe ("eigenprobe/1")."""
    return name.rpartition("/")[0] == EIGENPROBE
