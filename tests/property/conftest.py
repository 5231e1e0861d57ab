"""Main memory for the houses of the laws, which write thousands of times."""

from __future__ import annotations

from tests.unit.store.conftest import memory  # the fixture of another room, under its own name

__all__ = ["memory"]
