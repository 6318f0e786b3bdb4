//! Connections to the server and the errors it reports.

mod connect;
mod server_error;

pub use connect::{ConnectClass, ConnectError, ConnectErrorKind, connect, connect_waiting};
pub use server_error::{Sent, ServerError, ServerErrorKind};
