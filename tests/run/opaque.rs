//! Statements that cannot be read as goals: guards, `always`, planning again after them.

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_says},
};

fn count(database: &TestDatabase, table: &str) -> String {
    database.value(&format!("SELECT count(*) FROM {table}")).unwrap()
}

#[test]
fn an_unless_runs_its_statement_once() {
    let Some(database) = TestDatabase::new("unless") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE words (word text);
-- ensure:unless SELECT EXISTS (SELECT 1 FROM words)
INSERT INTO words VALUES ('one'), ('two');
",
    );
    scripts.run(&database).expect(0);
    assert_eq!(count(&database, "words"), "2");
    scripts.assert_nothing_left(&database);
    assert_eq!(count(&database, "words"), "2");
}

#[test]
fn a_when_runs_its_statement_while_it_holds() {
    let Some(database) = TestDatabase::new("when") else { return };
    database.execute("CREATE TABLE settings (version integer); INSERT INTO settings VALUES (1)");
    let scripts = Scripts::one(
        "-- ensure:when SELECT version < 3 FROM settings
DO $$ BEGIN UPDATE settings SET version = 3; END $$;
",
    );
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT version FROM settings").as_deref(), Some("3"));
    scripts.assert_nothing_left(&database);
}

#[test]
fn always_runs_every_time_and_says_so() {
    let Some(database) = TestDatabase::new("always") else { return };
    let scripts = Scripts::one("CREATE TABLE runs (at timestamptz);\n-- ensure:always\nINSERT INTO runs VALUES (now());\n");
    for times in 1..=3 {
        let run = scripts.run(&database).expect(0);
        assert_says(&run.stdout, &["INSERT"]);
        assert_eq!(count(&database, "runs"), times.to_string());
    }
    scripts.command(&["plan", "--exit-code"]).database(&database).run().expect(2);
}

#[test]
fn a_statement_after_a_do_block_sees_what_the_block_made() {
    let Some(database) = TestDatabase::new("barrier") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE first (id integer);
-- ensure:unless SELECT to_regclass('made') IS NOT NULL
DO $$ BEGIN CREATE TABLE made (id integer); INSERT INTO made VALUES (1), (2); END $$;
ALTER TABLE made ADD COLUMN IF NOT EXISTS word text NOT NULL DEFAULT 'w';
CREATE UNIQUE INDEX IF NOT EXISTS made_id ON made (id);
",
    );
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT word FROM made WHERE id = 2").as_deref(), Some("w"));
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_refusal_after_a_do_block_says_what_is_done_already() {
    let Some(database) = TestDatabase::new("barrier_refusal") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE first (id integer);
-- ensure:unless SELECT to_regclass('made') IS NOT NULL
DO $$ BEGIN CREATE TABLE made (id integer); INSERT INTO made VALUES (1), (1); END $$;
CREATE UNIQUE INDEX made_id ON made (id);
",
    );
    let run = scripts.run(&database).expect(4);
    assert_says(&run.stderr, &["error[duplicate-rows]", "made_id", "010_test.sql:4:", "done so far", "2 steps"]);
    database.execute("DELETE FROM made WHERE ctid = '(0,2)'");
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_guard_that_goes_on_asking_after_its_statement_ran_is_an_error() {
    let Some(database) = TestDatabase::new("guard_asks_on") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE t (id integer);
-- ensure:unless SELECT to_regclass('never') IS NOT NULL
DO $$ BEGIN INSERT INTO t VALUES (1); END $$;
",
    );
    let run = scripts.run(&database);
    assert_ne!(run.status, 0, "success although the guard still asks for the statement:\n{}", run.stdout);
    assert_says(&run.stderr, &["error[", "010_test.sql:"]);
    assert_eq!(count(&database, "t"), "1", "it ran once, not for ever");
}

#[test]
fn a_guard_about_an_object_that_is_made_before_it_is_asked_in_time() {
    let Some(database) = TestDatabase::new("guard_in_time") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE t (id integer);
-- ensure:unless SELECT EXISTS (SELECT 1 FROM t)
INSERT INTO t VALUES (1);
",
    );
    let plan = scripts.command(&["plan"]).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["known only once"]);
    scripts.run(&database).expect(0);
    assert_eq!(count(&database, "t"), "1");
}

#[test]
fn a_guard_about_an_object_that_nobody_makes_is_refused_with_its_place() {
    let Some(database) = TestDatabase::new("guard_undefined") else { return };
    let scripts = Scripts::one("CREATE TABLE t (id integer);\n-- ensure:unless SELECT EXISTS (SELECT 1 FROM nowhere)\nINSERT INTO t VALUES (1);\n");
    let first = scripts.run(&database).expect(4);
    assert_says(&first.stderr, &["error[query-failed]", "nowhere", "010_test.sql:2:"]);
    // Now nothing is left to do before it.
    let second = scripts.run(&database).expect(4);
    assert_says(&second.stderr, &["error[query-failed]", "nowhere", "010_test.sql:2:"]);
}

#[test]
fn a_statement_that_is_neither_goal_nor_guarded_is_refused_before_anything_is_sent() {
    let Some(database) = TestDatabase::new("not_repeatable") else { return };
    for statement in ["DO $$ BEGIN END $$;", "INSERT INTO t VALUES (1);", "DELETE FROM t;"] {
        let scripts = Scripts::one(format!("CREATE TABLE t (id integer);\n{statement}\n"));
        let run = scripts.run(&database).expect(65);
        assert_says(&run.stderr, &["error[not-repeatable]", "010_test.sql:2:1", "ensure:unless"]);
        assert_eq!(database.value("SELECT to_regclass('t')"), None);
    }
}

#[test]
fn an_opaque_statement_that_fails_is_shown_at_its_place_and_undone() {
    let Some(database) = TestDatabase::new("opaque_fails") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE kept (id integer);
-- ensure:always
INSERT INTO kept (id) VALUES (1), (nosuch(2));
",
    );
    let run = scripts.run(&database).expect(1);
    assert_says(&run.stderr, &["error[statement-failed]", "010_test.sql:3:36", "nosuch"]);
}
