//! Every statement of the crash fixture and of the HRMS scripts, step by step: run, taken back by the journal, run again.
//!
//! On an empty database and on one that is lived in. A step is taken back with nothing else changed, or it is refused with what would
//! be lost, and then nothing at all is changed. What the application has written since is never lost in silence.

use std::{collections::BTreeMap, fs, io::Write as _, path::Path};

use hrms_migrate::{
    Migrator,
    config::{Environment, Flags, ReadFailure, Setting, Settings},
    diagnostic::{Code, Severity},
    event::Report,
    journal::Back,
    pg::Hazard,
};

use crate::{
    files, root, statements,
    support::{TestDatabase, say_left_out},
};

/// What the application writes once a statement is carried out, so that taking it back would lose that.
const WRITES: [(&str, &str); 11] = [
    ("ADD COLUMN IF NOT EXISTS phone text", "UPDATE users SET phone = '0' WHERE id = 3"),
    ("ALTER COLUMN full_name TYPE varchar(120)", "UPDATE users SET full_name = repeat('x', 100) WHERE id = 3"),
    ("ALTER COLUMN total_days TYPE numeric(4,1)", "UPDATE leaves SET total_days = 2.5 WHERE id = 3"),
    ("ADD COLUMN IF NOT EXISTS is_active boolean DEFAULT true", "UPDATE holidays SET is_active = false WHERE id = 3"),
    ("CREATE TABLE IF NOT EXISTS role_limits", "INSERT INTO role_limits VALUES ('admin', 3)"),
    ("CREATE TABLE IF NOT EXISTS email_settings", "INSERT INTO email_settings (host) VALUES ('localhost')"),
    ("CREATE TABLE IF NOT EXISTS email_logs", "INSERT INTO email_logs (number) VALUES (7)"),
    ("CREATE TABLE IF NOT EXISTS employee_details", "INSERT INTO employee_details (user_id, salary) VALUES (3, 1)"),
    ("CREATE TABLE IF NOT EXISTS tasks", "INSERT INTO tasks (user_id, name) VALUES (3, 'write')"),
    ("ALTER TABLE by_hand ADD COLUMN", "INSERT INTO by_hand VALUES (1, 'word')"),
    ("CREATE TABLE IF NOT EXISTS marks", "INSERT INTO marks VALUES (7)"),
];

/// The values of each column of each table: how many, and a digest.
type Values = BTreeMap<String, String>;

/// One database, and how its steps were taken back.
struct Walk {
    database: TestDatabase,
    scripts: tempfile::TempDir,
    /// What the application writes: a part of a statement, and what is written after it.
    writes: &'static [(&'static str, &'static str)],
    told: BTreeMap<&'static str, usize>,
    /// What was said not to come back.
    stays: Vec<String>,
    wrong: Vec<String>,
}

impl Walk {
    fn new(name: &str, before: &str, writes: &'static [(&'static str, &'static str)]) -> Option<Self> {
        let database = TestDatabase::new(name)?;
        if !before.is_empty() {
            database.execute(before);
        }
        Some(Self {
            database,
            scripts: tempfile::tempdir().unwrap(),
            writes,
            told: BTreeMap::new(),
            stays: Vec::new(),
            wrong: Vec::new(),
        })
    }

    fn program(&self, allowed: &[Hazard]) -> Migrator {
        let flags = Flags::default().with(Setting::DatabaseUrl, self.database.url());
        let none = |_: &Path| Err(ReadFailure::Missing);
        let settings = Settings::settle(&flags, &Environment::default(), Path::new(""), &none).unwrap();
        let program = Migrator::from_settings(settings).directory(self.scripts.path());
        allowed.iter().copied().fold(program, Migrator::allow)
    }

    fn values(&self) -> Values {
        let tables = self.database.rows(
            "SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') \
             AND NOT relispartition ORDER BY 1",
        );
        let mut values = Values::new();
        for table in tables.into_iter().flatten().flatten() {
            let sql = format!(
                "SELECT key, count(value) || ' ' || md5(string_agg(value, ',' ORDER BY value)) \
                   FROM {table} t, jsonb_each_text(to_jsonb(t)) GROUP BY key"
            );
            for row in self.database.rows(&sql) {
                values.insert(
                    format!("{table}.{}", row[0].clone().unwrap_or_default()),
                    row[1].clone().unwrap_or_default(),
                );
            }
        }
        values
    }

    fn state(&self) -> (String, Values) {
        (self.database.catalog("public"), self.values())
    }

