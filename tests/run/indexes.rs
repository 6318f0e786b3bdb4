//! Index builds on tables that count as large.

use diesel::connection::SimpleConnection;

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_clean, assert_says, in_transaction, large_table, wait_for_lock_wait, wait_for_query},
};

#[test]
fn an_index_on_a_large_table_is_built_concurrently() {
    let Some(database) = TestDatabase::new("concurrently") else { return };
    database.execute(&large_table("large"));
    let scripts =
        Scripts::one("CREATE INDEX large_word ON large (word);\nCREATE UNIQUE INDEX large_code ON large (code);\n");
    let plan = scripts.command(&["plan"]).arg("-v").database(&database).run().expect(0);
    assert_says(&plan.stdout, &["CREATE INDEX CONCURRENTLY", "CREATE UNIQUE INDEX CONCURRENTLY"]);
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stdout, &["index large_word on public.large", "online"]);
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_table_of_many_pages_counts_as_large() {
    let Some(database) = TestDatabase::new("pages") else { return };
    database.execute(
        "CREATE TABLE wide (id integer, word text) WITH (fillfactor = 10);
         ALTER TABLE wide ALTER word SET STORAGE PLAIN;
         INSERT INTO wide SELECT n, repeat('x', 4000) FROM generate_series(1, 2100) n",
    );
    let scripts = Scripts::one("CREATE INDEX wide_id ON wide (id);");
    let plan = scripts.command(&["plan", "-v"]).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["CREATE INDEX CONCURRENTLY"]);
}

#[test]
fn an_index_on_a_small_table_is_built_plainly() {
    let Some(database) = TestDatabase::new("plainly") else { return };
    database.execute("CREATE TABLE small (id integer)");
    let scripts = Scripts::one("CREATE INDEX small_id ON small (id);");
    let plan = scripts.command(&["plan", "-v"]).database(&database).run().expect(0);
    assert!(!plan.stdout.contains("CONCURRENTLY"), "{}", plan.stdout);
}

#[test]
fn duplicates_refuse_a_unique_index_before_anything_is_changed() {
    let Some(database) = TestDatabase::new("duplicates") else { return };
    database.execute(&large_table("large"));
    database.execute("UPDATE large SET code = 17 WHERE id IN (18, 19)");
    let before = database.catalog("public");
    let scripts = Scripts::none()
        .and("010_first.sql", "CREATE TABLE first (id integer);")
        .and("020_second.sql", "CREATE UNIQUE INDEX large_code ON large (code);");
    let run = scripts.run(&database).expect(4);
    assert_says(&run.stderr, &["error[duplicate-rows]", "large_code", "020_second.sql:1:1"]);
    assert_eq!(database.catalog("public"), before, "not even the first script was carried out");
    database.execute("UPDATE large SET code = id");
    scripts.run(&database).expect(0);
    assert_clean(&database);
}

#[test]
fn an_invalid_leftover_is_dropped_and_built_again() {
    let Some(database) = TestDatabase::new("leftover") else { return };
    database.execute(&large_table("large"));
    database.execute("UPDATE large SET code = 17 WHERE id = 18");
    let mut connection = database.connect();
    assert!(connection.batch_execute("CREATE UNIQUE INDEX CONCURRENTLY large_code ON large (code)").is_err());
    database.execute("UPDATE large SET code = id");
    let scripts = Scripts::one("CREATE UNIQUE INDEX IF NOT EXISTS large_code ON large (code);");
    let run = scripts.run(&database).expect(0);
    assert_says(&run.stdout, &["- ", "large_code", "online"]);
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_duplicate_that_comes_during_the_build_fails_it_and_leaves_no_invalid_index() {
    let Some(database) = TestDatabase::new("meanwhile") else { return };
    database.execute(&large_table("large"));
    let scripts = Scripts::one("CREATE UNIQUE INDEX large_code ON large (code);");
    // Not committed while the preflight looks, committed while the build waits for it.
    let mut writer = in_transaction(&database, "INSERT INTO large VALUES (0, 17, '')");
    let run = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    writer.batch_execute("COMMIT").unwrap();
    let run = run.wait().expect(1);
    assert_says(&run.stderr, &["error[", "large_code", "010_test.sql:1:"]);
    assert_clean(&database);
    database.execute("DELETE FROM large WHERE id = 0");
    scripts.run(&database).expect(0);
    assert_clean(&database);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_build_cancelled_by_the_administrator_leaves_no_invalid_index() {
    let Some(database) = TestDatabase::new("cancelled_build") else { return };
    database.execute(&large_table("large"));
    let scripts = Scripts::one("CREATE INDEX large_word ON large (word);");
    let mut writer = in_transaction(&database, "INSERT INTO large VALUES (0, 0, '')");
    let run = scripts.on(&database).spawn();
    wait_for_lock_wait(&database);
    database.execute(
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
         AND query LIKE 'CREATE INDEX CONCURRENTLY%' AND pid <> pg_backend_pid()",
    );
    writer.batch_execute("ROLLBACK").unwrap();
    run.wait().expect(1);
    assert_clean(&database);
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn an_index_that_is_to_be_replaced_is_one_difference() {
    let Some(database) = TestDatabase::new("one_difference") else { return };
    database.execute("CREATE TABLE small (id integer, word text); CREATE INDEX small_i ON small (word)");
    let scripts = Scripts::one("-- ensure:allow drop\nCREATE INDEX small_i ON small (id);\n");
    let run = scripts.command(&["verify"]).database(&database).run().expect(3);
    assert_eq!(run.stderr.matches("error[").count(), 1, "{}", run.stderr);
    assert_says(&run.stderr, &["index small_i on public.small"]);
    assert!(!run.stderr.contains("__hm"), "{}", run.stderr);
    scripts.run(&database).expect(0);
    scripts.command(&["verify"]).database(&database).run().expect(0);
}

#[test]
fn who_holds_up_a_build_is_named_while_it_waits() {
    let Some(database) = TestDatabase::new("held_up_build") else { return };
    database.execute(&large_table("large"));
    let scripts = Scripts::one("CREATE INDEX large_code ON large (code);");
    let mut writer = in_transaction(&database, "UPDATE large SET code = -1 WHERE id = 1");
    let run = scripts.on(&database).spawn();
    wait_for_query(
        &database,
        "SELECT count(*) = 1 AS it FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'hrms-migrate%'
         AND query LIKE '%pg_stat_progress_create_index p%' AND state = 'idle'",
    );
    writer.batch_execute("COMMIT").unwrap();
    let run = run.wait().expect(0);
    assert_says(
        &run.stderr,
        &["waiting for writers before build", "waits for session ", "(\"payroll\"), idle in transaction"],
    );
    scripts.assert_nothing_left(&database);
}
