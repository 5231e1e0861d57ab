"""Runs the server so that its process kills itself at a named step: `crash.py TRAP`. The steps of all other work, too.

Nothing in the gateway knows of this. Every step below is a function that a pipeline calls; it is replaced by one
that looks into the file TRAP on its way in and out. TRAP is {"point": "sign:before", "calls": 1}: the process whose
call is the last of `calls` removes the file and sends itself SIGKILL. Without the file everything runs as ever.
"""

from __future__ import annotations

import fcntl
import functools
import importlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKPOINT_ENTRIES = 6
"""Entries between two checkpoints of the audit trail here; 1,000 in the house."""


@dataclass(frozen=True)
class Step:
    """One step: its name, and where the pipeline finds the function, as `module:attribute.attribute`."""

    name: str
    target: str


REQUEST = (
    Step("identify", "gateway.exchange.pipeline:identify"),
    Step("admit", "gateway.exchange.limits:RequestBudget.admit"),
    Step("parse", "gateway.exchange.pipeline:parse"),
    Step("open-envelope", "gateway.exchange.pipeline:open_envelope"),
    Step("operation", "gateway.exchange.pipeline:asked_operation"),
    Step("prove", "gateway.exchange.pipeline:prove"),
    Step("context", "gateway.exchange.pipeline:checked_context"),
    Step("permit", "gateway.agreements.agreement:Agreement.permit"),
    Step("freshness", "gateway.store.persons:Store.freshness"),
    Step("dispatch", "gateway.exchange.service:Service.run"),
    Step("disclose", "gateway.exchange.limits:Budgets.disclose"),
    Step("render", "gateway.contract.compiled:Contract.render"),
    Step("check-answer", "gateway.contract.compiled:Contract.check_answer"),
    Step("body", "gateway.wire.seal:body_pieces"),
    Step("audit-record", "gateway.store.audit:AuditTrail.record"),
    Step("audit-commit", "gateway.store.audit:AuditTrail._flush"),
    Step("quittung", "gateway.exchange.seal:Sealer._quittung"),
    Step("sign", "gateway.wire.seal:sign"),
    Step("seal", "gateway.exchange.seal:Sealer.seal"),
    Step("answer", "gateway.exchange.pipeline:Pipeline.answer"),
    Step("respond", "gateway.exchange.http:Web._respond"),
)
"""The steps of every request in their order; those that enclose others come where they end."""

READ = (
    Step("feed-mark", "gateway.store.changes:_marked"),
    Step("feed-read", "gateway.store.persons:Store.changes"),
    Step("acknowledge-rows", "gateway.store.feed_rows:acknowledge"),
    Step("acknowledge-counter", "gateway.store.feed_rows:save"),
    Step("acknowledge", "gateway.store.persons:Store.acknowledge"),
    Step("snapshot-begin", "gateway.store.snapshot:_begin"),
    Step("snapshot-complete", "gateway.store.snapshot:_complete"),
    Step("snapshot", "gateway.store.persons:Store.snapshot"),
)
"""The steps inside the operations that keep state, and the end of the transaction of each."""

SERVER = (
    Step("audit-append", "gateway.store.audit_chain:append"),
    Step("checkpoint", "gateway.store.audit_anchor:Anchor.append"),
    Step("delivered", "gateway.exchange.http:_Delivery.close"),
)

POLL = (
    Step("reproject", "gateway.store.persons:Store.reproject"),
    Step("reproject-piece", "gateway.store.reprojecting:_Work._piece"),
    Step("reproject-write", "gateway.store.reprojecting:write_outcome"),
    Step("reproject-remember", "gateway.store.reprojecting:_remember"),
    Step("state", "gateway.sources.okvisa:OkVisa.state"),
    Step("page", "gateway.sources.okvisa:OkVisa.page"),
    Step("follow", "gateway.sources.advance:Advance.follow"),
    Step("judge", "gateway.sources.poll:Poll.judge"),
    Step("ingest", "gateway.store.persons:Store.ingest"),
    Step("piece", "gateway.store.ingest:Intake._take_piece"),
    Step("lock-feeds", "gateway.store.ingest:lock_feeds"),
    Step("people", "gateway.store.ingest:Intake._write_people"),
    Step("erase-rows", "gateway.store.ingest:erase_rows"),
    Step("entries", "gateway.store.ingest:write_outcome"),
    Step("quarantine", "gateway.store.quarantine:put"),
    Step("position", "gateway.store.ingest:write_position"),
    Step("tell", "gateway.store.audit:AuditTrail.stage"),
    Step("scrub", "gateway.store.database:Database.scrub"),
    Step("finish-poll", "gateway.store.persons:Store.finish_poll"),
    Step("round", "gateway.sources.poll:Poll.run_once"),
)

