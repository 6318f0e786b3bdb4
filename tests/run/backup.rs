//! `--backup`: `pg_dump` before the first change.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use hrms_migrate::{engine::cluster::directories, process::find_tools};
use serde_json::Value;

use crate::{
    support::{TestDatabase, say_left_out},
    tools::{PATIENCE, Scripts, assert_says},
};

const SCRIPT: &str = "CREATE TABLE made (id integer);\n";

/// Returns a database with a row, and whether a `pg_dump` is there that reads it; `None`, said loudly, where not.
fn database(test: &str) -> Option<TestDatabase> {
    let database = TestDatabase::new(test)?;
    database.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('before')");
    if find_tools(None, directories(), database.server().major_version()).is_err() {
        say_left_out("no pg_dump for this server");
        return None;
    }
    Some(database)
}

/// A `pg_dump` that does as it is told, and a `pg_restore` beside it.
fn pretend(directory: &Path, version: u32, dump: &str, restore: &str) -> PathBuf {
    let write = |name: &str, script: &str| {
        let file = directory.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        file
    };
    write("pg_restore", restore);
    // The last argument but one names the file.
    let file = r#"for word in "$@"; do case "$word" in --file=*) file="${word#--file=}";; esac; done"#;
    let version = format!("if [ \"$1\" = --version ]; then echo 'pg_dump (PostgreSQL) {version}.1'; exit; fi");
    write("pg_dump", &format!("{version}\n{file}\n{dump}"))
}

fn names(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn is_unchanged(database: &TestDatabase) -> bool {
    let nothing = "SELECT to_regclass('made') IS NULL AND to_regnamespace('hrms_migrate') IS NULL";
    database.value(nothing).as_deref() == Some("true")
}

#[test]
fn a_backup_is_made_before_the_first_change_and_never_without_one() {
    let Some(database) = database("backup") else { return };
    let scripts = Scripts::one(SCRIPT);
    let directory = tempfile::tempdir().unwrap();
    let plan = scripts.command(&["plan"]).arg("--backup").arg(directory.path()).database(&database).run().expect(0);
    assert_says(&plan.stdout, &["backup  a run would make one first: ", &format!("{}-TIME.dump", database.name())]);
    assert!(names(directory.path()).is_empty());

    let run = scripts.on(&database).arg("--format=json").arg("--backup").arg(directory.path()).run().expect(0);
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    let made = names(directory.path());
    let [name] = made.as_slice() else { panic!("{made:?}") };
    assert!(name.starts_with(database.name()) && name.ends_with("Z.dump"), "{name}");
    let file = directory.path().join(name);
    assert_eq!(report["backup"]["file"].as_str(), file.to_str());
    let metadata = fs::metadata(&file).unwrap();
    assert_eq!(report["backup"]["bytes"].as_u64(), Some(metadata.len()));
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777, 0o600);

    let history = scripts.command(&["history"]).database(&database).run().expect(0);
    assert_says(&history.stdout, &["backup before it: ", name]);

    // It has what was there before, and only that.
    let restored = TestDatabase::new("restored").unwrap();
    let restore = Command::new("pg_restore").args(["--exit-on-error", "-d", restored.url()]).arg(&file).output();
    let restore = restore.unwrap();
    assert!(restore.status.success(), "{}", String::from_utf8_lossy(&restore.stderr));
    assert_eq!(restored.value("SELECT word FROM kept").as_deref(), Some("before"));
    assert!(is_unchanged(&restored));

    // With nothing to do, none is made.
    let run = scripts.on(&database).arg("--backup").arg(directory.path()).run().expect(0);
    assert!(!run.stdout.contains("backup  "), "{}", run.stdout);
    let plan = scripts.command(&["plan"]).arg("--backup").arg(directory.path()).database(&database).run().expect(0);
    assert!(!plan.stdout.contains("backup  "), "{}", plan.stdout);
    assert_eq!(names(directory.path()).len(), 1);
}

