"""How the server starts: everything that can be wrong is found before anything listens."""

from __future__ import annotations

import gc
import ssl
from collections.abc import Callable
from datetime import datetime
from functools import partial

import structlog

from gateway.app import App, Rules, load, open_house
from gateway.errors import AuditError, SettingsError
from gateway.exchange import measuring, selfattack, server, standing
from gateway.exchange.tls import context_for
from gateway.log import configure_log
from gateway.settings import Settings
from gateway.store import usage

LOG = structlog.stdlib.get_logger("gateway.app")


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
    open_app: Callable[[Rules], server.Opened],
    require: Callable[[App], object] = lambda _app: None,
) -> None:
    """Serves what `open_app` makes in each process, after everything was checked that `serve` promises to check.

    And after `require`, which raises if this gateway must not be served so.
    """
    configure_log(settings.log)
    rules, context = checked(settings)
    _attack(rules)
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
        measuring.begin(settings.metrics.folder)
    # What was loaded stays for good: no collection looks at it again, and processes go on sharing it.
    gc.freeze()
    gc.enable()  # `gateway serve` has begun without
    server.serve(settings.server, context, partial(open_app, rules), settings.audit.anchor.parent / standing.FILE)


def checked(settings: Settings) -> tuple[Rules, ssl.SSLContext | None]:
    """The rules and the context for TLS; SettingsError lists everything that is wrong with either at once."""
    problems: list[str] = []
    rules = context = None
    try:
        rules = load(settings)
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


def _attack(rules: Rules) -> None:
    probes = selfattack.attack(
        rules.agreements,
        rules.contracts,
        rules.city,
        clock=rules.clock,
        randomness=rules.randomness,
        dispatchers=rules.dispatchers,
        thorough=False,
    )
    if through := selfattack.passed(probes):
        raise SettingsError(problems=[f"self-attack on {one.service}: {one.attack}: was answered" for one in through])
    for one in probes:
        if one.verdict is selfattack.Verdict.NOT_RUN:
            LOG.warning("self-attack could not run", service=one.service, attack=one.attack, told=one.told)
