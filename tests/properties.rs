//! What holds of every script: planning ends and never panics, the end state asks for nothing, statements about different
//! tables do not know of each other, and names and types survive being printed.
//!
//! The same cases run every time. `HRMS_TEST_PROPERTY_CASES` sets how many histories are carried out on a server (8), and
//! `HRMS_TEST_PLAN_CASES` how many plans are compared with their runs (1 000); each makes them other ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test writes its scripts to files and reads its settings")]

#[path = "support/picture.rs"]
mod picture;
mod support;

use std::{cell::RefCell, collections::BTreeMap, fmt::Write as _, fs};

use diesel::{PgConnection, connection::SimpleConnection as _};
use hrms_migrate::{
    Migrator,
    event::Event,
    pg::{Hazard, Ident, TypeName},
    plan::{Answer, Policy},
    sql::{Expr, parse_expression},
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use support::{TestDatabase, cli, require_server};

/// Bytes that a [`History`] is made of; every value means something.
type Choices = Vec<(u8, u8, u8, u8)>;

fn choices(most: usize) -> impl Strategy<Value = Choices> {
    vec(any::<(u8, u8, u8, u8)>(), 1..most)
}

/// A runner whose cases are the same every time, so that a failure is one of the code and not of the day.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// A table as the history has left it.
#[derive(Clone, Debug, Default)]
struct Model {
    /// Columns by name: their type, and whether a plain index or check may be put on them.
    columns: BTreeMap<String, usize>,
    checks: Vec<String>,
    indexes: Vec<String>,
    /// A column was altered. Rows that come later would tell a default that only stood for a while, which is left out, or
    /// hold NULL after a backfill.
    altered: bool,
}

/// Statements that a person could have appended one after another: each is valid SQL after those before it.
#[derive(Debug, Default)]
struct History {
    prefix: String,
    tables: BTreeMap<String, Model>,
    labels: Option<Vec<String>>,
    next: usize,
    statements: Vec<String>,
}

/// Types that a column may have, each with a value; every one converts into those after it.
const TYPES: &[(&str, &str)] = &[
    ("smallint", "1"),
    ("integer", "2"),
    ("bigint", "3"),
    ("numeric(20,2)", "4.25"),
    ("numeric(24,2)", "5.25"),
    ("varchar(60)", "'six'"),
    ("varchar(80)", "'seven'"),
    ("text", "'eight'"),
];

impl History {
    fn new(prefix: &str, choices: &Choices) -> Self {
        let mut history = Self { prefix: prefix.to_owned(), ..Self::default() };
        for choice in choices {
            history.append(*choice);
        }
        history
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{}{kind}{}", self.prefix, self.next)
    }

    fn say(&mut self, statement: String) {
        self.statements.push(statement);
    }

    fn pick<T: Clone>(items: &[T], choice: u8) -> Option<T> {
        (!items.is_empty()).then(|| items[usize::from(choice) % items.len()].clone())
    }

    /// Appends one statement, or two that belong together.
    fn append(&mut self, (what, first, second, third): (u8, u8, u8, u8)) {
        let names: Vec<String> = self.tables.keys().cloned().collect();
        let Some(table) = Self::pick(&names, first).filter(|_| what % 20 != 0 || names.len() >= 3) else {
            self.create_table(second);
            return;
        };
        let model = self.tables[&table].clone();
        let columns: Vec<String> = model.columns.keys().cloned().collect();
        let column = Self::pick(&columns, second);
        match what % 20 {
            0 | 1 => self.add_column(&table, usize::from(second) % TYPES.len(), third),
            2 => {
                // A drop is a drop, but for a table that others are renamed from.
                self.say(format!("DROP TABLE IF EXISTS {table}"));
                self.tables.remove(&table);
            }
            3 => {
                let to = self.fresh("t");
                self.say(format!("ALTER TABLE {table} RENAME TO {to}"));
                self.tables.remove(&table);
                self.tables.insert(to, model);
            }
            4 => self.enum_type(&table, second),
            5 => self.seed(&table, third),
            _ => {
                if let Some(column) = column {
                    self.alter(&table, &column, what, third);
                } else {
                    self.add_column(&table, usize::from(second) % TYPES.len(), third);
                }
            }
        }
    }

    fn create_table(&mut self, choice: u8) {
        let (name, column) = (self.fresh("t"), self.fresh("c"));
        let kind = usize::from(choice) % TYPES.len();
        let (type_name, value) = TYPES[kind];
        let default = if choice > 128 { format!(" DEFAULT {value} NOT NULL") } else { String::new() };
        self.say(format!(
            "CREATE TABLE IF NOT EXISTS {name} (id integer CONSTRAINT {name}_pk PRIMARY KEY, {column} {type_name}{default})"
        ));
        let model = Model { columns: BTreeMap::from([(column, kind)]), ..Model::default() };
        self.tables.insert(name, model);
    }

    fn add_column(&mut self, table: &str, kind: usize, choice: u8) {
        let column = self.fresh("c");
        let (type_name, value) = TYPES[kind];
        let rest = match choice % 4 {
            0 => format!(" DEFAULT {value} NOT NULL"),
            1 => format!(" DEFAULT {value}"),
            _ => String::new(),
        };
        self.say(format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {type_name}{rest}"));
        self.model(table).columns.insert(column, kind);
    }

    fn model(&mut self, table: &str) -> &mut Model {
        self.tables.get_mut(table).expect("the history knows its tables")
    }

    fn enum_type(&mut self, table: &str, choice: u8) {
        let name = format!("{}mood", self.prefix);
        let Some(mut labels) = self.labels.clone() else {
            self.say(format!("CREATE TYPE {name} AS ENUM ('sad', 'ok')"));
            self.labels = Some(vec!["sad".to_owned(), "ok".to_owned()]);
            let column = self.fresh("e");
            self.say(format!("ALTER TABLE {table} ADD COLUMN IF NOT EXISTS {column} {name} DEFAULT 'ok'"));
            return;
        };
        let place = usize::from(choice) % labels.len();
        let label = self.fresh("label");
        if choice.is_multiple_of(2) {
            self.say(format!("ALTER TYPE {name} ADD VALUE IF NOT EXISTS '{label}' BEFORE '{}'", labels[place]));
            labels.insert(place, label);
        } else {
            self.say(format!("ALTER TYPE {name} RENAME VALUE '{}' TO '{label}'", labels[place]));
            labels[place] = label;
        }
        self.labels = Some(labels);
    }

    fn seed(&mut self, table: &str, choice: u8) {
        if self.tables[table].altered {
            return;
        }
        self.say(format!("INSERT INTO {table} (id) VALUES ({}) ON CONFLICT (id) DO NOTHING", choice % 4));
    }

    fn alter(&mut self, table: &str, column: &str, what: u8, choice: u8) {
        let kind = self.tables[table].columns[column];
        let (_, value) = TYPES[kind];
        self.model(table).altered |= (8..=13).contains(&(what % 20));
        match what % 20 {
            6 => {
                self.say(format!("ALTER TABLE {table} DROP COLUMN IF EXISTS {column} CASCADE"));
                let model = self.model(table);
                model.columns.remove(column);
                // What was made of it has gone as well, and nothing speaks of it any more.
                model.checks.retain(|name| !name.ends_with(&format!("_{column}")));
                model.indexes.retain(|name| !name.ends_with(&format!("_{column}")));
            }
            7 => {
                let to = self.fresh("c");
                self.say(format!("ALTER TABLE {table} RENAME COLUMN {column} TO {to}"));
                let model = self.model(table);
                model.columns.remove(column);
                model.columns.insert(to, kind);
                // Their names tell another column now; nothing is done to them any more.
                model.checks.retain(|name| !name.ends_with(&format!("_{column}")));
                model.indexes.retain(|name| !name.ends_with(&format!("_{column}")));
            }
            8 | 9 => {
                let to = kind.max(usize::from(choice) % TYPES.len());
                let of_column = |name: &String| name.ends_with(&format!("_{column}"));
                let model = &self.tables[table];
                if to == kind || model.checks.iter().any(of_column) {
                    return;
                }
                let type_name = TYPES[to].0;
                // A number as default of a text is what PostgreSQL makes of it, and another expression than ours.
                self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT"));
                self.say(format!(
                    "ALTER TABLE {table} ALTER COLUMN {column} TYPE {type_name} USING {column}::{type_name}"
                ));
                self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {}", TYPES[to].1));
                self.model(table).columns.insert(column.to_owned(), to);
            }
            10 => {
                self.say(format!("UPDATE {table} SET {column} = {value} WHERE {column} IS NULL"));
                self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"));
                self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {value}"));
            }
            11 => self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL")),
            12 => self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {value}")),
            13 => {
                self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} DROP NOT NULL"));
                self.say(format!("ALTER TABLE {table} ALTER COLUMN {column} DROP DEFAULT"));
            }
            14 => {
                let name = format!("{}_{column}", self.fresh("k"));
                let not_valid = if choice.is_multiple_of(3) { " NOT VALID" } else { "" };
                // Two checks that say the same are one to us and two to plain SQL.
                let add = format!(
                    "ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({column} IS NOT NULL OR id < 9{})",
                    self.next
                );
                self.say(format!("{add}{not_valid}"));
                if !not_valid.is_empty() && choice.is_multiple_of(2) {
                    self.say(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name}"));
                }
                self.model(table).checks.push(name);
            }
            15 => {
                if let Some(name) = Self::pick(&self.tables[table].checks, choice) {
                    self.say(format!("ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}"));
                    self.model(table).checks.retain(|other| *other != name);
                }
            }
            16 | 17 => {
                let name = format!("{}_{column}", self.fresh("i"));
                let definition = match choice % 5 {
                    0 => format!("({column} DESC)"),
                    1 => format!("(id, {column})"),
                    2 => format!("({column} NULLS FIRST)"),
                    3 => format!("(id) INCLUDE ({column})"),
                    _ => format!("(({column} IS NULL))"),
                };
                let unique = if choice % 5 == 1 { "UNIQUE " } else { "" };
                // Two indexes of one structure are one to us and two to plain SQL.
                let predicate = format!("WHERE id > {}", self.next);
                self.say(format!("CREATE {unique}INDEX IF NOT EXISTS {name} ON {table} {definition} {predicate}"));
                self.model(table).indexes.push(name);
            }
            _ => {
                if let Some(name) = Self::pick(&self.tables[table].indexes, choice) {
                    self.model(table).indexes.retain(|other| *other != name);
                    if choice.is_multiple_of(2) {
                        self.say(format!("DROP INDEX IF EXISTS {name}"));
                    } else {
                        let to = format!("{}_{column}", self.fresh("i"));
                        self.say(format!("ALTER INDEX {name} RENAME TO {to}"));
                    }
                }
            }
        }
    }

    /// The first `count` statements as an ensure script.
    fn script(&self, count: usize) -> String {
        self.statements[..count].iter().fold(
            "-- ensure:allow drop\n-- ensure:allow rewrite\n\n".to_owned(),
            |mut text, statement| {
                writeln!(text, "{statement};").unwrap();
                text
            },
        )
    }
}

#[test]
fn a_history_ends_in_the_same_database_from_wherever_it_is_carried_out_and_then_asks_for_nothing() {
    if require_server().is_none() {
        return;
    }
    let wanted = std::env::var("HRMS_TEST_PROPERTY_CASES").ok().map(|cases| cases.parse::<u32>().unwrap());
    let mut runner = match wanted {
        Some(cases) => {
            TestRunner::new(Config { cases, failure_persistence: None, max_shrink_iters: 60, ..Config::default() })
        }
        None => runner(8),
    };
    runner
        .run(&(choices(28), any::<proptest::sample::Index>()), |(choices, cut)| {
            let history = History::new("h", &choices);
            let all = history.statements.len();
            carry_out(&history, cut.index(all + 1)).map_err(TestCaseError::fail)
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

/// Carries out a history on an empty database, on one that has its first `cut` statements behind it, and as plain SQL.
fn carry_out(history: &History, cut: usize) -> Result<(), String> {
    let directory = tempfile::tempdir().unwrap();
    let write = |count: usize| {
        fs::write(directory.path().join("010_history.sql"), history.script(count)).unwrap();
    };
    let run = |database: &TestDatabase, arguments: &[&str]| {
        let run = cli(arguments).arg("--dir").arg(directory.path()).database(database).run();
        let script = fs::read_to_string(directory.path().join("010_history.sql")).unwrap();
        match run.status {
            0 => Ok(()),
            status => Err(format!("{arguments:?} ended {status}\n{script}\n{}\n{}", run.stdout, run.stderr)),
        }
    };
    let (plain, fresh, grown) = (
        TestDatabase::new("history_plain").unwrap(),
        TestDatabase::new("history_fresh").unwrap(),
        TestDatabase::new("history_grown").unwrap(),
    );
    for statement in &history.statements {
        plain.execute(statement);
    }
    if cut > 0 {
        write(cut);
        run(&grown, &["run"])?;
    }
    write(history.statements.len());
    for (database, which) in [(&fresh, "an empty database"), (&grown, "an older one"), (&plain, "plain SQL's")] {
        run(database, &["run"])?;
        run(database, &["plan", "--exit-code"])?;
        run(database, &["verify"])?;
        let (expected, found) = (plain.catalog("public"), database.catalog("public"));
        if expected != found {
            let script = history.script(history.statements.len());
            return Err(format!("{which}, cut at {cut}:\n{script}\nplain SQL:\n{expected}\nhere:\n{found}"));
        }
    }
    Ok(())
}

/// How many plans are compared with their runs, unless `HRMS_TEST_PLAN_CASES` says otherwise.
const PLANS: u32 = 1_000;

#[test]
fn a_run_does_what_its_plan_said_statement_for_statement() {
    if require_server().is_none() {
        return;
    }
    let wanted = std::env::var("HRMS_TEST_PLAN_CASES").ok().map(|cases| cases.parse::<u32>().unwrap());
    let (cases, workers) = (wanted.unwrap_or(PLANS), 2);
    let counts: Vec<Compared> = std::thread::scope(|scope| {
        let worker = |number: u8| {
            scope.spawn(move || {
                let seed = if wanted.is_some() { fastrand::u8(..) } else { number };
                let config = Config {
                    cases: cases / workers,
                    failure_persistence: None,
                    max_shrink_iters: 60,
                    ..Config::default()
                };
                let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
                let bench = Bench::new(number);
                let strategy = (choices(20), any::<prop::sample::Index>(), any::<u64>());
                TestRunner::new_with_rng(config, rng)
                    .run(&strategy, |(choices, cut, which)| {
                        let history = History::new("h", &choices);
                        let cut = cut.index(history.statements.len() + 1);
                        bench.compare(&history, cut, which).map_err(TestCaseError::fail)
                    })
                    .unwrap_or_else(|error| panic!("{error}"));
                bench.compared.into_inner()
            })
        };
        let workers: Vec<_> = (0..u8::try_from(workers).unwrap()).map(worker).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let sum = |of: fn(&Compared) -> usize| counts.iter().map(of).sum::<usize>();
    let (plans, steps, refused) = (sum(|c| c.plans), sum(|c| c.steps), sum(|c| c.refused));
    assert!(plans >= cases as usize / 2 && steps > plans, "{plans} plans with {steps} steps, {refused} refused");
}

/// How much was compared, so that a generator that makes nothing of interest is noticed.
#[derive(Clone, Copy, Debug, Default)]
struct Compared {
    plans: usize,
    steps: usize,
    refused: usize,
}

/// A database with a schema for each case, which is quicker than a database for each.
struct Bench {
    database: TestDatabase,
    connection: RefCell<PgConnection>,
    directory: tempfile::TempDir,
    compared: RefCell<Compared>,
}

impl Bench {
    fn new(number: u8) -> Self {
        let database = TestDatabase::new(&format!("plan_is_run_{number}")).unwrap();
        let connection = RefCell::new(database.connect());
        Self { database, connection, directory: tempfile::tempdir().unwrap(), compared: RefCell::default() }
    }

    fn execute(&self, sql: &str) -> bool {
        self.connection.borrow_mut().batch_execute(sql).is_ok()
    }

    /// Brings a schema to where the first `cut` statements and some of the later ones lead, plans there, and runs.
    fn compare(&self, history: &History, cut: usize, which: u64) -> Result<(), String> {
        assert!(self.execute("DROP SCHEMA IF EXISTS s CASCADE; CREATE SCHEMA s; SET search_path = s"));
        for (place, statement) in history.statements.iter().enumerate() {
            // What does not fit on what is there is no matter: any state is a state to start from.
            if place < cut || which >> (place % 64) & 3 == 3 {
                self.execute(statement);
            }
        }
        // A seed says nothing but its key, so that a row would be refused where a column wants a value and has no default. No
        // history leads there; some of its statements by themselves do.
        assert!(self.execute(
            "DO $$ DECLARE c record; BEGIN
                FOR c IN SELECT a.attrelid::regclass AS tab, a.attname AS col FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
                          WHERE r.relnamespace = 's'::regnamespace AND r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
                            AND a.attnotnull AND NOT a.atthasdef AND a.attname <> 'id'
                LOOP EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', c.tab, c.col); END LOOP;
             END $$"
        ));
        let script = history.script(history.statements.len());
        fs::write(self.directory.path().join("010_history.sql"), &script).unwrap();
        let migrator = Migrator::new(self.database.url()).unwrap().directory(self.directory.path()).schema("s");

        let plan = migrator.plan(|_| {});
        let planned: Vec<_> =
            plan.scripts.iter().flat_map(|script| &script.steps).map(|step| step.sql.clone()).collect();
        let mut sent = Vec::new();
        let run = migrator.run(|event| {
            if let Event::StepBegins(step) = event {
                sent.push(step.sql.clone());
            }
        });
        let expected = if plan.outcome.is_none() { planned.as_slice() } else { &[] };
        if run.outcome != plan.outcome || sent != expected {
            return Err(format!(
                "{script}\ncut at {cut}, {which}\nplanned ({:?}):\n{}\nsent ({:?}):\n{}\n{:?}",
                plan.outcome,
                expected.join("\n"),
                run.outcome,
                sent.join("\n"),
                run.diagnostics
            ));
        }
        let mut compared = self.compared.borrow_mut();
        match plan.outcome {
            None => compared.plans += 1,
            Some(_) => compared.refused += 1,
        }
        compared.steps += sent.len();
        Ok(())
    }
}

/// Statements in no order that makes sense, about few objects, so that they get into each other's way.
fn nonsense() -> impl Strategy<Value = String> {
    let table = || prop::sample::select(vec!["t", "u", "v", "other.t", "\"T x\""]);
    let column = || prop::sample::select(vec!["a", "b", "c", "id"]);
    let type_name = || {
        prop::sample::select(vec![
            "integer",
            "text",
            "varchar(3)",
            "numeric(4,1)",
            "mood",
            "serial",
            "integer[]",
            "t",
            "timestamptz",
            "other.mood",
        ])
    };
    let tail = || {
        prop::sample::select(vec![
            "",
            " NOT NULL",
            " DEFAULT 1",
            " PRIMARY KEY",
            " UNIQUE",
            " REFERENCES t",
            " CHECK (a > 0)",
            " DEFAULT now()",
            " GENERATED ALWAYS AS IDENTITY",
            " GENERATED ALWAYS AS (a) STORED",
            " COLLATE \"C\"",
        ])
    };
    prop_oneof![
        (table(), column(), type_name(), tail())
            .prop_map(|(t, c, y, e)| format!("CREATE TABLE IF NOT EXISTS {t} ({c} {y}{e}, CONSTRAINT k UNIQUE ({c}))")),
        (table(), column(), type_name(), tail())
            .prop_map(|(t, c, y, e)| format!("ALTER TABLE {t} ADD COLUMN IF NOT EXISTS {c} {y}{e}")),
        (table(), column(), type_name()).prop_map(|(t, c, y)| format!("ALTER TABLE {t} ALTER COLUMN {c} TYPE {y}")),
        (table(), column(), type_name())
            .prop_map(|(t, c, y)| format!("ALTER TABLE {t} ALTER COLUMN {c} TYPE {y} USING upper({c})::{y}")),
        (table(), column())
            .prop_map(|(t, c)| format!("ALTER TABLE {t} ALTER COLUMN {c} SET NOT NULL, ALTER {c} DROP DEFAULT")),
        (table(), column()).prop_map(|(t, c)| format!("ALTER TABLE {t} DROP COLUMN IF EXISTS {c} CASCADE")),
        (table(), column(), column()).prop_map(|(t, a, b)| format!("ALTER TABLE {t} RENAME COLUMN {a} TO {b}")),
        (table(), column()).prop_map(|(t, c)| format!("ALTER TABLE {t} RENAME TO {c}")),
        (table(), column())
            .prop_map(|(t, c)| format!("ALTER TABLE {t} ADD CONSTRAINT {c} FOREIGN KEY ({c}) REFERENCES t (a)")),
        (table(), column()).prop_map(|(t, c)| format!("ALTER TABLE {t} ADD CHECK ({c} > 1) NOT VALID")),
        (table(), column()).prop_map(|(t, c)| format!("ALTER TABLE {t} VALIDATE CONSTRAINT {c}")),
        (table(), column()).prop_map(|(t, c)| format!("ALTER TABLE {t} DROP CONSTRAINT {c}")),
        (table(), column(), column()).prop_map(|(t, a, b)| format!("ALTER TABLE {t} RENAME CONSTRAINT {a} TO {b}")),
        (table(), column(), column()).prop_map(|(t, a, b)| format!("CREATE UNIQUE INDEX {a} ON {t} ({b})")),
        (table(), column(), column()).prop_map(|(t, a, b)| format!("CREATE INDEX ON {t} (lower({a})) WHERE {b} > 1")),
        (table(), column()).prop_map(|(a, b)| format!("ALTER INDEX {a} RENAME TO {b}")),
        table().prop_map(|t| format!("DROP INDEX IF EXISTS {t}")),
        table().prop_map(|t| format!("DROP TABLE IF EXISTS {t}")),
        table().prop_map(|t| format!("DROP VIEW IF EXISTS {t}; DROP SEQUENCE IF EXISTS {t}; DROP TYPE IF EXISTS {t}")),
        table().prop_map(|t| format!("CREATE SEQUENCE IF NOT EXISTS {t} INCREMENT BY -1 MINVALUE -5 CYCLE")),
        type_name().prop_map(|y| format!("CREATE TYPE {y} AS ENUM ('a', 'b')")),
        type_name()
            .prop_map(|y| format!("ALTER TYPE {y} ADD VALUE 'c' BEFORE 'b'; ALTER TYPE {y} RENAME VALUE 'a' TO 'd'")),
        Just("CREATE SCHEMA IF NOT EXISTS other".to_owned()),
        Just("CREATE EXTENSION IF NOT EXISTS citext".to_owned()),
        (table(), column(), column())
            .prop_map(|(t, a, b)| format!("UPDATE {t} SET {a} = 1, {b} = 2 WHERE {a} IS NULL")),
        (table(), column())
            .prop_map(|(t, c)| format!("INSERT INTO {t} ({c}) VALUES (1), (2) ON CONFLICT ({c}) DO NOTHING")),
        table().prop_map(|t| format!("-- ensure:when SELECT true FROM {t}\nDELETE FROM {t}")),
    ]
}

#[test]
fn planning_ends_without_a_panic_whatever_the_scripts_the_database_and_the_answers_are() {
    let answers = vec![
        Answer::Value(None),
        Answer::Value(Some("t".to_owned())),
        Answer::Value(Some("f".to_owned())),
        Answer::Value(Some("9000".to_owned())),
        Answer::Value(Some("[3, \"id 1\"]".to_owned())),
        Answer::Value(Some("[0, null]".to_owned())),
        Answer::Value(Some("[\"view v\"]".to_owned())),
        Answer::Value(Some("\u{1f600}{".to_owned())),
        Answer::Undefined("relation \"x\" does not exist".to_owned()),
        Answer::Failed("division by zero".to_owned()),
        Answer::Unknown("table locked by pid 1".to_owned()),
    ];
    let strategy = (vec(nonsense(), 1..16), vec(nonsense(), 0..6), vec(any::<prop::sample::Index>(), 8), any::<bool>());
    runner(3_000)
        .run(&strategy, |(statements, before, picks, atomic)| {
            let Some(scripts) = picture::goals(&(statements.join(";\n") + ";")) else { return Ok(()) };
            let mut snapshot = picture::empty();
            for (place, statement) in before.iter().enumerate() {
                // Objects of a database that nobody planned; what they are comes from the same words.
                let name = statement.split_whitespace().nth(2).unwrap_or("t").replace('"', "");
                let mut table = picture::table();
                table.pages = if place.is_multiple_of(2) { 1 } else { 100_000 };
                table.owned = !place.is_multiple_of(3);
                for (column, type_name) in
                    [("a", "integer"), ("b", "text"), ("c", "character varying(2)")].iter().take(place + 1)
                {
                    table.columns.push(picture::column(column, type_name));
                }
                let names = ["t", "u", "v", "T x", name.as_str()];
                snapshot.tables.insert(picture::public(names[place % names.len()]), table);
            }
            let mut policy = Policy { atomic, ..Policy::default() };
            if statements.len().is_multiple_of(2) {
                policy.allow.extend([Hazard::Drop, Hazard::Rewrite, Hazard::DataLoss]);
            }
            let mut asked = 0;
            let (plan, rounds) = picture::settle(&scripts, &snapshot, &policy, |_| {
                asked += 1;
                answers[picks[asked % picks.len()].index(answers.len())].clone()
            });
            prop_assert!(rounds <= 2 + 4 * statements.len(), "{} rounds", rounds);
            prop_assert_eq!(plan.statements.len(), scripts.iter().map(|script| script.statements.len()).sum::<usize>());
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn statements_about_different_tables_do_not_know_of_each_other() {
    let no_rows = |sql: &str| match sql {
        sql if sql.contains("json_build_array") => Answer::Value(Some("[0, null]".to_owned())),
        sql if sql.contains("json_agg") => Answer::Value(None),
        sql if sql.contains("pg_relation_size") => Answer::Value(Some("0".to_owned())),
        _ => Answer::Value(Some("f".to_owned())),
    };
    runner(300)
        .run(&(choices(20), choices(20), any::<u64>()), |(ours, theirs, order)| {
            let (ours, theirs) = (History::new("o", &ours), History::new("x", &theirs));
            let both =
                |first: &History, second: &History| [first.statements.clone(), second.statements.clone()].concat();
            let mut mixed = Vec::new();
            let (mut left, mut right) = (ours.statements.iter().peekable(), theirs.statements.iter().peekable());
            let mut bits = order;
            while left.peek().is_some() || right.peek().is_some() {
                let next = if bits & 1 == 0 {
                    left.next().or_else(|| right.next())
                } else {
                    right.next().or_else(|| left.next())
                };
                bits = bits.rotate_right(1);
                mixed.extend(next.cloned());
            }
            let steps = |statements: Vec<String>| {
                let text = format!("-- ensure:allow drop\n-- ensure:allow rewrite\n\n{};", statements.join(";\n"));
                let scripts = picture::goals(&text).expect("a history is a good script");
                let (plan, _) = picture::settle(&scripts, &picture::empty(), &Policy::default(), no_rows);
                let mut steps: Vec<String> = plan.steps().map(|step| format!("{} {:?}", step.sql, step.form)).collect();
                steps.sort();
                (steps, plan.findings.len())
            };
            let expected = steps(both(&ours, &theirs));
            prop_assert_eq!(&steps(both(&theirs, &ours)), &expected);
            prop_assert_eq!(&steps(mixed), &expected);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn the_same_input_gives_the_same_plan() {
    runner(100)
        .run(&choices(30), |choices| {
            let history = History::new("h", &choices);
            let scripts =
                picture::goals(&history.script(history.statements.len())).expect("a history is a good script");
            let answer = |_: &str| Answer::Value(Some("f".to_owned()));
            let first = picture::settle(&scripts, &picture::empty(), &Policy::default(), answer);
            let second = picture::settle(&scripts, &picture::empty(), &Policy::default(), answer);
            prop_assert_eq!(first, second);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_name_that_is_printed_and_read_is_the_same_name() {
    let words =
        prop::sample::select(vec!["user", "select", "order", "Order", "a", "_a", "é", "a b", "a\"b", "1a", "a$", "İ"]);
    let strategy = prop_oneof!["[^\u{0}]{1,20}", words.prop_map(str::to_owned)];
    runner(2_000)
        .run(&strategy, |name| {
            let ident = Ident::new(name.clone());
            let printed = ident.to_string();
            prop_assert_eq!(parse_expression(&printed), Some(Expr::Column(vec![ident.clone()])), "{}", printed);
            prop_assert_eq!(Ident::from_sql(&printed), ident);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_type_that_is_printed_and_read_is_the_same_type() {
    let name = prop::sample::select(vec![
        "int",
        "int8",
        "varchar",
        "character varying",
        "char",
        "bpchar",
        "numeric",
        "decimal",
        "timestamptz",
        "timestamp",
        "time with time zone",
        "interval",
        "bit",
        "varbit",
        "float8",
        "bool",
        "uuid",
        "jsonb",
        "mood",
        "public.mood",
        "\"Mood x\"",
        "\"char\"",
        "text",
        "pg_catalog.int4",
        "double precision",
        "citext",
        "interval day to second",
    ]);
    let modifiers = prop::sample::select(vec!["", "(3)", "(10,2)"]);
    let array = prop::sample::select(vec!["", "[]", "[3][]", " ARRAY"]);
    runner(2_000)
        .run(&(name, modifiers, array), |(name, modifiers, array)| {
            let Ok(read) = TypeName::parse(&format!("{name}{modifiers}{array}")) else { return Ok(()) };
            let printed = read.to_string();
            prop_assert_eq!(TypeName::parse(&printed).ok(), Some(read.clone()), "{}", &printed);
            prop_assert_eq!(TypeName::parse(&printed).unwrap().to_string(), printed);
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}
