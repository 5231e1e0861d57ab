CREATE TABLE reconciliation (
	source VARCHAR(40) NOT NULL,
	finished_at VARCHAR(27) NOT NULL,
	change_number BIGINT,
	outcome VARCHAR(16) NOT NULL,
	found TEXT NOT NULL,
	CONSTRAINT pk_reconciliation PRIMARY KEY (source, finished_at)
);