RETENTION = (
    Step("expire-persons", "gateway.store.expiring_persons:PersonPass._step"),
    Step("expire-write", "gateway.store.expiring_persons:PersonPass._write"),
    Step("expire-rows", "gateway.store.recording:erase_rows"),
    Step("expire-people", "gateway.store.recording:write_people"),
    Step("expire-outcome", "gateway.store.recording:write_outcome"),
    Step("expire-versions", "gateway.store.expiring_persons:PersonPass._write_versions"),
    Step("expire-tell", "gateway.store.expiring:Expiring.tell"),
    Step("expire-finish", "gateway.store.expiring:Expiring.finish"),
)
"""The steps of a deletion run; those of a person are passed in every piece."""

ROTATION = (
    Step("rotate-begin", "gateway.upkeep.rekeying:Rekeying._begin"),
    Step("rotate-file", "gateway.store.keyring:_write_key"),
    Step("rotate-rewrap", "gateway.store.rekeying:rewrap"),
    Step("rotate-reseal", "gateway.store.rekeying:reseal"),
    Step("rotate-tokens", "gateway.store.rekeying:prepare_tokens"),
    Step("rotate-switch", "gateway.store.rekeying:switch"),
    Step("rotate-drop", "gateway.store.rekeying:drop_tokens"),
)
"""The steps of a change of keys; which of them are passed depends on the key."""

COMMIT = (Step("commit", "sqlalchemy.engine.default:DefaultDialect.do_commit"),)

WHEN = ("before", "after")

TORN = "checkpoint-write:half"
"""The point between two halves of a line of the anchor file, as a full disk or a power cut leaves it."""


class Trap:
    """The file that says where the next process dies."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def arm(self, point: str, calls: int = 1) -> None:
        """The process that passes `point` for the `calls`-th time from now dies there."""
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps({"point": point, "calls": calls}))
        fresh.rename(self.path)

    def fired(self) -> bool:
        """Whether a process has died in it."""
        return not self.path.exists()

    def passed(self, point: str) -> None:
        """Called at every point; does not return if it is the one."""
        try:
            file = self.path.open("r+")
        except FileNotFoundError:
            return
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            said = json.load(file)
            if said["point"] != point:
                return
            if said["calls"] > 1:
                file.seek(0)
                file.truncate()
                json.dump(said | {"calls": said["calls"] - 1}, file)
                return
            self.path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)

    def install(self, steps: tuple[Step, ...]) -> None:
        """Every step looks into the trap before and after."""
        for step in steps:
            module, _, path = step.target.partition(":")
            owner: Any = importlib.import_module(module)
            *parents, name = path.split(".")
            for parent in parents:
                owner = getattr(owner, parent)
            setattr(owner, name, self._watched(step.name, vars(owner)[name]))

    def _watched(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def watched(*arguments: Any, **named: Any) -> Any:
            self.passed(f"{name}:before")
            result = function(*arguments, **named)
            self.passed(f"{name}:after")
            return result

        return watched

    def halve_checkpoints(self) -> None:
        """A line of the anchor file is written in two halves; TORN lies between them."""
        from gateway.store import audit_anchor

        def write_all(file: int, line: bytes) -> None:
            middle = len(line) // 2
            os.write(file, line[:middle])
            self.passed(TORN)
            os.write(file, line[middle:])
            os.fsync(file)

        audit_anchor._write_all = write_all


def points(steps: tuple[Step, ...]) -> Iterator[str]:
    """The names of all crash points of `steps`, in order."""
    return (f"{step.name}:{when}" for step in steps for when in WHEN)


def serve(trap: Trap) -> None:
    """`gateway serve`, with every step of a request watched."""
    from gateway.cli.main import cli
    from gateway.store import audit_schedule

    audit_schedule.AFTER_ENTRIES = CHECKPOINT_ENTRIES
    trap.install(REQUEST + READ + SERVER)
    trap.halve_checkpoints()
    cli(["serve"], prog_name="gateway")


if __name__ == "__main__":
    serve(Trap(Path(sys.argv[1])))
