//! Decisions: pure functions over small types, each with its table of cases.

pub mod alarms;
pub mod answering;
pub mod audit;
pub mod blocking;
pub mod delivery;
pub mod folder_plan;
pub mod history;
pub mod intake;
pub mod pairing;
pub mod reports;
pub mod sender;
pub mod sent_folder;
pub mod threading;
