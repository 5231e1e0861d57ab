ALTER TABLE feed_counter ADD COLUMN waiting_since VARCHAR(27);
ALTER TABLE feed_counter ADD COLUMN waiting_from BIGINT DEFAULT '0' NOT NULL;
