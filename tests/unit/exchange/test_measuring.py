"""What is counted of requests, by several processes, and that nobody is named."""

from __future__ import annotations

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.errors import SettingsError
from gateway.exchange import measuring
from gateway.health.metrics import Listener, Stored, exposition
from gateway.store.database import Database
from tests.ports import free_port
from tests.running import installed, wait
from tests.unit.place import Place

PROCESS = """
import sys
from pathlib import Path
from gateway.exchange.measuring import measure
from gateway.exchange.message import Reply
count = measure(Path(sys.argv[1]))
for outcome, persons in (("ok", 50), ("ok", 1), ("nicht-schemakonform", 0)):
    count(Reply(200, "text/xml", b"x" * 100, outcome, "1", "bestandAbrufen", persons=persons, signature=0.001,
                validation=0.01 if persons else None), "wohnung2000", 0.03)
"""


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    families = text_string_to_metric_families(text)
    return {
        (sample.name, tuple(sample.labels[key] for key in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def counted_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which two processes have counted three requests each; not to be changed."""
    folder = tmp_path_factory.mktemp("counted") / "metrics"
    measuring.begin(folder)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", PROCESS, str(folder)], check=True, timeout=60)
    return folder


@pytest.fixture
def counted(counted_once: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(counted_once, tmp_path / "metrics"))


def test_only_what_was_counted_is_thrown_away(counted: Path) -> None:
    """A folder named by mistake loses nothing of anybody else's, whatever it is called."""
    others = {"gateway.db", "counter_x.db", "counter_1.db.bak", "gateway.sqlite"}
    for name in others:
        (counted / name).write_bytes(b"precious")
    assert len(list(counted.iterdir())) > len(others)
    measuring.begin(counted)
    assert {path.name for path in counted.iterdir()} == others


def test_all_processes_are_added_up(counted: Path, place: Place) -> None:
    """Requests by outcome, seconds, octets and persons of both; beside them what the store says."""
    database = Database.open(place.settings.database.url)
    try:
        found = samples(exposition(counted, Stored(database, lambda: datetime.now(UTC))).decode())
    finally:
        database.close()
    assert found["gateway_requests_total", ("wohnung2000", "bestandAbrufen", "ok")] == 4
    assert found["gateway_requests_total", ("wohnung2000", "bestandAbrufen", "nicht-schemakonform")] == 2
    assert found["gateway_persons_disclosed_total", ("wohnung2000",)] == 102
    assert found["gateway_answer_bytes_total", ("wohnung2000", "bestandAbrufen")] == 600
    assert found["gateway_request_seconds_count", ("wohnung2000", "bestandAbrufen")] == 6
    assert found["gateway_request_seconds_bucket", ("wohnung2000", "0.05", "bestandAbrufen")] == 6
    assert found["gateway_request_seconds_bucket", ("wohnung2000", "0.02", "bestandAbrufen")] == 0
    assert found["gateway_signature_seconds_count", ("wohnung2000",)] == 6
    assert found["gateway_signature_seconds_bucket", ("wohnung2000", "0.0005")] == 0
    assert found["gateway_validation_seconds_count", ("wohnung2000",)] == 4
    assert found["gateway_database_up", ()] == 1
    assert found["gateway_persons", ()] == found["gateway_quarantine_records", ()] == 0


def test_a_new_server_begins_anew(counted: Path) -> None:
    """What an earlier server left is gone, and the folder is for its owner."""
    assert list(counted.glob("*.db"))
    measuring.begin(counted)
    assert not list(counted.iterdir())
    assert counted.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    """What cannot be counted is said in the log; the request it belongs to ends as it would have."""
    folder = tmp_path / "metrics"
    measuring.begin(folder)
    program = PROCESS.replace("count =", "Path(sys.argv[1]).rmdir(); count =") + "print('went on')"
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.count("not counted") == 3
    assert done.stdout.endswith("went on\n")


def test_a_database_that_is_gone_is_told(counted: Path, place: Place) -> None:
    """The counters are still given out, the database is down, nobody is ready; and no file is made."""
    database = Database.open(place.settings.database.url)
    (place.folder / "gateway.sqlite").unlink()
    with Listener(("127.0.0.1", 0), counted, database, lambda: datetime.now(UTC)) as listener:
        assert listener.page("/health/live")[0] == 200
        assert listener.page("/health/ready")[0] == 503
        assert listener.page("/etc/passwd")[0] == 404
        status, _, body = listener.page("/metrics")
    found = samples(body.decode())
    assert status == 200
    assert found["gateway_database_up", ()] == 0
    assert found["gateway_requests_total", ("wohnung2000", "bestandAbrufen", "ok")] == 4
    assert not (place.folder / "gateway.sqlite").exists()


def test_where_nobody_can_listen_is_a_matter_of_the_settings(counted: Path, place: Place) -> None:
    """A taken port, or an address that this machine has not, is told in one line; an IPv6 address is one."""
    database = Database.open(place.settings.database.url)
    with Listener(("127.0.0.1", 0), counted, database, lambda: datetime.now(UTC)) as listener:
        for address in (listener.server_address[:2], ("192.0.2.1", 9464), ("2001:db8::1", 9464)):
            with pytest.raises(SettingsError, match="nothing can listen there"):
                Listener((str(address[0]), int(address[1])), counted, database, lambda: datetime.now(UTC))


def test_requests_of_a_real_server_are_given_out(tmp_path: Path) -> None:
    """Two server processes count, the listener's own process adds up; it ends on SIGTERM. Names are in no label."""
    with installed(tmp_path / "house") as running:
        port, settings = free_port(), running.installation.settings
        settings.write_text(settings.read_text("utf-8") + f'\n[metrics]\nfolder = "metrics"\nport = {port}\n', "utf-8")
        running.serve()
        listener = running.start("metrics", "metrics")
        for _ in range(4):
            running.client("wohnung2000").call("dienstauskunft", kennung="Canary-Kennung")
        address = f"http://127.0.0.1:{port}"
        wait(f"{address}/health/live", listener)
        text = urlopen(f"{address}/metrics", timeout=30).read().decode()
        found = samples(text)
        assert found["gateway_requests_total", ("wohnung2000", "dienstauskunft", "ok")] == 4
        assert "Canary" not in text
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"{address}/", timeout=30)
        listener.terminate()
        assert listener.wait(timeout=30) == 0
