"""The page about foreign clients tells of every stack that `make interop` runs."""

from __future__ import annotations

from tests.interop import table
from tests.interop.stacks import STACKS


def test_the_page_tells_of_a_whole_run() -> None:
    """docs/interop.md is what a run writes in which everything was tried and worked; only versions may differ."""
    page = table.PAGE.read_text("utf-8")
    told = table.told_versions(page)
    assert set(told) == {stack.name for stack in STACKS}
    assert page == "\n".join(table.document(told, table.whole())) + "\n"


def test_a_failure_cannot_look_whole() -> None:
    """A run in which one operation failed, one signature was not verified or one stack is missing is not whole."""
    for spoil in ("failed", "verdict", "missing"):
        matrix = table.whole()
        if spoil == "failed":
            matrix.cell(STACKS[0].name, "1.1", "wohnung2000", "fault")
        elif spoil == "verdict":
            matrix.signatures[(STACKS[0].name, "wsse rsa")].text = "failed"
        else:
            del matrix.cells[(STACKS[0].name, "1.1", "fault")]
        assert matrix != table.whole()
