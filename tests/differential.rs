//! Random statements, beside the server itself: what PostgreSQL refuses as no SQL is never planned as something, what a run has done
//! is satisfied afterwards, what is called satisfied is what the statement would make, and near misses are not.
//!
//! A statement comes of a small grammar of what the program knows, and often a token of it is then dropped, doubled, exchanged or moved.
//! It meets a database that has it already, that has a near miss of it, or that lacks it. The same cases run every time;
//! `HRMS_TEST_DIFFERENTIAL_CASES` sets how many (100), and makes them other ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test writes its scripts to files and reads its settings")]

mod support;

use std::{collections::BTreeSet, fs, path::Path};

use diesel::{PgConnection, connection::SimpleConnection as _, prelude::*, result::Error, sql_types::Text};
use fastrand::Rng;
use hrms_migrate::{
    Migrator,
    config::{Environment, Flags, ReadFailure, Setting, Settings},
    diagnostic::Outcome,
    event::{Report, ScriptState},
};
use support::{TestDatabase, require_server};

const CASES: u64 = 100;

/// What every statement finds.
const BASE: &str = "DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s; SET search_path = s;
    CREATE TYPE mood AS ENUM ('sad', 'ok', 'glad');
    CREATE SEQUENCE q;
    CREATE FUNCTION f(integer) RETURNS integer IMMUTABLE LANGUAGE sql AS 'SELECT $1';
    CREATE TABLE t (id integer CONSTRAINT t_pk PRIMARY KEY, a integer, b bigint NOT NULL DEFAULT 0, v varchar(20), x text,
        n numeric(10,2) DEFAULT 1.5, d date, z timestamptz DEFAULT now(), ok boolean NOT NULL DEFAULT true, m mood);
    CREATE TABLE u (id integer CONSTRAINT u_pk PRIMARY KEY, t_id integer, w text,
        CONSTRAINT u_w CHECK (length(w) > 0));
    CREATE INDEX t_a ON t (a);";

/// Makes statements.
struct Grammar(Rng);

