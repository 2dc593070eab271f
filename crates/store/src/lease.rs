//! Writes that only the holder of a lease may make.
//!
//! [`Tx::hold`] renews a lease or refuses; what may be written under one alone takes a [`Held`], so whoever has lost it
//! cannot write. The row of the lease stays locked until the end of the transaction: nobody takes it over meanwhile.

use std::ops::Deref;
use std::ops::DerefMut;
use std::time::Duration;

use domain::Timestamp;

use crate::StoreError;
use crate::Tx;
use crate::db::Statement;

/// Proof that one worker alone works on something, for as long as it renews it.
pub trait Leased {
    /// How long it lasts unless it is renewed.
    const TIME: Duration;
    /// Changes one row, to end at $1, if it is still held.
    #[doc(hidden)]
    fn renewal(&self, until: Timestamp) -> Renewal;
}

pub struct Renewal(pub(crate) Statement);

/// A write transaction of somebody who holds this lease.
pub struct Held<'t, L> {
    tx: &'t mut Tx,
    pub lease: &'t L,
}

impl Tx {
    /// [`StoreError::LeaseLost`]: somebody else has it now, or may have; nothing may be written under it.
    pub async fn hold<'t, L: Leased>(
        &'t mut self,
        lease: &'t L,
        now: Timestamp,
    ) -> Result<Held<'t, L>, StoreError> {
        let Renewal(renewal) = lease.renewal(now.plus(L::TIME));
        match self.execute(renewal).await? {
            0 => Err(StoreError::LeaseLost),
            _ => Ok(Held { tx: self, lease }),
        }
    }
}

impl<L> Deref for Held<'_, L> {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        self.tx
    }
}

impl<L> DerefMut for Held<'_, L> {
    fn deref_mut(&mut self) -> &mut Tx {
        self.tx
    }
}
