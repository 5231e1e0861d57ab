"""Erases persons, each in a process that kills itself at a named step: `erasing.py TRAP FOLDER`.

One JSON object {"number": PERSON NUMBER} per line of standard input; prints {"ended": exit status} for each. The store
lies in FOLDER; the traps are those of `tests.fault.crash`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path

from gateway.store.audit import AuditTrail
from gateway.store.database import Database
from gateway.store.ledger import Ledger
from gateway.store.persons import Store
from gateway.store.vault import Vault
from tests.fault.crash import Step, Trap
from tests.unit.store.store_kit import NOW, SOURCE, TODAY, agreement, ring

ERASE = (
    Step("find", "gateway.store.subject_search:keys_of_person"),
    Step("ledger", "gateway.store.ledger:Ledger.add"),
    Step("lock-feeds", "gateway.store.erasing:lock_feeds"),
    Step("erase-rows", "gateway.store.recording:erase_rows"),
    Step("people", "gateway.store.recording:write_people"),
    Step("outcome", "gateway.store.recording:write_outcome"),
    Step("families", "gateway.store.recording:drop_lone_families"),
    Step("trail", "gateway.store.audit:AuditTrail.stage"),
    Step("commit", "sqlalchemy.engine.default:DefaultDialect.do_commit"),
    Step("scrub", "gateway.store.database:Database.scrub"),
)
"""The steps of an erasure in their order."""


def erase(folder: Path, number: str) -> None:
    """Erases in this process and ends it; 0 if nothing killed it and nothing failed."""
    status = 1
    try:
        database, vault = Database.open(f"sqlite:///{folder / 'gateway.sqlite'}"), Vault(ring())
        trail = AuditTrail.open(database, vault, lambda: NOW, os.urandom)
        store = Store(database, vault, Ledger(folder / "erased.ledger", vault), lambda: NOW, trail)
        with store.poll_lock() as tenure:
            store.erase(tenure, SOURCE, number, {"wohnung": agreement()}, now=NOW, stichtag=TODAY)
        status = 0
    except Exception:  # noqa: BLE001 -- the end of this process: say why, whatever it was
        traceback.print_exc()
    finally:
        os._exit(status)


def main(trap: Trap, folder: Path) -> None:
    """A child for every line; ends with its input."""
    trap.install(ERASE)
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            erase(folder, json.loads(line)["number"])
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(1, json.dumps({"ended": status}).encode() + b"\n")


if __name__ == "__main__":
    main(Trap(Path(sys.argv[1])), Path(sys.argv[2]))
