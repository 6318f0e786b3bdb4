//! diesel's own migration harness, which keeps the books of the base migrations.

use diesel::{
    connection::BoxableConnection,
    migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion, Result as DieselResult},
    pg::{Pg, PgConnection},
};
use diesel_migrations::MigrationHarness as _;

use super::{Sent, ServerError, Session};

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

/// A migration whose statements are carried out elsewhere: diesel's harness notes its version, and does nothing more.
struct Noted<'a>(&'a BaseVersion);

/// In the transaction that is open, or in none.
struct AsItIs;

impl MigrationMetadata for AsItIs {
    fn run_in_transaction(&self) -> bool {
        false
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

impl Migration<Pg> for Noted<'_> {
    fn run(&self, _: &mut dyn BoxableConnection<Pg>) -> DieselResult<()> {
        Ok(())
    }

    fn revert(&self, _: &mut dyn BoxableConnection<Pg>) -> DieselResult<()> {
        Err("what was carried out elsewhere is not reverted here".into())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &AsItIs
    }

    fn name(&self) -> &dyn MigrationName {
        self.0
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

    /// Records a version, in the transaction that is open if one is.
    ///
    /// # Errors
    /// [`ServerError`].
    pub fn record_base(&mut self, version: &BaseVersion) -> Result<(), ServerError> {
        note(self.diesel(), version)?;
        self.recorded.get_or_insert_default().insert(version.version.clone());
        Ok(())
    }
}

/// As [`Session::record_base`], in the books of the current schema.
pub(super) fn note(connection: &mut PgConnection, version: &BaseVersion) -> Result<(), ServerError> {
    connection.run_migration(&Noted(version)).map(drop).map_err(|error| recognise(error.as_ref()))
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
