//! Backfills of large tables, in batches.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use diesel::connection::SimpleConnection;

use crate::{
    support::{TestDatabase, execute, rows, say_left_out, say_not_run, start_cluster},
    tools::{
        Scripts, Standby, assert_clean, assert_says, in_transaction, kill, large_table, wait_for, wait_for_lock_wait,
        wait_for_query,
    },
};

const BACKFILL: &str = "UPDATE large SET word = 'none' WHERE word IS NULL;";

/// A large table whose words are to be filled.
fn large_without_words() -> String {
    // Nothing but the backfill writes.
    format!(
        "{} ALTER TABLE large SET (autovacuum_enabled = off), ALTER word TYPE text USING NULL::text; ANALYZE large;",
        large_table("large")
    )
}

#[test]
fn a_large_table_is_filled_in_batches_of_their_own_transactions() {
    let Some(database) = TestDatabase::new("batches") else { return };
    database.execute(&large_without_words());
    let scripts = Scripts::one(BACKFILL);
    let plan = scripts.command(&["plan", "-v"]).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["in batches"]);
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stdout, &["60 000 rows"]);
    assert_eq!(database.value("SELECT count(*) FROM large WHERE word IS NULL").as_deref(), Some("0"));
    let transactions = database.value("SELECT count(DISTINCT xmin::text) FROM large").unwrap();
    assert!(transactions.parse::<u32>().unwrap() > 2, "{transactions}");
    scripts.assert_nothing_left(&database);
}

#[test]
fn the_script_may_give_the_size_of_a_batch() {
    let Some(database) = TestDatabase::new("batch_size") else { return };
    database.execute(&large_without_words());
    let scripts = Scripts::one(format!("-- ensure:batch 6_000\n{BACKFILL}"));
    scripts.run(&database).expect(0);
    let transactions = database.value("SELECT count(DISTINCT xmin::text) FROM large").unwrap();
    // A batch is whole pages, so it has some rows less.
    assert!((10..=12).contains(&transactions.parse::<u32>().unwrap()), "{transactions}");
    scripts.assert_nothing_left(&database);
}

#[test]
fn the_space_of_old_rows_is_given_back_between_the_batches_of_a_huge_table() {
    let Some(database) = TestDatabase::new("batches_vacuum") else { return };
    database.execute(&large_without_words());
    let pages = "SELECT pg_relation_size('large') / current_setting('block_size')::int";
    let size = || database.value(pages).unwrap().parse::<u32>().unwrap();
    let before = size();
    // The statistics say that it is huge, which is all that the planner sees of it.
    database.execute("UPDATE pg_class SET relpages = 140000, reltuples = 60000 WHERE oid = 'large'::regclass");
    let scripts = Scripts::one(format!("-- ensure:batch 20\n{BACKFILL}"));
    scripts.run(&database).expect(0);
    // About one for each tenth of the pages.
    let vacuums = "SELECT vacuum_count >= 5 AS it FROM pg_stat_user_tables WHERE relname = 'large'";
    wait_for_query(&database, vacuums);
    let after = size();
    assert!(after * 2 < before * 3, "{before} pages, then {after}: without it there would be twice as many");
    scripts.assert_nothing_left(&database);
}

