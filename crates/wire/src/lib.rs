//! Everything that leaves the machine.
//!
//! One dialer, which decides on the connected address; TLS; IMAP sessions with a deadline on every wait;
//! what is known of mail providers. Knows no database and no administrators.

mod body_pipeline;
mod dialer;
mod egress;
mod error;
mod imap_session;
mod imap_sign_in;
mod imap_wait;
mod remote_image;
mod smtp_session;
mod steps;
mod tls;

pub use body_pipeline::BodyEvent;
pub use body_pipeline::BodyPipeline;
pub use body_pipeline::FetchedBody;
pub use body_pipeline::FetchedMessage;
pub use dialer::Deadlines;
pub use dialer::Dialer;
pub use egress::Egress;
pub use egress::EgressParseError;
pub use egress::Host;
pub use egress::Purpose;
pub use error::Kind;
pub use error::MailService;
pub use error::WireError;
pub use imap::CommandId;
pub use imap::MailboxName;
pub use imap_session::FetchedSummary;
pub use imap_session::ImapSession;
pub use imap_session::ImapTarget;
pub use imap_session::Known;
pub use imap_session::OpenMode;
pub use imap_session::Opened;
pub use imap_session::ServerFolder;
pub use imap_session::SummaryItems;
pub use imap_sign_in::MAX_FOLDERS;
pub use imap_wait::IdleEnd;
pub use remote_image::RemoteImage;
pub use remote_image::fetch_image;
pub use smtp_session::RecipientReply;
pub use smtp_session::Reply;
pub use smtp_session::SmtpSession;
pub use smtp_session::SmtpTarget;
pub use smtp_session::Submission;
pub use steps::Step;
pub use steps::StepLog;
pub use tls::CertificateSummary;
