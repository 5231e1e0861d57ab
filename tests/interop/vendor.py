"""A vendor who builds the application `probe` against a sandbox, with nothing but what he was given."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from zeep import Client
from zeep.transports import Transport

from gateway.shipped import schemas, wsdl
from tests.interop.verifiers import by_xmlsec
from tests.ports import free_port


@dataclass
class Vendor:
    """A running sandbox, and who builds the application `probe` against it with zeep."""

    folder: Path
    port: int
    said: str
    seconds: float
    child: subprocess.Popen[str]

    def session(self, application: str | None = "probe") -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.folder / "tls" / "ca.pem")
        if application is not None:
            clients = self.folder / "clients"
            session.cert = (str(clients / f"{application}.pem"), str(clients / f"{application}.key"))
        return session

    @property
    def base(self) -> str:
        return f"https://localhost:{self.port}"

    def call(self, operation: str, **parameters: Any) -> Any:
        """What zeep makes of the answer, from nothing but WSDL and certificate; its signature holds."""
        kept: list[bytes] = []

        class Keeping(Transport):
            def post(self, address: str, message: Any, headers: Any) -> Any:
                response = super().post(address, message, headers)
                kept.append(response.content)
                return response

        client = Client(f"{self.base}/soap/probe/1?wsdl", transport=Keeping(session=self.session()))
        header = {"abrufkontext": {"kennung": "sb-1", "verwendungszweck": "U1", "aktenzeichen": "Z 1"}}
        try:
            return client.service[operation](**parameters, _soapheaders=header).body
        finally:
            by_xmlsec(kept[-1], self.folder / "signing" / "rsa.pem", "umschlag")

    def browser(self, application: str) -> tuple[requests.Session, str]:
        """A browser that came by the printed link, and the address of the pages."""
        link = re.search(rf"http://\S+schluessel={application}\.\S+", self.said)
        assert link is not None
        session = requests.Session()
        session.trust_env = False
        assert session.get(link[0], timeout=30).status_code == 200
        return session, link[0].partition("?")[0]

    def gateway(self, *arguments: str, check: bool = True) -> str:
        """What a command says."""
        return command(*arguments, folder=self.folder, check=check).stdout


def command(*arguments: str, folder: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "gateway", *arguments]
    return subprocess.run(line, cwd=folder.parent, capture_output=True, text=True, check=check, timeout=120)


def begin(folder: Path) -> None:
    """The shipped agreements in a place of their own, and beside them `probe`, new."""
    for shipped in (schemas(), wsdl()):
        shutil.copytree(shipped, folder.parent / shipped.name)
    draft(folder, "probe")


def draft(folder: Path, name: str) -> None:
    """A new agreement beside the others."""
    own = ("--schemas", str(folder.parent / "schemas"), "--wsdl", str(folder.parent / "wsdl"))
    command("agreement", "new", name, "--yes", *own, "--sandbox", str(folder), folder=folder)


def started(folder: Path, port: int, *more: str) -> tuple[subprocess.Popen[str], str]:
    """`gateway serve --sandbox` in a process group of its own, and all it said until it was ready."""
    line = [
        sys.executable,
        "-u",
        "-m",
        "gateway",
        "serve",
        "--sandbox",
        "--dir",
        str(folder),
        "--port",
        str(port),
        *more,
    ]
    child = subprocess.Popen(line, cwd=folder.parent, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert child.stdout is not None
    said: list[str] = []
    for text in child.stdout:
        said.append(text)
        if text.startswith("ready"):
            break
    assert said, f"ended with {child.wait()}"
    return child, "".join(said)


def ended(child: subprocess.Popen[str], how: int = signal.SIGTERM) -> int:
    """The sandbox has ended, and nothing of its process group runs any more."""
    child.send_signal(how)
    code = child.wait(timeout=60)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            os.killpg(child.pid, 0)
        except ProcessLookupError:
            return code
        time.sleep(0.05)
    raise AssertionError("a process of the sandbox still runs")


@contextmanager
def beginning(folder: Path) -> Iterator[Vendor]:
    """From nothing to a running sandbox with a new agreement, in two commands; `seconds` is how long it took."""
    port, begun = free_port(), time.monotonic()
    begin(folder)
    child, said = started(folder, port)
    vendor = Vendor(folder, port, said, time.monotonic() - begun, child)
    try:
        yield vendor
    finally:
        if vendor.child.poll() is None:
            os.killpg(vendor.child.pid, signal.SIGKILL)
            vendor.child.wait()
        if vendor.child.stdout is not None:
            vendor.child.stdout.close()


def happen(vendor: Vendor, event: str, kennung: str) -> str:
    """The event by the form of the page, as a browser sends it."""
    return submit(vendor, "ereignis", ereignis=event, kennung=kennung)


def submit(vendor: Vendor, form: str, **fields: str) -> str:
    """The page that answers one of the forms."""
    browser, pages = vendor.browser("probe")
    word = re.search(r'name="formular" value="([0-9a-f]+)"', browser.get(pages, timeout=30).text)
    assert word is not None
    answer = browser.post(f"{pages}{form}", {"formular": word[1], **fields}, timeout=60)
    assert answer.status_code == 200, answer.text
    return answer.text


def pending(vendor: Vendor) -> dict[str, str]:
    """What the change feed tells: kind by identifier; acknowledged."""
    page = vendor.call("aenderungenAbrufen")
    if page.aenderung:
        vendor.call("aenderungenQuittieren", bis=page.letzteLaufnummer, epoche=page.epoche)
    return {one.personenkennung: one.art for one in page.aenderung or ()}
