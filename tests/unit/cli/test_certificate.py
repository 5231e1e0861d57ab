"""`gateway certificate`: nothing is put in place that would be refused, and what was there is kept."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from gateway.cli.main import cli
from gateway.errors import SettingsError
from gateway.exchange.tls import context_for
from gateway.wire import certificates, issuing
from gateway.wire.issuing import Issued, Term
from tests.unit.place import NOW, Place


def run(place: Place, *arguments: str) -> Result:
    given = ["certificate", *arguments, "--settings", str(place.folder / "settings.toml")]
    return CliRunner().invoke(cli, given, env={"COLUMNS": "250"})


def term(days: int = 90, start: int = -1) -> Term:
    return Term(NOW + timedelta(days=start), days, int.from_bytes(os.urandom(15), "big") | 1)


def authority(place: Place) -> Issued:
    tls = place.folder / "tls"
    return issuing.load(tls / "ca.key", tls / "ca.pem")


def another() -> Issued:
    return issuing.authority("Other", term())


def written(place: Place, issued: Issued) -> Path:
    path = place.folder / "new.pem"
    path.write_bytes(issued.certificate_pem)
    path.with_suffix(".key").write_bytes(issued.key_pem)
    return path


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.certificate.now", lambda: NOW)


def test_every_certificate_is_listed(place: Place) -> None:
    """Those of server, CA, signatures and approvers, each with its pin."""
    told = run(place, "list").stdout
    for use in ("server", "client CA", "signing rsa-sha256", "signing ecdsa-p256-sha256", "approver abgebende-stelle"):
        assert use in told
    assert certificates.fingerprint_of(certificates.load(place.folder / "tls" / "server.pem")) in told


def test_a_good_one_is_accepted(place: Place) -> None:
    """For each use, one that the gateway itself would take."""
    tls = place.folder / "tls"
    for path, use in (
        (tls / "server.pem", "server"),
        (tls / "ca.pem", "authority"),
        (place.folder / "signing" / "rsa.pem", "signing"),
        (place.folder / "clients" / "wohnung2000.pem", "client"),
    ):
        result = run(place, "test", str(path), "--as", use)
        assert (result.exit_code, f"accepted as {use}" in result.stdout) == (0, True), result.output
    given = ("test", str(place.folder / "clients" / "wohnung2000.pem"), "--as", "client", "--application")
    assert "pinned     for wohnung2000" in run(place, *given, "wohnung2000").stdout
    assert "not yet" in run(place, *given, "sozialamt").stdout
    assert "no agreement" in run(place, *given, "nobody").stdout


@pytest.mark.parametrize(
    ("use", "spoilt", "said"),
    [
        ("server", lambda ca: issuing.server(ca, "s", term(), names=["elsewhere.example"]), "it is not for localhost"),
        ("server", lambda ca: issuing.client(ca, "s", term()), "does not allow it to serve TLS"),
        ("server", lambda ca: issuing.server(ca, "s", term(5, -10)), "it is expired"),
        ("client", lambda ca: issuing.client(ca, "c", term(5, 3)), "it is not yet valid"),
        ("client", lambda ca: issuing.server(ca, "c", term()), "not one for client authentication"),
        (
            "client",
            lambda _: issuing.client(issuing.authority("Other", term()), "c", term()),
            "none of the authorities",
        ),
        ("signing", lambda ca: ca, "does not allow digital signatures"),
        ("authority", lambda ca: issuing.client(ca, "c", term()), "no certificate authority"),
    ],
)
def test_what_speaks_against_it_is_told(place: Place, use: str, spoilt: object, said: str) -> None:
    """One thing is wrong with each, and it is named; exit 2, and it cannot be installed."""
    issued: Issued = spoilt(authority(place))  # type: ignore[operator]  # a lambda
    result = run(place, "test", str(written(place, issued)), "--as", use)
    assert result.exit_code == 2
    assert said in "".join(line for line in result.stdout.splitlines() if line.startswith("FAILS"))
    assert "would be accepted" not in result.stdout


def test_a_new_one_takes_the_place_of_the_old(place: Place) -> None:
    """Request, signature by the CA, rehearsal, installation: the server's context loads it, the old pair is kept."""
    tls = place.folder / "tls"
    before = {name: (tls / name).read_bytes() for name in ("server.pem", "server.key")}
    assert run(place, "request", "server").exit_code == 0
    day = NOW.date().isoformat()
    request = x509.load_pem_x509_csr((tls / f"server-{day}.csr").read_bytes())
    assert (tls / f"server-{day}.key").stat().st_mode & 0o777 == 0o600
    file = place.folder / "signed.pem"
    file.write_bytes(_signed(request, authority(place)))
    given = ("install", "server", str(file), "--key", str(tls / f"server-{day}.key"))
    assert run(place, *given, "--dry-run").exit_code == 0
    assert (tls / "server.pem").read_bytes() == before["server.pem"]
    result = run(place, *given)
    assert result.exit_code == 0, result.output
    assert (tls / "server.pem").read_bytes() == file.read_bytes()
    assert (tls / "server.key").stat().st_mode & 0o777 == 0o600
    assert {name: (tls / f"server-until-{day}{name[6:]}").read_bytes() for name in before} == before
    assert context_for(place.settings.server) is not None
    assert run(place, *given).exit_code == 0  # again: what was kept first stays
    assert (tls / f"server-until-{day}.key").read_bytes() == before["server.key"]


