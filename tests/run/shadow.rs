//! The change of a column's type beside writers.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use diesel::connection::SimpleConnection;

use crate::{
    kill::{Ending, killed_everywhere_beside},
    proxy::{Proxy, Stop},
    support::{TestDatabase, connect},
    tools::{Scripts, assert_clean, assert_says, kill, wait_for},
};

const CHANGE: &str = "-- ensure:online always
ALTER TABLE leaves ALTER COLUMN total_days TYPE numeric(4,1);
";

/// Leaves of people, and a ledger in which whoever writes a leave notes what it says.
const LEAVES: &str = "
CREATE TABLE users (id integer PRIMARY KEY);
INSERT INTO users SELECT generate_series(1, 10);
CREATE TABLE leaves (id serial PRIMARY KEY, user_id integer NOT NULL DEFAULT 1 REFERENCES users,
    total_days integer NOT NULL DEFAULT 1 CHECK (total_days >= 0), note text) WITH (autovacuum_enabled = off);
INSERT INTO leaves (user_id, total_days) SELECT 1 + n % 10, n % 20 FROM generate_series(1, 400) AS n;
CREATE INDEX leaves_days ON leaves (user_id, total_days DESC);
CREATE INDEX leaves_long ON leaves (id) WHERE total_days > 10;
CREATE VIEW long_leaves AS SELECT user_id, total_days FROM leaves WHERE total_days > 10;
COMMENT ON COLUMN leaves.total_days IS 'half days count';
CREATE TABLE ledger (id integer PRIMARY KEY, days numeric);
INSERT INTO ledger SELECT id, total_days FROM leaves;
ANALYZE;
";

/// What the writers do, one after the other; `$` is a number that differs each time.
const WRITES: [&str; 4] = [
    "WITH n AS (INSERT INTO leaves (user_id, total_days) VALUES (1 + $ % 10, $ % 20) RETURNING id, total_days)
     INSERT INTO ledger SELECT id, total_days FROM n",
    "WITH n AS (UPDATE leaves SET total_days = (total_days + 3) % 20 WHERE id = 1 + $ % 400 RETURNING id, total_days)
     UPDATE ledger SET days = n.total_days FROM n WHERE ledger.id = n.id",
    "WITH n AS (INSERT INTO leaves (note) VALUES ('by default') RETURNING id, total_days)
     INSERT INTO ledger SELECT id, total_days FROM n",
    "WITH n AS (DELETE FROM leaves WHERE id = 1 + $ % 400 RETURNING id) DELETE FROM ledger USING n WHERE ledger.id = n.id",
];

/// Lets two writers begin. What they have written must be there when they end.
fn writers(database: &TestDatabase) -> Ending {
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = [1_usize, 7]
        .into_iter()
        .map(|seed| {
            let (stop, url) = (Arc::clone(&stop), database.url().to_owned());
            thread::spawn(move || {
                let mut connection = connect(&url);
                let mut number = seed;
                let mut written = 0;
                while !stop.load(Ordering::Relaxed) {
                    number = number * 75 % 65_537;
                    let sql = WRITES[number % WRITES.len()].replace('$', &number.to_string());
                    connection.batch_execute(&sql).unwrap();
                    written += 1;
                    thread::sleep(Duration::from_millis(3));
                }
                written
            })
        })
        .collect();
    let url = database.url().to_owned();
    Box::new(move || {
        stop.store(true, Ordering::Relaxed);
        let written: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        assert!(written > 0, "nobody wrote meanwhile");
        let wrong = crate::support::rows(
            &url,
            "SELECT id, l.total_days, g.days FROM leaves l FULL JOIN ledger g USING (id) WHERE l.total_days IS DISTINCT FROM g.days",
        );
        assert!(wrong.is_empty(), "rows that say something else than was written: {wrong:?}");
    })
}

