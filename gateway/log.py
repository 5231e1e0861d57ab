"""How log lines look: one structured line per event to standard error, text or JSON, never a payload."""

from __future__ import annotations

import io
import logging
import sys
from contextlib import suppress

import structlog
from structlog.contextvars import get_contextvars
from structlog.typing import EventDict

from gateway.settings import LogSettings

SILENT = "own_attack"
"""While this is bound (structlog.contextvars) nothing is logged: the gateway is its own caller."""

QUIET = ("spyne", "zeep", "signxml", "sqlalchemy", "urllib3")
"""Libraries whose loggers would write whole messages or statements below ERROR."""


def configure_log(settings: LogSettings) -> None:
    """Log lines go to standard error, as text or JSON; libraries are heard only when something is wrong."""
    render = (
        structlog.processors.JSONRenderer()
        if settings.format == "json"
        else structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            _without_own_attacks,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=_Dropping()),  # type: ignore[arg-type]  # write and flush are all it uses,
    )
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.ERROR)
    # It writes whole messages and refused values, at any level (the same in contract/spyne_import.py).
    logging.getLogger("spyne").setLevel(logging.CRITICAL + 1)


class _Dropping(io.TextIOBase):
    """Standard error; a line that it does not take (disk full, reader gone) is lost and stops no answer.

    What must not be lost stands in the audit trail; health watches the disks.
    """

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def _without_own_attacks(_logger: object, _method: str, event: EventDict) -> EventDict:
    if SILENT in get_contextvars():
        raise structlog.DropEvent
    return event
