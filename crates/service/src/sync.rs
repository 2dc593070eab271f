//! What the engine asks for: leases, states, folders, cursors, remote operations.

use std::collections::HashMap;
use std::time::Duration;

use domain::FolderId;
use domain::MailAccountId;
use domain::MessageId;
use domain::RemoteOperationId;
use domain::Timestamp;
use domain::account::AccountState;
use domain::deny::DenyList;
use domain::folder::FlagChange;
use domain::folder::FolderChanges;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::FolderStatus;
use domain::folder::RemoteOperation;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use domain::message::SkipReason;
use domain::provider::provider_of_server;
use domain::rules::history::HistoryRest;
use domain::rules::history::history_rest;
use domain::rules::intake::IntakeSettings;
use store::Conn;
use store::Tx;
use store::accounts;
pub use store::accounts::Lease;
use store::accounts::MailAccount;
use store::fetched_bytes;
use store::folders;
pub use store::folders::Folder;
pub use store::folders::OpenAttempt;
use store::intake;
use store::lease::Leased as _;
use store::messages;
use store::outbox;
use store::remote_operations;
pub use store::remote_operations::PendingOperation;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::delivery::worker_name;

/// Longer than any one batch takes; renewed with every batch and while waiting.
pub const LEASE_TIME: Duration = Lease::TIME;
const MAX_REBUILDS: u32 = 5;
/// What could not be done in the mailbox is tried again after this.
const OPERATION_AGAIN: Duration = Duration::from_secs(5 * 60);
const FLAGS_AT_ONCE: usize = 500;
const ACCOUNTS_AT_ONCE: usize = 500;

/// What the provider of an account's mailbox gives in a day, where that is known.
pub(crate) fn bytes_per_day(account: &MailAccount) -> Option<u64> {
    provider_of_server(&account.imap.as_ref()?.server)?.bytes_per_day
}

impl Services {
    /// Why old mail may not be fetched just now; `None`: it may.
    pub async fn history_rest(&self, account: &MailAccount) -> Result<Option<HistoryRest>, ServiceError> {
        let mut conn = self.db.read().await?;
        self.history_rest_now(&mut conn, account).await
    }

    pub(crate) async fn history_rest_now(
        &self,
        conn: &mut Conn,
        account: &MailAccount,
    ) -> Result<Option<HistoryRest>, ServiceError> {
        let limit = bytes_per_day(account);
        let fetched = match limit {
            Some(_) => fetched_bytes::of_day(conn, account.id, self.now().days()).await?,
            None => 0,
        };
        Ok(history_rest(account.tracking.history_paused, limit, fetched))
    }

    /// Old mail is left to be fetched from one of these folders, and may be.
    pub async fn has_old_mail(&self, account: &MailAccount, names: &[&[u8]]) -> Result<bool, ServiceError> {
        let Some(day) = account.tracking.history_since else {
            return Ok(false);
        };
        if self.history_rest(account).await?.is_some() {
            return Ok(false);
        }
        let mut conn = self.db.read().await?;
        let known = folders::list_of_account(&mut conn, account.id).await?;
        let mut watched = known
            .iter()
            .filter(|folder| names.contains(&folder.wire_name.as_slice()));
        Ok(watched.any(|folder| folder.cursor.is_some() && !folder.has_walked(day)))
    }

    /// `None`: another process works on the account.
    pub async fn take_lease(
        &self,
        account: MailAccountId,
        owner: &str,
    ) -> Result<Option<Lease>, ServiceError> {
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        let lease = accounts::take_lease(&mut tx, account, owner, now.plus(LEASE_TIME), now).await?;
        tx.commit().await?;
        Ok(lease)
    }

    pub async fn renew_lease(&self, lease: &Lease) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        tx.hold(lease, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// All that this process holds and that have not ended: one statement, however many. Those that are still held.
    pub async fn renew_leases_of(&self, owner: &str) -> Result<HashMap<MailAccountId, i64>, ServiceError> {
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        let held = accounts::renew_leases_of(&mut tx, owner, now.plus(LEASE_TIME), now).await?;
        tx.commit().await?;
        Ok(held.into_iter().collect())
    }

    /// Accounts of this process in whose mailboxes something is to be done now.
    pub async fn list_asked_accounts(&self, owner: &str) -> Result<Vec<MailAccountId>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(accounts::list_asked_for_engine(&mut conn, owner, self.now()).await?)
    }

