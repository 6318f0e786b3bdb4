//! Spellings of one thing, and near misses: no false alarm and no false peace, on the server at hand.
//!
//! `tests/spellings/same.txt` holds what a script may write; the server makes it, and the same script must be satisfied.
//! `tests/spellings/different.txt` holds pairs that must be told apart. A line of the files is a line of the script, so that
//! a plan's locations name the lines.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test writes the scripts that it runs")]

mod support;

use std::{collections::BTreeMap, fmt::Write as _, fs};

use diesel::connection::SimpleConnection;
use support::{TestDatabase, cli};

/// What the tables refer to.
const AROUND: &str = "
    CREATE TYPE userrole AS ENUM ('USER', 'ADMIN', 'SUPER_ADMIN');
    CREATE SCHEMA other;
    CREATE TYPE other.userrole AS ENUM ('USER');
    CREATE SEQUENCE seq;
    CREATE SEQUENCE other_seq;
    CREATE TABLE parent (id integer PRIMARY KEY);
    CREATE TABLE other_parent (id integer PRIMARY KEY);
    CREATE FUNCTION my_check(integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 0';
    CREATE FUNCTION other_check(integer) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 > 1';
    CREATE FUNCTION my_index(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1';
    CREATE FUNCTION xor_b(boolean, boolean) RETURNS boolean IMMUTABLE LANGUAGE sql AS 'SELECT $1 <> $2';
";

/// The table that checks, indexes and constraints are put on.
const COLUMNS: &str = "a integer, b bigint, s smallint, n numeric(10,2), f double precision, r real, v varchar(50), \
    c char(3), t text, d date, ts timestamp, tz timestamptz, ti time, iv interval, ok boolean, role userrole, j jsonb, \
    js json, arr text[], ia integer[], u uuid, ip inet, bits bit(4), by bytea";

/// A line of one of the files: what it is about, and what is written, once or twice.
struct Line {
    number: usize,
    text: &'static str,
    kind: &'static str,
    column_type: &'static str,
    written: Vec<&'static str>,
}

fn lines(file: &'static str) -> Vec<Line> {
    let lines = file.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|(number, text)| {
            let (kind, written) = text.split_once(" | ").unwrap_or_else(|| panic!("{text}"));
            let (kind, column_type) = kind.split_once(' ').unwrap_or((kind, ""));
            Line { number: number + 1, text, kind, column_type, written: written.split(" | ").collect() }
        })
        .collect()
}

impl Line {
    fn table(&self) -> String {
        format!("spelling_{}", self.number)
    }

    /// Returns the statements that make what is `written`, on one line.
    fn sql(&self, written: &str, named: bool) -> String {
        let table = self.table();
        let name = |suffix: &str| if named { format!("{table}_{suffix} ") } else { String::new() };
        let constraint = if named { format!("CONSTRAINT {table}_k ") } else { String::new() };
        match self.kind {
            "type" => format!("CREATE TABLE {table} (c {written});"),
            "default" => format!("CREATE TABLE {table} (c {} DEFAULT {written});", self.column_type),
            "generated" => {
                let column_type = self.column_type;
                format!("CREATE TABLE {table} ({COLUMNS}, g {column_type} GENERATED ALWAYS AS ({written}) STORED);")
            }
            "check" => {
                let written = written.replace("spelling.", &format!("{table}."));
                format!("CREATE TABLE {table} ({COLUMNS}, {constraint}CHECK ({written}));")
            }
            "constraint" => format!("CREATE TABLE {table} ({COLUMNS}, {constraint}{written});"),
            "index" => format!("CREATE TABLE {table} ({COLUMNS}); CREATE INDEX {}ON {table} {written};", name("i")),
            "unique" => {
                format!("CREATE TABLE {table} ({COLUMNS}); CREATE UNIQUE INDEX {}ON {table} {written};", name("i"))
            }
            kind => panic!("{kind}?"),
        }
    }
}

/// Returns the worst state of the statements of each line of a script that are not satisfied.
fn states(database: &TestDatabase, script: &str) -> BTreeMap<usize, String> {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("ensure")).unwrap();
    fs::write(directory.path().join("ensure/010_spellings.sql"), script).unwrap();
    let run = cli(&["plan", "--format", "json", "--dir", "ensure"]).database(database).current_dir(&directory).run();
    let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    let mut states = BTreeMap::new();
    assert!(report["scripts"][0]["statements"].is_array(), "{run:?}");
    for statement in report["scripts"][0]["statements"].as_array().unwrap() {
        let location = statement["location"].as_str().unwrap();
        let line = location.split(':').nth(1).unwrap().parse().unwrap();
        let state = statement["state"].as_str().unwrap();
        let why = statement["why"].as_str().unwrap_or_default();
        states.insert(line, format!("{state} {why}"));
    }
    states
}

