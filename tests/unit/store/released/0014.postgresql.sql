CREATE TABLE released_draft (
	digest BYTEA NOT NULL,
	text TEXT NOT NULL,
	content TEXT NOT NULL,
	entry VARCHAR(36) NOT NULL,
	made VARCHAR(27) NOT NULL,
	CONSTRAINT pk_released_draft PRIMARY KEY (digest)
);
