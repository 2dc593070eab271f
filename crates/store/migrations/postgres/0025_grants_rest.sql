-- The sign-in of whom it is given to was reset: it shows nothing until the owner of the account has confirmed it.
ALTER TABLE grants ADD COLUMN rests_since BIGINT;
