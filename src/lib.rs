//! Plain SQL ensure scripts for PostgreSQL: every statement is an assertion, carried out only where it does not hold.
//!
//! [`Migrator`] is the front door: it plans, runs, verifies, and tells a backend at start-up whether its database is ready.
//!
//! The rooms, in reading order. `ARCHITECTURE.md` says what each may know; `tests/architecture.rs` holds it to that.

pub mod pg;
pub mod script;
pub mod diagnostic;
pub mod sql;
pub mod goal;
pub mod lint;
pub mod catalog;
pub mod journal;
pub mod plan;
pub mod diff;
pub mod event;
pub mod db;
pub mod engine;
pub mod process;
pub mod exec;
pub mod report;
pub mod config;
pub mod ops;
pub mod cli;

#[expect(missing_docs, reason = "written by diesel from the database")]
#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "written by diesel from the database"))]
#[cfg(feature = "schema")]
pub mod schema;

pub use ops::{Migrator, NotReady};
