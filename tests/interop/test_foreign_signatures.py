"""xmlsec1 and the JDK's own XML signature API verify answers and faults of both profiles, and refuse changed ones."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from fixtures.make_requests import SOAP11, SOAP12
from tests.interop.calling import House, as_soap12, sample
from tests.interop.stacks import FOREIGN, compile_java, run
from tests.interop.verifiers import PROFILES, WSU
from tests.running import APPLICATIONS

ASKED = [("good", "dienstauskunft"), ("good", "bestandAbrufen"), ("bad", "malformed"), ("bad", "unknown-person")]


@pytest.fixture(scope="module")
def answers(house: House, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Path]]:
    """Profile and file of answers and faults of every application in both SOAP versions."""
    folder = tmp_path_factory.mktemp("answers")
    found = []
    for application in APPLICATIONS:
        for kind, name in ASKED:
            message = house.filled(application, sample(application, kind, name))
            for version, asked in (("11", message), ("12", as_soap12(message))):
                path = folder / f"{application}-{name}-{version}.xml"
                path.write_bytes(house.post(application, asked).raw)
                found.append((PROFILES[application], path))
    return found


@pytest.fixture(scope="module")
def changed(answers: list[tuple[str, Path]]) -> list[tuple[str, Path]]:
    """The same messages, each with one letter of its signed part changed."""
    return [(profile, _changed(path)) for profile, path in answers]


def test_xmlsec1(house: House, answers: list[tuple[str, Path]], changed: list[tuple[str, Path]]) -> None:
    """The command line of libxmlsec1 accepts each answer with the signing certificate, and no changed one."""
    signing = house.running.installation.signing_certificate
    assert all(_xmlsec1(profile, path, signing) for profile, path in answers)
    assert not any(_xmlsec1(profile, path, signing) for profile, path in changed)


def test_the_jdk(
    house: House, answers: list[tuple[str, Path]], changed: list[tuple[str, Path]], tmp_path: Path
) -> None:
    """javax.xml.crypto accepts each answer with the signing certificate, and no changed or foreign one."""
    signing = house.running.installation.signing_certificate
    other = house.running.installation.clients["sozialamt"][0]
    compile_java(tmp_path, ".", FOREIGN / "java" / "Seal.java", FOREIGN / "java" / "Verify.java")
    assert _jdk(tmp_path, signing, answers) == ["true"] * len(answers)
    assert _jdk(tmp_path, signing, changed) == ["false"] * len(changed)
    assert _jdk(tmp_path, other, answers) == ["false"] * len(answers)
    swapped = [("wsse" if profile == "umschlag" else "umschlag", path) for profile, path in answers]
    assert _jdk(tmp_path, signing, swapped) == ["false"] * len(swapped)


def test_elliptic_curve_signatures(variant: House, tmp_path: Path) -> None:
    """Both read answers that are signed with ECDSA P-256."""
    path = tmp_path / "answer.xml"
    path.write_bytes(variant.post("schulentwicklung", sample("schulentwicklung", "good", "dienstauskunft")).raw)
    signing = variant.running.folder / "signing" / "ec.pem"
    compile_java(tmp_path, ".", FOREIGN / "java" / "Seal.java", FOREIGN / "java" / "Verify.java")
    assert _xmlsec1("umschlag", path, signing)
    assert _jdk(tmp_path, signing, [("umschlag", path)]) == ["true"]


def _changed(path: Path) -> Path:
    raw = path.read_bytes()
    before = b"<meldung>" if b"<meldung>" in raw else b"<epoche>"
    assert before in raw
    copy = path.with_suffix(".changed.xml")
    copy.write_bytes(raw.replace(before, before + b"0", 1))
    return copy


def _xmlsec1(profile: str, path: Path, certificate: Path) -> bool:
    command = ["xmlsec1", "--verify", "--pubkey-cert-pem", str(certificate), "--enabled-key-data", "key-name"]
    if profile == "wsse":
        soap = SOAP12 if SOAP12.encode() in path.read_bytes() else SOAP11
        command += ["--id-attr:Id", f"{soap}:Body", "--id-attr:Id", f"{WSU.strip('{}')}:Timestamp"]
    return subprocess.run([*command, str(path)], capture_output=True, timeout=60, check=False).returncode == 0


def _jdk(classes: Path, certificate: Path, messages: Sequence[tuple[str, Path]]) -> list[str]:
    asked = [f"{profile}={path}" for profile, path in messages]
    return run(["java", "-cp", str(classes), "Verify", str(certificate), *asked]).split()
