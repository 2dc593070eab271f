-- Customers and leads, one table. Their ids are random: an id that holds a time would date foreign mail.
CREATE TABLE parties (
    id UUID PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    number TEXT NOT NULL,
    phone TEXT NOT NULL,
    status TEXT NOT NULL,
    external_id TEXT UNIQUE,
    notes TEXT NOT NULL,
    sort_name TEXT NOT NULL,
    search_text TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX parties_by_name ON parties (kind, sort_name, id);

-- Pairing: whose address it is, joined when mail is read. Shared by all accounts, so no row of an account names it.
CREATE TABLE party_addresses (
    party_id UUID NOT NULL REFERENCES parties (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    source TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (party_id, address)
);
CREATE INDEX party_addresses_by_address ON party_addresses (address);

-- The mail of one address in one account is found without walking over foreign mail.
ALTER TABLE message_addresses ADD COLUMN mail_account_id UUID;
UPDATE message_addresses
   SET mail_account_id = (SELECT m.mail_account_id FROM messages m WHERE m.id = message_addresses.message_id);
DROP INDEX message_addresses_by_address;
CREATE INDEX message_addresses_by_address ON message_addresses (mail_account_id, address, message_id);
