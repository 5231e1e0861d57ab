"""Why a record is refused: each code says how much of the record was looked at, and whose fault it is."""

from __future__ import annotations

INVALID = "datensatz-nicht-schemakonform"
CONTRADICTORY = "datensatz-widerspruechlich"
MISTAKE = "datensatz-nicht-verarbeitet"
"""Our own fault: the record may be as good as any."""

UNREAD = frozenset({INVALID, MISTAKE, CONTRADICTORY})
"""Nothing of such a record is kept but its numbers."""
