ALTER TABLE epoch ADD COLUMN restoring BOOLEAN DEFAULT false NOT NULL;
ALTER TABLE feed_counter ADD COLUMN anew BOOLEAN DEFAULT false NOT NULL;
CREATE TABLE backup_run (
	id INTEGER NOT NULL,
	taken_at VARCHAR(27) NOT NULL,
	CONSTRAINT pk_backup_run PRIMARY KEY (id),
	CONSTRAINT ck_backup_run_one_row CHECK (id = 1)
);
