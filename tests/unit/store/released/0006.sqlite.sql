CREATE TABLE person_end (
	person_id BLOB NOT NULL,
	kind VARCHAR(16) NOT NULL,
	since VARCHAR(27) NOT NULL,
	CONSTRAINT pk_person_end PRIMARY KEY (person_id),
	CONSTRAINT ck_person_end_kind CHECK (kind IN ('umfang', 'zusammengefuehrt')),
	CONSTRAINT fk_person_end_person_id_person FOREIGN KEY(person_id) REFERENCES person (id)
);
CREATE INDEX ix_person_end_since ON person_end (since);
ALTER TABLE quarantine ADD COLUMN emptied BOOLEAN DEFAULT 0 NOT NULL;
CREATE TABLE audit_dropped (
	month VARCHAR(7) NOT NULL,
	done BOOLEAN NOT NULL,
	CONSTRAINT pk_audit_dropped PRIMARY KEY (month)
);
CREATE TABLE retention_run (
	id INTEGER NOT NULL,
	finished_at VARCHAR(27) NOT NULL,
	held INTEGER NOT NULL,
	CONSTRAINT pk_retention_run PRIMARY KEY (id),
	CONSTRAINT ck_retention_run_one_row CHECK (id = 1)
);
