//! "Show my inbox to other admins": the owner's list of who may see an account.

use domain::AdministratorId;
use domain::MailAccountId;
use domain::Right;
use domain::Timestamp;
use domain::access::GrantPeriod;
use domain::access::WrongPeriod;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use store::administrators;
use store::audit;
use store::audit::AuditEntry;
use store::grants;
pub use store::grants::Grant;

use crate::Event;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::staff::NO_PASSWORD;

/// One line of Access settings. Days are days of the owner's time zone; an end day counts in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedGrant {
    pub administrator: AdministratorId,
    pub level: Right,
    pub start: Option<Date>,
    pub end: Option<Date>,
}

/// Who may see an account, by name, for the seal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealEntry {
    pub administrator: AdministratorId,
    pub name: String,
    pub right: Right,
}

impl Services {
    pub async fn list_grants(
        &self,
        viewer: Viewer,
        account: MailAccountId,
    ) -> Result<Vec<Grant>, ServiceError> {
        self.get_own_account(viewer, account).await?;
        let mut conn = self.db.read().await?;
        Ok(grants::list_of_account(&mut conn, account).await?)
    }

    /// Makes the grants of an account exactly these; what is unchanged stays as it is.
    pub async fn set_grants(
        &self,
        viewer: Viewer,
        account: MailAccountId,
        wanted: &[WantedGrant],
    ) -> Result<(), ServiceError> {
        let owned = self.get_own_account(viewer, account).await?;
        let zone = self.zone_of(owned.owner).await?;
        self.check_wanted(owned.owner, wanted).await?;
        let now = self.now();
        let mut tx = self.db.begin_write().await?;
        let current = grants::list_of_account(&mut tx, account).await?;
        let new: Vec<Grant> = wanted
            .iter()
            .map(|line| self.new_grant(account, line, &zone, &current))
            .collect();
        let is_same = |one: &Grant, other: &Grant| {
            one.administrator == other.administrator && one.level == other.level && one.period == other.period
        };
        for old in current
            .iter()
            .filter(|old| !new.iter().any(|new| is_same(old, new)))
        {
            grants::revoke(&mut tx, old, now).await?;
            audit::insert(
                &mut tx,
                self.ids.uuid(),
                &self.grant_entry(viewer, old, "access_ended"),
            )
            .await?;
        }
        for new in new
            .iter()
            .filter(|new| !current.iter().any(|old| is_same(old, new)))
        {
            new.period.check_new(now).map_err(refusal)?;
            grants::insert(&mut tx, new).await?;
            audit::insert(
                &mut tx,
                self.ids.uuid(),
                &self.grant_entry(viewer, new, "access_given"),
            )
            .await?;
        }
        tx.commit().await?;
        self.events.publish(Event::AccessChanged);
        self.look_for_alarms_of(account).await
    }

    /// A grant at rest stays at rest whatever else of it is changed: it is confirmed by name, or made anew.
    fn new_grant(
        &self,
        account: MailAccountId,
        line: &WantedGrant,
        zone: &TimeZone,
        current: &[Grant],
    ) -> Grant {
        let held = current
            .iter()
            .find(|held| held.administrator == line.administrator);
        Grant {
            id: self.ids.next(),
            account,
            administrator: line.administrator,
            level: line.level,
            period: GrantPeriod {
                starts_at: line.start.map(|day| Timestamp::start_of_day(day, zone)),
                ends_at: line.end.map(|day| Timestamp::end_of_day(day, zone)),
                revoked_at: None,
                rests_since: held.and_then(|held| held.period.rests_since),
            },
            created_at: self.now(),
        }
    }

    /// Somebody whose sign-in was reset is who they were: they see the account again. Nothing rests: nothing changes.
    pub async fn confirm_grant(
        &self,
        viewer: Viewer,
        account: MailAccountId,
        administrator: AdministratorId,
    ) -> Result<(), ServiceError> {
        self.get_own_account(viewer, account).await?;
        let mut tx = self.db.begin_write().await?;
        let found = administrators::find(&mut tx, administrator).await?;
        if found.is_some_and(|found| found.password_hash == NO_PASSWORD) {
            return Err(ServiceError::field(
                "administrator_id",
                "No new password has been chosen yet. Confirm once they have signed in.",
            ));
        }
        if !grants::confirm(&mut tx, account, administrator).await? {
            return Ok(());
        }
        self.record(
            &mut tx,
            viewer,
            Some(account),
            "access_confirmed",
            &administrator.to_string(),
        )
        .await?;
        tx.commit().await?;
        self.events.publish(Event::AccessChanged);
        self.look_for_alarms_of(account).await
    }

    fn grant_entry(&self, viewer: Viewer, grant: &Grant, verb: &str) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            actor: Some(viewer.administrator),
            mail_account: Some(grant.account),
            verb: verb.to_owned(),
            detail: format!("{} {}", grant.level.as_str(), grant.administrator),
        }
    }

    async fn check_wanted(&self, owner: AdministratorId, wanted: &[WantedGrant]) -> Result<(), ServiceError> {
        let mut conn = self.db.read().await?;
        let known = administrators::list(&mut conn).await?;
        for line in wanted {
            let exists = known.iter().any(|found| found.id == line.administrator);
            if !exists || line.administrator == owner {
                return Err(ServiceError::field(
                    "administrator",
                    "Pick one of your colleagues.",
                ));
            }
        }
        Ok(())
    }

    pub(crate) async fn zone_of(&self, owner: AdministratorId) -> Result<TimeZone, ServiceError> {
        let name = self.get_administrator(owner).await?.time_zone;
        Ok(TimeZone::get(&name).unwrap_or(TimeZone::UTC))
    }

    /// Owner first, then everyone with a live grant. For those who may see the account themselves.
    pub async fn seal_of(
        &self,
        viewer: Viewer,
        account: MailAccountId,
    ) -> Result<Vec<SealEntry>, ServiceError> {
        let access = self.access_of(viewer).await?;
        let held = access.accounts().iter().find(|held| held.account == account);
        let owner = held.ok_or(ServiceError::NotFound)?.owner;
        let mut conn = self.db.read().await?;
        let names = administrators::list(&mut conn).await?;
        let name_of = |id| {
            names
                .iter()
                .find(|found| found.id == id)
                .map(|found| found.name.clone())
        };
        let entry = |administrator, right| SealEntry {
            administrator,
            name: name_of(administrator).unwrap_or_default(),
            right,
        };
        let now = self.now();
        let granted = grants::list_of_account(&mut conn, account).await?;
        let live = granted.iter().filter(|grant| grant.period.is_live(now));
        let mut entries = vec![entry(owner, Right::Own)];
        entries.extend(live.map(|grant| entry(grant.administrator, grant.level)));
        Ok(entries)
    }
}

fn refusal(wrong: WrongPeriod) -> ServiceError {
    let message = match wrong {
        WrongPeriod::EndsBeforeStart => "The end is before the start.",
        WrongPeriod::IsOver => "The end is in the past.",
    };
    ServiceError::field("end", message)
}
