"""A running house in which processes die, and the examiner who says afterwards whether it kept its promises."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa
from click.testing import CliRunner, Result
from lxml import etree

from gateway import app as composition
from gateway import settings
from gateway.agreements.context import Abrufkontext
from gateway.agreements.operation import Operation
from gateway.app import App
from gateway.cli.main import cli
from gateway.store import audit_tables, audit_verify, tables
from gateway.store import dossier as d
from gateway.store.snapshot import snapshot
from gateway.wire.xml import ANSWER_LIMITS, canonical, parse
from tests.cluster import Cluster
from tests.fault import crash
from tests.fault.application import Application, patient
from tests.fault.poll_trail import disagreements
from tests.fault.tally import Tally
from tests.patience import attempts
from tests.running import APPLICATIONS, PURPOSES, Running, installed, wait

SOURCE = "okvisa"
ROOT = Path(__file__).parents[2]
DRAWS = 20
"""How often the source may draw somebody whom an event can happen to."""
_BODY = "{*}Body"
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_OF_ITS_OWN = {"stand", "datensatzversion"}


class Work:
    """One piece of work of the office in a process of its own: a round of the poller, for example."""

    def __init__(self, office: subprocess.Popen[str], command: dict[str, Any]) -> None:
        assert office.stdin is not None
        assert office.stdout is not None
        self._said = office.stdout
        office.stdin.write(json.dumps(command) + "\n")
        office.stdin.flush()
        self.counts: dict[str, int] | None = None
        self.pid: int = self._next()["pid"]

    def end(self) -> int:
        """Its exit status (minus the signal that ended it); `counts` is set if it went through."""
        while "ended" not in (said := self._next()):
            self.counts = said["counts"]
        return int(said["ended"])

    def _next(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._said.readline())
        return found


class House:
    """One installation under test: simulated source, server, office, and an application for every agreement."""

    def __init__(self, running: Running, place: Cluster | None) -> None:
        self.running = running
        self.place = place
        self.trap = crash.Trap(running.folder.parent / "trap.json")
        self.applications = {name: Application(name, running.client(name)) for name in APPLICATIONS}
        self.checked: Counter[str] = Counter()
        self._office: subprocess.Popen[str] | None = None
        found = settings.load(running.installation.settings)
        self._rules = composition.load(found)
        self.inside: App = composition.open_house(self._rules)

    @property
    def database(self) -> str:
        """What kind of database it runs on."""
        return self.inside.database.dialect

    def serve(self) -> None:
        """The server answers, and looks into the trap at each of its steps."""
        child = self._start("serve", "tests.fault.crash", subprocess.DEVNULL)
        # Orphans of a killed arbiter answer until they have left: it is the new one that must be there.
        for _attempt in attempts("the server's own processes"):
            assert child.poll() is None, f"ended with {child.returncode}"
            if self.workers():
                break
        wait(f"{self.running.base_url}/health/live", child, verify=str(self.running.installation.ca))

    def begin(self, work: str, **command: Any) -> Work:
        """The office has begun this work."""
        if self._office is None or self._office.poll() is not None:
            self._office = self._start("office", "tests.fault.office", subprocess.PIPE)
        return Work(self._office, {"work": work, **command})

    def done(self, work: str, **command: Any) -> dict[str, int]:
        """The counts of work that went through."""
        begun = self.begin(work, **command)
        assert begun.end() == 0, f"{work} failed though nothing was in its way"
        assert begun.counts is not None
        return begun.counts

    def polled(self, **command: Any) -> dict[str, int]:
        """The counts of a round that went through."""
        return self.done("poll", **command)

    def kill(self, begun: Work) -> bool:
        """Kills the work wherever it is; whether it was still going on."""
        with suppress(ProcessLookupError):  # it has ended already
            os.kill(begun.pid, signal.SIGKILL)
        return begun.end() == -signal.SIGKILL

    def happen(self, events: Sequence[str | None]) -> None:
        """These events happen at the source; None is one that the source draws."""
        for event in events:
            for _ in range(DRAWS):
                try:
                    self.running.step(event)
                    break
                except requests.HTTPError as refusal:
                    if refusal.response.status_code != requests.codes.conflict:
                        raise
            else:
                self.checked["events that nobody could be found for"] += 1

    def end_office(self) -> None:
        """The office and what it was at are killed; the next work starts another one."""
        self.running.end("office", kill=True)
        self._close_office()

    def workers(self) -> list[int]:
        """The server's worker processes."""
        arbiter = self.running.children["serve"].pid
        children = Path(f"/proc/{arbiter}/task/{arbiter}/children").read_text()
        return [int(pid) for pid in children.split()]

    def entries(self, digest: str) -> int:
        """How many entries of the audit trail are about the request with this SHA-256."""
        with self.inside.database.read() as connection:
            rows = connection.execute(sa.select(audit_tables.entry.c.content)).all()
        return sum(json.loads(content).get("anfrageDigest") == digest for (content,) in rows)

    def numbers(self) -> list[str]:
        """The person numbers of everyone stored, at the moment."""
        self.inside.store.position(SOURCE)  # follows a change of keys, which the next line does not
        with self.inside.database.read() as connection:
            found = d.load(connection, self.inside.store._vault, tables.person.c.wrapped_key.is_not(None))
        return sorted(str(d.control(one.document or {})["quellsystemPersonennummer"]) for one in found)

    def examine(self, names: Sequence[str] = APPLICATIONS) -> None:
        """Finishes the work and asserts the laws:

        1. A round goes through, and reading everything again finds nothing new; the position is where the source is.
        2. What each application has made of its feed is, person by person, what a fresh snapshot gives.
        3. `gateway audit verify` exits 0.
        4. Every answer that an application has received is recorded under its quittung.
        5. Of every stored version the audit trail tells once that it came, and of everyone who is gone, once, that.
        """
        self.examine_poller()
        self.examine_feeds(names)
        self.verify()
        self.examine_trail()

    def glance(self, name: str) -> None:
        """Finishes the work and asserts law 2 for one application."""
        self.polled()
        self.examine_feeds([name])

    def examine_poller(self) -> None:
        """Law 1."""
        self.polled()
        again = self.polled(full=True)
        assert {name: again[name] for name in ("stored", "removed", "merged", "entries")} == dict.fromkeys(
            ("stored", "removed", "merged", "entries"), 0
        ), "a round after a complete one found something new"
        position = self.inside.store.position(SOURCE)
        assert position is not None
        assert (position.change_number, position.page_token, position.full_load) == (self._source_number(), None, False)

    def examine_feeds(self, names: Sequence[str] = APPLICATIONS) -> None:
        """Law 2."""
        for name in names:
            application = self.applications[name]
            self.checked["answers lost"] += patient(application.drain)
            fresh, _, _ = application.stock()
            assert application.copy.keys() == fresh.keys(), "the feed told of other persons than the snapshot"
            assert application.copy == fresh, "the feed told something else of a person than the snapshot"
            self.checked["persons compared"] += len(fresh)

    def verdict(self) -> Result:
        """What `gateway audit verify` says."""
        arguments = ["audit", "verify", "--settings", str(self.running.installation.settings)]
        return CliRunner().invoke(cli, arguments)

    def verify(self) -> None:
        """Laws 3 and 4."""
        verdict = self.verdict()
        assert verdict.exit_code == 0, verdict.output
        for application in self.applications.values():
            for answer in application.take_answers():
                body = parse(answer.raw, limits=ANSWER_LIMITS).root.find(_BODY)
                assert body is not None
                said = answer.quittung
                found = audit_verify.match(
                    self.inside.database,
                    number=said["protokollnummer"],
                    entry_hash=bytes.fromhex(said["eintragsHash"]),
                    salt=bytes.fromhex(said["salt"]),
                    body=canonical(body),
                )
                assert found.holds, f"{etree.QName(answer.payload).localname}: {found.rule}"
                self.checked["answers found in the trail"] += 1
        self.checked["examinations"] += 1

    def examine_trail(self) -> None:
        """Law 5."""
        counts, wrong = disagreements(self.inside)
        assert wrong == [], f"the trail and the store disagree about {len(wrong)} persons"
        self.checked.update(counts)

    def compare_with_fresh(self, folder: Path) -> int:
        """A second house that never crashed reads the same source once and knows the same; how many persons."""
        with installed(folder) as other:
            other.environment = {"GATEWAY_SOURCE_URL": f"{self.running.source_url}/okvisa"}
            other.poll()
            with composition.build(settings.load(other.installation.settings)) as fresh:
                mine, others = known(self.inside), known(fresh)
        assert mine == others
        return sum(len(persons) for persons in mine.values())

    def summary(self, tally: Tally, **counts: int) -> None:
        """Writes down what was done, and prints it: seen with pytest -rP and in the log of make long."""
        done = {**counts, **self.checked}
        tally.add(self.database, done)
        print(", ".join(f"{number} {what}" for what, number in done.items()))

    def close(self) -> None:
        """Nothing runs any more."""
        self.inside.close()
        self._close_office()

    def _close_office(self) -> None:
        if self._office is not None and self._office.stdin is not None and self._office.stdout is not None:
            self._office.kill()
            self._office.stdin.close()
            self._office.stdout.close()
        self._office = None

    def _start(self, role: str, module: str, pipe: int) -> Any:
        log = (self.running.folder / f"{role}.log").open("ab")
        with log:
            child = subprocess.Popen(
                [sys.executable, "-m", module, str(self.trap.path)],
                cwd=ROOT,
                env={**os.environ, "GATEWAY_SETTINGS": str(self.running.installation.settings)}
                | dict(self.running.environment),
                stdin=pipe,
                stdout=pipe if pipe == subprocess.PIPE else log,
                stderr=log,
                text=True,
                start_new_session=True,
            )
        self.running.children[role] = child  # type: ignore[assignment]  # text or bytes: it is only ended there
        return child

    def _source_number(self) -> int:
        told = requests.get(f"{self.running.source_url}/lebt", timeout=30).json()
        return int(told["aenderungsnummer"])


