"""How the server starts: everything that can be wrong is found before anything listens."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from functools import cache, partial
from hashlib import sha256
from typing import TYPE_CHECKING

import structlog

from gateway.app import App, Rules, Serving, load, open_house, utc_now
from gateway.errors import AuditError, ContractError, SettingsError
from gateway.exchange import measuring, selfattack, standing
from gateway.exchange.beside import Told, beside
from gateway.log import configure_log
from gateway.settings import Settings
from gateway.store import usage
from gateway.upkeep import in_force
from gateway.wire import seal
from gateway.wire.seal import Sound

if TYPE_CHECKING:
    import ssl

    from gateway.exchange.server import Opened

LOG = structlog.stdlib.get_logger("gateway.app")

_UNFIT = "unfit"
_FEW = 8
"""Up to so many contracts one process attacks; what more there are it shares with a second one."""


def serve(settings: Settings) -> None:
    """Serves until SIGTERM; SettingsError lists everything that is wrong before anything listens.

    The gateway attacks itself first: if one of its own negative messages is answered it does not serve.
    AuditError if the audit trail does not continue its last checkpoint, or none can be written; StoreError if an
    erasure or a restore has not been finished, or if the database can only be read. A sandbox is refused.
    """
    if settings.sandbox is not None:
        raise SettingsError("these are the settings of a sandbox: gateway serve --sandbox")
    run(settings, open_after_fork)


def run(
    settings: Settings,
    open_app: Callable[[Rules], Opened],
    require: Callable[[App], object] = lambda _app: None,
) -> None:
    """Serves what `open_app` makes in each process, after everything was checked that `serve` promises to check.

    And after `require`, which raises if this gateway must not be served so.
    """
    configure_log(settings.log)
    lies_there = in_force.digest(settings)
    with ExitStack() as ending:
        # What takes its time is done at the same time: the attack, RSA keys, and whatever does not need them.
        keys = ending.enter_context(beside(partial(_examine, settings)))
        begun: list[list[Callable[[], Told]]] = []

        def begin(serving: Serving) -> None:
            begun.append([ending.enter_context(beside(partial(_attack, share))) for share in _shares(serving)])

        rules, context = checked(settings, begin, _told_by(keys))
        _prepare(settings, rules, require)
        from gateway.exchange import server

        (attacks,) = begun
        _require_refused([row for attack in attacks for row in attack()])
    # What was loaded stays for good: no collection looks at it again, and processes go on sharing it.
    gc.freeze()
    gc.enable()  # `gateway serve` has begun without
    state = settings.audit.anchor.parent / standing.FILE
    server.serve(settings.server, context, partial(open_app, rules), state, partial(_take_over, settings, lies_there))


def _prepare(settings: Settings, rules: Rules, require: Callable[[App], object]) -> None:
    """What a process needs after the fork can be made, and what the last one left is in order."""
    with open_house(rules) as app:
        require(app)
        # What a process makes after the fork can be made.
        app.door(app.pipeline)
        app.database.require_writable()
        app.store.require_erasures()
        # What a killed process left without a checkpoint gets one now; an untouched trail needs none.
        app.audit.checkpoint()
        _resume_budgets(app)
    if settings.metrics is not None:
        measuring.make(settings.metrics.folder)


def _take_over(settings: Settings, lies_there: str) -> None:
    """What the server before left is replaced: a second one, whose place is taken, must not speak for the first."""
    in_force.note(settings, lies_there)
    if settings.metrics is not None:
        measuring.begin(settings.metrics.folder)


def checked(
    settings: Settings, begin: Callable[[Serving], object] | None = None, sound: Sound = lambda _pem: False
) -> tuple[Rules, ssl.SSLContext | None]:
    """The rules and the context for TLS; SettingsError lists everything that is wrong with either at once.

    `begin` and `sound` as in `gateway.app.load`.
    """
    from gateway.exchange.tls import context_for

    problems: list[str] = []
    rules = context = None
    try:
        rules = load(settings, begin=begin, sound=sound)
    except SettingsError as error:
        problems += error.problems or [str(error)]
    try:
        context = context_for(settings.server)
    except SettingsError as error:
        problems += error.problems or [str(error)]
    if rules is None or problems:
        raise SettingsError(problems=problems)
    return rules, context


def open_after_fork(rules: Rules) -> App:
    """A server process; what one that was killed left without a checkpoint, or half a line of it, is mended."""
    app = open_house(rules)
    app.web  # noqa: B018 - made now, by one thread, and not at the first request
    try:
        app.audit.checkpoint()
    except AuditError as error:
        # As with any checkpoint that fails: the entries themselves are durable, and it is tried again.
        LOG.warning("no checkpoint", error=error.code)
    return app


def _resume_budgets(app: App) -> None:
    """What was disclosed today before this start counts: a restart is no second budget."""
    rules, now = app.rules, app.rules.clock()
    midnight = datetime.combine(rules.city.today(now), datetime.min.time(), rules.city.timezone)
    app.budgets.resume(usage.disclosed(app.database, midnight), now=now)


def _examine(settings: Settings) -> Told:
    return [[digest] for digest in sorted(seal.examined(pair.key for pair in settings.signing.values()))]


def _told_by(keys: Callable[[], Told]) -> Sound:
    """What the process beside has examined is sound; it is waited for when a key is loaded."""
    known = cache(lambda: {digest for (digest,) in keys()})
    return lambda pem: sha256(pem).hexdigest() in known()


def _shares(serving: Serving) -> list[Serving]:
    """What each process beside the start attacks; whatever is served is in one of them."""
    agreements, contracts, city, dispatchers = serving
    names = sorted(agreements.keys() | contracts.keys())
    parts = [names] if len(names) <= _FEW else [names[::2], names[1::2]]
    return [
        (
            {name: agreements[name] for name in part if name in agreements},
            {name: contracts[name] for name in part if name in contracts},
            city,
            dispatchers,
        )
        for part in parts
    ]


def _attack(serving: Serving) -> Told:
    """Every probe that was not refused, and every schema that does not compile: its kind, and what it is."""
    agreements, contracts, city, dispatchers = serving
    told = []
    for contract in contracts.values():
        try:
            contract.require_schema()
        except ContractError as error:
            told.append([_UNFIT, str(error)])
    probes = selfattack.attack(
        agreements, contracts, city, clock=utc_now, randomness=os.urandom, dispatchers=dispatchers, thorough=False
    )
    refused = selfattack.Verdict.REFUSED
    return told + [
        [one.verdict.value, one.service, one.attack, one.told] for one in probes if one.verdict is not refused
    ]


def _require_refused(told: Told) -> None:
    problems = []
    for kind, *words in told:
        if kind == selfattack.Verdict.NOT_RUN.value:
            LOG.warning("self-attack could not run", **dict(zip(("service", "attack", "told"), words, strict=True)))
        elif kind == selfattack.Verdict.PASSED.value:
            problems.append(f"self-attack on {words[0]}: {words[1]}: was answered")
        else:
            problems += words
    if problems:
        raise SettingsError(problems=problems)
