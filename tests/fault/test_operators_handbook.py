"""The boxes of docs/betriebshandbuch.md are run as they stand there, one after the other, in one new folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "betriebshandbuch.md"
BLOCKS = re.findall(r"```bash\n(# [a-z]+\n.*?)```", PAGE.read_text("utf-8"), re.DOTALL)


def test_the_boxes_run_as_they_stand(tmp_path: Path) -> None:
    """Set up, watched in every form, upgraded: nothing fails but what health rightly complains of."""
    folder = tmp_path / "gateway"
    script = f"ORDNER={folder}\n" + "\n".join(BLOCKS)
    environment = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    said = done.stdout
    boxes = ["# einrichten", "# ueberwachen", "# eigenprobe", "# statistik", "# aktualisieren"]
    assert [block.split("\n")[0] for block in BLOCKS] == boxes
    assert said.count("it would start") == 2
    assert "GATEWAY CRITICAL - " in said  # nothing was polled, nobody serves
    assert '2 "Gateway freshness" - CRIT: no complete poll yet' in said
    assert "gateway_health_worst_state 2\n" in said
    (told,) = re.findall(r"^\{$.*?^\}$", said, re.DOTALL | re.MULTILINE)
    assert json.loads(told)["state"] == "OK"
    assert "older than `[source] stale_minutes`" in said