impl Grammar {
    fn one<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.0.usize(..words.len())]
    }

    /// Returns the words once in so many times.
    fn maybe<'a>(&mut self, once_in: u32, words: &'a str) -> &'a str {
        if self.0.u32(..once_in) == 0 { words } else { "" }
    }

    fn type_name(&mut self) -> &'static str {
        self.one(&[
            "integer",
            "int8",
            "smallint",
            "numeric",
            "numeric(8,2)",
            "decimal(8)",
            "varchar(30)",
            "character varying",
            "char(4)",
            "text",
            "boolean",
            "date",
            "timestamp",
            "timestamptz",
            "timestamp(3) with time zone",
            "time",
            "interval",
            "uuid",
            "jsonb",
            "json",
            "bytea",
            "inet",
            "mood",
            "integer[]",
            "text[]",
            "double precision",
            "real",
            "s.mood",
            "bit(3)",
            "varbit",
            "xml",
            "point",
            "int4range",
            "tsvector",
            "oid",
            "name",
            "money",
        ])
    }

    fn default(&mut self) -> &'static str {
        self.one(&[
            "0",
            "1",
            "-1",
            "+1",
            "1.50",
            "'new'",
            "''",
            "NULL",
            "now()",
            "CURRENT_TIMESTAMP",
            "CURRENT_DATE",
            "true",
            "FALSE",
            "'{}'",
            "'ok'",
            "'ok'::mood",
            "nextval('q')",
            "f(1)",
            "1 + 1",
            "gen_random_uuid()",
            "ARRAY[1, 2]",
            "'2024-01-02'",
            "interval '1 day'",
            "(2)",
            "e'a\\nb'",
            "U&'\\0041'",
            "length('abc')",
            "'x' || 'y'",
        ])
    }

    fn column(&mut self) -> &'static str {
        self.one(&["id", "a", "b", "v", "x", "n", "d", "z", "ok", "m"])
    }

    fn predicate(&mut self) -> String {
        let (column, other) = (self.column(), self.column());
        match self.0.u32(..14) {
            0 => format!("{column} IS NOT NULL"),
            1 => "a > 0".to_owned(),
            2 => "a >= 0 AND a < 100".to_owned(),
            3 => "a BETWEEN 1 AND 9".to_owned(),
            4 => "x IN ('a', 'b', 'c')".to_owned(),
            5 => "x <> '' OR v IS NULL".to_owned(),
            6 => "NOT (ok AND a IS NULL)".to_owned(),
            7 => "lower(x) = x".to_owned(),
            8 => "x LIKE 'a%'".to_owned(),
            9 => "n::integer = a".to_owned(),
            10 => "coalesce(a, 0) + b > 1".to_owned(),
            11 => "m = 'ok'".to_owned(),
            12 => "CASE WHEN ok THEN a > 0 ELSE true END".to_owned(),
            _ => format!("{column} IS NULL OR {other} IS NOT NULL"),
        }
    }

    fn foreign_key(&mut self) -> String {
        let on = [
            "",
            "",
            " ON DELETE CASCADE",
            " ON DELETE SET NULL",
            " ON UPDATE CASCADE",
            " ON DELETE RESTRICT",
            " MATCH FULL",
            " ON DELETE NO ACTION",
            " DEFERRABLE",
            " DEFERRABLE INITIALLY DEFERRED",
            " NOT DEFERRABLE",
        ];
        format!("REFERENCES {}{}", self.one(&["t", "t (id)", "u (id)"]), self.one(&on))
    }

    /// What stands behind the type of a column.
    fn tail(&mut self) -> String {
        match self.0.u32(..14) {
            0 => " NOT NULL".to_owned(),
            1 | 2 => format!(" DEFAULT {}", self.default()),
            3 => format!(" DEFAULT {} NOT NULL", self.default()),
            4 => " UNIQUE".to_owned(),
            5 => format!(" {}", self.foreign_key()),
            6 => " CHECK (c1 IS NOT NULL)".to_owned(),
            7 => " GENERATED ALWAYS AS IDENTITY".to_owned(),
            8 => " GENERATED BY DEFAULT AS IDENTITY (START 7 INCREMENT 2)".to_owned(),
            9 => " COLLATE \"C\"".to_owned(),
            10 => " CONSTRAINT c1_k UNIQUE".to_owned(),
            11 => " NULL".to_owned(),
            _ => String::new(),
        }
    }

    fn constraint(&mut self) -> String {
        match self.0.u32(..7) {
            0 => format!("CHECK ({}){}", self.predicate(), self.maybe(4, " NO INHERIT")),
            1 => format!("UNIQUE ({})", self.one(&["a", "a, b", "v", "b, a"])),
            2 => format!("UNIQUE (a){}", self.one(&[" INCLUDE (b)", " DEFERRABLE", " WITH (fillfactor = 70)"])),
            3 | 4 => format!("FOREIGN KEY ({}) {}", self.one(&["a", "id"]), self.foreign_key()),
            5 => format!("CHECK ({}) NOT VALID", self.predicate()),
            _ => "EXCLUDE USING btree (a WITH =)".to_owned(),
        }
    }

    fn keys(&mut self) -> String {
        let key = |grammar: &mut Self| {
            let key = match grammar.0.u32(..8) {
                0 => "lower(x)",
                1 => "(a + b)",
                2 => "(x || v)",
                3 => "date_trunc('day', z AT TIME ZONE 'UTC')",
                _ => grammar.column(),
            };
            let how = grammar.one(&["", "", "", " DESC", " ASC", " NULLS FIRST", " DESC NULLS LAST", " COLLATE \"C\""]);
            format!("{key}{how}")
        };
        let count = self.0.u32(1..4);
        (0..count).map(|_| key(self)).collect::<Vec<_>>().join(", ")
    }

    fn statement(&mut self) -> String {
        let exists = self.maybe(2, "IF NOT EXISTS ");
        match self.0.u32(..24) {
            0 | 1 => {
                let (first, second, tail) = (self.type_name(), self.type_name(), self.tail());
                let constraint = if self.0.bool() { format!(", CONSTRAINT k CHECK (c1 IS NULL){}", "") } else { String::new() };
                let name = self.one(&["new", "s.new", "\"new\""]);
                let with = self.maybe(8, " WITH (fillfactor = 80)");
                format!("CREATE TABLE {exists}{name} (c1 {first}{tail}, c2 {second}{constraint}){with}")
            }
            2..=5 => format!("ALTER TABLE t ADD COLUMN {exists}c1 {}{}", self.type_name(), self.tail()),
            6..=9 => {
                let unique = self.maybe(4, "UNIQUE ");
                let method = self.one(&["", "", "", "USING btree ", "USING hash ", "USING gin ", "USING brin "]);
                let include = self.maybe(6, " INCLUDE (n)");
                let with = self.maybe(8, " WITH (fillfactor = 70)");
                let condition = if self.0.u32(..3) == 0 { format!(" WHERE {}", self.predicate()) } else { String::new() };
                format!("CREATE {unique}INDEX {exists}i ON t {method}({}){include}{with}{condition}", self.keys())
            }
            10..=12 => format!("ALTER TABLE t ADD CONSTRAINT k {}", self.constraint()),
            13 => format!("ALTER TABLE t ALTER COLUMN {} SET DEFAULT {}", self.column(), self.default()),
            14 => format!("ALTER TABLE t ALTER {} {}", self.column(), self.one(&["DROP DEFAULT", "SET NOT NULL", "DROP NOT NULL"])),
            15 => format!("ALTER TABLE t ALTER {} TYPE {}", self.column(), self.type_name()),
            16 => format!("CREATE TYPE e AS ENUM ({})", self.one(&["'a'", "'a', 'b'", "'b', 'a'", "'A', 'b', 'c'"])),
            17 => format!("ALTER TYPE mood ADD VALUE {exists}{}", self.one(&["'new'", "'new' BEFORE 'ok'", "'new' AFTER 'sad'", "'ok'"])),
            18 => {
                let option = self.one(&["", " AS integer", " INCREMENT 2", " START 5 MINVALUE 5", " CYCLE MAXVALUE 9", " CACHE 3", " OWNED BY t.a"]);
                format!("CREATE SEQUENCE {exists}q2{option}")
            }
            19 => {
                let replace = self.maybe(2, "OR REPLACE ");
                let query = self.one(&["SELECT a, b FROM t", "SELECT id FROM t WHERE a > 0", "SELECT t.id, u.w FROM t JOIN u ON u.t_id = t.id", "SELECT count(*) AS c FROM t GROUP BY a"]);
                format!("CREATE {replace}VIEW w AS {query}")
            }
            20 => {
                let how = self.one(&["", "IMMUTABLE ", "STABLE STRICT ", "VOLATILE ", "SECURITY DEFINER ", "COST 5 ", "SET search_path = s "]);
                format!("CREATE OR REPLACE FUNCTION g(p integer) RETURNS integer LANGUAGE sql {how}AS $$ SELECT p + 1 $$")
            }
            21 => format!("COMMENT ON {} IS {}", self.one(&["TABLE t", "COLUMN t.a", "INDEX t_a", "CONSTRAINT u_w ON u", "SEQUENCE q"]), self.one(&["'words'", "NULL", "'it''s'"])),
            22 => self.one(&[
                "ALTER TABLE t RENAME COLUMN a TO c1", "ALTER TABLE t RENAME TO t2", "ALTER INDEX t_a RENAME TO i",
                "ALTER TABLE u RENAME CONSTRAINT u_w TO k", "ALTER TABLE t DROP COLUMN x", "DROP INDEX t_a",
                "ALTER TABLE u DROP CONSTRAINT IF EXISTS u_w", "DROP SEQUENCE IF EXISTS q", "DROP TABLE IF EXISTS u",
                "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'", "ALTER TABLE t ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY",
            ]).to_owned(),
            _ => self.one(&[
                "ALTER TABLE t ENABLE ROW LEVEL SECURITY", "CREATE POLICY p ON t USING (a > 0)", "CREATE POLICY p ON t FOR SELECT TO public USING (ok)",
                "CREATE TRIGGER g BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
                "ALTER TABLE t ALTER COLUMN x SET STATISTICS 100", "ALTER TABLE t SET (fillfactor = 90)", "GRANT SELECT ON t TO public",
                "ALTER TABLE t ADD COLUMN c1 integer GENERATED ALWAYS AS (a * 2) STORED",
            ]).to_owned(),
        }
    }

    /// Drops, doubles, exchanges or moves a token.
    fn mutate(&mut self, statement: &str) -> String {
        let mut tokens: Vec<String> = tokens(statement);
        let place = self.0.usize(..tokens.len());
        match self.0.u32(..6) {
            0 => drop(tokens.remove(place)),
            1 => tokens.insert(place, tokens[place].clone()),
            2 => {
                let other = self.0.usize(..tokens.len());
                tokens.swap(place, other);
            }
            3 => {
                let another = self::tokens(&self.statement());
                let from = self.0.usize(..another.len());
                tokens[place].clone_from(&another[from]);
            }
            4 => {
                let word = self.one(&[
                    "NOT", "NULL", "(", ")", ",", "ONLY", "CASCADE", "IF", "EXISTS", "DEFAULT", "1", "'a'", "USING",
                    "ALL", "c2", "integer",
                ]);
                tokens.insert(place, word.to_owned());
            }
            _ => {
                let another = self::tokens(&self.statement());
                let from = self.0.usize(..another.len());
                tokens.truncate(place);
                tokens.extend_from_slice(&another[from..]);
            }
        }
        tokens.join(" ")
    }
}