@pytest.mark.parametrize(("mode", "after"), [(0o640, 0o640), (0o604, 0o600)])
def test_the_server_can_still_read_its_key(place: Place, mode: int, after: int) -> None:
    """Owner, group and mode stay; nobody else may read the key, also if it lay in one file with its certificate."""
    tls, new = place.folder / "tls", written(place, issuing.server(authority(place), "s", term()))
    (tls / "server.key").chmod(mode)
    with suppress(PermissionError):
        os.chown(tls / "server.key", 12345, 12346)
    before = (tls / "server.key").stat()
    both = place.folder / "both.pem"
    both.write_bytes(new.read_bytes() + new.with_suffix(".key").read_bytes())
    assert run(place, "install", "server", str(both), "--key", str(both)).exit_code == 0
    found = (tls / "server.key").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (before.st_uid, before.st_gid, after)
    assert (tls / "server.pem").read_bytes() == new.read_bytes()


def test_what_would_be_refused_is_not_installed(place: Place) -> None:
    """A certificate for another host, or a key that is another's: nothing is changed."""
    tls = place.folder / "tls"
    before = {path: path.read_bytes() for path in tls.iterdir()}
    other = written(place, issuing.server(authority(place), "s", term(), names=["elsewhere.example"]))
    result = run(place, "install", "server", str(other), "--key", str(other.with_suffix(".key")))
    assert isinstance(result.exception, SettingsError)
    good = written(place, issuing.server(authority(place), "s", term()))
    result = run(place, "install", "server", str(good), "--key", str(tls / "server.key"))
    assert isinstance(result.exception, SettingsError)
    assert {path: path.read_bytes() for path in tls.iterdir()} == before


def test_a_certificate_that_is_not_there_cannot_be_renewed(place: Place) -> None:
    """The simulated source needs none."""
    assert run(place, "request", "source").exit_code == 2


def _signed(request: x509.CertificateSigningRequest, issuer: Issued) -> bytes:
    """What a city's CA would make of the request: its names are the request's."""
    assert request.is_signature_valid
    during = term()
    builder = x509.CertificateBuilder(extensions=list(request.extensions)).subject_name(request.subject)
    builder = builder.issuer_name(issuer.certificate.subject).public_key(request.public_key())
    builder = builder.serial_number(during.serial).not_valid_before(during.start)
    builder = builder.not_valid_after(during.start + timedelta(days=during.days))
    return builder.sign(issuer.key, SHA256()).public_bytes(Encoding.PEM)
