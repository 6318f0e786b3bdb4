//! Partitioned tables: what is made in each partition beside writers.

use diesel::connection::SimpleConnection;

use crate::{
    kill::killed_everywhere,
    support::TestDatabase,
    tools::{Scripts, assert_clean, assert_says, in_transaction, wait_for_lock_wait, wait_for_statement},
};

/// A partitioned table on two levels that the statistics say is large.
const LARGE: &str = "CREATE TABLE kinds (c integer PRIMARY KEY);
INSERT INTO kinds SELECT generate_series(0, 9);
CREATE TABLE p (id integer, d date NOT NULL, c integer, w text) PARTITION BY RANGE (d);
CREATE TABLE p_old PARTITION OF p FOR VALUES FROM ('2020-01-01') TO ('2021-01-01') WITH (autovacuum_enabled = off);
CREATE TABLE p_new PARTITION OF p FOR VALUES FROM ('2021-01-01') TO ('2022-01-01') PARTITION BY RANGE (d);
CREATE TABLE p_new_first PARTITION OF p_new FOR VALUES FROM ('2021-01-01') TO ('2021-02-01') WITH (autovacuum_enabled = off);
CREATE TABLE p_new_rest PARTITION OF p_new DEFAULT WITH (autovacuum_enabled = off);
INSERT INTO p SELECT n, date '2020-12-01' + n, n % 10, 'w' || n FROM generate_series(1, 200) AS n;
UPDATE pg_class SET relpages = 900, reltuples = 20000 WHERE relname IN ('p_old', 'p_new_first', 'p_new_rest');
";

/// Every form that a partitioned table has.
fn forms() -> Scripts {
    Scripts::one(
        "CREATE INDEX IF NOT EXISTS p_w ON p (w);
CREATE UNIQUE INDEX IF NOT EXISTS p_id ON p (id, d);
CREATE INDEX ON p (lower(w)) WHERE c > 0;
ALTER TABLE p ADD CONSTRAINT p_unique UNIQUE (d, w);
ALTER TABLE p ADD PRIMARY KEY (id, d);
ALTER TABLE p ADD CONSTRAINT p_kind FOREIGN KEY (c) REFERENCES kinds ON DELETE CASCADE;
ALTER TABLE p ADD CONSTRAINT worded CHECK (w <> '');
ALTER TABLE p ALTER COLUMN c SET NOT NULL;
",
    )
}

/// Asserts that everything of the table is complete, and each part belongs to its whole.
fn assert_whole(database: &TestDatabase) {
    let open = "SELECT count(*) FROM pg_index WHERE NOT indisvalid";
    assert_eq!(database.value(open).as_deref(), Some("0"), "an index is left invalid");
    let apart = "SELECT string_agg(i.indexrelid::regclass::text, ', ') FROM pg_index i \
         WHERE i.indrelid IN (SELECT relid FROM pg_partition_tree('p') WHERE level > 0) AND NOT EXISTS \
         (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)";
    assert_eq!(database.value(apart), None, "an index belongs to no index of its parent");
    let keys = "SELECT count(*) FROM pg_constraint WHERE conrelid IN \
         (SELECT relid FROM pg_partition_tree('p')) AND (NOT convalidated OR contype = 'f' AND conrelid <> 'p'::regclass \
         AND conparentid = 0)";
    assert_eq!(database.value(keys).as_deref(), Some("0"), "a key was not taken over");
    assert_clean(database);
}

