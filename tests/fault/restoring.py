"""What a restore drill needs: backups of either database, and an application that believes what it was told."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

from lxml import etree

from gateway.app import build
from gateway.cli import db
from gateway.exchange.message import Reply
from gateway.wire.xml import canonical
from tests.cluster import Cluster
from tests.whole_house import NOW, House, elements

PAGE = 7


@dataclass
class Keeper:
    """Who keeps the backups of a house: by `gateway db backup` (no cluster), or by pg_dump."""

    house: House
    folder: Path
    cluster: Cluster | None

    def back_up(self) -> None:
        """A copy of now, beside whatever goes on."""
        if self.cluster is None:
            db.make_backup(self.house.app.rules, self.folder / "backup")
        else:
            self._run("pg_dump", "--format=custom", f"--file={self.folder / 'dump'}", self._url)

    def put_back_silently(self) -> None:
        """The database of the backup is in place, by hand, and nobody was told."""
        if self.cluster is None:
            path = self._file
            for one in path.parent.glob(f"{path.name}*"):
                one.rename(self.folder / f"lost-{one.name}")
            shutil.copyfile(self.folder / "backup" / "gateway.sqlite", path)
            return
        self.cluster.drop(self._url)
        self._settle(self.cluster.fresh())
        self._run("pg_restore", "--exit-on-error", "--no-owner", f"--dbname={self._url}", str(self.folder / "dump"))

    def restore(self) -> None:
        """As the handbook says."""
        rules = self.house.app.rules
        if self.cluster is None:
            db.put_back(rules, self.folder / "backup")
        else:
            db.finish_restore(rules)

    def reopen(self) -> None:
        """Server and poller start again."""
        self.house.app = build(self.house.app.rules.settings, clock=lambda: NOW)

    @property
    def _url(self) -> str:
        return self.house.app.rules.settings.database.url

    @property
    def _file(self) -> Path:
        return Path(self._url.removeprefix("sqlite:///"))

    def _settle(self, url: str) -> None:
        """The settings name another database from now on."""
        rules = self.house.app.rules
        told = rules.settings.database.model_copy(update={"url": url})
        self.house.app.rules = replace(rules, settings=rules.settings.model_copy(update={"database": told}))

    def _run(self, tool: str, *arguments: str) -> None:
        assert self.cluster is not None
        subprocess.run([self.cluster.tool(tool), *arguments], check=True, capture_output=True, timeout=120)


@dataclass
class Client:
    """One application: `copy` is what it holds, `known` whom it has acknowledged to exist under this epoch."""

    house: House
    name: str
    copy: dict[str, bytes] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    epoch: str = ""
    number: int = 0

    def load(self) -> None:
        """The whole stock, acknowledged."""
        found: dict[str, bytes] = {}
        token: str | None = None
        while True:
            page = self.house.ask(self.name, "bestandAbrufen", elements(seitenmarke=token, anzahl=PAGE))
            found |= dict(_person(one) for one in page.iterfind("{*}person"))
            self.epoch, number = page.findtext("{*}epoche", ""), int(page.findtext("{*}bestandsnummer", ""))
            token = page.findtext("{*}naechsteSeitenmarke")
            if token is None:
                break
        self.copy, self.known = found, set(found)
        self._acknowledge(number)

    def drain(self) -> None:
        """Everything that is pending, acknowledged page by page."""
        while True:
            page = self.house.ask(self.name, "aenderungenAbrufen", elements(anzahl=PAGE))
            assert page.findtext("{*}epoche") == self.epoch, "another epoch without its fault"
            entries = page.findall("{*}aenderung")
            for entry in entries:
                self._take(entry)
            if not entries:
                return
            self._acknowledge(int(page.findtext("{*}letzteLaufnummer", "")))

    def first_page(self) -> str:
        """The token of a snapshot that goes on."""
        page = self.house.ask(self.name, "bestandAbrufen", elements(anzahl=1))
        return page.findtext("{*}naechsteSeitenmarke", "")

    def fresh(self) -> dict[str, bytes]:
        """What a snapshot of now tells."""
        page = self.house.ask(self.name, "bestandAbrufen", elements(anzahl=500))
        return dict(_person(one) for one in page.iterfind("{*}person"))

    def refused(self, operation: str, **content: object) -> str:
        """The code of the declared fault that comes; its answer is signed and recorded like any other."""
        reply: Reply = self.house.reply(self.name, operation, elements(**content))
        fault = etree.fromstring(reply.body).find(".//{*}Fault")
        assert fault is not None
        return reply.outcome

    def _take(self, entry: etree._Element) -> None:
        kennung, kind = entry.findtext("{*}personenkennung", ""), entry.findtext("{*}art")
        assert kind != "neu" or kennung not in self.known, "neu after its acknowledgement"
        person = entry.find("{*}person")
        if person is None:
            self.copy.pop(kennung, None)
            self.known.discard(kennung)
        else:
            self.copy[kennung] = _person(person)[1]
            self.known.add(kennung)

    def _acknowledge(self, number: int) -> None:
        self.house.ask(self.name, "aenderungenQuittieren", elements(bis=number, epoche=self.epoch))
        self.number = number


def _person(element: etree._Element) -> tuple[str, bytes]:
    return element.findtext("{*}personenkennung", ""), canonical(element)
