"""A flame graph of the hot operations: sampled by py-spy, collapsed to module:function, drawn here.

    python -m tests.bench.flames [SECONDS]       writes docs/performance-page.svg and docs/performance-person.svg

py-spy's own picture names files by their paths; this one names modules, so that it says nothing of the machine, and
leaves out what is too narrow to be seen.
"""

from __future__ import annotations

import ctypes
import re
import select
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.sax.saxutils import escape

from gateway.app import build
from gateway.settings import load as load_settings
from tests.bench.ground import CASES, Case, ground
from tests.bench.regression import answering

PICTURES: Mapping[str, Case] = {"performance-page.svg": CASES[0], "performance-person.svg": CASES[-1]}
_RATE = 250
_WIDTH, _ROW, _LEAST = 1200, 16, 0.003
_FRAME = re.compile(r"^(?P<name>.*) \((?P<file>[^()]*?)(?::\d+)?\)$")


@dataclass
class Frame:
    """A function under another, and how many samples fell into it."""

    count: int = 0
    called: dict[str, Frame] = field(default_factory=dict)


def pictures(folder: Path, seconds: float = 15) -> list[str]:
    """The names of the pictures that are in `folder` now; none where there is no py-spy (`make bench` installs it)."""
    program = Path(sys.executable).with_name("py-spy")
    if not program.is_file():
        print("py-spy is not installed: no flame graph", flush=True)
        return []
    with tempfile.TemporaryDirectory(prefix="fldm-bench-") as made:
        for name, case in PICTURES.items():
            raw = Path(made) / "raw"
            own = [sys.executable, "-m", "tests.bench.flames", "answer", case.name]
            with subprocess.Popen(own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
                assert child.stdout is not None
                while (line := child.stdout.readline()) and line != _READY:
                    pass
                told = [
                    "--pid",
                    str(child.pid),
                    "--duration",
                    f"{seconds:g}",
                    "--rate",
                    str(_RATE),
                    "--output",
                    str(raw),
                ]
                record = [str(program), "record", "--nonblocking", "--format", "raw", *told]
                subprocess.run(record, check=True, timeout=300, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                child.communicate("")
            drawn = draw(collapsed(raw.read_text("utf-8").splitlines()), f"{case.name}: {_TITLE}")
            (folder / name).write_text(drawn, "utf-8")
    return list(PICTURES)


def run(name: str) -> None:
    """Answers the case in this process until its input ends: what py-spy looks at, which is no parent of it."""
    ctypes.CDLL(None).prctl(_PTRACER, ctypes.c_ulong(2**64 - 1), 0, 0, 0)
    case = next(one for one in CASES if one.name == name)
    with tempfile.TemporaryDirectory(prefix="fldm-bench-") as folder:
        made = ground(Path(folder) / "ground", 200, (case.application,))
        with build(load_settings(made.settings, {})) as app:
            answer = answering(app, made, case)
            print(_READY, end="", flush=True)
            while not select.select([sys.stdin], [], [], 0)[0]:
                answer()


def collapsed(stacks: Iterable[str]) -> Frame:
    """The answers' stacks and the trail's, as a tree; where a function calls itself or its like it is one frame."""
    root = Frame()
    for line in stacks:
        told, _, count = line.rpartition(" ")
        names = [_named(frame) for frame in told.split(";")]
        kept = list(_relevant(names))
        if not kept:
            continue
        root.count += int(count)
        frame = root
        for name in kept:
            frame = frame.called.setdefault(name, Frame())
            frame.count += int(count)
    return root


def _relevant(names: list[str]) -> Iterator[str]:
    """From the answer on, or from the writer of the trail on."""
    if "gateway.exchange.pipeline:answer" in names:
        names = names[names.index("gateway.exchange.pipeline:answer") :]
    elif any(name.startswith("gateway.store.audit") for name in names):
        names = [name for name in names if not name.startswith("threading:")]
    else:
        return
    last = None
    for name in names:
        if name != last:
            yield name
        last = name


def _named(frame: str) -> str:
    """py-spy's "function (path/file.py:line)" as module:function."""
    found = _FRAME.match(frame)
    if found is None:
        return escape(frame.rpartition("/")[2])
    parts = Path(found["file"]).with_suffix("").parts
    tops = ("gateway", "tests", "sqlalchemy", "lxml", "cryptography", "spyne", "pydantic", "psycopg", "structlog")
    start = next((place for place, part in enumerate(parts) if part in tops), len(parts) - 1)
    module = ".".join(part for part in parts[start:] if part != "__init__")
    return f"{module}:{found['name']}"


def draw(root: Frame, title: str) -> str:
    """The tree as a picture, callers above; what fills less than a pixel or four is left out."""
    found: list[str] = []
    deepest = _drawn(root, 0, 0.0, root.count, found)
    height = (deepest + 2) * _ROW + 12
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" font-family="sans-serif" '
        f'font-size="10"><rect width="100%" height="100%" fill="white"/><text x="6" y="14" font-size="12">'
        f"{escape(title)}</text>{''.join(found)}</svg>\n"
    )


def _drawn(frame: Frame, depth: int, left: float, total: int, found: list[str]) -> int:
    """The deepest row that is used."""
    deepest = depth
    for name, one in sorted(frame.called.items()):
        share = one.count / total
        width = share * _WIDTH
        if share >= _LEAST:
            found.append(_box(name, share, left, (depth + 1) * _ROW + 6, width))
            deepest = max(deepest, _drawn(one, depth + 1, left, total, found))
        left += width
    return deepest


def _box(name: str, share: float, left: float, top: float, width: float) -> str:
    ours = name.startswith("gateway")
    tone = sum(name.encode()) % 40
    colour = f"hsl({205 + tone // 2},60%,{66 + tone // 3}%)" if ours else f"hsl({25 + tone // 2},75%,{68 + tone // 3}%)"
    short = name.removeprefix("gateway.")
    room = int(width / 5.4)
    shown = short if len(short) <= room else (short[: room - 1] + "…" if room > 4 else "")
    text = f'<text x="{left + 2:.1f}" y="{top + 11:.0f}">{escape(shown)}</text>' if shown else ""
    place = f'x="{left:.1f}" y="{top:.0f}" width="{max(0.4, width - 0.4):.1f}" height="{_ROW - 1}"'
    return f'<g><title>{escape(name)} {share:.1%}</title><rect {place} fill="{colour}"/>{text}</g>'


_READY = "ready\n"
_PTRACER = 0x59616D61
"""PR_SET_PTRACER: also who is no ancestor may look in, where the kernel would not let it."""
_TITLE = "share of samples, callers above; blue is ours"

if __name__ == "__main__":
    if sys.argv[1:2] == ["answer"]:
        run(sys.argv[2])
    else:
        pictures(Path("docs"), float(sys.argv[1]) if len(sys.argv) > 1 else 15)
