"""The life of an agreement over real processes: a new version reaches the application as changes, an end as silence."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway import shipped
from gateway.agreements.document import ROLES
from gateway.cli import trial
from gateway.cli.main import cli
from gateway.errors import SourceError
from tests.running import APPLICATIONS, STATISTICS, Running, installed


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    """An installation with agreements and contracts of its own, served and polled."""
    with installed(tmp_path / "g") as running:
        shutil.copytree(shipped.wsdl(), running.folder / "wsdl")
        for name in (*APPLICATIONS, STATISTICS, "statistik"):
            shutil.copytree(shipped.schemas() / name, running.folder / "schemas" / name)
        for name in ("stadt.toml", "model.xsd"):
            shutil.copy(shipped.schemas() / name, running.folder / "schemas")
        settings = running.installation.settings
        settings.write_text('agreements = "schemas"\ncontracts = "wsdl"\n' + settings.read_text("utf-8"), "utf-8")
        running.simulate(persons=30)
        running.fetch()
        running.serve()
        yield running


def changes(running: Running) -> tuple[dict[str, str], str]:
    """All pending changes, identifier -> kind, acknowledged; and the version of the agreement that answered."""
    client = running.client("wohnung2000")
    page = client.call("aenderungenAbrufen", {"anzahl": 500})
    told = dict(zip(page.texts("aenderung/personenkennung"), page.texts("aenderung/art"), strict=True))
    given = {"bis": page.texts("letzteLaufnummer")[0], "epoche": page.texts("epoche")[0]}
    client.call("aenderungenQuittieren", given)
    return told, page.quittung["fassung"]


def rows(running: Running, query: str) -> list[Any]:
    with sqlite3.connect(f"file:{running.folder / 'gateway.sqlite'}?mode=ro", uri=True) as connection:
        found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_a_version_lives_and_ends(running: Running) -> None:
    """Unsigned, a new version stops the poller; signed, the feed tells the difference; ended, nobody is told.

    Nobody becomes `entfallen` because an agreement has ended, and the audit trail says since when each version held.
    """
    agreement = running.folder / "schemas" / "wohnung2000" / "agreement.toml"
    everyone, fassung = changes(running)
    assert (set(everyone.values()), fassung) == ({"neu"}, "3")
    narrow = agreement.read_text("utf-8").replace("fassung = 3", "fassung = 4")
    narrow = narrow.replace("bedingung = [", 'bedingung = [\n    { feld = "geschlecht", in = ["w"] },')
    agreement.write_text(narrow, "utf-8")
    running.end("serve")
    refused = running.gateway("poll", "--once", "--quiet", check=False)
    assert (refused.returncode, refused.stderr.count("not approved by")) == (2, len(ROLES))

    keys = running.folder / "approvals" / trial.KEYS
    for role in ROLES:
        pair = ("--key", str(keys / f"{role}.key"), "--certificate", str(keys / f"{role}.pem"))
        given = [
            "agreement",
            "sign",
            "wohnung2000",
            "--role",
            role,
            *pair,
            "--settings",
            str(running.installation.settings),
        ]
        assert CliRunner().invoke(cli, given).exit_code == 0
    running.poll()
    running.serve()
    told, fassung = changes(running)
    gone = {kennung for kennung, kind in told.items() if kind == "entfallen"}
    stock = running.client("wohnung2000").call("bestandAbrufen", {"anzahl": 500})
    assert (set(told.values()) <= {"entfallen", "geaendert"}, fassung) == (True, "4")  # a relative may have gone
    assert set(stock.texts("person/personenkennung")) == everyone.keys() - gone
    assert set() < gone < everyone.keys()

    running.end("serve")
    agreement.write_text(narrow.replace("gueltig_bis = 2027-12-31", "gueltig_bis = 2025-01-02"), "utf-8")
    trial.approve(running.folder, running.folder / "schemas")
    running.fetch()
    running.serve()
    with pytest.raises(SourceError, match="vereinbarung-nicht-in-kraft"):
        running.client("wohnung2000").call("aenderungenAbrufen", {"anzahl": 500})
    feed = "SELECT count(*), count(number) FROM projection WHERE digest IS NOT NULL AND stream = 'wohnung2000/1'"
    assert rows(running, feed) == [(len(everyone) - len(gone), 0)]
    entries = [json.loads(content) for (content,) in rows(running, "SELECT content FROM audit_entry ORDER BY number")]
    assert [
        (one["operation"], one["fassung"])
        for one in entries
        if one["operation"].startswith("vereinbarung") and one["anwendung"] == "wohnung2000"
    ] == [("vereinbarungWirksam", 3), ("vereinbarungWirksam", 4), ("vereinbarungBeendet", 4)]
