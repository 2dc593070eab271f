//! The one function that says what a viewer may see.

use domain::Access;
use domain::AdministratorId;
use store::grants;

use crate::ServiceError;
use crate::Services;

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
}
