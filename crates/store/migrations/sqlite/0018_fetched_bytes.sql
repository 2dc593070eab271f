-- What was fetched for an account on a day (UTC, days since 1970): some providers give so much a day and no more.
CREATE TABLE fetched_bytes (
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    day INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (mail_account_id, day)
) STRICT;
