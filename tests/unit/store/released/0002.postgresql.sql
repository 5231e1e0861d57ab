CREATE TABLE audit_head (
	id INTEGER NOT NULL,
	chain VARCHAR(36) NOT NULL,
	number BIGINT NOT NULL,
	total BIGINT NOT NULL,
	hash BYTEA NOT NULL,
	CONSTRAINT pk_audit_head PRIMARY KEY (id)
);
CREATE TABLE audit_batch (
	number BIGINT NOT NULL,
	previous BYTEA NOT NULL,
	root BYTEA NOT NULL,
	entries INTEGER NOT NULL,
	total BIGINT NOT NULL,
	time VARCHAR(24) NOT NULL,
	hash BYTEA NOT NULL,
	CONSTRAINT pk_audit_batch PRIMARY KEY (number)
);
CREATE TABLE audit_entry (
	batch BIGINT NOT NULL,
	position INTEGER NOT NULL,
	number VARCHAR(36) NOT NULL,
	hash BYTEA NOT NULL,
	content BYTEA NOT NULL,
	CONSTRAINT pk_audit_entry PRIMARY KEY (batch, position),
	CONSTRAINT fk_audit_entry_batch_audit_batch FOREIGN KEY(batch) REFERENCES audit_batch (number)
);
CREATE UNIQUE INDEX audit_entry_number ON audit_entry (number);
CREATE TABLE audit_personal (
	number VARCHAR(36) NOT NULL,
	segment VARCHAR(7) NOT NULL,
	sealed BYTEA NOT NULL,
	CONSTRAINT pk_audit_personal PRIMARY KEY (number)
);
CREATE INDEX audit_personal_segment ON audit_personal (segment);
CREATE TABLE audit_segment (
	month VARCHAR(7) NOT NULL,
	wrapped BYTEA,
	CONSTRAINT pk_audit_segment PRIMARY KEY (month)
);
CREATE TABLE audit_replay (
	key BYTEA NOT NULL,
	until BIGINT NOT NULL,
	CONSTRAINT pk_audit_replay PRIMARY KEY (key)
);
CREATE INDEX audit_replay_until ON audit_replay (until);
