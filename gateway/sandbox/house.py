"""The sandbox put together: the production gateway, a recording around its pipeline, and pages beside its door."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from random import SystemRandom
from typing import Any

from gateway import serving
from gateway.app import App, Rules
from gateway.exchange.http import Environ
from gateway.exchange.proxy import peers
from gateway.log import configure_log
from gateway.sandbox.happening import Happening
from gateway.sandbox.keys import KEY_FILE, LOG_FILE, MESSAGES, ORDERS, Keys, is_below
from gateway.sandbox.messages import Messages
from gateway.sandbox.mischief import Mischief, Orders
from gateway.sandbox.pages import Pages
from gateway.sandbox.proving import require_sandbox, require_synthetic, source_of
from gateway.sandbox.recording import Owners, Recording, Refusals
from gateway.sandbox.visitors import ByCertificate, ByLink, Visitors
from gateway.settings import SandboxSettings, Settings


def serve(settings: Settings) -> None:
    """Serves as production does until SIGTERM, recording; SettingsError if anything shows that it is no sandbox."""
    configure_log(settings.log)
    sandbox = require_sandbox(settings)
    serving.run(settings, partial(open_after_fork, sandbox), partial(require_synthetic, sandbox))


def open_after_fork(sandbox: SandboxSettings, rules: Rules) -> Sandbox:
    """A server process of the sandbox."""
    return Sandbox(sandbox, serving.open_after_fork(rules))


class Sandbox:
    """What one server process works with: `http`, until `close`. The pages are those of the certificate shown."""

    def __init__(self, sandbox: SandboxSettings, app: App) -> None:
        self._app, clock = app, app.rules.clock
        owners, messages = Owners(app.pipeline.services), Messages(sandbox.folder / MESSAGES)
        peer, _ = peers(app.rules.settings.server, clock)
        orders = Orders(sandbox.folder / ORDERS)
        recording = Recording(app.pipeline, owners, messages, clock, time.monotonic, orders, Mischief(app))
        self._services = Refusals(app.door(recording), owners, messages, peer, clock)
        self._pages = _pages(sandbox, app, ByCertificate(owners, peer), messages)

    def http(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The WSGI callable."""
        answer = self._pages if is_below(environ.get("PATH_INFO", "")) else self._services
        return answer(environ, start_response)

    def close(self) -> None:
        """As the gateway itself."""
        self._app.close()


def pages_by_link(sandbox: SandboxSettings, app: App) -> Pages:
    """The same pages for browsers, who have a link instead of a certificate."""
    owners = Owners(app.pipeline.services)
    return _pages(sandbox, app, ByLink(owners, _keys(sandbox)), Messages(sandbox.folder / MESSAGES))


def _pages(sandbox: SandboxSettings, app: App, visitors: Visitors, messages: Messages) -> Pages:
    server = app.rules.settings.server
    return Pages(
        visitors=visitors,
        keys=_keys(sandbox),
        messages=messages,
        happening=Happening(app, source_of(sandbox, app.rules.settings), SystemRandom),
        contracts=app.rules.contracts,
        public_url=server.public_url.rstrip("/"),
        orders=Orders(sandbox.folder / ORDERS),
        log=sandbox.folder / LOG_FILE,
        max_bytes=server.max_request_bytes,
    )


def _keys(sandbox: SandboxSettings) -> Keys:
    return Keys((sandbox.folder / KEY_FILE).read_bytes())
