"""`gateway agreement new`: from a name alone to everything that vendor, office and sandbox need; never written over."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12
from lxml import etree

from gateway import shipped
from gateway.agreements.approval import Trust, problems
from gateway.agreements.load import load_agreement, load_every
from gateway.agreements.proposals import offices
from gateway.cli.main import cli
from gateway.cli.sandbox_place import PASSWORD
from gateway.contract.samples.messages import Direction
from gateway.errors import GatewayError
from gateway.settings import load as load_settings
from gateway.wire.certificates import fingerprint_of
from tests.unit.place import Place

NAME = "probe"


class Folders:
    """A city without an application, and one sandbox for all the tests of this file."""

    def __init__(self, root: Path, sandbox: Path) -> None:
        self.root, self.sandbox = root, sandbox
        self.schemas, self.wsdl, self.target = root / "schemas", root / "wsdl", root / "anschluss" / NAME
        self.schemas.mkdir()
        self.wsdl.mkdir()
        shutil.copy(shipped.schemas() / "stadt.toml", self.schemas)

    @property
    def agreement(self) -> Path:
        return self.schemas / NAME / "agreement.toml"

    def run(self, *arguments: str, given: str | None = None, name: str = NAME) -> tuple[int, str]:
        """`gateway agreement new`; the exit code and all that was said."""
        place = ("--schemas", str(self.schemas), "--wsdl", str(self.wsdl), "--sandbox", str(self.sandbox))
        folder = ("--folder", str(self.root / "anschluss" / name))
        command = ["agreement", "new", name, *place, *folder, *arguments]
        return self.gateway(*command, given=given)

    def gateway(self, *command: str, given: str | None = None) -> tuple[int, str]:
        result = CliRunner().invoke(cli, command, env={"GATEWAY_SETTINGS": ""}, input=given)
        told = getattr(result.exception, "problems", None) or (str(result.exception),)
        return result.exit_code, result.output + ("\n".join(told) if isinstance(result.exception, GatewayError) else "")

    def everything(self) -> Mapping[str, bytes]:
        return {str(one.relative_to(self.root)): one.read_bytes() for one in self.root.rglob("*") if one.is_file()}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the one sandbox is made by whoever comes first."""
    return tmp_path_factory.mktemp("sandbox") / "sandbox"


@pytest.fixture
def folders(tmp_path: Path, sandbox: Path) -> Folders:
    return Folders(tmp_path, sandbox)


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory, sandbox: Path) -> Folders:
    """What the bare name gives; not to be changed."""
    found = Folders(tmp_path_factory.mktemp("made"), sandbox)
    code, told = found.run()
    assert code == 0, told
    return found


def test_a_name_alone_is_enough(first: Folders) -> None:
    """Without any option and without a terminal: agreement, contract, sandbox, and both commands that check agree."""
    place = ("--schemas", str(first.schemas), "--wsdl", str(first.wsdl))
    assert first.gateway("contract", "check", *place) == (0, "every contract is what model and agreements give\n")
    code, told = first.gateway("agreement", "check", "--dir", str(first.schemas))
    assert (code, told) == (0, "probe/1: 43 fields, 8 operations, ENTWURF-probe\n")
    assert "56 - Amt für Wohnungswesen" in first.gateway("agreement", "explain", NAME, "--dir", str(first.schemas))[1]


def test_the_sandbox_serves_it(first: Folders) -> None:
    """The sandbox trusts its approvals of the new agreement, and pins the certificate that the vendor has."""
    settings = load_settings(first.sandbox / "settings.toml", {})
    trust = Trust.load(settings.approvals.trusted)
    assert list(problems(load_every(first.schemas), trust, settings.approvals.folder)) == []
    certificate = x509.load_pem_x509_certificate((first.target / "hersteller/zertifikat/client.pem").read_bytes())
    assert settings.pins[NAME] == (fingerprint_of(certificate),)


