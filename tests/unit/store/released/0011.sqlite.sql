CREATE TABLE poll_term (
	id INTEGER NOT NULL,
	term BIGINT NOT NULL,
	mark VARCHAR(32) NOT NULL,
	CONSTRAINT pk_poll_term PRIMARY KEY (id),
	CONSTRAINT ck_poll_term_one_row CHECK (id = 1)
);
CREATE TABLE poll_turn (
	source VARCHAR(40) NOT NULL,
	number BIGINT NOT NULL,
	taken_at VARCHAR(27) NOT NULL,
	pause_ms BIGINT NOT NULL,
	rest INTEGER NOT NULL,
	attempted_at VARCHAR(27),
	failures INTEGER NOT NULL,
	failing_since VARCHAR(27),
	code VARCHAR(64),
	went_back BOOLEAN DEFAULT 0 NOT NULL,
	CONSTRAINT pk_poll_turn PRIMARY KEY (source)
);
