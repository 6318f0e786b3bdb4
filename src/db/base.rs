//! diesel's own migration harness, which keeps the books of the base migrations.

use std::cell::RefCell;

use diesel::{
    connection::BoxableConnection,
    migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion, Result as DieselResult},
    pg::{Pg, PgConnection},
};
use diesel_migrations::MigrationHarness as _;

use super::{Sent, ServerError, Session, Work};

/// A base migration as diesel knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseVersion {
    /// `00000000000001`: what `__diesel_schema_migrations` holds.
    pub version: String,
    /// `00000000000001_enum_types`: its directory.
    pub directory: String,
}

impl BaseVersion {
    /// Reads the name of a migration's directory, as diesel does: the version is what stands before the first underscore,
    /// without hyphens.
    #[must_use]
    pub fn of_directory(directory: &str) -> Self {
        let version = directory.split('_').next().unwrap_or_default().replace('-', "");
        Self { version, directory: directory.to_owned() }
    }
}

/// What a migration does, given the connection of the harness.
type Action<'a> = dyn FnMut(&mut Work<'_>) -> Result<(), ServerError> + 'a;

struct Planned<'a, 'b> {
    version: &'a BaseVersion,
    action: RefCell<&'a mut Action<'b>>,
    failure: RefCell<Option<ServerError>>,
}

struct InTransaction;

impl MigrationMetadata for InTransaction {
    fn run_in_transaction(&self) -> bool {
        true
    }
}

impl std::fmt::Display for BaseVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.directory)
    }
}

impl MigrationName for BaseVersion {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(self.version.as_str())
    }
}

impl Migration<Pg> for Planned<'_, '_> {
    fn run(&self, connection: &mut dyn BoxableConnection<Pg>) -> DieselResult<()> {
        let connection =
            connection.downcast_mut::<PgConnection>().ok_or("the harness has another kind of connection")?;
        (self.action.borrow_mut())(&mut Work::on(connection)).map_err(|error| {
            let message = error.message.clone();
            *self.failure.borrow_mut() = Some(error);
            message.into()
        })
    }

    fn revert(&self, _: &mut dyn BoxableConnection<Pg>) -> DieselResult<()> {
        Err("a planned migration is never reverted".into())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        self.version
    }
}

impl Session {
    /// Makes diesel's book-keeping table where it is not there, and returns whether a version is in it. The books are read once in
    /// a session: who works in it holds the runner lock.
    ///
    /// # Errors
    /// What the server says; for want of rights, mostly.
    pub fn is_recorded(&mut self, version: &BaseVersion) -> Result<bool, ServerError> {
        if self.recorded.is_none() {
            let versions = self.diesel().applied_migrations().map_err(|error| recognise(error.as_ref()))?;
            self.recorded = Some(versions.iter().map(ToString::to_string).collect());
        }
        Ok(self.recorded.as_ref().is_some_and(|recorded| recorded.contains(&version.version)))
    }

    /// Carries out `action` and records the version, in one transaction of diesel's harness.
    ///
    /// # Errors
    /// What the action, the record or the COMMIT failed with; nothing of it stays.
    pub fn in_base_migration(&mut self, version: &BaseVersion, action: &mut Action<'_>) -> Result<(), ServerError> {
        in_migration(self.diesel(), version, action)?;
        self.recorded.get_or_insert_default().insert(version.version.clone());
        Ok(())
    }
}

/// As [`Session::in_base_migration`], in the books of the current schema. A migration of diesel's own would tell its error as a text.
pub(super) fn in_migration(
    connection: &mut PgConnection,
    version: &BaseVersion,
    action: &mut Action<'_>,
) -> Result<(), ServerError> {
    let planned = Planned { version, action: RefCell::new(action), failure: RefCell::new(None) };
    let outcome = connection.run_migration(&planned).map(drop);
    outcome.map_err(|error| planned.failure.take().unwrap_or_else(|| recognise(error.as_ref())))
}

pub(super) fn recognise(error: &(dyn std::error::Error + Send + Sync + 'static)) -> ServerError {
    let broken = diesel::result::Error::BrokenTransactionManager;
    let error = error.downcast_ref::<diesel::result::Error>().unwrap_or(&broken);
    ServerError::recognise(error, Sent::new(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_diesel_does() {
        assert_eq!(BaseVersion::of_directory("2024-01-02-000000_users").version, "20240102000000");
        assert_eq!(BaseVersion::of_directory("00000000000001_enum_types").version, "00000000000001");
    }
}
