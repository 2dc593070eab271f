//! Who may see what: the list that every content query takes.

use serde::Deserialize;
use serde::Serialize;

use crate::id::AdministratorId;
use crate::id::MailAccountId;
use crate::time::Timestamp;

/// What a viewer may do with the mail of one account. Ordered: each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    See,
    Reply,
    Manage,
    Own,
}

impl Right {
    pub const fn as_str(self) -> &'static str {
        match self {
            Right::See => "see",
            Right::Reply => "reply",
            Right::Manage => "manage",
            Right::Own => "own",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Right::See, Right::Reply, Right::Manage, Right::Own]
            .into_iter()
            .find(|right| right.as_str() == text)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountAccess {
    pub account: MailAccountId,
    pub owner: AdministratorId,
    pub right: Right,
}

/// The accounts that one viewer may see at one moment. Built by `service::access::of` alone; a content
/// query without one does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    viewer: AdministratorId,
    accounts: Vec<AccountAccess>,
}

impl Access {
    pub fn new(viewer: AdministratorId, accounts: Vec<AccountAccess>) -> Self {
        Access { viewer, accounts }
    }

    pub fn viewer(&self) -> AdministratorId {
        self.viewer
    }

    pub fn accounts(&self) -> &[AccountAccess] {
        &self.accounts
    }

    pub fn account_ids(&self) -> impl Iterator<Item = MailAccountId> {
        self.accounts.iter().map(|access| access.account)
    }

    pub fn right_to(&self, account: MailAccountId) -> Option<Right> {
        self.accounts
            .iter()
            .find(|access| access.account == account)
            .map(|access| access.right)
    }

    pub fn allows(&self, account: MailAccountId, right: Right) -> bool {
        self.right_to(account).is_some_and(|held| held >= right)
    }

    pub fn with(mut self, more: AccountAccess) -> Access {
        self.accounts.push(more);
        self
    }

    /// Accounts with at least this right.
    pub fn narrowed_to(&self, right: Right) -> Access {
        let accounts = self.accounts.iter().copied();
        Access {
            viewer: self.viewer,
            accounts: accounts.filter(|access| access.right >= right).collect(),
        }
    }

    /// The same list, only the accounts of this owner ("Show emails").
    pub fn narrowed_to_owner(&self, owner: AdministratorId) -> Access {
        let accounts = self
            .accounts
            .iter()
            .copied()
            .filter(|access| access.owner == owner)
            .collect();
        Access {
            viewer: self.viewer,
            accounts,
        }
    }
}

/// A grant by the owner of an account to another administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantPeriod {
    /// `None`: the past is shown too, from the moment of the grant.
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    /// The sign-in of whom it is given to was reset then: it shows nothing until the owner of the account confirms it.
    pub rests_since: Option<Timestamp>,
}

/// Why a period is nothing that can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WrongPeriod {
    EndsBeforeStart,
    IsOver,
}

impl GrantPeriod {
    /// Of a grant that is made now. One that has ended may stay in its owner's list as it was given.
    pub fn check_new(&self, now: Timestamp) -> Result<(), WrongPeriod> {
        match (self.starts_at, self.ends_at) {
            (Some(start), Some(end)) if end <= start => Err(WrongPeriod::EndsBeforeStart),
            (_, Some(end)) if end <= now => Err(WrongPeriod::IsOver),
            _ => Ok(()),
        }
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none()
            && self.rests_since.is_none()
            && self.starts_at.is_none_or(|start| start <= now)
            && self.ends_at.is_none_or(|end| now < end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_lives_from_its_start_to_its_end_unless_revoked_or_at_rest() {
        let at = Timestamp::from_seconds;
        let grant = |starts, ends, revoked: Option<i64>, rests: Option<i64>| GrantPeriod {
            starts_at: Option::map(starts, at),
            ends_at: Option::map(ends, at),
            revoked_at: revoked.map(at),
            rests_since: rests.map(at),
        };
        for (grant, live) in [
            (grant(None, None, None, None), true),
            (grant(Some(101), None, None, None), false),
            (grant(Some(100), Some(101), None, None), true),
            (grant(None, Some(100), None, None), false),
            (grant(None, None, Some(50), None), false),
            (grant(None, None, None, Some(50)), false),
        ] {
            assert_eq!(grant.is_live(at(100)), live, "{grant:?}");
        }
    }

    #[test]
    fn a_grant_that_would_never_begin_is_not_given() {
        let at = Timestamp::from_seconds;
        for (starts, ends, wrong) in [
            (None, None, None),
            (Some(50), None, None),
            (Some(200), Some(201), None),
            (None, Some(101), None),
            (None, Some(100), Some(WrongPeriod::IsOver)),
            (Some(50), Some(60), Some(WrongPeriod::IsOver)),
            (Some(200), Some(200), Some(WrongPeriod::EndsBeforeStart)),
            (Some(60), Some(50), Some(WrongPeriod::EndsBeforeStart)),
        ] {
            let period = GrantPeriod {
                starts_at: starts.map(at),
                ends_at: ends.map(at),
                revoked_at: None,
                rests_since: None,
            };
            assert_eq!(period.check_new(at(100)).err(), wrong, "{period:?}");
        }
    }
}
