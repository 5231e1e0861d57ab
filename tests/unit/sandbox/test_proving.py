"""What is no sandbox is never recorded: each thing that could show it is looked at."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from threading import Event, Thread
from typing import Any

import pytest
import requests
from click.testing import CliRunner

from gateway.app import App, build
from gateway.cli import sandbox_run
from gateway.cli.children import listen
from gateway.cli.installation import Plan, create, store, terms
from gateway.cli.main import cli
from gateway.cli.sandbox_place import Wishes, ensure
from gateway.errors import SettingsError
from gateway.sandbox import house, proving
from gateway.sandbox.keys import JOURNAL
from gateway.sandbox.proving import require_sandbox, require_synthetic
from gateway.settings import Settings, load
from gateway.simulator.population import Population
from gateway.simulator.server import serve
from gateway.wire import issuing

NOW = datetime.now(UTC)
PERSONS = 60


@contextmanager
def simulator(seed: int = 1, name: str | None = None, journal: Path | None = None) -> Iterator[str]:
    """A simulated OK.VISA in a thread; its SOAP address."""
    ready: Queue[str] = Queue()
    stop = Event()
    given = {"persons": PERSONS, "seed": seed, "ready": ready.put, "stop": stop, "name": name, "journal": journal}
    thread = Thread(target=serve, args=("127.0.0.1", 0), kwargs=given)
    thread.start()
    try:
        yield ready.get(timeout=60)
    finally:
        stop.set()
        thread.join()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A sandbox with its simulator running, everybody fetched after some events; not to be changed."""
    folder = tmp_path_factory.mktemp("proving") / "sandbox"
    ensure(folder, Wishes(persons=PERSONS), now=NOW)
    number = settings_of(folder).sandbox
    assert number is not None
    with simulator(name=number.number, journal=folder / JOURNAL) as url:
        ensure(folder, Wishes(source_url=url), now=NOW)
        for event in ("geburt", "zusammenfuehrung", "umzug", "loeschung", "sperre-setzen", "zwei-in-einer-sekunde"):
            requests.post(url.replace("/okvisa", "/schritt"), params={"ereignis": event}, timeout=10).close()
        yield folder