def test_the_certificate_comes_with_what_it_needs(first: Folders) -> None:
    """Key and bundle belong to the certificate, the CA and the signer are the sandbox's, keys are the owner's alone."""
    folder = first.target / "hersteller" / "zertifikat"
    settings = load_settings(first.sandbox / "settings.toml", {})
    bundle = pkcs12.load_pkcs12((folder / "client.p12").read_bytes(), PASSWORD.encode())
    assert bundle.cert is not None
    assert bundle.cert.certificate == x509.load_pem_x509_certificate((folder / "client.pem").read_bytes())
    assert (folder / "ca.pem").read_bytes() == settings.server.client_ca.read_bytes()
    assert (folder / "signatur.pem").read_bytes() == settings.signing["rsa-sha256"].certificate.read_bytes()
    assert {path.stat().st_mode & 0o077 for path in folder.iterdir() if path.suffix in (".key", ".p12")} == {0}


def test_the_signer_is_that_of_the_method(folders: Folders) -> None:
    """Who is answered with ECDSA gets the certificate to verify ECDSA with."""
    assert folders.run("--method", "ecdsa-p256-sha256")[0] == 0
    settings = load_settings(folders.sandbox / "settings.toml", {})
    signer = (folders.target / "hersteller" / "zertifikat" / "signatur.pem").read_bytes()
    assert signer == settings.signing["ecdsa-p256-sha256"].certificate.read_bytes()


def test_every_message_is_in_the_index(first: Folders) -> None:
    """Each XML file is listed once with rule and path, and what is listed is there; the README names each, too."""
    folder = first.target / "hersteller" / "nachrichten"
    index = json.loads((folder / "verzeichnis.json").read_text("utf-8"))
    files = {str(path.relative_to(folder)) for path in folder.rglob("*.xml")}
    assert {one["file"] for one in index} == files
    assert len(index) == len(files)
    assert {one["direction"] for one in index} == {direction.value for direction in Direction}
    readme = (folder / "README.md").read_text("utf-8")
    for one in index:
        assert bool(one["rule"]) == bool(one["path"]) == one["file"].startswith("ungueltig/")
        if one["rule"] and one["rule"] != "nicht-wohlgeformt":
            root = etree.parse(folder / one["file"], etree.XMLParser(resolve_entities=False)).getroot()
            assert len(root.xpath(one["path"])) == 1, one["file"]
    assert readme.count("\n| ") >= len(files)


def test_the_contract_goes_to_the_sandbox(first: Folders) -> None:
    """Both WSDLs carry the address of the sandbox, and the schema is the published one."""
    folder, public = first.target / "hersteller", load_settings(first.sandbox / "settings.toml", {}).server.public_url
    for ending in ("wsdl", "soap11.wsdl"):
        told = (folder / "wsdl" / f"probe-1.{ending}").read_text("utf-8")
        assert f'location="{public}/soap/probe/1"' in told
        assert "gateway.invalid" not in told
    assert (folder / "xsd" / "probe-1.xsd").read_bytes() == (first.schemas / NAME / "probe-1.xsd").read_bytes()


def test_the_same_is_written_again(first: Folders, folders: Folders) -> None:
    """Law 7: a second time, elsewhere, every file is the same, byte for byte; the certificate is the sandbox's."""
    assert folders.run("--yes")[0] == 0
    assert folders.everything() == first.everything()


def test_nothing_is_written_over(first: Folders, tmp_path: Path) -> None:
    """A name that is there already is refused, whichever part of it is there, and all stays as it is."""
    before = first.everything()
    code, told = first.run()
    assert code == 2
    assert "nothing is ever written over" in told
    assert first.everything() == before
    other = Folders(tmp_path, first.sandbox)
    other.target.mkdir(parents=True)
    assert other.run()[0] == 2
    assert not other.agreement.exists()