#[test]
fn a_partitioned_table_gets_everything_beside_writers() {
    let Some(database) = TestDatabase::new("partitioned") else { return };
    database.execute(LARGE);
    let scripts = forms();
    let plan = scripts.command(&["plan", "-v"]).database(&database).run().expect(0);
    let waits: Vec<&str> = plan.stdout.lines().filter(|line| line.trim_start().starts_with("plain (")).collect();
    assert!(waits.is_empty(), "{waits:?}");
    scripts.run(&database).expect(0);
    assert_whole(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_run_on_partitions_killed_at_any_statement_is_finished_by_the_next() {
    let scripts = forms();
    killed_everywhere("killed_partitions", &|database| database.execute(LARGE), &|| scripts.command(&["run"]), 5);
}

#[test]
fn a_partition_attached_meanwhile_gets_its_part() {
    let Some(database) = TestDatabase::new("attached_meanwhile") else { return };
    database.execute(LARGE);
    let scripts = Scripts::one("CREATE INDEX p_w ON p (w);");
    // The first build waits for it.
    let mut writer = in_transaction(&database, "INSERT INTO p_new_first VALUES (0, '2021-01-01', 0, 'x')");
    let run = scripts.on(&database).spawn();
    wait_for_statement(&database, "CREATE INDEX CONCURRENTLY%");
    wait_for_lock_wait(&database);
    database.execute(
        "CREATE TABLE p_later (id integer, d date NOT NULL, c integer, w text);
         INSERT INTO p_later VALUES (1, '2022-01-01', 1, 'y');
         ALTER TABLE p ATTACH PARTITION p_later FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')",
    );
    writer.batch_execute("COMMIT").unwrap();
    run.wait().expect(0);
    assert_whole(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn duplicates_in_one_partition_leave_the_others_and_nothing_invalid_there() {
    let Some(database) = TestDatabase::new("partition_duplicates") else { return };
    database.execute(LARGE);
    let scripts = Scripts::one("CREATE UNIQUE INDEX p_id ON p (id, d);");
    let mut writer = in_transaction(&database, "INSERT INTO p_new_rest SELECT * FROM p_new_rest LIMIT 1");
    let run = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    writer.batch_execute("COMMIT").unwrap();
    let run = run.wait().expect(1);
    assert_says(&run.stderr, &["error[", "p_new_rest", "010_test.sql:1:"]);
    let invalid = "SELECT string_agg(indexrelid::regclass::text, ' ' ORDER BY 1) FROM \
         (SELECT indexrelid::regclass::text COLLATE \"C\" AS indexrelid FROM pg_index WHERE NOT indisvalid) i";
    assert_eq!(database.value(invalid).as_deref(), Some("p_id p_new_id_d_idx"), "only those that wait for others");
    let built = database.value("SELECT 'p_old_id_d_idx'::regclass::oid");
    database.execute("DELETE FROM p_new_rest WHERE ctid = (SELECT max(ctid) FROM p_new_rest)");
    scripts.run(&database).expect(0);
    assert_eq!(database.value("SELECT 'p_old_id_d_idx'::regclass::oid"), built, "what was built is kept");
    assert_whole(&database);
}

#[test]
fn a_large_table_with_a_foreign_partition_is_refused_and_may_be_allowed() {
    let Some(database) = TestDatabase::new("foreign_partition") else { return };
    database.execute(LARGE);
    database.execute(
        "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
         CREATE FOREIGN TABLE p_far PARTITION OF p FOR VALUES FROM ('2030-01-01') TO ('2031-01-01') SERVER far;
         UPDATE pg_class SET relpages = 2000 WHERE relname IN ('p_old', 'p_new_first', 'p_new_rest')",
    );
    let scripts = Scripts::one("CREATE INDEX p_w ON p (w);");
    let plan = scripts.command(&["plan"]).database(&database).run().expect(4);
    assert_says(&plan.stderr, &["error[hazard-not-allowed]", "p_far is a foreign table", "allow blocking-lock"]);
    let allowed = Scripts::one("-- ensure:allow blocking-lock\nCREATE INDEX p_w ON p (w);");
    let plan = allowed.command(&["plan", "-v"]).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["plain (", "not beside writers: partition public.p_far is a foreign"]);
    allowed.run(&database).expect(0);
    allowed.assert_nothing_left(&database);
}

#[test]
fn what_was_left_invalid_in_a_partition_and_then_taken_over_is_built_anew() {
    let Some(database) = TestDatabase::new("partition_broken") else { return };
    if database.server().major_version() < 14 {
        // That server does not look again whether an index is complete by now.
        return;
    }
    database.execute(LARGE);
    // CREATE INDEX takes the leftover for its own, and is invalid itself.
    database.execute("CREATE INDEX p_old_w_idx ON p_old (w)");
    database.execute("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'p_old_w_idx'::regclass");
    database.execute("CREATE INDEX p_w ON p (w)");
    let scripts = Scripts::one("CREATE INDEX p_w ON p (w);");
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stdout, &["p_old_w_idx on public.p_old (invalid, left by an interrupted build)"]);
    assert_whole(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn an_index_whose_last_open_partition_was_detached_is_completed() {
    let Some(database) = TestDatabase::new("partition_detached") else { return };
    if database.server().major_version() < 14 {
        return;
    }
    database.execute(LARGE);
    database.execute(
        "CREATE INDEX p_w ON ONLY p (w);
         CREATE INDEX p_old_w_idx ON p_old (w); ALTER INDEX p_w ATTACH PARTITION p_old_w_idx;
         ALTER TABLE p DETACH PARTITION p_new",
    );
    let scripts = Scripts::one("CREATE INDEX p_w ON p (w);");
    scripts.run(&database).expect(0);
    assert_whole(&database);
    scripts.assert_nothing_left(&database);
    database.execute("DROP INDEX p_w; CREATE INDEX p_w ON ONLY p (w); ALTER TABLE p DETACH PARTITION p_old");
    scripts.run(&database).expect(0);
    assert_whole(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn rows_of_a_large_partitioned_table_are_filled_in_batches() {
    let Some(database) = TestDatabase::new("partitions_batches") else { return };
    database.execute(LARGE);
    database.execute(
        // Before 14 batches go by the primary key.
        "INSERT INTO p SELECT 1000 + n, date '2020-12-01' + n % 200, n % 10, 'w' || n FROM generate_series(1, 20000) AS n;
         ALTER TABLE p ADD PRIMARY KEY (id, d);
         UPDATE p SET w = NULL WHERE id % 2 = 0;
         UPDATE pg_class SET relpages = 900, reltuples = 20000 WHERE relname IN ('p_old', 'p_new_first', 'p_new_rest')",
    );
    // One that moves rows to another partition, and one that does not.
    let scripts = Scripts::one(
        "-- ensure:batch 2000
UPDATE p SET w = 'none' WHERE w IS NULL;
UPDATE p SET d = '2020-12-31' WHERE d = '2021-01-10';
",
    );
    let plan = scripts.command(&["plan", "-v"]).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["in batches", "from 2 000 pages or"]);
    scripts.run(&database).expect(0);
    let left = "SELECT count(*) FROM p WHERE w IS NULL OR d = '2021-01-10'";
    assert_eq!(database.value(left).as_deref(), Some("0"));
    assert_eq!(database.value("SELECT count(*) FROM p").as_deref(), Some("20200"));
    let transactions = database.value("SELECT count(DISTINCT xmin::text) FROM p WHERE w = 'none'").unwrap();
    assert!(transactions.parse::<u32>().unwrap() > 4, "{transactions}");
    scripts.assert_nothing_left(&database);
}
