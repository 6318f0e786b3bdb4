//! Base migrations: diesel's harness keeps the books, while their statements are carried out as planned steps.

use crate::db::{BaseVersion, ServerError, Session};

/// Records versions as done, each by itself, without carrying out anything.
///
/// # Errors
/// What the server says. It is no reason to stop a run: recording what holds is book-keeping.
pub fn record_base(session: &mut Session, versions: &[BaseVersion]) -> Result<Vec<String>, ServerError> {
    let mut added = Vec::new();
    for version in versions {
        if session.is_recorded(version)? {
            continue;
        }
        session.record_base(version)?;
        added.push(version.directory.clone());
    }
    Ok(added)
}
