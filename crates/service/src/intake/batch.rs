//! One batch, from parsing to the commit.

use std::collections::HashMap;
use std::collections::HashSet;

use bytes::Bytes;
use domain::MailAccountId;
use domain::MessageId;
use domain::ThreadId;
use domain::Timestamp;
use domain::folder::FolderCursor;
use domain::folder::FolderRole;
use domain::folder::Uid;
use domain::folder::UidValidity;
use domain::folder::Walk;
use domain::message::AddressRole;
use domain::message::Direction;
use domain::message::MessageSummary;
use domain::message::Origin;
use domain::message::SkipReason;
use domain::rules::sender::SenderMarks;
use domain::rules::sender::sender_marks;
use futures_util::future::try_join_all;
use sha2::Digest as _;
use sha2::Sha256;
use store::Conn;
use store::Tx;
use store::accounts;
use store::accounts::MailAccount;
use store::blob::BlobRange;
use store::drafts;
use store::fetched_bytes;
use store::folders;
pub use store::folders::SkippedCopy;
use store::grants;
use store::intake;
use store::intake::NewMessage;
use store::intake::OneRaw;
use store::outbox;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::accounts::is_same_site;
use crate::intake::prepare::Prepared;
use crate::intake::prepare::prepare;
use crate::intake::threading::ThreadIndex;
use crate::sync::Folder;
use crate::sync::Lease;
use crate::sync::bytes_per_day;

/// After this many deaths in the intake of one message it is parked without a look.
pub const MAX_ATTEMPTS: u32 = 3;

#[derive(Clone, Debug)]
pub struct FetchedForIntake {
    pub uid: Uid,
    /// Of the folder, but in All Mail of this message.
    pub role: FolderRole,
    pub seen: bool,
    pub internal_date: Option<Timestamp>,
    pub raw: Bytes,
}

/// What one step of a folder brings in. `cursor` is where it stands once this is committed; of it only the end moves
/// that the `walk` moves.
pub struct IntakeBatch<'a> {
    pub lease: &'a Lease,
    pub account: &'a MailAccount,
    pub folder: &'a Folder,
    pub messages: Vec<FetchedForIntake>,
    pub skipped: Vec<(Uid, SkipReason)>,
    pub cursor: FolderCursor,
    pub walk: Walk,
    pub history_since: Option<&'a str>,
    /// [`Services::count_attempt`]s that end with the commit.
    pub attempts: Vec<(Uid, Uid)>,
    /// It was too much several times: keep the bytes, do not parse.
    pub park: bool,
}

/// A batch that is parsed.
pub struct ParsedBatch<'a> {
    batch: IntakeBatch<'a>,
    parsed: Vec<Prepared>,
}

/// A batch that is parsed and whose bytes are on disk; only the commit is left.
pub struct WrittenBatch<'a> {
    batch: IntakeBatch<'a>,
    prepared: Vec<Prepared>,
    /// Where the bytes are that were not here before, by their hash.
    written: HashMap<[u8; 32], BlobRange>,
}

