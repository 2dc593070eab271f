//! Finds each message of a batch its thread, looking the whole batch up at once.

use std::collections::HashMap;
use std::collections::HashSet;

use domain::EmailAddress;
use domain::MailAccountId;
use domain::ThreadId;
use domain::Timestamp;
use domain::message::AddressRole;
use domain::message::InternetMessageId;
use domain::message::MessageSummary;
use domain::rules::threading::Referred;
use domain::rules::threading::Reply;
use domain::rules::threading::SUBJECT_WINDOW;
use domain::rules::threading::SameSubject;
use domain::rules::threading::join_by_reference;
use domain::rules::threading::join_by_subject;
use domain::rules::threading::subject_key;
use store::Tx;
use store::accounts::MailAccount;
use store::threads;
use store::threads::NewThread;

use crate::Ids;
use crate::ServiceError;
use crate::keys::InstallationKey;

/// What is known of the threads that a batch may join; grows with each message of the batch.
pub struct ThreadIndex<'a> {
    account: &'a MailAccount,
    ids: &'a Ids,
    keys: &'a InstallationKey,
    bearers: HashMap<InternetMessageId, Vec<ThreadId>>,
    namers: HashMap<InternetMessageId, Vec<(ThreadId, Option<EmailAddress>)>>,
    /// Of new threads all, of stored ones those who write in this batch.
    participants: HashMap<ThreadId, HashSet<EmailAddress>>,
    subjects: HashMap<String, Vec<(ThreadId, Timestamp)>>,
    new: HashMap<ThreadId, NewThread>,
    joined: HashMap<ThreadId, Timestamp>,
}

impl<'a> ThreadIndex<'a> {
    pub async fn load(
        tx: &mut Tx,
        account: &'a MailAccount,
        ids: &'a Ids,
        keys: &'a InstallationKey,
        batch: &[&MessageSummary],
    ) -> Result<Self, ServiceError> {
        let mut index = ThreadIndex {
            account,
            ids,
            keys,
            bearers: HashMap::new(),
            namers: HashMap::new(),
            participants: HashMap::new(),
            subjects: HashMap::new(),
            new: HashMap::new(),
            joined: HashMap::new(),
        };
        let named: HashSet<_> = batch
            .iter()
            .flat_map(|summary| references(summary))
            .cloned()
            .collect();
        let named: Vec<_> = named.into_iter().collect();
        let mut referred = HashSet::new();
        for bearer in threads::find_bearers_for_engine(tx, account.id, &named).await? {
            referred.insert(bearer.thread);
            index.bearers.entry(bearer.named).or_default().push(bearer.thread);
        }
        // Whether the authors of the batch take part is all that is asked of stored threads.
        let authors: HashSet<_> = batch
            .iter()
            .filter_map(|summary| author(summary).cloned())
            .collect();
        let (referred, authors): (Vec<_>, Vec<_>) =
            (referred.into_iter().collect(), authors.into_iter().collect());
        for (thread, address) in threads::find_participants_for_engine(tx, &referred, &authors).await? {
            index.participants.entry(thread).or_default().insert(address);
        }
        let own: Vec<_> = batch
            .iter()
            .filter_map(|summary| summary.internet_message_id.clone())
            .collect();
        for namer in threads::find_namers_for_engine(tx, account.id, &own).await? {
            index
                .namers
                .entry(namer.named)
                .or_default()
                .push((namer.thread, namer.author));
        }
        Ok(index)
    }

    /// The thread of one message: joined, or new.
    pub async fn assign(
        &mut self,
        tx: &mut Tx,
        summary: &MessageSummary,
        at: Timestamp,
    ) -> Result<ThreadId, ServiceError> {
        let by_reference =
            join_by_reference(&self.named_by(summary)).or_else(|| join_by_reference(&self.naming(summary)));
        let thread = match by_reference {
            Some(thread) => thread,
            None => match self.find_by_subject(tx, summary, at).await? {
                Some(thread) => thread,
                None => self.begin(summary, at),
            },
        };
        self.add(thread, summary, at);
        Ok(thread)
    }

    /// Threads whose messages this one names.
    fn named_by(&self, summary: &MessageSummary) -> Vec<Referred> {
        let author = author(summary);
        let threads = references(summary).flat_map(|id| {
            let has_our_token = self.keys.message_of_token(self.account.id, id.left()).is_some();
            let bearers = self.bearers.get(id).into_iter().flatten();
            bearers.map(move |thread| (thread, has_our_token))
        });
        let referred = threads.map(|(thread, has_our_token)| Referred {
            has_our_token,
            thread: *thread,
            referring_author: author.cloned(),
            participants: self
                .participants
                .get(thread)
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
        });
        referred.collect()
    }

