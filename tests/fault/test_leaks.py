"""Law 4: no personal data outside the vault and the answer; looked for in every file after a load full of errors.

Own processes, real sockets: the simulated OK.VISA with marked texts and faults, the poller, the server, good clients
and bad ones. Afterwards every file of the installation is searched, also what the processes printed.
"""

from __future__ import annotations

import base64
import re
import socket
import sqlite3
import ssl
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from gateway.app import build
from gateway.errors import SourceError
from gateway.settings import load as load_settings
from gateway.simulator.population import Population
from gateway.simulator.record import get
from tests.running import APPLICATIONS, PURPOSES, Running, installed
from tests.traces import Search, contents, forms

SEED, PERSONS = 5, 252
FAULTS = ("invalid-record:2", "unknown-code:2+2", "http500:1+3", "truncated:1+5", "soapfault:1+7", "not-xml:1+9")
AZR_NUMBER = re.compile(rb"(?<![0-9a-zA-Z+/])9913[0-9]{8}(?![0-9a-zA-Z+/])")
PLACEHOLDERS = {"Unbekannt"}
"""Words that stand where no name is; they are words of the logs as well."""
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


@dataclass
class Aftermath:
    """What is left when all is done: the installation, what the commands printed, what the clients were sent."""

    running: Running
    population: Population = field(default_factory=lambda: Population(SEED, PERSONS))
    answers: list[bytes] = field(default_factory=list)
    outcomes: set[str] = field(default_factory=set)
    marks: list[str] = field(default_factory=list)
    """Texts that the clients put into their requests."""
    shown: str = ""
    """What a clerk of the foreigners office is shown of the quarantine and the reports."""
    office: dict[str, int] = field(default_factory=dict)
    """How each command of the office ended."""
    handed_out: list[str] = field(default_factory=list)
    """The answers to persons who asked what is held."""

    @property
    def folder(self) -> Path:
        return self.running.folder

    def mark(self) -> str:
        self.marks.append("Canary-Anfrage-" + "".join(chr(ord("a") + int(digit)) for digit in f"{len(self.marks):04}"))
        return self.marks[-1]

    def secrets(self) -> Iterator[str]:
        """Everything that must be nowhere."""
        for text in (*self.population.canaries(), *self.population.forbidden_values()):
            yield text
            with suppress(ValueError):
                yield base64.b64decode(text, validate=True).decode()
        yield from self.marks
        yield from self.names()
        for satz in self.population.records():
            yield satz.personennummer
            yield str(get(satz.inhalt, "kennzeichen.azrNr") or "991300000000")

    def names(self) -> set[str]:
        """Family names and given names of more than five letters."""
        paths = ("personalien.famName", "personalien.vorname")
        found = {str(get(satz.inhalt, path) or "") for satz in self.population.records() for path in paths}
        return {name for name in found if len(name) > 5} - PLACEHOLDERS


@pytest.fixture(scope="module")
def aftermath(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aftermath]:
    folder = tmp_path_factory.mktemp("leaks") / "installed"
    with installed(folder) as running:
        left = Aftermath(running)
        temporary = folder / "temporary"
        temporary.mkdir()
        running.environment = {"GATEWAY_SOURCE_PAGE_SIZE": "40", "TMPDIR": str(temporary)}
        running.simulate(*(f"--fault={fault}" for fault in FAULTS), persons=PERSONS, seed=SEED)
        _load(left)
        running.serve()
        for application in APPLICATIONS:
            _good_requests(left, application)
            _bad_requests(left, application)
        _strangers(left)
        _look_into_the_desk(left)
        _do_the_work_of_the_office(left)
        _break_a_record(left)
        yield left


def _load(left: Aftermath) -> None:
    """A full load, a poll that fails, and a round of changes; what is printed is kept in files."""
    _poll(left, "--full")
    for event in ("sperre-setzen", "umzug", None, None, None):
        with suppress(requests.HTTPError):
            left.running.step(event)
    for fault in ("old-schema", "keine"):
        requests.post(f"{left.running.source_url}/stoerung", params={"art": fault}, timeout=30).raise_for_status()
        _poll(left)


