"""Every stack verifies answers and faults of both profiles and methods with its own cryptography, and no forged one."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fixtures.make_requests import SOAP11, SOAP12
from gateway.wire.seal import Method, Profile
from tests.interop.calling import House, as_soap12, sample
from tests.interop.forging import by_another_key, forgeries
from tests.interop.matrix import Matrix
from tests.interop.stacks import SEALS, STACKS, Message, Seal
from tests.interop.verifiers import WSU

RSA: Method = "rsa-sha256"
ECDSA: Method = "ecdsa-p256-sha256"
KEYS = {RSA: "rsa", ECDSA: "ec"}
EVERY: tuple[tuple[Profile, Method], ...] = (("umschlag", RSA), ("wsse", RSA), ("umschlag", ECDSA), ("wsse", ECDSA))
ASKED = [("good", "dienstauskunft"), ("good", "bestandAbrufen"), ("bad", "malformed"), ("bad", "unknown-person")]


@dataclass
class Sealed:
    """What was signed in one way: sound answers, and forged ones by the name of the forgery."""

    certificate: Path
    sound: list[Message] = field(default_factory=list)
    forged: list[Message] = field(default_factory=list)


Answers = Mapping[tuple[Profile, Method], Sealed]


@pytest.fixture(scope="module")
def answers(house: House, variant: House, tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """Answers and faults in both SOAP versions, for each profile and method, and what forgers make of them."""
    folder = tmp_path_factory.mktemp("answers")
    places = ((house, "wohnung2000"), (house, "sozialamt"), (variant, "schulentwicklung"), (variant, "wohnung2000"))
    return {
        way: _sealed(one, application, way, folder, variant if one is house else house)
        for way, (one, application) in zip(EVERY, places, strict=True)
    }


def _sealed(house: House, application: str, way: tuple[Profile, Method], folder: Path, other: House) -> Sealed:
    profile, method = way
    signing = house.running.folder / "signing"
    found = Sealed(signing / f"{KEYS[method]}.pem")
    stem = f"{profile}-{KEYS[method]}"
    for kind, name in ASKED:
        message = sample(application, kind, name)
        for version, asked in (("11", message), ("12", as_soap12(message))):
            raw = house.post(application, asked).raw
            found.sound.append((profile, _written(folder / f"{stem}-{name}-{version}.xml", raw)))
            if name == "dienstauskunft":
                foreign = [other.running.folder / "signing" / f"{KEYS[method]}.{end}" for end in ("key", "pem")]
                forged = dict(forgeries(raw, profile, found.certificate))
                forged["another_key"] = by_another_key(raw, profile, method, *foreign)
                paths = ((f"{stem}-{version}-{forgery}.xml", content) for forgery, content in forged.items())
                found.forged += [(profile, _written(folder / path, content)) for path, content in paths]
    return found


def _written(path: Path, raw: bytes) -> Path:
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize("seal", SEALS, ids=lambda seal: seal.name)
def test_every_stack(seal: Seal, answers: Answers, matrix: Matrix, tmp_path: Path) -> None:
    """What the house signed is believed, in all four ways; no forgery, no other key and no other profile is."""
    stacks = [stack.name for stack in STACKS if stack.seal is seal]
    for (profile, method), sealed in answers.items():
        told = [matrix.signature(stack, profile, method) for stack in stacks]
        if method == ECDSA and not seal.curves:
            with pytest.raises(AssertionError, match="Cannot decode public key"):
                seal.verify(sealed.certificate, sealed.sound[:1], tmp_path)
            for one in told:
                one.cannot()
            continue
        swapped: list[Message] = [("wsse" if p == "umschlag" else "umschlag", path) for p, path in sealed.sound]
        verdicts = seal.verify(sealed.certificate, [*sealed.sound, *sealed.forged, *swapped], tmp_path)
        believed = [path.name for (_, path), yes in zip(sealed.sound, verdicts, strict=False) if yes]
        assert believed == [path.name for _, path in sealed.sound]
        rest = zip([*sealed.forged, *swapped], verdicts[len(sealed.sound) :], strict=True)
        assert [(asked, path.name) for (asked, path), yes in rest if yes] == []
        for one in told:
            one.works()


def test_xmlsec1(answers: Answers) -> None:
    """The command line of libxmlsec1 accepts each answer with its certificate, and no changed or foreign one."""
    for sealed in answers.values():
        assert all(_xmlsec1(profile, path, sealed.certificate) for profile, path in sealed.sound)
        for forgery in ("changed_body", "another_key"):
            wrong = [(profile, path) for profile, path in sealed.forged if path.stem.endswith(forgery)]
            assert len(wrong) == 2
            assert not any(_xmlsec1(profile, path, sealed.certificate) for profile, path in wrong)


def _xmlsec1(profile: str, path: Path, certificate: Path) -> bool:
    command = ["xmlsec1", "--verify", "--pubkey-cert-pem", str(certificate), "--enabled-key-data", "key-name"]
    if profile == "wsse":
        soap = SOAP12 if SOAP12.encode() in path.read_bytes() else SOAP11
        command += ["--id-attr:Id", f"{soap}:Body", "--id-attr:Id", f"{WSU.strip('{}')}:Timestamp"]
    return subprocess.run([*command, str(path)], capture_output=True, timeout=60, check=False).returncode == 0
