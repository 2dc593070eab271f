//! "N on the server, N here, 0 missing, k skipped, each with its reason": asked for by the owner, and every day.

use std::time::Duration;

use domain::FolderId;
use domain::MailAccountId;
use domain::Timestamp;
use domain::folder::UidValidity;
pub use domain::rules::audit::FolderAudit;
use domain::rules::audit::Known;
use store::audits;
use store::audits::Audit;
use store::folders;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;

const EVERY: Duration = Duration::from_secs(24 * 3600);
const MAX_ATTEMPTS: u32 = 3;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditView {
    pub made_at: Timestamp,
    pub folders: Vec<FolderAudit>,
    /// Asked for, and not made yet.
    pub is_due: bool,
}

impl Services {
    /// Made by whoever holds the account, at once where it is connected.
    pub async fn ask_for_audit(&self, viewer: Viewer, id: MailAccountId) -> Result<(), ServiceError> {
        let account = self.get_own_account(viewer, id).await?.id;
        let mut tx = self.db.begin_write().await?;
        audits::ask(&mut tx, account, self.now()).await?;
        tx.commit().await?;
        self.events.publish(Event::MailboxAsked { account });
        Ok(())
    }

    /// `None`: none was made or asked for yet.
    pub async fn find_audit(
        &self,
        viewer: Viewer,
        id: MailAccountId,
    ) -> Result<Option<AuditView>, ServiceError> {
        let account = self.get_own_account(viewer, id).await?.id;
        let mut conn = self.db.read().await?;
        let Some(audit) = audits::find(&mut conn, account).await? else {
            return Ok(None);
        };
        let is_due = audit.asked_at > audit.made_at;
        let folders = match audit.report {
            Some(report) => serde_json::from_str(&report).map_err(|_| ServiceError::Damaged)?,
            None if is_due => Vec::new(),
            None => return Ok(None),
        };
        Ok(Some(AuditView {
            made_at: audit.made_at,
            folders,
            is_due,
        }))
    }

    /// True: it is due, and counted as tried. One that never came to its end is given up until the next day. The first
    /// day is counted from the first time that this is asked.
    pub async fn begin_audit_if_due(&self, account: MailAccountId) -> Result<bool, ServiceError> {
        let mut conn = self.db.read().await?;
        let found = audits::find(&mut conn, account).await?;
        drop(conn);
        let is_due =
            |audit: &Audit| audit.asked_at > audit.made_at || self.now().since(audit.made_at) >= EVERY;
        if found.as_ref().is_some_and(|audit| !is_due(audit)) {
            return Ok(false);
        }
        let mut tx = self.db.begin_write().await?;
        let begins = match found {
            Some(audit) if audit.attempts < MAX_ATTEMPTS => {
                audits::count_attempt(&mut tx, account).await?;
                true
            }
            Some(audit) => {
                audits::save(&mut tx, account, self.now(), audit.report.as_deref()).await?;
                self.record_by_itself(&mut tx, account, "audit_given_up", "")
                    .await?;
                false
            }
            None => {
                audits::save(&mut tx, account, self.now(), None).await?;
                false
            }
        };
        tx.commit().await?;
        Ok(begins)
    }

    /// What is known of the UIDs of a folder.
    pub async fn known_of_folder(
        &self,
        folder: FolderId,
        uid_validity: UidValidity,
    ) -> Result<Known, ServiceError> {
        let mut conn = self.db.read().await?;
        let known = folders::list_known_for_engine(&mut conn, folder, uid_validity).await?;
        Ok(known.into_iter().collect())
    }

    pub async fn save_audit(
        &self,
        account: MailAccountId,
        report: &[FolderAudit],
    ) -> Result<(), ServiceError> {
        let report = serde_json::to_string(report).map_err(|_| ServiceError::Damaged)?;
        let mut tx = self.db.begin_write().await?;
        audits::save(&mut tx, account, self.now(), Some(&report)).await?;
        tx.commit().await?;
        let state = None;
        self.events.publish(Event::AccountStateChanged { account, state });
        Ok(())
    }
}
