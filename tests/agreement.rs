//! `verify` agrees with PostgreSQL: of two schemas that a server has made it says that the second is not as the scripts of the
//! first declare exactly where the catalogs differ in something that the scripts declare.
//!
//! What differs is found out here with the server's own words for types, defaults, indexes and constraints. The same cases
//! run every time; `HRMS_TEST_PAIR_CASES` sets how many (400), and makes them other ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test writes its scripts to files and reads its settings")]

mod support;

use std::{collections::BTreeMap, fmt::Write as _, fs};

use diesel::{PgConnection, connection::SimpleConnection as _};
use hrms_migrate::{Migrator, diagnostic::Outcome};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use support::{TestDatabase, require_server, rows_on};

const PAIRS: u32 = 400;

type Choices = Vec<(u8, u8, u8, u8)>;

/// Types, each with two defaults; of the second and third spelling of a default the server makes the same.
const TYPES: &[(&str, [&str; 2])] = &[
    ("integer", ["0", "1"]),
    ("bigint", ["0", "7"]),
    ("numeric(4,1)", ["1.0", "0.5"]),
    ("varchar(20)", ["'new'", "'old'"]),
    ("varchar(30)", ["'new'", "'old'"]),
    ("text", ["'new'", "'old'"]),
    ("boolean", ["true", "false"]),
    ("timestamptz", ["now()", "'2024-01-02 03:04:05+00'"]),
    ("kind", ["'first'", "'second'"]),
    ("date", ["CURRENT_DATE", "'2024-01-02'"]),
];

fn pick<T>(items: &[T], choice: u8) -> &T {
    &items[usize::from(choice) % items.len()]
}

/// What the scripts declare: SQL that makes it, statement by statement.
fn declared(choices: &Choices) -> (Vec<String>, Vec<(String, usize)>) {
    let mut statements = vec!["CREATE TYPE kind AS ENUM ('first', 'second', 'third')".to_owned()];
    let mut tables = Vec::new();
    for (number, (columns, first, second, third)) in choices.iter().enumerate() {
        let table = format!("t{number}");
        let count = usize::from(columns % 4) + 1;
        let mut sql = format!("CREATE TABLE {table} (id integer PRIMARY KEY");
        for column in 0..count {
            let choice = first.wrapping_add(second.wrapping_mul(u8::try_from(column).unwrap() + 1));
            let (name, defaults) = pick(TYPES, choice);
            let not_null = if choice % 3 == 0 { " NOT NULL" } else { "" };
            let default = if choice % 5 < 2 { format!(" DEFAULT {}", pick(defaults, *third)) } else { String::new() };
            write!(sql, ", c{column} {name}{not_null}{default}").unwrap();
        }
        write!(sql, ", n integer NOT NULL").unwrap();
        if third % 2 == 0 {
            write!(sql, ", CONSTRAINT {table}_positive CHECK (n > 0)").unwrap();
        }
        if third % 3 == 0 {
            write!(sql, ", CONSTRAINT {table}_n_key UNIQUE (n)").unwrap();
        }
        if number > 0 && second % 2 == 0 {
            write!(sql, ", CONSTRAINT {table}_n_fkey FOREIGN KEY (n) REFERENCES t{} (id)", number - 1).unwrap();
        }
        sql.push(')');
        statements.push(sql);
        match first % 4 {
            0 => statements.push(format!("CREATE INDEX {table}_c0 ON {table} (c0)")),
            1 => statements.push(format!("CREATE INDEX {table}_c0 ON {table} (c0, n DESC)")),
            2 => statements.push(format!("CREATE UNIQUE INDEX {table}_c0 ON {table} (n) WHERE n > 3")),
            _ => {}
        }
        tables.push((table, count));
    }
    (statements, tables)
}

