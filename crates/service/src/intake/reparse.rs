//! Tries again what could not be parsed: by a newer version, or because somebody asks.

use domain::MailAccountId;
use domain::MessageId;
use domain::Right;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::message::Direction;
use domain::message::Origin;
use store::accounts::MailAccount;
use store::intake;
use store::intake::ParkedMessage;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::intake::FetchedForIntake;
use crate::intake::batch::Place;
use crate::intake::batch::new_message;
use crate::intake::prepare::prepare;

/// Stands while the attempt is made, and stays if the process dies in it.
const DIED: &str = "the process ended while it was parsed again";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReparseReport {
    pub parsed: u64,
    pub parked: u64,
}

impl Services {
    /// One message; false: it is still not shown. Nothing happens to a message that is.
    pub async fn reparse_message(&self, viewer: Viewer, id: MessageId) -> Result<bool, ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        if !access.allows(message.account, Right::Manage) {
            return Err(ServiceError::NotFound);
        }
        let account = self.get_account_for_engine(message.account).await?;
        let mut conn = self.db.read().await?;
        let parked = intake::find_parked_for_engine(&mut conn, message.account, id).await?;
        drop(conn);
        match parked {
            Some(parked) => self.reparse(&account, &parked).await,
            None => Ok(true),
        }
    }

    /// All parked messages of an account, for the command line.
    pub async fn reparse_account_for_engine(&self, id: MailAccountId) -> Result<ReparseReport, ServiceError> {
        let account = self.get_account_for_engine(id).await?;
        let mut conn = self.db.read().await?;
        let parked = intake::list_parked_for_engine(&mut conn, id).await?;
        drop(conn);
        let mut report = ReparseReport::default();
        for message in parked {
            match self.reparse(&account, &message).await? {
                true => report.parsed += 1,
                false => report.parked += 1,
            }
        }
        Ok(report)
    }

    async fn reparse(&self, account: &MailAccount, parked: &ParkedMessage) -> Result<bool, ServiceError> {
        let mut tx = self.db.begin_write().await?;
        intake::set_parked(&mut tx, parked.id, DIED).await?;
        tx.commit().await?;
        let fetched = FetchedForIntake {
            uid: Uid::FIRST,
            role: match parked.direction {
                Direction::Incoming => FolderRole::Inbox,
                Direction::Outgoing => FolderRole::Sent,
            },
            seen: true,
            internal_date: Some(parked.arrived_at),
            raw: self.blobs.read(&parked.raw).await?,
        };
        let (owner, now) = (account.clone(), self.now());
        let parsed = move || prepare(fetched, &owner, now, false);
        let mut prepared = self.parsing.for_viewer(parsed).await?;
        let is_shown = prepared.parsed.parked_reason.is_none();
        let place = Place {
            id: parked.id,
            thread: parked.thread,
            arrival_key: parked.arrival_key,
            // Its bytes are stored; only what they say is new.
            origin: Origin::Received,
        };
        let parsed = new_message(place, account, &mut prepared, parked.raw.clone());
        let mut tx = self.db.begin_write().await?;
        intake::replace_parsed(&mut tx, account.id, parsed).await?;
        tx.commit().await?;
        self.events.publish(Event::MessageChanged {
            account: account.id,
            message: parked.id,
        });
        Ok(is_shown)
    }
}
