CREATE TABLE key_use (
	purpose VARCHAR(8) NOT NULL,
	generation INTEGER NOT NULL,
	proof BLOB NOT NULL,
	CONSTRAINT pk_key_use PRIMARY KEY (purpose)
);
ALTER TABLE search_index ADD COLUMN generation INTEGER DEFAULT '1' NOT NULL;
ALTER TABLE projection ADD COLUMN place BLOB DEFAULT '' NOT NULL;
UPDATE projection SET place = kennung_index;
CREATE INDEX ix_projection_stream_place ON projection (stream, place);
