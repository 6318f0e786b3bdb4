//! Every exit code, each with the code of its message.

use std::net::TcpListener;

use crate::{
    support::{TestDatabase, cli, connect, execute, say_not_run, start_cluster},
    tools::{Scripts, Standby, assert_says},
};

#[test]
fn zero_when_done_and_when_nothing_is_to_be_done() {
    let Some(database) = TestDatabase::new("zero") else { return };
    let scripts = Scripts::one("CREATE TABLE t (id integer);");
    for command in ["run", "run", "plan", "verify"] {
        scripts.command(&[command]).database(&database).run().expect(0);
    }
    scripts.command(&["check"]).run().expect(0);
    cli(&["wait"]).database(&database).run().expect(0);
}

#[test]
fn one_when_the_server_refuses_a_statement() {
    let Some(database) = TestDatabase::new("one") else { return };
    let scripts = Scripts::none()
        .and("010_first.sql", "CREATE TABLE first (id integer);\n")
        .and("020_second.sql", "CREATE TABLE undone (id integer);\n\nCREATE TABLE second (id integer,\n    total integer DEFAULT nosuch(1));\n")
        .and("030_third.sql", "CREATE TABLE third (id integer);\n");
    let run = scripts.run(&database).expect(1);
    // The place is the server's own, in the script.
    assert_says(&run.stderr, &["error[statement-failed]", "020_second.sql:4:27", "nosuch", "done so far"]);
    let tables = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    assert_eq!(
        database.rows(tables),
        vec![vec![Some("first".to_owned())]],
        "the first script stays, the second is undone"
    );
    scripts.write(
        "020_second.sql",
        "CREATE TABLE undone (id integer);\nCREATE TABLE second (id integer, total integer);\n",
    );
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn two_when_a_plan_is_asked_for_its_exit_code_and_changes_are_pending() {
    let Some(database) = TestDatabase::new("two") else { return };
    let scripts = Scripts::one("CREATE TABLE t (id integer);");
    scripts.command(&["plan", "--exit-code"]).database(&database).run().expect(2);
    scripts.command(&["plan"]).database(&database).run().expect(0);
    scripts.run(&database).expect(0);
    scripts.command(&["plan", "--exit-code"]).database(&database).run().expect(0);
}

#[test]
fn three_when_the_database_is_not_as_declared() {
    let Some(database) = TestDatabase::new("three") else { return };
    let scripts = Scripts::one("CREATE TABLE t (id integer);\nCREATE INDEX t_id ON t (id);\n");
    let run = scripts.command(&["verify"]).database(&database).run().expect(3);
    assert_says(&run.stderr, &["error[verification-failed]", "010_test.sql:1:"]);
    scripts.run(&database).expect(0);
    database.execute("DROP INDEX t_id");
    let run = scripts.command(&["verify"]).database(&database).run().expect(3);
    assert_says(&run.stderr, &["error[verification-failed]", "t_id", "010_test.sql:2:"]);
}

#[test]
fn three_when_a_verify_query_returns_rows_and_they_are_not_shown() {
    let Some(database) = TestDatabase::new("three_rows") else { return };
    database
        .execute("CREATE TABLE t (id integer, word text); INSERT INTO t VALUES (1, 'SECRET-7f3a'), (2, 'SECRET-7f3a')");
    let scripts = Scripts::one(
        "CREATE INDEX t_id ON t (id);\n-- ensure:verify no word is secret\nSELECT * FROM t WHERE word LIKE 'SECRET%';\n",
    );
    for command in ["run", "verify"] {
        let run = scripts.command(&[command]).database(&database).run().expect(3);
        assert_says(&run.stderr, &["error[verify-query]", "2 rows", "no word is secret", "010_test.sql:3:1"]);
        assert!(!(run.stdout + &run.stderr).contains("7f3a"));
    }
}

#[test]
fn four_when_something_is_there_but_not_as_declared() {
    let Some(database) = TestDatabase::new("four") else { return };
    database.execute("CREATE TABLE t (id integer, word text); CREATE VIEW v AS SELECT 1");
    let before = database.catalog("public");
    let scripts = Scripts::one(
        "CREATE TABLE new (id integer);
ALTER TABLE t ADD COLUMN IF NOT EXISTS word integer;
CREATE TABLE IF NOT EXISTS v (id integer);
",
    );
    let run = scripts.run(&database).expect(4);
    assert_says(&run.stderr, &["error[type-conflict]", "010_test.sql:2:", "error[kind-conflict]", "010_test.sql:3:"]);
    // To `verify`, which refuses nothing, it is a difference.
    let verify = scripts.command(&["verify"]).database(&database).run().expect(3);
    assert_says(&verify.stderr, &["error[type-conflict]", "error[kind-conflict]"]);
    assert_eq!(database.catalog("public"), before);
}

#[test]
fn four_when_a_hazard_is_not_allowed() {
    let Some(database) = TestDatabase::new("four_hazard") else { return };
    database.execute("CREATE TABLE t (id integer, word text); INSERT INTO t VALUES (1, 'x')");
    let scripts = Scripts::one("ALTER TABLE t DROP COLUMN word;");
    let run = scripts.run(&database).expect(4);
    assert_says(&run.stderr, &["error[hazard-not-allowed]", "010_test.sql:1:"]);
    scripts.on(&database).arg("--allow=data-loss").arg("--allow=drop").run().expect(0);
    scripts.assert_nothing_left(&database);
}

// 5: locks.rs and concurrent.rs. 130 and 143: interrupt.rs. 64, 65, 66 and 78: tests/transcripts.

#[test]
fn six_when_the_server_cannot_be_reached() {
    let scripts = Scripts::one("CREATE TABLE t (id integer);");
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let empty = tempfile::tempdir().unwrap();
    let socket = format!("postgresql:///x?host={}", empty.path().display());
    for (url, code) in [
        (format!("postgresql://u:geheim@127.0.0.1:{port}/x"), "connection-refused"),
        ("postgresql://u:geheim@nowhere.invalid/x".to_owned(), "unknown-host"),
        (socket, "socket-missing"),
    ] {
        for command in ["run", "plan", "verify"] {
            let run = scripts.command(&[command]).env("DATABASE_URL", &url).run().expect(6);
            assert_says(&run.stderr, &[&format!("error[{code}]"), "help"]);
            assert!(!run.stderr.contains("geheim"), "{}", run.stderr);
        }
    }
}

#[test]
fn six_when_the_server_does_not_come_while_it_is_waited_for() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let run = cli(&["wait", "--wait=300ms"])
        .env("DATABASE_URL", format!("postgresql://u@127.0.0.1:{port}/x"))
        .run()
        .expect(6);
    assert_says(&run.stderr, &["error[connection-refused]"]);
}

