-- Times are UTC milliseconds. Ids are UUIDs (16 bytes). Every content row names its mail account: the
-- unit of privacy. The PostgreSQL twin has the same tables and columns; a test compares them.

CREATE TABLE administrators (
    id BLOB PRIMARY KEY,
    login TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    is_super INTEGER NOT NULL,
    time_zone TEXT NOT NULL,
    disabled_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;

-- The id that the browser holds is never stored, only its hash.
CREATE TABLE sessions (
    id_hash BLOB PRIMARY KEY,
    administrator_id BLOB NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_administrator ON sessions (administrator_id);

-- The one-time link by which the first super-administrator is made.
CREATE TABLE setup_links (
    token_hash BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;

-- Refused sign-ins, by the hash of a login or of an address.
CREATE TABLE login_throttle (
    key_hash BLOB PRIMARY KEY,
    failures INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL
) STRICT;

CREATE TABLE mail_accounts (
    id BLOB PRIMARY KEY,
    owner_id BLOB NOT NULL REFERENCES administrators (id),
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    aliases TEXT NOT NULL,
    username TEXT NOT NULL,
    tracking TEXT NOT NULL,
    deny_list TEXT NOT NULL,
    imap TEXT,
    smtp TEXT,
    state TEXT NOT NULL,
    state_since INTEGER NOT NULL,
    state_error TEXT,
    next_try_at INTEGER,
    last_sync_at INTEGER,
    lease_owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_accounts_of_owner ON mail_accounts (owner_id);

-- Sealed passwords; `binding` is the hash of host, port, user and security that they were given for.
CREATE TABLE account_secrets (
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    purpose TEXT NOT NULL,
    sealed BLOB NOT NULL,
    binding BLOB NOT NULL,
    PRIMARY KEY (mail_account_id, purpose)
) STRICT;

CREATE TABLE grants (
    id BLOB PRIMARY KEY,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    administrator_id BLOB NOT NULL REFERENCES administrators (id),
    level TEXT NOT NULL,
    starts_at INTEGER,
    ends_at INTEGER,
    revoked_at INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX grants_to_administrator ON grants (administrator_id);
CREATE INDEX grants_of_account ON grants (mail_account_id);

-- One row for each folder and UIDVALIDITY era that is watched.
CREATE TABLE folders (
    id BLOB PRIMARY KEY,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    wire_name BLOB NOT NULL,
    uid_validity INTEGER,
    next_uid INTEGER NOT NULL,
    mod_seq INTEGER,
    baseline INTEGER NOT NULL,
    history_from INTEGER NOT NULL,
    history_since TEXT,
    baseline_at INTEGER,
    server_messages INTEGER NOT NULL,
    UNIQUE (mail_account_id, wire_name)
) STRICT;

CREATE TABLE threads (
    id BLOB PRIMARY KEY,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    subject_base TEXT NOT NULL,
    last_at INTEGER NOT NULL
) STRICT;
CREATE INDEX threads_by_subject ON threads (mail_account_id, subject_base, last_at);

-- `arrival_key`: seconds of arrival shifted left by 30, below them bits that make it unique. Lists, search
-- and keyset pages go by it, newest first, whatever the order of intake.
CREATE TABLE messages (
    id BLOB PRIMARY KEY,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    thread_id BLOB NOT NULL REFERENCES threads (id),
    arrival_key INTEGER NOT NULL UNIQUE,
    direction TEXT NOT NULL,
    internet_message_id TEXT,
    author_name TEXT NOT NULL,
    author_address TEXT,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    snippet TEXT NOT NULL,
    arrived_at INTEGER NOT NULL,
    dated_at INTEGER,
    size_bytes INTEGER NOT NULL,
    has_attachments INTEGER NOT NULL,
    parked_reason TEXT,
    sha256 BLOB NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX messages_by_arrival ON messages (mail_account_id, arrival_key);
CREATE INDEX messages_by_content ON messages (mail_account_id, sha256);
CREATE INDEX messages_by_header ON messages (mail_account_id, internet_message_id);
CREATE INDEX messages_of_thread ON messages (thread_id, arrival_key);
CREATE INDEX messages_deleted ON messages (deleted_at) WHERE deleted_at IS NOT NULL;

CREATE TABLE message_addresses (
    message_id BLOB NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    name TEXT NOT NULL,
    address TEXT,
    PRIMARY KEY (message_id, position)
) STRICT;
CREATE INDEX message_addresses_by_address ON message_addresses (address, message_id);

-- Which Message-IDs a message names, for parents that arrive after their answers.
CREATE TABLE message_references (
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    internet_message_id TEXT NOT NULL,
    message_id BLOB NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (mail_account_id, internet_message_id, message_id)
) STRICT;
CREATE INDEX message_references_of_message ON message_references (message_id);

CREATE TABLE attachments (
    message_id BLOB NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    content_id TEXT,
    is_inline INTEGER NOT NULL,
    PRIMARY KEY (message_id, part)
) STRICT;

-- Where the exact bytes are: a range of an immutable segment.
CREATE TABLE raw_messages (
    message_id BLOB PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    origin TEXT NOT NULL,
    segment TEXT NOT NULL,
    start_byte INTEGER NOT NULL,
    length_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX raw_messages_by_segment ON raw_messages (segment);

CREATE TABLE remote_copies (
    folder_id BLOB NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    uid_validity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    message_id BLOB NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (folder_id, uid_validity, uid)
) STRICT;
CREATE INDEX remote_copies_of_message ON remote_copies (message_id);

-- What was met and not taken in: its place and the reason, no header.
CREATE TABLE skipped_copies (
    folder_id BLOB NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    uid_validity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    reason TEXT NOT NULL,
    deny_line TEXT,
    skipped_at INTEGER NOT NULL,
    PRIMARY KEY (folder_id, uid_validity, uid)
) STRICT;
CREATE INDEX skipped_copies_of_account ON skipped_copies (mail_account_id, reason, deny_line);

-- A batch that is being parsed. Found again after a death, it is taken message by message.
CREATE TABLE intake_attempts (
    folder_id BLOB NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    first_uid INTEGER NOT NULL,
    last_uid INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    PRIMARY KEY (folder_id, first_uid, last_uid)
) STRICT;

-- Unread is a row per viewer: counting is flat, and reading takes the row away.
CREATE TABLE unread (
    viewer_id BLOB NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    message_id BLOB NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    PRIMARY KEY (viewer_id, message_id)
) STRICT;
CREATE INDEX unread_by_account ON unread (viewer_id, mail_account_id);
CREATE INDEX unread_of_message ON unread (message_id);

-- What was erased for good: a keyed hash, so that it never comes back.
CREATE TABLE tombstones (
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    content_hash BLOB NOT NULL,
    PRIMARY KEY (mail_account_id, content_hash)
) STRICT;

CREATE TABLE remote_operations (
    id BLOB PRIMARY KEY,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    folder_id BLOB NOT NULL REFERENCES folders (id) ON DELETE CASCADE,
    kind TEXT NOT NULL,
    uid_validity INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX remote_operations_of_account ON remote_operations (mail_account_id, folder_id);

-- Append-only. `detail` is for the owner of the account; nobody else is shown it.
CREATE TABLE audit_log (
    id BLOB PRIMARY KEY,
    at INTEGER NOT NULL,
    actor_id BLOB,
    mail_account_id BLOB,
    verb TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX audit_log_of_account ON audit_log (mail_account_id, at);

-- Folded words, newest first by arrival_key. The first word names the account, so that a search never
-- walks over foreign mail.
CREATE VIRTUAL TABLE message_search USING fts5 (
    words, content = '', contentless_delete = 1, tokenize = "unicode61 remove_diacritics 0"
);
