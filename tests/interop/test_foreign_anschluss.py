"""A further application in one go: one command, a running sandbox, and the vendor's first steps typed as they stand.

Everything happens in a copy of the checkout, as somebody would do it who has just cloned it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from lxml import etree

from tests.patience import attempts
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
NAME = "probe"
UNKNOWN_HERE = {"person-nicht-gefunden", "bestand-neu-abrufen"}
"""What a valid sample meets in a stock that knows nothing of its invented identifiers and tokens."""


@dataclass
class Begun:
    """The vendor's folder, and how long it took from the command to the first answer, in seconds."""

    folder: Path
    address: str
    seconds: float

    def post(self, message: bytes) -> etree._Element:
        """What the service answers to the message, sent with the test certificate."""
        certificates = self.folder / "zertifikat"
        answer = requests.post(
            self.address,
            data=message,
            headers={"Content-Type": "text/xml; charset=utf-8"},
            cert=(str(certificates / "client.pem"), str(certificates / "client.key")),
            verify=str(certificates / "ca.pem"),
            timeout=60,
        )
        return etree.fromstring(answer.content)

    def get(self, url: str) -> bytes:
        """A page that everybody may read."""
        answer = requests.get(url, verify=str(self.folder / "zertifikat" / "ca.pem"), timeout=30)
        answer.raise_for_status()
        return answer.content

    def listed(self, kind: str) -> Iterator[tuple[dict[str, str], bytes]]:
        """Each sample below `kind` as the index has it, with its bytes."""
        folder = self.folder / "nachrichten"
        for one in json.loads((folder / "verzeichnis.json").read_text("utf-8")):
            if one["file"].startswith(kind):
                yield one, (folder / one["file"]).read_bytes()


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Begun]:
    """`gateway agreement new probe && make sandbox` in a fresh checkout; the sandbox runs until the tests are over."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("gateway", "schemas", "wsdl"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    began = time.monotonic()
    new = gateway(checkout, "agreement", "new", NAME, "--yes", "--port", str(free_port()))
    assert new.wait(timeout=120) == 0
    folder = checkout / "anschluss" / NAME / "hersteller"
    (address,) = set(re.findall(r"https://\S+/soap/probe/1(?=\.)", (folder / "checkliste.md").read_text("utf-8")))
    with ExitStack() as running:
        sandbox = gateway(checkout, "serve", "--sandbox")
        running.callback(sandbox.wait, timeout=60)
        running.callback(sandbox.terminate)
        for _ in attempts("the sandbox", seconds=120, every=0.2):
            assert sandbox.poll() is None, "the sandbox has ended"
            if reached(address, folder):
                break
        yield Begun(folder, address, time.monotonic() - began)


def gateway(checkout: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """The command in the checkout, with the checkout's own code; what it says goes to the test's output."""
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    environment.pop("GATEWAY_SETTINGS", None)
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments], cwd=checkout, env=environment, stdin=subprocess.DEVNULL
    )


def reached(address: str, folder: Path) -> bool:
    """Whether the service gives its WSDL."""
    try:
        return requests.get(f"{address}?wsdl", verify=str(folder / "zertifikat" / "ca.pem"), timeout=5).ok
    except requests.RequestException:
        return False


def commands(folder: Path, program: str) -> list[str]:
    """The commands of the checklist that begin with the program, each on one line."""
    text = (folder / "checkliste.md").read_text("utf-8").replace("\\\n", "")
    return [line.strip() for line in text.splitlines() if line.startswith(f"    {program} ")]


def test_it_is_there_in_one_go(begun: Begun) -> None:
    """From the command to the first WSDL of the new service in less than two minutes."""
    print(f"agreement new and sandbox: {begun.seconds:.1f} s to the first answer")
    assert begun.seconds < 120


def test_the_checklist_can_be_typed(begun: Begun) -> None:
    """Each curl line of the vendor's checklist works as it stands: the WSDL, and the first answer."""
    lines = commands(begun.folder, "curl")
    assert len(lines) == 2
    told = [
        subprocess.run(["sh", "-c", line], cwd=begun.folder, capture_output=True, check=True, timeout=60).stdout
        for line in lines
    ]
    assert etree.fromstring(told[0]).tag == "{http://schemas.xmlsoap.org/wsdl/}definitions"
    assert etree.fromstring(told[1]).find(".//{*}dienstauskunftResponse/{*}anwendung").text == NAME


