"""Nothing of production knows the sandbox: no import, no section, no switch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import gateway

ROOT = Path(gateway.__file__).parent
DOORS = {"cli/options.py", "cli/sandbox.py", "cli/sandbox_place.py", "cli/sandbox_run.py", "cli/serve.py"}
"""The commands that lead into it."""


def imported(module: ast.Module) -> Iterator[str]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def house() -> dict[str, tuple[str, ...]]:
    """What every module of ours imports, by its path."""
    files = (path for path in ROOT.rglob("*.py") if "sandbox" in (text := path.read_text("utf-8")) and text)
    return {path.relative_to(ROOT).as_posix(): tuple(imported(ast.parse(path.read_text("utf-8")))) for path in files}


def importers(prefix: str) -> set[str]:
    """Every module of ours that imports something below `prefix`, by its path."""
    return {path for path, names in house().items() if any(f"{name}.".startswith(f"{prefix}.") for name in names)}


def test_only_the_commands_lead_into_the_sandbox() -> None:
    """Outside the room itself only the commands of the sandbox and `serve` import it."""
    assert {path for path in importers("gateway.sandbox") if not path.startswith("sandbox/")} == DOORS


def test_only_the_sandbox_records() -> None:
    """The recording is put around the pipeline in one place, and nothing outside the room knows it."""
    recorders = importers("gateway.sandbox.recording.Recording")
    assert recorders == {"sandbox/house.py"}
    assert {path for path in importers("gateway.sandbox.recording") if not path.startswith("sandbox/")} == set()


def test_the_check_can_fail() -> None:
    """It sees each way of importing."""
    text = "import gateway.sandbox.house\nfrom gateway.sandbox import recording\nfrom gateway import sandbox"
    assert [name for name in imported(ast.parse(text)) if name.startswith("gateway.sandbox")] == [
        "gateway.sandbox.house",
        "gateway.sandbox.recording",
        "gateway.sandbox",
    ]


def test_a_production_server_never_loads_it() -> None:
    """After everything that `gateway serve` imports nothing of the sandbox is in the process."""
    code = "import sys, gateway.serving, gateway.cli.serve; print([m for m in sys.modules if 'sandbox' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
