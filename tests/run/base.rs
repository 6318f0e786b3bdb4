//! Base migrations on the way: diesel's books say what is done, and nothing that is not.

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_says},
};

const FINE: &str = "ALTER TABLE teams ADD COLUMN size integer;";
const WRONG: &str = "ALTER TABLE teams ADD COLUMN size text DEFAULT lower(1 / 0::text);";

/// The second base migration has a transaction for each statement.
fn scripts(last: &str) -> Scripts {
    Scripts::none().and("base/0001_people/up.sql", "CREATE TABLE people (id integer PRIMARY KEY);").and(
        "base/0002_teams/up.sql",
        format!("-- ensure:tx none\nCREATE TABLE teams (id integer PRIMARY KEY);\n{last}"),
    )
}

fn books(database: &TestDatabase) -> String {
    database
        .value("SELECT string_agg(version, ' ' ORDER BY version) FROM __diesel_schema_migrations")
        .unwrap_or_default()
}

fn has_teams(database: &TestDatabase) -> bool {
    database.value("SELECT to_regclass('teams') IS NOT NULL").as_deref() == Some("true")
}

#[test]
fn one_of_several_transactions_is_recorded_with_the_last_of_them() {
    let Some(database) = TestDatabase::new("base_parts") else { return };
    scripts(WRONG).run(&database).expect(1);
    assert!(has_teams(&database), "the statement before stays");
    assert_eq!(books(&database), "0001");
    let run = scripts(FINE).run(&database).expect(0);
    assert_says(&run.stdout, &["recorded now: 0002_teams"]);
    assert_eq!(books(&database), "0001 0002");
    scripts(FINE).assert_nothing_left(&database);
}

#[test]
fn all_of_them_are_recorded_in_the_one_transaction_of_an_atomic_run() {
    let Some(database) = TestDatabase::new("base_atomic") else { return };
    let atomic = |last: &str| scripts(last).command(&["run", "--atomic"]).database(&database).run();
    let run = atomic(WRONG).expect(1);
    assert!(!run.stdout.contains("recorded now"), "{}", run.stdout);
    assert!(!has_teams(&database));
    assert_eq!(books(&database), "");
    let run = atomic(FINE).expect(0);
    assert_says(&run.stdout, &["recorded now: 0001_people, 0002_teams"]);
    assert_eq!(books(&database), "0001 0002");
    let commits = "SELECT count(DISTINCT t.xmin::text) FROM (SELECT xmin FROM __diesel_schema_migrations UNION ALL SELECT xmin FROM \
                   pg_class WHERE oid IN ('people'::regclass, 'teams'::regclass)) t";
    assert_eq!(database.value(commits).as_deref(), Some("1"));
}

#[test]
fn a_role_that_may_not_write_diesels_books_changes_what_it_may() {
    let Some(database) = TestDatabase::new("base_rights") else { return };
    let role = format!("{}_role", database.name());
    database.execute(&format!(
        "CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now()); CREATE \
         ROLE \"{role}\" LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO \"{role}\""
    ));
    let run = scripts(FINE).on(&database).env("PGOPTIONS", format!("-c role={role}")).run().expect(0);
    assert_says(&run.stdout, &["not recorded"]);
    assert!(has_teams(&database));
    assert_eq!(books(&database), "");
    database.execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

#[test]
fn what_is_refused_is_not_recorded() {
    let Some(database) = TestDatabase::new("base_refused") else { return };
    database.execute("CREATE TABLE teams (id text PRIMARY KEY)");
    let wrong = "ALTER TABLE teams ADD COLUMN IF NOT EXISTS size integer;";
    let scripts = scripts(wrong);
    let run = scripts.on(&database).arg("--keep-going").run().expect(4);
    assert_says(&run.stderr, &["teams"]);
    assert_eq!(
        database.value("SELECT count(*) FROM information_schema.columns WHERE table_name = 'teams'").as_deref(),
        Some("2")
    );
    assert_eq!(books(&database), "0001");
}
