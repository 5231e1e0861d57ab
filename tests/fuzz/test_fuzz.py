"""A short run of the fuzzers; `make fuzz` runs them long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.target import CORPUS, attempt, pins

ROOT = Path(__file__).parents[2]
SOUND = {"wsse-client", "wsse-client-ec", "umschlag-client", "umschlag-client-ec"}
SHORT = 3_000
PINNED = pins()
FILES = sorted(CORPUS.iterdir())


def test_the_corpus_holds_what_it_says() -> None:
    """The sound messages of the corpus are proved, the attacks are not, and nothing else happens."""
    assert {path.name for path in FILES if attempt(path.read_bytes(), PINNED)} == SOUND


@settings(max_examples=300, derandomize=True, deadline=None)
@given(st.sampled_from(FILES), st.data())
def test_changed_messages_prove_nothing_new(path: Path, data: st.DataObject) -> None:
    """Pieces of one message put anywhere into another are refused as a caller's error, or change nothing signed."""
    raw = path.read_bytes()
    other = data.draw(st.sampled_from(FILES)).read_bytes()
    start, end = sorted(data.draw(st.tuples(*[st.integers(1, len(other))] * 2)))
    at, until = sorted(data.draw(st.tuples(*[st.integers(1, len(raw))] * 2)))
    attempt(raw[:at] + other[start:end] + raw[until:], PINNED)


def test_the_fuzzer_finds_nothing(tmp_path: Path) -> None:
    """A short coverage-guided run over parser, envelope and signature verification ends without a finding."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.fuzz.fuzz",
            f"-runs={SHORT}",
            "-seed=1",
            "-max_len=16384",
            str(tmp_path),
            str(CORPUS),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert f"Done {SHORT} runs" in done.stderr
