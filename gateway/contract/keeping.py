"""A published code stays published: stored persons may carry it, whatever became of the list it came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from gateway.contract.compiled import Contract
from gateway.contract.facets import XS, codes
from gateway.contract.validation import own_parser
from gateway.model import codelists


def forgotten(contract: Contract, schema: Path) -> Iterator[str]:
    """One sentence for each list of the contract of which the published schema knows codes that nobody knows here.

    Then an imported version was taken away, or this command goes by other lists than the house. Nothing if no schema
    is published yet.
    """
    if not schema.is_file():
        return
    root = etree.parse(schema, own_parser()).getroot()
    for simple in codes(contract.description.simple_types):
        listed = root.findall(f"{{{XS}}}simpleType[@name='{simple.name}Wert']/{{{XS}}}restriction/{{{XS}}}enumeration")
        known = codelists.load(simple.codelist).codes
        if gone := sorted({str(one.get("value")) for one in listed} - known.keys()):
            told = ", ".join(gone[:5]) + (f" and {len(gone) - 5} more" if len(gone) > 5 else "")
            place = f"{contract.application}/{contract.major}: code list {simple.codelist}"
            yield f"{place}: published codes are not known here ({told}); imported versions must stay ([codelists])"
