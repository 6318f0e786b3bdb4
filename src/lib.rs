//! Plain SQL ensure scripts for PostgreSQL: every statement is an assertion, carried out only where it does not hold.
#![warn(missing_docs)]

pub mod cli;
pub mod config;
pub mod db;
pub mod pg;
pub mod script;