@pytest.mark.parametrize("name", ["Probe", "1probe", "p", "pro-be", "pro be", "../probe", "probé", "p" * 41, "okvisa"])
def test_a_bad_name_is_refused(folders: Folders, name: str) -> None:
    """A name that no agreement may have, or that the house has taken, is refused before anything is written."""
    before = folders.everything()
    code, told = folders.gateway(
        "agreement", "new", name, "--schemas", str(folders.schemas), "--wsdl", str(folders.wsdl), "--yes",
        "--folder", str(folders.target), "--sandbox", str(folders.sandbox),
    )  # fmt: skip
    assert code == 2
    assert name in told
    assert folders.everything() == before


@pytest.mark.parametrize("link", ["schemas/probe", "wsdl/probe-1.wsdl", "anschluss/probe"])
def test_nothing_is_written_through_a_link(folders: Folders, link: str) -> None:
    """A link of the name that leads to nothing is there, too: nothing is made where it leads, and it stays."""
    path = folders.root / link
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(folders.root / "elsewhere")
    before = folders.everything()
    assert folders.run()[0] == 2
    assert path.is_symlink()
    assert not path.exists()
    assert folders.everything() == before


def test_octets_that_are_no_text_are_refused(folders: Folders) -> None:
    """What a shell passes on undecoded is a mistake of the caller, and told as one."""
    code, told = folders.run("--title", "Amt \udcff")
    assert code == 2
    assert "no text in UTF-8" in told
    assert not folders.agreement.exists()


def test_what_an_unsigned_agreement_does_is_said(folders: Folders) -> None:
    """A draft in the folder of an installation keeps it from starting again: whoever writes one there is told."""
    code, told = folders.run()
    assert code == 0
    assert f"until all roles have signed it no gateway starts with {folders.schemas}" in told


@pytest.mark.parametrize("office", offices())
def test_every_office_has_its_application(folders: Folders, office: str) -> None:
    """For each column of the matrix with single persons: loads, is checked, and grants what the skeleton proposes."""
    code, told = folders.run("--office", office)
    assert code == 0, told
    place = ("--schemas", str(folders.schemas), "--wsdl", str(folders.wsdl))
    assert folders.gateway("agreement", "check", "--dir", str(folders.schemas))[0] == 0
    assert folders.gateway("contract", "check", *place)[0] == 0
    assert load_agreement(folders.agreement).recipient == office
    sheet = (folders.target / "freigabe" / "freigabeblatt-probe.md").read_text("utf-8")
    for path in load_agreement(folders.agreement).fields:
        assert f"| {path} |" in sheet


def test_statistics_is_refused(folders: Folders) -> None:
    """Of the eighth column no single person may be told: it is not offered."""
    code, told = folders.run("--office", "ST15")
    assert code == 2
    assert "ST15" in told
    assert not folders.agreement.exists()


def test_options_are_what_stands_there(folders: Folders) -> None:
    """Every option is found in the agreement, and what none of them says is the proposal."""
    code, told = folders.run(
        "--office", "S50", "--title", 'Amt "50"', "--reference", "DSV-2026-050", "--purpose", "Prüfung",
        "--use", "P1=Erste", "--use", "P2=Zweite", "--norm", "AsylbLG § 11 Abs. 3", "--norm", "SGB X § 67a",
        "--fields", "familienname,vornamen,geburt", "--fields", "lichtbild",
        "--operations", "dienstauskunft,personAbrufen", "--from", "2026-01-01", "--until", "2026-12-31",
        "--signature", "wsse", "--method", "ecdsa-p256-sha256",
    )  # fmt: skip
    assert code == 0, told
    one = load_agreement(folders.agreement)
    assert (one.office, one.reference, one.purpose) == ('Amt "50"', "DSV-2026-050", "Prüfung")
    assert dict(one.purposes) == {"P1": "Erste", "P2": "Zweite"}
    assert one.legal_bases == ("AsylbLG § 11 Abs. 3", "SGB X § 67a")
    assert {"familienname", "geburt.ort", "lichtbild"} <= set(one.fields)
    assert one.single_only == {"lichtbild"}
    assert [operation.value for operation in one.operations] == ["dienstauskunft", "personAbrufen"]
    assert (one.valid_from.isoformat(), one.valid_to.isoformat()) == ("2026-01-01", "2026-12-31")
    assert (one.signature_profile, one.signature_method) == ("wsse", "ecdsa-p256-sha256")


