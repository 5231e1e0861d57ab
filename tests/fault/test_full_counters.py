"""A full folder of counters, in memory as it is in production, costs counts and never the process."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from tests.fault.full_counters import REPLIES


def counted(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program with a file system of 3 MiB of its own in `folder`, which nobody else sees."""
    folder.mkdir()
    program = shlex.join([sys.executable, "-m", "tests.fault.full_counters", str(folder), *arguments])
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    mounted = f"mount -t tmpfs -o size=3m none {shlex.quote(str(folder))} && exec {program}"
    return subprocess.run([*alone, "sh", "-c", mounted], capture_output=True, text=True, timeout=120, check=False)


def test_a_full_folder_is_no_end(tmp_path: Path) -> None:
    """What does not fit is not counted, each time told in the log; once there is room all is."""
    done = counted(tmp_path / "metrics")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"{REPLIES} counted"
    assert "not counted" in done.stdout + done.stderr


def test_the_library_alone_would_die(tmp_path: Path) -> None:
    """So the test above sees what it is about: the kernel ends a process that writes where there is no room."""
    assert counted(tmp_path / "metrics", "library").returncode == -signal.SIGBUS
