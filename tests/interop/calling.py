"""A running gateway as its callers and its auditor see it: requests over TLS, answers as bytes, the audit trail."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import requests
from lxml import etree

from fixtures.make_requests import EPOCHE, FOLDER, KENNUNG, SOAP11, SOAP12
from tests.running import APPLICATIONS, STATISTICS, Running

TYPES = {SOAP11: "text/xml; charset=utf-8", SOAP12: "application/soap+xml; charset=utf-8"}
Pair = tuple[Path, Path]


@dataclass(frozen=True)
class Answer:
    """One answer as it came over the wire."""

    status: int
    content_type: str
    raw: bytes

    @property
    def envelope(self) -> etree._Element:
        return etree.fromstring(self.raw)

    @property
    def payload(self) -> etree._Element:
        """The Body's one child."""
        (payload,) = next(self.envelope.iterchildren("{*}Body"))
        return payload

    @property
    def code(self) -> str | None:
        """The stable code in the fault's detail; None if it is no fault with one."""
        return self.payload.findtext(".//{*}fehler/{*}code") if self.is_fault else None

    @property
    def is_fault(self) -> bool:
        return etree.QName(self.payload).localname == "Fault"

    @property
    def parts(self) -> Iterator[etree._Element]:
        """What the published schema speaks about: the header `quittung`, and the payload or the fault's detail."""
        yield from self.envelope.iterfind("{*}Header/{*}quittung")
        yield from self.payload.iter("{*}fehler") if self.is_fault else [self.payload]

    def text(self, name: str) -> str:
        """The text of the first element of this name, wherever it stands."""
        found = self.envelope.findtext(f".//{{*}}{name}")
        assert found is not None, f"no {name} in {self.raw!r}"
        return found


_ENTRIES = "SELECT content FROM audit_entry ORDER BY batch, position LIMIT -1 OFFSET ?"


@dataclass
class House:
    """One running installation with a stock; `running` starts and ends its parts."""

    running: Running
    _kennungen: dict[str, str] = field(default_factory=dict)

    def url(self, application: str) -> str:
        return f"{self.running.base_url}/soap/{application}/1"

    def post(
        self,
        application: str,
        message: bytes,
        *,
        certificate: Pair | None = None,
        anonymous: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """What the application's service answers to these bytes, by default to the application itself."""
        pair = None if anonymous else certificate or self.running.installation.clients[application]
        soap = SOAP12 if SOAP12.encode() in message else SOAP11
        response = requests.post(
            self.url(application),
            data=message,
            headers={"Content-Type": TYPES[soap], "SOAPAction": '""', **(headers or {})},
            cert=pair and tuple(map(str, pair)),
            verify=str(self.running.installation.ca),
            timeout=60,
        )
        return Answer(response.status_code, response.headers["Content-Type"], response.content)

    def filled(self, application: str, message: bytes) -> bytes:
        """A sample request with a visible person and today's epoch in it."""
        if KENNUNG.encode() in message and application in APPLICATIONS:
            message = message.replace(KENNUNG.encode(), self.kennung(application).encode())
        if EPOCHE.encode() in message:
            message = message.replace(EPOCHE.encode(), self.epoch(application).encode())
        return message

    def kennung(self, application: str) -> str:
        """Someone whom this application can see; found once until the next poll."""
        if application not in self._kennungen:
            answer = self.post(application, sample(application, "good", "bestandAbrufen-seite"))
            self._kennungen[application] = answer.text("personenkennung")
        return self._kennungen[application]

    def epoch(self, application: str) -> str:
        return self.post(application, sample(application, "good", "dienstauskunft")).text("epoche")

    def poll(self) -> None:
        """One round of the poller; who was visible before may not be any more."""
        self.running.poll()
        self._kennungen.clear()

    def fetch(self) -> None:
        """The same in this process."""
        self.running.fetch()
        self._kennungen.clear()

    def audit(self) -> list[dict[str, object]]:
        """Every entry of the audit trail so far, oldest first."""
        return [json.loads(content) for content in self.entries()]

    def count(self) -> int:
        """How many entries there are so far."""
        with self._database() as connection:
            (found,) = connection.execute("SELECT count(*) FROM audit_entry").fetchone()
        return int(found)

    def entries(self, since: int = 0) -> list[bytes]:
        """The same as the bytes that are hashed; without the first `since` of them."""
        with self._database() as connection:
            rows = connection.execute(_ENTRIES, (since,)).fetchall()
        return [content for (content,) in rows]

    def _database(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(f"file:{self.running.folder / 'gateway.sqlite'}?mode=ro", uri=True))

    def log(self) -> str:
        return (self.running.folder / "serve.log").read_text("utf-8")


def sample(application: str, kind: str, name: str) -> bytes:
    """A sample request as it stands in the repository."""
    return (FOLDER / application / kind / f"{name}.xml").read_bytes()


def samples(kind: str) -> list[tuple[str, str]]:
    """Application and name of every sample request of this kind, in a fixed order."""
    found = [
        (application, path.stem)
        for application in (*APPLICATIONS, STATISTICS)
        for path in (FOLDER / application / kind).iterdir()
    ]
    assert found
    return sorted(found)


def as_soap12(message: bytes) -> bytes:
    """The same request under SOAP 1.2."""
    return message.replace(SOAP11.encode(), SOAP12.encode())
