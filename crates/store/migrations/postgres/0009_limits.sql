-- What went within the last hour is counted where a server or an owner limits it.
CREATE INDEX outbox_by_sent ON outbox (mail_account_id, sent_at);
CREATE INDEX drafts_by_sent_as ON drafts (sent_as) WHERE sent_as IS NOT NULL;
