-- What its owner has taken off the list is still known, and neither counted nor waited for.
ALTER TABLE folders ADD COLUMN is_watched INTEGER NOT NULL DEFAULT TRUE;
