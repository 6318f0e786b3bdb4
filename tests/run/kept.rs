//! Old values of backfills: kept where the script asks for it, brought back by a rollback, dropped when they have expired.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use diesel::connection::SimpleConnection;

use crate::{
    support::{CliBuilder, TestDatabase, psql},
    tools::{Scripts, assert_says, in_transaction, kill, large_table, wait_for_lock_wait},
};

/// A backfill that leaves no word as it was.
const BACKFILL: &str = "UPDATE large SET word = 'none' WHERE word IS DISTINCT FROM 'none';";

fn rollback(scripts: &Scripts, arguments: &[&str]) -> CliBuilder {
    scripts.command(&[&["rollback"][..], arguments].concat())
}

/// Returns the tables that keep old values.
fn places(database: &TestDatabase) -> Vec<String> {
    let sql = "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relname ~ '^old_[0-9a-f]{12}$' ORDER BY 1";
    database.rows(sql).into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
}

fn words(database: &TestDatabase) -> Option<String> {
    database.value("SELECT md5(string_agg(concat_ws('|', id, code, word), ',' ORDER BY id)) FROM large")
}

#[test]
fn what_was_in_the_rows_comes_back_whatever_its_type_and_name() {
    let Some(database) = TestDatabase::new("kept") else { return };
    database.execute(
        "CREATE TYPE mood AS ENUM ('good', 'bad');
         CREATE DOMAIN short AS varchar(20);
         CREATE TABLE \"My people\" (
             \"Id\" integer, kind mood, \"A word\" text, n numeric, j json, s short, at timestamptz, \"float\" float8, moods mood[],
             PRIMARY KEY (\"Id\", kind)
         );
         INSERT INTO \"My people\" SELECT n, CASE n % 2 WHEN 0 THEN 'good' ELSE 'bad' END::mood, CASE n % 3 WHEN 0 THEN NULL ELSE
             'word ' || n END, n / 7.0, json_build_object('n', n), 's' || n, now() + n * interval '1 s', n / 3.0, ARRAY['bad'::mood]
             FROM generate_series(1, 40) n;
         CREATE FUNCTION upper_word() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN NEW.\"A word\" := upper(NEW.\"A word\"); RETURN NEW; END $$;
         CREATE TRIGGER upper_word BEFORE UPDATE ON \"My people\" FOR EACH ROW WHEN (NEW.\"A word\" = 'done')
             EXECUTE FUNCTION upper_word();",
    );
    let rows = || database.value("SELECT md5(string_agg(p::text, E'\\n' ORDER BY p.\"Id\")) FROM \"My people\" p");
    let before = rows();
    // The trigger leaves another word than the one that is written.
    let scripts = Scripts::one(
        "-- ensure:keep-old
         UPDATE \"My people\" AS p SET n = p.n + 1, j = '{}', \"A word\" = 'done', s = 'x', at = now(), \"float\" = 0.1,
             moods = ARRAY['good'::mood, 'bad'] -- all of them
         WHERE s IS DISTINCT FROM 'x' -- the rest
         ;",
    );
    scripts.run(&database).expect(0);
    assert_eq!(
        database.value("SELECT string_agg(DISTINCT \"A word\", ',') FROM \"My people\"").as_deref(),
        Some("DONE")
    );
    scripts.assert_nothing_left(&database);
    assert_eq!(places(&database).len(), 1);
    let dry = rollback(&scripts, &["--dry-run"]).database(&database).run().expect(0);
    assert!(!dry.stderr.contains("keep-old"), "{}", dry.stderr);
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(rows(), before);
    assert_eq!(places(&database), Vec::<String>::new(), "what is brought back is no longer kept");
    // And once more.
    scripts.run(&database).expect(0);
    assert_ne!(rows(), before);
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(rows(), before);
}