impl WrittenBatch<'_> {
    /// How many are in it.
    pub fn messages(&self) -> usize {
        self.prepared.len()
    }

    /// Takes the next batch of the same folder into the same commit.
    pub fn join(&mut self, next: Self) {
        self.batch.skipped.extend(next.batch.skipped);
        self.batch.cursor = next.batch.cursor;
        self.batch.attempts.extend(next.batch.attempts);
        self.prepared.extend(next.prepared);
        self.written.extend(next.written);
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IntakeReport {
    pub stored: u64,
    pub duplicate: u64,
    pub parked: u64,
    pub bytes: u64,
    pub skipped: HashMap<&'static str, u64>,
}

impl IntakeReport {
    pub fn add(&mut self, other: IntakeReport) {
        self.stored += other.stored;
        self.duplicate += other.duplicate;
        self.parked += other.parked;
        self.bytes += other.bytes;
        for (reason, count) in other.skipped {
            *self.skipped.entry(reason).or_default() += count;
        }
    }
}

impl Services {
    /// The steps of an intake, one after the other.
    pub async fn intake(&self, mut batch: IntakeBatch<'_>) -> Result<IntakeReport, ServiceError> {
        let uids = || batch.messages.iter().map(|message| message.uid);
        if let Some((first, last)) = uids().min().zip(uids().max()) {
            let attempts = self.count_attempt(batch.folder.id, first, last).await?;
            batch.park = first == last && attempts > MAX_ATTEMPTS;
            batch.attempts.push((first, last));
        }
        let parsed = self.parse(batch).await?;
        self.commit(self.write(parsed).await?).await
    }

    /// The first step, on threads of its own. That it is tried has been counted: see [`Services::count_attempt`].
    pub async fn parse<'a>(&self, mut batch: IntakeBatch<'a>) -> Result<ParsedBatch<'a>, ServiceError> {
        let (now, park) = (self.now(), batch.park);
        let shares = shares(std::mem::take(&mut batch.messages), self.parsing.threads());
        let parsed = shares.into_iter().map(|share| {
            let account = batch.account.clone();
            self.parsing
                .in_bulk(move || prepare_all(share, &account, now, park))
        });
        let parsed = try_join_all(parsed).await?.into_iter().flatten().collect();
        Ok(ParsedBatch { batch, parsed })
    }

    /// The second step: the bytes that are new, as one segment.
    pub async fn write<'a>(&self, parsed: ParsedBatch<'a>) -> Result<WrittenBatch<'a>, ServiceError> {
        let ParsedBatch {
            batch,
            parsed: mut prepared,
        } = parsed;
        let met = self.find_met(batch.account.id, &prepared).await?;
        let new = prepared.iter().filter(|message| !met.contains(&message.sha256));
        let mut written = HashMap::new();
        self.write_bytes(new, &mut written).await?;
        for message in &mut prepared {
            if written.contains_key(&message.sha256) {
                message.raw = Bytes::new();
            }
        }
        Ok(WrittenBatch {
            batch,
            prepared,
            written,
        })
    }

    /// Into one segment, those apart that are `written`.
    async fn write_bytes(
        &self,
        messages: impl Iterator<Item = &Prepared>,
        written: &mut HashMap<[u8; 32], BlobRange>,
    ) -> Result<(), ServiceError> {
        let unwritten: HashMap<_, _> = messages
            .filter(|message| !written.contains_key(&message.sha256))
            .map(|message| (message.sha256, message.raw.clone()))
            .collect();
        if unwritten.is_empty() {
            return Ok(());
        }
        let (hashes, raws): (Vec<_>, Vec<_>) = unwritten.into_iter().unzip();
        let ranges = self.blobs.write_segment(self.ids.uuid(), raws).await?;
        written.extend(hashes.into_iter().zip(ranges));
        Ok(())
    }

    /// The last step: everything of the batch, or nothing. [`ServiceError::LeaseLost`] if another process took
    /// over, [`ServiceError::FolderRenumbered`] if the folder has another UIDVALIDITY by now.
    pub async fn commit(&self, written: WrittenBatch<'_>) -> Result<IntakeReport, ServiceError> {
        let WrittenBatch {
            batch,
            prepared,
            mut written,
        } = written;
        let uid_validity = batch.cursor.uid_validity;
        let now = self.now();
        let mut report = IntakeReport::default();
        let mut sorted = self.sort_out(&batch, prepared, &written, &mut report).await?;
        // Known when they were prepared, and gone meanwhile.
        let forms = sorted.forms.iter().map(|(form, _)| form);
        self.write_bytes(sorted.new.iter().chain(forms), &mut written)
            .await?;

        let mut tx = self.db.begin_write().await?;
        let mut held = tx.hold(batch.lease, now).await?;
        let stored = self
            .insert_new(&mut held, &batch, &mut sorted.new, &written)
            .await?;
        let forms = sorted.forms.iter().map(|(form, id)| OneRaw {
            message: *id,
            sha256: form.sha256,
            origin: origin(form.role),
            is_shown: false,
            range: &written[&form.sha256],
        });
        intake::insert_raws(&mut held, batch.account.id, &forms.collect::<Vec<_>>()).await?;
        // A server may have given it another Message-ID, which answers name.
        let renamed = sorted.forms.iter().filter_map(|(form, id)| {
            let named = form.parsed.summary.internet_message_id.clone()?;
            let is_ours = self
                .keys
                .message_of_token(batch.account.id, named.left())
                .is_some();
            (!is_ours).then_some((*id, named))
        });
        intake::insert_references(&mut held, batch.account.id, renamed).await?;
        let copies = copies(&sorted, &stored);
        intake::insert_copies(&mut held, batch.folder, uid_validity, &copies).await?;
        let skipped = skipped(&batch, &sorted);
        folders::insert_skipped(&mut held, batch.folder, uid_validity, &skipped, now).await?;
        self.insert_unread(&mut held, &batch, &sorted.new, &stored, now)
            .await?;
        self.insert_mark_seen(&mut held, &batch, &sorted, uid_validity)
            .await?;
        for message in &sorted.met_in_sent {
            if outbox::copy_met(&mut held, *message, now).await? {
                // It has gone, so nobody takes it back.
                drafts::forget(&mut held, *message).await?;
            }
        }
        let came_back = self.note_reports(&mut held, &batch, &sorted.new).await?;
        learn_authserv_id(&mut held, &batch, &sorted.new).await?;
        if bytes_per_day(batch.account).is_some() {
            fetched_bytes::add(&mut held, batch.account.id, now.days(), report.bytes).await?;
        }
        let (folder, cursor) = (batch.folder.id, &batch.cursor);
        if !folders::move_cursor(&mut held, folder, cursor, batch.walk, batch.history_since).await? {
            return Err(ServiceError::FolderRenumbered);
        }
        for (first, last) in batch.attempts.iter().copied() {
            folders::end_attempt(&mut held, batch.folder.id, first, last).await?;
        }
        tx.commit().await?;

        for copy in skipped {
            *report.skipped.entry(copy.reason.as_str()).or_default() += 1;
        }
        let account = batch.account.id;
        for message in &came_back {
            let message = *message;
            self.events.publish(Event::MessageChanged { account, message });
        }
        if !came_back.is_empty() {
            self.events.publish(Event::OutboxChanged { account });
        }
        if !stored.is_empty() {
            self.events.publish(Event::Arrived {
                account,
                messages: stored,
            });
        }
        Ok(report)
    }

    async fn find_met(&self, account: MailAccountId, prepared: &[Prepared]) -> Result<Met, ServiceError> {
        let hashes: Vec<_> = prepared.iter().map(|message| message.sha256).collect();
        let tombstones = hashes
            .iter()
            .map(|hash| (self.keys.tombstone(account, hash), *hash));
        let tombstones: HashMap<_, _> = tombstones.collect();
        let mut conn = self.db.read().await?;
        let known = intake::find_by_content_for_engine(&mut conn, account, &hashes).await?;
        let asked: Vec<_> = tombstones.keys().copied().collect();
        let erased = intake::find_tombstones_for_engine(&mut conn, account, &asked).await?;
        Ok(Met {
            known: known.into_iter().collect(),
            erased: erased.iter().map(|tombstone| tombstones[tombstone]).collect(),
        })
    }

    /// New ones, those we hold already, and those that were erased.
    async fn sort_out(
        &self,
        batch: &IntakeBatch<'_>,
        prepared: Vec<Prepared>,
        written: &HashMap<[u8; 32], BlobRange>,
        report: &mut IntakeReport,
    ) -> Result<Sorted, ServiceError> {
        let account = batch.account.id;
        let met_before = self.find_met(account, &prepared).await?;
        let mut conn = self.db.read().await?;
        let mut sorted = Sorted::default();
        let mut met: HashMap<[u8; 32], usize> = HashMap::new();
        for message in prepared {
            report.bytes += message.size_bytes;
            if met_before.erased.contains(&message.sha256) {
                sorted.erased.push(message.uid);
                continue;
            }
            if message.role == FolderRole::Inbox && !message.seen && message.parsed.parked_reason.is_none() {
                sorted.unseen.push(message.uid);
            }
            if let Some(id) = met_before.known.get(&message.sha256) {
                report.duplicate += 1;
                sorted.known.push((message.uid, *id));
                sorted
                    .met_in_sent
                    .extend((message.role == FolderRole::Sent).then_some(*id));
            } else if let Some(index) = met.get(&message.sha256) {
                report.duplicate += 1;
                sorted.twins.push((message.uid, *index));
            } else if let Some(id) = self.find_other_form(&mut conn, batch, &message, written).await? {
                report.duplicate += 1;
                sorted
                    .met_in_sent
                    .extend((message.role == FolderRole::Sent).then_some(id));
                sorted.forms.push((message, id));
            } else {
                report.stored += 1;
                report.parked += u64::from(message.parsed.parked_reason.is_some());
                met.insert(message.sha256, sorted.new.len());
                sorted.new.push(message);
            }
        }
        Ok(sorted)
    }

    /// The message that this is, in other bytes: what was written here and is filed in Sent by its token (the server
    /// may have changed it); mail to oneself, which lies in INBOX and in Sent, by Message-ID and the same body.
    async fn find_other_form(
        &self,
        conn: &mut Conn,
        batch: &IntakeBatch<'_>,
        message: &Prepared,
        written: &HashMap<[u8; 32], BlobRange>,
    ) -> Result<Option<MessageId>, ServiceError> {
        let (account, summary) = (batch.account, &message.parsed.summary);
        let Some(named) = &summary.internet_message_id else {
            return Ok(None);
        };
        if message.parsed.direction != Direction::Outgoing {
            return Ok(None);
        }
        if message.role == FolderRole::Sent {
            let tokens = std::iter::once(named.left()).chain(summary.own_token.as_deref());
            for token in tokens {
                if let Some(id) = self.keys.message_of_token(account.id, token)
                    && intake::is_of_account_for_engine(conn, account.id, id).await?
                {
                    return Ok(Some(id));
                }
            }
        }
        let is_to_oneself = [AddressRole::To, AddressRole::Cc, AddressRole::Bcc]
            .into_iter()
            .flat_map(|role| summary.addresses_in(role))
            .any(|address| account.is_own_address(address));
        if !is_to_oneself {
            return Ok(None);
        }
        let candidates = intake::find_own_by_header_for_engine(conn, account.id, named).await?;
        if candidates.is_empty() {
            return Ok(None);
        }
        let wanted = match written.get(&message.sha256) {
            Some(range) => digest_of_body(&self.blobs.read(range).await?),
            None => digest_of_body(&message.raw),
        };
        for (id, range) in candidates {
            if digest_of_body(&self.blobs.read(&range).await?) == wanted {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// Delivery reports about messages of this account, known by their token: what anybody else makes up is only mail,
    /// and so is what the domain that it claims to be from disowns.
    async fn note_reports(
        &self,
        tx: &mut Tx,
        batch: &IntakeBatch<'_>,
        new: &[Prepared],
    ) -> Result<Vec<MessageId>, ServiceError> {
        let account = batch.account.id;
        let authserv_id = batch
            .account
            .imap
            .as_ref()
            .and_then(|imap| imap.authserv_id.as_deref());
        let mut came_back = Vec::new();
        let reports = new
            .iter()
            .filter(|message| message.parsed.direction == Direction::Incoming)
            .filter(|message| !message.parsed.summary.is_disowned(authserv_id))
            .filter_map(|message| message.parsed.summary.report.as_ref());
        for report in reports {
            let about = report
                .tokens
                .iter()
                .filter_map(|token| self.keys.message_of_token(account, token));
            for message in about {
                if outbox::reported(tx, account, message, report, self.now()).await? {
                    came_back.push(message);
                }
            }
        }
        Ok(came_back)
    }

    async fn insert_new(
        &self,
        tx: &mut Tx,
        batch: &IntakeBatch<'_>,
        new: &mut [Prepared],
        written: &HashMap<[u8; 32], BlobRange>,
    ) -> Result<Vec<MessageId>, ServiceError> {
        let summaries: Vec<_> = new.iter().map(|message| &message.parsed.summary).collect();
        let mut index = ThreadIndex::load(tx, batch.account, &self.ids, &self.keys, &summaries).await?;
        let keys = arrival_keys(tx, new).await?;
        let mut by_arrival: Vec<usize> = (0..new.len()).collect();
        by_arrival.sort_by_key(|position| keys[*position]);
        let mut threads = HashMap::new();
        for position in by_arrival {
            let message = &new[position];
            let thread = index
                .assign(tx, &message.parsed.summary, message.arrived_at)
                .await?;
            threads.insert(position, thread);
        }
        index.save(tx).await?;
        let mut rows = Vec::with_capacity(new.len());
        for (position, message) in new.iter_mut().enumerate() {
            let id = self.ids.next();
            let place = Place {
                id,
                thread: threads[&position],
                arrival_key: keys[position],
                origin: origin(message.role),
            };
            let range = written[&message.sha256].clone();
            rows.push(new_message(place, batch.account, message, range));
        }
        intake::insert_messages(tx, batch.account.id, &rows).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// For the owner unread means without `\Seen` at intake; for a grantee what came after the grant.
    async fn insert_unread(
        &self,
        tx: &mut Tx,
        batch: &IntakeBatch<'_>,
        new: &[Prepared],
        stored: &[MessageId],
        now: Timestamp,
    ) -> Result<(), ServiceError> {
        let account = batch.account;
        let incoming = || new.iter().zip(stored).filter(|(message, _)| is_incoming(message));
        let unseen: Vec<_> = incoming()
            .filter(|(message, _)| !message.seen)
            .map(|(_, id)| *id)
            .collect();
        intake::insert_unread(tx, account.id, account.owner, &unseen).await?;
        for grant in grants::list_of_account(tx, account.id).await? {
            if grant.period.is_live(now) {
                let since = grant.period.starts_at.unwrap_or(grant.created_at);
                let later = incoming().filter(|(message, _)| message.arrived_at >= since);
                let later: Vec<_> = later.map(|(_, id)| *id).collect();
                intake::insert_unread(tx, account.id, grant.administrator, &later).await?;
            }
        }
        Ok(())
    }

    /// "Mark as read if processed successfully": never in Sent, never for what was skipped or parked.
    async fn insert_mark_seen(
        &self,
        tx: &mut Tx,
        batch: &IntakeBatch<'_>,
        sorted: &Sorted,
        uid_validity: UidValidity,
    ) -> Result<(), ServiceError> {
        if !batch.account.tracking.mark_as_read {
            return Ok(());
        }
        let unseen = sorted.unseen.iter();
        let operations: Vec<_> = unseen.map(|uid| (self.ids.next(), *uid)).collect();
        Ok(intake::insert_mark_seen(tx, batch.folder, uid_validity, &operations).await?)
    }
}

/// Contents of a batch that were here before it, by their hash.
struct Met {
    known: HashMap<[u8; 32], MessageId>,
    erased: HashSet<[u8; 32]>,
}

impl Met {
    fn contains(&self, hash: &[u8; 32]) -> bool {
        self.known.contains_key(hash) || self.erased.contains(hash)
    }
}

#[derive(Default)]
struct Sorted {
    new: Vec<Prepared>,
    /// The same bytes are stored already.
    known: Vec<(Uid, MessageId)>,
    /// The same bytes are in this batch, at this position of `new`.
    twins: Vec<(Uid, usize)>,
    /// Other bytes of a message that is stored already.
    forms: Vec<(Prepared, MessageId)>,
    erased: Vec<Uid>,
    /// Of INBOX, taken in and not parked, without `\Seen`.
    unseen: Vec<Uid>,
    /// Known before, and lying in Sent now.
    met_in_sent: Vec<MessageId>,
}

/// In their order, each about as many bytes.
fn shares(fetched: Vec<FetchedForIntake>, count: usize) -> Vec<Vec<FetchedForIntake>> {
    let bytes: usize = fetched.iter().map(|message| message.raw.len()).sum();
    let most = bytes.div_ceil(count);
    let (mut shares, mut share, mut held) = (Vec::with_capacity(count), Vec::new(), 0);
    for message in fetched {
        held += message.raw.len();
        share.push(message);
        if held >= most && shares.len() + 1 < count {
            shares.push(std::mem::take(&mut share));
            held = 0;
        }
    }
    if !share.is_empty() {
        shares.push(share);
    }
    shares
}

fn prepare_all(
    fetched: Vec<FetchedForIntake>,
    account: &MailAccount,
    now: Timestamp,
    park: bool,
) -> Vec<Prepared> {
    fetched
        .into_iter()
        .map(|message| prepare(message, account, now, park))
        .collect()
}

fn origin(role: FolderRole) -> Origin {
    match role {
        FolderRole::Inbox | FolderRole::AllMail | FolderRole::Other | FolderRole::Junk => Origin::Received,
        FolderRole::Sent => Origin::Filed,
    }
}

/// The first server in whose words we find what was thought of an author, if it is the receiving one: of the site that
/// received the message last or that the mailbox is at. Anybody can write another's name. The owner can change it.
async fn learn_authserv_id(
    tx: &mut Tx,
    batch: &IntakeBatch<'_>,
    new: &[Prepared],
) -> Result<(), ServiceError> {
    let is_known = |account: &MailAccount| {
        account
            .imap
            .as_ref()
            .is_none_or(|imap| imap.authserv_id.is_some())
    };
    if is_known(batch.account) {
        return Ok(());
    }
    let imap_server = batch.account.imap.as_ref().map(|imap| imap.server.as_str());
    let in_inbox = new.iter().filter(|message| message.role == FolderRole::Inbox);
    let said = in_inbox.into_iter().find_map(|message| {
        let summary = &message.parsed.summary;
        let said = summary.authentication.first()?;
        let receivers = [summary.received_by.as_deref(), imap_server];
        let is_receiver = receivers
            .into_iter()
            .flatten()
            .any(|host| is_same_site(host, &said.server));
        is_receiver.then_some(said)
    });
    let Some(said) = said else {
        return Ok(());
    };
    if let Some(mut account) = accounts::find(tx, batch.account.id).await?
        && let Some(imap) = &mut account.imap
        && imap.authserv_id.is_none()
    {
        imap.authserv_id = Some(said.server.clone());
        accounts::update_settings(tx, &account).await?;
    }
    Ok(())
}

/// What stands below the header.
fn digest_of_body(raw: &[u8]) -> [u8; 32] {
    let end = memchr::memmem::find(raw, b"\r\n\r\n");
    Sha256::digest(end.map_or(&[][..], |end| raw[end..].trim_ascii())).into()
}

fn is_incoming(message: &Prepared) -> bool {
    matches!(message.role, FolderRole::Inbox | FolderRole::Other)
        && message.parsed.direction == Direction::Incoming
}

fn copies(sorted: &Sorted, stored: &[MessageId]) -> Vec<(Uid, MessageId)> {
    let new = sorted
        .new
        .iter()
        .zip(stored)
        .map(|(message, id)| (message.uid, *id));
    let twins = sorted.twins.iter().map(|(uid, index)| (*uid, stored[*index]));
    new.chain(sorted.known.iter().copied())
        .chain(twins)
        .chain(forms_met(sorted))
        .collect()
}

fn forms_met(sorted: &Sorted) -> impl Iterator<Item = (Uid, MessageId)> {
    sorted.forms.iter().map(|(form, id)| (form.uid, *id))
}

fn skipped(batch: &IntakeBatch<'_>, sorted: &Sorted) -> Vec<SkippedCopy> {
    let before = batch.skipped.iter().map(|(uid, reason)| SkippedCopy {
        uid: *uid,
        reason: reason.clone(),
    });
    let erased = sorted.erased.iter().map(|uid| SkippedCopy {
        uid: *uid,
        reason: SkipReason::Deleted,
    });
    before.chain(erased).collect()
}

const KEY_BITS: u32 = 30;

/// Seconds of arrival, then 30 bits of the content's hash; moved up until free.
async fn arrival_keys(tx: &mut Tx, new: &[Prepared]) -> Result<Vec<i64>, ServiceError> {
    let mut keys: Vec<i64> = new.iter().map(first_key).collect();
    let mut used = HashSet::new();
    loop {
        let taken: HashSet<_> = intake::taken_arrival_keys_for_engine(tx, &keys)
            .await?
            .into_iter()
            .collect();
        let mut moved = false;
        used.clear();
        for key in &mut keys {
            while taken.contains(key) || !used.insert(*key) {
                *key += 1;
                moved = true;
            }
        }
        if !moved {
            return Ok(keys);
        }
    }
}

/// For a message alone.
pub async fn first_free_key(tx: &mut Tx, new: &Prepared) -> Result<i64, ServiceError> {
    let keys = arrival_keys(tx, std::slice::from_ref(new)).await?;
    keys.first().copied().ok_or(ServiceError::Damaged)
}

fn first_key(message: &Prepared) -> i64 {
    let hash = &message.sha256;
    let low = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]) >> (32 - KEY_BITS);
    (message.arrived_at.seconds() << KEY_BITS) | i64::from(low)
}

/// Where a message stands here, whatever it holds.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub id: MessageId,
    pub thread: ThreadId,
    pub arrival_key: i64,
    pub origin: Origin,
}