#[test]
fn a_backup_overwrites_nothing_and_needs_its_directory() {
    let Some(database) = database("backup_exists") else { return };
    let scripts = Scripts::one(SCRIPT);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("old.dump");
    fs::write(&file, "precious").unwrap();
    for (place, words) in
        [("old.dump", "is there already"), ("missing/x.dump", "cannot be written"), ("new/", "cannot")]
    {
        let run = scripts.on(&database).arg("--backup").arg(directory.path().join(place)).run().expect(4);
        assert_says(&run.stderr, &["error[backup-failed]", words, "nothing was changed"]);
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(names(directory.path()), ["old.dump"]);
    assert!(is_unchanged(&database));
    let run = scripts.on(&database).env("HRMS_MIGRATE_BACKUP", directory.path().join("new.dump")).run().expect(0);
    assert_says(&run.stdout, &["backup  ", "new.dump, "]);
    assert_eq!(names(directory.path()), ["new.dump", "old.dump"]);
}

#[test]
fn a_rollback_makes_a_backup_too() {
    let Some(database) = database("backup_rollback") else { return };
    Scripts::one(SCRIPT).run(&database).expect(0);
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("before.dump");
    crate::support::cli(&["rollback"]).arg("--backup").arg(&file).database(&database).run().expect(0);
    assert_eq!(database.value("SELECT to_regclass('made')"), None);
    assert!(fs::metadata(&file).unwrap().len() > 0);
}

#[test]
fn a_pg_dump_that_will_not_do_is_refused_before_anything() {
    let Some(database) = TestDatabase::new("backup_old") else { return };
    let scripts = Scripts::one(SCRIPT);
    let (bin, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let old = pretend(bin.path(), 9, "exit 1", "exit 1");
    let marker = out.path().join("hook-ran");
    for (program, words) in [(old, "is of PostgreSQL 9"), (bin.path().join("none"), "there is no ")] {
        let run = scripts.on(&database).arg("--backup").arg(out.path().join("x.dump")).arg("--pg-dump").arg(program);
        let run = run.arg(format!("--before-run=touch {}", marker.display())).run().expect(4);
        assert_says(&run.stderr, &["error[backup-failed]", words, "nothing was changed"]);
    }
    // What is bound to fail fails before the user's command.
    assert!(names(out.path()).is_empty());
    assert!(is_unchanged(&database));
}

#[test]
fn a_backup_that_fails_leaves_nothing_and_shows_no_password() {
    let Some(database) = TestDatabase::new("backup_fails") else { return };
    let scripts = Scripts::one(SCRIPT);
    let (bin, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let separator = if database.url().contains('?') { '&' } else { '?' };
    let url = format!("{}{separator}password=geheim", database.url());
    let told = bin.path().join("told");
    let tell = format!("echo \"$PGPASSWORD $@\" > {}; echo part > \"$file\"", told.display());
    for (dump, restore, words) in [
        (format!("{tell}; echo \"no way, $PGPASSWORD\" >&2; exit 1"), "exit 1", "it says: no way, ***"),
        (tell.clone(), "echo damaged >&2; exit 1", "it says: damaged"),
        (tell.clone(), "exit 0", "holds nothing"),
        (format!("{tell}; : > \"$file\""), "echo list", "holds nothing"),
        (format!("{tell}; kill -s KILL $$"), "echo list", "pg_dump failed"),
    ] {
        let program = pretend(bin.path(), 99, &dump, restore);
        let run =
            scripts.command(&["run"]).arg("--backup").arg(out.path().join("x.dump")).arg("--pg-dump").arg(program);
        let run = run.env("DATABASE_URL", &url).run().expect(4);
        assert_says(&run.stderr, &["error[backup-failed]", words, "nothing was changed"]);
        let told = fs::read_to_string(&told).unwrap();
        let (password, arguments) = told.split_once(' ').unwrap();
        assert_eq!(password, "geheim");
        assert!(!format!("{arguments}{}{}", run.stdout, run.stderr).contains("geheim"), "{arguments}");
        assert!(names(out.path()).is_empty(), "{:?}", names(out.path()));
        assert!(is_unchanged(&database));
    }
}

#[test]
fn a_file_that_came_meanwhile_is_kept() {
    let Some(database) = TestDatabase::new("backup_raced") else { return };
    let (bin, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let file = out.path().join("x.dump");
    let dump = format!("echo part > \"$file\"; echo precious > {}", file.display());
    let program = pretend(bin.path(), 99, &dump, "echo list");
    let scripts = Scripts::one(SCRIPT);
    let run = scripts.on(&database).arg("--backup").arg(&file).arg("--pg-dump").arg(program);
    assert_says(&run.run().expect(4).stderr, &["error[backup-failed]", "is there already"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious\n");
    assert_eq!(names(out.path()), ["x.dump"]);
    assert!(is_unchanged(&database));
}

#[test]
fn what_ends_a_run_ends_its_backup() {
    let Some(database) = TestDatabase::new("backup_ended") else { return };
    let (bin, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let begun = bin.path().join("begun");
    let dump = format!("echo part > \"$file\"; sleep 1000 & echo $! > {}; wait", begun.display());
    let program = pretend(bin.path(), 99, &dump, "echo list");
    let scripts = Scripts::one(SCRIPT);
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let _ = fs::remove_file(&begun);
        let run = scripts.on(&database).arg("--backup").arg(out.path()).arg("--pg-dump").arg(&program).spawn();
        let sleeper = wait_for_file(&begun);
        run.signal(signal);
        let run = run.wait().expect(code);
        assert_says(&format!("{}{}", run.stdout, run.stderr), &["interrupted", "nothing was changed"]);
        assert!(!is_alive(&sleeper), "pg_dump goes on");
        assert!(names(out.path()).is_empty(), "{:?}", names(out.path()));
        assert!(is_unchanged(&database));
    }
    let run = scripts.on(&database).arg("--backup").arg(out.path()).arg("--pg-dump").arg(&program);
    let run = run.arg("--until=2s").run().expect(8);
    assert_says(&run.stderr, &["error[time-up]", "while a backup was made", "nothing was changed"]);
    assert!(names(out.path()).is_empty() && is_unchanged(&database));
}

/// Waits until a file has a line, and returns it.
pub(crate) fn wait_for_file(file: &Path) -> String {
    let started = Instant::now();
    loop {
        let text = fs::read_to_string(file).unwrap_or_default();
        if text.ends_with('\n') {
            return text.trim().to_owned();
        }
        assert!(started.elapsed() < PATIENCE, "{} did not come", file.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Returns whether a process is there and works; who has ended and was not waited for does not.
pub(crate) fn is_alive(pid: &str) -> bool {
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().unwrap();
    let state = String::from_utf8_lossy(&state.stdout).trim().to_owned();
    !state.is_empty() && !state.starts_with('Z')
}