    pub async fn release_lease(&self, lease: &Lease) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        accounts::release_lease(&mut tx, lease).await?;
        Ok(tx.commit().await?)
    }

    /// Of works that have ended.
    pub async fn release_leases(&self, leases: &[Lease]) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        for lease in leases {
            accounts::release_lease(&mut tx, lease).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A process that was killed does not give its leases back; whoever knows that it is dead does.
    pub async fn release_leases_of(&self, owner: &str) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        accounts::release_leases_of(&mut tx, owner).await?;
        outbox::expire_of(&mut tx, &worker_name(owner)).await?;
        Ok(tx.commit().await?)
    }

    /// What the account does now, for its Status; `error` is for its owner.
    pub async fn set_account_state(
        &self,
        account: MailAccountId,
        state: AccountState,
        error: Option<&str>,
        next_try_at: Option<Timestamp>,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        accounts::set_state(&mut tx, account, state, error, next_try_at, self.now()).await?;
        tx.commit().await?;
        let state = Some(state);
        self.events.publish(Event::AccountStateChanged { account, state });
        Ok(())
    }

    pub async fn set_account_synced(&self, account: MailAccountId) -> Result<(), ServiceError> {
        self.set_accounts_synced(&[account]).await?;
        let state = None;
        self.events.publish(Event::AccountStateChanged { account, state });
        Ok(())
    }

    /// Looked at just now, with nothing new.
    pub async fn set_accounts_synced(&self, looked_at: &[MailAccountId]) -> Result<(), ServiceError> {
        for part in looked_at.chunks(ACCOUNTS_AT_ONCE) {
            let mut tx = self.db.begin_write().await?;
            accounts::set_synced(&mut tx, part, self.now()).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// The settings that decide what is taken in.
    pub async fn intake_settings(&self, account: &MailAccount) -> Result<IntakeSettings, ServiceError> {
        let zone = self.zone_of(account.owner).await?;
        Ok(IntakeSettings {
            messages: account.tracking.messages,
            deny_list: DenyList::parse(&account.deny_list).unwrap_or_default(),
            history_since: account
                .tracking
                .history_since
                .map(|day| Timestamp::start_of_day(day, &zone)),
        })
    }

    /// The watched folder of this name, made where it is new; its role may be another one than it was.
    pub async fn watch_folder(
        &self,
        account: MailAccountId,
        role: FolderRole,
        wire_name: &[u8],
    ) -> Result<Folder, ServiceError> {
        let mut conn = self.db.read().await?;
        let known = folders::find_by_name_for_engine(&mut conn, account, wire_name).await?;
        let known = match known {
            Some(folder) if folder.role == role => return Ok(folder),
            known => known,
        };
        drop(conn);
        let mut tx = self.db.begin_write().await?;
        match known {
            None => folders::insert(&mut tx, self.ids.next(), account, role, wire_name).await?,
            Some(folder) => {
                folders::set_role(&mut tx, folder.id, role).await?;
                if folder.role == FolderRole::AllMail {
                    // Watched whole from now on.
                    let reason = SkipReason::Archived.as_str();
                    folders::forget_skipped(&mut tx, account, reason, None).await?;
                    folders::walk_again(&mut tx, account).await?;
                }
            }
        }
        let folder = folders::find_by_name_for_engine(&mut tx, account, wire_name).await?;
        tx.commit().await?;
        folder.ok_or(ServiceError::NotFound)
    }

    /// The folders that are read from now on, by their names. What others hold stays; they are neither counted nor waited
    /// for.
    pub async fn watch_only(&self, account: MailAccountId, names: &[&[u8]]) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let mut other = folders::list_of_account(&mut conn, account).await?;
        drop(conn);
        let is_named = |folder: &Folder| names.contains(&folder.wire_name.as_slice());
        other.retain(|folder| folder.is_watched != is_named(folder));
        if other.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin_write().await?;
        for folder in &other {
            folders::set_watched(&mut tx, folder.id, is_named(folder)).await?;
        }
        Ok(tx.commit().await?)
    }

    /// The last look at an account whose mail was read from another folder than this one, which is new: Gmail's All Mail
    /// can be hidden from IMAP and shown again, and holds what INBOX and Sent hold.
    pub async fn read_elsewhere_until(
        &self,
        account: &MailAccount,
        folder: &Folder,
    ) -> Result<Option<Timestamp>, ServiceError> {
        let was_read = match folder.role {
            // One of them has been read since the first connection.
            FolderRole::Inbox | FolderRole::AllMail => true,
            FolderRole::Sent => {
                let mut conn = self.db.read().await?;
                let known = folders::list_of_account(&mut conn, account.id).await?;
                let mut all_mail = known.iter().filter(|other| other.role == FolderRole::AllMail);
                all_mail.any(|other| other.cursor.is_some())
            }
            FolderRole::Other | FolderRole::Junk => false,
        };
        Ok(account.status.last_sync_at.filter(|_| was_read))
    }

    /// Where a folder is begun, both ends of it. [`Self::intake`] moves them.
    pub async fn set_cursor(
        &self,
        lease: &Lease,
        folder: FolderId,
        cursor: &FolderCursor,
        history_since: Option<&str>,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(lease, self.now()).await?;
        folders::set_cursor(&mut held, folder, cursor, history_since).await?;
        folders::set_baseline_at(&mut held, folder, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// All new mail up to there has been dealt with, and what has changed up to its modification sequence.
    pub async fn end_new_mail(
        &self,
        lease: &Lease,
        folder: FolderId,
        cursor: &FolderCursor,
    ) -> Result<(), ServiceError> {
        self.move_cursor(lease, folder, cursor, Walk::NewMail, None).await
    }

    /// All old mail since that day has been dealt with.
    pub async fn end_history(
        &self,
        lease: &Lease,
        folder: FolderId,
        cursor: &FolderCursor,
        since: &str,
    ) -> Result<(), ServiceError> {
        self.move_cursor(lease, folder, cursor, Walk::History, Some(since))
            .await
    }

    async fn move_cursor(
        &self,
        lease: &Lease,
        folder: FolderId,
        cursor: &FolderCursor,
        walk: Walk,
        history_since: Option<&str>,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(lease, self.now()).await?;
        if !folders::move_cursor(&mut held, folder, cursor, walk, history_since).await? {
            return Err(ServiceError::FolderRenumbered);
        }
        if let Some(mod_seq) = cursor.mod_seq.filter(|_| walk == Walk::NewMail) {
            folders::set_mod_seq(&mut held, folder, cursor.uid_validity, mod_seq).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Another UIDVALIDITY. What was known under earlier ones goes: a folder that was renamed and renamed back has an
    /// earlier one again, and what has happened in it meanwhile nobody tells.
    pub async fn begin_folder_anew(
        &self,
        lease: &Lease,
        folder: FolderId,
        cursor: &FolderCursor,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(lease, self.now()).await?;
        folders::forget_places(&mut held, folder).await?;
        folders::end_attempts(&mut held, folder).await?;
        folders::set_cursor(&mut held, folder, cursor, None).await?;
        folders::set_baseline_at(&mut held, folder, self.now()).await?;
        Ok(tx.commit().await?)
    }

    /// UIDs from `first` on mean nothing any more: the server has gone back behind them.
    pub async fn forget_copies_from(
        &self,
        lease: &Lease,
        folder: FolderId,
        uid_validity: UidValidity,
        first: Uid,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(lease, self.now()).await?;
        folders::forget_copies_from(&mut held, folder, uid_validity, first).await?;
        Ok(tx.commit().await?)
    }

    /// Another UIDVALIDITY: at most five in a row are followed (Nylas `generic.py`), then only one that stays.
    pub async fn may_rebuild(&self, folder: &Folder, seen: UidValidity) -> Result<bool, ServiceError> {
        let is_allowed = folder.rebuilds < MAX_REBUILDS || folder.refused == Some(seen);
        let (rebuilds, refused) = match is_allowed {
            true => (folder.rebuilds + 1, None),
            false => (folder.rebuilds, Some(seen)),
        };
        let mut tx = self.db.begin_write().await?;
        folders::set_rebuilds(&mut tx, folder.id, rebuilds, refused).await?;
        tx.commit().await?;
        Ok(is_allowed)
    }

    /// The UIDVALIDITY is the one that it was.
    pub async fn end_rebuilds(&self, folder: FolderId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        folders::set_rebuilds(&mut tx, folder, 0, None).await?;
        Ok(tx.commit().await?)
    }

    /// The new baseline after a time off stands.
    pub async fn clear_was_off(&self, folder: FolderId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        folders::clear_was_off(&mut tx, folder).await?;
        Ok(tx.commit().await?)
    }

    pub async fn set_server_messages(&self, folder: FolderId, count: u32) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        folders::set_server_messages(&mut tx, folder, count).await?;
        Ok(tx.commit().await?)
    }

    /// UIDs of this range that are stored, skipped or parked already.
    pub async fn known_uids(
        &self,
        folder: FolderId,
        uid_validity: UidValidity,
        first: Uid,
        last: Uid,
    ) -> Result<Vec<Uid>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(folders::known_uids_for_engine(&mut conn, folder, uid_validity, first, last).await?)
    }

    /// Batches whose intake this or an earlier process began and did not end.
    pub async fn open_attempts(&self, folder: FolderId) -> Result<Vec<OpenAttempt>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(folders::list_attempts_for_engine(&mut conn, folder).await?)
    }

    /// Before something is tried with these UIDs that may end the process, or that the server may refuse: how often
    /// it has been by now.
    pub async fn count_attempt(&self, folder: FolderId, first: Uid, last: Uid) -> Result<u32, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let attempts = folders::count_attempt(&mut tx, folder, first, last).await?;
        tx.commit().await?;
        Ok(attempts)
    }

    /// It ended without an answer, and the process lives.
    pub async fn end_attempt(&self, folder: FolderId, first: Uid, last: Uid) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        folders::end_attempt(&mut tx, folder, first, last).await?;
        Ok(tx.commit().await?)
    }

    /// How many of the messages that we know in a folder these ranges name, and of how many.
    pub async fn count_vanished(
        &self,
        folder: FolderId,
        uid_validity: UidValidity,
        ranges: &[(Uid, Uid)],
    ) -> Result<(u64, u64), ServiceError> {
        let mut conn = self.db.read().await?;
        let all = (Uid::FIRST, Uid(u32::MAX));
        let total = folders::count_copies_for_engine(&mut conn, folder, uid_validity, all).await?;
        let mut vanished = 0;
        for range in ranges {
            vanished += folders::count_copies_for_engine(&mut conn, folder, uid_validity, *range).await?;
        }
        Ok((vanished, total))
    }

    /// What a whole list of the folder no longer names; the messages stay.
    pub async fn forget_vanished(
        &self,
        lease: &Lease,
        folder: FolderId,
        uid_validity: UidValidity,
        ranges: &[(Uid, Uid)],
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(lease, self.now()).await?;
        for range in ranges {
            folders::forget_vanished(&mut held, folder, uid_validity, *range).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What was recorded as not delivered and has come after all.
    pub async fn forget_skipped_that_came(
        &self,
        lease: &Lease,
        folder: FolderId,
        uid_validity: UidValidity,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(lease, self.now()).await?;
        folders::forget_skipped_that_came(&mut held, folder, uid_validity).await?;
        Ok(tx.commit().await?)
    }

    /// What changed in a folder, and how far that is known now, in one commit. Messages stay; read marks change
    /// only where they go both ways.
    pub async fn apply_changes(
        &self,
        lease: &Lease,
        account: &MailAccount,
        folder: &Folder,
        status: &FolderStatus,
        changes: &FolderChanges,
    ) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(lease, self.now()).await?;
        let uid_validity = status.uid_validity;
        for range in &changes.vanished {
            folders::forget_vanished(&mut held, folder.id, uid_validity, *range).await?;
        }
        let mut has_changed = false;
        if account.tracking.flags_both_ways && folder.role.holds_inbox() {
            for part in changes.flags.chunks(FLAGS_AT_ONCE) {
                has_changed |= set_read_marks(&mut held, account, folder, uid_validity, part).await?;
            }
        }
        if let Some(mod_seq) = status.mod_seq {
            folders::set_mod_seq(&mut held, folder.id, uid_validity, mod_seq).await?;
        }
        tx.commit().await?;
        if has_changed {
            self.events.publish(Event::Arrived {
                account: account.id,
                messages: Vec::new(),
            });
        }
        Ok(())
    }

    /// Asks for something in the mailbox for every copy of a message; carried out with the next sync.
    pub(crate) async fn ask_remotely(
        &self,
        tx: &mut Tx,
        account: MailAccountId,
        message: MessageId,
        operation: RemoteOperation,
        due_at: Timestamp,
    ) -> Result<(), ServiceError> {
        for copy in remote_operations::list_copies_for_engine(tx, account, message).await? {
            remote_operations::ask(tx, self.ids.next(), account, &copy, operation, due_at).await?;
        }
        Ok(())
    }

    pub async fn list_remote_operations(
        &self,
        folder: &Folder,
        limit: u32,
    ) -> Result<Vec<PendingOperation>, ServiceError> {
        let mut conn = self.db.read().await?;
        let (account, folder) = (folder.account, folder.id);
        Ok(remote_operations::list_for_engine(&mut conn, account, folder, self.now(), limit).await?)
    }

    /// Folders of an account in which something is to be done now, watched or not.
    pub async fn list_asked_folders(&self, account: MailAccountId) -> Result<Vec<Folder>, ServiceError> {
        let mut conn = self.db.read().await?;
        let asked = remote_operations::list_folders_for_engine(&mut conn, account, self.now()).await?;
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let mut folders = folders::list_of_account(&mut conn, account).await?;
        folders.retain(|folder| asked.contains(&folder.id));
        Ok(folders)
    }

    pub async fn remote_operations_done(&self, ids: &[RemoteOperationId]) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        remote_operations::delete(&mut tx, ids).await?;
        Ok(tx.commit().await?)
    }

    /// The folder is not there any more.
    pub async fn remote_operations_end(&self, folder: FolderId) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        remote_operations::delete_of_folder(&mut tx, folder).await?;
        Ok(tx.commit().await?)
    }

    /// Before they are tried: counted, and not tried again for a while. Those that failed too often are given up, which
    /// the owner finds on Status. False: there was one of these, and what is left is to be asked for anew.
    pub async fn begin_remote_operations(
        &self,
        account: MailAccountId,
        ids: &[RemoteOperationId],
    ) -> Result<bool, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let again_at = self.now().plus(OPERATION_AGAIN);
        let given_up = remote_operations::begin(&mut tx, ids, again_at).await?;
        if given_up > 0 {
            self.record_by_itself(&mut tx, account, "not_done_there", "")
                .await?;
        }
        tx.commit().await?;
        Ok(given_up == 0)
    }
}

