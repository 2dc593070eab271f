-- A draft that was deleted can be had back for a while.
ALTER TABLE drafts ADD COLUMN deleted_at INTEGER;
