//! Runs that are killed, cut off, or lose their server.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use diesel::connection::SimpleConnection;

use hrms_migrate::engine::cluster::{Cluster, StopMode};

use crate::{
    proxy::{Proxy, Stop},
    support::{CliBuilder, TestDatabase, catalog_digest, cli, execute, say_not_run, start_cluster},
    tools::{
        Scripts, assert_clean, assert_says, in_transaction, kill, large_table, wait_for_lock_wait, wait_for_query,
        wait_for_statement,
    },
};

/// Of everything something: catalog changes, a concurrent build, a unique one, a backfill, a type change, an opaque statement.
fn of_everything() -> Scripts {
    Scripts::none()
        .and(
            "base/00000000000001_start/up.sql",
            "CREATE TYPE mood AS ENUM ('good', 'bad');\nCREATE TABLE people (id serial PRIMARY KEY, name varchar NOT NULL);\n",
        )
        .and(
            "010_columns.sql",
            "ALTER TABLE people ADD COLUMN IF NOT EXISTS mood mood, ADD COLUMN IF NOT EXISTS days integer NOT NULL DEFAULT 1;
CREATE INDEX IF NOT EXISTS people_name ON people (name);
ALTER TABLE people ALTER COLUMN days TYPE numeric(4,1);
",
        )
        .and(
            "020_large.sql",
            "CREATE INDEX IF NOT EXISTS large_word ON large (word);
CREATE UNIQUE INDEX IF NOT EXISTS large_code ON large (code);
ALTER TABLE large ADD COLUMN IF NOT EXISTS active boolean DEFAULT true;
UPDATE large SET word = 'word 1' WHERE word IS NULL;
ALTER TABLE large ALTER COLUMN word SET NOT NULL;
",
        )
        .and(
            "030_opaque.sql",
            "CREATE TABLE marks (n integer);
-- ensure:unless SELECT EXISTS (SELECT 1 FROM marks)
DO $$ BEGIN INSERT INTO marks VALUES (1); CREATE TABLE by_hand (id integer); END $$;
ALTER TABLE by_hand ADD COLUMN word text;
",
        )
}

/// What is in the database before the first run of [`of_everything`].
fn before() -> String {
    // The statistics say that it is large, which is all that the planner sees of it; so each of many runs is quick.
    "CREATE TABLE large (id integer PRIMARY KEY, code integer NOT NULL, word text);
     INSERT INTO large SELECT n, n, CASE WHEN n % 10 > 0 THEN 'word ' || n END FROM generate_series(1, 500) AS n;
     UPDATE pg_class SET relpages = 2500, reltuples = 60000 WHERE oid = 'large'::regclass"
        .to_owned()
}

/// Returns whether a statement changes something, or may: killing a run between two questions shows nothing.
fn changes(sql: &str) -> bool {
    !["SELECT set_config", "SELECT pg_backend_pid", "SELECT EXISTS", "SELECT 0 AS place", "SET ", "--"]
        .iter()
        .any(|start| sql.starts_with(start))
}

/// Kills a run at every statement that changes something, before it is sent and while its answer is on the way, and lets the
/// next one finish.
///
/// `every` leaves some places out, evenly, so that the whole stays quick.
pub fn killed_everywhere(
    name: &str,
    prepare: &(dyn Fn(&TestDatabase) + Sync),
    command: &(dyn Fn() -> CliBuilder + Sync),
    every: usize,
) {
    killed_everywhere_beside(name, prepare, command, every, &|_| Box::new(|| ()));
}

/// What ends the work of others, and judges it.
pub type Ending = Box<dyn FnOnce()>;

/// The same, while others work on the database: `beside` lets them begin.
pub fn killed_everywhere_beside(
    name: &str,
    prepare: &(dyn Fn(&TestDatabase) + Sync),
    command: &(dyn Fn() -> CliBuilder + Sync),
    every: usize,
    beside: &(dyn Fn(&TestDatabase) -> Ending + Sync),
) {
    let Some(undisturbed) = TestDatabase::new(name) else { return };
    prepare(&undisturbed);
    let proxy = Proxy::before(&undisturbed);
    command().env("DATABASE_URL", proxy.url(undisturbed.url())).run().expect(0);
    let statements = proxy.statements();
    let expected = undisturbed.catalog("public");
    let places: Vec<Stop> = (1..=statements.len())
        .filter(|n| changes(&statements[n - 1]))
        .flat_map(|n| [Stop::Before(n), Stop::After(n)])
        .step_by(every)
        .collect();
    at_every(&places, &|stop| {
        let database = TestDatabase::new(&format!("{name}_{stop:?}")).unwrap();
        prepare(&database);
        let end = beside(&database);
        let proxy = Proxy::before(&database);
        proxy.stop_at(stop);
        let mut run = command().env("DATABASE_URL", proxy.url(database.url())).spawn();
        let at = statement(&statements, stop);
        let reached = proxy.wait_until_held(|| run.is_running());
        if reached {
            kill(run);
        } else {
            run.wait().expect(0);
        }
        proxy.cut();
        let run = command().database(&database).run();
        end();
        assert_eq!(run.status, 0, "{stop:?}, killed at {at:?}\n{}\n{}", run.stdout, run.stderr);
        assert_eq!(database.catalog("public"), expected, "{stop:?}, killed at {at:?}");
        assert_clean(&database);
        assert_done_once(&database, &format!("{stop:?}, killed at {at:?}"));
        reached
    });
}

