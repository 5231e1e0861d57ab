"""The life of a code: unknown, imported, published, taken and told; and one that ends, and is told all the same."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree

from gateway import shipped
from gateway.app import App, build
from gateway.cli import trial
from gateway.cli.main import cli
from gateway.errors import SettingsError
from gateway.model import codelists
from gateway.simulator.population import Population
from gateway.simulator.server import Simulator
from gateway.sources import basis as judging
from gateway.sources.endpoint import Endpoint
from gateway.sources.okvisa import OkVisa, contract
from gateway.sources.poll import Poll
from gateway.store.basis import basis
from gateway.upkeep import codelist_folder
from tests.genericode import genericode, lay, new_process
from tests.unit.cli.lists import process, run, with_lists
from tests.unit.exchange.house import message
from tests.unit.place import NOW, Place
from tests.unit.sources.fakes import URL, settings, wsgi

SYRIAN, AFGHAN, ERITREAN, NEW = "475", "423", "224", "600"
NAMESPACE = "urn:de:koeln:fldm:wohnung2000:1"
READS = re.compile(r"settings(_file)?\.load\(|from gateway\.settings import .*\bload\b")
PUBLISHED = "schemas/wohnung2000/wohnung2000-1.xsd"


class Renamed:
    """The simulated OK.VISA, in which everyone from Eritrea has a nationality of a newer list."""

    def __init__(self) -> None:
        self._simulator = Simulator(Population(seed=1, persons=60))

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        whole = b"".join(self._simulator(environ, lambda status, headers: start_response(status, _plain(headers))))
        pattern = rb"(staatsang>)%b(<)" % ERITREAN.encode()
        return [re.sub(pattern, rb"\g<1>%b\g<2>" % NEW.encode(), whole)]


def _plain(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in headers if name.lower() != "content-length"]


def poll(app: App, source: Renamed) -> None:
    """One ordinary round: what is new, and what other rules had refused."""
    endpoint = Endpoint(
        shipped.wsdl() / "okvisa-1.wsdl",
        settings(url=URL, max_bytes=8_000_000),
        folders=(shipped.wsdl(), shipped.schemas() / "okvisa"),
        adapter=wsgi(source),
    )
    with_schema = OkVisa(endpoint, page_size=100, schema=contract())
    Poll(with_schema, app.store, lambda _day: app.rules.agreements, lambda: NOW).run_once()


def told(place: Place, app: App) -> list[str]:
    """Every nationality in today's stock of wohnung2000, the answer being valid by the published schema."""
    answer = place.ask(
        app, "wohnung2000", message(f"<bestandAbrufen xmlns='{NAMESPACE}'><anzahl>500</anzahl></bestandAbrufen>")
    )
    payload = answer.find("{*}Body/*")
    assert payload is not None
    etree.XMLSchema(etree.parse(place.folder / PUBLISHED)).assertValid(payload)
    return payload.xpath("//*[local-name()='staatsangehoerigkeit']/*[local-name()='code']/text()")


def entries(place: Place, app: App) -> dict[str, list[str]]:
    """What codelisteAbrufen says of the list: each version and each code as one line."""
    uri = codelists.index()["staatsangehoerigkeit"].uri
    asked = f"<codelisteAbrufen xmlns='{NAMESPACE}'><codeliste>{uri}</codeliste></codelisteAbrufen>"
    answer = place.ask(app, "wohnung2000", message(asked))
    return {
        name: [" ".join(one.xpath("*/text()")) for one in answer.iterfind(f".//{{*}}{name}")]
        for name in ("listenversion", "eintrag")
    }


