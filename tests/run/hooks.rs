//! `--before-run`, `--after-run` and `--on-failure`.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    backup::{is_alive, wait_for_file},
    support::{CliBuilder, TestDatabase, cli},
    tools::{Scripts, assert_says},
};

const SCRIPT: &str = "CREATE TABLE made (id integer);\n";
const BROKEN: &str = "CREATE TABLE made (id integer DEFAULT nosuch(1));\n";

/// Where commands write what they were told.
struct Told(tempfile::TempDir);

impl Told {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Lets a run tell all three commands.
    fn by(&self, run: CliBuilder) -> CliBuilder {
        let file = self.0.path().join("told").display().to_string();
        let command = format!("{{ env | grep ^HRMS_MIGRATE_HOOK; echo .; }} >> '{file}'");
        ["--before-run", "--after-run", "--on-failure"].iter().fold(run, |run, flag| run.arg(*flag).arg(&command))
    }

    /// Returns what was told, one command after the other, each sorted.
    fn take(&self) -> Vec<Vec<String>> {
        let file = self.0.path().join("told");
        let text = fs::read_to_string(&file).unwrap_or_default();
        let _ = fs::remove_file(&file);
        let one = |text: &str| {
            let mut lines: Vec<String> = text.lines().map(|line| line.replace("HRMS_MIGRATE_HOOK", "")).collect();
            lines.sort();
            lines
        };
        text.split_terminator(".\n").map(one).collect()
    }
}

fn value<'a>(told: &'a [String], name: &str) -> Option<&'a str> {
    told.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

fn hooks(told: &[Vec<String>]) -> Vec<&str> {
    told.iter().filter_map(|one| value(one, "")).collect()
}

#[test]
fn commands_run_around_a_run_that_changes_something_and_are_told_what_happens() {
    let Some(database) = TestDatabase::new("hooks") else { return };
    let (scripts, told, out) = (Scripts::one(SCRIPT), Told::new(), tempfile::tempdir().unwrap());
    let report = out.path().join("r.json");
    told.by(scripts.on(&database)).arg(format!("--report=json={}", report.display())).run().expect(0);
    let all = told.take();
    assert_eq!(hooks(&all), ["before-run", "after-run"]);
    let [before, after] = all.as_slice() else { panic!("{all:?}") };
    for one in [before, after] {
        assert_eq!(value(one, "_COMMAND"), Some("run"));
        assert_eq!(value(one, "_DATABASE"), Some(database.name()));
        assert_eq!(value(one, "_CHANGES"), Some("1"));
        assert_eq!(value(one, "_SCRIPTS"), Some("010"));
        assert_eq!(value(one, "_SCHEMA"), Some("public"));
    }
    for name in ["_OUTCOME", "_EXIT_CODE", "_RUN", "_REPORT_JSON", "_ERROR"] {
        assert_eq!(value(before, name), None, "{name}");
    }
    assert_eq!((value(after, "_OUTCOME"), value(after, "_EXIT_CODE")), (Some("done"), Some("0")));
    assert_eq!(value(after, "_RUN"), database.value("SELECT max(id) FROM hrms_migrate.runs").as_deref());
    assert_eq!(value(after, "_REPORT_JSON"), report.to_str());
    let written: Value = serde_json::from_str(&fs::read_to_string(&report).unwrap()).unwrap();
    assert_eq!(written["hooks"].as_array().map(Vec::len), Some(2), "{written:#}");

    // With nothing to do there is nothing to run.
    let run = told.by(scripts.on(&database)).run().expect(0);
    assert!(told.take().is_empty() && !run.stdout.contains("hooks  "), "{}", run.stdout);
}

