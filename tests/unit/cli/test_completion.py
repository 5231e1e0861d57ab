"""Shell completion: what is typed half is finished by the program itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli.main import cli

_TYPED = """
source "$1"
COMP_WORDS=({words}); COMP_CWORD={at}; COMPREPLY=()
_gateway_completion gateway
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        ("gateway hea", 1, ["health"]),
        ("gateway db re", 2, ["restore", "restored"]),
        ("gateway retention run --qu", 3, ["--quiet"]),
        ("gateway completion z", 2, ["zsh"]),
    ],
)
def test_bash_finishes_what_was_typed(words: str, at: int, expected: list[str], tmp_path: Path) -> None:
    """bash itself, with the printed script, gets the commands, switches and values that begin so."""
    script = tmp_path / "completion"
    script.write_text(CliRunner().invoke(cli, ["completion", "bash"]).stdout, "utf-8")
    typed = _TYPED.format(words=words, at=at)
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = subprocess.run(
        ["/bin/bash", "-c", typed, "bash", str(script)], env={"PATH": path}, capture_output=True, text=True, check=True
    )
    assert (done.stdout.splitlines(), done.stderr) == (expected, "")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_have_a_script_that_asks_the_program(shell: str) -> None:
    """It names the program and the way to ask it."""
    script = CliRunner().invoke(cli, ["completion", shell]).stdout
    assert f"_GATEWAY_COMPLETE={shell}_complete" in script
