"""A sandbox is complete whenever somebody asked for it, and nothing else ever becomes one."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from gateway import serving, shipped
from gateway.agreements.approval import Trust, problems
from gateway.agreements.load import load_every
from gateway.cli.installation import Plan, create
from gateway.cli.sandbox_place import PASSWORD, Wishes, ensure, require_sandbox, sole_use
from gateway.errors import AgreementError, SettingsError
from gateway.settings import load
from gateway.wire import issuing
from gateway.wire.certificates import fingerprint_of, server_names

NOW = datetime(2026, 11, 30, 10, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sandbox, not to be changed."""
    folder = tmp_path_factory.mktemp("sandbox") / "sandbox"
    ensure(folder, now=NOW)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "sandbox")
    return tmp_path / "sandbox"


def contents(folder: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def own_agreements(folder: Path) -> Path:
    """The shipped agreements and one more, `probe`."""
    for path in [shipped.schemas() / "stadt.toml", *shipped.schemas().glob("*/agreement.toml")]:
        copy = folder / path.relative_to(shipped.schemas())
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    text = (folder / "wohnung2000" / "agreement.toml").read_text("utf-8")
    (folder / "probe").mkdir()
    probe = text.replace('"wohnung2000"', '"probe"')
    (folder / "probe" / "agreement.toml").write_text(probe, "utf-8")
    return folder


def test_a_second_time_changes_nothing(folder: Path) -> None:
    """Whoever asks for a complete sandbox again gets the same, byte for byte."""
    before = contents(folder)
    ensure(folder, now=NOW + timedelta(days=1))
    assert contents(folder) == before


def test_what_is_missing_is_made_again(folder: Path) -> None:
    """A lost certificate, key or approval is there again, and what was not lost is the same as before."""
    before = contents(folder)
    lost = ("clients/sozialamt.key", "approvals/wohnung2000/agreement.abgebende-stelle.p7s", "clients/sozialamt.p12")
    for name in lost:
        (folder / name).unlink()
    ensure(folder, now=NOW)
    after = contents(folder)
    assert after.keys() == before.keys()
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {*lost, "clients/sozialamt.pem", "settings.toml"}


def test_begun_anew(folder: Path) -> None:
    """With `fresh` keys of the store and all data are new, and certificates that vendors have copies of are not."""
    (folder / "okvisa.journal").write_text("old", "utf-8")
    before = contents(folder)
    ensure(folder, Wishes(persons=99), now=NOW, fresh=True)
    after = contents(folder)
    lasting = {name for name in before if name.split("/")[0] in ("tls", "clients", "signing", "approvals", "page.key")}
    assert {name: before[name] for name in lasting} == {name: after[name] for name in lasting}
    assert "okvisa.journal" not in after
    assert all(before[name] != after[name] for name in before if name.startswith("keys/"))
    sandbox = load(folder / "settings.toml", {}).sandbox
    assert sandbox is not None
    assert sandbox.persons == 99
    with pytest.raises(SettingsError, match="has 99 persons"):
        ensure(folder, Wishes(persons=100), now=NOW)


def test_begun_anew_after_a_year(folder: Path) -> None:
    """Expired certificates are replaced, too; nobody could use their copies."""
    later = NOW + timedelta(days=364)
    ensure(folder, now=later, fresh=True)
    require_sandbox(folder / "settings.toml", now=later)


def test_reached_from_other_machines(folder: Path) -> None:
    """The server's certificate has the names that others use, beside those of this machine; they last."""
    wished = ensure(folder, Wishes(host="0.0.0.0", names=("sandbox.example", "192.0.2.7")), now=NOW)
    assert wished.plan.public_url == "https://sandbox.example:8443"
    after = ensure(folder, now=NOW)
    certificate = x509.load_pem_x509_certificate((folder / "tls" / "server.pem").read_bytes())
    assert server_names(certificate) == ("sandbox.example", "192.0.2.7", "localhost", "127.0.0.1", "::1")
    settings = load(after.settings, {})
    assert (settings.server.host, settings.server.public_url) == ("0.0.0.0", "https://sandbox.example:8443")
    assert issuing.load(folder / "tls" / "server.key", folder / "tls" / "server.pem").certificate == certificate


def test_one_at_a_time(folder: Path) -> None:
    """Nobody else runs a sandbox in the same folder; when it has ended another may."""
    with sole_use(folder), pytest.raises(SettingsError, match="running already"), sole_use(folder):
        pass
    with sole_use(folder):
        pass


def test_the_lock_is_nobody_elses_file(tmp_path: Path) -> None:
    """A link that somebody has laid beside the folder is not followed: what it leads to stays as it is."""
    (tmp_path / "precious").write_text("Akte", "utf-8")
    (tmp_path / ".sandbox.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(SettingsError, match="cannot be locked"), sole_use(tmp_path / "sandbox"):
        pass
    assert (tmp_path / "precious").read_text("utf-8") == "Akte"


@pytest.mark.parametrize("folder", [".", "..", "/"])
def test_a_folder_without_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str) -> None:
    """The folder in which one stands, and what is above it, becomes no sandbox."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="choose another --dir"), sole_use(Path(folder)):
        pass


def test_a_further_agreement_needs_nothing_else(folder: Path, tmp_path: Path) -> None:
    """An agreement written meanwhile has a pinned certificate and all approvals; the others keep theirs."""
    before = contents(folder)
    schemas = own_agreements(tmp_path / "schemas")
    installation = ensure(folder, Wishes(agreements=schemas, contracts=tmp_path / "wsdl"), now=NOW)
    settings = load(folder / "settings.toml", {})
    certificate = x509.load_pem_x509_certificate(installation.clients["probe"][0].read_bytes())
    assert settings.pins["probe"] == (fingerprint_of(certificate),)
    assert settings.agreements == schemas
    trust = Trust.load(settings.approvals.trusted)
    assert list(problems(load_every(schemas), trust, settings.approvals.folder)) == []
    assert contents(folder)["clients/wohnung2000.pem"] == before["clients/wohnung2000.pem"]


def test_an_agreement_that_is_gone_is_pinned_no_more(folder: Path, tmp_path: Path) -> None:
    """A sandbox starts again after an agreement was thrown away."""
    schemas = own_agreements(tmp_path / "schemas")
    ensure(folder, Wishes(agreements=schemas, contracts=tmp_path / "wsdl"), now=NOW)
    shutil.rmtree(schemas / "probe")
    ensure(folder, now=NOW)
    assert "probe" not in load(folder / "settings.toml", {}).pins


def test_a_wrong_agreement_is_told(folder: Path, tmp_path: Path) -> None:
    """A mistake in an agreement is named, and the sandbox stays as it was."""
    schemas, before = own_agreements(tmp_path / "schemas"), contents(folder)
    (schemas / "probe" / "agreement.toml").write_text("falsch = 1", "utf-8")
    with pytest.raises(AgreementError, match=r"probe/agreement\.toml"):
        ensure(folder, Wishes(agreements=schemas, contracts=tmp_path / "wsdl"), now=NOW)
    assert contents(folder) == before


def test_certificates_for_other_stacks(made: Path) -> None:
    """The .p12 file opens with the printed password and holds key, certificate and CA."""
    bundle = pkcs12.load_pkcs12((made / "clients" / "wohnung2000.p12").read_bytes(), PASSWORD.encode())
    assert bundle.key is not None
    assert bundle.cert is not None
    assert bundle.cert.certificate == x509.load_pem_x509_certificate((made / "clients/wohnung2000.pem").read_bytes())
    assert [one.certificate for one in bundle.additional_certs] == [
        x509.load_pem_x509_certificate((made / "tls" / "ca.pem").read_bytes())
    ]


def test_nothing_is_readable_by_others(made: Path) -> None:
    """Keys, settings and bundles are for their owner only."""
    secret = [path for path in made.rglob("*") if path.suffix in (".key", ".p12") or path.name == "settings.toml"]
    assert len(secret) > 10
    assert {path.stat().st_mode & 0o077 for path in secret} == {0}


def test_a_real_installation_never_becomes_a_sandbox(tmp_path: Path) -> None:
    """What `gateway init` made is refused and left alone, even when somebody writes the section into its settings."""
    folder = tmp_path / "real"
    create(Plan(folder, "127.0.0.1", 8443, "http://127.0.0.1:1/", ["wohnung2000"]), now=NOW)
    before = contents(folder)
    for fresh in (False, True):
        with pytest.raises(SettingsError, match="no sandbox"):
            ensure(folder, now=NOW, fresh=fresh)
    with (folder / "settings.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'[sandbox]\nnumber = "{"0" * 32}"\npersons = 240\nfolder = "."\n')
    for fresh in (False, True):
        with pytest.raises(SettingsError, match="not the CA of this sandbox"):
            ensure(folder, now=NOW, fresh=fresh)
    assert {**contents(folder), "settings.toml": b""} == {**before, "settings.toml": b""}


def test_another_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder with anything in it is no sandbox and stays as it is."""
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "brief.txt").write_text("Akte", "utf-8")
    for fresh in (False, True):
        with pytest.raises(SettingsError, match="not empty and no sandbox"):
            ensure(tmp_path / "sandbox", now=NOW, fresh=fresh)
    assert list(contents(tmp_path / "sandbox")) == ["brief.txt"]


