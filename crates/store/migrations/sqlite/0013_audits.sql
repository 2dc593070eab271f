-- The last comparison of server and store, and when the next was asked for. Without a report: none yet.
CREATE TABLE audits (
    mail_account_id BLOB PRIMARY KEY REFERENCES mail_accounts (id) ON DELETE CASCADE,
    made_at INTEGER NOT NULL,
    asked_at INTEGER NOT NULL,
    report TEXT
) STRICT;