/// Returns a script in which the text of each line of a file stands on the same line.
fn script(lines: &[Line], text: impl Fn(&Line) -> String) -> String {
    let mut script = String::new();
    let mut at = 1;
    for line in lines {
        while at < line.number {
            script.push('\n');
            at += 1;
        }
        script.push_str(&text(line));
    }
    script.push('\n');
    script
}

/// Tells of the lines that are not as they should be.
fn judge(lines: &[Line], what: &str, wrong: impl Fn(&Line) -> Option<String>) {
    let mut text = String::new();
    let mut count = 0;
    for line in lines {
        if let Some(why) = wrong(line) {
            writeln!(text, "{}: {}  =>  {why}", line.number, line.text).unwrap();
            count += 1;
        }
    }
    assert!(count == 0, "{what}: {count} of {}\n{text}", lines.len());
}

fn make(database: &TestDatabase, lines: &[Line]) {
    database.execute(AROUND);
    carry_out(database, lines.iter().map(|line| (line.text.to_owned(), line.sql(line.written[0], true))));
}

/// Carries out each statement by itself, and tells of all that the server refuses.
fn carry_out(database: &TestDatabase, statements: impl Iterator<Item = (String, String)>) {
    let mut connection = database.connect();
    let refused: Vec<_> = statements
        .filter_map(|(text, sql)| connection.batch_execute(&sql).err().map(|error| format!("{text}  =>  {error}")))
        .collect();
    assert!(refused.is_empty(), "the server refuses\n{}", refused.join("\n"));
}

#[test]
fn every_spelling_of_what_the_server_made_is_satisfied() {
    let Some(database) = TestDatabase::new("spellings") else { return };
    let lines = lines(include_str!("spellings/same.txt"));
    assert!(lines.len() >= 200, "{}", lines.len());
    make(&database, &lines);
    let named = states(&database, &script(&lines, |line| line.sql(line.written[0], true)));
    judge(&lines, "not satisfied as written", |line| named.get(&line.number).cloned());
    // Nothing but its structure tells what has no name.
    let unnamed = states(&database, &script(&lines, |line| line.sql(line.written[0], false)));
    judge(&lines, "not satisfied without a name", |line| unnamed.get(&line.number).cloned());
}

#[test]
fn every_spelling_is_satisfied_by_what_is_restored_from_the_servers_own_text() {
    let Some(database) = TestDatabase::new("restored") else { return };
    let lines = lines(include_str!("spellings/same.txt"));
    make(&database, &lines);
    // As a dump writes it: what the server prints is read by a server again, which may store it in another form.
    let rows = database.rows(
        "SELECT format('ALTER TABLE %s DROP CONSTRAINT %I; ALTER TABLE %1$s ADD CONSTRAINT %2$I %s;', conrelid::regclass, \
                conname, pg_get_constraintdef(oid)) \
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text LIKE 'spelling%' \
                AND contype IN ('c', 'f', 'u', 'p') \
         UNION ALL SELECT format('DROP INDEX %s; %s;', i.indexrelid::regclass, pg_get_indexdef(i.indexrelid)) \
           FROM pg_index i WHERE i.indrelid::regclass::text LIKE 'spelling%' \
                AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid) \
         UNION ALL SELECT CASE a.attgenerated WHEN '' THEN \
                format('ALTER TABLE %s ALTER %I SET DEFAULT %s;', a.attrelid::regclass, a.attname, pg_get_expr(adbin, adrelid)) \
                ELSE format('ALTER TABLE %s DROP %I; ALTER TABLE %1$s ADD %2$I %s GENERATED ALWAYS AS (%s) STORED;', \
                a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(adbin, adrelid)) END \
           FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum \
          WHERE d.adrelid::regclass::text LIKE 'spelling%'",
    );
    let statements = rows.into_iter().filter_map(|row| row.into_iter().next().flatten());
    carry_out(&database, statements.map(|sql| (sql.clone(), sql)));
    let found = states(&database, &script(&lines, |line| line.sql(line.written[0], true)));
    judge(&lines, "not satisfied after a restore", |line| found.get(&line.number).cloned());
}

#[test]
fn near_misses_are_told_apart() {
    let Some(database) = TestDatabase::new("near_misses") else { return };
    let lines = lines(include_str!("spellings/different.txt"));
    assert!(lines.len() >= 100, "{}", lines.len());
    make(&database, &lines);
    let found = states(&database, &script(&lines, |line| line.sql(line.written[1], true)));
    judge(&lines, "not told apart", |line| match found.get(&line.number) {
        Some(state) if state.starts_with("conflicting") || state.starts_with("missing") => None,
        other => Some(other.cloned().unwrap_or_else(|| "satisfied".to_owned())),
    });
}
