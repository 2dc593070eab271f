//! The one function that says what a viewer may see.

use domain::Access;
use domain::AdministratorId;
use domain::Right;
use domain::access::AccountAccess;
use domain::system_mail::CUSTOMER_MAIL;
use domain::system_mail::SYSTEM;
use store::grants;

use crate::ServiceError;
use crate::Services;

const SYSTEM_MAIL: AccountAccess = AccountAccess {
    account: CUSTOMER_MAIL,
    owner: SYSTEM,
    right: Right::See,
};

/// Who looks. Made from a live session only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Viewer {
    pub administrator: AdministratorId,
    /// Identifies the session, so that what is bound to it ends with it.
    pub session: [u8; 32],
}

impl Services {
    /// The accounts that `viewer` may see now, with the right to each. Read anew for every use.
    pub async fn access_of(&self, viewer: Viewer) -> Result<Access, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(grants::access_of(&mut conn, viewer.administrator, self.clock.now()).await?)
    }

    /// With what the system has written to customers: whoever can open a customer sees that there, and nowhere else.
    pub(crate) async fn access_at_customers(&self, viewer: Viewer) -> Result<Access, ServiceError> {
        Ok(self.access_of(viewer).await?.with(SYSTEM_MAIL))
    }
}
