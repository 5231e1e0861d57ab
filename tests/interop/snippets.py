"""The portal's programs to copy, as its reader uses them: saved, prepared and started exactly as the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
from lxml import html

from tests.interop.calling import House, sample

ENDS = {0: "answer", 3: "fault", 2: "signature does not hold"}
MODULES = Path(__file__).parent / ".foreign" / "node_modules"
_CURL = re.compile(r"^curl --fail --cacert ca\.pem --output (\S+) (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """How a program ended, and the lines `name: text` that it wrote."""

    status: int
    lines: tuple[str, ...]

    def texts(self, name: str) -> list[str]:
        return [line.partition(": ")[2] for line in self.lines if line.startswith(f"{name}: ")]


@dataclass(frozen=True)
class Copied:
    """One page's program in a folder of its own, with the certificates that the page asks for beside it."""

    house: House
    folder: Path
    files: Mapping[str, str]
    commands: Mapping[str, str]

    def prepare(self) -> None:
        """The page's third step."""
        self.must(self.commands["Vorbereiten"])

    def rebuild(self) -> None:
        """The last command of that step again, where it compiles the program."""
        commands = re.split(r"\n(?! )", self.commands["Vorbereiten"].strip())
        if not commands[-1].startswith("curl"):
            self.must(commands[-1])

    def fetch(self) -> None:
        """What that step fetches, without curl."""
        found = _CURL.findall(self.commands["Vorbereiten"])
        assert len(found) == 2
        for name, url in found:
            answer = requests.get(url, verify=str(self.folder / "ca.pem"), timeout=30)
            assert answer.status_code == 200, url
            (self.folder / name).write_bytes(answer.content)

    def start(self, command: Sequence[str] = ()) -> Ran:
        """The page's last step, or this command instead."""
        done = self._run(command or ["bash", "-euo", "pipefail", "-c", self.commands["Starten"]])
        assert done.returncode in ENDS, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return Ran(done.returncode, tuple(done.stdout.splitlines()))

    def replace(self, old: str, new: str) -> None:
        """The same text another way in the files that have it; at least one has."""
        found = {name: text for name, text in self.files.items() if old in text}
        assert found, f"{old} is in none of {list(self.files)}"
        for name, text in found.items():
            (self.folder / name).write_text(text.replace(old, new), "utf-8")

    def must(self, command: str) -> str:
        """What a command in the folder says, which must not fail."""
        done = self._run(["bash", "-euo", "pipefail", "-c", command])
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env=os.environ, capture_output=True, text=True, timeout=300, check=False
        )


def copied(house: House, application: str, stack: str, folder: Path) -> Copied:
    """The program of this stack for this application, from the page that the running gateway serves."""
    installation = house.running.installation
    page = html.fromstring(served(house, f"anwendungen/{application}-1/anbinden/{stack}.html"))
    files = {str(code.get("data-datei")): str(code.text_content()) for code in page.iterfind(".//code[@data-datei]")}
    told = {str(code.get("data-befehl")): str(code.text_content()) for code in page.iterfind(".//code[@data-befehl]")}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    certificate, key = installation.clients[application]
    for name, path in {"ca.pem": installation.ca, "client.pem": certificate, "client.key": key}.items():
        shutil.copy(path, folder / name)
    if stack == "node" and not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(MODULES)
    return Copied(house, folder, files, told)


def served(house: House, path: str) -> bytes:
    """A page of the running gateway's portal."""
    url = f"{house.running.base_url}/{path}"
    answer = requests.get(url, verify=str(house.running.installation.ca), timeout=30)
    assert answer.status_code == 200, url
    return answer.content


def check_answer(program: Copied, application: str, ran: Ran) -> None:
    """The program read what lxml reads of the same call: the first persons of the stock; and it verified."""
    page = program.house.post(application, sample(application, "good", "bestandAbrufen-seite")).payload
    persons = [str(one.text) for one in page.iterfind("{*}person/{*}personenkennung")]
    assert (ran.status, ran.lines[-1]) == (0, "Signatur geprüft")
    assert len(ran.texts("protokollnummer")) == 1
    assert ran.texts("personenkennung")[: len(persons)] == persons[:3]


def check_fault(ran: Ran) -> None:
    """The program told a wrong purpose with all its details, and verified the fault, too."""
    assert (ran.status, ran.lines[-1]) == (3, "Signatur geprüft")
    assert ran.texts("fehler") == ["zweck-nicht-vereinbart"]
    assert ran.texts("meldung") == ["Dieser Verwendungszweck steht nicht in der Vereinbarung."]
    assert ran.texts("abhilfe")[0].startswith("In abrufkontext/verwendungszweck")
    assert len(ran.texts("vorgangsnummer")[0]) == 36
    assert ran.texts("stelle")[0].startswith("/*/*[local-name()='Header']")