    /// Threads whose messages name this one.
    fn naming(&self, summary: &MessageSummary) -> Vec<Referred> {
        let namers = summary
            .internet_message_id
            .as_ref()
            .and_then(|id| self.namers.get(id));
        let participants: Vec<_> = participants(summary).cloned().collect();
        let referred = namers.into_iter().flatten().map(|(thread, author)| Referred {
            thread: *thread,
            referring_author: author.clone(),
            participants: participants.clone(),
            has_our_token: false,
        });
        referred.collect()
    }

    async fn find_by_subject(
        &self,
        tx: &mut Tx,
        summary: &MessageSummary,
        at: Timestamp,
    ) -> Result<Option<ThreadId>, ServiceError> {
        let key = subject_key(summary.subject.as_str());
        let has_references = references(summary).next().is_some();
        if has_references || !key.has_reply_prefix || key.base.is_empty() {
            return Ok(None);
        }
        let outside = self.outside(participants(summary));
        let reply = Reply {
            has_references,
            has_reply_prefix: key.has_reply_prefix,
            at,
            outside: &outside,
        };
        let mut candidates = self.new_with_subject(&key.base, at);
        let id: MailAccountId = self.account.id;
        let from = at.minus(SUBJECT_WINDOW);
        for stored in threads::find_same_subject_for_engine(tx, id, &key.base, from, at).await? {
            candidates.push(SameSubject {
                outside: self.outside(stored.outside.iter()),
                ..stored
            });
        }
        Ok(join_by_subject(&reply, &candidates))
    }

    fn new_with_subject(&self, base: &str, at: Timestamp) -> Vec<SameSubject> {
        let threads = self
            .subjects
            .get(base)
            .into_iter()
            .flatten()
            .filter(|(_, last_at)| *last_at <= at);
        let candidates = threads.map(|(thread, last_at)| SameSubject {
            thread: *thread,
            last_at: *last_at,
            outside: self.outside(self.participants.get(thread).into_iter().flatten()),
        });
        candidates.collect()
    }

    fn outside<'b>(&self, addresses: impl Iterator<Item = &'b EmailAddress>) -> Vec<EmailAddress> {
        addresses
            .filter(|address| !self.account.is_own_address(address))
            .cloned()
            .collect()
    }

    fn begin(&mut self, summary: &MessageSummary, at: Timestamp) -> ThreadId {
        let id = self.ids.next();
        let subject_base: String = subject_key(summary.subject.as_str())
            .base
            .chars()
            .take(200)
            .collect();
        self.subjects
            .entry(subject_base.clone())
            .or_default()
            .push((id, at));
        self.new.insert(
            id,
            NewThread {
                id,
                subject_base,
                last_at: at,
            },
        );
        id
    }

    fn add(&mut self, thread: ThreadId, summary: &MessageSummary, at: Timestamp) {
        self.participants
            .entry(thread)
            .or_default()
            .extend(participants(summary).cloned());
        if let Some(id) = &summary.internet_message_id {
            self.bearers.entry(id.clone()).or_default().push(thread);
        }
        for named in references(summary) {
            let author = author(summary).cloned();
            self.namers
                .entry(named.clone())
                .or_default()
                .push((thread, author));
        }
        match self.new.get_mut(&thread) {
            Some(new) => new.last_at = new.last_at.max(at),
            None => {
                let last = self.joined.entry(thread).or_insert(at);
                *last = (*last).max(at);
            }
        }
    }

    /// Writes new threads and moves joined ones up.
    pub async fn save(self, tx: &mut Tx) -> Result<(), ServiceError> {
        let new: Vec<_> = self.new.into_values().collect();
        threads::insert(tx, self.account.id, &new).await?;
        Ok(threads::touch(tx, self.joined).await?)
    }
}

fn references(summary: &MessageSummary) -> impl Iterator<Item = &InternetMessageId> {
    summary.in_reply_to.iter().chain(summary.references.iter().rev())
}

fn author(summary: &MessageSummary) -> Option<&EmailAddress> {
    summary.author().and_then(|author| author.address.as_ref())
}

fn participants(summary: &MessageSummary) -> impl Iterator<Item = &EmailAddress> {
    use AddressRole::Cc;
    use AddressRole::From;
    use AddressRole::ReplyTo;
    use AddressRole::To;
    [From, ReplyTo, To, Cc]
        .into_iter()
        .flat_map(|role| summary.addresses_in(role))
}
