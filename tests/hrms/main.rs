//! The HRMS schema on real servers: a database of any age becomes complete in one run, or the run refuses, names what is
//! in the way and has changed nothing. `tests/fixtures/README.md` lists the databases.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it is about"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests read their fixtures and the server's log, and wait for what other sessions do"
)]

#[path = "../support/mod.rs"]
mod support;

mod site;

mod books;
mod conflicts;
mod flavours;
mod half_days;
mod holidays;
mod locks;
mod names;
mod neighbours;
mod rights;
mod schema;
mod wreckage;