#[test]
fn rows_that_were_changed_since_stay_and_are_counted() {
    let Some(database) = TestDatabase::new("kept_changed") else { return };
    database.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, a text, b integer);
         INSERT INTO t SELECT n, NULL, n FROM generate_series(1, 10) n",
    );
    let scripts = Scripts::one("-- ensure:keep-old\nUPDATE t SET a = 'x', b = 0 WHERE a IS NULL;");
    scripts.run(&database).expect(0);
    database.execute("UPDATE t SET a = 'y' WHERE id = 1; UPDATE t SET b = 7 WHERE id = 2; DELETE FROM t WHERE id = 3");
    let run = rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_says(&run.stderr, &["note[keep-old]: 3 rows of public.t will stay as they are"]);
    let found = database.value("SELECT string_agg(concat_ws('|', id, a, b), ' ' ORDER BY id) FROM t");
    assert_eq!(found.as_deref(), Some("1|y|0 2|x|7 4|4 5|5 6|6 7|7 8|8 9|9 10|10"));
}

#[test]
fn each_run_takes_back_what_it_filled_itself() {
    let Some(database) = TestDatabase::new("kept_runs") else { return };
    database.execute(
        "CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t SELECT n, 'a' || n FROM generate_series(1, 3) n",
    );
    let scripts = Scripts::one("-- ensure:keep-old\nUPDATE t SET a = 'x' WHERE a IS DISTINCT FROM 'x';");
    let found = || database.value("SELECT string_agg(a, ' ' ORDER BY id) FROM t").unwrap();
    scripts.run(&database).expect(0);
    database.execute("UPDATE t SET a = 'later' WHERE id = 2; INSERT INTO t VALUES (4, 'new')");
    scripts.run(&database).expect(0);
    assert_eq!(found(), "x x x x");
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(found(), "x later x new", "the first run's rows are not the second's");
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(found(), "a1 later a3 new");
}

#[test]
fn batches_beside_a_writer_keep_exactly_what_they_replace() {
    let Some(database) = TestDatabase::new("kept_batches") else { return };
    database.execute(&large_table("large"));
    database.execute(
        "CREATE TABLE ledger (n bigserial, id integer, old text, new text);
         CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO ledger (id, old, new) VALUES (NEW.id, OLD.word, NEW.word); RETURN NEW; END $$;
         CREATE TRIGGER note BEFORE UPDATE ON large FOR EACH ROW EXECUTE FUNCTION note();",
    );
    let scripts = Scripts::one(format!("-- ensure:batch 2_000\n-- ensure:keep-old\n{BACKFILL}"));
    let plan = scripts.command(&["plan"]).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["for old values of public.large", "in batches"]);
    let ends = AtomicBool::new(false);
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut connection = database.connect();
            let mut written = 0;
            // Rows all over the table, each a little ahead of the batches or behind them.
            while !ends.load(Ordering::SeqCst) && written < 2_000 {
                written += 1;
                let id = written * 7_919 % 60_000 + 1;
                connection
                    .batch_execute(&format!("UPDATE large SET word = 'w{written}', code = code + 1 WHERE id = {id}"))
                    .unwrap();
            }
        });
        scripts.run(&database).expect(0);
        ends.store(true, Ordering::SeqCst);
        writer.join().unwrap();
    });
    let place = places(&database).remove(0);
    let wrong = format!(
        "SELECT count(*) FROM (SELECT DISTINCT ON (id) id, old FROM ledger WHERE new = 'none' ORDER BY id, n DESC) l FULL JOIN \
         {place} k ON k.key_1 = l.id WHERE k.old_1 IS DISTINCT FROM l.old OR l.id IS NULL OR k.key_1 IS NULL"
    );
    assert_eq!(database.value(&wrong).as_deref(), Some("0"));
    database.execute("DROP TRIGGER note ON large");
    let filled = "SELECT count(*) FROM large WHERE word = 'none'";
    assert_ne!(database.value(filled).as_deref(), Some("0"));
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(database.value(filled).as_deref(), Some("0"));
    // Every row holds what its writer wrote last.
    let lost = "SELECT count(*) FROM large l WHERE l.word IS DISTINCT FROM coalesce((SELECT e.new FROM ledger e WHERE e.id = l.id AND \
                e.new <> 'none' ORDER BY e.n DESC LIMIT 1), 'word ' || l.id)";
    database.execute("CREATE INDEX ON ledger (id)");
    assert_eq!(database.value(lost).as_deref(), Some("0"));
}

