"""The tables of the audit trail: batches chained by hash, their entries, and what may be forgotten, apart from them.

No personal text stands in any column in clear: `audit_personal.sealed` is AES-256-GCM under a month's key, and
that key stands wrapped by the vault's key ring in `audit_segment`.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table

from gateway.store.tables import metadata

head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("chain", String(36), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
"""One row: the last batch of the chain. Its row lock (PostgreSQL) keeps several processes on one chain."""

batch = Table(
    "audit_batch",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("entries", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("time", String(24), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)

entry = Table(
    "audit_entry",
    metadata,
    Column("batch", BigInteger, ForeignKey("audit_batch.number"), primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("number", String(36), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Index("audit_entry_number", "number", unique=True),
)

personal = Table(
    "audit_personal",
    metadata,
    Column("number", String(36), primary_key=True),
    Column("segment", String(7), nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index("audit_personal_segment", "segment"),
)

segment = Table(
    "audit_segment",
    metadata,
    Column("month", String(7), primary_key=True),
    Column("wrapped", LargeBinary, nullable=True),
)
"""One key per calendar month; `wrapped` is NULL once the month's personal texts are erased."""

replay = Table(
    "audit_replay",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    Column("until", BigInteger, nullable=False),
    Index("audit_replay_until", "until"),
)
"""Signed requests seen: SHA-256 over certificate and SignatureValue, kept until the millisecond `until`."""

index = Table(
    "audit_index",
    metadata,
    Column("person", String(64), primary_key=True),
    Column("batch", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)
"""Which entries name which audit id. Not part of the chain: it can be dropped and made anew from the entries."""

undelivered = Table(
    "audit_undelivered",
    metadata,
    Column("number", String(36), primary_key=True),
    sqlite_with_rowid=False,
)
"""Numbers of entries of which a later one says that the answer did not leave. Part of the index."""

index_mark = Table(
    "audit_index_mark",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("batch", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    Column("hash", LargeBinary(32)),
    Column("clearing", Boolean, nullable=False),
)
"""One row: the last entry indexed, the hash of its batch, and whether old rows must go before it goes on."""

TABLES = (head, batch, entry, personal, segment, replay, index, undelivered, index_mark)
"""All of them: what a trail needs."""
