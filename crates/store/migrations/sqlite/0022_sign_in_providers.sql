-- Who signs mailboxes in by OAuth 2.0, as set up by super-administrators.
CREATE TABLE sign_in_providers (
    id BLOB PRIMARY KEY,
    settings TEXT NOT NULL,
    secret BLOB
) STRICT;
-- Somebody has been sent to a provider and is not back. One row is good for one return, of the same session.
CREATE TABLE begun_sign_ins (
    state_hash BLOB PRIMARY KEY,
    session_hash BLOB NOT NULL,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    provider_id BLOB NOT NULL REFERENCES sign_in_providers (id) ON DELETE CASCADE,
    redirect TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
-- What an account signs in with, both sealed. Whoever refreshes holds the lease.
CREATE TABLE account_tokens (
    mail_account_id BLOB PRIMARY KEY REFERENCES mail_accounts (id) ON DELETE CASCADE,
    provider_id BLOB NOT NULL REFERENCES sign_in_providers (id) ON DELETE CASCADE,
    refresh_token BLOB NOT NULL,
    access_token BLOB NOT NULL,
    signed_in_as TEXT,
    scopes TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    refresh_at INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failed_because TEXT,
    over_because TEXT,
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL
) STRICT;
CREATE INDEX account_tokens_by_refresh ON account_tokens (refresh_at);
