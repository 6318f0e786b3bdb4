//! Input beyond the usual, and disks that are full: each with a clear error, and the next run finishes the work. What is
//! wrong with the text of scripts is in `tests/transcripts/scripts.md`.

use std::{fmt::Write as _, process::Command, time::Duration};

use crate::{
    support::{TestDatabase, execute, say_not_run, start_cluster},
    tools::{Scripts, assert_says},
};

#[test]
fn a_nul_byte_and_a_command_of_psql_are_shown_at_their_place() {
    for (script, words) in [
        (&b"CREATE TABLE t (id integer);\n\x00\n"[..], ["error[nul-byte]", "010_test.sql:2:1", r"\u{0}"]),
        (b"\\i other.sql\n", ["error[psql-command]", "010_test.sql:1:1", r"`\i`"]),
    ] {
        let run = Scripts::one(script).command(&["check"]).run().expect(65);
        assert_says(&run.stderr, &words);
    }
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let Some(database) = TestDatabase::new("bom") else { return };
    let scripts = Scripts::one("\u{feff}CREATE TABLE t (id integer);\r\nCREATE INDEX t_id\r\n  ON t (id);\r\n");
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_directory_under_the_name_of_a_script_is_told() {
    let scripts = Scripts::none();
    std::fs::create_dir(scripts.path().join("010_directory.sql")).unwrap();
    let run = scripts.command(&["check"]).run().expect(66);
    assert_says(&run.stderr, &["error[file-unreadable]", "010_directory.sql"]);
}

#[test]
fn an_empty_script_is_no_error() {
    let Some(database) = TestDatabase::new("empty_script") else { return };
    let scripts =
        Scripts::one("").and("020_comment.sql", "-- nothing yet\n").and("030_t.sql", "CREATE TABLE t (id integer);");
    scripts.run(&database).expect(0);
    scripts.assert_nothing_left(&database);
}

#[test]
fn a_script_of_50_megabytes_is_checked() {
    let mut script = String::with_capacity(52 << 20);
    let mut n = 0;
    while script.len() < 50 << 20 {
        let filling = "x".repeat(400);
        writeln!(script, "CREATE TABLE t{n} (id integer PRIMARY KEY, name text NOT NULL); -- {filling}\nALTER TABLE t{n} ADD COLUMN n numeric(4,1);").unwrap();
        n += 1;
    }
    let scripts = Scripts::one(&script);
    scripts.command(&["check"]).time_out(Duration::from_mins(5)).run().expect(0);
}

#[test]
fn a_script_beyond_the_limit_is_refused() {
    // Sparse: 2 GiB of nothing take no room.
    let scripts = Scripts::none();
    let file = std::fs::File::create(scripts.path().join("010_huge.sql")).unwrap();
    file.set_len(2 << 30).unwrap();
    let run = scripts.command(&["check"]).time_out(Duration::from_mins(5)).run().expect(65);
    assert_says(&run.stderr, &["error[", "010_huge.sql"]);
}

#[test]
fn statements_nested_without_end_are_refused() {
    let deep = format!("CREATE TABLE t (id integer DEFAULT {}1{});\n", "(".repeat(100_000), ")".repeat(100_000));
    let run = Scripts::one(deep).command(&["check"]).run().expect(65);
    assert_says(&run.stderr, &["error[nested-too-deeply]", "010_test.sql:1:"]);
}

#[test]
fn a_full_disk_is_named_and_the_next_run_finishes() {
    let Some(cluster) = start_cluster(|options| options) else {
        return say_not_run("no server binaries");
    };
    // Beside the socket: the server's user can reach it.
    let mount = cluster.socket_directory().parent().unwrap().join("full");
    std::fs::create_dir(&mount).unwrap();
    let owner = Command::new("chown").arg("--reference").arg(cluster.socket_directory()).arg(&mount).status();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
        .arg(&mount)
        .stderr(std::process::Stdio::null())
        .status();
    if !mounted.is_ok_and(|status| status.success()) {
        return say_not_run("a small file system cannot be mounted");
    }
    let _mounted = Mounted(mount.clone());
    drop(owner);
    Command::new("chown").arg("--reference").arg(cluster.socket_directory()).arg(&mount).status().unwrap();
    Command::new("chmod").arg("700").arg(&mount).status().unwrap();
    let url = cluster.url("small");
    execute(&cluster.url("postgres"), &format!("CREATE TABLESPACE full_disk LOCATION '{}'", mount.display()));
    execute(&cluster.url("postgres"), "CREATE DATABASE small");
    execute(
        &url,
        "CREATE TABLE filling (word text) TABLESPACE full_disk;
         INSERT INTO filling SELECT repeat('x', 1000) FROM generate_series(1, 9000);
         CREATE TABLE large (id integer, word text) TABLESPACE full_disk;
         INSERT INTO large SELECT n, repeat('y', 100) FROM generate_series(1, 60000) n; ANALYZE large;
         ALTER DATABASE small SET default_tablespace = full_disk;",
    );
    let scripts = Scripts::one("CREATE TABLE first (id integer);\nCREATE INDEX large_word ON large (word, id);\n");
    let run = scripts.command(&["run"]).env("DATABASE_URL", &url).run();
    assert_eq!(run.status, 1, "{}\n{}", run.stdout, run.stderr);
    assert_says(&run.stderr, &["error[disk-full]", "large_word", "make room", "done so far"]);
    let invalid = crate::support::rows(&url, "SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid");
    assert!(invalid.is_empty(), "{invalid:?}");
    execute(&url, "DROP TABLE filling");
    scripts.command(&["run"]).env("DATABASE_URL", &url).run().expect(0);
    scripts.command(&["plan", "--exit-code"]).env("DATABASE_URL", &url).run().expect(0);
    execute(&cluster.url("postgres"), "DROP DATABASE small");
    execute(&cluster.url("postgres"), "DROP TABLESPACE full_disk");
}

/// A mounted file system; taken down when dropped.
struct Mounted(std::path::PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: after a failure the server may still have files open there.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
