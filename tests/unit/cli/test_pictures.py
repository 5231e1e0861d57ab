"""The pictures of the documentation show what the commands print."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.unit.cli.pictures import written

ROOT = Path(__file__).parents[3]


def test_the_pictures_are_what_the_commands_print(tmp_path: Path) -> None:
    """Byte for byte (`python -m tests.unit.cli.pictures` draws them anew), and nothing is fetched to see them."""
    # A process of its own, as each command is: what other tests have imported or loaded is not shown.
    draw = [sys.executable, "-m", "tests.unit.cli.pictures", str(tmp_path)]
    subprocess.run(draw, cwd=ROOT, check=True, capture_output=True)
    told = written(tmp_path)
    assert told == written()
    assert not any(word in content for word in ("@font-face", "@import", "href=") for content in told.values())
