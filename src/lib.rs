//! Plain SQL ensure scripts for PostgreSQL: every statement is an assertion, carried out only where it does not hold.

pub mod engine;