#[test]
fn seven_when_role_database_or_right_is_missing() {
    let Some(database) = TestDatabase::new("seven") else { return };
    let role = format!("role_{:08x}", fastrand::u32(..));
    database.execute(&format!(
        "CREATE ROLE {role} LOGIN; REVOKE CREATE ON SCHEMA public FROM PUBLIC; CREATE TABLE t (id integer)"
    ));
    let url = database.url().to_owned();
    let as_role = |role: &str| url.replacen("postgres@", &format!("{role}@"), 1);
    let scripts = Scripts::one("CREATE TABLE new (id integer);\nALTER TABLE t ADD COLUMN word text;\n");
    let run = scripts.command(&["run"]).env("DATABASE_URL", as_role(&role)).run();
    database.execute(&format!("DROP ROLE {role}"));
    let run = run.expect(7);
    assert_says(
        &run.stderr,
        &[
            "error[permission-denied]",
            &format!("permission denied for schema public: role {role} lacks CREATE"),
            "error[not-owner]",
            "must be owner of table",
        ],
    );
    assert_eq!(database.value("SELECT to_regclass('new')"), None);
    let run = scripts.command(&["run"]).env("DATABASE_URL", as_role("nobody_at_all")).run().expect(7);
    assert_says(&run.stderr, &["error[role-missing]", "nobody_at_all"]);
    let run =
        scripts.command(&["run"]).env("DATABASE_URL", url.replace(database.name(), "no_such_database")).run().expect(7);
    assert_says(&run.stderr, &["error[database-missing]", "no_such_database"]);
}