#[test]
fn rows_that_others_move_behind_a_batch_are_found() {
    let Some(database) = TestDatabase::new("moved_rows") else { return };
    database.execute(&large_without_words());
    let scripts = Scripts::one(format!("-- ensure:batch 5_000\n{BACKFILL}"));
    // The first batch waits for a row; meanwhile others go to new pages, behind the end that was seen at the beginning.
    let mut writer = in_transaction(&database, "UPDATE large SET code = -1 WHERE id = 1");
    let run = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    writer.batch_execute("UPDATE large SET code = -id WHERE id > 30000; COMMIT").unwrap();
    run.wait().expect(0);
    assert_eq!(database.value("SELECT count(*) FROM large WHERE word IS NULL").as_deref(), Some("0"));
    assert_eq!(database.value("SELECT count(*) FROM large WHERE code < 0").as_deref(), Some("30001"));
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_row_that_others_hold_is_waited_for_again_and_again_but_never_long() {
    let Some(database) = TestDatabase::new("held_row") else { return };
    database.execute(&large_without_words());
    let scripts = Scripts::one(BACKFILL);
    let mut writer = in_transaction(&database, "UPDATE large SET code = -1 WHERE id = 30000");
    let run = scripts.on(&database).spawn();
    // The batch gives up, so that its rows are free, and comes again.
    for _ in 0..2 {
        wait_for_lock_wait(&database);
        wait_for_query(
            &database,
            "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock') AS it",
        );
    }
    writer.batch_execute("COMMIT").unwrap();
    run.wait().expect(0);
    assert_eq!(database.value("SELECT count(*) FROM large WHERE word IS NULL").as_deref(), Some("0"));
    assert_eq!(database.value("SELECT code FROM large WHERE id = 30000").as_deref(), Some("-1"));
}

#[test]
fn a_backfill_killed_on_its_way_keeps_what_is_done_and_is_finished_by_the_next_run() {
    let Some(database) = TestDatabase::new("killed_backfill") else { return };
    database.execute(&large_without_words());
    let scripts = Scripts::one(format!("-- ensure:batch 5_000\n{BACKFILL}"));
    let mut writer = in_transaction(&database, "UPDATE large SET code = -1 WHERE id = 30000");
    let killed = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    kill(killed);
    let left = database.value("SELECT count(*) FROM large WHERE word IS NULL").unwrap().parse::<u32>().unwrap();
    assert!((30_000..=40_000).contains(&left), "{left}");
    writer.batch_execute("COMMIT").unwrap();
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT count(*) FROM large WHERE word IS NULL").as_deref(), Some("0"));
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn what_a_query_reads_is_filled_in_one_statement() {
    let Some(database) = TestDatabase::new("one_statement") else { return };
    database.execute(&large_without_words());
    let scripts = Scripts::one(
        "UPDATE large SET word = 'none' WHERE word IS NULL AND code <= (SELECT max(code) FROM large WHERE word IS NULL);",
    );
    let plan = scripts.command(&["plan"]).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["plain", "blocking-lock"]);
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT count(DISTINCT xmin::text) FROM large").as_deref(), Some("1"));
}

#[test]
fn when_the_time_given_has_come_a_run_ends_after_the_batch_at_hand() {
    let Some(database) = TestDatabase::new("until") else { return };
    database.execute(&large_without_words());
    let scripts = Scripts::one(format!("-- ensure:batch 5_000\n{BACKFILL}\nCREATE INDEX large_code ON large (code);"));
    let nothing = scripts.command(&["run", "--until=2001-02-03T04:05"]).database(&database).run().expect(8);
    assert_says(&nothing.stderr, &["error[time-up]", "nothing was changed"]);
    assert_eq!(database.value("SELECT count(*) FROM large WHERE word IS NULL").as_deref(), Some("60000"));
    // The batch with that row comes again and again.
    let mut writer = in_transaction(&database, "UPDATE large SET code = -1 WHERE id = 30000");
    let run = scripts.command(&["run", "--until=2s"]).database(&database).run().expect(8);
    assert_says(&run.stderr, &["error[time-up]", "is done in part; its batches stay"]);
    let left = database.value("SELECT count(*) FROM large WHERE word IS NULL").unwrap().parse::<u32>().unwrap();
    assert!((30_000..=40_000).contains(&left), "{left}");
    writer.batch_execute("COMMIT").unwrap();
    scripts.run(&database).expect(0);
    // Where nothing is left to do there is nothing to be too late for.
    scripts.command(&["run", "--until=2001-02-03T04:05"]).database(&database).run().expect(0);
}

#[test]
fn a_replica_that_falls_behind_is_waited_for() {
    let Some(mut primary) =
        start_cluster(|options| options.setting("wal_level", "replica").setting("max_wal_senders", "5"))
    else {
        return say_not_run("no server binaries");
    };
    let standby = Standby::of(&mut primary).expect("a copy of the primary's files follows it");
    let url = primary.url("postgres");
    execute(&standby.url, "SELECT pg_wal_replay_pause()");
    // Some 80 MB are written while the standby does not follow.
    execute(
        &url,
        &format!(
            "{} ALTER TABLE large ALTER word SET STORAGE EXTERNAL, ALTER word TYPE text USING repeat('x', 1300), ADD note text;",
            large_table("large")
        ),
    );
    let scripts = Scripts::one("UPDATE large SET note = 'none' WHERE note IS NULL;");
    let left = || rows(&url, "SELECT count(*) FROM large WHERE note IS NULL")[0][0].clone();
    let mut run = scripts.command(&["run"]).env("DATABASE_URL", &url).spawn();
    wait_for("the run to look again", || {
        let seen = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hrms-migrate%' AND query LIKE '%pg_stat_replication%'
                    AND backend_start < now() - interval '3 s'";
        rows(&url, seen)[0][0].as_deref() == Some("1")
    });
    assert!(run.is_running());
    assert_eq!(left().as_deref(), Some("60000"), "nothing is written before it has caught up");
    execute(&standby.url, "SELECT pg_wal_replay_resume()");
    let run = run.wait().expect(0);
    assert_says(&run.stderr, &["waits: replica \"", " MB behind"]);
    assert_eq!(left().as_deref(), Some("0"));
}

#[test]
fn more_time_is_left_to_others_where_many_wait_for_rows_of_a_batch() {
    let Some(database) = TestDatabase::new("batches_crowd") else { return };
    database.execute(&large_without_words());
    database.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
           IF NEW.word IS DISTINCT FROM OLD.word AND NEW.id = 2 THEN PERFORM pg_sleep(0.5); END IF; RETURN NEW; END $$;
         CREATE TRIGGER slow BEFORE UPDATE ON large FOR EACH ROW EXECUTE FUNCTION slow();",
    );
    for options in [&[][..], &["--no-journal"]] {
        let scripts = Scripts::one(format!("-- ensure:batch 20_000\n{BACKFILL}"));
        let mut run = scripts.on(&database);
        for option in options {
            run = run.arg(option);
        }
        // Six sessions lock one row, one after the other, which does not move it: one waits for the batch, and five for that one.
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let mut other = database.connect();
                    while !over.load(Ordering::Relaxed) {
                        other.batch_execute("SELECT 1 FROM large WHERE id = 1 FOR UPDATE").unwrap();
                    }
                });
            }
            let run = run.run();
            over.store(true, Ordering::Relaxed);
            assert_says(&run.expect(0).stderr, &[" sessions want rows of its batches"]);
        });
        database.execute("UPDATE large SET word = NULL");
    }
}

