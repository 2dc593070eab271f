//! Whole messages of an open folder, many commands on their way at once, read as one stream.

use std::collections::HashMap;

use bytes::Bytes;
use domain::Timestamp;
use domain::folder::Uid;
use imap::Body;
use imap::Command;
use imap::CommandId;
use imap::Event;
use imap::Fetch;
use imap::Pipeline;
use imap::Status;
use imap::Untagged;

use crate::error::Kind;
use crate::error::WireError;
use crate::imap_session::ImapSession;
use crate::imap_session::SET_BYTES;
use crate::imap_session::is_transient;
use crate::imap_session::merge;
use crate::imap_session::refuse_failure;
use crate::imap_session::summary;
use crate::imap_session::uid_set;
use crate::pace::Pace;

const BODY_ITEMS: &str = "(UID FLAGS INTERNALDATE BODY.PEEK[])";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedMessage {
    pub uid: Uid,
    pub seen: bool,
    pub internal_date: Option<Timestamp>,
    pub body: FetchedBody,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchedBody {
    Whole(Bytes),
    TooLong(u64),
    /// Listed, but the server cannot give it.
    Missing,
}

/// Whole messages, as they arrive, of all that was asked for.
pub struct BodyPipeline<'a> {
    session: &'a ImapSession,
    pipeline: Pipeline,
    /// Attributes that came without their body, by UID: servers may send them apart.
    partial: HashMap<u32, Fetch>,
    /// Of a large body whose response has not come yet.
    pieces: Vec<u8>,
    pace: Pace,
}

pub enum BodyEvent {
    Message(FetchedMessage),
    /// All that this command will give has come; UIDs that did not are for the caller to miss. `refused`:
    /// the server said NO, perhaps for one message of many.
    Finished {
        command: CommandId,
        refused: bool,
    },
}

impl<'a> BodyPipeline<'a> {
    const DOING: &'static str = "reading messages";

    pub(crate) fn new(session: &'a ImapSession) -> Self {
        BodyPipeline {
            session,
            pipeline: Pipeline::default(),
            partial: HashMap::new(),
            pieces: Vec::new(),
            pace: session.pace(),
        }
    }

    /// The commands that it took.
    pub async fn ask(&mut self, uids: &[Uid]) -> Result<Vec<CommandId>, WireError> {
        let mut commands = Vec::new();
        for set in uid_set(uids).to_commands(SET_BYTES) {
            let command = Command::new("UID FETCH").raw(&set).raw(BODY_ITEMS);
            let sent = self.session.client.send_into(&self.pipeline, command).await;
            commands.push(sent.map_err(|error| WireError::from_imap(error, Self::DOING))?);
        }
        Ok(commands)
    }

    /// Only while a command is on its way.
    pub async fn next(&mut self) -> Result<BodyEvent, WireError> {
        loop {
            let waiting = self.pipeline.next();
            let event = self.pace.wait(&self.session.client, waiting, Self::DOING).await?;
            match event {
                Some(Event::Response(Untagged::Fetch(fetch))) => {
                    if let Some(message) = self.take(*fetch) {
                        return Ok(BodyEvent::Message(message));
                    }
                }
                Some(Event::Response(Untagged::Piece { bytes, of })) => self.add_piece(&bytes, of),
                // Pieces belong to the response right after them; whatever else comes ends them.
                Some(Event::Response(_)) => self.pieces = Vec::new(),
                Some(Event::Finished(command, result)) => {
                    let completion = result.map_err(|error| WireError::from_imap(error, Self::DOING))?;
                    let refused = completion.status == Status::No && !is_transient(&completion);
                    if !refused {
                        refuse_failure(&completion, Self::DOING)?;
                    }
                    return Ok(BodyEvent::Finished { command, refused });
                }
                None => return Err(WireError::new(Kind::Unavailable, Self::DOING)),
            }
        }
    }

    /// Room for all of it is asked for once, and taken from the machine only as bytes arrive: growing would hold
    /// the message twice. The announced size is within the limits of the reader.
    fn add_piece(&mut self, bytes: &[u8], of: u64) {
        if self.pieces.is_empty() {
            self.pieces.reserve_exact(usize::try_from(of).unwrap_or_default());
        }
        self.pieces.extend_from_slice(bytes);
    }

    fn take(&mut self, mut fetch: Fetch) -> Option<FetchedMessage> {
        let pieces = std::mem::take(&mut self.pieces);
        if fetch.body == Some(Body::Streamed(pieces.len() as u64)) {
            fetch.body = Some(Body::Whole(pieces.into()));
        }
        let uid = fetch.uid?;
        let mut whole = self.partial.remove(&uid).unwrap_or_default();
        merge(&mut whole, fetch);
        let Some(body) = whole.body.take() else {
            self.partial.insert(uid, whole);
            return None;
        };
        let summary = summary(Uid(uid), whole);
        Some(FetchedMessage {
            uid: summary.uid,
            seen: summary.seen,
            internal_date: summary.internal_date,
            body: match body {
                Body::Whole(bytes) => FetchedBody::Whole(bytes),
                Body::TooLong(bytes) => FetchedBody::TooLong(bytes),
                // Streamed here: fewer pieces than were announced.
                Body::Nil | Body::Streamed(_) => FetchedBody::Missing,
            },
        })
    }
}
