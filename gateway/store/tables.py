"""The tables of the store: in clear stand keyed hashes, counters and our own times, never an attribute of a person."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
)

from gateway.agreements.synthetic import EIGENPROBE

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Utc(TypeDecorator[datetime]):
    """An aware moment, stored as ISO 8601 text in UTC to the microsecond: sorts as text, same on every database.

    Empty, which is what an older program leaves in a column it does not know, it is read as None.
    """

    impl = String(27)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without time zone")
        return _written(value, value.fold)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        del dialect
        return datetime.fromisoformat(value) if value else None


@lru_cache(maxsize=256)
def _written(moment: datetime, _fold: int) -> str:
    """Of a person's moments, which every application is told. Two that differ by their fold alone count as equal."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


APPLICATION = String(64)
STREAM = String(80)  # <application>/<contract major>: one feed each
SOURCE = String(40)

person = Table(
    "person",
    metadata,
    Column("id", LargeBinary(16), primary_key=True),
    Column("source", SOURCE, nullable=False),
    Column("source_key", LargeBinary(32), nullable=False, unique=True),
    # NULL once destroyed: with it go all versions, the audit identifier and every sealed text of this person.
    Column("wrapped_key", LargeBinary),
    Column("ring_key_id", Integer),
    Column("version", Integer, nullable=False),
    Column("change_number", BigInteger, nullable=False),
    Column("state", String(8), nullable=False),
    # The source key of the record this one was merged into; it need not be known here yet.
    Column("merged_into", LargeBinary(32)),
    # Keyed hash of the next day on which something changes by itself: the day itself may be a birthday.
    Column("due", LargeBinary(32)),
    Column("audit_cipher", LargeBinary),
    CheckConstraint("state IN ('active', 'removed', 'merged')", name="state"),
    Index(None, "due"),
    Index(None, "merged_into"),
    Index(None, "ring_key_id"),
)

REAL = person.c.source != EIGENPROBE
"""All persons but the one that the gateway invented to probe itself: whoever counts or lists persons asks for it."""

