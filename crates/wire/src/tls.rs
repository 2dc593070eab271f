//! TLS to mail servers. The provider is given to each configuration, never set for the process.

use std::sync::Arc;
use std::sync::Mutex;

use domain::account::Fingerprint;
use rustls::CertificateError;
use rustls::ClientConfig;
use rustls::DigitallySignedStruct;
use rustls::Error;
use rustls::RootCertStore;
use rustls::SignatureScheme;
use rustls::client::Resumption;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::client::danger::ServerCertVerified;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::UnixTime;
use rustls::pki_types::pem::PemObject as _;
use serde::Serialize;
use sha2::Digest as _;
use sha2::Sha256;
use x509_parser::prelude::FromDer;
use x509_parser::prelude::GeneralName;
use x509_parser::prelude::X509Certificate;

/// What people need to know of a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateSummary {
    pub names: Vec<String>,
    /// RFC 3339.
    pub valid_until: String,
    pub issuer: String,
    pub subject: String,
    pub fingerprint: Fingerprint,
    /// What the server showed beside it: its issuer, that one's issuer, and so on.
    pub chain: Vec<CertificateSummary>,
}

/// Trust roots of the machine, read once.
#[derive(Clone, Debug)]
pub struct TlsRoots {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
}

impl TlsRoots {
    pub fn from_system() -> Self {
        let mut roots = RootCertStore::empty();
        let found = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(found.certs);
        if roots.is_empty() {
            tracing::warn!("This machine has no trusted certificates; every mail server will be refused");
        }
        Self::of(roots)
    }

    pub fn of_pem(pem: &[u8]) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem).filter_map(Result::ok));
        Self::of(roots)
    }

    fn of(roots: RootCertStore) -> Self {
        TlsRoots {
            provider: Arc::new(rustls::crypto::ring::default_provider()),
            roots: Arc::new(roots),
        }
    }

    /// A configuration for one handshake, and where the certificate that it met can be read.
    pub fn client(&self, pinned: Option<Fingerprint>) -> Result<(ClientConfig, SeenChain), Error> {
        let seen = SeenChain::default();
        let verifier = RecordingVerifier {
            chain: self.chain_verifier(),
            pinned,
            provider: self.provider.clone(),
            seen: seen.clone(),
        };
        let mut config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        // Of one handshake: a store for later ones would only take room.
        config.resumption = Resumption::disabled();
        Ok((config, seen))
    }

    /// `None` on a machine without roots: then nothing is trusted.
    fn chain_verifier(&self) -> Option<Arc<WebPkiServerVerifier>> {
        WebPkiServerVerifier::builder_with_provider(self.roots.clone(), self.provider.clone())
            .build()
            .ok()
    }
}

#[derive(Clone, Debug, Default)]
pub struct SeenChain(Arc<Mutex<Vec<Vec<u8>>>>);

impl SeenChain {
    /// Once: the chain is not kept for as long as the connection lives.
    pub fn take_summary(&self) -> Option<CertificateSummary> {
        let seen = std::mem::take(&mut *self.0.lock().ok()?);
        let (own, issuers) = seen.split_first()?;
        let mut summary = summarise(own)?;
        summary.chain = issuers.iter().filter_map(|issuer| summarise(issuer)).collect();
        Some(summary)
    }
}

/// Keeps the chain for the Result box, then checks it: by the authorities of this machine, or, where the owner has
/// pinned one, that it is that very certificate. The handshake proves in both cases that the server has its key.
#[derive(Debug)]
struct RecordingVerifier {
    chain: Option<Arc<WebPkiServerVerifier>>,
    pinned: Option<Fingerprint>,
    provider: Arc<CryptoProvider>,
    seen: SeenChain,
}

/// A server shows a handful.
const MAX_CHAIN: usize = 8;

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Ok(mut seen) = self.seen.0.lock() {
            let issuers = intermediates.iter().take(MAX_CHAIN);
            *seen = std::iter::once(end_entity)
                .chain(issuers)
                .map(|certificate| certificate.to_vec())
                .collect();
        }
        match (&self.pinned, &self.chain) {
            (Some(pinned), _) if fingerprint(end_entity) == *pinned => Ok(ServerCertVerified::assertion()),
            (Some(_), _) => Err(NOT_THE_PINNED_ONE),
            (None, Some(chain)) => {
                chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            }
            (None, None) => Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

const NOT_THE_PINNED_ONE: Error = Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure);

fn fingerprint(der: &[u8]) -> Fingerprint {
    Fingerprint::from_bytes(Sha256::digest(der).into())
}

/// The server has another certificate than the one that was pinned.
pub fn is_another_certificate(error: &std::io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    inner.is_some_and(|inner| *inner == NOT_THE_PINNED_ONE)
}

/// Why a certificate was refused, in plain words; `None`: the handshake failed for another reason.
pub fn refusal_reason(error: &std::io::Error) -> Option<String> {
    let inner = error.get_ref()?.downcast_ref::<Error>()?;
    let Error::InvalidCertificate(reason) = inner else {
        return None;
    };
    let text = match reason {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another server name"
        }
        CertificateError::UnknownIssuer => "it is not signed by an authority that this machine trusts",
        CertificateError::Revoked => "it has been revoked",
        _ => "it is malformed",
    };
    Some(text.to_owned())
}

fn summarise(der: &[u8]) -> Option<CertificateSummary> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let valid_until = jiff::Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()?;
    let issuer = certificate.issuer().to_string();
    Some(CertificateSummary {
        names: certificate_names(&certificate),
        valid_until: valid_until.to_string(),
        issuer: domain::CleanText::cut(&issuer, 200).into_string(),
        subject: domain::CleanText::cut(&certificate.subject().to_string(), 200).into_string(),
        fingerprint: fingerprint(der),
        chain: Vec::new(),
    })
}

fn certificate_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(names)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes)
                .ok()
                .map(|octets| std::net::Ipv4Addr::from(octets).to_string()),
            _ => <[u8; 16]>::try_from(*bytes)
                .ok()
                .map(|octets| std::net::Ipv6Addr::from(octets).to_string()),
        },
        _ => None,
    });
    names
        .take(20)
        .map(|name| domain::CleanText::cut(&name, 255).into_string())
        .collect()
}
