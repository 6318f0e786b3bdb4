//! A database that something else has made: what holds is written down as done, and nothing else.

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_says},
};

fn scripts() -> Scripts {
    Scripts::none()
        .and("base/0001_people/up.sql", "CREATE TABLE people (id integer PRIMARY KEY);")
        .and("base/0002_teams/up.sql", "CREATE TABLE teams (id integer PRIMARY KEY);")
        .and("010_columns.sql", "ALTER TABLE people ADD COLUMN IF NOT EXISTS name text; ALTER TABLE people ADD COLUMN IF NOT EXISTS age integer;")
}

fn changes(database: &TestDatabase) -> Option<String> {
    database.value("SELECT string_agg(verb, ', ' ORDER BY number) FROM hrms_migrate.changes")
}

#[test]
fn what_holds_is_adopted_and_what_does_not_is_shown() {
    let Some(database) = TestDatabase::new("adopt") else { return };
    database.execute(
        "CREATE TABLE people (id integer PRIMARY KEY, name text); CREATE TABLE alembic_version (version_num text);
         INSERT INTO alembic_version VALUES ('4f2a')",
    );
    let before = database.catalog("public");
    let scripts = scripts();
    let adopt = scripts.command(&["adopt", "--from", "alembic"]).database(&database).run().expect(0);
    assert_says(&adopt.stderr, &["revision 4f2a", "2 of 4 statements are written down as done"]);
    assert_says(&adopt.stdout, &["table public.teams", "column public.people.age"]);
    assert!(!adopt.stdout.contains("column public.people.name"), "{}", adopt.stdout);
    assert_eq!(database.value("SELECT count(*) FROM hrms_migrate.changes WHERE verb = 'adopt'").as_deref(), Some("2"));
    assert_eq!(
        database.value("SELECT string_agg(version, ' ') FROM __diesel_schema_migrations").as_deref(),
        Some("0001")
    );
    database.execute("DROP TABLE __diesel_schema_migrations");
    assert_eq!(database.catalog("public"), before, "only books are written");
    let diesel = scripts.command(&["adopt", "--from", "diesel", "--exit-code"]).database(&database).run().expect(2);
    assert_says(&diesel.stderr, &["2 of the base migrations are not among them"]);
    scripts.run(&database).expect(0);
    assert_says(
        &scripts.command(&["history"]).database(&database).run().expect(0).stdout,
        &["adopt 1 of", "adopt 2 of", "run 3 of"],
    );
    // What was adopted was there before: it is not taken back.
    scripts.command(&["rollback", "--to", "0"]).database(&database).run().expect(0);
    assert_eq!(
        database.value("SELECT to_regclass('people') IS NOT NULL AND to_regclass('teams') IS NULL").as_deref(),
        Some("true")
    );
}

#[test]
fn a_stamp_takes_nobody_at_his_word_but_the_user() {
    let Some(database) = TestDatabase::new("stamp") else { return };
    let scripts = scripts();
    let refused = scripts.command(&["stamp"]).database(&database).run().expect(64);
    assert_says(&refused.stderr, &["stamp --yes", "adopt"]);
    assert_eq!(database.value("SELECT to_regnamespace('hrms_migrate') IS NULL").as_deref(), Some("true"));
    scripts.command(&["stamp", "--yes"]).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT count(*) FROM hrms_migrate.changes WHERE verb = 'stamp'").as_deref(), Some("4"));
    assert_eq!(database.value("SELECT count(*) FROM __diesel_schema_migrations").as_deref(), Some("2"));
    assert!(changes(&database).is_some());
    // The catalog is the truth.
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stdout, &["3 changed"]);
    assert_says(
        &scripts.command(&["adopt", "--no-journal"]).database(&database).run().expect(1).stderr,
        &["error[no-journal]"],
    );
}
