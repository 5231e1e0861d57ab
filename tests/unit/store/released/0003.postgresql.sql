CREATE TABLE audit_index (
	person VARCHAR(64) NOT NULL,
	batch BIGINT NOT NULL,
	position INTEGER NOT NULL,
	CONSTRAINT pk_audit_index PRIMARY KEY (person, batch, position)
);
CREATE TABLE audit_undelivered (
	number VARCHAR(36) NOT NULL,
	CONSTRAINT pk_audit_undelivered PRIMARY KEY (number)
);
CREATE TABLE audit_index_mark (
	id INTEGER NOT NULL,
	batch BIGINT NOT NULL,
	position INTEGER NOT NULL,
	hash BYTEA,
	clearing BOOLEAN NOT NULL,
	CONSTRAINT pk_audit_index_mark PRIMARY KEY (id)
);
