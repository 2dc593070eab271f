-- What no person wrote: report, answer, list, bulk.
ALTER TABLE messages ADD COLUMN automatic TEXT;