/// A change that somebody made by hand: of something declared, or of something that is nobody's business.
fn change(tables: &[(String, usize)], (what, first, second, third): (u8, u8, u8, u8)) -> String {
    let (table, count) = pick(tables, first);
    let column = format!("c{}", usize::from(second) % count);
    let (name, defaults) = pick(TYPES, third);
    match what % 24 {
        0 => format!("ALTER TABLE {table} ALTER {column} DROP DEFAULT, ALTER {column} TYPE {name} USING NULL"),
        1 => format!("ALTER TABLE {table} ALTER {column} SET NOT NULL"),
        2 => format!("ALTER TABLE {table} ALTER {column} DROP NOT NULL"),
        3 => format!("ALTER TABLE {table} ALTER {column} SET DEFAULT {}", pick(defaults, second)),
        4 => format!("ALTER TABLE {table} ALTER {column} DROP DEFAULT"),
        5 => format!("ALTER TABLE {table} DROP COLUMN {column}"),
        6 => format!("ALTER TABLE {table} ADD COLUMN extra{third} {name}"),
        7 => format!("DROP INDEX {table}_c0"),
        8 => format!("DROP INDEX {table}_c0; CREATE INDEX {table}_c0 ON {table} (n)"),
        9 => format!("ALTER INDEX {table}_c0 RENAME TO {table}_renamed"),
        10 => format!("CREATE INDEX ON {table} (n, {column})"),
        11 => format!("ALTER TABLE {table} DROP CONSTRAINT {table}_positive"),
        12 => format!(
            "ALTER TABLE {table} DROP CONSTRAINT {table}_positive; ALTER TABLE {table} ADD CONSTRAINT {table}_positive CHECK ({}){}",
            pick(&["n > 0", "(n) > (0)", "n >= 0", "n > 0 AND n < 9"], second),
            pick(&["", "", " NOT VALID"], third)
        ),
        13 => format!("ALTER TABLE {table} RENAME CONSTRAINT {table}_positive TO {table}_other"),
        14 => format!("ALTER TABLE {table} DROP CONSTRAINT {table}_n_key"),
        15 => format!("ALTER TABLE {table} DROP CONSTRAINT {table}_n_fkey"),
        16 => format!(
            "ALTER TABLE {table} DROP CONSTRAINT {table}_n_fkey; ALTER TABLE {table} ADD CONSTRAINT {table}_n_fkey \
             FOREIGN KEY (n) REFERENCES t0 (id){}",
            pick(&["", " ON DELETE CASCADE", " DEFERRABLE", " NOT VALID", " ON DELETE NO ACTION"], third)
        ),
        17 => format!("ALTER TABLE {table} DROP CONSTRAINT {table}_pkey CASCADE"),
        18 => format!("DROP TABLE {table} CASCADE"),
        19 => "ALTER TYPE kind ADD VALUE 'fourth'".to_owned(),
        20 => "ALTER TYPE kind RENAME VALUE 'third' TO 'last'".to_owned(),
        21 => format!("CREATE TABLE by_hand{third} (id integer)"),
        22 => format!("ALTER TABLE {table} RENAME COLUMN {column} TO renamed"),
        _ => format!("COMMENT ON TABLE {table} IS 'by hand'; ALTER TABLE {table} SET (fillfactor = 90)"),
    }
}

/// A schema in the server's words.
#[derive(Debug, Default)]
struct Catalog {
    /// Type, NOT NULL and default by table and column.
    columns: BTreeMap<(String, String), (String, bool, String)>,
    /// Table and definition, without their names, by name.
    indexes: BTreeMap<String, (String, String)>,
    /// Table and definition by table and name.
    constraints: BTreeMap<(String, String), String>,
    labels: Vec<String>,
}

fn catalog(connection: &mut PgConnection, schema: &str) -> Catalog {
    connection.batch_execute(&format!("SET search_path = {schema}")).unwrap();
    let mut read = |sql: &str| {
        let rows = rows_on(connection, &sql.replace(":schema", &format!("'{schema}'::regnamespace")));
        rows.into_iter()
            .map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>())
            .collect::<Vec<_>>()
    };
    let columns = read(
        "SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, pg_get_expr(d.adbin, d.adrelid)
           FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
          WHERE c.relnamespace = :schema AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped",
    );
    // A primary key's index never does the work of one that is declared.
    let indexes = read(
        "SELECT c.relname::text, t.relname::text, i.indisunique || ' ' || regexp_replace(pg_get_indexdef(c.oid), '^.* USING ', '')
           FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
          WHERE c.relnamespace = :schema AND i.indisvalid AND NOT i.indisprimary",
    );
    let constraints = read(
        "SELECT c.relname::text, k.conname::text, pg_get_constraintdef(k.oid) FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
          WHERE c.relnamespace = :schema AND k.contype IN ('p', 'u', 'c', 'f')",
    );
    let labels = read("SELECT enumlabel::text FROM pg_enum WHERE enumtypid = 'kind'::regtype ORDER BY enumsortorder");
    let text = |row: &Vec<String>, place: usize| row[place].clone();
    Catalog {
        columns: columns
            .iter()
            .map(|row| ((text(row, 0), text(row, 1)), (text(row, 2), row[3] == "true", text(row, 4))))
            .collect(),
        indexes: indexes.iter().map(|row| (text(row, 0), (text(row, 1), text(row, 2)))).collect(),
        constraints: constraints.iter().map(|row| ((text(row, 0), text(row, 1)), text(row, 2))).collect(),
        labels: labels.into_iter().map(|mut row| row.remove(0)).collect(),
    }
}

