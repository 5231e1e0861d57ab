CREATE TABLE budget (
	application VARCHAR(64) NOT NULL,
	moments BIGINT[] NOT NULL,
	day INTEGER NOT NULL,
	persons BIGINT NOT NULL,
	bytes BIGINT NOT NULL,
	CONSTRAINT pk_budget PRIMARY KEY (application)
);
