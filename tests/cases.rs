//! Cases as folders: a database, the scripts, and the plan that comes of them.
//!
//! `tests/cases/<what_it_shows>/` holds `before.sql` (the database; none for an empty one), the ensure scripts (`ensure.sql`,
//! or several by number), and `plan.txt`: what `plan` prints and what a run changes in the catalog, or how both refuse. After
//! a run the same scripts must ask for nothing, `verify` must agree, and the catalog must be the one that the plain SQL
//! makes: the scripts themselves, or `after.sql` where plain SQL would fail or mean something else. An empty `after.sql`
//! says that the database stays as it is. Where a newer server has more to say, `plan.17.txt` holds from 17 on.
//!
//! A case that has a `plan.json` too is compared with what the same `plan` writes for programs. The first case of each
//! kind of statement, form of a step, state of a statement and shape of a finding has one; in the others it would say nothing
//! new. An empty file asks for one.
//!
//! `HRMS_TEST_CASE=part of a name` picks cases; `HRMS_TEST_UPDATE=1` writes every `plan.txt` and `plan.json` anew.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test reads its cases")]

mod support;

use std::{
    fmt::Write as _,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use support::{Run, TestDatabase, cli, say_not_run, server};

/// Cases that are carried out at once; each waits for a server most of the time.
const AT_ONCE: usize = 3;

#[test]
fn every_case_is_planned_as_written_and_leaves_nothing_to_do() {
    let mut cases = cases();
    assert!(!cases.is_empty(), "no case of that name");
    if server().is_none() {
        // The engine starts anew for every command: it is given one case of each kind.
        let (told, rest): (Vec<_>, Vec<_>) =
            cases.into_iter().partition(|case| cfg!(feature = "embedded") && case.join("plan.json").exists());
        if !rest.is_empty() {
            say_not_run(&format!("{} of {} cases want server binaries", rest.len(), rest.len() + told.len()));
        }
        cases = told;
    }
    if let Some(server) = server() {
        let major = server.major_version();
        cases.retain(|case| since(case) <= major);
    }
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let outcome = catch_unwind(AssertUnwindSafe(|| Case::new(case).check()));
                    let message = match outcome {
                        Ok(Ok(())) => continue,
                        Ok(Err(message)) => message,
                        Err(panic) => panic
                            .downcast_ref::<String>()
                            .cloned()
                            .or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string))
                            .unwrap_or_default(),
                    };
                    let name = case.file_name().unwrap().to_string_lossy().into_owned();
                    failures.lock().unwrap().push((name, message));
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let mut text = String::new();
    for (name, message) in &failures {
        writeln!(text, "\n=== {name}\n{message}").unwrap();
    }
    let names: Vec<_> = failures.iter().map(|(name, _)| name.as_str()).collect();
    assert!(failures.is_empty(), "{text}\n{} of {} cases failed: {}", failures.len(), cases.len(), names.join(", "));
}

/// Returns the oldest version that a case can be made on: `-- Since 15` at the top of its `before.sql`.
fn since(case: &Path) -> u32 {
    let before = fs::read_to_string(case.join("before.sql")).unwrap_or_default();
    let first = before.lines().next().and_then(|line| line.strip_prefix("-- Since "));
    first.map_or(0, |major| major.parse().unwrap())
}

/// Returns the name under which a file of a case holds for the server at hand: `plan.17.txt` for `plan.txt` from 17 on, if it is there.
fn of_version(case: &Path, file: &str) -> String {
    let (name, ending) = file.split_once('.').unwrap();
    // The embedded engine is 17.
    let major = server().map_or(17, support::Server::major_version);
    let named = |major: u32| format!("{name}.{major}.{ending}");
    (13..=major).rev().map(named).find(|file| case.join(file).exists()).unwrap_or_else(|| file.to_owned())
}

/// Returns the folders of all cases that were asked for.
fn cases() -> Vec<PathBuf> {
    let wanted = std::env::var("HRMS_TEST_CASE").unwrap_or_default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut cases: Vec<_> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir() && path.to_string_lossy().contains(&wanted))
        .collect();
    cases.sort();
    cases
}