@pytest.mark.parametrize("stack", ["zeep", "php"])
def test_the_portals_program_runs(begun: Begun, stack: str, tmp_path: Path) -> None:
    """A program of the portal, copied beside the vendor's certificates, makes a verified call of the new service."""
    (portal,) = re.findall(r"https://\S+/anwendungen/probe-1/", (begun.folder / "checkliste.md").read_text("utf-8"))
    assert begun.get(portal)
    page = etree.HTML(begun.get(f"{portal}anbinden/{stack}.html"))
    for name in ("ca.pem", "client.pem", "client.key"):
        shutil.copy(begun.folder / "zertifikat" / name, tmp_path)
    for link in page.xpath("//a[@download]/@href"):
        (tmp_path / Path(link).name).write_bytes(begun.get(urljoin(f"{portal}anbinden/", link)))
    commands = "\n".join(page.xpath("//code[@data-befehl]/text()"))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # zeep and signxml are there
    run = subprocess.run(
        ["sh", "-ec", commands], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.strip()


def test_the_pages_are_there(begun: Begun) -> None:
    """The address of the sandbox's pages in the checklist opens with the test certificate, and shows our messages."""
    (address,) = re.findall(r"https://\S+/sandbox/", (begun.folder / "checkliste.md").read_text("utf-8"))
    certificates = begun.folder / "zertifikat"
    page = requests.get(
        address,
        cert=(str(certificates / "client.pem"), str(certificates / "client.key")),
        verify=str(certificates / "ca.pem"),
        timeout=30,
    )
    assert page.status_code == 200
    assert NAME in page.text
    assert "umzug" in page.text


def test_the_key_for_production_can_be_made(begun: Begun) -> None:
    """The openssl lines of the checklist make a key with its request, and print the fingerprint of a certificate."""
    request, fingerprint = commands(begun.folder, "openssl")
    subprocess.run(["sh", "-c", request], cwd=begun.folder, capture_output=True, check=True, timeout=60)
    assert b"CERTIFICATE REQUEST" in (begun.folder / f"{NAME}-betrieb.csr").read_bytes()
    shutil.copy(begun.folder / "zertifikat" / "client.pem", begun.folder / f"{NAME}-betrieb.pem")
    told = subprocess.run(
        ["sh", "-c", fingerprint], cwd=begun.folder, capture_output=True, check=True, text=True, timeout=60
    )
    assert re.search(r"[0-9a-f]{64}$", told.stdout.strip())


def test_every_valid_request_is_understood(begun: Begun) -> None:
    """The service refuses no valid sample for its form: it answers, or does not know the invented identifiers."""
    answered = 0
    for one, message in begun.listed("gueltig/anfragen/"):
        code = begun.post(message).findtext(".//{*}detail/{*}fehler/{*}code")
        assert code is None or code in UNKNOWN_HERE, (one["file"], code)
        answered += code is None
    assert answered >= 8


def test_every_invalid_request_meets_what_the_index_says(begun: Begun) -> None:
    """The running service refuses each invalid sample by the rule, and at the place, that verzeichnis.json tells."""
    checked = 0
    for one, message in begun.listed("ungueltig/anfragen/"):
        fault = begun.post(message).find(".//{*}detail/{*}fehler")
        assert fault is not None, one["file"]
        named = "-" in one["rule"]
        assert fault.findtext("{*}code") == (one["rule"] if named else "nicht-schemakonform"), one["file"]
        places = [place.text for place in fault.iterfind("{*}stelle/{*}xpath")]
        assert places == [one["path"]] or (named and not places), one["file"]
        checked += 1
    assert checked > 100
