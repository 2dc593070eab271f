-- Who signs mailboxes in by OAuth 2.0, as set up by super-administrators.
CREATE TABLE sign_in_providers (
    id UUID PRIMARY KEY,
    settings TEXT NOT NULL,
    secret BYTEA
);
-- Somebody has been sent to a provider and is not back. One row is good for one return, of the same session.
CREATE TABLE begun_sign_ins (
    state_hash BYTEA PRIMARY KEY,
    session_hash BYTEA NOT NULL,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    provider_id UUID NOT NULL REFERENCES sign_in_providers (id) ON DELETE CASCADE,
    redirect TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
-- What an account signs in with, both sealed. Whoever refreshes holds the lease.
CREATE TABLE account_tokens (
    mail_account_id UUID PRIMARY KEY REFERENCES mail_accounts (id) ON DELETE CASCADE,
    provider_id UUID NOT NULL REFERENCES sign_in_providers (id) ON DELETE CASCADE,
    refresh_token BYTEA NOT NULL,
    access_token BYTEA NOT NULL,
    signed_in_as TEXT,
    scopes TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    refresh_at BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    failed_because TEXT,
    over_because TEXT,
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL
);
CREATE INDEX account_tokens_by_refresh ON account_tokens (refresh_at);