/// Cuts a statement of the grammar into words and signs.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        if char.is_whitespace() {
            continue;
        }
        let mut token = String::from(char);
        let goes_on = |next: &char| next.is_alphanumeric() || "_.".contains(*next);
        if char == '\'' || char == '"' {
            for next in chars.by_ref() {
                token.push(next);
                if next == char {
                    break;
                }
            }
        } else if char == '$' {
            // The one body that the grammar has.
            token.extend(chars.by_ref());
        } else if goes_on(&char) {
            while let Some(next) = chars.next_if(goes_on) {
                token.push(next);
            }
        }
        tokens.push(token);
    }
    tokens
}

/// What the server says to a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Done,
    /// It is no SQL.
    Syntax,
    /// Something of that name is there.
    Duplicate,
    Refused,
}

/// A server, and this program beside it.
struct Bench {
    connection: PgConnection,
    migrator: Migrator,
    script: std::path::PathBuf,
    catalog: &'static str,
}

impl Bench {
    fn new(database: &TestDatabase, directory: &Path) -> Self {
        let flags = Flags::default()
            .with(Setting::DatabaseUrl, database.url())
            .with(Setting::Dir, directory.to_str().unwrap())
            .with(Setting::Schema, "s")
            .with(Setting::NoJournal, "true");
        let none = |_: &Path| Err(ReadFailure::Missing);
        let settings = Settings::settle(&flags, &Environment::default(), Path::new(""), &none).unwrap();
        Self {
            connection: database.connect(),
            migrator: Migrator::from_settings(settings),
            script: directory.join("010_fuzz.sql"),
            catalog: include_str!("support/catalog.sql"),
        }
    }

