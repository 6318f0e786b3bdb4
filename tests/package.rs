//! What a package installs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::disallowed_methods, reason = "a test reads what was installed")]

mod support;

use std::{path::Path, process::Command};

use support::say_left_out;

const FILES: [&str; 7] = [
    "bin/hrms-migrate",
    "share/man/man1/hrms-migrate.1",
    "share/man/man1/hrms-migrate-run.1",
    "share/bash-completion/completions/hrms-migrate",
    "share/zsh/site-functions/_hrms-migrate",
    "share/fish/vendor_completions.d/hrms-migrate.fish",
    "share/doc/hrms-migrate/LICENSE-MIT",
];

fn package(target: &Path, program: &str) -> (bool, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/package");
    let run = Command::new(script).arg(target).arg(program).output().unwrap();
    (run.status.success(), String::from_utf8_lossy(&run.stderr).into_owned())
}

#[test]
fn a_package_holds_the_program_its_manual_and_its_completions() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("usr");
    assert_eq!(package(&place, env!("CARGO_BIN_EXE_hrms-migrate")), (true, String::new()));
    for file in FILES {
        let size = std::fs::metadata(place.join(file)).map(|file| file.len());
        assert!(size.as_ref().is_ok_and(|size| *size > 500), "{file}: {size:?}");
    }
    let bash = std::fs::read_to_string(place.join(FILES[3])).unwrap();
    assert!(bash.contains("complete -F _hrms__migrate"), "{bash:.200}");
    let version = Command::new(place.join(FILES[0])).arg("--version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&version.stdout).trim(), concat!("hrms-migrate ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_debian_package_holds_the_same() {
    let Ok(dpkg) = Command::new("dpkg-deb").arg("--version").output() else {
        say_left_out("dpkg-deb is not there");
        return;
    };
    assert!(dpkg.status.success());
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hrms-migrate.deb");
    assert_eq!(package(&file, env!("CARGO_BIN_EXE_hrms-migrate")), (true, String::new()));
    let list = Command::new("dpkg-deb").arg("--contents").arg(&file).output().unwrap();
    let list = String::from_utf8_lossy(&list.stdout);
    for file in FILES {
        assert!(list.lines().any(|line| line.ends_with(&format!("./usr/{file}"))), "{file} is not in\n{list}");
    }
    let field = Command::new("dpkg-deb").arg("--field").arg(&file).arg("Version").output().unwrap();
    assert_eq!(String::from_utf8_lossy(&field.stdout).trim(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let (done, said) = package(&directory.path().join("usr"), "/nowhere/hrms-migrate");
    assert!(!done);
    assert!(said.starts_with("no program at /nowhere/hrms-migrate: run `cargo build --release --locked`"), "{said}");
    assert!(!directory.path().join("usr").exists());
}