def test_a_new_code_is_taken_and_an_ended_one_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Quarantine, import, contract, restart, delivery; nothing starts with contracts of other lists.

    The major stays, every code of the former schema is in the new one, and who carries the ended code is still told.
    """
    with_lists(place)
    source = Renamed()
    with process(place, monkeypatch) as app:
        poll(app, source)
        waiting = {reason for entry in app.store.quarantine_entries() for reason in entry.reasons}
        before = told(place, app)
        computed, judged = basis(app.rules.agreements["wohnung2000/1"]), judging.basis()
    assert "staatsangehoerigkeit[1]: unbekannter Code der Liste staatsangehoerigkeit" in waiting
    assert NEW not in before
    assert AFGHAN in before

    file = place.folder / "new.gc.xml"
    labels = {NEW: "neuländisch", SYRIAN: "arabisch-syrisch"}
    file.write_bytes(genericode("staatsangehoerigkeit", "2027", begins="2026-11-01", without=[AFGHAN], labels=labels))
    old = (place.folder / PUBLISHED).read_text("utf-8")
    status, imported = run(place, monkeypatch, "codelist", "import", str(file), "--accept-ended", AFGHAN)
    assert status == 0, imported
    assert [line in imported for line in ("600", "ends 2026-10-31", "syrisch -> arabisch-syrisch")] == [True] * 3
    new_process(monkeypatch)
    with pytest.raises(SettingsError, match="run `gateway contract write`"):
        build(place.settings, clock=lambda: NOW)
    assert [run(place, monkeypatch, "contract", what)[0] for what in ("check", "write", "check")] == [1, 0, 0]

    new = (place.folder / PUBLISHED).read_text("utf-8")
    codes = [set(re.findall(r'<xs:enumeration value="([0-9]{3})"/>', text)) for text in (old, new)]
    assert codes[1] - codes[0] == {NEW}
    assert codes[0] <= codes[1]
    assert all(f'targetNamespace="{NAMESPACE}"' in text for text in (old, new))
    assert 'fixed="2027"' in new
    with process(place, monkeypatch) as app:
        poll(app, source)
        after = told(place, app)
        assert basis(app.rules.agreements["wohnung2000/1"]) != computed
        assert judging.basis() != judged
        listed = entries(place, app)
        kept = {reason for entry in app.store.quarantine_entries() for reason in entry.reasons}
    assert not any("Code der Liste staatsangehoerigkeit" in reason for reason in kept)
    assert NEW in after
    assert after.count(AFGHAN) == before.count(AFGHAN)
    assert listed["listenversion"] == ["2024-08-01 2024-08-01 2026-10-31", "2027 2026-11-01"]
    assert f"{AFGHAN} afghanisch 2026-10-31 2024-08-01" in listed["eintrag"]
    assert f"{NEW} neuländisch 2026-11-01 2027" in listed["eintrag"]
    assert {told.partition(" ")[0] for told in listed["eintrag"]} == codes[1]
    assert codelists.load("staatsangehoerigkeit").codes[SYRIAN].label == "arabisch-syrisch"


def test_an_imported_version_is_not_taken_away(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a code is published, contracts without it are not written: stored persons may carry it."""
    folder = with_lists(place)
    lay(folder, "geschlecht", "2", genericode("geschlecht", "2", labels={"n": "nichts"}), NOW.date())
    assert run(place, monkeypatch, "contract", "write")[0] == 0
    before = (place.folder / PUBLISHED).read_bytes()
    shutil.rmtree(folder / "geschlecht")
    for command in ("write", "check"):
        status, text = run(place, monkeypatch, "contract", command)
        assert status == 1
        assert "wohnung2000/1: code list geschlecht: published codes are not known here (n)" in text
    assert (place.folder / PUBLISHED).read_bytes() == before


def test_commands_without_settings_see_the_folder_of_the_environment(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where agreements are reviewed there need be no settings: GATEWAY_CODELISTS_FOLDER names the lists."""
    lay(place.folder / "lists", "geschlecht", "2", genericode("geschlecht", "2", labels={"n": "nichts"}), NOW.date())
    for name, version in ((str(place.folder / "lists"), "2"), (None, "1")):
        new_process(monkeypatch)
        told = CliRunner().invoke(cli, ["codelist", "list", "--format", "json"], env={"GATEWAY_CODELISTS_FOLDER": name})
        (row,) = [one for one in json.loads(told.output)["lists"] if one["list"] == "geschlecht"]
        assert row["version"] == version


def test_every_command_goes_by_the_same_lists() -> None:
    """Settings are read at one place of the command line, which chooses the lists.

    The demo's and the sandbox's own go through the app; the others take a path or a number from them.
    """
    readers = {path.name for path in Path("gateway").rglob("*.py") if READS.search(path.read_text("utf-8"))}
    assert readers == {"options.py", "demo.py", "sandbox_run.py", "sandbox_place.py", "handover.py"}
    assert "use(settings.codelists)" in Path("gateway/app.py").read_text("utf-8")


def test_a_list_that_decides_needs_a_signature(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that says who is entitled holds only with the signature of the role, over these very bytes."""
    folder = with_lists(place)
    lay(folder, "aufenthaltsstatus", "2", genericode("aufenthaltsstatus", "2"), NOW.date())
    assert run(place, monkeypatch, "contract", "write")[0] == 0
    missing = "code list aufenthaltsstatus version 2: not approved by datenschutzbeauftragte"

    def refused(why: str) -> None:
        new_process(monkeypatch)
        with pytest.raises(SettingsError) as error:
            build(place.settings, clock=lambda: NOW)
        (problem,) = error.value.problems
        assert problem.startswith(f"{missing}: ")
        assert why in problem

    def sign(role: str) -> None:
        pair = place.folder / "approvals" / trial.KEYS / role
        given = ("--key", f"{pair}.key", "--certificate", f"{pair}.pem")
        assert run(place, monkeypatch, "codelist", "sign", "aufenthaltsstatus", "2", *given)[0] == 0

    refused("there is no signature")
    sign("empfangende-stelle")
    refused("signed with sha256:")
    sign("datenschutzbeauftragte")
    with process(place, monkeypatch) as app:
        assert codelists.load("aufenthaltsstatus").version == "2"
        assert app.rules.agreements
    entry = folder / "aufenthaltsstatus/2/entry.toml"
    signed = entry.read_text("utf-8")
    entry.write_text(signed.replace("begins = 2026-11-23", "begins = 2026-11-22"), "utf-8")
    refused("made over other bytes")
    new_process(monkeypatch)
    codelist_folder.use(place.settings.codelists)
    codelists.require()  # reads what is not signed; before the signature is looked at, the signed one is put back
    entry.write_text(signed, "utf-8")
    with pytest.raises(SettingsError, match="another was read than lies there now"):
        build(place.settings, clock=lambda: NOW)
