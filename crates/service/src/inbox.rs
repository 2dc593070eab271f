//! Messages / Inbox: what a viewer may see, opened, marked, deleted, restored.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use bytes::Bytes;
use domain::Access;
use domain::AdministratorId;
use domain::MailAccountId;
use domain::MessageId;
use domain::PartyId;
use domain::Right;
use domain::ThreadId;
use domain::folder::RemoteOperation;
use domain::message::Automatic;
use domain::rules::sender;
use domain::search::SearchQuery;
use domain::system_mail::CUSTOMER_MAIL;
use domain::system_mail::SYSTEM;
use store::Conn;
use store::Tx;
use store::accounts;
use store::administrators;
use store::blob::BlobRange;
use store::messages;
use store::messages::AuthorFilter;
pub use store::messages::Filter;
pub use store::messages::Message;
pub use store::messages::Position;
use store::parties;
use store::parties::PartyName;
use store::remote_operations;
use store::search;
use store::threads;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::parsing::while_somebody_looks;

pub const MAX_PAGE: u32 = 100;
/// Unread messages are counted up to here; more show as "999+".
pub const MAX_UNREAD: u32 = 1_000;

/// "Show emails".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    My,
    All,
    OfOwner(AdministratorId),
}

#[derive(Clone, Debug)]
pub struct InboxQuery {
    pub show: Show,
    pub text: String,
    /// Whether anybody knows the author.
    pub known: Option<bool>,
    pub filter: Filter,
    pub position: Position,
    pub limit: u32,
}