@contextmanager
def house(
    folder: Path, place: Cluster | None = None, *, persons: int = 40, seed: int = 1, page_size: int = 6
) -> Iterator[House]:
    """A house with its source; on a database of its own in `place`, else on SQLite. The test starts server and work."""
    url = place.fresh() if place is not None else None
    try:
        with installed(folder / "house", url) as running:
            running.environment = {"GATEWAY_SOURCE_PAGE_SIZE": str(page_size)}
            running.simulate(persons=persons, seed=seed)
            made = House(running, place)
            try:
                yield made
            finally:
                made.close()
    finally:
        if place is not None and url is not None:
            place.drop(url)


def known(app: App) -> dict[str, list[str]]:
    """Per application all persons it sees, without what is random or counted in one house: Kennungen and versions."""
    found = {}
    now = datetime.now(UTC)
    for name, agreement in app.rules.agreements.items():
        if Operation.BESTAND_ABRUFEN not in agreement.operations:
            continue  # an office that reads statistics sees nobody
        context = Abrufkontext(kennung="probe", verwendungszweck=PURPOSES[agreement.application])
        grant = agreement.permit(Operation.BESTAND_ABRUFEN, context, today=app.rules.city.today(now))
        # Without fragments: what the persons themselves say, field by field.
        page = snapshot(app.database, app.store._vault, grant, None, 100_000, now)
        assert page.token is None
        found[name] = sorted(json.dumps(_impersonal(person.tree), sort_keys=True) for person in page.persons)
    return found


def _impersonal(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _impersonal(part) for name, part in value.items() if name not in _OF_ITS_OWN}
    if isinstance(value, list):
        return sorted((_impersonal(part) for part in value), key=lambda part: json.dumps(part, sort_keys=True))
    return "*" if isinstance(value, str) and _UUID.fullmatch(value) else value
