//! What ends by itself: sessions, links, and messages whose time to be restored is over.

use std::time::Duration;

use store::drafts;
use store::messages;
use store::messages::Erasable;
use store::outbox;
use store::sessions;
use store::sign_in_providers;
use tracing::warn;

use crate::ServiceError;
use crate::Services;
use crate::outbox::KEYS_KEPT;

pub const RESTORABLE: Duration = Duration::from_secs(30 * 24 * 3600);
/// A deleted draft can be had back for this long.
const DRAFTS_RESTORABLE: Duration = Duration::from_secs(24 * 3600);
/// By then whatever wrote a segment has committed what points into it, or has died.
const SETTLED: Duration = Duration::from_secs(3600);
const STEP: u32 = 100;

impl Services {
    /// Each thing on its own: what fails is told in the log, and keeps nothing else from being done.
    pub async fn keep_house(&self) {
        self.exports.forget_old(self.now());
        told("What has expired", self.forget_expired().await);
        told("What was deleted", self.erase_deleted().await);
        told("Bytes that belong to no message", self.collect_dead_bytes().await);
    }

    async fn forget_expired(&self) -> Result<(), ServiceError> {
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        sessions::delete_expired(&mut tx, now).await?;
        sign_in_providers::forget_begun(&mut tx, now).await?;
        outbox::forget_requests(&mut tx, now.minus(KEYS_KEPT)).await?;
        drafts::erase_deleted(&mut tx, now.minus(DRAFTS_RESTORABLE)).await?;
        Ok(tx.commit().await?)
    }

    /// A crash between a segment and its commit, or between an erasure and the rewriting, leaves bytes that
    /// belong to no message.
    async fn collect_dead_bytes(&self) -> Result<(), ServiceError> {
        let segments = self.blobs.list_segments(self.now().minus(SETTLED)).await?;
        let mut conn = self.db.read().await?;
        let live = messages::live_bytes_for_engine(&mut conn).await?;
        drop(conn);
        for file in segments {
            if live.get(&file.segment).copied().unwrap_or_default() < file.size_bytes
                && let Err(error) = self.rewrite_segment(&file.segment).await
            {
                warn!(segment = file.segment, %error, "A segment could not be written anew; it stays");
            }
        }
        Ok(())
    }

    /// Rows first, with a tombstone; then the segment is written anew without the bytes.
    async fn erase_deleted(&self) -> Result<(), ServiceError> {
        let before = self.now().minus(RESTORABLE);
        let mut after = None;
        loop {
            let mut conn = self.db.read().await?;
            let erasable = messages::list_erasable_for_engine(&mut conn, before, after, STEP).await?;
            drop(conn);
            let Some(last) = erasable.last() else {
                return Ok(());
            };
            after = Some(last.id);
            for message in &erasable {
                if let Err(error) = self.erase(message).await {
                    warn!(message.id = %message.id, %error, "A message could not be erased yet");
                }
            }
        }
    }

    async fn erase(&self, message: &Erasable) -> Result<(), ServiceError> {
        let mut tx = self.db.begin_write().await?;
        let keyed = |(sha256, _): &(_, _)| self.keys.tombstone(message.account, sha256);
        let tombstones: Vec<_> = message.raws.iter().map(keyed).collect();
        messages::erase(&mut tx, message, &tombstones, self.now()).await?;
        tx.commit().await?;
        for (_, segment) in &message.raws {
            self.rewrite_segment(segment).await?;
        }
        Ok(())
    }

    async fn rewrite_segment(&self, segment: &str) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let entries = messages::list_segment_for_engine(&mut conn, segment).await?;
        drop(conn);
        if !entries.is_empty() {
            let raws: Vec<_> = entries.iter().map(|entry| entry.raw.clone()).collect();
            let ranges = self.blobs.copy_to_segment(self.ids.uuid(), &raws).await?;
            let mut tx = self.db.begin_write().await?;
            for (entry, range) in entries.iter().zip(&ranges) {
                messages::move_raw(&mut tx, entry, range).await?;
            }
            tx.commit().await?;
        }
        Ok(self.blobs.delete_segment(segment).await?)
    }
}

fn told(what: &str, done: Result<(), ServiceError>) {
    if let Err(error) = done {
        warn!(what, %error, "Housekeeping left something for the next time");
    }
}
