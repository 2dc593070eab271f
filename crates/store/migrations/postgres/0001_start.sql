-- The twin of the SQLite schema of the same number; a test compares them. Meanings are told there.

CREATE TABLE administrators (
    id UUID PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_super BOOLEAN NOT NULL,
    time_zone TEXT NOT NULL,
    disabled_at BIGINT,
    created_at BIGINT NOT NULL
);

CREATE TABLE sessions (
    id_hash BYTEA PRIMARY KEY,
    administrator_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX sessions_of_administrator ON sessions (administrator_id);

CREATE TABLE setup_links (
    token_hash BYTEA PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE TABLE login_throttle (
    key_hash BYTEA PRIMARY KEY,
    failures BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL
);

CREATE TABLE mail_accounts (
    id UUID PRIMARY KEY,
    owner_id UUID NOT NULL REFERENCES administrators (id),
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    aliases TEXT NOT NULL,
    username TEXT NOT NULL,
    tracking TEXT NOT NULL,
    deny_list TEXT NOT NULL,
    imap TEXT,
    smtp TEXT,
    state TEXT NOT NULL,
    state_since BIGINT NOT NULL,
    state_error TEXT,
    next_try_at BIGINT,
    last_sync_at BIGINT,
    lease_owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX mail_accounts_of_owner ON mail_accounts (owner_id);

CREATE TABLE account_secrets (
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    binding BYTEA NOT NULL,
    PRIMARY KEY (mail_account_id, purpose)
);

CREATE TABLE grants (
    id UUID PRIMARY KEY,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    administrator_id UUID NOT NULL REFERENCES administrators (id),
    level TEXT NOT NULL,
    starts_at BIGINT,
    ends_at BIGINT,
    revoked_at BIGINT,
    created_at BIGINT NOT NULL
);
CREATE INDEX grants_to_administrator ON grants (administrator_id);
CREATE INDEX grants_of_account ON grants (mail_account_id);

CREATE TABLE folders (
    id UUID PRIMARY KEY,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    wire_name BYTEA NOT NULL,
    uid_validity BIGINT,
    next_uid BIGINT NOT NULL,
    mod_seq BIGINT,
    baseline BIGINT NOT NULL,
    history_from BIGINT NOT NULL,
    history_since TEXT,
    baseline_at BIGINT,
    server_messages BIGINT NOT NULL,
    UNIQUE (mail_account_id, wire_name)
);

CREATE TABLE threads (
    id UUID PRIMARY KEY,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    subject_base TEXT NOT NULL,
    last_at BIGINT NOT NULL
);
CREATE INDEX threads_by_subject ON threads (mail_account_id, subject_base, last_at);

CREATE TABLE messages (
    id UUID PRIMARY KEY,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    thread_id UUID NOT NULL REFERENCES threads (id),
    arrival_key BIGINT NOT NULL UNIQUE,
    direction TEXT NOT NULL,
    internet_message_id TEXT,
    author_name TEXT NOT NULL,
    author_address TEXT,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    snippet TEXT NOT NULL,
    arrived_at BIGINT NOT NULL,
    dated_at BIGINT,
    size_bytes BIGINT NOT NULL,
    has_attachments BOOLEAN NOT NULL,
    parked_reason TEXT,
    sha256 BYTEA NOT NULL,
    deleted_at BIGINT
);
CREATE INDEX messages_by_arrival ON messages (mail_account_id, arrival_key);
CREATE INDEX messages_by_content ON messages (mail_account_id, sha256);
CREATE INDEX messages_by_header ON messages (mail_account_id, internet_message_id);
CREATE INDEX messages_of_thread ON messages (thread_id, arrival_key);
CREATE INDEX messages_deleted ON messages (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE message_addresses (
    message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT,
    PRIMARY KEY (message_id, position)
);
CREATE INDEX message_addresses_by_address ON message_addresses (address, message_id);

CREATE TABLE message_references (
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    internet_message_id TEXT NOT NULL,
    message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (mail_account_id, internet_message_id, message_id)
);
CREATE INDEX message_references_of_message ON message_references (message_id);

CREATE TABLE attachments (
    message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    part BIGINT NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    content_id TEXT,
    is_inline BOOLEAN NOT NULL,
    PRIMARY KEY (message_id, part)
);

CREATE TABLE raw_messages (
    message_id UUID PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    origin TEXT NOT NULL,
    segment TEXT NOT NULL,
    start_byte BIGINT NOT NULL,
    length_bytes BIGINT NOT NULL
);
CREATE INDEX raw_messages_by_segment ON raw_messages (segment);

CREATE TABLE remote_copies (
    folder_id UUID NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    uid_validity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (folder_id, uid_validity, uid)
);
CREATE INDEX remote_copies_of_message ON remote_copies (message_id);

CREATE TABLE skipped_copies (
    folder_id UUID NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    uid_validity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    deny_line TEXT,
    skipped_at BIGINT NOT NULL,
    PRIMARY KEY (folder_id, uid_validity, uid)
);
CREATE INDEX skipped_copies_of_account ON skipped_copies (mail_account_id, reason, deny_line);

CREATE TABLE intake_attempts (
    folder_id UUID NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    first_uid BIGINT NOT NULL,
    last_uid BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    PRIMARY KEY (folder_id, first_uid, last_uid)
);

CREATE TABLE unread (
    viewer_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (viewer_id, message_id)
);
CREATE INDEX unread_by_account ON unread (viewer_id, mail_account_id);
CREATE INDEX unread_of_message ON unread (message_id);

CREATE TABLE tombstones (
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    content_hash BYTEA NOT NULL,
    PRIMARY KEY (mail_account_id, content_hash)
);

CREATE TABLE remote_operations (
    id UUID PRIMARY KEY,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    folder_id UUID NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    uid_validity BIGINT NOT NULL,
    uid BIGINT NOT NULL,
    attempts BIGINT NOT NULL
);
CREATE INDEX remote_operations_of_account ON remote_operations (mail_account_id, folder_id);

CREATE TABLE audit_log (
    id UUID PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_id UUID,
    mail_account_id UUID,
    verb TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE INDEX audit_log_of_account ON audit_log (mail_account_id, at);

CREATE TABLE message_search (
    rowid BIGINT PRIMARY KEY,
    words TSVECTOR NOT NULL
);
CREATE INDEX message_search_words ON message_search USING gin (words);
