-- The last comparison of server and store, and when the next was asked for. Without a report: none yet.
CREATE TABLE audits (
    mail_account_id UUID PRIMARY KEY REFERENCES mail_accounts (id) ON DELETE CASCADE,
    made_at BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    report TEXT
);