#[test]
fn the_report_is_written_before_a_command_reads_it() {
    let Some(database) = TestDatabase::new("hooks_report") else { return };
    let out = tempfile::tempdir().unwrap();
    let (report, copy) = (out.path().join("r.json"), out.path().join("copy.json"));
    let command = format!("cp \"$HRMS_MIGRATE_HOOK_REPORT_JSON\" '{}'", copy.display());
    let scripts = Scripts::one(BROKEN);
    let run = scripts.on(&database).arg(format!("--report=json={}", report.display()));
    run.arg("--on-failure").arg(command).run().expect(1);
    let read = |file: &Path| serde_json::from_str::<Value>(&fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!((&read(&copy)["exit_code"], &read(&copy)["hooks"]), (&1.into(), &Value::Array(Vec::new())));
    assert_eq!(read(&report)["hooks"][0]["name"], "on-failure");
}

#[test]
fn what_before_run_stops_is_started_again_however_a_run_ends() {
    let Some(database) = TestDatabase::new("hooks_failure") else { return };
    let (scripts, told) = (Scripts::one(BROKEN), Told::new());
    told.by(scripts.on(&database)).run().expect(1);
    let all = told.take();
    assert_eq!(hooks(&all), ["before-run", "after-run", "on-failure"]);
    for one in &all[1..] {
        assert_eq!((value(one, "_OUTCOME"), value(one, "_EXIT_CODE")), (Some("statement-failed"), Some("1")));
        assert_eq!(value(one, "_CHANGES"), Some("0"));
        assert!(value(one, "_ERROR").is_some_and(|error| error.contains("nosuch")), "{one:?}");
    }
    // Before its own command a run was refused, or could not even read its scripts or connect.
    database.execute("CREATE VIEW made AS SELECT 1");
    told.by(scripts.on(&database)).run().expect(4);
    assert_eq!(hooks(&told.take()), ["on-failure"]);
    scripts.write("010_test.sql", "CREATE TABEL made (id integer);");
    told.by(scripts.on(&database)).run().expect(65);
    assert_eq!(hooks(&told.take()), ["on-failure"]);
    scripts.write("010_test.sql", SCRIPT);
    told.by(scripts.command(&["run"])).env("DATABASE_URL", "host=/nowhere dbname=x").run().expect(6);
    let all = told.take();
    assert_eq!(hooks(&all), ["on-failure"]);
    assert_eq!((value(&all[0], "_DATABASE"), value(&all[0], "_EXIT_CODE")), (None, Some("6")));
}

#[test]
fn a_before_run_that_fails_stops_the_run_before_the_first_change() {
    let Some(database) = TestDatabase::new("hooks_before") else { return };
    let scripts = Scripts::one(SCRIPT);
    let after = "--after-run=echo after $HRMS_MIGRATE_HOOK_OUTCOME";
    for (command, words, options) in [
        ("echo on stdout; echo on stderr >&2; exit 3", "ended with 3", &[][..]),
        ("kill -s KILL $$", "was ended by a signal", &[]),
        ("sleep 1000", "took longer than 0.3 s", &["--hook-timeout=300ms"]),
    ] {
        let run = options.iter().fold(scripts.on(&database), |run, option| run.arg(*option));
        let run = run.arg(format!("--before-run={command}")).arg(after).run().expect(4);
        assert_says(&run.stderr, &["error[hook-failed]", words, "nothing was changed", "after hook-failed\n"]);
        assert_eq!(run.stderr.contains("on stdout\n") && run.stderr.contains("on stderr\n"), words.ends_with('3'));
        assert!(!run.stdout.contains("on stdout"), "{}", run.stdout);
        assert_eq!(database.value("SELECT to_regclass('made')"), None);
        assert_eq!(database.value("SELECT to_regnamespace('hrms_migrate')"), None);
    }
}

#[test]
fn a_command_after_the_run_that_fails_is_a_warning() {
    let Some(database) = TestDatabase::new("hooks_after") else { return };
    let scripts = Scripts::one(SCRIPT);
    let run = scripts.on(&database).arg("--after-run=exit 9").run().expect(0);
    assert_says(&run.stderr, &["warning[hook-failed]", "`--after-run` ended with 9"]);
    assert_says(&run.stdout, &["hooks   after-run ended with 9"]);
    scripts.write("020_more.sql", BROKEN.replace("made", "more"));
    let run = scripts.on(&database).arg("--on-failure=exit 9").run().expect(1);
    assert_says(&run.stderr, &["warning[hook-failed]", "`--on-failure` ended with 9"]);
}

#[test]
fn a_plan_runs_nothing_and_a_rollback_runs_all() {
    let Some(database) = TestDatabase::new("hooks_commands") else { return };
    let (scripts, told) = (Scripts::one(SCRIPT), Told::new());
    told.by(scripts.command(&["plan"]).database(&database)).run().expect(0);
    told.by(scripts.command(&["verify"]).database(&database)).run().expect(3);
    assert!(told.take().is_empty());
    scripts.run(&database).expect(0);
    told.by(cli(&["rollback"]).database(&database)).run().expect(0);
    let all = told.take();
    assert_eq!(hooks(&all), ["before-run", "after-run"]);
    assert!(all.iter().all(|one| value(one, "_COMMAND") == Some("rollback")), "{all:?}");
}

#[test]
fn a_signal_ends_a_command_and_the_run_is_told_of_all_the_same() {
    let Some(database) = TestDatabase::new("hooks_signal") else { return };
    let (scripts, out) = (Scripts::one(SCRIPT), tempfile::tempdir().unwrap());
    let file = |name: &str| out.path().join(name);
    let sleep = |name: &str| format!("sleep 1000 & echo $! > '{}'; wait", file(name).display());
    let run = scripts.on(&database).arg("--before-run").arg(sleep("before")).arg("--after-run").arg(sleep("after"));
    let run = run.arg(format!("--on-failure=echo $HRMS_MIGRATE_HOOK_EXIT_CODE > '{}'", file("failed").display()));
    let run = run.spawn();
    let before = wait_for_file(&file("before"));
    run.signal("TERM");
    let after = wait_for_file(&file("after"));
    assert!(!is_alive(&before), "the command goes on");
    run.signal("INT");
    let run = run.wait().expect(143);
    assert!(!is_alive(&after), "the command goes on");
    assert_eq!(wait_for_file(&file("failed")), "143");
    assert_says(&run.stderr, &["interrupted", "warning[hook-failed]", "`--after-run` was ended"]);
    assert_eq!(database.value("SELECT to_regclass('made')"), None);
}

#[test]
fn what_others_do_while_a_command_runs_is_seen_before_the_first_change() {
    let Some(database) = TestDatabase::new("hooks_meanwhile") else { return };
    let scripts = Scripts::one(SCRIPT);
    let out = tempfile::tempdir().unwrap();
    let (begun, go) = (out.path().join("begun"), out.path().join("go"));
    let command = format!("echo x > '{}'; while [ ! -e '{}' ]; do sleep 0.05; done", begun.display(), go.display());
    let run = scripts.on(&database).arg("--before-run").arg(command).spawn();
    wait_for_file(&begun);
    // Nothing of ours is open meanwhile.
    let open = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start IS NOT NULL \
                AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    assert_eq!(database.value(open).as_deref(), Some("0"));
    database.execute("CREATE VIEW made AS SELECT 1");
    fs::write(&go, "").unwrap();
    let run = run.wait().expect(4);
    assert_says(&run.stderr, &["error[kind-conflict]"]);
}

#[test]
fn a_command_is_told_no_password_and_its_own_run_has_no_commands() {
    let Some(database) = TestDatabase::new("hooks_nested") else { return };
    let (scripts, out) = (Scripts::one(SCRIPT), tempfile::tempdir().unwrap());
    let (told, tries) = (out.path().join("env"), out.path().join("tries"));
    let separator = if database.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}password=geheim", database.url());
    fs::write(out.path().join(".env"), format!("DATABASE_URL='{url}'\n")).unwrap();
    let run = scripts.command(&["run"]).current_dir(out.path());
    run.arg(format!("--after-run=env > '{}'", told.display())).run().expect(0);
    let told = fs::read_to_string(&told).unwrap();
    assert!(told.contains("HRMS_MIGRATE_HOOK_DATABASE=") && !told.contains("geheim"), "{told}");

    // It would be without end otherwise.
    scripts.write("020_more.sql", BROKEN.replace("made", "more"));
    let again = format!(
        "echo x >> '{}'; '{}' run --dir '{}' -v",
        tries.display(),
        env!("CARGO_BIN_EXE_hrms-migrate"),
        scripts.path().display()
    );
    let run = scripts.command(&["run"]).current_dir(out.path()).env("HRMS_MIGRATE_ON_FAILURE", again).run().expect(1);
    assert_eq!(fs::read_to_string(&tries).unwrap(), "x\n");
    assert_says(&run.stderr, &["`--on-failure` ended with 1"]);
    assert!(!run.stderr.contains("is no setting"), "{}", run.stderr);
}