    fn base(&mut self) {
        self.connection.batch_execute(BASE).unwrap();
    }

    fn plain(&mut self, statement: &str) -> Said {
        #[derive(diesel::QueryableByName)]
        struct State {
            #[diesel(sql_type = Text)]
            value: String,
        }
        // The server tells the SQLSTATE to itself alone, so a block catches it.
        let quoted = statement.replace('\'', "''");
        let block = format!(
            "DO $hm$ BEGIN EXECUTE '{quoted}'; PERFORM set_config('fuzz.state', '00000', false); \
             EXCEPTION WHEN OTHERS THEN PERFORM set_config('fuzz.state', SQLSTATE, false); END $hm$"
        );
        let outcome = self.connection.batch_execute(&block);
        assert!(outcome.is_ok(), "{outcome:?}: {block}");
        let state: Result<State, Error> =
            diesel::sql_query("SELECT current_setting('fuzz.state') AS value").get_result(&mut self.connection);
        match state.unwrap().value.as_str() {
            "00000" => Said::Done,
            "42601" => Said::Syntax,
            "42P07" | "42710" | "42701" | "42P06" | "42723" | "42P16" => Said::Duplicate,
            _ => Said::Refused,
        }
    }

    fn catalog(&mut self) -> BTreeSet<String> {
        #[derive(diesel::QueryableByName)]
        struct Line {
            #[diesel(sql_type = Text)]
            line: String,
        }
        self.connection.batch_execute("SET search_path = ''").unwrap();
        let lines = diesel::sql_query(self.catalog).bind::<Text, _>("s").load::<Line>(&mut self.connection).unwrap();
        self.connection.batch_execute("SET search_path = s").unwrap();
        lines.into_iter().map(|line| line.line).collect()
    }

    fn write(&self, statement: &str) {
        let text = format!(
            "-- ensure:allow drop\n-- ensure:allow rewrite\n-- ensure:allow data-loss\n-- ensure:allow breaking\n\n{statement};\n"
        );
        fs::write(&self.script, text).unwrap();
    }
}

