//! Test connection and Load: what a person sees step by step.

use domain::rules::sent_folder::find_sent;
use domain::rules::sent_folder::is_sent_unclear;
use serde::Serialize;
use service::accounts::ImapCredentials;
use service::delivery::SmtpCredentials;
use wire::CertificateSummary;
use wire::Dialer;
use wire::ImapSession;
use wire::ImapTarget;
use wire::Kind;
use wire::MailService;
use wire::SmtpSession;
use wire::SmtpTarget;
use wire::Step;
use wire::StepLog;
use wire::WireError;

#[derive(Clone, Debug, Serialize)]
pub struct ProbeResult {
    pub steps: Vec<Step>,
    pub failure: Option<ProbeFailure>,
    pub folders: Vec<FolderChoice>,
}

/// Where it stopped and what to do.
#[derive(Clone, Debug, Serialize)]
pub struct ProbeFailure {
    pub message: String,
    pub advice: String,
    pub said: Option<String>,
    pub certificate: Option<CertificateSummary>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FolderChoice {
    pub name: String,
    pub is_sent: bool,
}

pub async fn probe_imap(dialer: &Dialer, credentials: ImapCredentials) -> ProbeResult {
    let mut log = StepLog::default();
    let outcome = connect_and_list(dialer, credentials, &mut log).await;
    let (folders, failure) = match outcome {
        Ok(folders) => (folders, None),
        Err(error) => (Vec::new(), Some(failure(&error, MailService::Imap))),
    };
    ProbeResult {
        steps: shown_steps(failure.as_ref(), log, MailService::Imap),
        failure,
        folders,
    }
}

/// A refused address gets no steps and no times: they would tell what is inside the network.
fn shown_steps(failure: Option<&ProbeFailure>, log: StepLog, service: MailService) -> Vec<Step> {
    let hidden = Kind::HostNotUsable.message(service);
    match failure {
        Some(failure) if failure.message == hidden => Vec::new(),
        _ => log.into_steps(),
    }
}

/// The SMTP card: signs in with what is given and hands nothing over.
pub async fn probe_smtp(dialer: &Dialer, credentials: SmtpCredentials) -> ProbeResult {
    let mut log = StepLog::default();
    let target = SmtpTarget {
        settings: credentials.settings,
        username: credentials.username,
        password: credentials.password,
    };
    let failure = match SmtpSession::connect(dialer, &target, &mut log).await {
        Ok(session) => {
            session.quit().await;
            None
        }
        Err(error) => Some(failure(&error, MailService::Smtp)),
    };
    ProbeResult {
        steps: shown_steps(failure.as_ref(), log, MailService::Smtp),
        failure,
        folders: Vec::new(),
    }
}

async fn connect_and_list(
    dialer: &Dialer,
    credentials: ImapCredentials,
    log: &mut StepLog,
) -> Result<Vec<FolderChoice>, WireError> {
    let target = target(credentials);
    let session = ImapSession::connect(dialer, &target, log).await?;
    let folders = session.folders().iter();
    let folders: Vec<_> = folders.map(|folder| folder.listed.clone()).collect();
    let sent = find_sent(&folders).map(|folder| folder.name.clone());
    log.done(match &sent {
        Some(sent) => format!("{} folders, sent mail is in {sent}", folders.len()),
        None if is_sent_unclear(&folders) => {
            format!(
                "{} folders; pick the one with sent mail, several may be",
                folders.len()
            )
        }
        None => format!(
            "{} folders, none for sent mail: \"Sent\" is made with the first copy. If you have one, pick it",
            folders.len()
        ),
    });
    session.log_out().await;
    let usable = folders.into_iter().filter(|folder| folder.selectable);
    Ok(usable
        .map(|folder| FolderChoice {
            is_sent: Some(&folder.name) == sent.as_ref(),
            name: folder.name,
        })
        .collect())
}

pub fn target(credentials: ImapCredentials) -> ImapTarget {
    ImapTarget {
        settings: credentials.settings,
        username: credentials.username,
        password: credentials.password,
        is_token: credentials.is_token,
    }
}

fn failure(error: &WireError, service: MailService) -> ProbeFailure {
    let certificate = match &error.kind {
        Kind::Certificate { certificate, .. } | Kind::CertificateChanged { certificate } => {
            certificate.as_deref().cloned()
        }
        _ => None,
    };
    ProbeFailure {
        message: error.kind.message(service),
        advice: error.kind.advice(service).to_owned(),
        said: error.said.as_ref().map(|said| said.as_str().to_owned()),
        certificate,
    }
}
