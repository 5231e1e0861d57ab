"""The fortress: a gateway whose agreements ask for signed requests, in both profiles; and the count at the end."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator

import pytest

from gateway.cli import trial
from gateway.shipped import schemas
from tests.attacks.attack import Fortress
from tests.interop.calling import House
from tests.running import installed

COUNTED = "attack"


@pytest.fixture(scope="session")
def fortress(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fortress]:
    """wohnung2000 (umschlag) and sozialamt (wsse) must sign their requests, schulentwicklung need not."""
    folder = tmp_path_factory.mktemp("fortress")
    own, wsdl = folder / "schemas", folder / "wsdl"
    for path in [schemas() / "stadt.toml", *schemas().glob("*/agreement.toml")]:
        copy = own / path.relative_to(schemas())
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    for name in ("wohnung2000", "sozialamt"):
        path = own / name / "agreement.toml"
        line = re.compile(r"^signaturverfahren = .*$", re.M)
        path.write_text(line.sub(r"\g<0>\nanfragesignatur = true", path.read_text("utf-8"), count=1), "utf-8")
    with installed(folder / "house") as running:
        running.gateway("contract", "write", "--schemas", str(own), "--wsdl", str(wsdl))
        trial.approve(running.folder, own)
        settings = running.installation.settings
        text = settings.read_text("utf-8").replace("threads = 8", "threads = 8\nread_timeout = 1")
        settings.write_text(f'agreements = "{own}"\ncontracts = "{wsdl}"\n{text}', "utf-8")
        running.serve()
        yield Fortress(House(running))


@pytest.fixture
def counted(record_property: pytest.RecordProperty) -> None:
    """The test is one attack of the count."""
    record_property(COUNTED, 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how many attacks were tried, and how many came through."""
    tried = {
        outcome: sum(
            value
            for report in terminalreporter.stats.get(outcome, [])
            for name, value in getattr(report, "user_properties", [])
            if name == COUNTED and isinstance(value, int)
        )
        for outcome in ("passed", "failed")
    }
    if any(tried.values()):
        terminalreporter.write_line(f"{sum(tried.values())} attacks, {tried['failed']} came through")
