//! Administrators: made, listed, changed.

use domain::AdministratorId;
use domain::CleanText;
use secrecy::SecretString;
use store::administrators;
pub use store::administrators::Administrator;
pub use store::administrators::Profile;

use crate::FieldError;
use crate::ServiceError;
use crate::Services;
use crate::access::Viewer;
use crate::sign_in::MIN_PASSWORD_CHARS;
use secrecy::ExposeSecret as _;

pub struct NewAdministrator {
    pub login: String,
    pub name: String,
    pub password: SecretString,
    pub is_super: bool,
    pub time_zone: String,
}

impl Services {
    /// For the command line and the set-up link; the caller has proved its right.
    pub async fn create_administrator(&self, new: NewAdministrator) -> Result<AdministratorId, ServiceError> {
        let administrator = self.check_new(new).await?;
        let mut tx = self.db.begin_write().await?;
        if !administrators::insert(&mut tx, &administrator, self.now()).await? {
            return Err(ServiceError::field("login", "This login is taken."));
        }
        tx.commit().await?;
        Ok(administrator.id)
    }

    /// Its fields are right, and its password is hashed.
    pub(crate) async fn check_new(&self, new: NewAdministrator) -> Result<Administrator, ServiceError> {
        let login = new.login.trim().to_lowercase();
        let mut errors = Vec::new();
        let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@' | '+');
        if login.is_empty() || login.len() > 100 || !login.chars().all(is_plain) {
            errors.push(FieldError::new(
                "login",
                "Letters, digits and . - _ @ + are expected.",
            ));
        }
        errors.extend(check_password(&new.password, "password"));
        errors.extend(check_time_zone(&new.time_zone));
        if !errors.is_empty() {
            return Err(ServiceError::Invalid(errors));
        }
        let name = CleanText::cut(&new.name, 100);
        Ok(Administrator {
            id: self.ids.next(),
            name: if name.is_empty() {
                login.clone()
            } else {
                name.into_string()
            },
            login,
            password_hash: self.passwords.hash(new.password).await?,
            is_super: new.is_super,
            time_zone: new.time_zone,
            language: String::new(),
            formats: String::new(),
            disabled_at: None,
            totp_secret: None,
        })
    }

    pub async fn get_administrator(&self, id: AdministratorId) -> Result<Administrator, ServiceError> {
        let mut conn = self.db.read().await?;
        administrators::find(&mut conn, id)
            .await?
            .ok_or(ServiceError::NotFound)
    }

    pub async fn find_administrator_by_login(
        &self,
        login: &str,
    ) -> Result<Option<Administrator>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(administrators::find_by_login(&mut conn, &login.trim().to_lowercase()).await?)
    }

    /// Names of colleagues, for the pickers: no viewer sees more of another administrator than that.
    pub async fn list_administrators(&self, _viewer: Viewer) -> Result<Vec<Administrator>, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(administrators::list(&mut conn).await?)
    }

    pub async fn has_administrators(&self) -> Result<bool, ServiceError> {
        let mut conn = self.db.read().await?;
        Ok(!administrators::list(&mut conn).await?.is_empty())
    }

    /// For the command line.
    pub async fn set_time_zone(&self, id: AdministratorId, time_zone: &str) -> Result<(), ServiceError> {
        if let Some(error) = check_time_zone(time_zone) {
            return Err(ServiceError::Invalid(vec![error]));
        }
        let mut tx = self.db.begin_write().await?;
        administrators::set_time_zone(&mut tx, id, time_zone).await?;
        Ok(tx.commit().await?)
    }

    pub async fn update_profile(&self, viewer: Viewer, mut profile: Profile) -> Result<(), ServiceError> {
        let mut errors: Vec<FieldError> = check_time_zone(&profile.time_zone).into_iter().collect();
        profile.name = CleanText::cut(&profile.name, 100).into_string();
        if profile.name.is_empty() {
            errors.push(FieldError::new("name", "A name is expected."));
        }
        for (field, tag) in [("language", &profile.language), ("formats", &profile.formats)] {
            errors.extend(check_language(field, tag));
        }
        if !errors.is_empty() {
            return Err(ServiceError::Invalid(errors));
        }
        let mut tx = self.db.begin_write().await?;
        administrators::update_profile(&mut tx, viewer.administrator, &profile).await?;
        Ok(tx.commit().await?)
    }
}

pub(crate) fn check_password(password: &SecretString, field: &'static str) -> Option<FieldError> {
    let chars = password.expose_secret().chars().count();
    (chars < MIN_PASSWORD_CHARS).then(|| {
        FieldError::new(
            field,
            format!("At least {MIN_PASSWORD_CHARS} characters are expected."),
        )
    })
}

/// A tag as browsers know them (BCP 47), or none.
fn check_language(field: &'static str, tag: &str) -> Option<FieldError> {
    let is_one = tag.len() <= 35
        && tag.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    (!tag.is_empty() && !is_one)
        .then(|| FieldError::new(field, "A language such as en, de or pt-BR is expected."))
}

fn check_time_zone(name: &str) -> Option<FieldError> {
    let known = jiff::tz::TimeZone::get(name).is_ok();
    (!known).then(|| FieldError::new("time_zone", "A zone such as Europe/Berlin or UTC is expected."))
}