/// What this program makes of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ours {
    /// It holds already.
    Satisfied,
    /// It may hold; that could not be found out.
    Open,
    /// Something is to be done.
    Planned,
    /// Something is in the way.
    Conflict,
    /// It is no statement that a script may have.
    NotRead,
}

fn ours(report: &Report) -> Ours {
    let not_read = ["not-repeatable", "forbidden-statement", "query-without-verify", "not-supported"];
    match report.outcome {
        Some(Outcome::BadScript) => Ours::NotRead,
        Some(Outcome::Refused) if report.diagnostics.iter().any(|found| not_read.contains(&found.code.name())) => {
            Ours::NotRead
        }
        Some(Outcome::Refused) => Ours::Conflict,
        Some(other) => panic!("{other:?}: {:#?}", report.diagnostics),
        None if report
            .scripts
            .iter()
            .any(|script| !script.steps.is_empty() || script.state == ScriptState::Changed) =>
        {
            Ours::Planned
        }
        None if report.verification.as_ref().is_some_and(|verification| !verification.unverified.is_empty()) => {
            Ours::Open
        }
        None => Ours::Satisfied,
    }
}

/// How often what was seen, so that a generator that makes nothing of interest is noticed.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    satisfied: u64,
    planned: u64,
    done: u64,
    conflicts: u64,
    syntax: u64,
    not_read: u64,
    open: u64,
}

/// What a statement adds to a catalog and takes from it, names of constraints and indexes left out: another name will do.
fn effect(base: &BTreeSet<String>, after: &BTreeSet<String>) -> (BTreeSet<String>, BTreeSet<String>) {
    let added = after.difference(base).map(|line| nameless(line)).collect();
    (added, base.difference(after).map(|line| nameless(line)).collect())
}

fn nameless(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let at = match words.as_slice() {
        ["constraint", ..] => Some(1),
        ["index", ..] => words.iter().position(|word| *word == "INDEX").map(|at| at + 1),
        _ => None,
    };
    let keep = |(place, word): (usize, &&str)| match at {
        Some(at) if at == place => word.split_once('.').map_or("", |(table, _)| table).to_owned(),
        _ => (*word).to_owned(),
    };
    let mut words: Vec<String> = words.iter().enumerate().map(keep).collect();
    if line.starts_with("view ") {
        // An alias that is the table's own name says nothing, and is printed all the same.
        words.dedup();
    }
    words.join(" ")
}

/// Returns of a sequence the settings that a statement writes: the others are not compared (docs/errors/sequence-conflict.md).
fn written(line: &str, statement: &str) -> String {
    const WORDS: [(&str, &str); 8] = [
        ("type=", " AS "),
        ("start=", "START"),
        ("increment=", "INCREMENT"),
        ("min=", "MINVALUE"),
        ("max=", "MAXVALUE"),
        ("cache=", "CACHE"),
        ("cycle=", "CYCLE"),
        ("owner=", "OWNED"),
    ];
    if !line.starts_with("sequence ") {
        return line.to_owned();
    }
    let statement = statement.to_uppercase();
    let is_written = |part: &&str| WORDS.iter().all(|(key, word)| !part.starts_with(key) || statement.contains(word));
    line.split(' ').filter(is_written).collect::<Vec<_>>().join(" ")
}

