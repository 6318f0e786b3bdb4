//! Base migrations: diesel's own harness keeps its books, while their statements are carried out as planned steps.

use std::cell::RefCell;

use diesel::{
    migration::{Migration, MigrationMetadata, MigrationName, MigrationVersion},
    pg::{Pg, PgConnection},
};
use diesel_migrations::MigrationHarness;

use crate::{db::Session, event::Event, plan::Transaction};

use super::{Done, Failure, Group, carry_out};

/// A base migration as diesel knows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BaseVersion {
    /// `00000000000001`: what `__diesel_schema_migrations` holds.
    pub version: String,
    /// `00000000000001_enum_types`: its directory.
    pub name: String,
}

impl BaseVersion {
    /// Reads the name of a migration's directory, as diesel does: the version is what stands before the first underscore,
    /// without hyphens.
    #[must_use]
    pub fn of_directory(name: &str) -> Self {
        let version = name.split('_').next().unwrap_or_default().replace('-', "");
        Self { version, name: name.to_owned() }
    }
}

struct Name<'a>(&'a str);

impl std::fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl MigrationName for Name<'_> {
    fn version(&self) -> MigrationVersion<'_> {
        MigrationVersion::from(BaseVersion::of_directory(self.0).version)
    }
}

struct InTransaction;

impl MigrationMetadata for InTransaction {
    fn run_in_transaction(&self) -> bool {
        true
    }
}

/// A migration whose statements have been carried out already, or are carried out by `work` in the harness's transaction.
struct Planned<'a> {
    name: Name<'a>,
    work: RefCell<Option<Box<dyn FnOnce(&mut dyn diesel::connection::BoxableConnection<Pg>) -> diesel::migration::Result<()> + 'a>>>,
}

impl Migration<Pg> for Planned<'_> {
    fn run(&self, connection: &mut dyn diesel::connection::BoxableConnection<Pg>) -> diesel::migration::Result<()> {
        match self.work.borrow_mut().take() {
            Some(work) => work(connection),
            None => Ok(()),
        }
    }

    fn revert(&self, _: &mut dyn diesel::connection::BoxableConnection<Pg>) -> diesel::migration::Result<()> {
        Err("a planned migration is not reverted".into())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &InTransaction
    }

    fn name(&self) -> &dyn MigrationName {
        &self.name
    }
}

/// Records versions as done, without carrying out anything.
///
/// # Errors
/// What the server says; nothing of it stops a run, because recording what holds is book-keeping.
pub fn record_base(session: &mut Session, versions: &[BaseVersion]) -> diesel::migration::Result<()> {
    let connection = session.diesel();
    // Makes the table where it is not there.
    let recorded = connection.applied_migrations()?;
    for version in versions {
        if recorded.iter().any(|recorded| recorded.to_string() == version.version) {
            continue;
        }
        connection.run_migration(&Planned { name: Name(&version.name), work: RefCell::new(None) })?;
    }
    Ok(())
}

/// Carries out the groups of one base migration and records it: within diesel's harness, in its transaction, where all steps
/// can share one; otherwise the groups first, then the record.
///
/// # Errors
/// [`Failure`], as [`carry_out`]; its step counts over all groups.
pub fn carry_out_base(
    session: &mut Session,
    version: &BaseVersion,
    groups: &[Group<'_>],
    atomic: bool,
    emit: &mut dyn FnMut(Event<'_>),
) -> Result<Vec<Done>, Failure> {
    let mut done = Vec::new();
    if groups.len() != 1 || groups.iter().any(|group| group.transaction != Transaction::Shared) {
        for group in groups {
            let before = done.len();
            done.extend(carry_out(session, group, atomic, emit).map_err(|failure| shifted(failure, before))?);
        }
        return Ok(done);
    }
    let Some(group) = groups.first() else { return Ok(done) };
    let failure: RefCell<Option<Failure>> = RefCell::new(None);
    let harness_failed = |error: &dyn std::error::Error| Failure {
        step: group.steps.len(),
        error: crate::db::ServerError::of_message(&error.to_string()),
        elapsed: std::time::Duration::ZERO,
    };
    {
        let connection: &mut PgConnection = session.diesel();
        // Makes the table where it is not there. Without the right to, the steps are carried out all the same.
        if connection.applied_migrations().is_err() {
            return carry_out(session, group, atomic, emit);
        }
        let work = |connection: &mut dyn diesel::connection::BoxableConnection<Pg>| -> diesel::migration::Result<()> {
            match super::steps_on(connection, &group.steps, emit) {
                Ok(steps) => {
                    done = steps;
                    Ok(())
                }
                Err(failed) => {
                    let message = failed.error.message.clone();
                    *failure.borrow_mut() = Some(failed);
                    Err(message.into())
                }
            }
        };
        let migration = Planned { name: Name(&version.name), work: RefCell::new(Some(Box::new(work))) };
        if let Err(error) = connection.run_migration(&migration) {
            drop(migration);
            return Err(failure.take().unwrap_or_else(|| harness_failed(error.as_ref())));
        }
    }
    Ok(done)
}

fn shifted(failure: Failure, before: usize) -> Failure {
    Failure { step: failure.step + before, ..failure }
}
