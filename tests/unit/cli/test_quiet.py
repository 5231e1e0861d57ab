"""A slip at the command line puts no personal value into an error: errors stand in logs, mails and screenshots."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import cli
from tests.unit.place import Place

NAME = "Geheimname"
ERASE, SUBJECT = ("person", "erase"), ("audit", "subject")
SLIPS = {
    "no option before it": (*ERASE, NAME),
    "a value of two words": (*ERASE, "--number", "1", NAME),
    "no blank": (*ERASE, f"--number{NAME}"),
    "no command": ("person", NAME),
    "a value of two words, in a report": (*SUBJECT, "--family-name", "Van", NAME),
    "no blank, in a report": (*SUBJECT, f"--family-name{NAME}"),
    "another option's value": (*SUBJECT, "--family-name", "Van", "--format", NAME),
    "a day that is none": (*SUBJECT, "--birth-date", NAME, "--out", "."),
    "a number that is none": (*SUBJECT, "--azr-number", NAME, "--out", "."),
    "no number of a notice": ("notice", "show", NAME, NAME),
    "no command of the quarantine": ("quarantine", NAME),
    "no reason of the list": ("quarantine", "drop", "1", "--reason", NAME),
    "two numbers to drop": ("quarantine", "drop", "1", NAME, "--reason", "doppelt"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_an_error_does_not_repeat_what_was_typed(slip: str) -> None:
    """Wrong options, values, arguments and commands are refused with exit code 2, and without the value."""
    result = CliRunner().invoke(cli, SLIPS[slip], input="1\n")
    assert result.exit_code == 2
    assert NAME not in result.output
    assert NAME not in repr(result.exception)


@pytest.mark.parametrize(
    "command",
    [
        ("notice", "show"),
        ("notice", "settle"),
        ("quarantine", "show"),
        ("quarantine", "retry"),
        ("discrepancy", "show"),
    ],
)
def test_a_number_that_leads_nowhere_is_not_repeated(place: Place, command: tuple[str, str]) -> None:
    """It may be the number of a person, typed by mistake where that of a record belongs."""
    settings = str(place.folder / "settings.toml")
    result = CliRunner().invoke(cli, [*command, "--settings", settings, NAME])
    assert result.exit_code == 2
    assert NAME not in result.output


def test_an_error_of_the_machine_does_not_repeat_the_name_of_a_file(tmp_path: Path) -> None:
    """Who writes a report names its file for a person; where it cannot be written, only why is said."""
    (tmp_path / "file").touch()
    place = tmp_path / "file" / NAME
    result = CliRunner().invoke(cli, [*SUBJECT, "--number", "1", "--identified-by", "Ausweis", "--out", str(place)])
    assert isinstance(result.exception, NotADirectoryError)
    assert NAME not in f"{result.exception!r} {result.exception.filename}"
    assert result.exception.__suppress_context__