def test_whoever_is_asked_decides(folders: Folders) -> None:
    """On a terminal each thing that no option says is asked, with the proposal as the answer to Enter."""
    code, told = folders.run("--ask", given="J51\n\nInobhutnahme\n2026-12-31\nwsse\n")
    assert code == 0, told
    one = load_agreement(folders.agreement)
    assert (one.recipient, one.office) == ("J51", "51 - Amt für Kinder, Jugend und Familie")
    assert (one.purpose, one.valid_to.isoformat(), one.signature_profile) == ("Inobhutnahme", "2026-12-31", "wsse")


def test_an_application_like_another(folders: Folders) -> None:
    """`--like` takes over another application's agreement; what the matrix forbids the new office is left out, said."""
    assert folders.run("--office", "S50", name="vorbild")[0] == 0
    code, told = folders.run("--like", "vorbild", "--office", "B40")
    assert code == 0, told
    assert "left out: azrNummer (the release matrix does not let B40 have it)" in told
    assert load_agreement(folders.agreement).recipient == "B40"
    code, told = folders.run("--like", "nirgends", name="anders")
    assert code == 2
    assert "no agreement for nirgends" in told


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--fields", "familienstand"), "familienstand: W56 may not have it"),
        (("--fields", "vorname"), "vorname is no field"),
        (("--operations", "loeschen"), "loeschen is no operation"),
        (("--operations", "aenderungenAbrufen"), "belong together"),
        (("--use", "ohneText"), "KEY=TEXT"),
        (("--until", "2020-01-01"), "gueltig_bis is before gueltig_von"),
        (("--title", "a\u202eb"), "cannot be seen"),
        (("--office", "S50", "--fields", "lichtbild", "--operations", "dienstauskunft"), "needs single queries"),
    ],
)
def test_what_is_wrong_leaves_nothing_behind(folders: Folders, options: tuple[str, ...], reason: str) -> None:
    """A mistake is named, and not a file is written."""
    before = folders.everything()
    code, told = folders.run(*options)
    assert code != 0
    assert reason in told
    assert folders.everything() == before


def test_a_failing_sandbox_leaves_nothing_behind(folders: Folders, tmp_path: Path) -> None:
    """If the certificate cannot be had, the agreement is not there either: all or nothing."""
    (tmp_path / "besetzt").mkdir()
    (tmp_path / "besetzt" / "akte.txt").write_text("Akte", "utf-8")
    folders.sandbox = tmp_path / "besetzt"
    code, told = folders.run()
    assert code == 1
    assert "no sandbox" in told
    assert not folders.agreement.parent.exists()
    assert not folders.target.exists()
    assert list(folders.wsdl.iterdir()) == []


def test_the_sheet_binds_the_very_bytes(first: Folders) -> None:
    """The go-live sheet names the SHA-256 of the file that is signed, and all that is granted."""
    sheet = (first.target / "freigabe" / "freigabeblatt-probe.md").read_text("utf-8")
    assert hashlib.sha256(first.agreement.read_bytes()).hexdigest() in sheet
    granted = tomllib.loads(first.agreement.read_text("utf-8"))["felder"]["Person"]
    assert all(f"| {path} |" in sheet for path in granted)
    for role in ("abgebende-stelle", "empfangende-stelle", "datenschutzbeauftragte"):
        assert f"gateway agreement sign probe --role {role}" in sheet


def test_who_has_to_sign_is_told(folders: Folders) -> None:
    """Where requests are to be signed, checklist and index say that the samples are not."""
    assert folders.run(name="vorbild")[0] == 0
    model = folders.schemas / "vorbild" / "agreement.toml"
    model.write_text(model.read_text("utf-8").replace("zertifikate", "anfragesignatur = true\nzertifikate"), "utf-8")
    assert folders.run("--like", "vorbild")[0] == 0
    assert load_agreement(folders.agreement).request_signature
    for paper in ("checkliste.md", "nachrichten/README.md"):
        assert "signatur-fehlt" in (folders.target / "hersteller" / paper).read_text("utf-8")


