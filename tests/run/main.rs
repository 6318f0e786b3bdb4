//! Runs of the program on real servers: several at once, killed, cut off, interrupted, held up, and given bad input.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "tests write script files, wait for other processes, and limit how long they wait"
)]

#[path = "../support/mod.rs"]
mod support;

mod proxy;
mod tools;

mod adopt;
mod backup;
mod base;
mod batches;
mod check;
mod concurrent;
mod crash;
mod diff;
mod exit_codes;
mod hooks;
mod indexes;
mod input;
mod interrupt;
mod journal;
mod kept;
mod kill;
mod locks;
mod names;
mod opaque;
mod options;
mod partitions;
mod plan_sql;
mod pooler;
mod rehearse;
mod repair;
mod repeat;
mod rollback;
mod shadow;
mod status;
mod versions;
