-- What is wrong with an account since when. Its owner is told once.
CREATE TABLE alarms (
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (mail_account_id, kind)
);
