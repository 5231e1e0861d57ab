"""`gateway demo`: the whole job on one machine: OK.VISA simulated, polled, served, called, verified."""

from __future__ import annotations

import json
import shlex
import shutil
from contextlib import ExitStack
from pathlib import Path

import click
import requests
from rich.console import Console
from rich.table import Table

from gateway.agreements.load import load_all
from gateway.cli import children
from gateway.cli.audit import inspect
from gateway.cli.installation import Installation, Plan, create
from gateway.cli.options import FOLDER, agreements_folder, city, now
from gateway.cli.run import summary
from gateway.cli.sample_client import Answered, SampleClient
from gateway.cli.waiting import progress_bars
from gateway.errors import SettingsError, SourceError
from gateway.reports.verification import ExitCode
from gateway.settings import load

MARKER = "demo.json"
_OURS = ".gateway-demo"
_APPLICATION = "wohnung2000"


@click.command()
@click.option("--persons", default=240, show_default=True, type=click.IntRange(1, 1_000_000), help="Synthetic persons.")
@click.option("--once", is_flag=True, help="End after the sample calls instead of staying up.")
@click.option("--dir", "folder", default=Path("demo"), show_default=True, type=FOLDER, help="Everything goes here.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the service (default: 8443, else a free one).")
def demo(persons: int, once: bool, folder: Path, port: int | None) -> None:
    """Show everything on one machine with synthetic persons; starts afresh each time."""
    children.end_with_us()
    console = Console()
    _clear(folder)
    moment = now()
    agreements = load_all(agreements_folder(), today=city().today(moment)).values()
    with ExitStack() as running:
        source = running.enter_context(children.listen(0))
        source_port = children.port_of(source)
        plan = Plan(
            folder,
            "127.0.0.1",
            port or _port(),
            f"http://127.0.0.1:{source_port}/okvisa",
            sorted({a.application for a in agreements}),
        )
        console.print("[bold]1[/] keys, certificates of a small CA, database")
        installation = create(plan, now=moment)
        (folder / _OURS).touch()
        console.print(f"[bold]2[/] simulated OK.VISA with {persons} synthetic persons")
        changes = [] if once else ["--changes-per-minute", "12"]
        own = [running.enter_context(children.simulator(source, "--persons", str(persons), *changes))]
        console.print("[bold]3[/] first poll")
        _poll(installation, console, total=persons)
        console.print("[bold]4[/] server with client certificates (mTLS)")
        serve = ("serve", "--settings", str(installation.settings))
        own.append(running.enter_context(children.command(folder, *serve)))
        children.wait(f"{plan.public_url}/health/live", own[-1], verify=str(installation.ca))
        _describe(installation)
        console.print(f"[bold]5[/] sample calls as {_APPLICATION}")
        _calls(installation, console, source_port)
        _audit(installation, console)
        _print_urls(installation, console)
        if not once:
            poll = ("poll", "--settings", str(installation.settings), "--every", "5")
            own.append(running.enter_context(children.command(folder, *poll)))
            console.print("Staying up, the data keep changing; Ctrl-C ends it.")
            children.stay(own)


def _port() -> int:
    with children.listen(8443) as found:
        return children.port_of(found)


def _poll(installation: Installation, console: Console, *, total: int | None = None) -> None:
    from gateway.app import build
    from gateway.log import configure_log

    settings = load(installation.settings)
    configure_log(settings.log)
    with build(settings) as app, progress_bars(console=console) as told:
        result = app.poll.run_once(progress=lambda what, done, _unknown: told(what, done, total))
    console.print(f"  {summary(result.counts)}", highlight=False)


def _calls(installation: Installation, console: Console, source_port: int) -> None:
    client = _client(installation)
    page = client.call("bestandAbrufen", {"anzahl": 8})
    console.print(_persons(page, "First page of bestandAbrufen"))
    client.call("aenderungenQuittieren", {"bis": _all_pages(client, page), "epoche": page.texts("epoche")[0]})
    requests.post(f"http://127.0.0.1:{source_port}/schritt", params={"ereignis": "umzug"}, timeout=10)
    _poll(installation, console)
    changes = client.call("aenderungenAbrufen")
    table = Table(title="aenderungenAbrufen after one step at the source")
    for column in ("laufnummer", "art", "personenkennung"):
        table.add_column(column)
    for row in zip(
        *(changes.texts(f"aenderung/{name}") for name in ("laufnummer", "art", "personenkennung")), strict=True
    ):
        table.add_row(*row)
    console.print(table)
    last = changes.texts("letzteLaufnummer")[0]
    done = client.call("aenderungenQuittieren", {"bis": last, "epoche": changes.texts("epoche")[0]})
    console.print(f"  acknowledged up to {done.texts('quittiertBis')[0]}")
    console.print(f"  every answer's signature verified with {installation.signing_certificate}")
    console.print(f"  quittung of the last one: protokollnummer {done.quittung['protokollnummer']}")