def _poll(left: Aftermath, *arguments: str) -> None:
    done = left.running.gateway("poll", "--once", *arguments, check=False)
    left.outcomes.add(f"poll {done.returncode}")
    with (left.folder / "poll.log").open("a", encoding="utf-8") as log:
        log.write(done.stdout + done.stderr)


def _good_requests(left: Aftermath, application: str) -> None:
    client = left.running.client(application)
    context = {"kennung": left.mark(), "aktenzeichen": left.mark(), "begruendung": left.mark()}
    stock = client.call("bestandAbrufen", **context)
    changes = client.call("aenderungenAbrufen", {"anzahl": 50}, **context)
    kennung = stock.texts("person/personenkennung")[0]
    one = client.call("personAbrufen", {"personenkennung": kennung}, **context)
    left.answers += [stock.raw, changes.raw, one.raw]
    if application == "schulentwicklung":
        return
    report: dict[str, str | int] = {
        "personenkennung": kennung,
        "beschreibung": f"{left.mark()} {stock.texts('person/familienname')[0]}",
    }
    client.call("unstimmigkeitMelden", report, **context)
    asked: dict[str, str | int] = {"familienname": stock.texts("person/familienname")[0], "vornamen": "Unbekannt"}
    client.call("personSuchen", asked, **context)
    client.call("personSuchen", {"familienname": "Canarya", "vornamen": left.mark()}, **context)


def _bad_requests(left: Aftermath, application: str) -> None:
    """Everything that is refused, each with a mark in it."""
    namespace, mark = f"urn:de:koeln:fldm:{application}:1", left.mark
    unknown = "<personenkennung>01234567-89ab-4cde-8f01-23456789abcd</personenkennung>"
    payloads = [
        f'<personAbrufen xmlns="{namespace}"><personenkennung>{mark()}</personenkennung></personAbrufen>',
        f'<personAbrufen xmlns="{namespace}"><{mark()}>x</{mark()}></personAbrufen>',
        f'<personAbrufen xmlns="{namespace}" {mark()}="{mark()}">{unknown}</personAbrufen>',
        f'<personAbrufen xmlns="{namespace}">{unknown}</personAbrufen>',
        f'<personAbrufen xmlns="{namespace}">{unknown}<!-- {mark()} --><?{mark()} {mark()}?></personAbrufen>',
        f'<{mark()} xmlns="{namespace}"/>',
        f'<personAbrufen xmlns="urn:{mark()}"/>',
        f'<codelisteAbrufen xmlns="{namespace}"><uri>{mark()}</uri></codelisteAbrufen>',
        f'<bestandAbrufen xmlns="{namespace}"><seitenmarke>{mark()}</seitenmarke></bestandAbrufen>',
        f'<personSuchen xmlns="{namespace}"><familienname>{mark()}</familienname></personSuchen>',
        f'<personAbrufen xmlns="{namespace}">{unknown}</personAbrufen>{mark()}<zweiter/>',
        f"<{mark()}>{mark()}",
    ]
    for payload in payloads:
        _post(left, application, _envelope(left, application, payload))
    good = payloads[3]
    _post(left, application, _envelope(left, application, good, purpose=mark()))
    _post(left, application, f'<!DOCTYPE x [<!ENTITY y "{mark()}">]>{_envelope(left, application, good)}')
    _post(left, application, f"{mark()} is no XML")
    _post(left, application, _envelope(left, application, good), SOAPAction=f'"{mark()}"', **{"X-Mark": mark()})
    _post(left, application, _envelope(left, application, good), **{"Content-Type": f"text/{mark()}"})
    _post(left, application, _envelope(left, application, good), **{"Content-Type": f"text/xml; charset={mark()}"})
    _post(left, application, _envelope(left, application, good), path=f"/{mark()}?{mark()}={mark()}")


