-- What went within the last hour is counted where a server or an owner limits it.
CREATE INDEX outbox_by_sent ON outbox (mail_account_id, sent_at);
CREATE INDEX drafts_by_sent_as ON drafts (sent_as) WHERE sent_as IS NOT NULL;

-- Not carried out before: what can be undone waits for that.
ALTER TABLE remote_operations ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
