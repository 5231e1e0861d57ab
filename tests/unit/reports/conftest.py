"""Folders in main memory for houses whose trail is read."""

from __future__ import annotations

from tests.unit.store.conftest import memory, tmp_path  # the fixtures of another room, under their own names

__all__ = ["memory", "tmp_path"]
