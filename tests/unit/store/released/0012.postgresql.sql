CREATE TABLE released (
	number BIGINT NOT NULL,
	head TEXT NOT NULL,
	content TEXT,
	digest BYTEA NOT NULL,
	entry VARCHAR(36) NOT NULL,
	CONSTRAINT pk_released PRIMARY KEY (number)
);
