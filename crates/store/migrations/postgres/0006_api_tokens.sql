-- For programs: a scope, an end, a hash. The token itself is shown once.
CREATE TABLE api_tokens (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    token_hash BYTEA NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    created_by UUID NOT NULL REFERENCES administrators (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    last_used_at BIGINT
);

-- For whoever follows the records: changed since, in order.
CREATE INDEX parties_by_change ON parties (updated_at, id);
