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
use domain::rules::threading::join_by_sibling;
use domain::rules::threading::join_by_subject;
use domain::rules::threading::join_twin;
use domain::rules::threading::subject_key;
use store::Tx;
use store::accounts::MailAccount;
use store::threads;
use store::threads::NewThread;

use crate::Ids;
use crate::ServiceError;
use crate::keys::InstallationKey;

/// Of threads that name the same; more have nothing in common but a mistake.
const MOST_SIBLINGS: usize = 500;

/// What is known of the threads that a batch may join; grows with each message of the batch.
pub struct ThreadIndex<'a> {
    account: &'a MailAccount,
    ids: &'a Ids,
    keys: &'a InstallationKey,
    bearers: HashMap<InternetMessageId, Vec<ThreadId>>,
    namers: HashMap<InternetMessageId, Vec<(ThreadId, Option<EmailAddress>)>>,
    /// Of new threads all, of stored ones those who write in this batch, or are written to.
    participants: HashMap<ThreadId, HashSet<EmailAddress>>,
    bases: HashMap<ThreadId, String>,
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
            bases: HashMap::new(),
            subjects: HashMap::new(),
            new: HashMap::new(),
            joined: HashMap::new(),
        };
        let own = batch
            .iter()
            .filter_map(|summary| summary.internet_message_id.as_ref());
        let names: HashSet<_> = batch
            .iter()
            .flat_map(|summary| names(summary))
            .chain(own)
            .cloned()
            .collect();
        let names: Vec<_> = names.into_iter().collect();
        let mut referred = HashSet::new();
        for bearer in threads::find_bearers_for_engine(tx, account.id, &names).await? {
            referred.insert(bearer.thread);
            index.bases.insert(bearer.thread, bearer.subject_base);
            index.bearers.entry(bearer.named).or_default().push(bearer.thread);
        }
        for namer in threads::find_namers_for_engine(tx, account.id, &names).await? {
            referred.insert(namer.thread);
            index
                .namers
                .entry(namer.named)
                .or_default()
                .push((namer.thread, namer.author));
        }
        let referred: Vec<_> = referred.into_iter().collect();
        let people = index.people(batch);
        for (thread, address) in threads::find_participants_for_engine(tx, &referred, &people).await? {
            index.participants.entry(thread).or_default().insert(address);
        }
        Ok(index)
    }

    /// Whether these take part is all that is asked of stored threads: authors, and to whom the owner writes.
    fn people(&self, batch: &[&MessageSummary]) -> Vec<EmailAddress> {
        let people = batch.iter().flat_map(|summary| {
            let author = author(summary);
            let is_own = author.is_some_and(|author| self.account.is_own_address(author));
            author
                .into_iter()
                .chain(participants(summary).filter(move |_| is_own))
        });
        let people: HashSet<_> = people.cloned().collect();
        people.into_iter().collect()
    }

    /// The thread of one message: joined, or new.
    pub async fn assign(
        &mut self,
        tx: &mut Tx,
        summary: &MessageSummary,
        at: Timestamp,
    ) -> Result<ThreadId, ServiceError> {
        let thread = match self.find_by_names(summary) {
            Some(thread) => thread,
            None => match self.find_by_subject(tx, summary, at).await? {
                Some(thread) => thread,
                None => self.begin(summary, at),
            },
        };
        self.add(thread, summary, at);
        Ok(thread)
    }

    /// What it names, then what names it, then what it has in common with others.
    fn find_by_names(&self, summary: &MessageSummary) -> Option<ThreadId> {
        let outside = self.outside(participants(summary));
        let own = summary.internet_message_id.as_ref();
        // Of the same Message-ID.
        let twins = own.map(|id| self.bearing(id, summary)).unwrap_or_default();
        let naming = || match twins.is_empty() {
            true => join_by_reference(&self.naming(summary), &outside),
            // Answers to the one that came first are none to this one.
            false => join_twin(&twins),
        };
        let mut named = references(summary).map(|id| self.bearing(id, summary));
        named
            .find_map(|of_id| join_by_reference(&of_id, &outside))
            .or_else(naming)
            .or_else(|| join_by_sibling(&self.siblings(summary), &outside))
    }

    fn referred(&self, thread: ThreadId, summary: &MessageSummary, has_our_token: bool) -> Referred {
        let base = self.bases.get(&thread);
        Referred {
            thread,
            referring_author: author(summary).cloned(),
            participants: self
                .participants
                .get(&thread)
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            has_our_token,
            has_same_subject: base.is_some_and(|base| *base == subject_base(summary)),
        }
    }

    /// Threads of messages that name what this one names, each once.
    fn siblings(&self, summary: &MessageSummary) -> Vec<Referred> {
        let namers = names(summary).flat_map(|id| self.namers.get(id).into_iter().flatten());
        let mut seen = HashSet::new();
        let threads = namers
            .map(|(thread, _)| *thread)
            .filter(|thread| seen.insert(*thread));
        let siblings = threads
            .take(MOST_SIBLINGS)
            .map(|thread| self.referred(thread, summary, false));
        siblings.collect()
    }

    /// Threads of messages with a Message-ID that this one names.
    fn bearing(&self, id: &InternetMessageId, summary: &MessageSummary) -> Vec<Referred> {
        let has_our_token = self.keys.message_of_token(self.account.id, id.left()).is_some();
        let threads = self.bearers.get(id).into_iter().flatten();
        let referred = threads.map(|thread| self.referred(*thread, summary, has_our_token));
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
            has_same_subject: false,
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
        let subject_base = subject_base(summary);
        self.bases.insert(id, subject_base.clone());
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
        for named in names(summary) {
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

/// What two messages of a conversation have in common.
fn names(summary: &MessageSummary) -> impl Iterator<Item = &InternetMessageId> {
    references(summary).chain(&summary.conversation_keys)
}

/// As it is kept of a thread.
fn subject_base(summary: &MessageSummary) -> String {
    let base = subject_key(summary.subject.as_str()).base;
    base.chars().take(200).collect()
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
