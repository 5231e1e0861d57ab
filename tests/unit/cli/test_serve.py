"""How `gateway serve` begins: twice, and the first time with hardly anything loaded."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from click.testing import CliRunner

from gateway import serving
from gateway.agreements.agreement import Agreement
from gateway.agreements.city import City
from gateway.agreements.versions import in_force as agreements_in_force
from gateway.app import Rules, Serving
from gateway.cli.main import cli
from gateway.contract.compiled import Contract
from gateway.errors import LimitExceeded, SettingsError
from gateway.exchange.beside import Told
from gateway.exchange.identity import Caller
from gateway.settings import load as load_settings
from gateway.upkeep import in_force
from gateway.wire import seal
from tests.unit.place import Place

_LAST_LINE = "print(*sorted(name for name in sys.modules if name.split('.')[0] in {house!r}))"
_BEGUN = """
import os, sys
def begun(*_): {told}; os._exit(0)
os.execve = begun
from gateway.cli.main import main
sys.argv = ["gateway", "serve"]
main()
"""
_SERVED = """
import gc, sys
from gunicorn.arbiter import Arbiter
def listening(*_): {told}; print("collecting" if gc.isenabled() and gc.get_freeze_count() else "not collecting")
Arbiter.run = listening
from gateway.cli.main import main
sys.argv = ["gateway", "serve"]
main()
"""


def _loaded(script: str, settings: Path, *packages: str) -> list[str]:
    """What a start of `script` prints: the modules of `packages` that it has loaded, and what else it says."""
    told = _LAST_LINE.format(house=packages)
    environment = {**os.environ, "GATEWAY_SETTINGS": str(settings)}
    command = [sys.executable, "-c", script.format(told=told)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_nothing_is_loaded_twice_but_what_decides_on_openssl(place: Place) -> None:
    """Before it starts itself anew, the server has loaded neither libraries nor rooms of the house."""
    heavy = ("pydantic", "lxml", "cryptography", "structlog", "sqlalchemy", "spyne", "rich", "gateway")
    assert set(_loaded(_BEGUN, place.installation.settings, *heavy)) == {
        "gateway",
        "gateway.cli",
        "gateway.cli.main",
        "gateway.cli.options",
        "gateway.cli.serve",
        "gateway.errors",
        "gateway.exchange",
        "gateway.exchange.allowed",
        "gateway.exchange.hello",
        "gateway.exchange.openssl",
        "gateway.shipped",
    }


def test_of_databases_the_server_loads_its_own(place: Place) -> None:
    """What speaks to another database than that of the settings is large, and is not loaded."""
    told = _loaded(_SERVED, place.installation.settings, "sqlalchemy")
    assert "sqlalchemy.dialects.sqlite.base" in told
    assert not [name for name in told if "postgresql" in name]


def test_a_server_collects_again_and_has_loaded_no_rich(place: Place) -> None:
    """When it listens: garbage is collected, what was loaded is frozen, and nothing is there that draws or polls."""
    drawing = ("rich", "pygments", "requests", "zeep", "matplotlib", "numpy", "scipy")
    assert _loaded(_SERVED, place.installation.settings, *drawing) == ["collecting"]


def test_behind_a_proxy_all_settings_decide(place: Place) -> None:
    """Where a section about a proxy stands, the settings are read before anything is decided about OpenSSL."""
    text = place.installation.settings.read_text("utf-8")
    place.installation.settings.write_text(text + '\n[server.proxy]\naddresses = ["127.0.0.1"]\ntls = true\n', "utf-8")
    assert "gateway.settings" in _loaded(_BEGUN, place.installation.settings, "gateway")


@pytest.mark.parametrize("text", ["", "server = 1", "[server", None])
def test_unfit_settings_are_told_and_collecting_goes_on(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that say nothing of a server, or nothing at all, are refused by those who read all of them."""
    monkeypatch.setattr("gateway.exchange.openssl.enforce", lambda: None)
    path = tmp_path / "settings.toml"
    if text is not None:
        path.write_text(text, "utf-8")
    result = CliRunner().invoke(cli, ["serve", "--settings", str(path)])
    assert type(result.exception).__name__ == "SettingsError"
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("told", "problems"),
    [
        ([["passed", "wohnung2000/1", "unsigned"], ["not run", "a/1", "all", "x"]], ["unsigned: was answered"]),
        ([["unfit", "the schema of a does not compile"]], ["does not compile"]),
        ([["not run", "a/1", "all", "nicht"]], None),
    ],
)
def test_nothing_listens_that_could_not_refuse(
    told: list[list[str]], problems: list[str] | None, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the process beside the start tells of attacks that came through keeps the server from listening."""
    listening: list[object] = []
    monkeypatch.setattr("gateway.exchange.server.serve", lambda *_: listening.append(1))
    monkeypatch.setattr("gateway.serving._attack", lambda _serving: told)
    settings = load_settings(place.installation.settings, {})
    if problems is None:
        serving.serve(settings)
        assert listening
        return
    with pytest.raises(SettingsError) as refusal:
        serving.serve(settings)
    assert all(any(one in problem for problem in refusal.value.problems) for one in problems)
    assert not listening


def test_who_does_not_listen_speaks_for_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second server whose place is taken leaves alone what is known of the first: its rules and what it counted.

    Else a pin that was taken out would seem to be out, while the first still lets its certificate in.
    """
    monkeypatch.setattr("gateway.serving._attack", lambda _serving: [])
    calls: list[Callable[[], object]] = []
    monkeypatch.setattr("gateway.exchange.server.serve", lambda *given: calls.append(given[4]))
    counted = place.folder / "counted"
    with place.installation.settings.open("a", encoding="utf-8") as text:
        text.write(f'\n[metrics]\nfolder = "{counted}"\n')
    settings = load_settings(place.installation.settings, {})
    counted.mkdir()
    (counted / "counter_7.db").write_bytes(b"")
    in_force.note(settings, "the first")
    serving.serve(settings)
    gc.unfreeze()
    assert (in_force.noted(settings), len(list(counted.iterdir()))) == ("the first", 1)
    (listening,) = calls
    listening()
    assert (in_force.noted(settings), list(counted.iterdir())) == (in_force.digest(settings), [])


def test_a_restart_is_no_second_budget(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the trail says was disclosed since midnight counts before anything listens."""
    served: list[Rules] = []
    monkeypatch.setattr("gateway.serving._attack", lambda _serving: [])
    monkeypatch.setattr("gateway.exchange.server.serve", lambda *given: served.append(given[2].args[0]))
    told = {"wohnung2000": 1_000_000}
    monkeypatch.setattr("gateway.store.usage.disclosed", lambda _database, _since: told)
    serving.serve(load_settings(place.installation.settings, {}))
    gc.unfreeze()
    ((rules,), now) = served, served[0].clock()
    agreements = agreements_in_force(rules.versions, rules.city.today(now))
    with pytest.raises(LimitExceeded):
        rules.budgets.disclose(agreements["wohnung2000/1"], 1, now=now)


def test_it_is_attacked_for_real(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A check that lets a stranger in is found by the process beside the start: nothing listens."""
    monkeypatch.setattr("gateway.exchange.server.serve", lambda *_: pytest.fail("listens"))
    monkeypatch.setattr("gateway.exchange.pipeline.identify", lambda *_, now: Caller("sha256:" + "0" * 64))
    with pytest.raises(SettingsError) as refusal:
        serving.serve(load_settings(place.installation.settings, {}))
    assert any(problem.endswith("no certificate: was answered") for problem in refusal.value.problems)


@pytest.mark.parametrize("lost", [True, False])
def test_every_signing_key_is_examined_before_anything_listens(
    lost: bool, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the process beside the start; if its word is of none of them, by the one that loads them."""
    skipped: list[bool] = []
    load = seal.load_pem_private_key

    def loading(pem: bytes, password: None, *, unsafe_skip_rsa_key_validation: bool = False) -> object:
        skipped.append(unsafe_skip_rsa_key_validation)
        return load(pem, password, unsafe_skip_rsa_key_validation=unsafe_skip_rsa_key_validation)

    monkeypatch.setattr(seal, "load_pem_private_key", loading)
    monkeypatch.setattr("gateway.exchange.server.serve", lambda *_: None)
    if lost:
        monkeypatch.setattr("gateway.serving._examine", lambda _settings: [["0" * 64]])
    settings = load_settings(place.installation.settings, {})
    serving.serve(settings)
    gc.unfreeze()
    assert skipped == [not lost] * len(settings.signing)


@pytest.mark.parametrize("missed", ["schulentwicklung", "sozialamt", "statistikstelle", "wohnung2000"])
def test_what_any_process_finds_keeps_the_server_from_listening(
    missed: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where two processes share the attack, neither is believed for the other, and each service is tried by one."""
    monkeypatch.setattr("gateway.exchange.server.serve", lambda *_: pytest.fail("listens"))
    monkeypatch.setattr(serving, "_FEW", 1)
    attacked = serving._attack

    def attack(share: Serving) -> Told:
        assert len(share[0]) == len(share[1]) == 2
        return [*attacked(share), *(["passed", name, "all"] for name in share[0] if name == f"{missed}/1")]

    monkeypatch.setattr(serving, "_attack", attack)
    with pytest.raises(SettingsError) as refusal:
        serving.serve(load_settings(place.installation.settings, {}))
    assert list(refusal.value.problems) == [f"self-attack on {missed}/1: all: was answered"]


@pytest.mark.parametrize("count", [1, 8, 9, 50])
def test_whatever_is_served_is_in_one_share(count: int) -> None:
    """Each agreement and each contract is attacked by exactly one process, also one that has not got the other."""
    agreements = dict.fromkeys(map(str, range(count)), cast("Agreement", None))
    contracts = dict.fromkeys(map(str, range(3, count + 3)), cast("Contract", None))
    shares = serving._shares((agreements, contracts, cast("City", None), {}))
    assert len(shares) == (1 if count + 3 <= serving._FEW else 2)
    for part, whole in enumerate((list(agreements), list(contracts))):
        assert sorted(name for share in shares for name in cast("dict[str, object]", share[part])) == sorted(whole)
