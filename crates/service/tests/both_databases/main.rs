//! What services promise, on SQLite and on PostgreSQL. The clock is the test's.

#![allow(clippy::disallowed_methods, reason = "tests measure, and choose by chance")]

mod account_life;
mod cases;
mod conversations;
mod drafts;
mod exports;
mod files;
mod grants;
mod mailbox;
mod one_connection;
mod outbox_states;
mod pages;
mod reading;
mod threads;
mod world;
