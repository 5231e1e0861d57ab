"""Who may call and see what, as the running server read it at its start: changes hold only after a restart."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path

from gateway.settings import Settings
from gateway.shipped import schemas

FILE = "server.rules"
"""In the folder of the audit trail's anchor, beside what the server says of its processes."""


def digest(settings: Settings) -> str:
    """Another one whenever a pin in the settings or a byte of an agreement is another, or a version more or less."""
    files = sorted((settings.agreements or schemas()).glob("*/agreement*.toml"))
    agreements = [(path.parent.name, path.name, hashlib.sha256(_content(path)).hexdigest()) for path in files]
    pins = sorted((name, sorted(pinned)) for name, pinned in settings.pins.items())
    return hashlib.sha256(json.dumps([agreements, pins]).encode()).hexdigest()


def note(settings: Settings, told: str) -> None:
    """The server that begins goes by what had this digest before it was read; never keeps it from beginning."""
    with suppress(OSError):
        path = _place(settings)
        path.unlink(missing_ok=True)  # rather nothing is known than what was before
        path.write_text(told, "utf-8")


def noted(settings: Settings) -> str | None:
    """What the server that runs goes by; None if it did not say."""
    try:
        return _place(settings).read_text("utf-8") or None
    except OSError:
        return None


def _place(settings: Settings) -> Path:
    return settings.audit.anchor.parent / FILE


def _content(path: Path) -> bytes:
    """Nothing if it cannot be read: others say that."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
