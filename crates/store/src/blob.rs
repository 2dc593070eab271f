//! Raw messages, byte for byte: immutable segments beside the database, one for each intake batch.
//!
//! A segment is written and synced to disk before any row points into it; a message is a range of one.
//! Measured against BLOBs in SQLite in docs/adr/0001-raw-messages.md.

use std::ops::Range;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::Bytes;
use bytes::BytesMut;
use domain::Timestamp;
use futures_util::TryStreamExt as _;
use object_store::ObjectStore;
use object_store::ObjectStoreExt as _;
use object_store::PutPayload;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use uuid::Uuid;

use crate::StoreError;

#[derive(Clone, Debug)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
}

/// Where a message's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobRange {
    pub segment: String,
    pub start: u64,
    pub length: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentFile {
    pub segment: String,
    pub size_bytes: u64,
}

impl BlobStore {
    /// Segments in this folder, which must exist. Every write is synced.
    pub fn open_folder(folder: &FilePath) -> Result<Self, StoreError> {
        let objects = LocalFileSystem::new_with_prefix(folder)?.with_fsync(true);
        Ok(BlobStore {
            objects: Arc::new(objects),
        })
    }

    /// Writes `messages` as the segment `id` and tells where each of them is.
    pub async fn write_segment(&self, id: Uuid, messages: Vec<Bytes>) -> Result<Vec<BlobRange>, StoreError> {
        let segment = segment_name(id);
        let mut start = 0;
        let mut ranges = Vec::with_capacity(messages.len());
        for message in &messages {
            let length = message.len() as u64;
            ranges.push(BlobRange {
                segment: segment.clone(),
                start,
                length,
            });
            start += length;
        }
        self.objects
            .put(&Path::from(segment), PutPayload::from_iter(in_pieces(messages)))
            .await?;
        Ok(ranges)
    }

    pub async fn read(&self, range: &BlobRange) -> Result<Bytes, StoreError> {
        if range.length == 0 {
            return Ok(Bytes::new());
        }
        let bytes = Range {
            start: range.start,
            end: range.start + range.length,
        };
        Ok(self
            .objects
            .get_range(&Path::from(range.segment.as_str()), bytes)
            .await?)
    }

    /// A segment of another store, under its name.
    pub async fn copy_from(&self, other: &BlobStore, segment: &str) -> Result<u64, StoreError> {
        let bytes = other.objects.get(&Path::from(segment)).await?.bytes().await?;
        let size = bytes.len() as u64;
        self.objects.put(&Path::from(segment), bytes.into()).await?;
        Ok(size)
    }

    /// Segments last written before `before`: what a younger one is for may not be committed yet.
    pub async fn list_segments(&self, before: Timestamp) -> Result<Vec<SegmentFile>, StoreError> {
        let files = self.objects.list(None).map_ok(|file| {
            let written_at = Timestamp::from_millis(file.last_modified.timestamp_millis());
            (
                written_at,
                SegmentFile {
                    segment: file.location.to_string(),
                    size_bytes: file.size,
                },
            )
        });
        let files: Vec<_> = files.try_collect().await?;
        let old = files.into_iter().filter(|(written_at, _)| *written_at < before);
        Ok(old.map(|(_, file)| file).collect())
    }

    pub async fn delete_segment(&self, segment: &str) -> Result<(), StoreError> {
        match self.objects.delete(&Path::from(segment)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// A piece is a write of its own, and most messages are small: they are put together.
const PIECE_BYTES: usize = 256 * 1024;

fn in_pieces(messages: Vec<Bytes>) -> Vec<Bytes> {
    let mut pieces = Vec::new();
    let mut piece = BytesMut::new();
    let mut left: usize = messages.iter().map(Bytes::len).sum();
    for message in messages {
        if piece.len() + message.len() > PIECE_BYTES && !piece.is_empty() {
            pieces.push(std::mem::take(&mut piece).freeze());
        }
        if piece.is_empty() {
            piece.reserve(left.min(PIECE_BYTES));
        }
        left -= message.len();
        match message.len() > PIECE_BYTES {
            true => pieces.push(message),
            false => piece.extend_from_slice(&message),
        }
    }
    pieces.push(piece.freeze());
    pieces
}

/// Two letters of the random end as a folder: no folder grows without bound.
fn segment_name(id: Uuid) -> String {
    let name = id.simple().to_string();
    format!("{}/{name}", &name[30..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_what_the_messages_were() {
        const FULL: usize = PIECE_BYTES;
        for (lengths, pieces) in [
            (&[][..], &[0][..]),
            (&[3, 0, 4], &[7]),
            (&[FULL - 1, 1, 1], &[FULL, 1]),
            (&[5, FULL + 1, 5], &[5, FULL + 1, 5]),
            (&[FULL, FULL, 2 * FULL], &[FULL, FULL, 2 * FULL, 0]),
        ] {
            let letters = lengths.iter().zip(b'a'..);
            let messages: Vec<_> = letters
                .map(|(length, letter)| Bytes::from(vec![letter; *length]))
                .collect();
            let whole = messages.concat();
            let found = in_pieces(messages);
            assert_eq!(found.iter().map(Bytes::len).collect::<Vec<_>>(), pieces);
            assert!(found.concat() == whole, "{lengths:?}");
        }
    }
}
