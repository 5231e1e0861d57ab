"""Where the processor time of an answer goes: its steps by their own time, in one process and one thread after another.

Each step is timed with the clock of its thread; what a step spends in another named step counts there. So it adds up,
also over the writer of the audit trail, and nothing is slowed down by a profiler.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any

STEPS: Mapping[str, str] = {
    "pipeline and what is not named": "gateway.exchange.pipeline:Pipeline.answer",
    "budgets: begin and end a request": "gateway.exchange.limits:Budgets.admitted",
    "budgets: persons": "gateway.exchange.limits:Budgets.disclose",
    "budgets: bytes": "gateway.exchange.limits:Budgets.send",
    "permit": "gateway.agreements.agreement:Agreement.permit",
    "seal: put in order": "gateway.exchange.seal:Sealer.seal",
    "decode and dispatch": "gateway.exchange.dispatch:Dispatcher.dispatch",
    "identify the caller": "gateway.exchange.pipeline:identify",
    "parse the request": "gateway.exchange.pipeline:parse",
    "open the envelope": "gateway.exchange.pipeline:open_envelope",
    "validate the request": "gateway.exchange.pipeline:checked_context",
    "freshness of the stock (SQL)": "gateway.store.persons:Store.freshness",
    "operation and feed": "gateway.exchange.service:Service.run",
    "store: rows (SQL)": "sqlalchemy.engine.base:Connection.execute",
    "store: begin and end transactions": "gateway.store.database:Database._transaction",
    "store: rows that every answer reads (SQL)": "gateway.store.statements:_Made.tuples",
    "store: rows that every answer writes (SQL)": "gateway.store.statements:_Made.run",
    "store: begin and end snapshots": "gateway.store.statements:Lines.open",
    "store: tell persons": "gateway.store.fragments:Shelf.page",
    "store: derive persons": "gateway.store.reading:render",
    "vault: open persons (AES-GCM)": "gateway.store.vault:Opening.open",
    "vault: AES-GCM": "gateway.store.vault:_decrypt",
    "render the answer": "gateway.contract.compiled:Contract.render",
    "parse and validate the answer (libxml2)": "gateway.contract.validation:Validator.accepts",
    "canonical form of the answer": "gateway.contract.compiled:plain",
    "check a short answer by its tree (libxml2)": "gateway.contract.compiled:Contract.check_answer",
    "audit: make the entry": "gateway.store.audit:AuditTrail._draft",
    "audit: describe what was told": "gateway.exchange.seal:entry",
    "audit: write the batch (SQL)": "gateway.store.audit:AuditTrail._appended",
    "audit: commit (fsync)": "gateway.store.database:Database.append",
    "quittung": "gateway.exchange.seal:Sealer._quittung",
    "sign: digest and put together": "gateway.wire.seal:sign",
    "sign: private key": "gateway.wire.signing:_value",
}
"""What a step is called, and the function that does it."""

_NEEDED = (
    *("parse", "open the envelope", "validate", "check a short answer", "canonical form", "sign: "),
    *("freshness of the stock", "store: rows", "store: begin and end", "vault: ", "audit: write", "audit: commit"),
)


def is_needed(step: str) -> bool:
    """True for what no answer can do without: parse, validate both ways, read, open, digest, sign, a durable entry."""
    return step.startswith(_NEEDED)


class _Clocks(threading.local):
    """Of each thread: the steps it is in, each with the time that its inner steps took."""

    def __init__(self) -> None:
        self.inner: list[float] = []


@contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Inside, the seconds of each step add up in the dict that is given."""
    spent: dict[str, float] = defaultdict(float)
    clocks, undo = _Clocks(), []
    for name, place in STEPS.items():
        if (found := _found(place)) is None:
            print(f"no step {place!r} any more: it counts where it is done now", flush=True)
            continue
        owner, attribute, original = found
        undo.append((owner, attribute, original))
        setattr(owner, attribute, _timing(original, name, spent, clocks))
    try:
        yield spent
    finally:
        for owner, attribute, original in undo:
            setattr(owner, attribute, original)


def shares(answer: Callable[[], object], times: int = 200) -> dict[str, float]:
    """The share of each step in the processor time of an answer, the largest first; "elsewhere" is the rest."""
    with timed() as spent:
        answer()
        spent.clear()
        begun = time.process_time()
        for _ in range(times):
            answer()
        total = time.process_time() - begun
    found = {name: seconds / total for name, seconds in spent.items()}
    found["threads and elsewhere"] = 1 - sum(found.values())
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _found(place: str) -> tuple[Any, str, Any] | None:
    """Whose attribute it is, and the attribute; None if there is no such step in this version."""
    module, _, path = place.partition(":")
    *outer, attribute = path.split(".")
    try:
        owner: Any = importlib.import_module(module)
        for name in outer:
            owner = getattr(owner, name)
        return owner, attribute, owner.__dict__[attribute]
    except (ImportError, AttributeError, KeyError):
        return None


def _timing(function: Any, name: str, spent: dict[str, float], clocks: _Clocks) -> Any:
    """The function, its own time added under `name`; of a context manager its beginning and its end count."""

    def run(work: Callable[[], Any]) -> Any:
        clocks.inner.append(0.0)
        begun = time.thread_time()
        try:
            return work()
        finally:
            used = time.thread_time() - begun
            spent[name] += used - clocks.inner.pop()
            if clocks.inner:
                clocks.inner[-1] += used

    @wraps(function)
    def timed_call(*arguments: Any, **named: Any) -> Any:
        result = run(lambda: function(*arguments, **named))
        return _Timed(result, run) if hasattr(result, "__enter__") and hasattr(result, "gen") else result

    return timed_call


class _Timed:
    """A context manager whose beginning and end are timed, but not what happens inside."""

    def __init__(self, inner: Any, run: Callable[[Callable[[], Any]], Any]) -> None:
        self._inner, self._run = inner, run

    def __enter__(self) -> Any:
        return self._run(self._inner.__enter__)

    def __exit__(self, *error: Any) -> Any:
        return self._run(lambda: self._inner.__exit__(*error))
