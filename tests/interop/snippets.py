"""The portal's programs to copy, as its reader uses them: saved, prepared and started exactly as the page says."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import requests
from lxml import html

from tests.interop.calling import House

STARTED = {0: "answer", 3: "fault", 2: "signature does not hold"}


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

    folder: Path
    files: Mapping[str, str]
    commands: Mapping[str, str]
    environment: Mapping[str, str]

    def prepare(self) -> None:
        """The page's second to third step."""
        done = self._run(self.commands["Vorbereiten"])
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

    def start(self) -> Ran:
        """The page's last step."""
        done = self._run(self.commands["Starten"])
        assert done.returncode in STARTED, f"{done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return Ran(done.returncode, tuple(done.stdout.splitlines()))

    def replace(self, old: str, new: str) -> None:
        """The same text another way in all files that have it; it must be in one of them."""
        found = {name: text for name, text in self.files.items() if old in text}
        assert found, f"{old} is in none of {list(self.files)}"
        for name, text in found.items():
            (self.folder / name).write_text(text.replace(old, new), "utf-8")

    def _run(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )


def copied(
    house: House, application: str, stack: str, folder: Path, environment: Mapping[str, str] | None = None
) -> Copied:
    """The program of this stack for this application, from the page that the running gateway serves."""
    installation = house.running.installation
    url = f"{house.running.base_url}/anwendungen/{application}-1/anbinden/{stack}.html"
    answer = requests.get(url, verify=str(installation.ca), timeout=30)
    assert answer.status_code == 200, url
    page = html.fromstring(answer.content)
    files = {str(code.get("data-datei")): str(code.text_content()) for code in page.iterfind(".//code[@data-datei]")}
    commands = {
        str(code.get("data-befehl")): str(code.text_content()) for code in page.iterfind(".//code[@data-befehl]")
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    certificate, key = installation.clients[application]
    for name, path in {"ca.pem": installation.ca, "client.pem": certificate, "client.key": key}.items():
        shutil.copy(path, folder / name)
    return Copied(folder, files, commands, environment or {})
