-- The bytes of a message: one row for each form it came in (composed here, filed in Sent, received); one is shown.
CREATE TABLE raws (
    message_id UUID NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
    sha256 BYTEA NOT NULL,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    origin TEXT NOT NULL,
    is_shown BOOLEAN NOT NULL,
    segment TEXT NOT NULL,
    start_byte BIGINT NOT NULL,
    length_bytes BIGINT NOT NULL,
    PRIMARY KEY (message_id, sha256)
);
INSERT INTO raws (message_id, sha256, mail_account_id, origin, is_shown, segment, start_byte, length_bytes)
SELECT m.id, m.sha256, m.mail_account_id, r.origin, TRUE, r.segment, r.start_byte, r.length_bytes
  FROM raw_messages r
  JOIN messages m ON m.id = r.message_id;
DROP TABLE raw_messages;
DROP INDEX messages_by_content;
CREATE INDEX raws_by_segment ON raws (segment);
CREATE INDEX raws_by_content ON raws (mail_account_id, sha256);

-- The receiving server says that the author's domain disowns the message (DMARC fail): it is nobody's by itself.
ALTER TABLE messages ADD COLUMN is_disowned BOOLEAN NOT NULL DEFAULT FALSE;

-- Chosen by a person: whose a thread is, where its addresses do not tell.
CREATE TABLE thread_parties (
    thread_id UUID PRIMARY KEY REFERENCES threads (id) ON DELETE CASCADE,
    party_id UUID NOT NULL REFERENCES parties (id) ON DELETE CASCADE,
    chosen_at BIGINT NOT NULL
);
CREATE INDEX thread_parties_of_party ON thread_parties (party_id);

-- A merged thread's id goes on leading to its messages.
CREATE TABLE thread_redirects (
    thread_id UUID PRIMARY KEY,
    mail_account_id UUID NOT NULL REFERENCES mail_accounts (id) ON DELETE CASCADE,
    to_thread UUID NOT NULL REFERENCES threads (id) ON DELETE CASCADE
);
CREATE INDEX thread_redirects_to ON thread_redirects (to_thread);