    /// Carries a statement out, takes it back, and carries it out again. `back`: whether it is taken back at all.
    fn step(&mut self, place: &str, statement: &str, back: bool) {
        fs::write(self.scripts.path().join("010_one.sql"), statement).unwrap();
        let before = if back { self.state() } else { Default::default() };
        let run = self.run();
        if run.outcome.is_some() {
            // Some stand together: a column that one adds and the next changes.
            return self.count("not carried out by itself");
        }
        if !back || self.database.value("SELECT to_regclass('hrms_migrate.runs')").is_none() || self.state() == before {
            return self.count("nothing to take back");
        }
        let written = self.writes.iter().find(|(part, _)| statement.contains(part));
        if let Some((_, sql)) = written {
            self.database.execute(sql);
        }
        let after = self.state();
        let refused = self.program(&[]).rollback(&Back::Last(1), |_| {});
        let codes: Vec<Code> =
            refused.diagnostics.iter().filter(|one| one.severity == Severity::Error).map(|one| one.code).collect();
        let lossy = codes.iter().any(|code| matches!(code, Code::WouldLose | Code::NotReturnable));
        if refused.outcome.is_none() {
            self.count(if written.is_some() { "LOST IN SILENCE" } else { "taken back" });
            if written.is_some() {
                self.wrong(place, statement, "what was written since is lost in silence");
            }
            self.compare(place, statement, &before, true);
        } else if lossy {
            self.count("refused with what is lost");
            if self.state() != after {
                self.wrong(place, statement, "a refusal changes something");
            }
            let returns = !codes.contains(&Code::NotReturnable);
            let why = refused.diagnostics.iter().filter(|one| one.code == Code::NotReturnable).flat_map(|one| &one.why);
            self.stays.extend(why.map(|why| format!("{place}: {why}")));
            let allowed = self.program(&[Hazard::DataLoss]).rollback(&Back::Last(1), |_| {});
            if allowed.outcome.is_some() {
                let said: Vec<String> =
                    allowed.diagnostics.iter().map(|one| format!("{}: {:?}", one.what, one.why)).collect();
                self.wrong(place, statement, &format!("allowed, and not taken back: {}", said.join("\n")));
            } else {
                self.compare(place, statement, &before, returns && written.is_none());
            }
        } else {
            let said: Vec<String> =
                refused.diagnostics.iter().map(|one| format!("{}: {:?}", one.what, one.why)).collect();
            self.wrong(place, statement, &format!("cannot be taken back: {}", said.join("\n")));
        }
        let again = self.run();
        if again.outcome.is_some() {
            let said: Vec<String> =
                again.diagnostics.iter().map(|one| format!("{}: {:?}", one.what, one.why)).collect();
            self.wrong(place, statement, &format!("cannot be carried out again: {}", said.join("\n")));
        }
    }

    fn run(&self) -> Report {
        self.program(&Hazard::ALL).run(|_| {})
    }

