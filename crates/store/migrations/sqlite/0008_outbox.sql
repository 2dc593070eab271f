-- What is being written. A draft is its author's, and of an account that the author may still write from.
CREATE TABLE drafts (
    id BLOB PRIMARY KEY,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    author_id BLOB NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    thread_id BLOB REFERENCES threads (id) ON DELETE SET NULL,
    answers_id BLOB REFERENCES messages (id) ON DELETE SET NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    html TEXT NOT NULL,
    version INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    sent_as BLOB
) STRICT;
CREATE INDEX drafts_of_author ON drafts (author_id, updated_at);

CREATE TABLE draft_files (
    id BLOB PRIMARY KEY,
    draft_id BLOB NOT NULL REFERENCES drafts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content_id TEXT,
    segment TEXT NOT NULL,
    start_byte INTEGER NOT NULL,
    length_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX draft_files_of_draft ON draft_files (draft_id);
CREATE INDEX draft_files_by_segment ON draft_files (segment);

-- A message on its way out. `data_sent_at` is committed before the final dot: whoever finds it set and no answer
-- does not know whether the message went.
CREATE TABLE outbox (
    message_id BLOB PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    mail_account_id BLOB NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    sender_id BLOB NOT NULL REFERENCES administrators (id),
    answers_id BLOB,
    envelope_from TEXT NOT NULL,
    state TEXT NOT NULL,
    said TEXT,
    queued_at INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    lease_owner TEXT NOT NULL,
    lease_until INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    data_sent_at INTEGER,
    sent_at INTEGER,
    sent_copy TEXT NOT NULL,
    sent_copy_attempts INTEGER NOT NULL
) STRICT;
CREATE INDEX outbox_by_state ON outbox (state, due_at);
CREATE INDEX outbox_of_account ON outbox (mail_account_id, queued_at);
CREATE INDEX outbox_by_copy ON outbox (sent_copy) WHERE sent_copy = 'due';

CREATE TABLE outbox_recipients (
    message_id BLOB NOT NULL REFERENCES outbox (message_id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    said TEXT,
    PRIMARY KEY (message_id, address)
) STRICT;

-- A request that is repeated under the same key is answered as the first time. Kept for seven days.
CREATE TABLE idempotency_keys (
    administrator_id BLOB NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    key_hash BLOB NOT NULL,
    body_hash BLOB NOT NULL,
    message_id BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (administrator_id, key_hash)
) STRICT;

CREATE TABLE canned_responses (
    id BLOB PRIMARY KEY,
    owner_id BLOB NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    html TEXT NOT NULL
) STRICT;
CREATE INDEX canned_responses_of_owner ON canned_responses (owner_id, name);

ALTER TABLE mail_accounts ADD COLUMN signature TEXT NOT NULL DEFAULT '';