/// Compares the server and this program over one statement, on a database on which `there` was carried out before.
fn compare(bench: &mut Bench, statement: &str, there: Option<&str>, seen: &mut Seen) -> Result<(), String> {
    bench.base();
    let base = bench.catalog();
    let said = bench.plain(statement);
    let alone = bench.catalog();
    let (added, taken) = effect(&base, &alone);
    bench.base();
    let made = there.map(|there| bench.plain(there));
    let before = bench.catalog();
    bench.write(statement);
    let plan = bench.migrator.plan(|_| {});
    let told = ours(&plan);
    let fail = |why: &str, more: String| {
        Err(format!(
            "{why}\nthe statement: {statement}\nwas there: {there:?}\nthe server: {said:?}, {made:?}\nours: {told:?} {:#?}\n{more}",
            plan.diagnostics.iter().map(|found| (&found.what, &found.why)).collect::<Vec<_>>()
        ))
    };
    match told {
        Ours::NotRead => seen.not_read += 1,
        Ours::Open => seen.open += 1,
        Ours::Conflict => seen.conflicts += 1,
        Ours::Satisfied => seen.satisfied += 1,
        Ours::Planned => seen.planned += 1,
    }
    seen.syntax += u64::from(said == Said::Syntax);
    match told {
        Ours::NotRead | Ours::Open => Ok(()),
        Ours::Conflict => {
            if there == Some(statement) && made == Some(Said::Done) && !added.is_empty() {
                return fail("what the server made of these very words is refused", String::new());
            }
            Ok(())
        }
        Ours::Satisfied => {
            if said == Said::Syntax {
                return fail("no SQL, and satisfied", String::new());
            }
            if said == Said::Done {
                let holds: BTreeSet<String> = before.iter().map(|line| written(&nameless(line), statement)).collect();
                let missing: Vec<_> = added.iter().filter(|line| !holds.contains(&written(line, statement))).collect();
                // What changes is there as it is now and gone as it was. What gets another name only is taken and added.
                let left = taken.difference(&added).filter(|line| holds.contains(&written(line, statement)));
                let left: Vec<_> = left.collect();
                if !missing.is_empty() || !left.is_empty() {
                    return fail("satisfied, and not there", format!("missing {missing:#?}\nleft {left:#?}"));
                }
            }
            Ok(())
        }
        Ours::Planned => {
            if there == Some(statement) && made == Some(Said::Done) && !added.is_empty() {
                let steps: Vec<_> = plan.scripts.iter().flat_map(|s| &s.steps).map(|s| &s.sql).collect();
                return fail("what the server made of these very words is done again", format!("{steps:#?}"));
            }
            let run = bench.migrator.run(|_| {});
            if run.outcome.is_some() {
                // The server refused what was sent, and that is told.
                return match said {
                    Said::Done if there.is_none() => {
                        fail("the server does it, and our run fails", format!("{:#?}", run.diagnostics))
                    }
                    _ => Ok(()),
                };
            }
            seen.done += 1;
            let after = bench.catalog();
            if said == Said::Syntax {
                return fail(
                    "no SQL, and carried out",
                    format!("{:#?}", after.difference(&before).collect::<Vec<_>>()),
                );
            }
            let again = bench.migrator.plan(|_| {});
            if !matches!(ours(&again), Ours::Satisfied | Ours::Open) {
                let steps: Vec<_> = again.scripts.iter().flat_map(|s| &s.steps).map(|s| &s.sql).collect();
                return fail("done, and not satisfied", format!("{steps:#?} {:#?}", again.diagnostics));
            }
            // IF NOT EXISTS does nothing where we complete what is there.
            if there.is_none() && said == Said::Done && alone != base && after != alone {
                let (more, less): (Vec<_>, Vec<_>) =
                    (after.difference(&alone).collect(), alone.difference(&after).collect());
                return fail("done, and otherwise than the server does it", format!("more {more:#?}\nless {less:#?}"));
            }
            Ok(())
        }
    }
}

#[test]
fn random_statements_are_to_us_what_they_are_to_the_server() {
    let Some(server) = require_server() else { return };
    let wanted = std::env::var("HRMS_TEST_DIFFERENTIAL_CASES").ok().map(|cases| cases.parse::<u64>().unwrap());
    let seed = if wanted.is_some() { fastrand::u64(..) } else { 5 };
    let database = TestDatabase::new("differential").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let mut bench = Bench::new(&database, directory.path());
    let mut grammar = Grammar(Rng::with_seed(seed));
    let mut counts = Seen::default();
    let mut failures = Vec::new();
    for case in 0..wanted.unwrap_or(CASES) {
        let mut statement = grammar.statement();
        let mut other = statement.clone();
        // A third is mutated, a third meets a near miss of itself, and a third of all an empty place.
        if case % 3 == 1 {
            statement = grammar.mutate(&statement);
        }
        if case % 3 == 2 {
            other = if grammar.0.bool() { grammar.mutate(&statement) } else { grammar.statement() };
        }
        let there = (grammar.0.u32(..3) > 0).then_some(other.as_str());
        if let Err(failure) = compare(&mut bench, &statement, there, &mut counts) {
            failures.push(failure);
        }
    }
    let version = server.major_version();
    let told = failures.iter().take(20).cloned().collect::<Vec<_>>().join("\n\n");
    assert!(
        failures.is_empty(),
        "seed {seed}, PostgreSQL {version}, {counts:?}, {} failures\n\n{told}",
        failures.len()
    );
    let Seen { satisfied, done, syntax, .. } = counts;
    assert!(satisfied > 10 && done > 10 && syntax > 5, "{counts:?}");
    println!("{counts:?}");
}
