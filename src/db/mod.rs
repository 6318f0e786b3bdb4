//! Connections to the server, what they are set to, and the errors it reports. One statement per call.

mod base;
mod connect;
mod introspect;
mod server_error;
mod session;

pub use base::BaseVersion;
pub use connect::{ConnectClass, ConnectError, ConnectErrorKind, connect, connect_waiting};
pub use introspect::{SnapshotError, inventory, settling, snapshot};
pub use server_error::{Sent, ServerError, ServerErrorKind};
pub use session::{Asked, Blocker, Connections, Control, Knock, Session, Stop, Work, cancel_over};
