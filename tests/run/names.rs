//! Names: what could be captured by another object, and names that need care.

use crate::{
    support::TestDatabase,
    tools::{Scripts, assert_clean, assert_says},
};

#[test]
fn a_relation_of_the_same_name_before_the_schema_is_not_taken_for_the_table() {
    let Some(database) = TestDatabase::new("captured") else { return };
    // A view in pg_catalog's place cannot be made; a schema earlier on the path can hold the same name.
    database.execute(
        "CREATE SCHEMA early; CREATE TABLE public.people (id integer); CREATE VIEW early.people AS SELECT 1 AS id",
    );
    database.execute(&format!("ALTER DATABASE \"{}\" SET search_path = early, public", database.name()));
    let scripts = Scripts::one("ALTER TABLE people ADD COLUMN word text;");
    scripts.run(&database).expect(0);
    assert_eq!(
        database.rows("SELECT attrelid::regclass::text FROM pg_attribute WHERE attname = 'word' AND attrelid > 16384"),
        vec![vec![Some("public.people".to_owned())]]
    );
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_temporary_table_of_the_same_name_does_not_capture_the_statements_after_it() {
    let Some(database) = TestDatabase::new("temporary") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE people (id integer);
-- ensure:always
DO $$ BEGIN CREATE TEMPORARY TABLE people (id integer); EXCEPTION WHEN duplicate_table THEN NULL; END $$;
ALTER TABLE people ADD COLUMN word text;
CREATE INDEX people_word ON people (word);
",
    );
    scripts.run(&database).expect(0);
    let run = scripts.run(&database).expect(0);
    assert_eq!(
        database.value("SELECT 'public.people_word'::regclass::text").as_deref(),
        Some("people_word"),
        "{}",
        run.stdout
    );
    assert_eq!(
        database
            .value("SELECT count(*) FROM pg_attribute WHERE attrelid = 'public.people'::regclass AND attname = 'word'")
            .as_deref(),
        Some("1")
    );
}

#[test]
fn names_that_need_quotes_are_made_and_recognised() {
    let Some(database) = TestDatabase::new("hostile") else { return };
    let bytes_63 = "x".repeat(63);
    let umlauts = "ä".repeat(31);
    let mut script = String::new();
    let names = [
        "Upper Case",
        "with \"\" quotes",
        "it's; DROP TABLE x --",
        "select",
        "a.b",
        "1st",
        "Straße",
        "表",
        " ",
        "%s",
        "\\",
        "$1",
        &bytes_63,
        &umlauts,
    ];
    for (n, name) in names.iter().enumerate() {
        use std::fmt::Write as _;
        writeln!(
            script,
            "CREATE TABLE IF NOT EXISTS \"{name}\" (\"{name}\" integer PRIMARY KEY, \"{name}2\" text NOT NULL DEFAULT 'it''s');
CREATE INDEX IF NOT EXISTS \"i{n} {name}\" ON \"{name}\" (\"{name}2\") WHERE \"{name}\" > 0;
ALTER TABLE \"{name}\" ADD COLUMN IF NOT EXISTS \"added {name}\" numeric(4,1);"
        )
        .unwrap();
    }
    let fits = script.replace(&format!("\"{bytes_63}2\""), "\"y\"").replace(&format!("\"{umlauts}2\""), "\"y\"");
    let fits = fits.replace(&format!("added {bytes_63}"), "added").replace(&format!("added {umlauts}"), "added");
    let fits = fits.replace(&format!(" {bytes_63}\""), "\"").replace(&format!(" {umlauts}\""), "\"");
    let scripts = Scripts::one(&fits);
    scripts.run(&database).expect(0);
    assert_eq!(
        database
            .value("SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
            .as_deref(),
        Some(names.len().to_string().as_str())
    );
    scripts.assert_nothing_left(&database);
    assert_clean(&database);
}

#[test]
fn a_name_of_more_than_63_bytes_is_refused_with_its_place() {
    let Some(database) = TestDatabase::new("too_long") else { return };
    for name in ["x".repeat(64), "ä".repeat(32)] {
        let scripts = Scripts::one(format!("CREATE TABLE t (id integer);\nCREATE TABLE {name} (id integer);\n"));
        let run = scripts.run(&database).expect(65);
        assert_says(&run.stderr, &["error[name-too-long]", "010_test.sql:2:14", "63"]);
        assert_eq!(database.value("SELECT to_regclass('t')"), None);
    }
}

#[test]
fn unquoted_names_are_folded_and_quoted_ones_are_not() {
    let Some(database) = TestDatabase::new("folded") else { return };
    let scripts = Scripts::one(
        "CREATE TABLE IF NOT EXISTS People (Id integer);\nCREATE TABLE IF NOT EXISTS \"People\" (\"Id\" integer);\n",
    );
    scripts.run(&database).expect(0);
    assert_eq!(
        database.value("SELECT count(*) FROM pg_class WHERE relname IN ('people', 'People')").as_deref(),
        Some("2")
    );
    scripts.assert_nothing_left(&database);
}

#[test]
fn tables_spread_over_two_schemas_are_refused() {
    let Some(database) = TestDatabase::new("spread") else { return };
    database.execute("CREATE SCHEMA other; CREATE TABLE public.a (id integer); CREATE TABLE other.b (id integer)");
    database.execute(&format!("ALTER DATABASE \"{}\" SET search_path = public, other", database.name()));
    let scripts = Scripts::one("ALTER TABLE a ADD COLUMN x integer;\nALTER TABLE b ADD COLUMN x integer;\n");
    let run = scripts.run(&database).expect(4);
    assert_says(&run.stderr, &["error[several-schemas]", "public", "other"]);
}

#[test]
fn nothing_is_made_in_a_schema_of_the_server() {
    let Some(database) = TestDatabase::new("server_schema") else { return };
    database.execute(&format!("ALTER DATABASE \"{}\" SET search_path = pg_catalog", database.name()));
    let scripts = Scripts::one("CREATE TABLE a (id integer);");
    for schema in [&[][..], &["--schema=information_schema"]] {
        let run = scripts.command(&[&["run"][..], schema].concat()).database(&database).run().expect(4);
        assert_says(&run.stderr, &["error[schema-missing]", "is the server's own", "--schema"]);
    }
}

#[test]
fn a_schema_can_be_named() {
    let Some(database) = TestDatabase::new("schema") else { return };
    database.execute("CREATE SCHEMA \"Other One\"");
    let scripts = Scripts::one("CREATE TABLE a (id integer);\nCREATE INDEX a_id ON a (id);\n");
    scripts.on(&database).arg("--schema=\"Other One\"").run().expect(0);
    assert_eq!(database.value("SELECT to_regclass('\"Other One\".a_id')").as_deref(), Some("\"Other One\".a_id"));
    let missing = scripts.on(&database).arg("--schema=nowhere").run().expect(4);
    assert_says(&missing.stderr, &["error[schema-missing]", "nowhere"]);
}