#[test]
fn a_fill_that_was_killed_and_gone_on_with_comes_back_as_a_whole() {
    let Some(database) = TestDatabase::new("kept_killed") else { return };
    database.execute(&large_table("large"));
    let before = words(&database);
    let scripts = Scripts::one(format!("-- ensure:keep-old\n-- ensure:batch 5_000\n{BACKFILL}"));
    let mut writer = in_transaction(&database, "SELECT FROM large WHERE id = 30000 FOR UPDATE");
    let killed = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    kill(killed);
    writer.batch_execute("COMMIT").unwrap();
    let left = database.value("SELECT count(*) FROM large WHERE word <> 'none'").unwrap().parse::<u32>().unwrap();
    assert!((30_000..=40_000).contains(&left), "{left}");
    let middle = words(&database);
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT count(*) FROM large WHERE word <> 'none'").as_deref(), Some("0"));
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(words(&database), middle, "the last run is taken back");
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(words(&database), before, "and then what the killed one did");
}

#[test]
fn many_rows_come_back_in_batches_beside_writers_and_a_killed_rollback_is_gone_on_with() {
    let Some(database) = TestDatabase::new("kept_returns") else { return };
    database.execute(&large_table("large"));
    let before = words(&database);
    let scripts = Scripts::one(format!("-- ensure:keep-old\n{BACKFILL}"));
    scripts.run(&database).expect(0);
    let large = ["--online-from", "1MB"];
    let dry = rollback(&scripts, &["--dry-run", "--online-from=1MB"]).database(&database).run().expect(0);
    assert_says(&dry.stdout, &["old values of public.large", "in batches"]);
    let filled = || database.value("SELECT count(*) FROM large WHERE word = 'none'").unwrap().parse::<u32>().unwrap();
    let place = places(&database).remove(0);
    let kept = || database.value(&format!("SELECT count(*) FROM {place}")).unwrap().parse::<u32>().unwrap();
    let mut writer = in_transaction(&database, "SELECT FROM large WHERE id = 40000 FOR UPDATE");
    let killed = rollback(&scripts, &large).database(&database).spawn();
    wait_for_lock_wait(&database);
    // Those before are committed, and nobody waits for them.
    assert!((1_000..60_000).contains(&filled()), "{}", filled());
    assert_eq!(kept(), filled());
    database.execute("SET lock_timeout = '1s'; UPDATE large SET code = -1 WHERE id = 1");
    kill(killed);
    writer.batch_execute("COMMIT").unwrap();
    rollback(&scripts, &large).database(&database).run().expect(0);
    database.execute("UPDATE large SET code = 1 WHERE id = 1");
    assert_eq!(words(&database), before);
    assert_eq!(places(&database), Vec::<String>::new());
    // In one transaction it comes back at once.
    scripts.run(&database).expect(0);
    rollback(&scripts, &["--atomic"]).database(&database).run().expect(0);
    assert_eq!(words(&database), before);
}

#[test]
fn partitions_keep_their_rows_in_one_place() {
    let Some(database) = TestDatabase::new("kept_partitions") else { return };
    database.execute(
        "CREATE TABLE large (id integer, code integer, word text, PRIMARY KEY (code, id)) PARTITION BY LIST (code);
         CREATE TABLE large_0 PARTITION OF large FOR VALUES IN (0);
         CREATE TABLE large_1 PARTITION OF large FOR VALUES IN (1);
         CREATE TABLE large_2 PARTITION OF large DEFAULT;
         INSERT INTO large SELECT n, n % 3, 'word ' || n FROM generate_series(1, 60000) n; ANALYZE large;",
    );
    let before = words(&database);
    let scripts = Scripts::one(format!("-- ensure:keep-old\n{BACKFILL}"));
    scripts.run(&database).expect(0);
    let place = places(&database).remove(0);
    assert_eq!(database.value(&format!("SELECT count(*) FROM {place}")).as_deref(), Some("60000"));
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(words(&database), before);
}

