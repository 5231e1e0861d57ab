"""An installation with a folder of imported code lists, and its commands, each in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.app import App, build
from gateway.cli.main import cli
from gateway.errors import GatewayError
from tests.genericode import new_process
from tests.unit.place import NOW, Place


def with_lists(place: Place) -> Path:
    """The folder of imported lists that the settings name from now on, still empty."""
    place.edit("settings.toml", "[log]", '[codelists]\nfolder = "codelists"\n\n[log]')
    (place.folder / "codelists").mkdir()
    return place.folder / "codelists"


@contextmanager
def process(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The house, started anew."""
    new_process(monkeypatch)
    with build(place.settings, clock=lambda: NOW) as app:
        yield app


def run(place: Place, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> tuple[int, str]:
    """Exit code and output; of an error of ours 2 and its problems, as the entry point prints them."""
    new_process(monkeypatch)
    given = {"GATEWAY_SETTINGS": str(place.folder / "settings.toml"), "COLUMNS": "200"}
    result = CliRunner().invoke(cli, arguments, env=given)
    if isinstance(result.exception, GatewayError):
        problems = getattr(result.exception, "problems", ()) or (str(result.exception),)
        return 2, result.output + "\n".join(problems)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result.exit_code, result.output