#[test]
fn a_role_that_may_not_see_locks_fills_all_the_same() {
    let Some(database) = TestDatabase::new("batches_blind") else { return };
    if !database.url().contains("postgres@") {
        return say_left_out("the server's role is not postgres");
    }
    let role = format!("{}_blind", database.name());
    database.execute(&large_without_words());
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; ALTER TABLE large OWNER TO {role}; REVOKE SELECT ON pg_locks FROM PUBLIC;
         GRANT CREATE ON DATABASE {} TO {role};",
        database.name()
    ));
    let url = database.url().replacen("postgres@", &format!("{role}@"), 1);
    let scripts = Scripts::one(BACKFILL);
    let run = scripts.command(&["run"]).env("DATABASE_URL", &url).run();
    let left = database.value("SELECT count(*) FROM large WHERE word IS NULL");
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    run.expect(0);
    assert_eq!(left.as_deref(), Some("0"));
}

#[test]
fn an_archive_that_does_not_keep_up_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    // The server looks into it as another user.
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let stop = directory.path().join("stop");
    let command = format!("test ! -e {}", stop.display());
    let Some(cluster) = start_cluster(|options| {
        options
            .setting("wal_level", "replica")
            .setting("archive_mode", "on")
            .setting("archive_command", &command)
            .setting("max_wal_size", "64MB")
    }) else {
        return say_not_run("no server binaries");
    };
    let url = cluster.url("postgres");
    execute(&url, "CREATE TABLE a (); SELECT pg_switch_wal();");
    let archived = |condition: &str| {
        let sql = format!("SELECT count(*) FROM pg_stat_archiver WHERE {condition}");
        wait_for(condition, || rows(&url, &sql)[0][0].as_deref() == Some("1"));
    };
    archived("archived_count > 0");
    fs::write(&stop, "").unwrap();
    execute(
        &url,
        &format!(
            "{} ALTER TABLE large ALTER word SET STORAGE EXTERNAL, ALTER word TYPE text USING repeat('x', 1300), ADD note text;",
            large_table("large")
        ),
    );
    archived("failed_count > 0");
    let scripts = Scripts::one("UPDATE large SET note = 'none' WHERE note IS NULL;");
    let mut run = scripts.command(&["run"]).env("DATABASE_URL", &url).spawn();
    wait_for("the run to look again", || {
        let seen = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'hrms-migrate%' AND query LIKE '%pg_stat_replication%'
                    AND backend_start < now() - interval '3 s'";
        rows(&url, seen)[0][0].as_deref() == Some("1")
    });
    assert!(run.is_running());
    fs::remove_file(&stop).unwrap();
    execute(&url, "SELECT pg_switch_wal()");
    let run = run.wait().expect(0);
    assert_says(&run.stderr, &["waits: ", " MB of WAL are not archived yet"]);
    assert_eq!(rows(&url, "SELECT count(*) FROM large WHERE note IS NULL")[0][0].as_deref(), Some("0"));
}
