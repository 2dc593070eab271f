//! What ends by itself: sessions, links, and messages whose time to be restored is over.

use std::time::Duration;

use bytes::Bytes;
use store::messages;
use store::messages::Erasable;
use store::outbox;
use store::sessions;

use crate::ServiceError;
use crate::Services;
use crate::outbox::KEYS_KEPT;

pub const RESTORABLE: Duration = Duration::from_secs(30 * 24 * 3600);
/// By then whatever wrote a segment has committed what points into it, or has died.
const SETTLED: Duration = Duration::from_secs(3600);
const STEP: u32 = 100;

impl Services {
    pub async fn keep_house(&self) -> Result<(), ServiceError> {
        let now = self.now();
        self.exports.forget_old(now);
        let mut tx = self.db.begin_write().await?;
        sessions::delete_expired(&mut tx, now).await?;
        outbox::forget_requests(&mut tx, now.minus(KEYS_KEPT)).await?;
        tx.commit().await?;
        self.erase_deleted().await?;
        self.collect_dead_bytes().await
    }

    /// A crash between a segment and its commit, or between an erasure and the rewriting, leaves bytes that
    /// belong to no message.
    async fn collect_dead_bytes(&self) -> Result<(), ServiceError> {
        let segments = self.blobs.list_segments(self.now().minus(SETTLED)).await?;
        let mut conn = self.db.read().await?;
        let live = messages::live_bytes_for_engine(&mut conn).await?;
        drop(conn);
        for file in segments {
            if live.get(&file.segment).copied().unwrap_or_default() < file.size_bytes {
                self.rewrite_segment(&file.segment).await?;
            }
        }
        Ok(())
    }

    /// Rows first, with a tombstone; then the segment is written anew without the bytes.
    async fn erase_deleted(&self) -> Result<(), ServiceError> {
        loop {
            let mut conn = self.db.read().await?;
            let before = self.now().minus(RESTORABLE);
            let erasable = messages::list_erasable_for_engine(&mut conn, before, STEP).await?;
            drop(conn);
            if erasable.is_empty() {
                return Ok(());
            }
            for message in erasable {
                self.erase(&message).await?;
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
            let mut raws: Vec<Bytes> = Vec::with_capacity(entries.len());
            for entry in &entries {
                raws.push(self.blobs.read(&entry.raw).await?);
            }
            let ranges = self.blobs.write_segment(self.ids.uuid(), raws).await?;
            let mut tx = self.db.begin_write().await?;
            for (entry, range) in entries.iter().zip(&ranges) {
                messages::move_raw(&mut tx, entry, range).await?;
            }
            tx.commit().await?;
        }
        Ok(self.blobs.delete_segment(segment).await?)
    }
}
