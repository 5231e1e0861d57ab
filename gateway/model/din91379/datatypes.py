"""The datatypes A, B and C as compiled expressions, read from KoSIT's own XSD (unchanged, beside this file)."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import Literal

Datatype = Literal["A", "B", "C"]

_XSD = "din-norm-91379-datatypes_2022-08.xsd"


def accepts(datatype: Datatype, text: str) -> bool:
    """True if `text` is in `datatypeA`, `datatypeB` or `datatypeC` of the XSD; the empty text is in all three.

    Text is taken as it is: normalise to NFC before (a decomposed letter is refused). Every accepted text is NFC.
    """
    single, full = _expressions(datatype)
    return single.fullmatch(text) is not None or full.fullmatch(text) is not None


def plain(datatype: Datatype, most: int) -> re.Pattern[str]:
    """Of the texts of a datatype those of 1 to `most` single characters, no sequence among them; all are NFC."""
    singles, _ = _alternatives(_pattern(datatype))
    return re.compile(f"[{singles}]{{1,{most}}}")


@cache
def _expressions(datatype: Datatype) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """(single characters only: nearly every text, and by far the fastest; sequences before single characters)."""
    singles, sequences = _alternatives(_pattern(datatype))
    return re.compile(f"[{singles}]*"), re.compile(f"(?:{sequences}|[{singles}])*")


def _pattern(datatype: Datatype) -> str:
    """The pattern facet of a datatype, its characters written as Python escapes."""
    xsd = files(__package__).joinpath(_XSD).read_text("utf-8")
    _, _, after = xsd.partition(f'<xs:simpleType name="datatype{datatype}">')
    found = re.search(r'<xs:pattern value="\((.*?)\)\*"/>', after.partition("</xs:simpleType>")[0], re.DOTALL)
    if found is None:
        raise ValueError(f"{_XSD} has no pattern for datatype {datatype}")
    return re.sub(r"\\?&#x([0-9A-F]{4});", r"\\u\1", found[1])


def _alternatives(pattern: str) -> tuple[str, str]:
    """(content of one character class, alternation of the sequences, longest first) of an XSD alternation."""
    char = r"\\u[0-9A-F]{4}"
    singles: list[str] = []
    sequences: list[str] = []
    for branch in re.split(r"\|(?![^(]*\))", pattern):
        if re.fullmatch(char, branch):
            singles.append(branch)
        elif found := re.fullmatch(rf"\[({char}-{char})\]", branch):
            singles.append(found[1])
        elif found := re.fullmatch(rf"({char})\(((?:{char}|\|)+)\)", branch):
            sequences.extend(found[1] + mark for mark in found[2].split("|"))
        elif re.fullmatch(rf"({char})+", branch):
            sequences.append(branch)
        else:
            raise ValueError(f"{_XSD} has a branch of an unknown form")
    return "".join(singles), "|".join(sorted(sequences, key=lambda sequence: (-len(sequence), sequence)))
