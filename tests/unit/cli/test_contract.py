"""`gateway contract`: what is committed is what is published, and nobody's client is broken in silence."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway import shipped
from gateway.cli.main import cli
from gateway.contract import history
from gateway.errors import GatewayError

NAME = "schulentwicklung"
FIELD = '"sterbedatum", '


class Folders:
    """Agreements and contracts of one application on disk, as published."""

    def __init__(self, root: Path) -> None:
        self.schemas, self.wsdl = root / "schemas", root / "wsdl"
        (self.schemas / NAME).mkdir(parents=True)
        self.wsdl.mkdir()
        shutil.copy(shipped.schemas() / "stadt.toml", self.schemas)
        self.agreement = self.schemas / NAME / "agreement.toml"
        shutil.copy(shipped.schemas() / NAME / "agreement.toml", self.agreement)
        assert self.run("write")[0] == 0

    def run(self, *arguments: str) -> tuple[int, str]:
        place = ("--schemas", str(self.schemas), "--wsdl", str(self.wsdl))
        result = CliRunner().invoke(
            cli, ["contract", arguments[0], *place, *arguments[1:]], env={"GATEWAY_SETTINGS": ""}
        )
        return result.exit_code, result.output + (
            str(result.exception) if isinstance(result.exception, GatewayError) else ""
        )

    def edit(self, old: str, new: str) -> None:
        text = self.agreement.read_text("utf-8")
        assert old in text
        self.agreement.write_text(text.replace(old, new), "utf-8")

    def everything(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.schemas.parent.rglob("*") if path.is_file()}

    @property
    def log(self) -> tuple[history.Entry, ...]:
        return history.read(NAME, self.schemas)


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path)


def test_a_break_is_refused_and_nothing_is_written(folders: Folders) -> None:
    """Fields before others would be lost silently by .NET clients: refused, each with its reason, and all stays."""
    folders.edit('"rufname", ', "")
    assert folders.run("write")[0] == 0
    folders.edit('"namensart"', '"rufname", "namensart"')
    before = folders.everything()
    status, text = folders.run("write")
    assert status == 1
    assert f"{NAME}/1: refused" in text
    assert "rufname" in text
    assert "silently lose" in text
    assert "vertrag = 2" in text
    assert folders.everything() == before
    status, text = folders.run("check")
    assert status == 1
    assert f"schemas/{NAME}/{NAME}-1.xsd: different" in text
    assert f"{NAME}/1: breaking" in text
    assert "silently lose" in text


@pytest.mark.parametrize("reason", ["", " "])
def test_an_empty_reason_is_none(folders: Folders, reason: str) -> None:
    """`--unpublished` without words is no switch."""
    folders.edit('pflicht = ["aktenzeichen"]', 'pflicht = ["aktenzeichen", "begruendung"]')
    assert folders.run("write", "--unpublished", reason)[0] == 1


def test_a_rewrite_of_what_nobody_uses_is_recorded(folders: Folders) -> None:
    """With a reason it is written, and the reason stands in the change log with every break."""
    folders.edit('pflicht = ["aktenzeichen"]', 'pflicht = ["aktenzeichen", "begruendung"]')
    status, text = folders.run("write", "--unpublished", 'Erst \\"im" Test')
    assert status == 0
    assert history.NAME in text
    first, last = folders.log
    assert (first.before, first.effect, first.reason) == ("", "erste Veröffentlichung", "")
    assert last.effect == "bricht"
    assert last.reason == 'Erst \\"im" Test'
    assert any("begruendung ist im Kopf abrufkontext Pflicht" in change for change in last.changes)
    assert first.after == last.before
    assert folders.run("check") == (0, "every contract is what model and agreements give\n")


def test_what_breaks_nobody_is_written_and_logged(folders: Folders) -> None:
    """An optional field withdrawn, as a data-protection officer may demand at once, needs no new major."""
    folders.edit(FIELD, "")
    status, text = folders.run("diff", NAME)
    assert status == 0
    assert "compatible-for-tolerant-clients" in text
    status, text = folders.run("write")
    assert status == 0
    assert "applications that do not work without the value" in text
    assert folders.log[-1].effect == "verträglich für nachsichtige Gegenstellen"
    assert folders.log[-1].reason == ""
    assert any("sterbedatum entfällt" in change for change in folders.log[-1].changes)


def test_two_majors_side_by_side(folders: Folders) -> None:
    """A new major beside the old one breaks nobody: it is written, and the old files keep every byte."""
    before = folders.everything()
    text = (
        folders.agreement.read_text("utf-8").replace("vertrag = 1", "vertrag = 2").replace("fassung = 1", "fassung = 2")
    )
    (folders.agreement.parent / "agreement-2.toml").write_text(text.replace(FIELD, ""), "utf-8")
    assert folders.run("write")[0] == 0
    log = folders.schemas / NAME / history.NAME
    assert {path: content for path, content in folders.everything().items() if path in before and path != log} == {
        path: content for path, content in before.items() if path != log
    }
    assert folders.run("check")[0] == 0
    status, text = folders.run("diff", f"{NAME}/1", f"{NAME}/2")
    assert status == 1
    assert "namespace changed" in text
    assert "sterbedatum removed" in text
    assert folders.run("diff", f"{NAME}@1", f"{NAME}/1") == (0, f"{NAME}-1: no change\n")


def test_what_was_replaced_past_the_command_is_noticed(folders: Folders) -> None:
    """Published files that were removed or written by hand: neither checked as right nor written over."""
    published = folders.schemas / NAME / f"{NAME}-1.xsd"
    published.unlink()
    folders.edit('pflicht = ["aktenzeichen"]', 'pflicht = ["aktenzeichen", "begruendung"]')
    for path in folders.wsdl.iterdir():
        path.unlink()
    status, text = folders.run("write")
    assert status == 1
    assert "the change log ends with contract" in text
    assert not published.exists()
    assert "the change log ends with contract" in folders.run("check")[1]


def test_the_change_log_is_toml(folders: Folders) -> None:
    """What stands in it is read by any TOML reader; what is no change log is an error, not an empty one."""
    path = folders.schemas / NAME / history.NAME
    assert tomllib.loads(path.read_text("utf-8"))["aenderung"][0]["vertrag"] == 1
    path.write_text("[[aenderung]]\ntag = 2026-01-01\n", "utf-8")
    assert "is no change log" in folders.run("check")[1]


def test_the_diff_speaks_three_languages(folders: Folders, tmp_path: Path) -> None:
    """Text in English, Markdown in German, JSON with both and the rule's name; exit 1 says that something breaks."""
    old = tmp_path / "old"
    shutil.copytree(folders.schemas, old / "schemas")
    shutil.copytree(folders.wsdl, old / "wsdl")
    folders.edit('pflicht = ["aktenzeichen"]', 'pflicht = ["aktenzeichen", "begruendung"]')
    assert folders.run("write", "--unpublished", "Test")[0] == 0
    new = str(folders.schemas.parent)
    status, text = folders.run("diff", str(old), str(folders.wsdl))
    assert status == 1
    assert "begruendung is mandatory in abrufkontext" in text
    assert (
        "## schulentwicklung-1: bricht" in folders.run("diff", str(old), str(folders.wsdl), "--format", "markdown")[1]
    )
    (found,) = json.loads(folders.run("diff", str(old / "wsdl"), str(folders.wsdl), "--format", "json")[1])
    assert found["effect"] == "breaking"
    assert found["changes"][0]["rule"] == "header-part-required"
    assert {"english", "german", "places", "direction"} <= found["changes"][0].keys()
    assert "lies in two places" in folders.run("diff", new, new)[1]


@pytest.mark.parametrize("name", ["nirgends", f"{NAME}/9", f"{NAME}@9"])
def test_what_is_not_there_is_a_usage_error(folders: Folders, name: str) -> None:
    """Neither file nor application: exit 2."""
    status, _ = folders.run("diff", name)
    assert status == 2
