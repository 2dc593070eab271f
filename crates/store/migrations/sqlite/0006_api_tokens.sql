-- For programs: a scope, an end, a hash. The token itself is shown once.
CREATE TABLE api_tokens (
    id BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    scope TEXT NOT NULL,
    created_by BLOB NOT NULL REFERENCES administrators (id),
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    last_used_at INTEGER
) STRICT;

-- For whoever follows the records: changed since, in order.
CREATE INDEX parties_by_change ON parties (updated_at, id);