#[test]
fn a_type_changed_beside_writers_loses_nothing_and_leaves_nothing_behind() {
    let Some(database) = TestDatabase::new("shadow") else { return };
    database.execute(LEAVES);
    let scripts = Scripts::one(CHANGE);
    let end = writers(&database);
    let run = scripts.run(&database).expect(0);
    end();
    assert_says(&run.stdout, &["column public.leaves.total_days integer → numeric(4,1)"]);
    assert_eq!(
        database.value("SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'leaves'::regclass AND attnum > 0 AND NOT attisdropped").as_deref(),
        Some("id user_id note total_days")
    );
    assert_eq!(
        database.value("SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace").as_deref(),
        Some("0")
    );
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_type_change_beside_writers_killed_at_any_statement_is_finished_by_the_next_run() {
    let scripts = Scripts::one(CHANGE);
    killed_everywhere_beside(
        "killed_shadow",
        &|database| database.execute(LEAVES),
        &|| scripts.command(&["run"]),
        2,
        &writers,
    );
}

/// Kills a run of [`CHANGE`] before its copy.
fn killed_before_its_copy(database: &TestDatabase) {
    let scripts = Scripts::one(CHANGE);
    let undisturbed = TestDatabase::new("shadow_undisturbed").unwrap();
    undisturbed.execute(LEAVES);
    let proxy = Proxy::before(&undisturbed);
    scripts.command(&["run"]).env("DATABASE_URL", proxy.url(undisturbed.url())).run().expect(0);
    let statements = proxy.statements();
    let copy =
        statements.iter().position(|sql| sql.starts_with("UPDATE public.leaves SET total_days__hm")).unwrap() + 1;
    // Where others commit meanwhile a run looks twice, so that its statements come a few places later.
    wait_for("a run killed between the first phase and the swap", || {
        let proxy = Proxy::before(database);
        proxy.stop_at(Stop::Before(copy));
        let mut run = scripts.command(&["run"]).env("DATABASE_URL", proxy.url(database.url())).spawn();
        assert!(proxy.wait_until_held(|| run.is_running()));
        kill(run);
        proxy.cut();
        let columns =
            "SELECT count(*) FROM pg_attribute WHERE attrelid = 'leaves'::regclass AND attname = 'total_days__hm'";
        database.value(columns).as_deref() == Some("1")
    });
}

#[test]
fn a_type_change_that_nobody_asks_for_any_more_is_taken_back() {
    let Some(database) = TestDatabase::new("taken_back") else { return };
    database.execute(LEAVES);
    let before = database.catalog("public");
    let scripts = Scripts::one(CHANGE);
    for instead in [
        "ALTER TABLE leaves ALTER COLUMN total_days TYPE integer;",
        "CREATE TABLE IF NOT EXISTS leaves (id serial PRIMARY KEY, total_days integer NOT NULL DEFAULT 1);",
    ] {
        killed_before_its_copy(&database);
        scripts.write("010_test.sql", instead);
        let run = scripts.run(&database).expect(0);
        assert_says(&run.stdout, &["total_days__hm and its trigger (no longer asked for)"]);
        assert_eq!(database.catalog("public"), before);
        scripts.assert_nothing_left(&database);
    }
}

#[test]
fn a_type_change_begun_otherwise_begins_anew() {
    let Some(database) = TestDatabase::new("begun_anew") else { return };
    database.execute(LEAVES);
    let scripts = Scripts::one(CHANGE);
    killed_before_its_copy(&database);
    scripts.write(
        "010_test.sql",
        "-- ensure:online always\nALTER TABLE leaves ALTER COLUMN total_days TYPE bigint USING total_days * 2;",
    );
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stdout, &["begun for another conversion", "integer → bigint"]);
    assert_eq!(
        database.value("SELECT count(*) FROM leaves JOIN ledger USING (id) WHERE total_days <> 2 * days").as_deref(),
        Some("0")
    );
    scripts.assert_nothing_left(&database);
}