person_version = Table(
    "person_version",
    metadata,
    Column("person_id", ForeignKey(person.c.id), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("recorded_at", Utc, nullable=False),
    Column("document", LargeBinary, nullable=False),
)

search_index = Table(
    "search_index",
    metadata,
    Column("token", LargeBinary(32), primary_key=True),
    Column("person_id", ForeignKey(person.c.id), primary_key=True),
    # Of the index key; tokens of two generations stand side by side while the key is changed.
    Column("generation", Integer, nullable=False, server_default="1"),
    Index(None, "person_id"),
)

relation = Table(
    "relation",
    metadata,
    Column("person_id", ForeignKey(person.c.id), primary_key=True),
    Column("other_source_key", LargeBinary(32), primary_key=True),
    Index(None, "other_source_key"),
)

family = Table(
    "family",
    metadata,
    Column("person_id", ForeignKey(person.c.id), primary_key=True),
    Column("family_key", LargeBinary(32), nullable=False),
    Index(None, "family_key"),
)

family_kennung = Table(
    "family_kennung",
    metadata,
    Column("application", APPLICATION, primary_key=True),
    Column("family_key", LargeBinary(32), primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
)

projection = Table(
    "projection",
    metadata,
    Column("stream", STREAM, primary_key=True),
    Column("person_id", ForeignKey(person.c.id), primary_key=True),
    # Kennung and links to neighbours in this stream: under the person's key, or, once that is
    # destroyed (`released`), the Kennung alone under the feed key until `entfallen` is acknowledged.
    Column("sealed", LargeBinary, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("kennung_index", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32)),
    Column("acked_digest", LargeBinary(32)),
    Column("number", BigInteger),
    Column("visible_since", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("stand", Utc, nullable=False),
    # What version and stand were when the current state was acknowledged: restored if a change takes itself back.
    Column("acked_version", Integer, nullable=False),
    Column("acked_stand", Utc, nullable=False),
    Column("told", Boolean, nullable=False),
    # Fields that were told outside the feed, each with a keyed hash of its value (`feed_told`).
    Column("told_fields", LargeBinary),
    # Since when the application must learn that something it was told no longer holds; NULL: nothing of the kind.
    Column("owed_since", Utc),
    Index(None, "person_id"),
    # Random, and never changed: where the person stands on the pages of a snapshot, whatever becomes of the keys.
    Column("place", LargeBinary(32), nullable=False, server_default=""),
    Index(None, "stream", "kennung_index", unique=True),
    Index(None, "stream", "place"),
    Index(None, "stream", "number", unique=True),
)

feed_counter = Table(
    "feed_counter",
    metadata,
    Column("stream", STREAM, primary_key=True),
    Column("last", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("acked", BigInteger, nullable=False),
    Column("snapshot", BigInteger, nullable=False),
    Column("snapshot_done", BigInteger, nullable=False),
    Column("snapshot_until", Utc),
    # What all projections of this stream were last computed from; NULL: never completely.
    Column("basis", LargeBinary(32)),
    # Since when changes wait and nothing was acknowledged, and `last` just before; NULL: as far as is known none waits.
    Column("waiting_since", Utc),
    Column("waiting_from", BigInteger, nullable=False, server_default="0"),
    # A restore took back what this application may have been told: it must fetch the whole stock before it goes on.
    Column("anew", Boolean, nullable=False, server_default=false()),
)

feed_shown = Table(
    "feed_shown",
    metadata,
    Column("stream", STREAM, primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("person_id", ForeignKey(person.c.id), nullable=False),
    Column("digest", LargeBinary(32)),
    Column("superseded_at", Utc),
    Index(None, "person_id"),
)

notice = Table(
    "notice",
    metadata,
    Column("number", String(36), primary_key=True),
    Column("application", APPLICATION, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("created_at", Utc, nullable=False),
    # Bitmap of `audited`, hexadecimal as in the audit trail; "0": whatever the application was told.
    Column("fields", String(64), nullable=False),
    # Both go when the notice is settled. No foreign key: a tombstone need not wait for a letter.
    Column("person_id", LargeBinary(16)),
    Column("sealed", LargeBinary),
    Column("settled_at", Utc),
    CheckConstraint("kind IN ('berichtigung', 'loeschung', 'einschraenkung')", name="kind"),
    Index(None, "person_id"),
    Index(None, "application"),
)

position = Table(
    "position",
    metadata,
    Column("source", SOURCE, primary_key=True),
    Column("change_number", BigInteger, nullable=False),
    Column("page_token", Text),
    Column("full_load", Boolean, nullable=False),
)

poll_run = Table(
    "poll_run",
    metadata,
    Column("source", SOURCE, primary_key=True),
    Column("stand", Utc, nullable=False),
    Column("finished_at", Utc, nullable=False),
)

reconciliation = Table(
    "reconciliation",
    metadata,
    Column("source", SOURCE, primary_key=True),
    Column("finished_at", Utc, primary_key=True),
    # The source's change number that the sweep was at; NULL: it did not come so far.
    Column("change_number", BigInteger),
    Column("outcome", String(16), nullable=False),
    # How many were found, by kind of drift, as JSON; never who.
    Column("found", Text, nullable=False),
)

poll_term = Table(
    "poll_term",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # How often the poll lock was taken, and which of its holders was the last (`tenure`).
    Column("term", BigInteger, nullable=False),
    Column("mark", String(32), nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)

poll_turn = Table(
    "poll_turn",
    metadata,
    Column("source", SOURCE, primary_key=True),
    # The last turn anybody took, whether or not the source was asked in it, and how long until the next.
    Column("number", BigInteger, nullable=False),
    Column("taken_at", Utc, nullable=False),
    Column("pause_ms", BigInteger, nullable=False),
    # So many turns more pass before the source is asked again.
    Column("rest", Integer, nullable=False),
    Column("attempted_at", Utc),
    # How often in a row the source could not be read, since when, and how it ended the last time.
    Column("failures", Integer, nullable=False),
    Column("failing_since", Utc),
    Column("code", String(64)),
    # It was set back behind what had been read: only a whole load can say what is true.
    Column("went_back", Boolean, nullable=False, server_default=false()),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("number", String(36), primary_key=True),
    Column("source", SOURCE, nullable=False),
    Column("source_key", LargeBinary(32)),
    Column("change_number", BigInteger),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("reasons", Text, nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    # Its time is over: `sealed` holds nothing any more, the row is only the note that there was one.
    Column("emptied", Boolean, nullable=False, server_default=false()),
    # Which refusal it was, and a digest of what it was judged by; NULL: before this was noted.
    Column("code", String(40)),
    Column("basis", LargeBinary(32)),
    # Since when this person's newest record has been a refused one: a newer refused one does not begin anew.
    Column("waiting_since", Utc, nullable=False, server_default=""),
    # When the source last sent these bytes, and when the office was last told of them.
    Column("seen_at", Utc),
    Column("reported_at", Utc),
    # Nobody waits for it any more: the row is the note that keeps the same bytes from waiting again.
    Column("dropped_at", Utc),
    Column("dropped_for", String(24)),
    Index(None, "source_key"),
    Index(None, "source", "sha256", unique=True),
)

discrepancy = Table(
    "discrepancy",
    metadata,
    Column("number", String(36), primary_key=True),
    Column("application", APPLICATION, nullable=False),
    Column("person_id", ForeignKey(person.c.id), nullable=False),
    Column("recorded_at", Utc, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Index(None, "person_id"),
)

key_use = Table(
    "key_use",
    metadata,
    # Which generation of a hash key (index, digest) all rows are made with, and a value that only it gives.
    Column("purpose", String(8), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("proof", LargeBinary(32), nullable=False),
)

budget = Table(
    "budget",
    metadata,
    # What each application has used: PostgreSQL only (`budgets`), on SQLite one machine counts in its memory.
    Column("application", APPLICATION, primary_key=True),
    # One for each second of the last minute: the second since 1970 times a million, plus how many were admitted in it.
    Column("moments", ARRAY(BigInteger).with_variant(Text(), "sqlite"), nullable=False),
    # The proleptic day of the city that `persons` and `bytes` count.
    Column("day", Integer, nullable=False),
    Column("persons", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
)

epoch = Table(
    "epoch",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("value", String(32), nullable=False),
    # How many lines the erasure ledger has had: a shorter file means that it was lost.
    Column("erasures", BigInteger, nullable=False),
    # ISO day up to which everything that changes by itself has been recomputed.
    Column("reprojected", String(10)),
    # A restore has begun and is not finished: nothing may be served before it is.
    Column("restoring", Boolean, nullable=False, server_default=false()),
    CheckConstraint("id = 1", name="one_row"),
)

backup_run = Table(
    "backup_run",
    metadata,
    # The last copy that `gateway db backup` made of this database and found whole.
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("taken_at", Utc, nullable=False),
    CheckConstraint("id = 1", name="one_row"),
)