def _all_pages(client: SampleClient, page: Answered) -> str:
    """The snapshot number once the last page has been fetched."""
    while token := page.texts("naechsteSeitenmarke"):
        page = client.call("bestandAbrufen", {"seitenmarke": token[0]})
    return page.texts("bestandsnummer")[0]


def _persons(page: Answered, title: str) -> Table:
    columns = ("familienname", "vornamen", "geburt/datum", "staatsangehoerigkeit/code", "anschrift/strasse")
    table = Table(title=f"{title} ({len(page.raw):,} bytes, signature verified)")
    for column in columns:
        table.add_column(column)
    for person in page.payload.iterfind("{*}person"):
        cells = ("/".join(f"{{*}}{step}" for step in column.split("/")) for column in columns)
        table.add_row(*(person.findtext(cell) or "–" for cell in cells))
    return table


def _client(installation: Installation) -> SampleClient:
    agreements = load_all(agreements_folder(), today=city().today(now()))
    agreement = next(a for a in agreements.values() if a.application == _APPLICATION)
    certificate, key = installation.clients[_APPLICATION]
    return SampleClient(
        service_url=f"{installation.plan.public_url}/soap/{_APPLICATION}/{agreement.major}",
        namespace=f"{city().namespace}:{_APPLICATION}:{agreement.major}",
        ca=installation.ca,
        certificate=certificate,
        key=key,
        signing_certificate=installation.signing_certificate,
        purpose=next(iter(agreement.purposes)),
    )


def _audit(installation: Installation, console: Console) -> None:
    settings = load(installation.settings)
    found = inspect(settings, anchor=settings.audit.anchor)
    for line in found.lines[:3]:
        console.print(f"  {line}", highlight=False)
    if found.exit_code >= ExitCode.CRITICAL:
        raise SourceError("the audit trail does not verify")


def _describe(installation: Installation) -> None:
    """Writes DIR/demo.json: where tools find everything; it appears only when the service answers."""
    base = installation.plan.public_url
    majors = {a.application: a.major for a in load_all(agreements_folder(), today=city().today(now())).values()}
    content = {
        "base_url": base,
        "ca": str(installation.ca),
        "settings": str(installation.settings),
        "database": installation.database_url,
        "signing_certificate": str(installation.signing_certificate),
        "applications": {
            name: {
                "wsdl_url": f"{base}/soap/{name}/{majors[name]}?wsdl",
                "service_url": f"{base}/soap/{name}/{majors[name]}",
                "client_certificate": str(certificate),
                "client_key": str(key),
            }
            for name, (certificate, key) in installation.clients.items()
        },
    }
    path = installation.settings.parent / MARKER
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    partial.replace(path)


def _print_urls(installation: Installation, console: Console) -> None:
    certificate, key = installation.clients[_APPLICATION]
    base = f"{installation.plan.public_url}/soap/{_APPLICATION}/1"
    console.print(f"\nService   {base}\nWSDL      {base}?wsdl   (readable without a client certificate)")
    console.print(f"Settings  {installation.settings}")
    request = installation.settings.parent / "dienstauskunft.xml"
    request.write_bytes(_client(installation).request("dienstauskunft", {}, {}))
    console.print("Try it:", highlight=False)
    print(curl_line(("--cacert", installation.ca), ("--cert", certificate), ("--key", key), request=request, url=base))


def curl_line(*files: tuple[str, Path], request: Path, url: str) -> str:
    """A line for any shell that sends the SOAP message in the file `request`, wherever the files lie."""
    options = [part for name, file in files for part in (name, str(file))]
    message = ["-H", "Content-Type: text/xml; charset=utf-8", "--data-binary", f"@{request}"]
    return shlex.join(["curl", *options, *message, url])


def _clear(folder: Path) -> None:
    """An earlier demo is thrown away; anything else is never touched."""
    if (folder / _OURS).is_file():
        shutil.rmtree(folder)
    if folder.exists() and any(folder.iterdir()):
        raise SettingsError(f"{folder} is not empty and no earlier demo: choose another --dir")
