"""Offices sign with the `openssl` program, and it verifies what we sign: RFC 5652 as others read it."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import ApprovalRefused
from gateway.shipped import schemas
from gateway.wire import cms

AGREEMENT = schemas() / "wohnung2000" / "agreement.toml"
KEYS = {
    "rsa": ("-newkey", "rsa:3072"),
    "p256": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
    "p384": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"),
}


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


@pytest.fixture(params=KEYS)
def office(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """Key and certificate, both made by openssl."""
    key, certificate = tmp_path / "amt.key", tmp_path / "amt.pem"
    subject = ("-subj", "/O=Stadt/CN=Datenschutz", "-addext", "keyUsage=critical,digitalSignature")
    openssl("req", "-x509", "-nodes", *KEYS[request.param], "-keyout", key, "-out", certificate, *subject, "-days", "9")
    return key, certificate


SIGN = {
    "cms DER": ("cms", "-outform", "DER"),
    "cms PEM": ("cms", "-outform", "PEM"),
    "cms SHA-512": ("cms", "-outform", "DER", "-md", "sha512"),
    "cms key identifier": ("cms", "-outform", "DER", "-keyid"),
    "smime DER": ("smime", "-outform", "DER"),
    "smime PEM": ("smime", "-outform", "PEM"),
}


def signed(office: tuple[Path, Path], program: str, *options: str, to: Path) -> bytes:
    key, certificate = office
    given = ("-sign", "-binary", "-in", AGREEMENT, "-signer", certificate, "-inkey", key, "-out", to)
    openssl(program, *given, *options)
    return to.read_bytes()


@pytest.mark.parametrize("form", SIGN)
def test_what_openssl_signs_counts(office: tuple[Path, Path], form: str, tmp_path: Path) -> None:
    """Every form in which an office is told to sign is an approval of exactly these bytes, and of no others."""
    signature = signed(office, *SIGN[form], to=tmp_path / "x.p7s")
    trusted = {cms.load_signer(office[1]).fingerprint}
    assert cms.verify_detached(signature, AGREEMENT.read_bytes(), trusted).name == "CN=Datenschutz,O=Stadt"
    with pytest.raises(ApprovalRefused, match="other bytes"):
        cms.verify_detached(signature, AGREEMENT.read_bytes() + b"\n", trusted)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        (("-outform", "DER", "-nodetach"), "detached"),
        (("-outform", "DER", "-noattr"), "no signed attributes|strict DER"),
        (("-outform", "DER", "-nocerts"), "exactly once"),
        (("-outform", "SMIME"), "S/MIME"),
        (("-outform", "DER", "-md", "sha1"), "only SHA-256"),
        (("-outform", "DER", "-stream"), "strict DER"),
    ],
)
def test_other_forms_are_refused(
    office: tuple[Path, Path], options: tuple[str, ...], rule: str, tmp_path: Path
) -> None:
    """Attached content, no attributes, no certificate, mail form, SHA-1, indefinite lengths: refused by their name."""
    signature = signed(office, "cms", *options, to=tmp_path / "x.p7s")
    with pytest.raises(ApprovalRefused, match=rule):
        cms.verify_detached(signature, AGREEMENT.read_bytes(), {cms.load_signer(office[1]).fingerprint})


def test_openssl_verifies_what_we_sign(office: tuple[Path, Path], tmp_path: Path) -> None:
    """`openssl cms -verify` accepts our signature over the file, and refuses it over another."""
    path = tmp_path / "ours.p7s"
    path.write_bytes(cms.sign_detached(AGREEMENT.read_bytes(), cms.load_pair(*office)))
    verify = ("cms", "-verify", "-binary", "-inform", "DER", "-in", path, "-CAfile", office[1], "-purpose", "any")
    openssl(*verify, "-content", AGREEMENT, "-out", tmp_path / "content")
    assert (tmp_path / "content").read_bytes() == AGREEMENT.read_bytes()
    with pytest.raises(subprocess.CalledProcessError):
        openssl(*verify, "-content", office[1], "-out", tmp_path / "content")


def test_the_clock_of_the_signer_decides_nothing(office: tuple[Path, Path], tmp_path: Path) -> None:
    """The certificate's term is told to health and not judged here: there is no trusted time in a signature."""
    signature = signed(office, "cms", "-outform", "DER", to=tmp_path / "x.p7s")
    signer = cms.verify_detached(signature, AGREEMENT.read_bytes(), {cms.load_signer(office[1]).fingerprint})
    assert signer.valid_from <= datetime.now(UTC) <= signer.valid_to
