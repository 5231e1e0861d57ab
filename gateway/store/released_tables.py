"""The register of statistics that were released: only ever added to, each row hashed together with the one before."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text

from gateway.store.tables import metadata

released = Table(
    "released",
    metadata,
    # From 1 on without a gap.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # RFC 8785 JSON: which report, for which audience and days, under which rule, and the SHA-256 of `content`.
    Column("head", Text, nullable=False),
    # RFC 8785 JSON: the published table and the definition it was counted by; NULL in a row that withdraws another.
    Column("content", Text),
    # SHA-256 of `head`, which holds that of the row before.
    Column("digest", LargeBinary(32), nullable=False),
    # The entry of the audit trail that tells of this row and holds its digest; it was written first.
    Column("entry", String(36), nullable=False),
)
"""Nothing of a person: what stands here everybody may have been told already."""