/// What of the first is not so in the second. What a script leaves open may be anything.
fn differences(declared: &Catalog, there: &Catalog) -> Vec<String> {
    let mut found = Vec::new();
    for (key, (type_name, not_null, default)) in &declared.columns {
        match there.columns.get(key) {
            None => found.push(format!("{key:?} is missing")),
            Some(other) if other.0 != *type_name => found.push(format!("{key:?} is {}", other.0)),
            Some(other) if *not_null && !other.1 => found.push(format!("{key:?} may be NULL")),
            Some(other) if !default.is_empty() && other.2 != *default => {
                found.push(format!("{key:?} defaults to {}", other.2));
            }
            Some(_) => {}
        }
    }
    // Under the name that is declared nothing else may stand; otherwise another name will do.
    for (name, index) in declared.indexes.iter().filter(|(name, (table, _))| !is_constraint(declared, table, name)) {
        let same = there
            .indexes
            .get(name)
            .map_or_else(|| there.indexes.values().any(|other| other == index), |other| other == index);
        if !same {
            found.push(format!("index {name} is not there, or another"));
        }
    }
    for ((table, name), definition) in &declared.constraints {
        let same = there.constraints.get(&(table.clone(), name.clone())).map_or_else(
            || there.constraints.iter().any(|(key, other)| key.0 == *table && other == definition),
            |other| other == definition,
        );
        if !same {
            found.push(format!("constraint {name} is not there, or another"));
        }
    }
    let mut labels = there.labels.iter();
    if !declared.labels.iter().all(|label| labels.any(|other| other == label)) {
        found.push(format!("the labels are {:?}", there.labels));
    }
    found
}

fn is_constraint(catalog: &Catalog, table: &str, name: &str) -> bool {
    catalog.constraints.contains_key(&(table.to_owned(), name.to_owned()))
}

#[test]
fn verify_agrees_with_the_server() {
    if require_server().is_none() {
        return;
    }
    let wanted = std::env::var("HRMS_TEST_PAIR_CASES").ok().map(|cases| cases.parse::<u32>().unwrap());
    let seed = if wanted.is_some() { fastrand::u8(..) } else { 1 };
    let config = Config {
        cases: wanted.unwrap_or(PAIRS),
        failure_persistence: None,
        max_shrink_iters: 100,
        ..Config::default()
    };
    let database = TestDatabase::new("agreement").unwrap();
    let connection = std::cell::RefCell::new(database.connect());
    let directory = tempfile::tempdir().unwrap();
    let counts = std::cell::Cell::new((0, 0, 0));
    let tuple = any::<(u8, u8, u8, u8)>;
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]))
        .run(&(vec(tuple(), 1..4), vec(tuple(), 0..4)), |(schema, changes)| {
            let connection = &mut *connection.borrow_mut();
            let (statements, tables) = declared(&schema);
            connection
                .batch_execute("DROP SCHEMA IF EXISTS a CASCADE; DROP SCHEMA IF EXISTS b CASCADE; CREATE SCHEMA a; CREATE SCHEMA b")
                .unwrap();
            for name in ["a", "b"] {
                connection.batch_execute(&format!("SET search_path = {name}; {}", statements.join("; "))).unwrap();
            }
            let changes: Vec<String> = changes.into_iter().map(|choice| change(&tables, choice)).collect();
            for change in &changes {
                // What is not there cannot be changed, and is no matter.
                drop(connection.batch_execute(change));
            }
            let expected = differences(&catalog(connection, "a"), &catalog(connection, "b"));
            let script = statements.join(";\n") + ";\n";
            fs::write(directory.path().join("010_declared.sql"), &script).unwrap();
            let migrator = Migrator::new(database.url()).unwrap().directory(directory.path()).schema("b");
            let report = migrator.verify(|_| {});
            let (same, different, open) = counts.get();
            let undecided = report.verification.as_ref().is_some_and(|verification| !verification.unverified.is_empty());
            counts.set(match (expected.is_empty(), report.outcome.is_none() && undecided) {
                (_, true) => (same, different, open + 1),
                (true, false) => (same + 1, different, open),
                (false, false) => (same, different + 1, open),
            });
            let agrees = match report.outcome {
                // To say of something that it was not found out is no word against it.
                None => expected.is_empty() || undecided,
                Some(Outcome::Differs) => !expected.is_empty(),
                Some(_) => false,
            };
            prop_assert!(
                agrees,
                "declared:\n{}\nchanged by hand:\n{}\nthe server: {:#?}\nverify: {:?} {:#?}",
                script,
                changes.join("\n"),
                expected,
                report.outcome,
                report.diagnostics.iter().map(|found| &found.what).collect::<Vec<_>>()
            );
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let (same, different, open) = counts.get();
    assert!(
        same >= 20 && different >= 100 && open * 50 < same + different,
        "{same} pairs that are as declared, {different} that are not, {open} that were left open"
    );
}