@pytest.fixture(scope="module")
def app(made: Path) -> Iterator[App]:
    """The gateway of that sandbox, which has fetched everybody."""
    with build(settings_of(made)) as app:
        app.poll.run_once()
        yield app


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil, with the simulator of the original."""
    shutil.copytree(made, tmp_path / "sandbox")
    return tmp_path / "sandbox"


def settings_of(folder: Path, **environment: str) -> Settings:
    return load(folder / "settings.toml", environment)


def rewritten(folder: Path, old: str, new: str) -> Settings:
    path = folder / "settings.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return settings_of(folder)


def test_a_sandbox_is_one(made: Path, app: App) -> None:
    """Also after births, merges, erasures and blocks nobody in it is a stranger."""
    require_synthetic(require_sandbox(settings_of(made)), app)


def test_production_settings_are_refused(tmp_path: Path) -> None:
    """Without the section nothing is recorded."""
    create(Plan(tmp_path / "real", "127.0.0.1", 8443, "http://127.0.0.1:1/", ["wohnung2000"]), now=NOW)
    with pytest.raises(SettingsError, match="not the settings of a sandbox"):
        house.serve(settings_of(tmp_path / "real"))


def other_ca(folder: Path) -> Settings:
    ca = issuing.authority("Stadt Musterstadt CA", terms(NOW, lambda count: b"1" * count)())
    (folder / "tls" / "ca.pem").write_bytes(ca.certificate_pem)
    return settings_of(folder)


def second_ca(folder: Path) -> Settings:
    ca = issuing.authority("Stadt Musterstadt CA", terms(NOW, lambda count: b"1" * count)())
    with (folder / "tls" / "ca.pem").open("ab") as file:
        file.write(ca.certificate_pem)
    return settings_of(folder)


def foreign_signature(folder: Path) -> Settings:
    term = terms(NOW, lambda count: b"1" * count)
    ca = issuing.authority("Stadt Musterstadt CA", term(), kind="ec-p256")
    store(folder / "signing" / "real", issuing.signing(ca, "Stadt Musterstadt", term(), kind="ec-p256"))
    return rewritten(folder, "signing/ec.", "signing/real.")


def real_approver(folder: Path) -> Settings:
    term = terms(NOW, lambda count: b"1" * count)
    store(folder / "approvals" / "dsb", issuing.approver("datenschutzbeauftragte", term(), unit="Datenschutz"))
    return rewritten(folder, "approvals/keys/datenschutzbeauftragte.pem", "approvals/dsb.pem")


def unseen_approver(folder: Path) -> Settings:
    return rewritten(folder, '["approvals/keys/datenschutzbeauftragte.pem"]', f'["sha256:{"0" * 64}"]')


def keys_elsewhere(folder: Path) -> Settings:
    shutil.copytree(folder / "keys", folder.parent / "keys")
    return rewritten(folder, 'directory = "keys"', f'directory = "{folder.parent / "keys"}"')


def keys_by_a_link(folder: Path) -> Settings:
    (folder / "keys").rename(folder.parent / "keys")
    (folder / "keys").symlink_to(folder.parent / "keys")
    return settings_of(folder)


def database_elsewhere(folder: Path) -> Settings:
    return settings_of(folder, GATEWAY_DATABASE_URL=f"sqlite:///{folder.parent / 'real.sqlite'}")


def database_server(folder: Path) -> Settings:
    return settings_of(folder, GATEWAY_DATABASE_URL="postgresql://gateway@db.example/gateway")


def anchor_elsewhere(folder: Path) -> Settings:
    return rewritten(folder, 'anchor = "audit.anchor"', 'anchor = "../audit.anchor"')


def source_elsewhere(folder: Path) -> Settings:
    return settings_of(folder, GATEWAY_SOURCE_URL="https://okvisa.stadt.example/okvisa")


def source_by_name(folder: Path) -> Settings:
    url = settings_of(folder).source.url
    return settings_of(folder, GATEWAY_SOURCE_URL=url.replace("127.0.0.1", "localhost"))


def no_source(folder: Path) -> Settings:
    return settings_of(folder, GATEWAY_SOURCE_URL="http://127.0.0.1:9/okvisa")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (other_ca, "not the CA of this sandbox"),
        (second_ca, "no CA but its own"),
        (foreign_signature, "not issued by the CA of this sandbox"),
        (real_approver, r"approvals\.trusted\.datenschutzbeauftragte"),
        (unseen_approver, r"approvals\.trusted\.datenschutzbeauftragte"),
        (keys_elsewhere, r"keys\.directory: not in the folder"),
        (keys_by_a_link, r"keys\.directory: not in the folder"),
        (database_elsewhere, r"database\.url: not in the folder"),
        (database_server, r"database\.url: a sandbox has its own SQLite file"),
        (anchor_elsewhere, r"audit\.anchor: not in the folder"),
        (source_elsewhere, r"source\.url: a sandbox reads nothing but its own simulator"),
        (source_by_name, r"source\.url: a sandbox reads nothing but its own simulator"),
        (no_source, r"source\.url: the simulator does not answer"),
    ],
)
def test_whatever_is_foreign_is_refused(folder: Path, spoil: Callable[[Path], Settings], told: str) -> None:
    """One foreign part is enough, and it is named."""
    with pytest.raises(SettingsError) as refused:
        require_sandbox(spoil(folder))
    assert any(re.search(told, problem) for problem in refused.value.problems)


def test_another_simulator_is_refused(made: Path) -> None:
    """A simulator that does not call itself by this sandbox's number is somebody else's, and is never stepped."""
    with simulator(name="0" * 32) as url, pytest.raises(SettingsError, match="not the simulator of this sandbox"):
        require_sandbox(settings_of(made, GATEWAY_SOURCE_URL=url))


@pytest.mark.parametrize("command", [("poll", "--once"), ("source", "reconcile"), ("quarantine", "retry", "--all")])
def test_nobody_is_fetched_from_a_foreign_source(folder: Path, command: tuple[str, ...]) -> None:
    """No variable brings other persons into a sandbox, by whatever command; its own source is asked as ever."""
    given = [*command, "--settings", str(folder / "settings.toml")]
    with simulator(seed=2) as url:
        result = CliRunner().invoke(cli, given, env={"GATEWAY_SOURCE_URL": url})
    assert isinstance(result.exception, SettingsError)
    assert "not the simulator of this sandbox" in str(result.exception)
    result = CliRunner().invoke(cli, given)
    assert not isinstance(result.exception, SettingsError), result.exception


def test_the_pages_for_browsers_open_no_other_database(
    made: Path, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that is meant for the installation of the same shell leads them nowhere."""
    sandbox, other = settings_of(made).sandbox, tmp_path / "real.sqlite"
    shutil.copy(str(app.database.path), other)
    monkeypatch.setenv("GATEWAY_DATABASE_URL", f"sqlite:///{other}")
    assert sandbox is not None
    before = other.read_bytes()
    refused = pytest.raises(SettingsError, match=r"database\.url: not in the folder of the sandbox")
    with listen(0) as listener, refused, sandbox_run._pages(ensure(made, now=NOW), sandbox, listener):
        pass
    assert other.read_bytes() == before


