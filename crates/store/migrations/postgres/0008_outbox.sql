-- What is being written. A draft is its author's, and of an account that the author may still write from.
CREATE TABLE drafts (
    id UUID PRIMARY KEY,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    author_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    thread_id UUID REFERENCES threads (id) ON DELETE SET NULL,
    answers_id UUID REFERENCES messages (id) ON DELETE SET NULL,
    recipients TEXT NOT NULL,
    subject TEXT NOT NULL,
    html TEXT NOT NULL,
    version BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    sent_as UUID
);
CREATE INDEX drafts_of_author ON drafts (author_id, updated_at);

CREATE TABLE draft_files (
    id UUID PRIMARY KEY,
    draft_id UUID NOT NULL REFERENCES drafts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    content_id TEXT,
    segment TEXT NOT NULL,
    start_byte BIGINT NOT NULL,
    length_bytes BIGINT NOT NULL
);
CREATE INDEX draft_files_of_draft ON draft_files (draft_id);
CREATE INDEX draft_files_by_segment ON draft_files (segment);

-- A message on its way out. `data_sent_at` is committed before the final dot: whoever finds it set and no answer
-- does not know whether the message went.
CREATE TABLE outbox (
    message_id UUID PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    sender_id UUID NOT NULL REFERENCES administrators (id),
    answers_id UUID,
    envelope_from TEXT NOT NULL,
    state TEXT NOT NULL,
    said TEXT,
    queued_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    lease_owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    fence BIGINT NOT NULL,
    data_sent_at BIGINT,
    sent_at BIGINT,
    sent_copy TEXT NOT NULL,
    sent_copy_attempts BIGINT NOT NULL
);
CREATE INDEX outbox_by_state ON outbox (state, due_at);
CREATE INDEX outbox_of_account ON outbox (mail_account_id, queued_at);
CREATE INDEX outbox_by_copy ON outbox (sent_copy) WHERE sent_copy = 'due';

CREATE TABLE outbox_recipients (
    message_id UUID NOT NULL REFERENCES outbox (message_id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    said TEXT,
    PRIMARY KEY (message_id, address)
);

-- A request that is repeated under the same key is answered as the first time. Kept for seven days.
CREATE TABLE idempotency_keys (
    administrator_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    key_hash BYTEA NOT NULL,
    body_hash BYTEA NOT NULL,
    message_id UUID NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (administrator_id, key_hash)
);

CREATE TABLE canned_responses (
    id UUID PRIMARY KEY,
    owner_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    html TEXT NOT NULL
);
CREATE INDEX canned_responses_of_owner ON canned_responses (owner_id, name);

ALTER TABLE mail_accounts ADD COLUMN signature TEXT NOT NULL DEFAULT '';
