CREATE TABLE epoch (
	id INTEGER NOT NULL,
	value VARCHAR(32) NOT NULL,
	erasures BIGINT NOT NULL,
	reprojected VARCHAR(10),
	CONSTRAINT pk_epoch PRIMARY KEY (id),
	CONSTRAINT ck_epoch_one_row CHECK (id = 1)
);
CREATE TABLE family_kennung (
	application VARCHAR(64) NOT NULL,
	family_key BLOB NOT NULL,
	sealed BLOB NOT NULL,
	CONSTRAINT pk_family_kennung PRIMARY KEY (application, family_key)
);
CREATE TABLE feed_counter (
	stream VARCHAR(80) NOT NULL,
	last BIGINT NOT NULL,
	delivered BIGINT NOT NULL,
	acked BIGINT NOT NULL,
	snapshot BIGINT NOT NULL,
	snapshot_done BIGINT NOT NULL,
	snapshot_until VARCHAR(27),
	basis BLOB,
	CONSTRAINT pk_feed_counter PRIMARY KEY (stream)
);
CREATE TABLE person (
	id BLOB NOT NULL,
	source VARCHAR(40) NOT NULL,
	source_key BLOB NOT NULL,
	wrapped_key BLOB,
	ring_key_id INTEGER,
	version INTEGER NOT NULL,
	change_number BIGINT NOT NULL,
	state VARCHAR(8) NOT NULL,
	merged_into BLOB,
	due BLOB,
	audit_cipher BLOB,
	CONSTRAINT pk_person PRIMARY KEY (id),
	CONSTRAINT ck_person_state CHECK (state IN ('active', 'removed', 'merged')),
	CONSTRAINT uq_person_source_key UNIQUE (source_key)
);
CREATE INDEX ix_person_due ON person (due);
CREATE INDEX ix_person_merged_into ON person (merged_into);
CREATE INDEX ix_person_ring_key_id ON person (ring_key_id);
CREATE TABLE poll_run (
	source VARCHAR(40) NOT NULL,
	stand VARCHAR(27) NOT NULL,
	finished_at VARCHAR(27) NOT NULL,
	CONSTRAINT pk_poll_run PRIMARY KEY (source)
);
CREATE TABLE position (
	source VARCHAR(40) NOT NULL,
	change_number BIGINT NOT NULL,
	page_token TEXT,
	full_load BOOLEAN NOT NULL,
	CONSTRAINT pk_position PRIMARY KEY (source)
);
CREATE TABLE quarantine (
	number VARCHAR(36) NOT NULL,
	source VARCHAR(40) NOT NULL,
	source_key BLOB,
	change_number BIGINT,
	sha256 BLOB NOT NULL,
	reasons TEXT NOT NULL,
	recorded_at VARCHAR(27) NOT NULL,
	sealed BLOB NOT NULL,
	CONSTRAINT pk_quarantine PRIMARY KEY (number)
);
CREATE INDEX ix_quarantine_source_key ON quarantine (source_key);
CREATE UNIQUE INDEX ix_quarantine_source_sha256 ON quarantine (source, sha256);
CREATE TABLE discrepancy (
	number VARCHAR(36) NOT NULL,
	application VARCHAR(64) NOT NULL,
	person_id BLOB NOT NULL,
	recorded_at VARCHAR(27) NOT NULL,
	sealed BLOB NOT NULL,
	CONSTRAINT pk_discrepancy PRIMARY KEY (number),
	CONSTRAINT fk_discrepancy_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_discrepancy_person_id ON discrepancy (person_id);
CREATE TABLE family (
	person_id BLOB NOT NULL,
	family_key BLOB NOT NULL,
	CONSTRAINT pk_family PRIMARY KEY (person_id),
	CONSTRAINT fk_family_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_family_family_key ON family (family_key);
CREATE TABLE feed_shown (
	stream VARCHAR(80) NOT NULL,
	number BIGINT NOT NULL,
	person_id BLOB NOT NULL,
	digest BLOB,
	CONSTRAINT pk_feed_shown PRIMARY KEY (stream, number),
	CONSTRAINT fk_feed_shown_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_feed_shown_person_id ON feed_shown (person_id);
CREATE TABLE person_version (
	person_id BLOB NOT NULL,
	version INTEGER NOT NULL,
	recorded_at VARCHAR(27) NOT NULL,
	document BLOB NOT NULL,
	CONSTRAINT pk_person_version PRIMARY KEY (person_id, version),
	CONSTRAINT fk_person_version_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE TABLE projection (
	stream VARCHAR(80) NOT NULL,
	person_id BLOB NOT NULL,
	sealed BLOB NOT NULL,
	released BOOLEAN NOT NULL,
	kennung_index BLOB NOT NULL,
	digest BLOB,
	acked_digest BLOB,
	number BIGINT,
	visible_since BIGINT NOT NULL,
	version INTEGER NOT NULL,
	stand VARCHAR(27) NOT NULL,
	acked_version INTEGER NOT NULL,
	acked_stand VARCHAR(27) NOT NULL,
	told BOOLEAN NOT NULL,
	CONSTRAINT pk_projection PRIMARY KEY (stream, person_id),
	CONSTRAINT fk_projection_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_projection_person_id ON projection (person_id);
CREATE UNIQUE INDEX ix_projection_stream_kennung_index ON projection (stream, kennung_index);
CREATE UNIQUE INDEX ix_projection_stream_number ON projection (stream, number);
CREATE TABLE relation (
	person_id BLOB NOT NULL,
	other_source_key BLOB NOT NULL,
	CONSTRAINT pk_relation PRIMARY KEY (person_id, other_source_key),
	CONSTRAINT fk_relation_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_relation_other_source_key ON relation (other_source_key);
CREATE TABLE search_index (
	token BLOB NOT NULL,
	person_id BLOB NOT NULL,
	CONSTRAINT pk_search_index PRIMARY KEY (token, person_id),
	CONSTRAINT fk_search_index_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_search_index_person_id ON search_index (person_id);