@pytest.mark.parametrize("above", ["..", "/", "keys"])
def test_a_sandbox_is_no_larger_than_its_folder(folder: Path, above: str) -> None:
    """Neither the file nor a variable makes a folder its own in which others' keys and databases lie."""
    with pytest.raises(SettingsError, match="lies where its settings lie"):
        settings_of(folder, GATEWAY_SANDBOX_FOLDER=above)
    with pytest.raises(SettingsError, match="lies where its settings lie"):
        rewritten(folder, 'folder = "."', f'folder = "{above}"')


def test_persons_of_another_source_are_refused(
    made: Path, app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Persons under the same numbers, with the same change numbers and times, but of other names are strangers."""
    sandbox = settings_of(made).sandbox
    assert sandbox is not None
    journal = made / JOURNAL
    (tmp_path / JOURNAL).write_text(journal.read_text("utf-8").replace("[1, ", "[2, "), "utf-8")
    monkeypatch.setattr(proving, "SEED", 2)
    sandbox = sandbox.model_copy(update={"folder": tmp_path})
    with pytest.raises(SettingsError, match="do not come from the sandbox's simulator"):
        require_synthetic(sandbox, app)


def test_other_names_are_refused(made: Path, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Number, change number and time are not enough: somebody of another name is a stranger."""
    sandbox, taken = settings_of(made).sandbox, proving._taken
    assert sandbox is not None
    another = Population(2, PERSONS).record(7).inhalt
    monkeypatch.setattr(proving, "_taken", lambda satz: taken(replace(satz, inhalt=another)))
    with pytest.raises(SettingsError, match="do not come from the sandbox's simulator"):
        require_synthetic(sandbox, app)


def test_a_forgotten_journal_is_noticed(made: Path, app: App, tmp_path: Path) -> None:
    """Persons of whom the simulator knows nothing any more are strangers."""
    sandbox = settings_of(made).sandbox
    assert sandbox is not None
    with pytest.raises(SettingsError, match="do not come from the sandbox's simulator"):
        require_synthetic(sandbox.model_copy(update={"folder": tmp_path}), app)


def test_a_poll_meanwhile_makes_nobody_a_stranger(made: Path, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was fetched between the walk and the count is looked for again."""
    sandbox, ours, looks = settings_of(made).sandbox, proving._ours, []
    assert sandbox is not None

    def polled(*given: Any) -> int:
        looks.append(ours(*given))
        if len(looks) > 1:
            return looks[-1]
        url = settings_of(made).source.url.replace("/okvisa", "/schritt")
        requests.post(url, params={"ereignis": "geburt"}, timeout=10).close()
        app.poll.run_once()
        return looks[0]

    monkeypatch.setattr(proving, "_ours", polled)
    monkeypatch.setattr(proving, "_PAUSE_SECONDS", 0)
    require_synthetic(sandbox, app)
    assert looks[1] == looks[0] + 1


def test_a_stranger_is_not_hidden_by_a_poll(made: Path, app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as the numbers move nobody is accepted."""
    sandbox, counted = settings_of(made).sandbox, iter(range(1000))
    assert sandbox is not None
    found = proving.overview(app.database)
    monkeypatch.setattr(proving, "overview", lambda _: replace(found, persons=next(counted)))
    monkeypatch.setattr(proving, "_LOOKS", 3)
    monkeypatch.setattr(proving, "_PAUSE_SECONDS", 0)
    with pytest.raises(SettingsError, match="do not come from the sandbox's simulator"):
        require_synthetic(sandbox, app)
    assert next(counted) == 6  # before and after each look