/// A case at work.
struct Case<'a> {
    path: &'a Path,
    name: String,
    /// The directory to run in. Its folder `ensure` holds the scripts alone, under the names that scripts need.
    directory: tempfile::TempDir,
    /// The scripts as one text, for the comparison with plain SQL.
    sql: String,
}

impl<'a> Case<'a> {
    fn new(path: &'a Path) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let scripts = directory.path().join("ensure");
        fs::create_dir(&scripts).unwrap();
        let mut files: Vec<_> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name == "ensure.sql" || name.starts_with(|char: char| char.is_ascii_digit()))
            .collect();
        files.sort();
        let mut sql = String::new();
        for file in files {
            let text = fs::read_to_string(path.join(&file)).unwrap();
            let numbered = if file == "ensure.sql" { "010_ensure.sql".to_owned() } else { file };
            fs::write(scripts.join(numbered), &text).unwrap();
            sql.push_str(&text);
            sql.push('\n');
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        Self { path, name, directory, sql }
    }

    fn text(&self, file: &str) -> Option<String> {
        fs::read_to_string(self.path.join(file)).ok()
    }

    fn database(&self, suffix: &str) -> TestDatabase {
        let database = TestDatabase::anywhere(&format!("{}{suffix}", self.name)).unwrap();
        if let Some(before) = self.text("before.sql") {
            database.execute(&before);
        }
        database
    }

    fn run(&self, database: &TestDatabase, command: &str) -> Run {
        cli(&[command, "--dir", "ensure"]).current_dir(self.directory.path()).database(database).run()
    }

    /// Plans, and writes the plan for programs beside the scripts.
    fn plan(&self, database: &TestDatabase) -> Run {
        let arguments = ["plan", "--dir", "ensure", "--report", "json=plan.json"];
        cli(&arguments).current_dir(self.directory.path()).database(database).run()
    }

    /// Plans so that anything to do is an exit code of its own.
    fn plan_again(&self, database: &TestDatabase) -> Run {
        let arguments = ["plan", "--exit-code", "--dir", "ensure"];
        cli(&arguments).current_dir(self.directory.path()).database(database).run()
    }

    fn check(&self) -> Result<(), String> {
        let database = self.database("");
        let before = database.catalog("public");
        let planned = self.plan(&database);
        let script = self.sql_script(&database);
        let ran = self.run(&database, "run");
        let after = database.catalog("public");

        let mut text = transcript(&planned);
        if ran.status != planned.status || ran.status != 0 {
            writeln!(text, "run: exit {}", ran.status).unwrap();
        }
        // A run that is refused says besides that nothing was changed.
        let told = diagnostics(&ran.stderr).replace("   = done so far: nothing was changed\n", "");
        if ran.status != 0 && told != diagnostics(&planned.stderr) {
            text.push_str(diagnostics(&ran.stderr));
        }
        text.push_str(&difference(&before, &after));
        self.compare("plan.txt", &normalised(&text))?;
        if self.text("plan.json").is_some() {
            let json = fs::read_to_string(self.directory.path().join("plan.json")).unwrap();
            self.compare("plan.json", &of_any_server(&json))?;
        }

        if ran.status != 0 {
            // Refused before anything was sent, or else told by `plan.txt`.
            if before != after && planned.status != 0 {
                return Err(format!("refused, and yet changed:\n{}", difference(&before, &after)));
            }
            return Ok(());
        }
        let again = self.plan_again(&database);
        if again.status != 0 {
            return Err(format!("after the run there is still something to do:\n{}", transcript(&again)));
        }
        let verified = self.run(&database, "verify");
        if verified.status != 0 {
            return Err(format!("verify disagrees with the run:\n{}", transcript(&verified)));
        }
        self.compare_with_plain_sql(&after)?;
        // psql comes with the server.
        if server().is_none() { Ok(()) } else { self.compare_with_psql(&script, database.name(), &after) }
    }

    /// Returns the plan as a script for psql.
    fn sql_script(&self, database: &TestDatabase) -> String {
        let arguments = ["plan", "--sql", "--dir", "ensure"];
        cli(&arguments).current_dir(self.directory.path()).database(database).run().stdout
    }

