ALTER TABLE projection ADD COLUMN told_fields BYTEA;
ALTER TABLE projection ADD COLUMN owed_since VARCHAR(27);
ALTER TABLE feed_shown ADD COLUMN superseded_at VARCHAR(27);
UPDATE projection SET owed_since = stand WHERE number IS NOT NULL AND (acked_digest IS NOT NULL OR told);
CREATE TABLE notice (
	number VARCHAR(36) NOT NULL,
	application VARCHAR(64) NOT NULL,
	kind VARCHAR(16) NOT NULL,
	created_at VARCHAR(27) NOT NULL,
	fields VARCHAR(64) NOT NULL,
	person_id BYTEA,
	sealed BYTEA,
	settled_at VARCHAR(27),
	CONSTRAINT pk_notice PRIMARY KEY (number),
	CONSTRAINT ck_notice_kind CHECK (kind IN ('berichtigung', 'loeschung', 'einschraenkung'))
);
CREATE INDEX ix_notice_person_id ON notice (person_id);
CREATE INDEX ix_notice_application ON notice (application);