#[test]
fn what_has_expired_is_dropped_and_said_not_to_come_back() {
    let Some(database) = TestDatabase::new("kept_expired") else { return };
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, NULL)");
    let scripts = Scripts::one(
        "-- ensure:keep-old\nUPDATE t SET a = 'x' WHERE a IS NULL;\nALTER TABLE t ADD COLUMN IF NOT EXISTS b integer;",
    );
    scripts.run(&database).expect(0);
    scripts.write("020_more.sql", "CREATE TABLE IF NOT EXISTS u (id integer);");
    // What only looks drops nothing, and so does a run with nothing to do.
    scripts.command(&["plan", "--keep-old-for", "0"]).database(&database).run().expect(0);
    scripts.command(&["rollback", "--dry-run", "--keep-old-for", "0"]).database(&database).run().expect(0);
    scripts.command(&["run", "--to", "010", "--keep-old-for", "0"]).database(&database).run().expect(0);
    assert_eq!(places(&database).len(), 1);
    let kept = scripts.command(&["run", "--keep-old-for", "1d"]).database(&database).run().expect(0);
    assert!(!kept.stderr.contains("keep-old"), "{}", kept.stderr);
    for command in ["status", "history"] {
        let told = scripts.command(&[command, "--keep-old-for", "1d"]).database(&database).run().expect(0);
        assert_says(&told.stdout, &["old values of public.t:", "kB in hrms_migrate.old_", "kept until 20"]);
    }
    scripts.write("030_more.sql", "CREATE TABLE IF NOT EXISTS v (id integer);");
    let dropped = scripts.command(&["run", "--keep-old-for", "0"]).database(&database).run().expect(0);
    assert_says(&dropped.stderr, &["note[keep-old]: old values of public.t were kept for long enough"]);
    assert_eq!(places(&database), Vec::<String>::new());
    let history = scripts.command(&["history"]).database(&database).run().expect(0);
    assert!(!history.stdout.contains("old values"), "{}", history.stdout);
    let refused = rollback(&scripts, &["--run", "1"]).database(&database).run().expect(4);
    assert_says(&refused.stderr, &["error[not-returnable]", "rows of public.t", "expired on 20"]);
    let rest = rollback(&scripts, &["--run", "1", "--allow", "data-loss"]).database(&database).run().expect(0);
    assert_says(&rest.stderr, &["warning[not-returnable]"]);
    assert_eq!(database.value("SELECT a FROM t").as_deref(), Some("x"));
    let column = "SELECT count(*) FROM information_schema.columns WHERE table_name = 't' AND column_name = 'b'";
    assert_eq!(database.value(column).as_deref(), Some("0"));
}

#[test]
fn no_more_is_kept_than_may_be() {
    let Some(database) = TestDatabase::new("kept_limit") else { return };
    database.execute(&large_table("large"));
    database.execute("CREATE TABLE small (id integer PRIMARY KEY, a text); INSERT INTO small VALUES (1, NULL)");
    let before = words(&database);
    let small = "-- ensure:keep-old\nUPDATE small SET a = 'x' WHERE a IS NULL;";
    let scripts = Scripts::one(small);
    let run = scripts.command(&["run", "--keep-old-limit", "0"]).database(&database).run().expect(8);
    assert_says(&run.stderr, &["error[keep-old]", "rows of public.small", "the statement was undone"]);
    assert_eq!(database.value("SELECT a IS NULL FROM small").as_deref(), Some("true"));
    let scripts = Scripts::one(format!("-- ensure:batch 5_000\n-- ensure:keep-old\n{BACKFILL}"));
    let run = scripts.command(&["run", "--keep-old-limit", "2MB"]).database(&database).run().expect(8);
    assert_says(
        &run.stderr,
        &["error[keep-old]", "rows of public.large", "the batches before stay", "--keep-old-limit"],
    );
    let done = database.value("SELECT count(*) FROM large WHERE word = 'none'").unwrap().parse::<u32>().unwrap();
    assert!((5_000..60_000).contains(&done), "{done}");
    let place = places(&database).pop().unwrap();
    assert_eq!(database.value(&format!("SELECT count(*) FROM {place}")), Some(done.to_string()));
    scripts.run(&database).expect(0);
    rollback(&scripts, &["--to", "0"]).database(&database).run().expect(0);
    assert_eq!(words(&database), before);
}