pub fn new_message(
    place: Place,
    account: &MailAccount,
    message: &mut Prepared,
    raw: BlobRange,
) -> NewMessage {
    // Not copied: it is as long as the text.
    let search_text = std::mem::take(&mut message.parsed.summary.search_text);
    let summary = &message.parsed.summary;
    let author = summary.author();
    let authserv_id = account.imap.as_ref().and_then(|imap| imap.authserv_id.as_deref());
    let sender_marks = match message.parsed.direction {
        Direction::Incoming => sender_marks(summary, authserv_id),
        Direction::Outgoing => SenderMarks::default(),
    };
    NewMessage {
        id: place.id,
        thread: place.thread,
        arrival_key: place.arrival_key,
        direction: message.parsed.direction,
        internet_message_id: summary.internet_message_id.clone(),
        references: summary
            .in_reply_to
            .iter()
            .chain(&summary.references)
            .chain(&summary.conversation_keys)
            .cloned()
            .collect(),
        author_name: author
            .map(|named| named.name.as_str().to_owned())
            .unwrap_or_default(),
        author_address: author
            .and_then(|named| named.address.as_ref())
            .map(|address| address.as_str().to_owned()),
        recipients: recipients(summary),
        subject: summary.subject.as_str().to_owned(),
        snippet: summary.snippet.as_str().to_owned(),
        arrived_at: message.arrived_at,
        dated_at: summary.date,
        size_bytes: message.size_bytes,
        parked_reason: message.parsed.parked_reason.clone(),
        sha256: message.sha256,
        sender_marks,
        automatic: summary
            .automatic
            .filter(|_| message.parsed.direction == Direction::Incoming),
        addresses: summary.addresses.clone(),
        attachments: summary.attachments.clone(),
        search_text,
        origin: place.origin,
        raw,
    }
}

/// The first few, for the list of sent mail.
fn recipients(summary: &MessageSummary) -> String {
    let to = summary
        .addresses
        .iter()
        .filter(|named| named.role == AddressRole::To);
    let shown = to
        .take(3)
        .map(|named| match (&named.address, named.name.is_empty()) {
            (Some(address), true) => address.as_str().to_owned(),
            _ => named.name.as_str().to_owned(),
        });
    shown.collect::<Vec<_>>().join(", ")
}
