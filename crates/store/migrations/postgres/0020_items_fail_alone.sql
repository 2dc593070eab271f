-- How often its sending ended the process before the message could have gone.
ALTER TABLE outbox ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
-- A copy that could not be made waits alone; while one is being made nobody else makes it.
ALTER TABLE outbox ADD COLUMN sent_copy_due_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN sent_copy_said TEXT;
CREATE INDEX outbox_by_expiry ON outbox (expires_at) WHERE state IN ('queued', 'retrying');
-- Counted before it is tried: one that ends the process or the connection each time waits for the next day.
ALTER TABLE audits ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0;
