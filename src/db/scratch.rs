//! A database made for a while.

use diesel::connection::SimpleConnection as _;

use crate::pg::{ConnectionTarget, Ident};

use super::{ConnectError, Sent, ServerError, connect};

/// A database that is made on a server, and dropped with the value.
#[derive(Debug)]
pub struct ScratchDatabase {
    server: ConnectionTarget,
    target: ConnectionTarget,
    name: Ident,
}

/// Why there is none.
#[derive(Debug)]
pub enum ScratchError {
    /// The server could not be connected to.
    Connect(ConnectError),
    /// The server refused to make it.
    Server(Box<ServerError>),
}

impl ScratchDatabase {
    /// Makes an empty database. `server` names one to connect to meanwhile, which is not touched.
    ///
    /// # Errors
    /// [`ScratchError`].
    pub fn create(server: &ConnectionTarget, name: &str) -> Result<Self, ScratchError> {
        let mut target = server.clone();
        target.set("dbname", name);
        let name = Ident::new(name);
        // Nothing of what a site puts into template1 belongs to a copy of another database.
        let sql = format!("CREATE DATABASE {name} TEMPLATE template0");
        let mut connection = connect(server).map_err(ScratchError::Connect)?;
        match connection.batch_execute(&sql) {
            Ok(()) => Ok(Self { server: server.clone(), target, name }),
            Err(error) => Err(ScratchError::Server(Box::new(ServerError::recognise(&error, Sent::new(&sql))))),
        }
    }

    /// Returns where it is.
    #[must_use]
    pub const fn target(&self) -> &ConnectionTarget {
        &self.target
    }
}

impl Drop for ScratchDatabase {
    fn drop(&mut self) {
        // Whoever dropped it before, or stopped the server, has done the same.
        if let Ok(mut connection) = connect(&self.server) {
            drop(connection.batch_execute(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)));
        }
    }
}
