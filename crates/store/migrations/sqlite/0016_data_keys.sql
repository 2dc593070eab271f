-- Data keys, each wrapped by the master key that is named: one for each mail account, and one of the installation.
CREATE TABLE data_keys (
    scope BLOB PRIMARY KEY,
    master BLOB NOT NULL,
    wrapped BLOB NOT NULL
) STRICT;
