-- What is known of a sender: a set of bits, `domain::rules::sender`.
ALTER TABLE messages ADD COLUMN sender_marks BIGINT NOT NULL DEFAULT 0;
UPDATE messages SET sender_marks = 2 WHERE is_disowned;
-- What the domain of an address looks like, to find others that look the same. Older rows have it once they are saved again.
ALTER TABLE party_addresses ADD COLUMN domain_looks TEXT NOT NULL DEFAULT '';
CREATE INDEX party_addresses_by_looks ON party_addresses (domain_looks);
-- Senders whose remote images a viewer always loads.
CREATE TABLE image_senders (
    viewer_id UUID NOT NULL REFERENCES administrators (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (viewer_id, address)
);