/// Asserts that the journal, where there is one by now, has nothing that was done twice. A table is gone through once more where
/// it is not known that no row is left to fill, and so are its statistics.
pub fn assert_done_once(database: &TestDatabase, told: &str) {
    if database.value("SELECT to_regclass('hrms_migrate.changes') IS NOT NULL").as_deref() != Some("true") {
        return;
    }
    let twice = database.rows(
        "SELECT location, sql, count(*) FROM hrms_migrate.changes WHERE state = 'done' AND verb <> 'fill' AND sql NOT LIKE 'ANALYZE %' GROUP BY \
         location, sql HAVING count(*) > 1",
    );
    assert!(twice.is_empty(), "{told}: {twice:?}");
}

/// Tries all places, three at a time. A test says whether its place was reached.
///
/// A run looks a second time only where something was committed on the server meanwhile, by other tests too, so that one run
/// may send a few statements less than the other; but most places have to be reached.
fn at_every(places: &[Stop], test: &(dyn Fn(Stop) -> bool + Sync)) {
    assert!(!places.is_empty());
    let next = AtomicUsize::new(0);
    let reached = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(stop) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if test(*stop) {
                        reached.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let reached = reached.into_inner();
    assert!(reached * 4 >= places.len() * 3, "only {reached} of {} places were reached", places.len());
}

/// Returns the beginning of the statement at a place.
fn statement(statements: &[String], stop: Stop) -> String {
    let (Stop::Before(n) | Stop::After(n)) = stop;
    statements.get(n - 1).map(|sql| sql.chars().take(200).collect()).unwrap_or_default()
}

#[test]
fn a_run_killed_at_any_statement_is_finished_by_the_next() {
    let scripts = of_everything();
    killed_everywhere("killed", &|database| database.execute(&before()), &|| scripts.command(&["run"]), 1);
}

/// Every form that others can read and write beside.
fn online_forms() -> Scripts {
    Scripts::one(
        "ALTER TABLE large ADD CONSTRAINT coded CHECK (code > 0), ADD CHECK (word <> '');
ALTER TABLE large ADD FOREIGN KEY (code) REFERENCES codes;
ALTER TABLE large ADD CONSTRAINT large_code UNIQUE (code);
ALTER TABLE large ADD PRIMARY KEY (id);
ALTER TABLE large ALTER COLUMN word SET NOT NULL;
ALTER TABLE large ADD COLUMN IF NOT EXISTS token uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE,
    ADD COLUMN boss integer REFERENCES codes, ADD COLUMN number bigserial UNIQUE,
    ADD COLUMN place integer GENERATED BY DEFAULT AS IDENTITY;
DROP INDEX IF EXISTS large_old;
",
    )
}

#[test]
fn online_forms_killed_at_any_statement_are_finished_by_the_next_run() {
    let scripts = online_forms();
    let prepare = "CREATE TABLE codes (id integer PRIMARY KEY);
         INSERT INTO codes SELECT generate_series(1, 500);
         CREATE TABLE large (id integer, code integer NOT NULL, word text) WITH (autovacuum_enabled = off);
         INSERT INTO large SELECT n, n, 'word ' || n FROM generate_series(1, 500) AS n;
         CREATE INDEX large_old ON large (word);
         UPDATE pg_class SET relpages = 4500, reltuples = 60000 WHERE oid = 'large'::regclass";
    killed_everywhere("killed_online", &|database| database.execute(prepare), &|| scripts.command(&["run"]), 3);
}

#[test]
fn a_run_of_the_hrms_schema_killed_at_any_statement_is_finished_by_the_next() {
    killed_everywhere("killed_hrms", &|_| (), &|| cli(&["run"]), 11);
}

#[test]
fn an_atomic_run_killed_at_any_statement_leaves_nothing_and_is_finished_by_the_next() {
    let scripts = of_everything();
    // What an opaque statement asks for afterwards would need a second transaction.
    scripts.write("030_opaque.sql", "CREATE TABLE marks (n integer);\n");
    killed_everywhere(
        "killed_atomic",
        &|database| database.execute(&before()),
        &|| scripts.command(&["run", "--atomic"]),
        5,
    );
}

#[test]
fn a_run_whose_connections_are_cut_connects_anew_and_ends_with_0() {
    let Some(undisturbed) = TestDatabase::new("not_cut") else { return };
    let scripts = of_everything();
    undisturbed.execute(&before());
    let proxy = Proxy::before(&undisturbed);
    scripts.command(&["run"]).env("DATABASE_URL", proxy.url(undisturbed.url())).run().expect(0);
    let statements = proxy.statements();
    let expected = undisturbed.catalog("public");
    // From the first change on; before it there is nothing that would have to be gone on with.
    let first = statements.iter().position(|sql| sql.starts_with("CREATE TYPE")).unwrap() + 1;
    let last = statements.len();
    let places: Vec<Stop> = (first..=last)
        .filter(|n| changes(&statements[n - 1]) || *n == last)
        .flat_map(|n| [Stop::Before(n), Stop::After(n)])
        .step_by(3)
        .collect();
    at_every(&places, &|stop| {
        let database = TestDatabase::new(&format!("cut_{stop:?}")).unwrap();
        database.execute(&before());
        let proxy = Proxy::before(&database);
        proxy.stop_at(stop);
        let mut run = scripts.command(&["run"]).env("DATABASE_URL", proxy.url(database.url())).spawn();
        let reached = proxy.wait_until_held(|| run.is_running());
        proxy.cut();
        let run = run.wait();
        let at = statement(&statements, stop);
        assert_eq!(run.status, 0, "{stop:?}, cut at {at:?}\n{}\n{}", run.stdout, run.stderr);
        assert_eq!(database.catalog("public"), expected, "{stop:?}, cut at {at:?}");
        assert_clean(&database);
        reached
    });
}

/// Makes two databases of a cluster, runs the scripts on one of them, and returns the URLs of both and where the run sends a
/// statement.
fn place_of(cluster: &Cluster, scripts: &Scripts, database: &str, statement: &str) -> (String, String, Stop) {
    let [url, undisturbed] = [database.to_owned(), format!("{database}_undisturbed")].map(|name| {
        execute(&cluster.url("postgres"), &format!("CREATE DATABASE {name}"));
        execute(&cluster.url(&name), &before());
        cluster.url(&name)
    });
    let proxy = Proxy::before_cluster(cluster);
    scripts.command(&["run"]).env("DATABASE_URL", proxy.url(&undisturbed)).run().expect(0);
    let place = proxy.statements().iter().position(|sql| sql.contains(statement)).unwrap() + 1;
    (url, undisturbed, Stop::Before(place))
}

/// Restarts the server while a run waits at a statement: it ends with 0, or with 6 and the next run finishes.
fn restarted(cluster: &mut Cluster, mode: StopMode, scripts: &Scripts, database: &str, statement: &str) {
    let (url, undisturbed, place) = place_of(cluster, scripts, database, statement);
    let proxy = Proxy::before_cluster(cluster);
    proxy.stop_at(place);
    let mut run = scripts.command(&["run"]).env("DATABASE_URL", proxy.url(&url)).spawn();
    assert!(proxy.wait_until_held(|| run.is_running()));
    cluster.restart(mode).unwrap();
    proxy.cut();
    let run = run.wait();
    if run.status != 0 {
        assert_eq!(run.status, 6, "{}\n{}", run.stdout, run.stderr);
        assert_says(&run.stderr, &["error[connection-lost]", "run again"]);
        scripts.command(&["run"]).env("DATABASE_URL", &url).run().expect(0);
    }
    assert_eq!(catalog_digest(&url, "public"), catalog_digest(&undisturbed, "public"));
}

#[test]
fn a_server_restarted_during_a_run_is_waited_for() {
    let Some(mut cluster) = start_cluster(|options| options) else {
        return say_not_run("no server binaries");
    };
    let scripts = of_everything();
    restarted(&mut cluster, StopMode::Fast, &scripts, "fast", "ADD COLUMN");
    restarted(&mut cluster, StopMode::Immediate, &scripts, "immediate", "CONCURRENTLY");
}

#[test]
fn waiting_for_a_server_that_stays_away_can_be_interrupted_and_the_next_run_finishes() {
    let Some(mut cluster) = start_cluster(|options| options) else {
        return say_not_run("no server binaries");
    };
    let scripts = of_everything();
    let (url, undisturbed, place) = place_of(&cluster, &scripts, "gone", "ADD COLUMN");
    let proxy = Proxy::before_cluster(&cluster);
    proxy.stop_at(place);
    let mut run = scripts.command(&["run"]).env("DATABASE_URL", proxy.url(&url)).spawn();
    assert!(proxy.wait_until_held(|| run.is_running()));
    cluster.stop(StopMode::Fast).unwrap();
    proxy.cut();
    // Nobody waits a minute here: the signal ends the waiting.
    let run = {
        thread::sleep(Duration::from_secs(1));
        run.signal("INT");
        run.wait()
    };
    assert_eq!(run.status, 130, "{}\n{}", run.stdout, run.stderr);
    cluster.restart(StopMode::Fast).unwrap();
    scripts.command(&["run"]).env("DATABASE_URL", &url).run().expect(0);
    assert_eq!(catalog_digest(&url, "public"), catalog_digest(&undisturbed, "public"));
}

#[test]
fn a_session_ended_by_the_administrator_is_replaced() {
    let Some(database) = TestDatabase::new("terminated") else { return };
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1)");
    let scripts = Scripts::one(
        "-- ensure:unless SELECT to_regclass('done') IS NOT NULL
DO $$ BEGIN PERFORM pg_sleep(600) FROM slow; CREATE TABLE done (id integer); END $$;
",
    );
    let run = scripts.on(&database).spawn();
    wait_for_statement(&database, "DO $$%");
    database.execute(
        "DELETE FROM slow; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE '%; DO $$%' AND pid <> pg_backend_pid()",
    );
    run.wait().expect(0);
    assert_eq!(database.value("SELECT to_regclass('done')").as_deref(), Some("done"));
    assert_clean(&database);
}