    /// Lets psql carry out the script: it must end in the same catalog as the run.
    fn compare_with_psql(&self, script: &str, planned_on: &str, after: &str) -> Result<(), String> {
        let database = self.database("_psql");
        let script = script.replace(planned_on, database.name());
        support::psql(&database, &script).map_err(|error| format!("psql: {error}\n{script}"))?;
        let found = database.catalog("public");
        if found == after {
            return Ok(());
        }
        Err(format!("psql ended otherwise than the run:\n{}\n{script}", difference(after, &found)))
    }

    fn compare(&self, file: &str, text: &str) -> Result<(), String> {
        let path = self.path.join(of_version(self.path, file));
        if std::env::var_os("HRMS_TEST_UPDATE").is_some() {
            fs::write(path, text).unwrap();
            return Ok(());
        }
        let expected = fs::read_to_string(path).unwrap_or_default();
        if expected == text {
            return Ok(());
        }
        Err(format!("{file} says\n{expected}\nbut it is (HRMS_TEST_UPDATE=1 takes this over)\n{text}"))
    }

    fn compare_with_plain_sql(&self, after: &str) -> Result<(), String> {
        let plain = self.database("_plain");
        let sql = self.text("after.sql").unwrap_or_else(|| self.sql.clone());
        // Statement by statement: some cannot stand in a transaction, and a text of several would be one.
        for statement in sql.split(";\n").filter(|statement| !statement.trim().is_empty()) {
            plain.execute(statement);
        }
        let expected = plain.catalog("public");
        if expected == after {
            return Ok(());
        }
        Err(format!("plain SQL makes another catalog (+ is what the run made):\n{}", difference(&expected, after)))
    }
}

/// What was printed, and how it ended.
fn transcript(run: &Run) -> String {
    // The lines that name the server come first.
    let start = run.stdout.find("plan  ").unwrap_or_default();
    let mut text = run.stdout[start..].to_owned();
    text.push_str(diagnostics(&run.stderr));
    writeln!(text, "exit {}", run.status).unwrap();
    text
}

/// What standard error says after the lines that tell of the run's progress.
fn diagnostics(stderr: &str) -> &str {
    let start = if stderr.starts_with("error[") { Some(0) } else { stderr.find("\nerror[").map(|byte| byte + 1) };
    start.map_or("", |start| &stderr[start..])
}

/// The lines that only one of two catalogs has.
fn difference(before: &str, after: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (before.lines().collect(), after.lines().collect());
    let mut lines: Vec<(&str, char)> = Vec::new();
    lines.extend(old.iter().filter(|line| !new.contains(line)).map(|line| (*line, '-')));
    lines.extend(new.iter().filter(|line| !old.contains(line)).map(|line| (*line, '+')));
    lines.sort_unstable();
    lines.iter().fold(String::new(), |mut text, (line, sign)| {
        writeln!(text, "{sign} {line}").unwrap();
        text
    })
}

/// Takes out how long planning took, and what only some servers need.
fn normalised(text: &str) -> String {
    // From 18 on NOT NULL is a constraint with a name, which goes over to a new column.
    let named = |line: &&str| line.contains("RENAME CONSTRAINT") && line.contains("_not_null");
    text.lines().filter(|line| !named(line)).fold(String::new(), |mut text, line| {
        let timed = line.starts_with("plan ") && [" ms", " s", " min"].iter().any(|unit| line.ends_with(unit));
        let line = if timed { line.rsplit_once("   ").map_or(line, |(rest, _)| rest) } else { line };
        text.push_str(line.trim_end());
        text.push('\n');
        text
    })
}

/// Takes out of a plan for programs what another run on another server would say: times, the program's version, the place.
fn of_any_server(json: &str) -> String {
    const DIFFER: [&str; 6] =
        ["\"elapsed_ms\": ", "\"version\": ", "\"database\": ", "\"server\": ", "\"role\": ", "\"embedded\": "];
    json.lines().fold(String::new(), |mut text, line| {
        let (margin, rest) = line.split_at(line.len() - line.trim_start().len());
        let comma = if line.ends_with(',') { "," } else { "" };
        match DIFFER.iter().find(|key| rest.starts_with(**key)) {
            Some(key) => writeln!(text, "{margin}{key}\"…\"{comma}").unwrap(),
            None => writeln!(text, "{line}").unwrap(),
        }
        text
    })
}
