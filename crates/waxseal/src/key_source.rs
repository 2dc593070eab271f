//! Where the master key comes from: the environment, a systemd credential, or a file. Never the database or its backup.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Read as _;
use std::io::Write as _;
use std::path::Path;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use service::KeyError;
use service::MasterKey;
use service::MasterKeys;
use zeroize::Zeroizing;

use crate::configuration::Configuration;

/// In the data folder, and the name of the credential.
pub const KEY_FILE: &str = "waxseal.key";

pub enum KeySource {
    /// `WAXSEAL_KEY`, 32 bytes in base64.
    Environment(MasterKey),
    /// systemd.exec(5), LoadCredential=waxseal.key:... or LoadCredentialEncrypted=
    Credential(PathBuf),
    File(PathBuf),
}

impl KeySource {
    pub fn of(configuration: &Configuration) -> Result<Self, KeyError> {
        if let Some(text) = &configuration.key {
            return Ok(KeySource::Environment(from_text(text.expose_secret())?));
        }
        if let Some(file) = &configuration.key_file {
            return Ok(KeySource::File(file.clone()));
        }
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        let credential = credentials.map(|folder| folder.join(KEY_FILE));
        Ok(match credential.filter(|credential| credential.exists()) {
            Some(credential) => KeySource::Credential(credential),
            None => KeySource::File(configuration.data.join(KEY_FILE)),
        })
    }

    /// The key, and the next one if a rotation was begun. A file that is not there is made, unless rows name its key.
    pub fn load(self, is_new: bool) -> Result<MasterKeys, KeyError> {
        let file = match self {
            KeySource::Environment(key) => return Ok(key.into()),
            KeySource::Credential(path) => return Ok(read(&path)?.into()),
            KeySource::File(path) => path,
        };
        let next = next_of(&file);
        match (file.exists(), next.exists()) {
            (true, false) => Ok(read(&file)?.into()),
            (true, true) => Ok(MasterKeys::new(read(&next)?, Some(read(&file)?))),
            // A rotation ended between its last two steps.
            (false, true) => Ok(read(&next)?.into()),
            (false, false) if is_new => {
                let key = MasterKey::random();
                write(&file, &key)?;
                Ok(key.into())
            }
            (false, false) => Err(KeyError::Source(format!(
                "the key file {} is not there, and passwords are sealed under it. Put it back (it is in no backup of Waxseal); if it is lost, `waxseal keys forget` begins anew without the passwords",
                file.display()
            ))),
        }
    }
}

/// Where the next key lies while a rotation is under way.
pub fn next_of(file: &Path) -> PathBuf {
    file.with_extension("key.next")
}

pub fn from_text(text: &str) -> Result<MasterKey, KeyError> {
    let bytes = STANDARD.decode(text.trim()).map(Zeroizing::new);
    let bytes = bytes.ok().and_then(|bytes| bytes.as_slice().try_into().ok());
    let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(bytes.ok_or_else(|| {
        KeyError::Source("the master key has to be 32 bytes in base64 (`openssl rand -base64 32`)".into())
    })?);
    Ok(MasterKey::from_bytes(&bytes))
}

/// 32 bytes, or the same in base64. Only its owner may read it.
pub fn read(path: &Path) -> Result<MasterKey, KeyError> {
    let told = |reason: String| KeyError::Source(format!("the key file {}: {reason}", path.display()));
    let mut file = File::open(path).map_err(|error| told(error.to_string()))?;
    check_mode(&file).map_err(&told)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes)
        .map_err(|error| told(error.to_string()))?;
    match <[u8; 32]>::try_from(bytes.as_slice()) {
        Ok(key) => Ok(MasterKey::from_bytes(&Zeroizing::new(key))),
        Err(_) => from_text(std::str::from_utf8(&bytes).unwrap_or_default())
            .map_err(|_| told("it has to hold 32 bytes, or the same in base64".into())),
    }
}

pub fn write(path: &Path, key: &MasterKey) -> Result<(), KeyError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let told = |error: std::io::Error| KeyError::Source(format!("the key file {}: {error}", path.display()));
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(told)?;
    file.write_all(key.bytes()).map_err(told)?;
    file.sync_all().map_err(told)
}

fn check_mode(file: &File) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file
        .metadata()
        .map_err(|error| error.to_string())?
        .permissions()
        .mode();
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err("others may read it; run chmod 600 on it".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_kept_from_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(KEY_FILE);
        let load = |is_new| KeySource::File(path.clone()).load(is_new);
        assert!(load(false).is_err(), "rows name a key that is not there");
        load(true).expect("made");
        let made = read(&path).expect("read").id();
        load(true).expect("read again");
        assert_eq!(read(&path).expect("read").id(), made);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("chmod");
        assert!(load(false).is_err(), "others may read it");
    }

    #[test]
    fn a_key_is_bytes_or_base64() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join(KEY_FILE);
        let key = MasterKey::from_bytes(&[7; 32]);
        write(&path, &key).expect("written");
        assert_eq!(read(&path).expect("read").id(), key.id());
        std::fs::write(&path, format!("{}\n", STANDARD.encode([7; 32]))).expect("written");
        assert_eq!(read(&path).expect("read").id(), key.id());
        for wrong in ["", "short", "bm90IDMyIGJ5dGVz"] {
            assert!(from_text(wrong).is_err(), "{wrong}");
        }
    }
}
