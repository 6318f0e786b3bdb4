//! The base migrations: diesel's record is kept, decides nothing, and diesel's own runner makes the same tables.

use std::path::{Path, PathBuf};

use diesel_migrations::{FileBasedMigrations, MigrationHarness};

use crate::site::{Site, assert_lines};

const VERSIONS: [&str; 4] = ["00000000000001", "00000000000002", "00000000000003", "00000000000004"];

fn base() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ensure/base")
}

#[test]
fn adopted_databases_get_diesels_record() {
    for file in
        ["enum_current.sql", "varchar_current.sql", "enum_first_release.sql", "enum_halfway.sql", "varchar_halfway.sql"]
    {
        let Some(site) = Site::on_server("adopted", &[file]) else { return };
        assert_eq!(site.books(), None);
        let run = site.run().expect(0);
        assert_eq!(site.books().unwrap(), VERSIONS);
        for version in VERSIONS {
            assert_eq!(run.stdout.matches(version).count(), 1, "recorded once, and said once:\n{}", run.stdout);
        }
        let mut connection = site.database.connect();
        let pending = connection.has_pending_migration(FileBasedMigrations::from_path(base()).unwrap()).unwrap();
        assert!(!pending, "diesel would run something again");
    }
}

#[test]
fn the_record_decides_nothing() {
    let Some(site) = Site::new("decides", &["enum_current.sql"]) else { return };
    site.run().expect(0);
    site.add("DROP TABLE holidays; ALTER TABLE leaves DROP CONSTRAINT leaves_user_id_fkey; DROP INDEX ix_users_email");
    site.completes();
    site.assert_facts("hrms_enum.expected");
    assert_eq!(site.books().unwrap(), VERSIONS);

    site.add("DELETE FROM __diesel_schema_migrations WHERE version > '00000000000002'");
    let before = site.fingerprint();
    site.run().expect(0);
    assert_eq!(site.books().unwrap(), VERSIONS);
    assert_eq!(site.fingerprint(), before);
}

#[test]
fn a_version_that_we_do_not_know_stays_in_the_record() {
    let Some(site) = Site::new("unknown", &["enum_current.sql"]) else { return };
    site.run().expect(0);
    site.add("INSERT INTO __diesel_schema_migrations (version) VALUES ('20300101000000')");
    site.run().expect(0);
    assert_eq!(site.books().unwrap().len(), VERSIONS.len() + 1);
}

#[test]
fn diesels_own_runner_makes_the_tables_of_the_first_release() {
    let Some(site) = Site::on_server("diesel", &[]) else { return };
    let mut connection = site.database.connect();
    connection.run_pending_migrations(FileBasedMigrations::from_path(base()).unwrap()).unwrap();
    assert_eq!(site.books().unwrap(), VERSIONS);
    let Some(release) = Site::on_server("release", &["enum_first_release.sql"]) else { return };
    // The plain indexes on the primary keys are made by the ensure scripts.
    let is_base =
        |line: &&str| !["ix_users_id", "ix_leaves_id", "ix_holidays_id"].iter().any(|index| line.contains(index));
    let wanted: Vec<String> = release.facts().lines().filter(is_base).map(|line| format!("{line}\n")).collect();
    assert_lines(&wanted.concat(), &site.facts());

    // We go on from there, and nothing of the base is done again.
    let before = site.database.value("SELECT 'users'::regclass::oid");
    site.completes();
    assert_eq!(site.database.value("SELECT 'users'::regclass::oid"), before);
    site.assert_facts("hrms_enum.expected");
}

#[test]
fn diesels_own_runner_can_take_the_base_back() {
    let Some(site) = Site::on_server("back", &[]) else { return };
    let mut connection = site.database.connect();
    connection.run_pending_migrations(FileBasedMigrations::from_path(base()).unwrap()).unwrap();
    connection.revert_all_migrations(FileBasedMigrations::from_path(base()).unwrap()).unwrap();
    assert_eq!(site.facts(), "");
    site.completes();
    site.assert_facts("hrms_enum.expected");
}
