//! A server to work on where none is given.
//!
//! Two of them: [`embedded`], a real PostgreSQL inside the process, for work without any server; and [`cluster`], a
//! private scratch cluster made from server binaries found on the machine, for rehearsals and tests. Both hand out a
//! libpq connection URL and clean up after themselves; neither opens a database connection.
//!
//! The room reads no environment variable: what may come from there (a directory of binaries, the lock wait) is an
//! argument. What the libraries and programs below it read is said where it matters.

#[cfg(unix)]
pub mod cluster;
#[cfg(feature = "embedded")]
pub mod embedded;
mod error;
mod socket;

#[cfg(unix)]
pub use cluster::{Cluster, ClusterOptions, StopMode};
#[cfg(feature = "embedded")]
pub use embedded::{Embedded, ScratchEngine};
pub use error::EngineError;