def test_a_changed_agreement_is_handed_over_anew(folders: Folders) -> None:
    """After a field is struck and the contract written, both folders say so, and nothing old is left."""
    assert folders.run()[0] == 0
    text = folders.agreement.read_text("utf-8")
    (line,) = [one for one in text.splitlines() if one.strip().startswith('"rufname"')]
    folders.agreement.write_text(text.replace(line + "\n", ""), "utf-8")
    place = ("--schemas", str(folders.schemas), "--wsdl", str(folders.wsdl))
    again = ("agreement", "handover", NAME, *place, "--sandbox", str(folders.sandbox), "--folder", str(folders.target))
    code, told = folders.gateway(*again)
    assert code == 1
    assert "run `gateway contract write`" in told
    assert folders.gateway("contract", "write", *place, "--unpublished", "Entwurf")[0] == 0
    before = sum(name.endswith(".xml") for name in folders.everything())
    code, told = folders.gateway(*again)
    assert code == 0, told
    assert not any(b"rufname" in content for name, content in folders.everything().items() if "/hersteller/" in name)
    messages = folders.target / "hersteller" / "nachrichten"
    index = json.loads((messages / "verzeichnis.json").read_text("utf-8"))
    assert {one["file"] for one in index} == {str(path.relative_to(messages)) for path in messages.rglob("*.xml")}
    assert len(index) < before
    sheet = (folders.target / "freigabe" / "freigabeblatt-probe.md").read_text("utf-8")
    assert "| rufname |" not in sheet
    assert "- rufname: Rufname" in sheet
    assert hashlib.sha256(folders.agreement.read_bytes()).hexdigest() in sheet


def test_an_installed_package_is_not_written_to(tmp_path: Path) -> None:
    """Where the shipped agreements come from a wheel, the next one would throw the new application away: refused."""
    root = Path(__file__).parents[3]
    shutil.copytree(root / "gateway", tmp_path / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("schemas", "wsdl"):
        shutil.copytree(root / name, tmp_path / "gateway" / "shipped" / name)
    run = subprocess.run(
        [sys.executable, "-m", "gateway", "agreement", "new", NAME, "--yes"],
        cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "belong to the installed package" in run.stderr
    assert not (tmp_path / "gateway" / "shipped" / "schemas" / NAME).exists()


def commands() -> list[list[str]]:
    """Every command of docs/anschluss.md that is ours, in its order."""
    lines = (Path(__file__).parents[3] / "docs" / "anschluss.md").read_text("utf-8").splitlines()
    told = [line.strip() for line in lines if line.startswith("    ")]
    assert [line for line in told if not line.startswith("gateway ")] == ["make sandbox"]  # run in make interop
    return [shlex.split(line)[1:] for line in told if line.startswith("gateway ")]


def test_the_handbook_can_be_typed(first: Folders, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/anschluss.md does what it says, one after the other, and writes where it says."""
    monkeypatch.chdir(place.folder)
    shutil.copytree(first.sandbox, place.folder / "sandbox")
    assert len(commands()) == 6
    for command in commands():
        result = CliRunner().invoke(cli, command, env={"GATEWAY_SETTINGS": "settings.toml"})
        assert result.exit_code == 0, (command, result.output, result.exception)
    for told in ("schemas/probe/agreement.toml", "schemas/probe/probe-1.xsd", "wsdl/probe-1.wsdl",
                 "schemas/probe/vertragsaenderungen.toml", "anschluss/probe/hersteller/checkliste.html",
                 "anschluss/probe/hersteller/nachrichten/README.html",
                 "anschluss/probe/freigabe/freigabeblatt-probe.html"):  # fmt: skip
        assert (place.folder / told).is_file(), told
    assert len(load_agreement(place.folder / "schemas" / "probe2" / "agreement.toml").fields) == 4
