"""`gateway contract site`: the portal as files, the same that is served."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from gateway.cli.main import cli
from tests.unit.place import Place
from tests.unit.portal.built import broken_links, files


def run(*arguments: str, settings: Path | None = None) -> tuple[int, str]:
    environment = {"GATEWAY_SETTINGS": str(settings or "")}
    result = CliRunner().invoke(cli, ["contract", "site", *arguments], env=environment)
    return result.exit_code, result.output


def written(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_without_settings(tmp_path: Path) -> None:
    """Every page of the shipped agreements is written, links hold from the disk, a second run gives the same bytes."""
    status, said = run("--out", str(tmp_path / "a"))
    assert status == 0, said
    assert run("--out", str(tmp_path / "b"))[0] == 0
    content = written(tmp_path / "a")
    assert content == written(tmp_path / "b")
    assert set(content) == {path for path in files() if not path.startswith("signing/")}
    assert [one for one in broken_links(content) if "https://gateway.invalid/health/live" not in one] == []


def test_with_settings(place: Place, tmp_path: Path) -> None:
    """With settings the pages carry the public URL and the certificates of the signature."""
    status, said = run(
        "--out", str(tmp_path / "site"), "--application", "wohnung2000", settings=place.installation.settings
    )
    assert status == 0, said
    content = written(tmp_path / "site")
    assert b"sozialamt" not in b"".join(content.values())
    url = place.settings.server.public_url
    assert f"{url}/soap/wohnung2000/1".encode() in content["anwendungen/wohnung2000-1/index.html"]
    assert b"BEGIN CERTIFICATE" in content["signing/rsa-sha256.pem"]
    assert b"gateway.invalid" not in b"".join(content.values())


def test_an_unknown_application(tmp_path: Path) -> None:
    """Nothing is written for an application without an agreement."""
    status, said = run("--out", str(tmp_path / "site"), "--application", "nobody")
    assert status == 2
    assert "no agreement for nobody" in said
    assert not (tmp_path / "site").exists()
