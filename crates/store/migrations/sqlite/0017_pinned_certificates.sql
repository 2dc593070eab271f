-- A certificate is checked or pinned. Where nobody looked at it, its owner is shown it once more.
UPDATE mail_accounts SET imap = json_remove(imap, '$.validate_certificate') WHERE imap IS NOT NULL;
UPDATE mail_accounts SET smtp = json_remove(smtp, '$.validate_certificate') WHERE smtp IS NOT NULL;
