"""The register of statistics that were released: only ever added to, each row hashed together with the one before."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, String, Table, Text

from gateway.store.tables import Utc, metadata

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

draft = Table(
    "released_draft",
    metadata,
    # SHA-256 of `text`: what the trail tells of, and a role signs.
    Column("digest", LargeBinary(32), primary_key=True),
    # RFC 8785 JSON: what the row of the register will say of the table, and beside which register it was found safe.
    Column("text", Text, nullable=False),
    Column("content", Text, nullable=False),
    # The entry of the audit trail that tells of it, and under which who ran it is sealed.
    Column("entry", String(36), nullable=False),
    Column("made", Utc, nullable=False),
)
"""Tables that were made safe and not released yet; nothing of a person, but what may never be told stands here, too."""
