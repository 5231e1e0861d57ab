"""`gateway sandbox`: what a vendor does beside a running sandbox: let things happen, and read his own messages."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

import click

from gateway.cli.options import FOLDER, load_settings, now
from gateway.cli.sandbox_place import FOLDER as USUAL
from gateway.cli.sandbox_place import require_sandbox
from gateway.cli.terminal import printable
from gateway.errors import NotFound
from gateway.sandbox.keys import MESSAGES, ORDERS
from gateway.sandbox.messages import Message, Messages
from gateway.settings import Settings

_LOOK_SECONDS = 0.5
_LISTED = 20
folder_option = click.option("--dir", "folder", default=USUAL, show_default=True, type=FOLDER, help="The sandbox.")
application_option = click.option("--application", help="Whose (default: all; needed where there are several).")


@click.group()
def sandbox() -> None:
    """What a vendor does beside a running sandbox (`gateway serve --sandbox`)."""


@sandbox.command()
@folder_option
def links(folder: Path) -> None:
    """Print the address of each application's pages: who has it may see that application's messages."""
    from gateway.cli.sandbox_run import links as every

    for name, link in every(folder).items():
        click.echo(f"{name}  {link}")


@sandbox.command()
def events() -> None:
    """List what may happen at the source."""
    from gateway.sandbox.source import EVENTS

    width = max(len(event.name) for event in EVENTS)
    for event in EVENTS:
        click.echo(f"{event.name:{width}}  {event.english}")


@sandbox.command()
@folder_option
@click.argument("event")
@application_option
@click.option("--person", "kennung", help="Personenkennung from an answer to the application (default: by lot).")
def trigger(folder: Path, event: str, application: str | None, kennung: str | None) -> None:
    """Let EVENT happen at the source, and fetch it: it is in the change feed when this command ends."""
    from gateway.app import build
    from gateway.log import configure_log
    from gateway.sandbox import source
    from gateway.sandbox.happening import Happening
    from gateway.sandbox.proving import require_sandbox as require_running
    from gateway.sandbox.proving import source_of

    settings = _settings(folder)
    name, wanted = _one(settings, application), source.event(event)
    configure_log(settings.log)
    own = source_of(require_running(settings), settings)
    with build(settings) as app:
        happened = Happening(app, own, SystemRandom).let(wanted, name, kennung)
    click.echo(f"{wanted.name}: {wanted.english}")
    for one in happened.persons:
        click.echo(f"  {one.kennung}  {'visible' if one.visible else 'not visible'} to {name}")
    if happened.others:
        click.echo(f"  {happened.others} more, of whom {name} hears nothing")
    click.echo(f"  {happened.waiting} changes wait in the feed of {name} (aenderungenAbrufen)")


@sandbox.command()
@folder_option
@click.argument("kind", required=False)
@application_option
@click.option("--times", default=1, show_default=True, type=click.IntRange(1, 100), help="For how many answers.")
def misbehave(folder: Path, kind: str | None, application: str | None, times: int) -> None:
    """Let the next answers to an application go wrong as KIND says.

    Without KIND: list the kinds, and end what is ordered.
    """
    from gateway.sandbox import mischief

    settings = _settings(folder)
    name = _one(settings, application)
    wanted = None if kind is None else mischief.kind(kind)
    mischief.Orders(folder / ORDERS).place(name, wanted, times)
    for one in mischief.KINDS if wanted is None else (wanted,):
        click.echo(f"{one.name:17}  {one.english}")
    click.echo(f"{name}: " + ("no answer goes wrong" if wanted is None else f"the next {times} answers go wrong so"))


@sandbox.command()
@folder_option
@application_option
@click.option("--last", default=_LISTED, show_default=True, type=click.IntRange(1, 200), help="How many.")
@click.option("--follow", is_flag=True, help="Go on with every further message until Ctrl-C.")
def messages(folder: Path, application: str | None, last: int, follow: bool) -> None:
    """List the latest messages, the last one at the end; `gateway sandbox show NUMBER` tells what is wrong with one."""
    shelf = _Shelf.open(folder, application)
    seen = 0
    for message in shelf.since(0)[-last:]:
        click.echo(_line(message))
        seen = message.number
    while follow:
        time.sleep(_LOOK_SECONDS)
        for message in shelf.since(seen):
            click.echo(_line(message))
            seen = message.number


@sandbox.command()
@folder_option
@application_option
@click.argument("number", type=click.IntRange(1))
def show(folder: Path, application: str | None, number: int) -> None:
    """Show message NUMBER: request and answer, what the XSD says of the request, and what a fault means."""
    from gateway.cli.contract_place import Place
    from gateway.sandbox.reading import read, readable

    message = _Shelf.open(folder, application).find(number)
    place = Place.of(folder / "settings.toml", None, None)
    told = read(message, {f"{one.application}/{one.major}": one for one in place.contracts()})
    click.echo(_line(message))
    for name, lines in (("request", readable(message.request)), ("answer", readable(message.answer))):
        click.echo(f"\n{name} ({getattr(message, f'{name}_bytes')} bytes)")
        for count, line in enumerate(lines, 1):
            click.echo(f"{count:5}  {printable(line)}")
    if told.read:
        click.echo("\nXSD: " + ("valid" if not told.findings else f"{len(told.findings)} findings"))
    for one in told.findings:
        click.echo(
            f"  line {one.line}: {one.path or 'message'}: {one.english}" + (f" [{one.facet}]" if one.facet else "")
        )
        for more in (one.rule, one.words, one.place):
            if more:
                click.echo(f"    {printable(more)}")
    if told.meaning is not None:
        click.echo(f"\n{message.outcome}: {told.meaning.meldung_englisch}\n  {told.meaning.abhilfe_englisch}")
    for broken in told.places:
        click.echo(f"  {broken.rule}" + (f"\n    {broken.xpath}" if broken.xpath else ""))


@dataclass(frozen=True)
class _Shelf:
    """The messages of some applications of a sandbox."""

    messages: Messages
    owners: tuple[str, ...]

    @classmethod
    def open(cls, folder: Path, application: str | None) -> _Shelf:
        settings = _settings(folder)
        owners = tuple(settings.pins) if application is None else (_one(settings, application),)
        return cls(Messages(folder / MESSAGES), owners)

    def since(self, number: int) -> list[Message]:
        """All later ones, the last one at the end."""
        found = [one for owner in self.owners for one in self.messages.last(owner, after=number)]
        return sorted(found, key=lambda one: one.number)

    def find(self, number: int) -> Message:
        found = (self.messages.find(owner, number) for owner in self.owners)
        message = next((one for one in found if one is not None), None)
        if message is None:
            raise NotFound(f"there is no message {number}, or none any more")
        return message


def _settings(folder: Path) -> Settings:
    require_sandbox(folder / "settings.toml", now=now())
    return load_settings(folder / "settings.toml")


def _one(settings: Settings, application: str | None) -> str:
    names = sorted(settings.pins)
    if application is None and len(names) == 1:
        return names[0]
    if application not in names:
        raise click.UsageError(f"--application: one of {', '.join(names)}")
    return application


def _line(message: Message) -> str:
    what = message.operation or message.path
    ordered = f"  (ordered: {message.ordered})" if message.ordered else ""
    return (
        f"{message.number:5}  {message.at:%H:%M:%S}  {message.owner}  {printable(what)}  {message.status}"
        f"  {message.outcome}  {message.milliseconds} ms{ordered}"
    )
