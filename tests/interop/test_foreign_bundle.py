"""The offline bundle: unpacked anywhere, checked by sha256sum, installed without an index, and at work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"
WITHOUT_NETWORK = {
    "http_proxy": NOWHERE,
    "https_proxy": NOWHERE,
    "no_proxy": "127.0.0.1,localhost",
    "PIP_NO_INDEX": "1",
}
"""Whoever asks for anything outside this machine runs into a closed door."""


def run(*command: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The command's result; not our own environment's packages, and no settings of pip but those given."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "VIRTUAL_ENV", "PIP_"))}
    return subprocess.run(
        command, env={**kept, **(more or {})}, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as it arrives at a machine without a network."""
    made = subprocess.run(
        [str(ROOT / ".ci" / "bundle.sh")],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    folder = tmp_path_factory.mktemp("offline")
    with tarfile.open(ROOT / "build" / "fldm-gateway-bundle.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "bundle"


def alone(script: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The script in a network namespace of its own, where there is nothing but its loopback address."""
    unshare = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    more = {**variables, "PATH": f"{os.environ['PATH']}:/sbin"}
    return run(*unshare, "bash", "-euo", "pipefail", "-c", f"ip link set lo up\n{script}", more=more)


@pytest.fixture(scope="module")
def program(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sh install.sh FOLDER` makes where there is no network at all."""
    folder = tmp_path_factory.mktemp("installed") / "gateway"
    done = alone('sh "$BUNDLE/install.sh" "$ORDNER"', BUNDLE=str(bundle), ORDNER=str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "bin"


def test_it_installs_and_works_without_a_network(program: Path, tmp_path: Path) -> None:
    """What was installed passes the demo, and asks for nothing from outside."""
    demo = ("demo", "--once", "--persons", "40", "--dir", str(tmp_path / "demo"))
    shown = run(str(program / "gateway"), *demo, more=WITHOUT_NETWORK)
    assert shown.returncode == 0, shown.stderr
    assert "signature verified" in shown.stdout


SERVED = """
PATH="$PROGRAMM:$PATH"
gateway init "$ORDNER/betrieb"
export GATEWAY_SETTINGS="$ORDNER/betrieb/settings.toml"
gateway probe init > "$ORDNER/probe"
sed -n '/^.probe.$/,$p' "$ORDNER/probe" >> "$GATEWAY_SETTINGS"
gateway settings check
gateway serve 2> "$ORDNER/log" & server=$!
for try in $(seq 60); do gateway health --check workers > "$ORDNER/last" && break; done
gateway health --format json --check server --check workers --check probe
gateway demo --once --persons 40 --dir "$ORDNER/demo"
kill $server
wait $server
"""
"""What the handbook says, on a machine with no network but its loopback address."""


def test_it_serves_where_there_is_no_network_at_all(program: Path, tmp_path: Path) -> None:
    """In a network namespace of its own: started, asked by its own probe and by the demo's client."""
    done = alone(SERVED, PROGRAMM=str(program), ORDNER=str(tmp_path))
    assert done.returncode == 0, (done.stdout, done.stderr)
    told = json.loads(done.stdout[done.stdout.index("{\n") : done.stdout.index("\n}\n") + 3])
    assert told["state"] == "OK"
    assert {one["check"] for one in told["checks"]} >= {"server", "workers", "probe"}
    assert "signature verified" in done.stdout


def test_a_changed_file_is_not_installed(bundle: Path, tmp_path: Path) -> None:
    """One changed byte in any wheel, and nothing is installed."""
    wheel = next((bundle / "wheels").glob("fldm_gateway-*.whl"))
    sound = wheel.read_bytes()
    try:
        wheel.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
        assert run("sh", str(bundle / "install.sh"), str(tmp_path / "gateway"), more=WITHOUT_NETWORK).returncode != 0
        assert not (tmp_path / "gateway").exists()
    finally:
        wheel.write_bytes(sound)


def test_the_bill_of_materials_names_every_wheel(bundle: Path) -> None:
    """CycloneDX: every package in the bundle, with version and licence, and none besides but pip's own."""
    bill = json.loads((bundle / "sbom.cdx.json").read_text("utf-8"))
    named = {one["name"].lower().replace("-", "_").replace(".", "_"): one["version"] for one in bill["components"]}
    wheels = dict(path.name.split("-")[:2] for path in (bundle / "wheels").glob("*.whl"))
    assert bill["bomFormat"] == "CycloneDX"
    assert {key.lower().replace(".", "_"): version for key, version in wheels.items()}.items() <= named.items()
    assert set(named) - {key.lower().replace(".", "_") for key in wheels} <= {"pip", "setuptools"}
    assert [one["name"] for one in bill["components"] if not one.get("licenses")] == []
