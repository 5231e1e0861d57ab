"""Several columns of a row as one value: SQLite's driver lets go of the interpreter once for each that it fetches.

Whoever waits for the interpreter is woken each time, and in vain: among several threads that costs more than fetching.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

GAP = sa.literal_column("' '", sa.String)
"""Ends a text or a number that has no fixed length."""


class Joined(FunctionElement[bytes]):
    """The octets of the columns one behind the other; NULL if one of them is.

    Octets stand there as they are, texts in UTF-8, whole numbers in decimal digits.
    """

    name = "joined"
    type = sa.LargeBinary()
    inherit_cache = True


@compiles(Joined, "sqlite")
def _sqlite(element: Joined, compiler: SQLCompiler, **named: Any) -> str:
    # The operator puts octets together whatever they are, zeros too, and calls the whole a text.
    parts = [compiler.process(part, **named) for part in element.clauses]
    return f"CAST({' || '.join(parts)} AS BLOB)"


@compiles(Joined, "postgresql")
def _postgresql(element: Joined, compiler: SQLCompiler, **named: Any) -> str:
    parts = [(compiler.process(part, **named), part.type) for part in element.clauses]
    texts = [
        text if isinstance(kind, sa.LargeBinary) else f"convert_to(CAST({text} AS TEXT), 'UTF8')"
        for text, kind in parts
    ]
    return f"({' || '.join(texts)})"
