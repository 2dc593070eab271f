-- How often in a row a folder came back with another UIDVALIDITY, and the last one that was not followed.
ALTER TABLE folders ADD COLUMN rebuilds INTEGER NOT NULL DEFAULT 0;
ALTER TABLE folders ADD COLUMN refused_uid_validity INTEGER;
