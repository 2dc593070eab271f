-- What was fetched for an account on a day (UTC, days since 1970): some providers give so much a day and no more.
CREATE TABLE fetched_bytes (
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    day BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (mail_account_id, day)
);
