"""`gateway settings`: what was told, from where, without a secret; and whether a start would be refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli.main import cli
from gateway.errors import SettingsError
from gateway.settings import load
from tests.unit.place import Place


def run(place: Place, *arguments: str, **environment: str) -> Result:
    given = ["settings", *arguments, "--settings", str(place.folder / "settings.toml")]
    return CliRunner().invoke(cli, given, env={"COLUMNS": "300", **environment})


def shown(place: Place, **environment: str) -> dict[str, dict[str, object]]:
    result = run(place, "show", "--format", "json", **environment)
    assert result.exit_code == 0, result.output
    told: dict[str, dict[str, object]] = json.loads(result.stdout)
    return told


def test_each_value_has_its_origin(place: Place) -> None:
    """File, default, or the variable by its name; a section need not stand in the file to be replaced."""
    place.edit("settings.toml", "free_mib", "# free_mib")
    place.edit("settings.toml", "report_hours", "# report_hours")
    told = shown(place, GATEWAY_HEALTH_FREE_MIB="77", GATEWAY_RETENTION_RULES="/etc/rules.toml")
    assert told["health.free_mib"] == {"value": 77, "origin": "GATEWAY_HEALTH_FREE_MIB"}
    assert told["retention.rules"] == {"value": "/etc/rules.toml", "origin": "GATEWAY_RETENTION_RULES"}
    assert told["quarantine.report_hours"] == {"value": 24, "origin": "default"}
    assert told["source.poll_seconds"] == {"value": 60, "origin": "file"}
    assert told["signing.rsa-sha256.key"]["origin"] == "file"
    assert "GATEWAY_HEALTH_FREE_MIB" in run(place, "show", GATEWAY_HEALTH_FREE_MIB="77").stdout


@pytest.mark.parametrize(
    "url",
    ["postgresql://gateway:Geheim-1@db/fldm", "postgresql://gateway@db/fldm?password=Geheim-1&sslpassword=Geheim-1"],
)
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_password_is_shown(place: Place, url: str, form: str) -> None:
    """Neither beside the user nor in the query of a database URL."""
    result = run(place, "show", "--format", form, GATEWAY_DATABASE_URL=url)
    assert result.exit_code == 0, result.output
    assert "@db/fldm" in result.stdout
    assert "Geheim" not in result.output


def test_no_password_of_the_source_is_shown(place: Place) -> None:
    """Nor is one in the address of the case system."""
    result = run(place, "show", GATEWAY_SOURCE_URL="https://gateway:Geh@eim-1@okvisa.example/okvisa")
    assert "https://***@okvisa.example/okvisa" in result.stdout
    assert "eim" not in result.stdout.replace("geheim", "")


@pytest.mark.parametrize("name", ["", "..", "../keys/vault-1.key", "/etc/shadow"])
def test_a_credential_is_a_name(place: Place, name: str) -> None:
    """What systemd hands over lies in one folder; a path that leads out of it is refused."""
    with pytest.raises(SettingsError, match="and no path"):
        load(
            place.folder / "settings.toml",
            {"CREDENTIALS_DIRECTORY": "/run", "GATEWAY_SERVER_KEY": f"credential:{name}"},
        )


def test_the_environment_makes_no_sandbox(place: Place) -> None:
    """Whether an installation holds synthetic persons is no matter of a variable."""
    environment = {"GATEWAY_SANDBOX_NUMBER": "0" * 32, "GATEWAY_SANDBOX_PERSONS": "10"}
    assert load(place.folder / "settings.toml", environment).sandbox is None


def test_an_unknown_key_of_the_environment_is_refused(place: Place) -> None:
    """As one in the file: a misspelt variable does not silently do nothing."""
    with pytest.raises(SettingsError) as refusal:
        load(place.folder / "settings.toml", {"GATEWAY_SERVER_PROT": "8443", "GATEWAY_HEALTH_FREE": "1"})
    assert len(refusal.value.problems) == 2


def test_check_says_what_a_start_would(place: Place) -> None:
    """All that is wrong at once, and nothing is made or changed; or that it would start."""
    before = {path: path.stat().st_mtime_ns for path in place.folder.rglob("*") if path.suffix != ".sqlite"}
    fine = run(place, "check")
    assert (fine.exit_code, "it would start" in fine.stdout) == (0, True)
    after = {path: path.stat().st_mtime_ns for path in place.folder.rglob("*") if path.suffix != ".sqlite"}
    assert {path: after[path] for path in before} == before
    (place.folder / "keys").rename(place.folder / "elsewhere")
    (place.folder / "tls" / "server.key").write_text("no key", "utf-8")
    place.edit("settings.toml", "[pins]", "[pins]\nnobody = []")
    wrong = run(place, "check")
    assert isinstance(wrong.exception, SettingsError)
    told = "\n".join(wrong.exception.problems)
    assert all(word in told for word in ("keys.directory", "pins.nobody", "server.key"))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Nothing is made up for it."""
    result = CliRunner().invoke(cli, ["settings", "show", "--settings", str(tmp_path / "none.toml")])
    assert isinstance(result.exception, SettingsError)


def test_a_credential_is_where_systemd_put_it(place: Place) -> None:
    """`credential:NAME` is a file of the unit's own folder; without one nothing is guessed."""
    path = place.folder / "settings.toml"
    place.edit("settings.toml", 'key = "tls/server.key"', 'key = "credential:server.key"')
    loaded = load(path, {"CREDENTIALS_DIRECTORY": "/run/credentials/gateway.service"})
    assert loaded.server.key == Path("/run/credentials/gateway.service/server.key")
    with pytest.raises(SettingsError) as refusal:
        load(path, {})
    assert refusal.value.problems[0].startswith("server.key: ")
