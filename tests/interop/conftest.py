"""The house that the programs of others call, started once for all tests in here; the matrix at the end."""

from __future__ import annotations

import pickle
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import trial
from gateway.shipped import schemas
from tests.interop import table
from tests.interop.calling import House
from tests.interop.matrix import Matrix
from tests.running import installed

MATRIX = pytest.StashKey[Matrix]()


@pytest.fixture(scope="session", autouse=True)
def quick_java() -> Iterator[None]:
    """Java runs for a second at a time here: it is compiled once while it runs, not twice, and cleared up by one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
        yield


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway with 240 synthetic persons, polled once and serving all shipped applications."""
    with installed(tmp_path_factory.mktemp("interop") / "house") as running:
        running.simulate()
        running.fetch()
        running.serve()
        yield House(running)


@pytest.fixture(scope="session")
def variant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A gateway with agreements of its own and an empty stock: sozialamt expired, the others signed with ECDSA.

    schulentwicklung with the profile `umschlag`, wohnung2000 with `wsse`; with the shipped ones, that is all there is.
    """
    folder = tmp_path_factory.mktemp("variant")
    own, wsdl = folder / "schemas", folder / "wsdl"
    for path in [schemas() / "stadt.toml", *schemas().glob("*/agreement.toml")]:
        copy = own / path.relative_to(schemas())
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    _change(own / "sozialamt", r"gueltig_bis = .*", "gueltig_bis = 2026-01-31")
    for application in ("schulentwicklung", "wohnung2000"):
        _change(own / application, r"signaturverfahren = .*", 'signaturverfahren = "ecdsa-p256-sha256"')
    _change(own / "wohnung2000", r"signatur = .*", 'signatur = "wsse"')
    with installed(folder / "house") as running:
        running.here("contract", "write", "--schemas", str(own), "--wsdl", str(wsdl))
        trial.approve(running.folder, own)
        settings = running.installation.settings
        settings.write_text(f'agreements = "{own}"\ncontracts = "{wsdl}"\n{settings.read_text("utf-8")}', "utf-8")
        running.serve()
        yield House(running)


def _change(folder: Path, line: str, instead: str) -> None:
    path = folder / "agreement.toml"
    text, count = re.subn(f"(?m)^{line}$", instead, path.read_text("utf-8"))
    assert count == 1
    path.write_text(text, "utf-8")


@pytest.fixture(scope="session")
def matrix(pytestconfig: pytest.Config) -> Matrix:
    """What the foreign stacks showed in this run."""
    return pytestconfig.stash.setdefault(MATRIX, Matrix())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several test processes hands over what its stacks showed."""
    config = session.config
    if MATRIX in config.stash and hasattr(config, "workeroutput"):
        config.workeroutput["matrix"] = pickle.dumps(config.stash[MATRIX])


@pytest.hookimpl(optionalhook=True)  # of xdist
def pytest_testnodedown(node: Any) -> None:
    """What a process handed over is added; of one that died nothing is, and the matrix is not whole."""
    if told := getattr(node, "workeroutput", {}).get("matrix"):
        node.config.stash.setdefault(MATRIX, Matrix()).add(pickle.loads(told))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the matrix if foreign stacks ran; if they did as a whole, and all worked, write the page about it."""
    if MATRIX in config.stash:
        matrix = config.stash[MATRIX]
        terminalreporter.section("stack x operation: applications for which it works")
        for line in matrix.lines():
            terminalreporter.write_line(line)
        if matrix == table.whole():
            page = "\n".join(table.document(table.versions(), matrix)) + "\n"
            table.PAGE.write_text(page, "utf-8")
            terminalreporter.write_line(f"written: {table.PAGE}")
