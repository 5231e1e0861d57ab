"""`gateway serve --sandbox`: a sandbox with all that belongs to it, in one command, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr
from pathlib import Path
from socket import socket
from urllib.parse import urlsplit

import click

from gateway import settings as settings_file
from gateway.agreements.agreement import Agreement
from gateway.agreements.city import load_city
from gateway.agreements.load import load_all
from gateway.cli import children
from gateway.cli.installation import Installation, Plan
from gateway.cli.options import agreements_folder, now
from gateway.cli.sandbox_place import FOLDER, PASSWORD, Wishes, ensure, require_sandbox, sole_use
from gateway.errors import SettingsError, SourceError
from gateway.log import configure_log
from gateway.sandbox.beside import LOOPBACK, listening
from gateway.sandbox.keys import JOURNAL, KEY_FILE, LOG_FILE, PATH, Keys
from gateway.sandbox.source import SEED
from gateway.settings import SandboxSettings
from gateway.wire.issuing import LOCAL_NAMES

_POLL_SECONDS = 5
_FIRST_POLL_SECONDS = 120
_PORT_SECONDS = 10


def run(folder: Path | None, wishes: Wishes, *, fresh: bool) -> None:
    """A sandbox serves until Ctrl-C or SIGTERM; then nothing of it runs any more, and its data stay.

    SettingsError if the folder holds anything else, or if the port is taken.
    """
    children.end_with_us()
    folder = folder or FOLDER
    with sole_use(folder), ExitStack() as held:
        made = ensure(folder, wishes, now=now(), fresh=fresh)
        _require_port(made.plan.port)
        source = held.enter_context(children.listen(urlsplit(made.plan.source_url).port or 0))
        pages = held.enter_context(children.listen(made.plan.sandbox.pages_port if made.plan.sandbox else 0))
        url = f"http://{LOOPBACK}:{children.port_of(source)}/okvisa"
        given = Wishes(source_url=url, pages_port=children.port_of(pages))
        _run(ensure(folder, given, now=now()), source, pages)


def _run(installation: Installation, source: socket, pages: socket) -> None:
    folder = installation.settings.parent
    sandbox = require_sandbox(installation.settings, now=now()).sandbox
    if sandbox is None:
        raise SettingsError(f"{folder} is no sandbox")
    settings = ("--settings", str(installation.settings))
    with ExitStack() as running:
        okvisa = ("--persons", str(sandbox.persons), "--seed", str(SEED))
        remembering = ("--journal", str(folder / JOURNAL), "--name", sandbox.number)
        own = [running.enter_context(children.simulator(source, *okvisa, *remembering))]
        own.append(running.enter_context(children.command(folder, "serve", "--sandbox", *settings)))
        children.wait(f"https://{_reachable(installation.plan)}/health/live", own[1], verify=str(installation.ca))
        own.append(running.enter_context(children.command(folder, "poll", *settings, "--every", str(_POLL_SECONDS))))
        running.enter_context(_pages(installation, sandbox, pages))
        children.wait(f"http://{LOOPBACK}:{sandbox.pages_port}/health/ready")
        _describe(installation)
        click.echo("\nready; Ctrl-C ends it")
        children.stay(own)


def links(folder: Path) -> dict[str, str]:
    """The address of its pages for each application of the sandbox in `folder`."""
    settings = require_sandbox(folder / "settings.toml", now=now())
    keys, port = Keys((folder / KEY_FILE).read_bytes()), settings.sandbox.pages_port if settings.sandbox else 0
    return {name: f"http://{LOOPBACK}:{port}{PATH}?schluessel={keys.link(name)}" for name in settings.pins}


def _reachable(plan: Plan) -> str:
    """Where this machine itself reaches the service."""
    everywhere = ("0.0.0.0", "::", *LOCAL_NAMES)  # noqa: S104 - compared, not listened on
    return f"{'localhost' if plan.host in everywhere else plan.host}:{plan.port}"


@contextmanager
def _pages(installation: Installation, sandbox: SandboxSettings, listener: socket) -> Iterator[None]:
    """The pages for browsers are there, and everybody was fetched from the source; SourceError if that takes long."""
    from gateway.app import build
    from gateway.sandbox.house import pages_by_link
    from gateway.sandbox.proving import require_sandbox as require_proven

    settings = settings_file.load(installation.settings)
    require_proven(settings)  # with what the environment replaces: no other database is opened
    configure_log(settings.log)
    log = (sandbox.folder / "pages.log").open("a", encoding="utf-8")
    with (
        log,
        redirect_stderr(log),
        build(settings) as app,
        listening(listener, pages_by_link(sandbox, app), app.http),
    ):
        deadline = time.monotonic() + _FIRST_POLL_SECONDS
        while app.store.freshness() is None:
            if time.monotonic() > deadline:
                raise SourceError(f"the first poll does not end; see {settings.keys.directory.parent / 'poll.log'}")
            time.sleep(0.1)
        yield


def _require_port(wanted: int) -> None:
    """Nobody listens where the service is to; SettingsError if somebody goes on doing so."""
    deadline = time.monotonic() + _PORT_SECONDS  # the end of an earlier one that was killed takes a moment
    while not children.is_free(wanted):
        if time.monotonic() > deadline:
            raise SettingsError(f"port {wanted} is taken: end what runs there, or choose another --port")
        time.sleep(0.2)


def _describe(installation: Installation) -> None:
    folder, base = installation.settings.parent, installation.plan.public_url
    click.echo(f"sandbox:  {folder} (its data stay when it ends; --fresh begins anew)")
    click.echo(f"CA:       {installation.ca}")
    click.echo(f"log:      {folder / LOG_FILE}")
    majors = [(one.application, one.major) for one in _agreements(installation)]
    for name, link in links(folder).items():
        certificate, key = installation.clients[name]
        click.echo(f"\n{name}")
        for major in sorted(major for application, major in majors if application == name):
            click.echo(f"  service:      {base}/soap/{name}/{major}?wsdl")
        click.echo(f"  certificate:  {certificate} with {key.name}, or {certificate.stem}.p12 (password: {PASSWORD})")
        click.echo(f"  messages:     {link}")


def _agreements(installation: Installation) -> Iterable[Agreement]:
    folder = installation.plan.agreements or agreements_folder()
    return load_all(folder, today=load_city(folder / "stadt.toml").today(now())).values()