#[test]
fn nine_when_the_database_takes_no_changes() {
    let Some(database) = TestDatabase::new("nine") else { return };
    let scripts = Scripts::one("CREATE TABLE t (id integer);");
    database.execute(&format!("ALTER DATABASE \"{}\" SET default_transaction_read_only = on", database.name()));
    let run = scripts.run(&database).expect(9);
    assert_says(&run.stderr, &["error[read-only-server]", "nothing was"]);
    // Looking is possible, and a run with nothing to do is too.
    scripts.command(&["plan", "--exit-code"]).database(&database).run().expect(2);
    execute(database.url(), "BEGIN READ WRITE; CREATE TABLE t (id integer); COMMIT");
    scripts.run(&database).expect(0);
}

#[test]
fn nine_on_a_standby() {
    let Some(mut primary) =
        start_cluster(|options| options.setting("wal_level", "replica").setting("max_wal_senders", "5"))
    else {
        return say_not_run("no server binaries");
    };
    let standby = Standby::of(&mut primary).expect("a copy of the primary's files follows it");
    let scripts = Scripts::one("CREATE TABLE t (id integer);");
    let run = scripts.command(&["run"]).env("DATABASE_URL", &standby.url).run().expect(9);
    assert_says(&run.stderr, &["error[standby]"]);
    scripts.command(&["plan", "--exit-code"]).env("DATABASE_URL", &standby.url).run().expect(2);
    // Of several hosts the primary is taken where that is asked for.
    let run = scripts.command(&["run"]).env("DATABASE_URL", format!("{}&target_session_attrs=read-write", standby.url));
    assert_says(&run.run().expect(9).stderr, &["error[standby]"]);
    let socket = primary.url("postgres").split("host=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let several = standby
        .url
        .replace(&format!("host={socket}"), &format!("host={socket},{socket}"))
        .replace("port=", &format!("target_session_attrs=read-write&port={},", primary.port()));
    scripts.command(&["run"]).env("DATABASE_URL", several).run().expect(0);
    crate::tools::wait_for("the standby to have the table", || {
        let rows = crate::support::rows(&standby.url, "SELECT to_regclass('t') IS NOT NULL");
        rows[0][0].as_deref() == Some("true")
    });
    scripts.command(&["run"]).env("DATABASE_URL", &standby.url).run().expect(0);
    scripts.command(&["verify"]).env("DATABASE_URL", &standby.url).run().expect(0);
}

#[test]
fn a_role_with_one_connection_is_told_that_no_other_is_free() {
    let Some(database) = TestDatabase::new("one_connection") else { return };
    if !database.url().contains("postgres@") {
        return;
    }
    let role = format!("single_{:08x}", fastrand::u32(..));
    database.execute(&format!("CREATE ROLE {role} LOGIN CONNECTION LIMIT 1; GRANT ALL ON SCHEMA public TO {role}"));
    let url = database.url().replacen("postgres@", &format!("{role}@"), 1);
    let scripts = Scripts::one("CREATE TABLE t (id integer);");
    let run = scripts.command(&["run"]).env("DATABASE_URL", &url).run();
    drop(connect(database.url()));
    database.execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
    let run = run.expect(6);
    assert_says(&run.stderr, &["error[too-many-connections]"]);
}

#[test]
fn six_when_the_connection_is_lost_while_verify_queries_are_asked() {
    let Some(database) = TestDatabase::new("lost_verifying") else { return };
    // It ends its own session, and that of the second attempt.
    let scripts = Scripts::one(
        "CREATE TABLE t (id integer);\n-- ensure:verify the server stays\nSELECT 1 WHERE pg_terminate_backend(pg_backend_pid());\n",
    );
    let run = scripts.run(&database).expect(6);
    assert_says(&run.stderr, &["error[connection-lost]", "`verify` queries", "1 step was carried out and stays"]);
    assert!(!run.stderr.contains("error[query-failed]"), "{}", run.stderr);
    scripts.command(&["verify"]).database(&database).run().expect(6);
}
