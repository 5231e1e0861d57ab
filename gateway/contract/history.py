"""The change log of an application's contracts, `vertragsaenderungen.toml` beside its agreement: written, not edited.

Each entry leads from one contract hash to the next, so a contract that was replaced past `contract write` is noticed.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from gateway.contract.change import Change, worst
from gateway.contract.compiled import Contract
from gateway.contract.xsd import contract_hash
from gateway.errors import ContractError

NAME = "vertragsaenderungen.toml"
_HEAD = """\
# Was sich an den veröffentlichten Verträgen dieser Anwendung geändert hat. `gateway contract write` schreibt
# dies fort; nicht von Hand ändern: jeder Eintrag führt von einem Vertrag (SHA-256) zum nächsten.
"""


@dataclass(frozen=True)
class Entry:
    """One step of one contract major; `before` is empty for the first, `reason` unless existing clients break."""

    day: date
    major: int
    before: str
    after: str
    effect: str
    changes: tuple[str, ...]
    reason: str = ""


def entry(contract: Contract, found: tuple[Change, ...], *, before: str, day: date, reason: str) -> Entry:
    """What is to be remembered of writing this contract."""
    told = tuple(change.german() for change in found)
    first = not before or (before == contract.hash and not found)
    effect, before = ("erste Veröffentlichung", "") if first else (worst(found).german, before)
    return Entry(day, contract.major, before, contract.hash, effect, told, reason)


def published_hash(contract: Contract, schemas: Path) -> str:
    """The hash of the contract that lies there; empty if none does."""
    path = schemas / contract.application / f"{contract.application}-{contract.major}.xsd"
    return contract_hash(path.read_bytes()) if path.is_file() else ""


def read(application: str, schemas: Path) -> tuple[Entry, ...]:
    """The change log, oldest first; empty if there is none. ContractError if it cannot be read."""
    path = schemas / application / NAME
    if not path.is_file():
        return ()
    try:
        found = tomllib.loads(path.read_text("utf-8"))["aenderung"]
        return tuple(_entry(one) for one in found)
    except (ValueError, KeyError, TypeError) as error:
        raise ContractError(f"{application}: {NAME} is no change log: {type(error).__name__}") from error


def append(application: str, new: Entry, schemas: Path) -> Path:
    """The entry is the last one of the application's change log, whole or not at all; gives the file."""
    path = schemas / application / NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    text = path.read_text("utf-8") if path.is_file() else _HEAD
    whole = path.with_suffix(".partial")
    whole.write_text(text + "\n" + "\n".join(_lines(new)) + "\n", "utf-8")
    whole.replace(path)
    return path


def begun(contract: Contract, schemas: Path) -> bool:
    """Whether the change log has an entry of this contract major."""
    return any(one.major == contract.major for one in read(contract.application, schemas))


def problem(contract: Contract, there: str, schemas: Path) -> str:
    """Why the change log does not lead to the contract with the hash `there`; empty if it does, or has not begun."""
    of_major = [one for one in read(contract.application, schemas) if one.major == contract.major]
    if not of_major or of_major[-1].after == there:
        return ""
    return (
        f"{contract.application}/{contract.major}: the change log ends with contract {of_major[-1].after[:16]}, but "
        f"{there[:16] or 'none'} lies there: restore schemas/, wsdl/ and {NAME} as they were published, then "
        "`gateway contract write`"
    )


def _entry(told: dict[str, Any]) -> Entry:
    return Entry(
        day=told["tag"],
        major=told["vertrag"],
        before=told["bisher"],
        after=told["neu"],
        effect=told["wirkung"],
        changes=tuple(told["aenderungen"]),
        reason=told.get("grund", ""),
    )


def _lines(one: Entry) -> Iterator[str]:
    yield "[[aenderung]]"
    yield f"tag = {one.day.isoformat()}"
    yield f"vertrag = {one.major}"
    yield f"bisher = {_quoted(one.before)}"
    yield f"neu = {_quoted(one.after)}"
    yield f"wirkung = {_quoted(one.effect)}"
    if one.reason:
        yield f"grund = {_quoted(one.reason)}"
    yield "aenderungen = ["
    yield from (f"    {_quoted(change)}," for change in one.changes)
    yield "]"


def _quoted(text: str) -> str:
    # JSON escapes what TOML wants escaped, except DEL.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
