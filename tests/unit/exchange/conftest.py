"""Folders in main memory for houses that answer and record."""

from __future__ import annotations

from tests.unit.store.conftest import folder, memory  # the fixtures of another room, under their own names

__all__ = ["folder", "memory"]
