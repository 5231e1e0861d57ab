"""The work that goes on beside the server, each piece in a process of its own that can be killed: `office.py TRAP`.

Reads one JSON object per line of standard input and does it in a child:

    {"work": "poll", "full": bool, "only": CODE}   one round; under agreements about persons of that sex only
    {"work": "retention"}                          the deletion run, as if the periods were a day and over
    {"work": "rotate", "purpose": PURPOSE}         another key
    {"work": "erase", "number": PERSON NUMBER}     Art. 17 DSGVO

It prints {"pid": N} when the child has begun, {"counts": {...}} if it went through, {"ended": exit status}. Everything
is loaded before the first child is made: what is killed is at work, and not still importing.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway import app, settings
from gateway.agreements.agreement import Condition
from gateway.agreements.versions import by_stream
from gateway.app import Rules
from gateway.log import configure_log
from gateway.sources import okvisa, poll
from gateway.store import ingest, reprojecting
from gateway.store.keyring import KeyRing
from gateway.upkeep import retention_rules
from gateway.upkeep.rekeying import Rekeying
from gateway.upkeep.retention import Retention
from gateway.upkeep.retention_rules import Datenart
from tests.fault.crash import COMMIT, POLL, RETENTION, ROTATION, Trap

SOURCE = "okvisa"
OVERLAP = 2
"""Change numbers that a round reads again here; 100 in the house, which would mend what a small stock has lost."""

PIECE = 4
"""Changes in one transaction here; dozens in the house, and no small page would ever be cut."""

SHORT = (Datenart.PERSON, Datenart.VERSTORBEN, Datenart.ZUSAMMENGEFUEHRT, Datenart.FASSUNG)
"""What is deleted after a day here; months and years in the house."""
DAYS = 3


def main(trap: Trap) -> None:
    """A child for every line; ends with its input."""
    trap.install(POLL + RETENTION + ROTATION + COMMIT)
    poll.Poll.__init__.__kwdefaults__ = {**(poll.Poll.__init__.__kwdefaults__ or {}), "overlap": OVERLAP}
    reprojecting.PIECE = PIECE
    ingest.piece_size = lambda _applications: PIECE
    found = settings.load(settings.locate(None))
    configure_log(found.log)
    rules, source = app.load(found), okvisa.OkVisa.open(found.source)
    # Reading the WSDL is most of a small round; nothing has been called yet, so the children can share it.
    okvisa.OkVisa.open = lambda _settings: source  # type: ignore[method-assign,assignment]  # one for all rounds
    for line in iter(sys.stdin.readline, ""):
        child = os.fork()
        if child == 0:
            _work(rules, json.loads(line))
        _say({"pid": child})
        _say({"ended": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])})


def _work(rules: Rules, told: dict[str, Any]) -> None:
    status = 1
    try:
        work = WORK[told.pop("work")]
        # Keys may have changed since the parent loaded them.
        counts = work(replace(rules, ring=KeyRing.load(rules.settings.keys.directory)), **told)
        _say({"counts": counts})
        status = 0
    except Exception:  # noqa: BLE001 -- the end of this process: say why, whatever it was
        traceback.print_exc()
    finally:
        os._exit(status)


def _poll(rules: Rules, *, full: bool = False, only: str | None = None) -> Mapping[str, int]:
    narrower = () if only is None else (Condition("geschlecht", one_of=frozenset({only})),)
    every = (agreement for versions in rules.versions.values() for agreement in versions.agreements)
    versions = by_stream(replace(one, scope=one.scope + narrower) for one in every)
    with app.open_house(replace(rules, versions=versions)) as house:
        return asdict(house.poll.run_once(full=full).counts)


def _retention(rules: Rules) -> Mapping[str, int]:
    shipped = retention_rules.load()
    short = {kind: shipped[kind].model_copy(update={"frist": "1 Tag"}) for kind in SHORT}
    with app.open_house(rules) as house:
        work = Retention(
            house.store,
            rules.agreements,
            retention_rules.Rules({**shipped.rules, **short}),
            rules.city.timezone,
            pause=time.sleep,
        )
        report = work.run(rules.clock() + timedelta(days=DAYS))
    return {line.rule.datenart.value: line.gone for line in report.lines}


def _rotate(rules: Rules, *, purpose: str) -> Mapping[str, int]:
    with app.open_house(rules) as house:
        folder, vault = rules.settings.keys.directory, house.store._vault
        return Rekeying(house.database, vault, house.audit, folder, time.sleep).rotate(purpose).counts


def _erase(rules: Rules, *, number: str) -> Mapping[str, int]:
    now = rules.clock()
    with app.open_house(rules) as house, house.store.poll_lock() as tenure:
        gone = house.store.erase(tenure, SOURCE, number, rules.agreements, now=now, stichtag=rules.city.today(now))
    return {"persons": int(gone)}


def _say(line: object) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


WORK: dict[str, Callable[..., Mapping[str, int]]] = {
    "poll": _poll,
    "retention": _retention,
    "rotate": _rotate,
    "erase": _erase,
}

if __name__ == "__main__":
    main(Trap(Path(sys.argv[1])))
