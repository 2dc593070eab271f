//! A private authority and a certificate for `localhost` and 127.0.0.1.

use std::path::Path;
use std::path::PathBuf;

use domain::account::Fingerprint;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use sha2::Digest as _;
use sha2::Sha256;

use crate::TestkitError;

#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// To be trusted (`SSL_CERT_FILE`).
    pub authority: PathBuf,
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Of the certificate, to be pinned.
    pub fingerprint: Fingerprint,
}

/// Writes them into `folder`. `names`: what the certificate is for.
pub fn write(folder: &Path, names: &[&str]) -> Result<CertificateFiles, TestkitError> {
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority
        .distinguished_name
        .push(rcgen::DnType::CommonName, "Waxseal test authority");
    let authority_certificate = authority.self_signed(&authority_key)?;
    let issuer = Issuer::new(authority, authority_key);

    let key = KeyPair::generate()?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut server = CertificateParams::new(names)?;
    server
        .distinguished_name
        .push(rcgen::DnType::CommonName, "localhost");
    let certificate = server.signed_by(&key, &issuer)?;

    let files = CertificateFiles {
        authority: folder.join("authority.pem"),
        certificate: folder.join("server.pem"),
        key: folder.join("server.key"),
        fingerprint: Fingerprint::from_bytes(Sha256::digest(certificate.der()).into()),
    };
    std::fs::write(&files.authority, authority_certificate.pem())?;
    std::fs::write(&files.certificate, certificate.pem())?;
    std::fs::write(&files.key, key.serialize_pem())?;
    Ok(files)
}
