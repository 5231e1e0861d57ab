"""What a record that cannot be taken says about blocks all the same: a block must not wait for a spelling mistake."""

from __future__ import annotations

from lxml.etree import _Element

from gateway.model.derived import HIDING_BLOCKS
from gateway.sources import okvisa_keys as keys
from gateway.sources.okvisa_reading import NAMESPACE

_BLOCK = f"{{{NAMESPACE}}}sperre"
_KIND = f"{{{NAMESPACE}}}kennung"


def hides(record: _Element) -> bool:
    """True if the record names a block that hides a person, or one whose kind cannot be read.

    Its end is not asked: a refused record is not trusted to lift a block.
    """
    kinds = [keys.BLOCK.get((block.findtext(_KIND) or "").strip()) for block in record.iter(_BLOCK)]
    return any(kind is None or kind in HIDING_BLOCKS for kind in kinds)