def _envelope(left: Aftermath, application: str, payload: str, purpose: str | None = None) -> str:
    head = f"<kennung>{left.mark()}</kennung><verwendungszweck>{purpose or PURPOSES[application]}</verwendungszweck>"
    context = f"{head}<aktenzeichen>{left.mark()}</aktenzeichen><begruendung>{left.mark()}</begruendung>"
    namespace = f"urn:de:koeln:fldm:{application}:1"
    return (
        f'<s:Envelope xmlns:s="{SOAP}"><s:Header><abrufkontext xmlns="{namespace}">{context}</abrufkontext></s:Header>'
        f"<s:Body>{payload}</s:Body></s:Envelope>"
    )


def _post(left: Aftermath, application: str, body: str, path: str = "", **headers: str) -> None:
    certificate, key = left.running.installation.clients[application]
    answer = requests.post(
        f"{left.running.base_url}/soap/{application}/1{path}",
        data=body.encode(),
        headers={"Content-Type": "text/xml; charset=utf-8", "User-Agent": left.mark(), **headers},
        cert=(str(certificate), str(key)),
        verify=str(left.running.installation.ca),
        timeout=30,
    )
    code = re.search(r"<code>([a-z0-9-]+)</code>", answer.text)
    left.outcomes.add(f"{answer.status_code} {code[1] if code else ''}")


def _strangers(left: Aftermath) -> None:
    """No certificate, the certificate of another application, no TLS, no HTTP."""
    url = f"{left.running.base_url}/soap/sozialamt/1"
    ca, (certificate, key) = str(left.running.installation.ca), left.running.installation.clients["wohnung2000"]
    for cert in (None, (str(certificate), str(key))):
        answer = requests.post(url, data=left.mark().encode(), cert=cert, verify=ca, timeout=30)
        left.outcomes.add(f"stranger {answer.status_code}")
    address = ("127.0.0.1", left.running.installation.plan.port)
    with socket.create_connection(address, timeout=30) as plain, suppress(OSError):
        plain.sendall(f"GET /{left.mark()} HTTP/1.1\r\n\r\n".encode())
        plain.recv(100)
    context = ssl.create_default_context(cafile=ca)
    raw = socket.create_connection(address, timeout=30)
    with suppress(OSError), context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
        tls.sendall(f"{left.mark()} {left.mark()}\r\n{left.mark()}\r\n\r\n".encode())
        tls.recv(100)


def _look_into_the_desk(left: Aftermath) -> None:
    """The foreigners office sees the refused records and the reports in clear: they were not lost."""
    gateway = left.running.gateway
    (left.folder / "quarantine-list.log").write_text(gateway("quarantine", "list").stdout, "utf-8")
    (left.folder / "health.log").write_text(gateway("health", check=False).stdout, "utf-8")
    with build(load_settings(left.running.installation.settings, {})) as app:
        refused = [app.store.quarantine_entry(entry.number).cut for entry in app.store.quarantine_entries()]
        reports = [app.store.discrepancy(entry.number).text for entry in app.store.discrepancies()]
    left.shown = repr(refused) + repr(reports)


def _do_the_work_of_the_office(left: Aftermath) -> None:
    """Reports, papers, evidence, erasure, retention, new keys; the reports are handed out, all else is searched."""
    handed_out = left.folder.parent / "handed-out"
    handed_out.mkdir()
    numbers = [satz.personennummer for satz in left.population.records()]
    with (left.folder / "office.log").open("w", encoding="utf-8") as log:

        def office(*arguments: str) -> int:
            done = left.running.gateway(*arguments, check=False)
            log.write(done.stdout + done.stderr)
            left.office[" ".join(arguments[:2])] = done.returncode
            return done.returncode

        for form in ("html", "xml"):
            office("audit", "subject", "--number", numbers[0], "--format", form, "--out", str(handed_out))
        office("audit", "subject", "--number", "nobody-of-that-number", "--out", str(handed_out))
        office("quarantine", "report", "--output", str(handed_out / "berichtigung.html"))
        office("person", "erase", "--number", numbers[1], "--yes")
        office("notice", "list")
        office("retention", "run", "--quiet")
        office("keys", "rotate", "vault", "--quiet")
        office("keys", "check")
        office("papers", "write", str(left.folder / "papers"))
        office("audit", "export", str(left.folder / "trail.export"))
    left.handed_out = [path.read_text("utf-8") for path in sorted(handed_out.iterdir())]


