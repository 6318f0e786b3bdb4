//! PostgreSQL's own words as types: names, type names, lock modes, time-outs, server versions.
//!
//! Ground floor: imports nothing of this crate and every room may import it.

mod conninfo;
mod limits;
mod name;
mod session;
mod type_name;

pub use conninfo::{ConnectionTarget, ConninfoError, is_keyword, is_secret_keyword, libpq_variables};
pub use limits::{Hazard, LockMode, LockTimeout, RowCount, ServerVersion, StatementTimeout, TableLimits};
pub use name::{Ident, MAX_IDENTIFIER_BYTES, ObjectName, QualifiedName, quote_literal};
pub use session::{RUNNER_LOCK, SESSION_SETTINGS};
pub use type_name::{SerialKind, TypeName, TypeNameError};
