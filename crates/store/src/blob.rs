//! Raw messages, byte for byte: immutable segments beside the database, one for each intake batch.
//!
//! A segment is written and synced to disk before any row points into it; a message is a range of one.
//! Measured against BLOBs in SQLite in docs/adr/0001-raw-messages.md.

use std::io;
use std::io::Read;
use std::ops::Range;
use std::path::Path as FilePath;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use bytes::BytesMut;
use domain::Timestamp;
use futures_util::Stream;
use futures_util::StreamExt as _;
use futures_util::TryStreamExt as _;
use object_store::ObjectStore;
use object_store::ObjectStoreExt as _;
use object_store::PutPayload;
use object_store::WriteMultipart;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use uuid::Uuid;

use crate::StoreError;

/// All large messages that the process holds whole at any moment, however many want one: room for the largest.
const ROOM_KIB: u32 = 104 * 1024;
/// What is smaller counts for nothing: of those there are as many as there are threads that read them.
const LARGE_BYTES: u64 = 1024 * 1024;
/// One that holds what another waits for is at work; longer than this is a fault.
const ROOM_WITHIN: Duration = Duration::from_secs(120);

#[derive(Clone, Debug)]
pub struct BlobStore {
    objects: Arc<dyn ObjectStore>,
    room: Arc<Semaphore>,
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
            room: Arc::new(Semaphore::new(ROOM_KIB as usize)),
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

    /// The same, of messages that lie in this store already: a piece at a time.
    pub async fn copy_to_segment(
        &self,
        id: Uuid,
        ranges: &[BlobRange],
    ) -> Result<Vec<BlobRange>, StoreError> {
        let segment = segment_name(id);
        let mut start = 0;
        let mut copies = Vec::with_capacity(ranges.len());
        let pieces = futures_util::stream::iter(ranges).flat_map(|range| self.stream(range));
        self.put_pieces(&segment, pieces).await?;
        for range in ranges {
            copies.push(BlobRange {
                segment: segment.clone(),
                start,
                length: range.length,
            });
            start += range.length;
        }
        Ok(copies)
    }

    async fn put_pieces(
        &self,
        segment: &str,
        pieces: impl Stream<Item = Result<Bytes, StoreError>>,
    ) -> Result<(), StoreError> {
        let upload = self.objects.put_multipart(&Path::from(segment)).await?;
        let mut writer = WriteMultipart::new(upload);
        let mut pieces = pin!(pieces);
        while let Some(piece) = pieces.try_next().await? {
            writer.put(piece);
            writer.wait_for_capacity(1).await?;
        }
        writer.finish().await?;
        Ok(())
    }

    /// Whole. A large one waits until there is room for it, and gives it back when the last of its bytes is dropped; who
    /// holds one must not ask for another, nor for a connection to the database. [`StoreError::NoRoom`] after two minutes.
    pub async fn read(&self, range: &BlobRange) -> Result<Bytes, StoreError> {
        if range.length < LARGE_BYTES {
            return self.read_piece(range).await;
        }
        let room = self.room_for(range.length).await?;
        let bytes = self.read_piece(range).await?;
        Ok(Bytes::from_owner(Held { bytes, _room: room }))
    }

    /// Several that are needed at once.
    pub async fn read_all(&self, ranges: &[&BlobRange]) -> Result<Vec<Bytes>, StoreError> {
        let room = Arc::new(
            self.room_for(ranges.iter().map(|range| range.length).sum())
                .await?,
        );
        let mut all = Vec::with_capacity(ranges.len());
        for range in ranges {
            let bytes = self.read_piece(range).await?;
            let _room = room.clone();
            all.push(Bytes::from_owner(Held { bytes, _room }));
        }
        Ok(all)
    }

    async fn room_for(&self, bytes: u64) -> Result<OwnedSemaphorePermit, StoreError> {
        let kib = u32::try_from(bytes / 1024).unwrap_or(ROOM_KIB).min(ROOM_KIB);
        let room = timeout(ROOM_WITHIN, self.room.clone().acquire_many_owned(kib)).await;
        room.ok().and_then(Result::ok).ok_or(StoreError::NoRoom)
    }

    async fn read_piece(&self, range: &BlobRange) -> Result<Bytes, StoreError> {
        if range.length == 0 {
            return Ok(Bytes::new());
        }
        let path = Path::from(range.segment.as_str());
        let (start, end) = (range.start, range.start + range.length);
        let bytes = self.objects.get_range(&path, Range { start, end }).await?;
        // A file that ends early gives what it has.
        match bytes.len() as u64 == range.length {
            true => Ok(bytes),
            false => Err(StoreError::Cut),
        }
    }

