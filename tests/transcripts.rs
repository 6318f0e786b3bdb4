//! The command line as it is seen: what is typed, what comes of it, and the exit code, in `tests/transcripts/*.md`. None of it
//! needs a server; what does is in `tests/run`.
//!
//! `TRYCMD=overwrite cargo test --test transcripts` writes them anew; `...` stands for any lines. A new command gets a block in
//! `help.md`. What prints a backslash is in `tests/run/input.rs`: here it would be taken for part of a path.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test reads its transcripts")]

mod support;

use std::{fs, path::Path};

use clap::CommandFactory as _;
use hrms_migrate::{cli::args::CommandLine, config::SETTINGS};
use support::cli;

#[test]
fn what_is_typed_is_answered_as_the_transcripts_say() {
    let transcripts = trycmd::TestCases::new();
    transcripts.case("tests/transcripts/*.md");
    // Settings of whoever runs the tests are no part of it. An empty variable counts as none.
    for setting in SETTINGS {
        transcripts.env(setting.variable, "");
    }
    for variable in ["DATABASE_URL", "PGHOST", "PGHOSTADDR", "PGSERVICE", "NO_COLOR", "CLICOLOR_FORCE"] {
        transcripts.env(variable, "");
    }
    transcripts.env("COLUMNS", "100");
    if cfg!(feature = "embedded") {
        // There a run without a database has one: tests/engine.rs.
        transcripts.skip("tests/transcripts/no_database.md");
    }
}

#[test]
fn every_command_has_its_help_in_the_transcripts() {
    let transcript = fs::read_to_string(transcripts().join("help.md")).unwrap();
    for command in CommandLine::command().get_subcommands() {
        let line = format!("$ hrms-migrate help {}\n", command.get_name());
        assert!(transcript.contains(&line), "no `{}` in tests/transcripts/help.md", line.trim_end());
    }
}

#[test]
fn a_run_says_what_check_says_and_does_not_connect() {
    let directories = fs::read_dir(transcripts().join("scripts.in")).unwrap();
    let mut refused = 0;
    for directory in directories.map(|entry| entry.unwrap().path()) {
        let program = |command| {
            cli(&[command, "--dir"]).arg(directory.file_name().unwrap()).current_dir(directory.parent().unwrap())
        };
        let check = program("check").run();
        if check.status == 0 {
            continue;
        }
        refused += 1;
        let run = program("run").env("DATABASE_URL", "postgresql://nowhere.invalid/x").run().expect(check.status);
        assert_eq!(run.stderr, check.stderr, "{}", directory.display());
    }
    assert!(refused > 10);
}

fn transcripts() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}