def _break_a_record(left: Aftermath) -> None:
    """A person that cannot be opened any more: a house error while persons are read. All others stay as they are."""
    everybodys = (
        "SELECT person_id FROM projection WHERE digest IS NOT NULL GROUP BY person_id HAVING count(*) = 3 LIMIT 1"
    )
    with closing(_database(left)) as connection, connection:
        (broken,) = connection.execute(everybodys).fetchone()
        connection.execute("UPDATE person_version SET document = zeroblob(100) WHERE person_id = ?", [broken])
        connection.execute("UPDATE projection SET sealed = zeroblob(100) WHERE person_id = ?", [broken])
    for application in APPLICATIONS:
        with pytest.raises(SourceError):
            left.running.client(application).call("bestandAbrufen", aktenzeichen=left.mark())


def _database(left: Aftermath) -> sqlite3.Connection:
    return sqlite3.connect(left.running.installation.database_url.removeprefix("sqlite:///"), timeout=30)


def test_what_happened_is_worth_a_search(aftermath: Aftermath) -> None:
    """Polls failed, requests were refused in many ways, records were refused, and the clerk can read them."""
    assert sum(outcome.startswith("poll ") for outcome in aftermath.outcomes) == 2, aftermath.outcomes
    assert len(aftermath.outcomes) > 8, aftermath.outcomes
    assert Search(aftermath.population.canaries()).found(aftermath.shown.encode())
    assert Search(aftermath.marks).found(aftermath.shown.encode())


def test_the_office_did_its_work(aftermath: Aftermath) -> None:
    """Every command of the office ended well, and what it handed out does tell the person what is held."""
    assert set(aftermath.office.values()) == {0}, aftermath.office
    assert len(aftermath.handed_out) == 4
    told = [Search(aftermath.names()).found(text.encode()) for text in aftermath.handed_out]
    assert sum(bool(finds) for finds in told) == 2


def test_the_search_finds_what_is_there(aftermath: Aftermath, tmp_path: Path) -> None:
    """The same search finds every form of a text in a file, and names and AZR numbers in the clients' answers."""
    secret = "CANARY-Ürün 0815"
    for number, (_, form) in enumerate(forms(secret)):
        (tmp_path / f"{number}.bin").write_bytes(b"\0\xff" + form + b"\n")
    finds = Search([secret]).in_files(tmp_path)
    assert len(finds) == len(list(forms(secret)))
    (tmp_path / f"{secret}.txt").touch()
    assert f"{secret}.txt" in Search([secret]).in_files(tmp_path)
    told = {text for answer in aftermath.answers for text, _ in Search(aftermath.secrets()).found(answer)}
    assert told & aftermath.names()
    assert any(text.startswith("9913") for text in told)
    assert all(AZR_NUMBER.search(answer) for answer in aftermath.answers[-1:])


def test_no_secret_is_in_any_file(aftermath: Aftermath) -> None:
    """Database, WAL, shared memory, anchor, ledger, keys, settings, logs, temporary files: nothing in any form."""
    search = Search(aftermath.secrets())
    names = {path.name for path in contents(aftermath.folder)}
    assert names >= {
        "gateway.sqlite",
        "gateway.sqlite-wal",
        "gateway.sqlite-shm",
        "audit.anchor",
        "serve.log",
        "okvisa.log",
    }
    assert search.in_files(aftermath.folder) == {}


def test_no_azr_number_is_in_any_file(aftermath: Aftermath) -> None:
    """Not even one that the population has not."""
    found = [path.name for path, content in contents(aftermath.folder).items() if AZR_NUMBER.search(content)]
    assert found == []


def test_no_forbidden_value_is_in_any_answer(aftermath: Aftermath) -> None:
    """What must never be stored cannot be told either; nor is a client's own text told to anyone."""
    search = Search([*aftermath.population.canaries(), *aftermath.population.forbidden_values(), *aftermath.marks])
    assert [finds for answer in aftermath.answers if (finds := search.found(answer))] == []
