//! Programs: what a token lets them do, and nothing of anybody's mail.

use std::time::Duration;

use domain::ApiTokenId;
use domain::CleanText;
use store::api_tokens;
pub use store::api_tokens::ApiToken;

use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::sign_in::random_token;
use crate::sign_in::token_hash;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Customers and leads.
    Parties,
    /// Writing to customers as the system.
    SystemMail,
}

impl Scope {
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::Parties => "parties",
            Scope::SystemMail => "system-mail",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Scope::Parties, Scope::SystemMail]
            .into_iter()
            .find(|scope| scope.as_str() == text)
    }
}

/// A program that has shown a token of the right scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    pub token: ApiTokenId,
}

const MAX_DAYS: u32 = 730;
const DAY: Duration = Duration::from_secs(24 * 3600);
const USED_STEP: Duration = Duration::from_secs(3600);

impl Services {
    /// The token itself, shown once.
    pub async fn create_api_token(
        &self,
        viewer: Viewer,
        name: &str,
        scope: Scope,
        days: u32,
    ) -> Result<String, ServiceError> {
        self.require_super(viewer).await?;
        let name = CleanText::cut(name, 100).into_string();
        if name.is_empty() {
            return Err(ServiceError::field(
                "name",
                "A name is expected: what uses the token?",
            ));
        }
        if days == 0 || days > MAX_DAYS {
            return Err(ServiceError::field(
                "days",
                format!("From 1 to {MAX_DAYS} days are expected."),
            ));
        }
        let text = format!("wxs_{}", random_token());
        let token = ApiToken {
            id: self.ids.next(),
            name,
            scope: scope.as_str().to_owned(),
            created_by: viewer.administrator,
            created_at: self.now(),
            expires_at: self.now().plus(DAY * days),
            last_used_at: None,
        };
        let mut tx = self.db.begin_write().await?;
        api_tokens::insert(&mut tx, &token, token_hash(&text)).await?;
        self.record(&mut tx, viewer, None, "token_made", &token.id.to_string())
            .await?;
        tx.commit().await?;
        Ok(text)
    }

    pub async fn list_api_tokens(&self, viewer: Viewer) -> Result<Vec<ApiToken>, ServiceError> {
        self.require_super(viewer).await?;
        let mut conn = self.db.read().await?;
        Ok(api_tokens::list(&mut conn).await?)
    }

    pub async fn revoke_api_token(&self, viewer: Viewer, id: ApiTokenId) -> Result<(), ServiceError> {
        self.require_super(viewer).await?;
        let mut tx = self.db.begin_write().await?;
        if !api_tokens::delete(&mut tx, id).await? {
            return Err(ServiceError::NotFound);
        }
        self.record(&mut tx, viewer, None, "token_revoked", &id.to_string())
            .await?;
        Ok(tx.commit().await?)
    }

    /// [`ServiceError::SignedOut`]: no such token, or it is over. [`ServiceError::Forbidden`]: another scope.
    pub async fn program_of(&self, text: &str, needed: Scope) -> Result<Program, ServiceError> {
        let mut conn = self.db.read().await?;
        let found = api_tokens::find(&mut conn, token_hash(text), self.now()).await?;
        let token = found.ok_or(ServiceError::SignedOut)?;
        drop(conn);
        if Scope::parse(&token.scope) != Some(needed) {
            return Err(ServiceError::Forbidden);
        }
        if token
            .last_used_at
            .is_none_or(|at| self.now().since(at) > USED_STEP)
        {
            let mut tx = self.db.begin_write().await?;
            api_tokens::set_used(&mut tx, token.id, self.now()).await?;
            tx.commit().await?;
        }
        Ok(Program { token: token.id })
    }
}