def test_where_nothing_is_no_sandbox_is_either(tmp_path: Path) -> None:
    """Who looks into a sandbox that was never made is told so, and how it is made."""
    with pytest.raises(SettingsError, match=r"there is no sandbox in .*: `gateway serve --sandbox` makes one"):
        require_sandbox(tmp_path / "sandbox" / "settings.toml", now=NOW)


def test_the_ca_of_another_sandbox_is_none(folder: Path) -> None:
    """Number and CA belong to each other: settings that were copied elsewhere are refused."""
    settings = folder / "settings.toml"
    number = load(settings, {}).sandbox
    assert number is not None
    settings.write_text(settings.read_text("utf-8").replace(number.number, "0" * 32), "utf-8")
    with pytest.raises(SettingsError, match="not the CA of this sandbox"):
        require_sandbox(settings, now=NOW)


def test_it_ends_with_its_certificates(folder: Path) -> None:
    """A sandbox that is a year old says that it must be made anew."""
    with pytest.raises(SettingsError, match="--fresh"):
        ensure(folder, now=NOW + timedelta(days=364))


def test_a_killed_beginning_is_no_obstacle(tmp_path: Path) -> None:
    """What was left of a sandbox that was being made when the power went is thrown away."""
    (tmp_path / ".sandbox.partial" / "keys").mkdir(parents=True)
    (tmp_path / ".sandbox.partial" / "keys" / "vault-1.key").write_bytes(b"half")
    ensure(tmp_path / "sandbox", now=NOW)
    assert [path.name for path in tmp_path.iterdir()] == ["sandbox"]


def test_production_refuses_a_sandbox(made: Path) -> None:
    """The production server does not start with the settings of a sandbox."""
    with pytest.raises(SettingsError, match="settings of a sandbox"):
        serving.serve(load(made / "settings.toml", {}))
