"""What others have written, as a terminal may be given it."""

from __future__ import annotations


def printable(line: str) -> str:
    """The line without characters that would command the terminal: each is shown as Python spells it."""
    return "".join(one if one.isprintable() or one == "\t" else ascii(one)[1:-1] for one in line)
