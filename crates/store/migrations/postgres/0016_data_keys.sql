-- Data keys, each wrapped by the master key that is named: one for each mail account, and one of the installation.
CREATE TABLE data_keys (
    scope UUID PRIMARY KEY,
    master BYTEA NOT NULL,
    wrapped BYTEA NOT NULL
);