#[test]
fn a_connection_lost_before_the_first_change_is_replaced() {
    let Some(database) = TestDatabase::new("lost_looking") else { return };
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1)");
    let scripts =
        Scripts::one("-- ensure:unless SELECT count(pg_sleep(600)) > 0 FROM slow\nCREATE TABLE t (id integer);");
    let run = scripts.on(&database).spawn();
    wait_for_statement(&database, "%pg_sleep(600)%");
    database.execute(
        "DELETE FROM slow; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()",
    );
    run.wait().expect(0);
    assert_eq!(database.value("SELECT to_regclass('t')").as_deref(), Some("t"));
    assert_clean(&database);
    // Only a run goes on: who only asks is told at once.
    database.execute("INSERT INTO slow VALUES (1)");
    let plan = scripts.command(&["plan"]).database(&database).spawn();
    wait_for_statement(&database, "%pg_sleep(600)%");
    database.execute(
        "DELETE FROM slow; SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()",
    );
    assert_says(&plan.wait().expect(6).stderr, &["error[connection-lost]"]);
}

#[test]
fn the_index_build_of_a_killed_run_is_waited_for_and_built_on() {
    let Some(database) = TestDatabase::new("orphaned_build") else { return };
    database.execute(&large_table("large"));
    let scripts = Scripts::one("CREATE INDEX large_word ON large (word);");
    let mut writer = in_transaction(&database, "INSERT INTO large VALUES (0, 0, '')");
    let killed = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    kill(killed);
    // The server goes on with the build; a second one beside it would fight for the same name.
    let next = scripts.on(&database).spawn();
    wait_for_query(
        &database,
        "SELECT count(*) = 1 AS it FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle' \
         AND query LIKE '%pg_locks%' AND pid <> pg_backend_pid()",
    );
    writer.batch_execute("COMMIT").unwrap();
    next.wait().expect(0);
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_lost_runner_lock_is_noticed_before_the_next_script() {
    let Some(database) = TestDatabase::new("lost_lock") else { return };
    database.execute("CREATE TABLE slow (id integer); INSERT INTO slow VALUES (1)");
    let scripts = Scripts::one(
        "-- ensure:unless SELECT to_regclass('done') IS NOT NULL
DO $$ BEGIN
    WHILE EXISTS (SELECT FROM slow) LOOP PERFORM pg_sleep(0.02); END LOOP;
    CREATE TABLE done (id integer);
END $$;
",
    )
    .and("020_next.sql", "CREATE TABLE next (id integer);");
    let run = scripts.on(&database).spawn();
    wait_for_statement(&database, "DO $$%");
    // It makes the journal meanwhile.
    let idle = "FROM pg_stat_activity a WHERE a.datname = current_database() AND a.state = 'idle' AND EXISTS (SELECT FROM \
                pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory')";
    wait_for_query(&database, &format!("SELECT count(*) = 1 AS it {idle}"));
    database.rows(&format!("SELECT pg_terminate_backend(a.pid) {idle}"));
    database.execute("DELETE FROM slow");
    run.wait().expect(0);
    assert_eq!(database.value("SELECT to_regclass('next')").as_deref(), Some("next"));
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}
