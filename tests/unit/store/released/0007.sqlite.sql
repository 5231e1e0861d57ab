ALTER TABLE quarantine ADD COLUMN code VARCHAR(40);
ALTER TABLE quarantine ADD COLUMN basis BLOB;
ALTER TABLE quarantine ADD COLUMN waiting_since VARCHAR(27) DEFAULT '' NOT NULL;
ALTER TABLE quarantine ADD COLUMN seen_at VARCHAR(27);
ALTER TABLE quarantine ADD COLUMN reported_at VARCHAR(27);
ALTER TABLE quarantine ADD COLUMN dropped_at VARCHAR(27);
ALTER TABLE quarantine ADD COLUMN dropped_for VARCHAR(24);
UPDATE quarantine SET waiting_since = recorded_at;
UPDATE quarantine SET code = 'datensatz-widerspruechlich' WHERE reasons LIKE '%zwei Personen unter einer Nummer%';