#[test]
fn what_could_not_be_brought_back_is_refused_before_anything_is_sent() {
    let Some(database) = TestDatabase::new("kept_refused") else { return };
    database.execute(
        "CREATE TABLE bare (id integer, a text); INSERT INTO bare VALUES (1, NULL);
         CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, NULL), (2, NULL);",
    );
    for (statement, why) in [
        ("UPDATE bare SET a = 'x' WHERE a IS NULL", "no primary key"),
        ("UPDATE t SET id = 7, a = 'x' WHERE a IS NULL AND id = 1", "changes the key"),
        ("UPDATE t SET a = 'x' WHERE a IS NULL AND id IN (SELECT id FROM bare)", "was not read"),
        ("-- ensure:when SELECT true\nUPDATE t SET a = b.a FROM bare b WHERE b.id = t.id", "not read"),
    ] {
        let scripts =
            Scripts::one(format!("CREATE TABLE IF NOT EXISTS u (id integer);\n-- ensure:keep-old\n{statement};"));
        let refused = scripts.run(&database).expect(4);
        assert_says(&refused.stderr, &["error[not-supported]", "cannot be kept", why]);
        assert_eq!(database.value("SELECT to_regclass('u') IS NULL").as_deref(), Some("true"));
    }
}

#[test]
fn without_a_journal_nothing_is_kept() {
    let Some(database) = TestDatabase::new("kept_nowhere") else { return };
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, NULL)");
    let scripts = Scripts::one("-- ensure:keep-old\nUPDATE t SET a = 'x' WHERE a IS NULL;");
    scripts.command(&["run", "--no-journal"]).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT a FROM t").as_deref(), Some("x"));
    assert_eq!(database.value("SELECT to_regnamespace('hrms_migrate') IS NULL").as_deref(), Some("true"));
    // psql keeps no journal.
    database.execute("UPDATE t SET a = NULL");
    let sql = scripts.command(&["plan", "--sql"]).database(&database).run().expect(0).stdout;
    psql(&database, &sql).unwrap();
    assert_eq!(database.value("SELECT a FROM t").as_deref(), Some("x"));
}

#[test]
fn a_role_that_may_not_keep_what_the_script_asks_to_keep_changes_no_row() {
    let Some(database) = TestDatabase::new("kept_rights") else { return };
    let role = format!("{}_role", database.name());
    database.execute(&format!(
        "CREATE ROLE \"{role}\" LOGIN; CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, NULL);
         GRANT ALL ON t TO \"{role}\"; GRANT ALL ON SCHEMA public TO \"{role}\""
    ));
    let scripts = Scripts::none()
        .and("010_a.sql", "CREATE TABLE IF NOT EXISTS u (id integer);")
        .and("020_b.sql", "-- ensure:keep-old\nUPDATE t SET a = 'x' WHERE a IS NULL;");
    let refused = scripts.on(&database).env("PGOPTIONS", format!("-c role={role}")).run().expect(8);
    assert_says(&refused.stderr, &["error[keep-old]", "no journal to keep them", "020_b.sql"]);
    assert_eq!(database.value("SELECT a IS NULL FROM t").as_deref(), Some("true"));
    assert_eq!(database.value("SELECT to_regclass('u') IS NULL").as_deref(), Some("true"));
    // A journal that it may write, but in which it may make no table.
    Scripts::one("CREATE TABLE IF NOT EXISTS v (id integer);").run(&database).expect(0);
    database.execute(&format!(
        "GRANT USAGE ON SCHEMA hrms_migrate TO \"{role}\"; GRANT ALL ON ALL TABLES IN SCHEMA hrms_migrate TO \"{role}\""
    ));
    let refused = scripts.on(&database).env("PGOPTIONS", format!("-c role={role}")).run();
    assert_ne!(refused.status, 0);
    assert_says(&refused.stderr, &["permission denied for schema hrms_migrate", "020_b.sql"]);
    assert_eq!(database.value("SELECT a IS NULL FROM t").as_deref(), Some("true"));
    database.execute(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\""));
}

#[test]
fn one_transaction_for_all_keeps_too() {
    let Some(database) = TestDatabase::new("kept_atomic") else { return };
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, a text); INSERT INTO t VALUES (1, 'a')");
    let scripts = Scripts::one(
        "-- ensure:keep-old\nUPDATE t SET a = 'x' WHERE a IS DISTINCT FROM 'x';\n\
         -- ensure:keep-old\nUPDATE t SET a = 'y' WHERE a = 'z';",
    );
    scripts.command(&["run", "--atomic"]).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT a FROM t").as_deref(), Some("x"));
    rollback(&scripts, &[]).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT a FROM t").as_deref(), Some("a"));
}