    /// The same, a piece at a time; what is missing or cut short is told before the first.
    pub async fn reader(&self, range: &BlobRange) -> Result<RawReader, StoreError> {
        let end = range.start + range.length;
        if range.length > 0 {
            let found = self.objects.head(&Path::from(range.segment.as_str())).await?;
            if found.size < end {
                return Err(StoreError::Cut);
            }
        }
        Ok(RawReader {
            blobs: self.clone(),
            runtime: Handle::current(),
            left: range.clone(),
            piece: Bytes::new(),
        })
    }

    /// The same in pieces, each read when it is asked for: a message of any size takes the memory of one.
    pub fn stream(&self, range: &BlobRange) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + use<> {
        let (store, end) = (self.clone(), range.start + range.length);
        let left = BlobRange {
            length: 0,
            ..range.clone()
        };
        futures_util::stream::try_unfold(left, move |mut piece| {
            let store = store.clone();
            async move {
                piece.start += piece.length;
                piece.length = (end - piece.start).min(PIECE_BYTES as u64);
                match piece.length {
                    0 => Ok(None),
                    _ => Ok(Some((store.read_piece(&piece).await?, piece))),
                }
            }
        })
    }

    /// A segment of another store, under its name.
    pub async fn copy_from(&self, other: &BlobStore, segment: &str) -> Result<u64, StoreError> {
        let size = other.objects.head(&Path::from(segment)).await?.size;
        let whole = BlobRange {
            segment: segment.to_owned(),
            start: 0,
            length: size,
        };
        self.put_pieces(segment, other.stream(&whole)).await?;
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

/// A message, and the room that it takes.
struct Held<Room> {
    bytes: Bytes,
    _room: Room,
}

impl<Room> AsRef<[u8]> for Held<Room> {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a message as a file is read, and holds no more than a piece of it. Only for threads that may wait.
#[derive(Debug)]
pub struct RawReader {
    blobs: BlobStore,
    runtime: Handle,
    left: BlobRange,
    piece: Bytes,
}

impl Read for RawReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && self.left.length > 0 {
            let length = self.left.length.min(PIECE_BYTES as u64);
            let next = BlobRange {
                length,
                ..self.left.clone()
            };
            self.piece = self
                .runtime
                .block_on(self.blobs.read_piece(&next))
                .map_err(io::Error::other)?;
            self.left.start += length;
            self.left.length -= length;
        }
        let count = buffer.len().min(self.piece.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
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

    #[tokio::test]
    async fn a_stream_is_what_was_written() {
        let folder = tempfile::tempdir().expect("folder");
        let store = BlobStore::open_folder(folder.path()).expect("store");
        let pieces = PIECE_BYTES;
        let messages: Vec<_> = [3, 0, pieces, 2 * pieces + 1]
            .iter()
            .zip(b'a'..)
            .map(|(length, letter)| Bytes::from(vec![letter; *length]))
            .collect();
        let ranges = store.write_segment(Uuid::from_u128(1), messages.clone()).await;
        for (message, range) in messages.iter().zip(ranges.expect("written")) {
            let read: Vec<Bytes> = store.stream(&range).try_collect().await.expect("read");
            assert!(read.concat() == *message, "{range:?}");
        }
    }

    #[tokio::test]
    async fn large_messages_wait_for_room_and_give_it_back() {
        let folder = tempfile::tempdir().expect("folder");
        let store = BlobStore::open_folder(folder.path()).expect("store");
        let large = Bytes::from(vec![b'a'; 3 * LARGE_BYTES as usize]);
        let ranges = store.write_segment(Uuid::from_u128(1), vec![large.clone(), large.clone()]);
        let ranges = ranges.await.expect("written");
        let all = store.read_all(&[&ranges[0], &ranges[1]]).await.expect("read");
        assert!(all == [large.clone(), large.clone()]);

        let others = store.room.clone();
        let others = others
            .acquire_many_owned(ROOM_KIB - 8 * 1024)
            .await
            .expect("room");
        let second = store.read(&ranges[0]);
        let mut second = pin!(second);
        assert!(
            futures_util::poll!(&mut second).is_pending(),
            "of 8 MiB 6 are taken"
        );
        drop(all);
        assert!(second.await.expect("read") == large);
        drop(others);
        assert_eq!(store.room.available_permits(), ROOM_KIB as usize);
    }

    #[tokio::test]
    async fn a_copy_is_what_it_is_of() {
        let folder = tempfile::tempdir().expect("folder");
        let store = BlobStore::open_folder(folder.path()).expect("store");
        let messages = vec![
            Bytes::from("one"),
            Bytes::new(),
            Bytes::from(vec![b'b'; 3 * PIECE_BYTES + 7]),
        ];
        let ranges = store
            .write_segment(Uuid::from_u128(1), messages.clone())
            .await
            .expect("written");
        let copies = store
            .copy_to_segment(Uuid::from_u128(2), &ranges)
            .await
            .expect("copied");
        for (message, copy) in messages.iter().zip(&copies) {
            assert!(store.read(copy).await.expect("read") == *message, "{copy:?}");
        }
    }

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
