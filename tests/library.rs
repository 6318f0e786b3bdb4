//! What a backend gets that uses the library: the front door, without a command line.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test writes its scripts to files")]

mod support;

use std::fs;

use hrms_migrate::{
    Migrator,
    event::{Event, ScriptState, StepEnd},
    pg::Hazard,
};
use include_dir::{Dir, include_dir};
use support::TestDatabase;

/// The scripts of the project, compiled into this test as a backend would compile in its own.
static SCRIPTS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/ensure");

fn on(database: &TestDatabase) -> Migrator {
    Migrator::new(database.url()).unwrap()
}

#[test]
fn a_backend_is_told_before_and_after_whether_it_may_start() {
    let Some(database) = TestDatabase::new("ready") else { return };
    let migrator = on(&database).embedded(&SCRIPTS);
    let not_ready = migrator.ready().unwrap_err();
    assert!(not_ready.was_asked());
    assert!(not_ready.to_string().starts_with("the database is not ready: enum type"), "{not_ready}");
    assert!(not_ready.to_string().contains(" more"), "{not_ready}");

    let mut sent = Vec::new();
    let report = migrator.run(|event| {
        if let Event::StepBegins(step) = event {
            sent.push(step.sql.clone());
        }
    });
    assert_eq!(report.outcome, None, "{:?}", report.diagnostics);
    let told: Vec<_> = report.scripts.iter().flat_map(|script| &script.steps).map(|step| step.sql.clone()).collect();
    assert!(!sent.is_empty());
    assert_eq!(sent, told, "what the events said is what the report says");

    let place = migrator.ready().unwrap();
    assert_eq!(place.database, database.name());
    assert_eq!(place.schema.as_deref(), Some("public"));

    database.execute("DROP INDEX idx_leave_status; ALTER TABLE users ALTER COLUMN phone TYPE integer USING NULL");
    let not_ready = migrator.ready().unwrap_err();
    assert!(not_ready.was_asked());
    let differs = not_ready.differs.join("\n");
    assert!(differs.contains("index idx_leave_status on public.leaves"), "{differs}");
    assert!(differs.contains("column public.users.phone is integer"), "{differs}");
}

#[test]
fn being_ready_waits_for_nobody_and_changes_nothing() {
    let Some(database) = TestDatabase::new("ready_quietly") else { return };
    let migrator = on(&database);
    assert_eq!(migrator.run(|_| {}).outcome, None);
    let before = database.catalog("public");
    // A session that changes tables holds up nobody who only looks at the catalog.
    let mut busy = database.connect();
    diesel::connection::SimpleConnection::batch_execute(&mut busy, "BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        .unwrap();
    migrator.ready().unwrap();
    drop(busy);
    assert_eq!(database.catalog("public"), before);
}

#[test]
fn a_server_that_is_not_there_is_told_apart_from_a_database_that_differs() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("postgresql://app:geheim@/hrms?host={}", directory.path().display());
    let not_ready = Migrator::new(&url).unwrap().ready().unwrap_err();
    assert!(!not_ready.was_asked());
    assert!(!format!("{not_ready} {not_ready:?}").contains("geheim"));
    let error = Migrator::new("postgresql://app:geheim@db:port/hrms").unwrap_err();
    assert!(!format!("{error} {error:?}").contains("geheim"), "{error}");
}

#[test]
fn scripts_of_a_directory_are_planned_run_and_verified_in_the_schema_that_is_named() {
    let Some(database) = TestDatabase::new("library") else { return };
    database.execute("CREATE SCHEMA hr; CREATE TABLE hr.notes (id integer, old text)");
    let directory = tempfile::tempdir().unwrap();
    fs::write(
        directory.path().join("010_notes.sql"),
        "ALTER TABLE notes ADD COLUMN IF NOT EXISTS body text;\nALTER TABLE notes DROP COLUMN IF EXISTS old;\n
         -- ensure:verify every note has an id\nSELECT 1 FROM notes WHERE id IS NULL;\n",
    )
    .unwrap();
    let cautious = on(&database).directory(directory.path()).schema("hr");
    assert_eq!(cautious.check().scripts.len(), 1);
    let refused = cautious.plan(|_| {});
    assert!(refused.diagnostics.iter().any(|diagnostic| diagnostic.what.contains("hr.notes.old")));

    let migrator = cautious.allow(Hazard::Drop).allow(Hazard::DataLoss).allow(Hazard::Breaking);
    let plan = migrator.plan(|_| {});
    assert_eq!(plan.outcome, None, "{:?}", plan.diagnostics);
    assert_eq!(plan.scripts[0].state, ScriptState::Changed);
    let planned: Vec<_> = plan.scripts[0].steps.iter().map(|step| step.sql.as_str()).collect();
    let ran = migrator.run(|_| {});
    assert!(ran.scripts[0].steps.iter().all(|step| step.end == StepEnd::Applied));
    assert_eq!(ran.scripts[0].steps.iter().map(|step| step.sql.as_str()).collect::<Vec<_>>(), planned);

    let verified = migrator.verify(|_| {});
    assert_eq!(verified.outcome, None);
    assert_eq!(verified.verification.unwrap().queries, [("every note has an id".to_owned(), 0)]);
    database.execute("INSERT INTO hr.notes (id) VALUES (NULL)");
    assert!(migrator.verify(|_| {}).outcome.is_some());
    migrator.ready().unwrap();
}

#[test]
fn a_statement_that_runs_every_time_is_no_difference() {
    let Some(database) = TestDatabase::new("library_always") else { return };
    let directory = tempfile::tempdir().unwrap();
    let text = "CREATE TABLE runs (at timestamptz);\n-- ensure:always\nINSERT INTO runs VALUES (now());\n";
    fs::write(directory.path().join("010_runs.sql"), text).unwrap();
    let migrator = on(&database).directory(directory.path());
    assert!(migrator.ready().is_err());
    assert_eq!(migrator.run(|_| {}).outcome, None);
    migrator.ready().unwrap();
    assert_eq!(migrator.verify(|_| {}).outcome, None);
    assert_eq!(database.value("SELECT count(*) FROM runs").as_deref(), Some("1"));
}

#[test]
fn a_migrator_can_be_kept_by_a_backend_and_used_from_its_threads() {
    fn kept<T: Send + Sync + Clone + 'static>() {}
    kept::<Migrator>();
}
