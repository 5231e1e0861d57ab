"""Coverage-guided fuzzing: `python -m tests.fuzz.fuzz [options of libFuzzer] FOLDER...`; a finding is a file."""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["gateway.wire"]):
    from tests.fuzz.target import attempt, pins


def main() -> None:
    """Runs until libFuzzer's options say stop, or something is found."""
    pinned = pins()

    def one(data: bytes) -> None:
        attempt(data, pinned)

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
