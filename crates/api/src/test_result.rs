//! What Test connection tells.

use domain::account::Fingerprint;
use engine::CertificateSummary;
use engine::ProbeFailure;
use engine::ProbeResult;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct StepView {
    text: String,
    took_ms: u64,
}

#[derive(Serialize, ToSchema)]
pub struct FailureView {
    message: String,
    advice: String,
    said: Option<String>,
    /// The one that was not accepted, then its issuers as the server showed them.
    certificates: Vec<CertificateView>,
}

/// A certificate, to be compared with what whoever runs the server says.
#[derive(Serialize, ToSchema)]
pub struct CertificateView {
    subject: String,
    issuer: String,
    names: Vec<String>,
    valid_until: String,
    /// SHA-256.
    #[schema(value_type = String)]
    fingerprint: Fingerprint,
}

#[derive(Serialize, ToSchema)]
pub struct FolderView {
    name: String,
    is_sent: bool,
}

/// Steps of Test connection; `failure` says where it stopped.
#[derive(Serialize, ToSchema)]
pub struct TestResult {
    steps: Vec<StepView>,
    failure: Option<FailureView>,
    folders: Vec<FolderView>,
}

impl From<ProbeResult> for TestResult {
    fn from(result: ProbeResult) -> Self {
        let steps = result.steps.into_iter().map(|step| StepView {
            text: step.text,
            took_ms: step.took_ms,
        });
        let folders = result.folders.into_iter();
        TestResult {
            steps: steps.collect(),
            failure: result.failure.map(FailureView::from),
            folders: folders
                .map(|folder| FolderView {
                    name: folder.name,
                    is_sent: folder.is_sent,
                })
                .collect(),
        }
    }
}

impl From<ProbeFailure> for FailureView {
    fn from(failure: ProbeFailure) -> Self {
        let chain = failure.certificate.map(|mut own| {
            let issuers = std::mem::take(&mut own.chain);
            std::iter::once(own)
                .chain(issuers)
                .map(CertificateView::from)
                .collect()
        });
        FailureView {
            message: failure.message,
            advice: failure.advice,
            said: failure.said,
            certificates: chain.unwrap_or_default(),
        }
    }
}

impl From<CertificateSummary> for CertificateView {
    fn from(certificate: CertificateSummary) -> Self {
        CertificateView {
            subject: certificate.subject,
            issuer: certificate.issuer,
            names: certificate.names,
            valid_until: certificate.valid_until,
            fingerprint: certificate.fingerprint,
        }
    }
}
