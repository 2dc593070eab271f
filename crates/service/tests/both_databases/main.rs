//! What services promise, on SQLite and on PostgreSQL. The clock is the test's.

mod account_life;
mod conversations;
mod mailbox;
mod world;
