"""BMG § 51 Abs. 3: no way on which a security block can come leads to a word about it in the person's own report."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from gateway.model.types import Tree, Value
from gateway.reports.subject import SubjectReport, is_protected
from gateway.reports.subject_page import render_page
from gateway.reports.subject_xml import render_xml
from gateway.store import tables
from gateway.store.batch import Batch, Quarantined, Withholding
from gateway.store.subjects import Subject
from tests.unit.reports.people import NOW, SOURCE, Town, town
from tests.unit.store.store_kit import record as a_record

SILENT: Value = {"kennung": "11"}
REASON = "anschrift.hausnummer: zu lang"
OF_THE_BLOCK = "steuerung.auskunftssperre.art: Schlüssel unbekannt"


def refuse(of: Town, *blocks: Value, reasons: tuple[str, ...] = (REASON,)) -> None:
    """The source sends a newer record that cannot be taken; with a block, what is stored is withheld from now on."""
    cut: Tree = {"personennummer": "1", "familienstand": "VH"}
    if blocks:
        cut = {"personennummer": "1", "sperre": list(blocks), "familienstand": "VH"}
    bad = Quarantined("1", 2, reasons, cut, b"r" * 32, hides=bool(blocks))
    hidden = (Withholding("1", 2),) if blocks else ()
    of.holding.ingest(Batch(SOURCE, hidden, (bad,)), of.agreements, now=of.now, stichtag=of.now.date())


def answered(*blocks: Value, reasons: tuple[str, ...] = (REASON,), kept: bool = True) -> tuple[Subject, SubjectReport]:
    """What the person is told once that record has come; `kept` False: its time is over."""
    with town(populated=False) as of:
        of.take(a_record("1", 1))
        refuse(of, *blocks, reasons=reasons)
        if not kept:
            with of.database.write() as connection:
                connection.execute(sa.delete(tables.quarantine))
        subject = of.find("1")
        assert subject is not None
        assert of.now == NOW
        return subject, of.report(subject)


@pytest.mark.parametrize("render", [render_page, render_xml])
@pytest.mark.parametrize("kept", [True, False])
def test_a_block_of_a_refused_record_leaves_no_trace(render: Callable[[SubjectReport], bytes], kept: bool) -> None:
    """Neither the block that stands for it, nor a gap in the numbering, nor a reason that is missing speaks of it."""
    without = render(answered(kept=kept)[1])
    subject, report = answered(SILENT, kept=kept)
    assert is_protected(subject)
    assert render(report) == without
    assert render(answered(SILENT, reasons=(OF_THE_BLOCK,), kept=kept)[1]) == without
