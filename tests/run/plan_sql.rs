//! `plan --sql`: a script that psql carries out to the end that a run comes to.

use crate::{
    support::{TestDatabase, psql},
    tools::{Scripts, assert_says},
};

/// Plans on one database, lets psql carry the script out there, and compares with a run on another.
#[track_caller]
fn ends_as_a_run(name: &str, before: &str, scripts: &Scripts) -> String {
    let (Some(by_psql), Some(by_run)) = (TestDatabase::new(name), TestDatabase::new(name)) else {
        return String::new();
    };
    for database in [&by_psql, &by_run] {
        database.execute(before);
    }
    let script = scripts.command(&["plan", "--sql"]).database(&by_psql).run().expect(0).stdout;
    psql(&by_psql, &script).unwrap_or_else(|error| panic!("{error}\n{script}"));
    scripts.run(&by_run).expect(0);
    assert_eq!(by_psql.catalog("public"), by_run.catalog("public"), "{script}");
    scripts.assert_nothing_left(&by_psql);
    // A second time it has nothing to offer that is still to be done.
    let again = scripts.command(&["plan", "--sql"]).database(&by_psql).run().expect(0).stdout;
    assert_says(&again, &["in 0 steps"]);
    script
}

#[test]
fn concurrent_builds_stand_outside_transactions() {
    let script = ends_as_a_run(
        "sql_concurrent",
        "CREATE TABLE t (a integer, b text)",
        &Scripts::none().and("010_a.sql", "ALTER TABLE t ADD COLUMN IF NOT EXISTS c integer;\n").and(
            "020_b.sql",
            "-- ensure:online always\nCREATE INDEX IF NOT EXISTS t_a ON t (a);\nALTER TABLE t ALTER b SET NOT NULL;\n",
        ),
    );
    if !script.is_empty() {
        let (before, after) = script.split_once("CREATE INDEX CONCURRENTLY").unwrap();
        assert_eq!(before.matches("BEGIN;").count(), before.matches("COMMIT;").count(), "{script}");
        assert_says(after, &["BEGIN;", "SET NOT NULL", "COMMIT;"]);
    }
}

#[test]
fn guards_are_asked_again_where_their_statements_stand() {
    ends_as_a_run(
        "sql_guards",
        "CREATE TABLE words (word text)",
        &Scripts::one(
            "CREATE TABLE made (id integer);
-- ensure:unless SELECT EXISTS (SELECT FROM words) -- a comment
INSERT INTO words VALUES ('one'), ('two');
-- ensure:when SELECT count(*) = 0 FROM made
CREATE TABLE late (id integer);
-- ensure:unless SELECT to_regclass('quoted') IS NOT NULL
DO $hm$ BEGIN CREATE TABLE quoted (\"a -- b\" integer DEFAULT 1); END $hm$;
ALTER TABLE made ADD COLUMN IF NOT EXISTS note text -- at the end
;
",
        ),
    );
}

#[test]
fn names_that_look_like_something_else_do_no_harm() {
    ends_as_a_run(
        "sql_names",
        "CREATE TABLE \"a\nDROP TABLE b;\" (id integer); CREATE TABLE b (id integer)",
        &Scripts::one(
            "ALTER TABLE \"a\nDROP TABLE b;\" ADD COLUMN IF NOT EXISTS \"x'y\\ \"\":hm\" text DEFAULT E'\\'';\n\
             COMMENT ON TABLE b IS 'x';\n"
                .replace("COMMENT", "-- ensure:unless SELECT obj_description('b'::regclass) = 'x'\nCOMMENT"),
        ),
    );
}

#[test]
fn a_script_for_another_database_or_beside_a_run_stops_before_it_changes_anything() {
    let (Some(planned), Some(other)) = (TestDatabase::new("sql_planned"), TestDatabase::new("sql_other")) else {
        return;
    };
    let scripts = Scripts::one("CREATE TABLE t (id integer);\n");
    let script = scripts.command(&["plan", "--sql"]).database(&planned).run().expect(0).stdout;
    let error = psql(&other, &script).unwrap_err();
    assert_says(&error, &["this plan was made for another database"]);
    assert_eq!(other.catalog("public"), planned.catalog("public"));

    let mut run = planned.connect();
    let lock = "SELECT pg_advisory_lock(1213353299, 970488592)";
    diesel::connection::SimpleConnection::batch_execute(&mut run, lock).unwrap();
    let error = psql(&planned, &script).unwrap_err();
    assert_says(&error, &["another run is working on this database"]);
    drop(run);
}

#[test]
fn a_script_whose_guard_has_another_answer_by_now_stops() {
    let Some(database) = TestDatabase::new("sql_guard_changed") else { return };
    database.execute("CREATE TABLE flavour (word text)");
    let scripts =
        Scripts::one("-- ensure:when SELECT NOT EXISTS (SELECT FROM flavour)\nCREATE TABLE t (id integer);\n");
    let script = scripts.command(&["plan", "--sql"]).database(&database).run().expect(0).stdout;
    database.execute("INSERT INTO flavour VALUES ('x')");
    let error = psql(&database, &script).unwrap_err();
    assert_says(&error, &["a guard has another answer by now"]);
    assert_eq!(database.value("SELECT to_regclass('t')::text"), None);
}

#[test]
fn a_plan_that_is_refused_is_no_script() {
    let Some(database) = TestDatabase::new("sql_refused") else { return };
    database.execute("CREATE TABLE t (a text)");
    let scripts = Scripts::one("CREATE TABLE u (id integer);\nALTER TABLE t ADD COLUMN IF NOT EXISTS a integer;\n");
    let planned = scripts.command(&["plan", "--sql"]).database(&database).run().expect(4);
    assert_eq!(planned.stdout, "");
    assert_says(&planned.stderr, &["column public.t.a is text"]);
}

#[test]
fn tables_are_locked_first_as_a_run_does() {
    let script = ends_as_a_run(
        "sql_locks",
        "CREATE TABLE elder (id integer); CREATE TABLE younger (id integer)",
        &Scripts::one(
            "ALTER TABLE younger ADD COLUMN IF NOT EXISTS word text;\nALTER TABLE elder ADD COLUMN IF NOT EXISTS word text;\n",
        ),
    );
    if !script.is_empty() {
        let (before, _) = script.split_once("ADD COLUMN").unwrap();
        assert_says(before, &["LOCK TABLE ONLY public.elder, ONLY public.younger IN ACCESS EXCLUSIVE MODE;"]);
    }
}