impl InboxQuery {
    /// The newest of everything that the viewer may see.
    pub fn newest(limit: u32) -> Self {
        InboxQuery {
            show: Show::All,
            text: String::new(),
            known: None,
            filter: Filter::default(),
            position: Position::NEWEST,
            limit,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorKind {
    /// The owner of the account.
    Owner,
    /// A colleague with an account.
    Administrator,
    /// A customer or a lead; several, where an address is on several records.
    Party,
    /// "Author not found".
    Unknown,
}

#[derive(Clone, Debug)]
pub struct ListedMessage {
    pub message: Message,
    pub author_kind: AuthorKind,
    /// Whose address the author's is. More than one: ambiguous, never picked from silently.
    pub parties: Vec<PartyName>,
    /// A known address, and doubts that it is theirs: not attributed by itself. `parties` are those with the address.
    pub is_disowned: bool,
    /// The domain of ours or of a customer that the author's looks like, and is not.
    pub lookalike_of: Option<String>,
    /// Somebody said whose the thread is.
    pub is_chosen: bool,
    pub owner: AdministratorId,
    pub owner_name: String,
    pub right: Right,
}

#[derive(Clone, Debug)]
pub struct InboxPage {
    /// Newest first.
    pub messages: Vec<ListedMessage>,
    /// Where to go on, if there may be older ones: after an empty page, too.
    pub older: Option<i64>,
}

/// More than anybody selects by hand; one page of a list is 50.
pub const MAX_ACTED_ON: usize = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageAct {
    MarkRead,
    MarkUnread,
    Delete,
    /// Here, and with the next sync into the Trash of the mailbox.
    DeleteEverywhere,
    Restore,
}

impl MessageAct {
    fn needs(self) -> Right {
        match self {
            MessageAct::MarkRead | MessageAct::MarkUnread => Right::See,
            MessageAct::Delete | MessageAct::Restore => Right::Manage,
            MessageAct::DeleteEverywhere => Right::Own,
        }
    }
}

impl Services {
    pub async fn list_inbox(&self, viewer: Viewer, query: &InboxQuery) -> Result<InboxPage, ServiceError> {
        let access = narrow(self.access_of(viewer).await?, query.show);
        let limit = query.limit.clamp(1, MAX_PAGE);
        let mut query = query.clone();
        if let Some(known) = query.known {
            let own = self.own_addresses().await?;
            query.filter.author = Some(AuthorFilter {
                known,
                colleagues: own.iter().map(ToString::to_string).collect(),
            });
        }
        let query = &query;
        let mut conn = self.db.read().await?;
        let search = SearchQuery::parse(&query.text);
        let (found, older) = if query.text.trim().is_empty() {
            list_page(&mut conn, &access, query, limit).await?
        } else {
            search_page(&mut conn, &access, &search, query, limit).await?
        };
        let names = Names::load(&mut conn, &found).await?;
        let listed = found
            .into_iter()
            .filter_map(|message| names.describe(&access, message));
        Ok(InboxPage {
            messages: listed.collect(),
            older,
        })
    }

    /// Whose mail the viewer may see, the viewer left out: the entries of "Show emails".
    pub async fn list_granting_owners(
        &self,
        viewer: Viewer,
    ) -> Result<Vec<(AdministratorId, String)>, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        let names = administrators::list(&mut conn).await?;
        let grants = |id| access.accounts().iter().any(|held| held.owner == id);
        let owners = names
            .into_iter()
            .filter(|found| found.id != viewer.administrator && grants(found.id));
        Ok(owners.map(|owner| (owner.id, owner.name)).collect())
    }

    pub async fn count_unread(&self, viewer: Viewer) -> Result<u64, ServiceError> {
        let access = self.access_of(viewer).await?;
        let mut conn = self.db.read().await?;
        Ok(messages::count_unread(&mut conn, &access, MAX_UNREAD).await?)
    }

    /// The bytes as they came. Needs Reply: See does not include taking mail away.
    pub async fn open_raw(&self, viewer: Viewer, id: MessageId) -> Result<Bytes, ServiceError> {
        let (access, message) = self.find_message(viewer, id).await?;
        if !access.allows(message.account, Right::Reply) {
            return Err(ServiceError::NotFound);
        }
        self.read_raw(&message).await
    }

    /// All of them or none, in one step. To mark needs See, to delete and restore Manage, and to delete everywhere that
    /// they are the viewer's own; what is deleted can be restored for 30 days.
    pub async fn act_on_messages(
        &self,
        viewer: Viewer,
        ids: &[MessageId],
        act: MessageAct,
    ) -> Result<(), ServiceError> {
        if ids.len() > MAX_ACTED_ON {
            let reason = format!("At most {MAX_ACTED_ON} messages at once.");
            return Err(ServiceError::field("ids", reason));
        }
        let access = self.access_at_customers(viewer).await?;
        let mut tx = self.db.begin_write().await?;
        let mut changed = Vec::with_capacity(ids.len());
        let mut asked = BTreeSet::new();
        for id in ids {
            let message = messages::find(&mut tx, &access, *id)
                .await?
                .filter(|message| access.allows(message.account, act.needs()))
                .ok_or(ServiceError::NotFound)?;
            if self.act(&mut tx, &access, &message, act).await? {
                asked.insert(message.account);
            }
            changed.push(message);
        }
        tx.commit().await?;
        for message in &changed {
            self.publish_change(message);
        }
        for account in asked {
            self.publish_asked(account);
        }
        Ok(())
    }

    /// True: the mailbox is asked for something that is due now.
    async fn act(
        &self,
        tx: &mut Tx,
        access: &Access,
        message: &Message,
        act: MessageAct,
    ) -> Result<bool, ServiceError> {
        let seen = match act {
            MessageAct::MarkRead => {
                messages::mark_read(tx, access.viewer(), message).await?;
                RemoteOperation::MarkSeen
            }
            MessageAct::MarkUnread => {
                messages::mark_unread(tx, access.viewer(), message).await?;
                RemoteOperation::MarkUnseen
            }
            MessageAct::Delete | MessageAct::DeleteEverywhere => {
                messages::set_deleted(tx, message, Some(self.now())).await?;
                if act == MessageAct::DeleteEverywhere {
                    let due_at = self.now().plus(MOVES_AFTER);
                    let operation = RemoteOperation::MoveToTrash;
                    self.ask_remotely(tx, message.account, message.id, operation, due_at)
                        .await?;
                }
                return Ok(false);
            }
            MessageAct::Restore => {
                messages::set_deleted(tx, message, None).await?;
                remote_operations::take_back(tx, message.id, RemoteOperation::MoveToTrash).await?;
                return Ok(false);
            }
        };
        let is_own = access.right_to(message.account) == Some(Right::Own);
        let goes_on = is_own && self.flags_go_both_ways(tx, message.account).await?;
        if goes_on {
            self.ask_remotely(tx, message.account, message.id, seen, self.now())
                .await?;
        }
        Ok(goes_on)
    }

    pub(crate) async fn flags_go_both_ways(
        &self,
        tx: &mut Tx,
        account: MailAccountId,
    ) -> Result<bool, ServiceError> {
        let account = accounts::find(tx, account).await?;
        Ok(account.is_some_and(|account| account.tracking.flags_both_ways))
    }

    pub(crate) fn publish_asked(&self, account: MailAccountId) {
        self.events.publish(Event::MailboxAsked { account });
    }

    fn publish_change(&self, message: &Message) {
        self.events.publish(Event::MessageChanged {
            account: message.account,
            message: message.id,
        });
    }

    pub(crate) async fn find_message(
        &self,
        viewer: Viewer,
        id: MessageId,
    ) -> Result<(Access, Message), ServiceError> {
        let access = self.access_at_customers(viewer).await?;
        let mut conn = self.db.read().await?;
        let message = messages::find(&mut conn, &access, id)
            .await?
            .ok_or(ServiceError::NotFound)?;
        Ok((access, message))
    }

    pub(crate) async fn read_raw(&self, message: &Message) -> Result<Bytes, ServiceError> {
        let range = self.raw_range(message).await?;
        while_somebody_looks(async { Ok(self.blobs.read(&range).await?) }).await
    }

    /// Where its bytes are.
    pub(crate) async fn raw_range(&self, message: &Message) -> Result<BlobRange, ServiceError> {
        let mut conn = self.db.read().await?;
        let range = messages::raw_range(&mut conn, message).await?;
        range.ok_or(ServiceError::Damaged)
    }
}

pub(crate) fn narrow(access: Access, show: Show) -> Access {
    match show {
        Show::All => access,
        Show::My => access.narrowed_to_owner(access.viewer()),
        Show::OfOwner(owner) => access.narrowed_to_owner(owner),
    }
}

/// The page offers to undo for ten seconds.
const MOVES_AFTER: Duration = Duration::from_secs(15);
const SEARCH_STEP: u32 = 200;
const SEARCH_STEPS: usize = 10;

/// The messages, and where the next page begins.
async fn list_page(
    conn: &mut Conn,
    access: &Access,
    query: &InboxQuery,
    limit: u32,
) -> Result<(Vec<Message>, Option<i64>), ServiceError> {
    let mut found = messages::list(conn, access, &query.filter, query.position, limit + 1).await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    if matches!(query.position, Position::After(_)) {
        found.reverse();
    }
    let older = found.last().filter(|_| more).map(|message| message.arrival_key);
    Ok((found, older))
}

/// Walks the hits newest first until a page is full: a filter may let few of them through. Where it lets none through
/// for long, the page is short or empty, and says where to go on.
async fn search_page(
    conn: &mut Conn,
    access: &Access,
    search: &SearchQuery,
    query: &InboxQuery,
    limit: u32,
) -> Result<(Vec<Message>, Option<i64>), ServiceError> {
    let Position::Before(mut before) = query.position else {
        return Err(ServiceError::field("after", "A search goes from new to old."));
    };
    let mut page = Vec::new();
    for _ in 0..SEARCH_STEPS {
        let keys = search::find_keys(conn, access, search, before, SEARCH_STEP).await?;
        page.extend(messages::list_by_keys(conn, access, &query.filter, &keys).await?);
        if page.len() > limit as usize {
            page.truncate(limit as usize);
            let older = page.last().map(|message: &Message| message.arrival_key);
            return Ok((page, older));
        }
        match keys.last().filter(|_| keys.len() >= SEARCH_STEP as usize) {
            Some(last) => before = *last,
            None => return Ok((page, None)),
        }
    }
    Ok((page, Some(before)))
}

/// Names of colleagues and whose address is whose.
pub(crate) struct Names {
    parties: HashMap<String, Vec<PartyName>>,
    chosen: HashMap<ThreadId, PartyId>,
    owners: HashMap<AdministratorId, String>,
    own_addresses: HashMap<domain::MailAccountId, HashSet<String>>,
    colleagues: HashSet<String>,
    /// Domains of ours and of customers, by what they look like.
    familiar: HashMap<String, String>,
}

impl Names {
    /// For the authors of these messages.
    pub(crate) async fn load<'m>(
        conn: &mut Conn,
        messages: impl IntoIterator<Item = &'m Message>,
    ) -> Result<Self, ServiceError> {
        let (mut authors, mut threads) = (HashSet::new(), HashSet::new());
        for message in messages {
            authors.extend(message.author_address.as_deref());
            threads.insert(message.thread);
        }
        let authors: Vec<&str> = authors.into_iter().collect();
        let threads: Vec<ThreadId> = threads.into_iter().collect();
        let chosen = threads::find_choices(conn, &threads).await?.into_iter().collect();
        let parties = parties::find_by_addresses(conn, &authors).await?;
        let owners = administrators::list(conn).await?;
        let mut names = Names {
            parties,
            chosen,
            owners: owners.into_iter().map(|owner| (owner.id, owner.name)).collect(),
            own_addresses: HashMap::new(),
            colleagues: HashSet::new(),
            familiar: HashMap::new(),
        };
        let system = accounts::find(conn, CUSTOMER_MAIL).await?;
        let sender = system.as_ref().map(|system| system.address.as_str().to_owned());
        for account in accounts::list_for_engine(conn).await?.into_iter().chain(system) {
            let addresses = std::iter::once(&account.address).chain(&account.aliases);
            let own: HashSet<String> = addresses.map(|address| address.as_str().to_owned()).collect();
            names.colleagues.extend(own.iter().cloned());
            let mut own = own;
            let is_through_system = account.smtp.as_ref().is_some_and(|smtp| smtp.use_system);
            own.extend(sender.clone().filter(|_| is_through_system));
            names.own_addresses.insert(account.id, own);
        }
        names.load_familiar(conn, &authors).await?;
        Ok(names)
    }

    /// Only what looks like the domain of one of these authors.
    async fn load_familiar(&mut self, conn: &mut Conn, authors: &[&str]) -> Result<(), ServiceError> {
        let domains: HashSet<&str> = authors.iter().filter_map(|author| domain_of(author)).collect();
        let looks: Vec<String> = domains.into_iter().map(sender::looks).collect();
        for address in parties::find_lookalikes(conn, &looks).await? {
            let domain = address.domain().to_owned();
            self.familiar.insert(sender::looks(&domain), domain);
        }
        for domain in self.colleagues.iter().filter_map(|address| domain_of(address)) {
            self.familiar.insert(sender::looks(domain), domain.to_owned());
        }
        Ok(())
    }

    /// `None` only if the account is not in the list: then nothing is said of it.
    pub(crate) fn describe(&self, access: &Access, message: Message) -> Option<ListedMessage> {
        let held = access
            .accounts()
            .iter()
            .find(|held| held.account == message.account)?;
        let author = message.author_address.as_deref().unwrap_or_default();
        let is_own = self
            .own_addresses
            .get(&message.account)
            .is_some_and(|own| own.contains(author));
        let is_colleague = self.colleagues.contains(author);
        // A report is nobody's message, whoever stands in its From: some servers put the recipient there.
        let is_report = message.automatic.is_some_and(Automatic::is_report);
        let held_by = match is_own || is_colleague || is_report {
            true => &[],
            false => self.parties.get(author).map_or(&[][..], Vec::as_slice),
        };
        let chosen = self
            .chosen
            .get(&message.thread)
            .and_then(|id| held_by.iter().find(|party| party.id == *id));
        let is_disowned = message.sender_marks.is_doubtful() && chosen.is_none() && !held_by.is_empty();
        let author_kind = if is_own {
            AuthorKind::Owner
        } else if is_colleague {
            AuthorKind::Administrator
        } else if held_by.is_empty() || is_disowned {
            AuthorKind::Unknown
        } else {
            AuthorKind::Party
        };
        Some(ListedMessage {
            parties: chosen.map_or_else(|| held_by.to_vec(), |party| vec![party.clone()]),
            is_disowned,
            lookalike_of: self.lookalike_of(author).filter(|_| held_by.is_empty()),
            is_chosen: chosen.is_some(),
            author_kind,
            owner: held.owner,
            owner_name: match held.owner == SYSTEM {
                true => "System".into(),
                false => self.owners.get(&held.owner).cloned().unwrap_or_default(),
            },
            right: held.right,
            message,
        })
    }

    fn lookalike_of(&self, author: &str) -> Option<String> {
        let domain = domain_of(author)?;
        let familiar = self.familiar.get(&sender::looks(domain))?;
        (familiar != domain).then(|| familiar.clone())
    }
}

fn domain_of(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}