    /// Compares what is there with what was there before; `values` too.
    fn compare(&mut self, place: &str, statement: &str, before: &(String, Values), values: bool) {
        let now = self.state();
        let lines = |text: &str| text.lines().map(meant).collect::<Vec<_>>();
        let (was, is) = (lines(&before.0), lines(&now.0));
        let mut differs: Vec<String> =
            was.iter().filter(|line| !is.contains(line)).map(|line| format!("- {line}")).collect();
        differs.extend(is.iter().filter(|line| !was.contains(line)).map(|line| format!("+ {line}")));
        // Labels stay, an index of the whole table takes those of its partitions along, and the definition of one on a table that no
        // script names is not known: all of it is said. Diesel's books, begun once, are kept.
        let said = |line: &String| {
            line[2..].starts_with("enum ") && self.stays.iter().any(|stays| stays.contains("labels"))
                || line[2..].starts_with("index ")
                    && self.stays.iter().any(|stays| stays.contains("of partitions") || stays.contains("was not read"))
                || line.contains("__diesel_schema_migrations")
        };
        differs.retain(|line| !said(line));
        if values {
            for (column, digest) in &before.1 {
                if now.1.get(column) != Some(digest) {
                    differs.push(format!("values of {column}: {digest}, then {:?}", now.1.get(column)));
                }
            }
        }
        if !differs.is_empty() {
            self.wrong(place, statement, &differs.join("\n"));
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.told.entry(what).or_default() += 1;
    }

    fn wrong(&mut self, place: &str, statement: &str, what: &str) {
        self.wrong.push(format!("=== {place}\n{}\n--- {what}", statement.trim()));
    }
}

/// Returns a line of the catalog without what says the same in two ways: a constraint whose rows have been checked since, and
/// privileges written out that the owner has of his own.
fn meant(line: &str) -> String {
    let line = line.replace(" NOT VALID validated=f", " validated=t");
    let Some((start, rest)) = line.split_once("acl={") else { return line };
    let Some((list, end)) = rest.split_once('}') else { return line };
    let of_owner = list.split_once('=').zip(list.rsplit_once('/')).is_some_and(|((to, _), (_, by))| to == by);
    if of_owner && !list.contains(',') { format!("{start}acl={end}") } else { line.clone() }
}

/// Walks through all statements of a directory of scripts, and takes back one in so many, beginning with the n-th.
fn walk(name: &str, directory: &str, before: &str, every: usize, writes: &'static [(&'static str, &'static str)]) {
    let Some(mut walk) = Walk::new(name, before, writes) else { return };
    let base = files(&root(directory).join("base")).into_iter().map(|directory| directory.join("up.sql"));
    let scripts = files(&root(directory)).into_iter().filter(|path| path.extension().is_some());
    let mut number = 0;
    for path in base.chain(scripts) {
        let text = fs::read_to_string(&path).unwrap();
        for (place, statement) in statements(&path.display().to_string(), &text) {
            number += 1;
            walk.step(&place, &statement, number % every == 0);
        }
    }
    let _ = writeln!(std::io::stderr(), "{name}: {:?}\n{}", walk.told, walk.stays.join("\n"));
    assert!(walk.wrong.is_empty(), "{}", walk.wrong.join("\n"));
    assert!(walk.told.get("taken back").is_some_and(|count| *count * every > 10), "{:?}", walk.told);
}

/// Whether all steps are asked for.
fn all() -> bool {
    std::env::var("HRMS_TEST_CASE").as_deref() == Ok("_")
}

/// One in so many steps is taken back, unless all are asked for.
fn every(thin: usize) -> usize {
    if all() { 1 } else { thin }
}

fn fixture(path: &str) -> String {
    fs::read_to_string(root("tests/fixtures").join(path)).unwrap()
}

#[test]
fn each_step_of_the_crash_fixture_is_taken_back_or_refused() {
    let before = format!("SET crash.rows = 40;\n{}", fixture("crash/before.sql"));
    walk("steps_crash", "tests/fixtures/crash/ensure", &before, every(3), &WRITES);
    if all() {
        walk("steps_crash_empty", "tests/fixtures/crash/ensure", "", 1, &[]);
    }
}

#[test]
fn the_whole_crash_fixture_is_taken_back_at_once() {
    for before in [String::new(), format!("SET crash.rows = 40;\n{}", fixture("crash/before.sql"))] {
        let Some(mut walk) = Walk::new("steps_whole", &before, &[]) else { return };
        let state = walk.state();
        let directory = root("tests/fixtures/crash/ensure");
        let run = walk.program(&Hazard::ALL).directory(&directory).run(|_| {});
        assert_eq!(run.outcome, None, "{:?}", run.diagnostics);
        let refused = walk.program(&[]).directory(&directory).rollback(&Back::To(0), |_| {});
        assert!(refused.outcome.is_some());
        let back = walk.program(&[Hazard::DataLoss]).directory(&directory).rollback(&Back::To(0), |_| {});
        assert_eq!(back.outcome, None, "{:#?}", back.diagnostics);
        walk.compare("all", "", &state, false);
        // Labels stay, and the partitions have no indexes of their own any more.
        walk.wrong
            .retain(|wrong| !wrong.lines().skip(3).all(|line| line[..].contains("enum ") || line.contains("index ")));
        assert!(walk.wrong.is_empty(), "{}", walk.wrong.join("\n"));
        let again = walk.program(&Hazard::ALL).directory(&directory).run(|_| {});
        assert_eq!(again.outcome, None, "{:#?}", again.diagnostics);
    }
}

#[test]
fn each_step_of_the_hrms_scripts_is_taken_back_or_refused() {
    if !all() {
        return say_left_out("HRMS_TEST_CASE=_ walks through all steps");
    }
    walk("steps_hrms", "ensure", &fixture("enum_first_release.sql"), 1, &[]);
    walk("steps_hrms_empty", "ensure", "", 1, &[]);
}
