"""Documents name commands: each exists, with the options that are named with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.cli.main import cli

ROOT = Path(__file__).parents[3]
DOCUMENTS = sorted(str(path.relative_to(ROOT)) for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")))
_INLINE = re.compile(r"`(?:\w+=\S+ )*gateway ([^`]+)`")
_LINE = re.compile(r"^ {4,}(?:\w+=\S+ |\$ |sudo )*(?:\S*/)?gateway (.*)$", re.MULTILINE)
_END = re.compile(r"[|;#>&]|\s-\s|\.\.\.$|, | {2,}")
"""Where a command ends and something else begins: a pipe, an alternative, a remark."""


def commands(text: str) -> Iterator[str]:
    """What follows `gateway` wherever a document says to type it."""
    joined = text.replace("\\\n", " ")
    yield from (found[1] for found in _INLINE.finditer(joined.replace("\n", " ")))
    yield from (found[1] for found in _LINE.finditer(joined))


def problem(command: str) -> str | None:
    """What of a command does not exist."""
    words = _END.split(command.strip())[0].split()
    found: click.Command = cli
    while words and isinstance(found, click.Group) and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        following = found.get_command(click.Context(found), words[0])
        if following is None:
            return f"gateway {command}: there is no {words[0]}"
        found, words = following, words[1:]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    asked = (word.strip("[]").partition("=")[0] for word in words)
    unknown = [word for word in asked if word.startswith("--") and word not in known | {"--help", "--version"}]
    return f"gateway {command}: no option {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_exists(document: str) -> None:
    """Nobody is told to type what is not there."""
    text = (ROOT / document).read_text("utf-8")
    assert [told for command in commands(text) if (told := problem(command))] == []


def test_what_is_not_there_is_found() -> None:
    """A misspelt command, subcommand or option, on a line or within a sentence."""
    text = "Type `gateway helth` or `gateway keys lst`,\n\n    gateway poll --one   # once\n"
    text += "    gateway health --check disk | cat\n"
    assert [told for command in commands(text) if (told := problem(command))] == [
        "gateway helth: there is no helth",
        "gateway keys lst: there is no lst",
        "gateway poll --one   # once: no option --one",
    ]
