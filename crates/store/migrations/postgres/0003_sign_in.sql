-- Second factor: the secret is sealed like a mail password; a code works once (`totp_last_step`).
ALTER TABLE administrators ADD COLUMN totp_secret BYTEA;
ALTER TABLE administrators ADD COLUMN totp_last_step BIGINT NOT NULL DEFAULT 0;

CREATE TABLE recovery_codes (
    administrator_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    code_hash BYTEA NOT NULL,
    PRIMARY KEY (administrator_id, code_hash)
);

-- One-time links by which somebody chooses a password: a new administrator, or after a reset.
CREATE TABLE sign_in_links (
    administrator_id UUID PRIMARY KEY REFERENCES administrators (id) ON DELETE CASCADE,
    token_hash BYTEA NOT NULL UNIQUE,
    expires_at BIGINT NOT NULL
);

-- Sessions are shown to whom they belong. Those from before end with this.
DROP TABLE sessions;
CREATE TABLE sessions (
    id_hash BYTEA PRIMARY KEY,
    id UUID NOT NULL UNIQUE,
    administrator_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    client TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_administrator ON sessions (administrator_id);

-- Sealed: somebody else reset its owner's sign-in. Nothing is shown until the mailbox's own password is
-- entered anew and its server accepts it. The notice about it is put into the mailbox.
ALTER TABLE mail_accounts ADD COLUMN sealed_at BIGINT;
ALTER TABLE mail_accounts ADD COLUMN notice_due BOOLEAN NOT NULL DEFAULT FALSE;
