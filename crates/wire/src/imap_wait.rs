//! How an IMAP session waits for news: IDLE, NOOP, and a look at folders that are not open.

use std::time::Duration;

use domain::folder::FolderStatus;
use domain::folder::ModSeq;
use domain::folder::Uid;
use domain::folder::UidValidity;
use imap::Command;
use imap::MailboxName;
use imap::Running;
use imap::StatusCounts;
use imap::Untagged;
use tokio::time::Instant;
use tokio::time::timeout;

use crate::error::WireError;
use crate::imap_session::ImapSession;
use crate::imap_session::refuse_failure;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleEnd {
    Changed,
    /// Nothing happened for as long as a connection is trusted to be silent.
    Elapsed,
    Interrupted,
}

impl ImapSession {
    /// Waits for a change in the open folder, if none was told since it was opened: IDLE where the server has it, else NOOP every `poll`.
    pub async fn wait_for_change(
        &self,
        at_most: Duration,
        poll: Duration,
        interrupt: impl Future<Output = ()>,
    ) -> Result<IdleEnd, WireError> {
        if self.client.has_news() {
            return Ok(IdleEnd::Changed);
        }
        if self.can("IDLE") {
            return self.idle(at_most.min(self.deadlines.idle), interrupt).await;
        }
        if timeout(poll.min(at_most), interrupt).await.is_ok() {
            return Ok(IdleEnd::Interrupted);
        }
        let (responses, _) = self.run_ok(Command::new("NOOP"), "asking for news").await?;
        Ok(if responses.iter().any(is_change) {
            IdleEnd::Changed
        } else {
            IdleEnd::Elapsed
        })
    }

    async fn idle(
        &self,
        at_most: Duration,
        interrupt: impl Future<Output = ()>,
    ) -> Result<IdleEnd, WireError> {
        const DOING: &str = "waiting for new mail";
        let mut running = self.client.send(Command::idle()).await;
        let end = wait_in_idle(&mut running, Instant::now() + at_most, interrupt).await;
        self.client.end_idle().await;
        let mut changed = end == IdleEnd::Changed;
        let finish = async {
            while let Some(response) = running.next().await {
                changed |= is_change(&response);
            }
            running.finish().await
        };
        let completion = timeout(self.deadlines.response, finish)
            .await
            .map_err(|_| WireError::timeout(DOING))?
            .map_err(|error| WireError::from_imap(error, DOING))?;
        refuse_failure(&completion, DOING)?;
        Ok(if changed { IdleEnd::Changed } else { end })
    }

    /// What the server counts in folders, open or not, in one round trip (RFC 3501 §6.3.10). `None`: it does not say.
    pub async fn look_at(&self, names: &[MailboxName]) -> Result<Vec<Option<FolderStatus>>, WireError> {
        const DOING: &str = "looking at folders";
        let mut items = vec!["MESSAGES", "UIDNEXT", "UIDVALIDITY"];
        if self.can("CONDSTORE") || self.has_qresync {
            items.push("HIGHESTMODSEQ");
        }
        let commands = names.iter().map(|name| Command::status(name, &items)).collect();
        let mut found = vec![None; names.len()];
        self.run_together(commands, DOING, |response| {
            if let Untagged::StatusCounts(counts) = response
                && let Some(at) = names.iter().position(|name| *name == counts.name)
            {
                found[at] = folder_status(&counts);
            }
        })
        .await?;
        Ok(found)
    }
}

fn folder_status(counts: &StatusCounts) -> Option<FolderStatus> {
    Some(FolderStatus {
        uid_validity: UidValidity(counts.uid_validity?),
        next_uid: Some(Uid(counts.uid_next.filter(|next| *next > 0)?)),
        mod_seq: counts.highest_mod_seq.filter(|mod_seq| *mod_seq > 0).map(ModSeq),
        exists: counts.messages?,
    })
}

async fn wait_in_idle(running: &mut Running, until: Instant, interrupt: impl Future<Output = ()>) -> IdleEnd {
    tokio::pin!(interrupt);
    loop {
        tokio::select! {
            response = running.next() => match response {
                Some(response) if is_change(&response) => return IdleEnd::Changed,
                Some(_) => {}
                // Gone: the completion says why.
                None => return IdleEnd::Elapsed,
            },
            () = tokio::time::sleep_until(until) => return IdleEnd::Elapsed,
            () = &mut interrupt => return IdleEnd::Interrupted,
        }
    }
}

fn is_change(response: &Untagged) -> bool {
    matches!(
        response,
        Untagged::Exists(_) | Untagged::Expunge(_) | Untagged::Fetch(_) | Untagged::Vanished { .. }
    )
}
