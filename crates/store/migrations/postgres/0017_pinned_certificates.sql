-- A certificate is checked or pinned. Where nobody looked at it, its owner is shown it once more.
UPDATE mail_accounts SET imap = (imap::jsonb - 'validate_certificate')::text WHERE imap IS NOT NULL;
UPDATE mail_accounts SET smtp = (smtp::jsonb - 'validate_certificate')::text WHERE smtp IS NOT NULL;
