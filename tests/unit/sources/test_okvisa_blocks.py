"""A block is read even of a record that cannot be taken."""

from __future__ import annotations

import pytest

from gateway.errors import RecordRefused
from gateway.sources.okvisa_blocks import hides
from gateway.sources.poll import withholdings
from gateway.store.batch import Withholding
from tests.unit.sources.okvisa_fake import FakeOkVisa, element, record


@pytest.mark.parametrize(
    ("blocks", "hidden"),
    [
        ("", False),
        ("<sperre><kennung>3</kennung></sperre>", True),
        ("<sperre><kennung> 11 </kennung></sperre>", True),
        ("<sperre><kennung>AZR</kennung><bis>01.01.2000</bis></sperre>", True),
        ("<sperre><kennung>99</kennung></sperre>", True),
        ("<sperre/>", True),
        ("<sperre><kennung>2</kennung></sperre>", False),
        ("<sperre><kennung>2</kennung></sperre><sperre><kennung>3</kennung></sperre>", True),
    ],
)
def test_a_hiding_or_unreadable_block_hides(blocks: str, hidden: bool) -> None:
    """Kinds 3 and 11, the AZR block and every kind that is not known hide; others do not."""
    assert hides(element(record(inner=blocks))) is hidden


def test_the_poller_hides_who_is_blocked_in_a_refused_record() -> None:
    """The refused record goes to quarantine and the person is withheld by the same page."""
    blocked = "<sperre><kennung>3</kennung></sperre><sperre><kennung>99</kennung></sperre>"
    source = FakeOkVisa().source()
    one = element(record("P7", 12, blocked))
    with pytest.raises(RecordRefused) as refused:
        source.take(one)
    kept = source.quarantined(one, refused.value)
    assert kept.hides
    assert (kept.personennummer, kept.aenderungsnummer) == ("P7", 12)
    assert list(withholdings([kept])) == [Withholding("P7", 12)]
