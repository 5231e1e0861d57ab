"""An imported list over real processes: server, poller and commands all go by it, or do not start."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway import shipped
from gateway.model import codelists
from tests.genericode import genericode
from tests.running import APPLICATIONS, Running, installed


def own(running: Running) -> None:
    """Agreements, contracts and lists of the installation's own."""
    folder = running.folder
    shutil.copytree(shipped.wsdl(), folder / "wsdl")
    for name in APPLICATIONS:
        shutil.copytree(shipped.schemas() / name, folder / "schemas" / name)
    for name in ("stadt.toml", "model.xsd"):
        shutil.copy(shipped.schemas() / name, folder / "schemas")
    (folder / "codelists").mkdir()
    settings = running.installation.settings
    text = 'agreements = "schemas"\ncontracts = "wsdl"\n' + settings.read_text("utf-8")
    settings.write_text(text + '\n[codelists]\nfolder = "codelists"\n', "utf-8")


def refused(running: Running, *command: str) -> str:
    """What a command says that ends with 2."""
    done = running.gateway(*command, check=False)
    assert done.returncode == 2, done.stdout + done.stderr
    return done.stderr


@pytest.mark.long
def test_every_process_goes_by_an_imported_list(tmp_path: Path) -> None:
    """Not imported, not published, changed afterwards: each is refused by server and poller; between, all is told."""
    with installed(tmp_path / "g") as running:
        own(running)
        running.simulate(persons=30)
        running.poll()
        file = tmp_path / "new.gc.xml"
        labels = {"600": "neuländisch"}
        file.write_bytes(genericode("staatsangehoerigkeit", "2027", begins="2026-11-01", labels=labels))
        assert "600" in running.gateway("codelist", "import", str(file)).stdout
        for command in (("serve",), ("poll", "--once", "--quiet")):
            assert "run `gateway contract write`" in refused(running, *command)
        running.gateway("contract", "write")
        running.poll()
        running.serve()
        uri = codelists.index()["staatsangehoerigkeit"].uri
        told = running.client("wohnung2000").call("codelisteAbrufen", {"codeliste": uri})
        assert told.texts("listenversion/version") == ["2024-08-01", "2027"]
        assert "600" in told.texts("eintrag/code")
        running.client("wohnung2000").call("bestandAbrufen", {"anzahl": 500})
        running.end("serve")
        imported = running.folder / "codelists/staatsangehoerigkeit/2027/list.gc.xml"
        imported.write_bytes(imported.read_bytes() + b"\n")
        for command in (("serve",), ("poll", "--once", "--quiet"), ("contract", "check"), ("codelist", "list")):
            assert "is not the file that was imported" in refused(running, *command)
