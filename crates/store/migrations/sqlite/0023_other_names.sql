-- Another name that the sender of a file gave it, where two differ.
ALTER TABLE attachments ADD COLUMN other_name TEXT;
