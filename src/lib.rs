//! Plain SQL ensure scripts for PostgreSQL: every statement is an assertion, carried out only where it does not hold.

pub mod pg;
pub mod script;
pub mod sql;

#[expect(missing_docs, clippy::wildcard_imports, reason = "written by diesel from the database")]
pub mod schema;
