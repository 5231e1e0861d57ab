"""Seeded chance: the same parts give the same draws in every run, on every machine and hash seed."""

from __future__ import annotations

from random import Random


def chance(*parts: object) -> Random:
    """A generator whose draws depend on nothing but `parts`.

    A text seeds through SHA-512 (documented for random.seed, version 2), so PYTHONHASHSEED plays no part.
    """
    return Random("\x1f".join(map(str, parts)))  # noqa: S311  # invented people, not secrets
