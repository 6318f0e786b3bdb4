//! Connections to the server, what they are set to, and the errors it reports. One statement per call.

mod base;
mod connect;
mod introspect;
mod journal;
mod scratch;
mod server_error;
mod session;

pub use base::BaseVersion;
pub use connect::{ConnectClass, ConnectError, ConnectErrorKind, connect, connect_waiting};
pub use introspect::{Broken, SnapshotError, broken, census, inventory, settling, snapshot, surroundings};
pub use journal::{Journal, JournalError, KeptJournal, Mark, Watermark};
pub use scratch::{ScratchDatabase, ScratchError};
pub use server_error::{Sent, ServerError, ServerErrorKind};
pub use session::{
    Asked, Blocker, Building, Connections, Control, Knock, REPLICATION, Session, Stop, WAITERS, Work, cancel_over,
};
