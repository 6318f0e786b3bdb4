//! What differs between the supported versions of the server, tried on the one at hand.

use diesel::connection::SimpleConnection as _;
use hrms_migrate::{
    script::{File, assemble},
    sql,
};

use crate::{
    support::{TestDatabase, rows_on},
    tools::{Scripts, assert_says},
};

/// Returns the version that a statement needs.
fn needed(statement: &str) -> Option<u32> {
    let file =
        File { path: "010_one.sql".to_owned(), name: "010_one.sql".to_owned(), bytes: statement.as_bytes().to_vec() };
    let scripts = assemble(Vec::new(), vec![file]).unwrap();
    let parsed = sql::parse(&scripts[0]).unwrap_or_else(|errors| panic!("{statement}: {errors:?}"));
    parsed.statements[0].since.as_deref().map(|since| since.major)
}

/// The first version that takes the statement, and the statement.
const NEW: &[(u32, &str)] = &[
    (
        14,
        "CREATE OR REPLACE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    ),
    (14, "CREATE FUNCTION one() RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT 1; END"),
    (14, "CREATE TABLE n1 (a text COMPRESSION pglz)"),
    (14, "ALTER TABLE t ALTER COLUMN note SET COMPRESSION pglz"),
    (14, "ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY"),
    (14, "CREATE TABLE n2 (spans datemultirange NOT NULL)"),
    (15, "ALTER TABLE t ADD CONSTRAINT t_u UNIQUE NULLS NOT DISTINCT (a)"),
    (15, "CREATE TABLE n3 (a integer UNIQUE NULLS NOT DISTINCT)"),
    (15, "CREATE UNIQUE INDEX ON t (a) NULLS NOT DISTINCT"),
    (15, "CREATE UNIQUE INDEX ON t (a) NULLS DISTINCT"),
    (15, "ALTER TABLE t ADD FOREIGN KEY (a, b) REFERENCES r ON DELETE SET NULL (a)"),
    (15, "MERGE INTO t USING r ON t.a = r.a WHEN MATCHED THEN DELETE"),
    (15, "ALTER TABLE t SET ACCESS METHOD heap"),
    (15, "CREATE UNLOGGED SEQUENCE n4"),
    (15, "CREATE VIEW n5 WITH (security_invoker = true) AS SELECT 1 AS one"),
    (15, "CREATE TABLE n6 (a numeric(3, 5))"),
    (15, "CREATE TABLE n7 (a numeric(5, -2))"),
    (16, "CREATE TABLE n8 (a text STORAGE EXTERNAL)"),
    (16, "ALTER TABLE t ALTER COLUMN a SET DEFAULT 1_000"),
    (16, "ALTER TABLE t ALTER COLUMN a SET DEFAULT 0x1F"),
    (17, "ALTER TABLE g ALTER COLUMN twice SET EXPRESSION AS (a * 2 + 0)"),
    (18, "CREATE TABLE n9 (a integer, b integer GENERATED ALWAYS AS (a * 2) VIRTUAL)"),
    (18, "ALTER TABLE t ADD COLUMN n9 integer GENERATED ALWAYS AS (a * (2)) NOT NULL"),
    (18, "ALTER TABLE t ADD CONSTRAINT t_c CHECK (a > 0) NOT ENFORCED"),
    (18, "ALTER TABLE t ADD CONSTRAINT t_d CHECK (a > 0) ENFORCED"),
    (18, "ALTER TABLE t ADD CONSTRAINT t_f FOREIGN KEY (a, b) REFERENCES r NOT ENFORCED"),
    (18, "ALTER TABLE t ADD NOT NULL a"),
    (18, "ALTER TABLE t ADD CONSTRAINT t_n NOT NULL b NOT VALID"),
    (18, "CREATE TABLE n10 (a integer, NOT NULL a)"),
    (18, "CREATE TABLE n11 (a integer, CONSTRAINT n11_n NOT NULL a)"),
    (18, "CREATE TABLE n12 (id int4range, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS))"),
    (
        18,
        "CREATE TABLE n13 (id int4range, during daterange, \
         FOREIGN KEY (id, PERIOD during) REFERENCES n12 (id, PERIOD during))",
    ),
];

/// Statements that every version takes, however like the others they look.
const OLD: &[&str] = &[
    "CREATE TABLE o1 (id integer, period daterange, enforced boolean NOT NULL, storage text, compression text)",
    "ALTER TABLE o1 ADD CHECK ((NOT enforced) AND NOT enforced OR NOT (enforced))",
    "ALTER TABLE o1 ADD COLUMN n integer NOT NULL DEFAULT 1, ADD CONSTRAINT c CHECK (id IS NOT NULL AND n > 0)",
    "ALTER TABLE o1 ALTER COLUMN storage SET STORAGE EXTERNAL",
    "ALTER TABLE o1 ALTER COLUMN compression SET DEFAULT 'none'",
    "ALTER TABLE o1 ALTER id SET NOT NULL, ALTER n DROP NOT NULL",
    "CREATE TABLE o2 (a integer CONSTRAINT given NOT NULL, security_invoker integer, method text, merge text)",
    "CREATE TABLE o3 (a integer, b integer GENERATED ALWAYS AS ((a * 2) + (1)) STORED, \
     c integer GENERATED ALWAYS AS IDENTITY)",
    "CREATE TABLE o4 (a numeric(10, 10), b numeric(5), c numeric, d decimal(4, 1))",
    "CREATE INDEX ON o2 (a NULLS FIRST, method)",
    "SELECT DISTINCT a, count(DISTINCT b) FROM o3 GROUP BY 1 ORDER BY a NULLS LAST",
    "CREATE TABLE o5 (a integer UNIQUE, FOREIGN KEY (a) REFERENCES o5 (a) ON DELETE SET NULL, CHECK (a <> 1000))",
    "COMMENT ON TABLE o1 IS 'NULLS NOT DISTINCT, WITHOUT OVERLAPS'",
];

#[test]
fn what_a_version_does_not_know_is_known_to_the_reader() {
    let Some(database) = TestDatabase::new("versions") else { return };
    database.execute(
        "CREATE TABLE r (a integer, b integer, PRIMARY KEY (a, b));
         CREATE TABLE t (a integer, b integer, note text);
         CREATE TABLE g (a integer, twice integer GENERATED ALWAYS AS (a * 2) STORED);
         CREATE TABLE p (a integer) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);
         CREATE EXTENSION btree_gist",
    );
    let server = database.server().major_version();
    let mut connection = database.connect();
    for (version, statement) in NEW {
        assert_eq!(needed(statement), Some(*version), "{statement}");
        let outcome = connection.batch_execute(statement);
        assert_eq!(outcome.is_ok(), server >= *version, "{server}: {statement}: {outcome:?}");
    }
    for statement in OLD {
        assert_eq!(needed(statement), None, "{statement}");
        connection.batch_execute(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

#[test]
fn a_statement_that_the_server_does_not_know_is_refused_before_the_first_change() {
    let Some(database) = TestDatabase::new("too_new") else { return };
    let scripts = Scripts::none()
        .and("010_first.sql", "CREATE TABLE t (a integer);\n")
        .and("020_second.sql", "ALTER TABLE t\n    ADD CONSTRAINT t_a UNIQUE NULLS NOT DISTINCT (a);\n");
    if database.server().major_version() >= 15 {
        scripts.run(&database).expect(0);
        return scripts.assert_nothing_left(&database);
    }
    let words = ["error[server-too-old]", "NULLS NOT DISTINCT needs PostgreSQL 15", "020_second.sql:2:31"];
    for command in ["plan", "run", "verify"] {
        assert_says(&scripts.command(&[command]).database(&database).run().expect(9).stderr, &words);
    }
    assert_eq!(database.value("SELECT to_regclass('t')"), None, "nothing was sent");
    // Guarded as the help says, it waits for the upgrade.
    scripts.write(
        "020_second.sql",
        "-- ensure:when SELECT current_setting('server_version_num')::int >= 150000\n\
         ALTER TABLE t ADD CONSTRAINT t_a UNIQUE NULLS NOT DISTINCT (a);\n",
    );
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_foreign_key_of_periods_is_not_taken_for_a_plain_one() {
    let Some(database) = TestDatabase::new("periods") else { return };
    if database.server().major_version() < 18 {
        return;
    }
    let own = "id int4range NOT NULL, during daterange NOT NULL";
    let create = "CREATE EXTENSION IF NOT EXISTS btree_gist;\nCREATE TABLE IF NOT EXISTS rooms (id int4range NOT NULL, during \
                  daterange NOT NULL);\nCREATE TABLE IF NOT EXISTS stays (id int4range NOT NULL, during daterange NOT NULL);\n";
    database.execute(&format!(
        "CREATE EXTENSION btree_gist; CREATE TABLE rooms ({own}, PRIMARY KEY (id, during WITHOUT OVERLAPS));
         CREATE TABLE stays ({own}, CONSTRAINT stay FOREIGN KEY (id, PERIOD during) REFERENCES rooms (id, PERIOD during))"
    ));
    let key = "ALTER TABLE stays ADD CONSTRAINT stay FOREIGN KEY (id, during) REFERENCES rooms (id, during);";
    let verify = Scripts::one(format!("{create}{key}")).command(&["verify"]).database(&database).run();
    assert_says(&verify.expect(3).stdout, &["stay"]);
    // What the scripts do not name is nobody's business.
    Scripts::one(create).command(&["verify"]).database(&database).run().expect(0);
}

/// The list that `pg` is tested against without a server.
const TYPES: &str = include_str!("../cases/types.txt");

#[test]
fn types_are_what_this_server_says_they_are() {
    let Some(database) = TestDatabase::new("types") else { return };
    database.execute(
        "CREATE TYPE userrole AS ENUM (); CREATE TYPE \"UserRole\" AS ENUM (); CREATE DOMAIN citext2 AS text;
         CREATE SCHEMA \"odd schema\"; CREATE DOMAIN \"odd schema\".t AS text; CREATE DOMAIN \"odd schema\".\"select\" AS text",
    );
    let server = database.server().major_version();
    let mut connection = database.connect();
    connection.batch_execute("SET search_path = ''").unwrap();
    for line in TYPES.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (written, printed) = line.split_once(" | ").unwrap();
        let table = format!("CREATE TABLE public.t (c {written})");
        let made = connection.batch_execute(&format!("DROP TABLE IF EXISTS public.t; {table}"));
        if needed(&table).is_some_and(|version| version > server) {
            assert!(made.is_err(), "{server}: {written}");
            continue;
        }
        made.unwrap_or_else(|error| panic!("{written}: {error}"));
        let said = rows_on(
            &mut connection,
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'public.t'::regclass AND attnum = 1",
        );
        assert_eq!(said[0][0].as_deref(), Some(printed), "{server}: {written}");
    }
}

#[test]
fn an_idle_runner_lock_and_a_long_transaction_outlive_the_limits_of_the_role() {
    let Some(database) = TestDatabase::new("limits") else { return };
    for (since, setting) in [(14, "idle_session_timeout"), (17, "transaction_timeout")] {
        if database.server().major_version() >= since {
            database.execute(&format!("ALTER DATABASE \"{}\" SET {setting} = '300ms'", database.name()));
        }
    }
    let scripts =
        Scripts::one("-- ensure:always\nDO $$BEGIN PERFORM pg_sleep(1); END$$;\nCREATE TABLE t (id integer);\n");
    let run = scripts.run(&database).expect(0);
    assert!(!run.stderr.contains("lost") && !run.stderr.contains("waiting"), "{}", run.stderr);
}