#[test]
fn triggers_of_others_do_not_fire_for_rows_copied() {
    let Some(database) = TestDatabase::new("copied_silently") else { return };
    database.execute(LEAVES);
    database.execute(
        "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.note := ''touched''; RETURN NEW; END';
         CREATE TRIGGER touch BEFORE UPDATE ON leaves FOR EACH ROW EXECUTE FUNCTION touch()",
    );
    let scripts = Scripts::one(CHANGE);
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT count(*) FROM leaves WHERE note = 'touched'").as_deref(), Some("0"));
    database.execute("UPDATE leaves SET user_id = 2 WHERE id = 1");
    assert_eq!(database.value("SELECT count(*) FROM leaves WHERE note = 'touched'").as_deref(), Some("1"));
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_value_written_meanwhile_that_does_not_fit_breaks_no_write_and_is_found() {
    let Some(database) = TestDatabase::new("written_meanwhile") else { return };
    database.execute(LEAVES);
    let scripts = Scripts::one(CHANGE);
    killed_before_its_copy(&database);
    // The application goes on with what the old type allows.
    database.execute("UPDATE leaves SET total_days = 5000 WHERE id = 7");
    let run = scripts.run(&database).expect(4);
    assert_says(&run.stderr, &["error[values-do-not-fit]", "id 7"]);
    database.execute("UPDATE leaves SET total_days = 5 WHERE id = 7; UPDATE ledger SET days = 5 WHERE id = 7");
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT total_days FROM leaves WHERE id = 7").as_deref(), Some("5.0"));
    scripts.assert_nothing_left(&database);
}

#[test]
fn what_depends_on_the_column_is_as_after_a_plain_change() {
    let (Some(database), Some(plain)) = (TestDatabase::new("dependents"), TestDatabase::new("dependents_plain")) else {
        return;
    };
    let views = "CREATE VIEW long_leaves WITH (security_barrier = true) AS SELECT user_id, total_days FROM leaves WHERE total_days > 10;
        CREATE VIEW \"Sum\" AS SELECT sum(total_days) AS \"days'\" FROM long_leaves;
        COMMENT ON VIEW \"Sum\" IS 'it''s all'; COMMENT ON COLUMN long_leaves.user_id IS 'whose';
        ALTER VIEW long_leaves ALTER COLUMN user_id SET DEFAULT 3;
        GRANT SELECT ON \"Sum\" TO PUBLIC; GRANT UPDATE (total_days) ON long_leaves TO PUBLIC;";
    let trigger = "CREATE TRIGGER changed BEFORE UPDATE OF total_days ON leaves FOR EACH ROW WHEN (OLD.total_days > 3)
        EXECUTE FUNCTION touch(); ALTER TABLE leaves DISABLE TRIGGER changed; COMMENT ON TRIGGER changed ON leaves IS 'off';";
    for database in [&database, &plain] {
        database.execute(LEAVES);
        database.execute(&format!(
            "DROP VIEW long_leaves; {views}
             CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'; {trigger}
             COMMENT ON CONSTRAINT leaves_total_days_check ON leaves IS 'never less'; COMMENT ON INDEX leaves_days IS 'by user';
             ALTER TABLE leaves CLUSTER ON leaves_days; GRANT SELECT (total_days) ON leaves TO PUBLIC;"
        ));
    }
    plain.execute(&format!(
        "DROP VIEW \"Sum\", long_leaves; DROP TRIGGER changed ON leaves;
         ALTER TABLE leaves ALTER COLUMN total_days TYPE numeric(4,1); {views} {trigger}"
    ));
    let scripts = Scripts::one(CHANGE);
    scripts.run(&database).expect(0);
    assert_eq!(database.catalog("public"), plain.catalog("public"));
    let clustered = "SELECT indexrelid::regclass FROM pg_index WHERE indisclustered";
    assert_eq!(database.value(clustered).as_deref(), Some("leaves_days"));
    scripts.assert_nothing_left(&database);
}