/// As they stand on the server. True: something is others now.
async fn set_read_marks(
    tx: &mut Tx,
    account: &MailAccount,
    folder: &Folder,
    uid_validity: UidValidity,
    flags: &[FlagChange],
) -> Result<bool, ServiceError> {
    let uids: Vec<_> = flags.iter().map(|change| change.uid).collect();
    let found = folders::messages_at_for_engine(tx, folder.id, uid_validity, &uids).await?;
    // The last one counts, where a server tells twice.
    let seen: HashMap<Uid, bool> = flags.iter().map(|change| (change.uid, change.seen)).collect();
    let is_seen = |uid: &Uid| seen.get(uid).copied().unwrap_or(false);
    let (read, unread): (Vec<_>, Vec<_>) = found.into_iter().partition(|(uid, _)| is_seen(uid));
    let ids = |list: Vec<(Uid, MessageId)>| list.into_iter().map(|(_, id)| id).collect::<Vec<_>>();
    let (read, unread) = (ids(read), ids(unread));
    let mut has_changed = false;
    if !read.is_empty() {
        has_changed = messages::mark_all_read(tx, account.owner, &read).await?;
    }
    if !unread.is_empty() {
        has_changed |= intake::insert_unread(tx, account.id, account.owner, &unread).await?;
    }
    Ok(has_changed)
}
